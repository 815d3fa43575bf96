"""Paths: section by section what is refused, what is changed and in which order."""

from __future__ import annotations

import re

import pytest
from gwc.schema.listener import PathOptions
from gwc.schema.normalise.path import escaped_path, normalise_path
from gwc.schema.request import Refusal
from hypothesis import given
from hypothesis import strategies as st

DEFAULT = PathOptions()
ENCODED_SLASH = PathOptions(keep_encoded_slash=True)
REPEATED = PathOptions(keep_repeated_slashes=True)
STRICT = PathOptions(reject_changes=True)
ALL_OPTIONS = [
    PathOptions(encoded, repeated, strict)
    for encoded in (False, True)
    for repeated in (False, True)
    for strict in (False, True)
]

# Pieces from which awkward paths are made; whole random bytes would hardly ever get past the first slash.
PIECES = st.one_of(
    st.sampled_from(
        b"/ / // . .. /. /.. /../ /./ ; a Z ~ - _ %2e %2E %2f %2F %5c %41 %7e %25 %3b %00 %0a %7F %c0 "
        b"%C1 %80 %bf %E0 %9f %a0 %f0 %8f %90 %F8 %fC \" < [ ^ ` { | } \\ % %4 %g1 # ? \xc3 : @ ! $ & ' ( "
        b") * + , = %20 %C3%A9".split()
    ),
    st.binary(min_size=1, max_size=3),
)
PATHS = st.lists(PIECES, max_size=12).map(lambda pieces: b"/" + b"".join(pieces))


def reason(path: bytes, options: PathOptions = DEFAULT) -> str:
    """The reason of the refusal that the path must get."""
    read = normalise_path(path, options)
    assert isinstance(read, Refusal), read
    return read.reason


@pytest.mark.parametrize(
    "path", [b"/", b"/a", b"/a/", b"/v2/users/12/files", b"/a.b;c=1/d,e(f)*!'~", b"/.a/..b/..."]
)
def test_normal_path_stays(path: bytes) -> None:
    """A path in its one form is returned as it is, whatever the options."""
    for options in ALL_OPTIONS:
        assert normalise_path(path, options) == path.decode()


def test_empty_path_is_the_root() -> None:
    """Sentence: the target up to `?`; an empty one is `/` (under `reject-changes` too)."""
    assert normalise_path(b"") == "/"
    assert normalise_path(b"", STRICT) == "/"


@pytest.mark.parametrize("path", [b"a", b"*", b".", b"..", b"%2Fa", b" /a", b"?"])
def test_no_leading_slash(path: bytes) -> None:
    """Sentence: rejected with 400: no leading `/`."""
    assert reason(path) == "target-form"


@pytest.mark.parametrize(
    "path", [b"/%", b"/%4", b"/%g0", b"/%0g", b"/a%/b", b"/%%41", b"/%u0041", b"/% 41", b"/%-1"]
)
def test_bad_escape(path: bytes) -> None:
    """Sentence: rejected: a bad percent escape."""
    assert reason(path) == "path-escape"


@pytest.mark.parametrize("code", [*range(0x20), 0x7F])
def test_control_character(code: int) -> None:
    """Sentence: rejected: a control character or NUL raw or escaped, in either case of the escape."""
    assert reason(b"/a" + bytes([code]) + b"b") == "path-control"
    assert reason(b"/a%%%02Xb" % code) == "path-control"
    assert reason(b"/a%%%02xb" % code) == "path-control"


@pytest.mark.parametrize("byte", [b" ", b"\x80", b"\xa0", b"\xc3", b"\xff"])
def test_space_or_eight_bit(byte: bytes) -> None:
    """Sentence: rejected: a space or a byte above 0x7F raw. Escaped, each may pass."""
    assert reason(b"/a" + byte) == "path-byte"
    assert normalise_path(b"/a%%%02x" % byte[0]) == f"/a%{byte[0]:02X}"


def test_fragment() -> None:
    """Sentence: rejected: `#`. Escaped it may pass."""
    assert reason(b"/a#b") == "path-byte"
    assert normalise_path(b"/a%23b") == "/a%23b"


@pytest.mark.parametrize("spelt", [b"\\", b"%5C", b"%5c"])
def test_backslash(spelt: bytes) -> None:
    """Sentence: rejected: a backslash or `%5C`, whatever the options."""
    for options in ALL_OPTIONS:
        assert reason(b"/a" + spelt + b"b", options) == "path-backslash"


@pytest.mark.parametrize("spelt", [b"%2F", b"%2f"])
def test_encoded_slash(spelt: bytes) -> None:
    """Sentence: rejected: `%2F`."""
    assert reason(b"/a" + spelt + b"b") == "path-encoded-slash"
    assert reason(b"/a" + spelt + b"b", REPEATED) == "path-encoded-slash"


