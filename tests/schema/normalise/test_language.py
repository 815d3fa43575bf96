"""The languages of paths and hosts are exactly what normalising can produce."""

from __future__ import annotations

import itertools
import re
from ipaddress import IPv6Address

import pytest
import re2
from gwc.schema.listener import PathOptions
from gwc.schema.normalise.host import NormalHost, normalise_host
from gwc.schema.normalise.language import host_languages, path_language
from gwc.schema.normalise.path import normalise_path
from gwc.schema.regex.ast import Pattern
from gwc.schema.regex.parse import parse
from hypothesis import given, settings
from hypothesis import strategies as st

ALL_OPTIONS = [
    PathOptions(encoded, repeated, strict)
    for encoded in (False, True)
    for repeated in (False, True)
    for strict in (False, True)
]
TOKENS = [
    "/",
    ".",
    ";",
    "a",
    "[",
    "%2E",
    "%2F",
    "%41",
    "%3b",
    "%C3",
    "%C0",
    "%E0",
    "%F0",
    "%80",
    "%9F",
    "%A0",
]
HOST = re.compile("|".join(host_languages()))


@pytest.mark.parametrize("options", ALL_OPTIONS[::2], ids=str)
def test_language_is_exact_on_short_paths(options: PathOptions) -> None:
    """For every path of up to four tokens: it is in the language exactly if it normalises to itself."""
    pattern = re.compile(path_language(options))
    engine = re2.compile(path_language(options))
    for length in range(4):
        for tokens in itertools.product(TOKENS, repeat=length):
            path = "/" + "".join(tokens)
            fixed = normalise_path(path.encode(), options) == path
            assert bool(pattern.fullmatch(path)) == fixed, path
            assert bool(engine.fullmatch(path)) == fixed, path


@pytest.mark.parametrize("options", ALL_OPTIONS, ids=str)
def test_every_result_is_in_the_language(options: PathOptions) -> None:
    """Sentence: the language of its output is a regular expression in `schema`: results are in it, and a
    path is in it exactly if it normalises to itself."""
    pattern = re.compile(path_language(options))

    @given(
        st.lists(st.sampled_from([*TOKENS, "//", "/../", "%f8", "%F8", "%87", "%88", "%fc", "%84", "~", "%"]))
    )
    def holds(tokens: list[str]) -> None:
        path = "/" + "".join(tokens)
        read = normalise_path(path.encode(), options)
        assert bool(pattern.fullmatch(path)) == (read == path)
        if isinstance(read, str):
            assert pattern.fullmatch(read)

    holds()


@given(st.from_regex(path_language(), fullmatch=True))
@settings(max_examples=20)
def test_every_string_of_the_language_stays(path: str) -> None:
    """Every string of the language normalises to itself."""
    assert normalise_path(path.encode("ascii")) == path


@pytest.mark.parametrize("byte", range(0x100))
def test_language_knows_every_byte(byte: int) -> None:
    """Each byte, raw and escaped, is in the language exactly if it normalises to itself."""
    for options in ALL_OPTIONS[::2]:
        pattern = re.compile(path_language(options))
        for path in (f"/x{chr(byte)}", f"/x%{byte:02X}", f"/x%{byte:02x}", f"/%{byte:02X}%80"):
            assert bool(pattern.fullmatch(path)) == (normalise_path(path.encode("latin-1"), options) == path)


@pytest.mark.parametrize("lead", [0xC0, 0xC1, 0xE0, 0xF0, 0xF8, 0xFC, 0xC3])
def test_language_knows_every_overlong_form(lead: int) -> None:
    """Each byte after each lead byte, also after a run of leads, is judged as the normaliser does."""
    pattern = re.compile(path_language())
    for before in ("", "%C0", "%FC%E0", ".", "..", "..."):
        for byte in range(0x20, 0x100):
            path = f"/{before}%{lead:02X}%{byte:02X}"
            assert bool(pattern.fullmatch(path)) == (normalise_path(path.encode()) == path), path


@pytest.mark.parametrize("zeros", range(256))
def test_host_language_has_every_shape_of_address(zeros: int) -> None:
    """An address is in the language in the form that normalising gives it, and in no other."""
    for filler in (0x1, 0xFFFF, 0xA0B):
        groups = [0 if zeros >> place & 1 else filler for place in range(8)]
        address = IPv6Address(int.from_bytes(b"".join(group.to_bytes(2, "big") for group in groups), "big"))
        for text in (f"[{address}]", f"[{address.exploded}]", f"[{':'.join(f'{g:x}' for g in groups)}]"):
            read = normalise_host(text.encode())
            assert isinstance(read, NormalHost)
            assert HOST.fullmatch(read.host)
            assert bool(HOST.fullmatch(text)) == (read.host == text)


@given(st.from_regex(HOST, fullmatch=True))
def test_every_host_of_the_language_stays(host: str) -> None:
    """Every string of the hosts' language that is not too long normalises to itself."""
    if len(host) <= 253:
        assert normalise_host(host.encode("ascii")) == NormalHost(host, None)


def test_engines_take_the_languages() -> None:
    """Every language is a pattern of the dialect, and both engines take it."""
    for pattern in (*host_languages(), *(path_language(options) for options in ALL_OPTIONS)):
        assert re.compile(pattern)
        assert re2.compile(pattern)
        assert isinstance(parse(pattern), Pattern)