@pytest.mark.parametrize(
    "form",
    b"%C0%AF %c0%80 %C1%BF %E0%80%AF %e0%9f%bf %F0%80%80%AF %F0%8F%BF%BF %F8%80%80%80%AF %F8%87%BF%BF%BF "
    b"%FC%80%80%80%80%AF %FC%83%BF%BF%BF%BF %E0%80".split(),
)
def test_overlong(form: bytes) -> None:
    """Sentence: rejected: an escaped overlong UTF-8 form; its first two bytes are enough to be one."""
    assert reason(b"/a" + form) == "path-overlong"
    assert reason(b"/a" + form, ENCODED_SLASH) == "path-overlong"


@pytest.mark.parametrize(
    "path",
    ["/%C3%A9", "/%E0%A0%80", "/%F0%90%80%80", "/%C0", "/%C0a", "/%FF", "/%80", "/%E0/%80", "/%25C0%80"],
)
def test_other_bytes_are_not_overlong(path: str) -> None:
    """Shortest forms, and bytes that are not UTF-8 at all, are opaque and pass."""
    assert normalise_path(path.encode()) == path


@pytest.mark.parametrize(
    "path", [b"/.;", b"/..;", b"/a/..;/b", b"/a/.;x/b", b"/%2e%2e;a", b"/.%2E;", b"/a/.;/../b"]
)
def test_dot_segment_with_parameters(path: bytes) -> None:
    """Sentence: rejected: a `.` or `..` segment followed by `;`, even where a `..` removes it."""
    assert reason(path) == "path-dot-parameter"


@pytest.mark.parametrize("path", ["/...;", "/a.;b", "/..a;b", "/;..", "/..%3B"])
def test_parameters_elsewhere(path: str) -> None:
    """A `;` after anything but a dot segment is a character of its segment."""
    assert normalise_path(path.encode()) == path


@pytest.mark.parametrize("path", [b"/..", b"/../a", b"/a/../..", b"/./..", b"/a/b/../../../c", b"/%2E%2e"])
def test_above_the_root(path: bytes) -> None:
    """Sentence: rejected: a `..` with nothing left to remove."""
    assert reason(path) == "path-above-root"


@pytest.mark.parametrize("byte", range(0x100))
def test_every_escape(byte: int) -> None:
    """Sentence: escapes of unreserved characters decoded once, the remaining escapes in upper case."""
    spelt = {
        f"/x%{high}{low}"
        for high in f"{byte:02x}"[0] + f"{byte:02X}"[0]
        for low in f"{byte:02x}"[1] + f"{byte:02X}"[1]
    }
    read = {normalise_path(text.encode()) for text in spelt}
    unreserved = re.fullmatch(r"[A-Za-z0-9._~-]", chr(byte))
    if unreserved:
        assert read == {f"/x{chr(byte)}"}
    elif byte < 0x20 or byte in b"\x7f/\\":
        assert all(isinstance(result, Refusal) for result in read)
    else:
        assert read == {f"/x%{byte:02X}"}


def test_decoded_once() -> None:
    """Sentence: decoded once: what decoding uncovers is not decoded again."""
    assert normalise_path(b"/%2541") == "/%2541"
    assert normalise_path(b"/%252e%252e/a") == "/%252e%252e/a"
    assert normalise_path(b"/%252F") == "/%252F"


def test_raw_specials_are_encoded() -> None:
    """Sentence: raw `" < > [ ] ^ { | }` and backtick percent-encoded."""
    assert normalise_path(b'/"<>[]^{|}`') == "/%22%3C%3E%5B%5D%5E%7B%7C%7D%60"


@pytest.mark.parametrize("byte", b"!$&'()*+,-.0:;=@A_a~")
def test_other_raw_characters_stay(byte: int) -> None:
    """Every other raw character stays raw: an escape of a reserved one is another path."""
    assert normalise_path(b"/x" + bytes([byte])) == f"/x{chr(byte)}"


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/a/b/c/./../../g", "/a/g"),  # RFC 3986 section 5.2.4's own example
        ("/a/.", "/a/"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/.", "/"),
        ("/./a", "/a"),
        ("/a/%2e%2E/b", "/b"),
        ("/a//../b", "/a/b"),  # the `..` removes the empty segment
        ("//..", "/"),
        ("/a/.//..", "/a/"),
        ("//../a", "/a"),
        ("/a/b//../../c", "/a/c"),
        ("/a/...", "/a/..."),
        ("/a/.b/..c/d.", "/a/.b/..c/d."),
    ],
)
def test_dot_segments(path: str, normal: str) -> None:
    """Sentence: dot segments removed on the unmerged path (each `..` removes one segment, …)."""
    assert normalise_path(path.encode()) == normal


def test_repeated_slashes_merge() -> None:
    """Sentence: repeated slashes merged, last of all."""
    assert normalise_path(b"//a///b//") == "/a/b/"
    assert normalise_path(b"/a/././/b") == "/a/b"


def test_keep_encoded_slash() -> None:
    """Sentence: with `keep-encoded-slash` `%2F` is a character of its segment and never decoded."""
    assert normalise_path(b"/a%2fb/..", ENCODED_SLASH) == "/"
    assert normalise_path(b"/a%2f%2Fb", ENCODED_SLASH) == "/a%2F%2Fb"
    assert normalise_path(b"/a%2F../b", ENCODED_SLASH) == "/a%2F../b"
    assert normalise_path(b"/a%2F/%41", ENCODED_SLASH) == "/a%2F/A"
    assert reason(b"/a%2Fb%00", ENCODED_SLASH) == "path-control"


def test_keep_repeated_slashes() -> None:
    """Sentence: with `keep-repeated-slashes` empty segments stay, and a `..` still removes one of them."""
    assert normalise_path(b"//a///b//", REPEATED) == "//a///b//"
    assert normalise_path(b"/a//../b", REPEATED) == "/a/b"
    assert normalise_path(b"/a///../b", REPEATED) == "/a//b"


@pytest.mark.parametrize(
    "path", [b"/%41", b"/a%2eb", b"/%c3", b"/a//b", b"/a/./b", b"/a/../b", b"/[", b"/a/.."]
)
def test_reject_changes(path: bytes) -> None:
    """Sentence: with `reject-changes` a path that is not in its normal form is refused."""
    assert reason(path, STRICT) == "path-changes"


def test_options_combine() -> None:
    """Sentence: `path-normalisation` takes any of the three: each departs from the default by itself."""
    both = PathOptions(keep_encoded_slash=True, keep_repeated_slashes=True, reject_changes=True)
    assert normalise_path(b"/a%2Fb//c", both) == "/a%2Fb//c"
    assert reason(b"/a%2fb//c", both) == "path-changes"


def test_case_is_kept() -> None:
    """Paths are case-sensitive: letters stay as they are."""
    assert normalise_path(b"/Users/ALICE/%41") == "/Users/ALICE/A"


def test_details_quote_what_was_sent() -> None:
    """A refusal says where and what, with the request's bytes escaped."""
    read = normalise_path(b"/ab\x1bc")
    assert isinstance(read, Refusal)
    assert read.detail == "the path holds a control character at byte 3, `\\x1b`"


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        ("/café", "/caf%C3%A9"),
        ("/%41", "/A"),
        ("/a//b", "/a/b"),
        ("/a b#c?d", "/a%20b%23c%3Fd"),
        ("/50%", "/50%25"),
    ],
)
def test_what_a_person_means(typed: str, normal: str) -> None:
    """Sentence: a pattern that can never be produced is an error that shows the normal form."""
    assert escaped_path(typed) == normal


@pytest.mark.parametrize("typed", ["/a\\b", "/..", "a", "/\x00", "/\ud800", "/😀"])
def test_any_text_is_read(typed: str) -> None:
    """Whatever a person types gives a path that stays as it is, or a refusal."""
    read = escaped_path(typed)
    assert isinstance(read, Refusal) or normalise_path(read.encode("ascii")) == read


@given(PATHS, st.sampled_from(ALL_OPTIONS))
def test_idempotent(path: bytes, options: PathOptions) -> None:
    """Sentence: it is idempotent: a normal path, sent again, stays; and no input raises."""
    read = normalise_path(path, options)
    if isinstance(read, str):
        assert normalise_path(read.encode("ascii"), options) == read


@given(PATHS, st.sampled_from(ALL_OPTIONS))
def test_reject_changes_only_rejects(path: bytes, options: PathOptions) -> None:
    """`reject-changes` takes exactly the paths that the same options without it leave alone."""
    lenient = PathOptions(options.keep_encoded_slash, options.keep_repeated_slashes)
    strict = PathOptions(options.keep_encoded_slash, options.keep_repeated_slashes, reject_changes=True)
    read = normalise_path(path, lenient)
    unchanged = not isinstance(read, Refusal) and read.encode("ascii") == path
    assert isinstance(normalise_path(path, strict), str) == unchanged


@given(PATHS)
def test_only_what_may_be_forwarded_comes_out(path: bytes) -> None:
    """What comes out is ASCII without controls, dot or empty segments, backslashes or encoded slashes."""
    read = normalise_path(path)
    if isinstance(read, str):
        assert re.fullmatch(r"/[!$%&'()*+,./0-9:;=@A-Z_a-z~-]*", read)
        assert "//" not in read
        assert not {".", ".."} & set(read.split("/"))
        assert not re.search("%2[fF]|%5[cC]|%[01]|%7F", read)
