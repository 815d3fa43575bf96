"""Paths: the target up to `?` becomes the path that is matched and forwarded, or is refused.

Owns the path's one form. What that form can be is `language.py`; what a path is compared with is the
matcher's. Text is one byte a character; nothing here looks at what a character means beyond ASCII.
"""

from __future__ import annotations

import re
from typing import Final

from ..listener import PathOptions
from ..request import Reason, Refusal
from .quote import quoted

_DEFAULT = PathOptions()

_FIRST = "[0-9A-Za-z_~!$&'()*+,;=:@-]"
_SEGMENT = f"{_FIRST}[0-9A-Za-z_~!$&'()*+,;=:@.-]*+"
PLAIN_PATH = f"/(?:{_SEGMENT}(?:/{_SEGMENT})*+/?)?"
"""Paths without an escape and without a segment that begins with a dot: nearly every path there is, and in
their one form whatever the listener's options are."""

_PLAIN = re.compile(PLAIN_PATH)

_REFUSED = re.compile(
    r"[^!\"$->@-\[\]-~]"  # all but printable ASCII without # ? and the backslash
    r"|%(?![0-9A-Fa-f]{2})"
    r"|%[01][0-9A-Fa-f]|%7[Ff]|%2[Ff]|%5[Cc]"
)
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_OVERLONG = re.compile(r"%(?:C[01]%[89AB]|E0%[89]|F0%8|F8%8[0-7]|FC%8[0-3])")
_ENCODED = {ord(character): f"%{ord(character):02X}" for character in '"<>[]^`{|}'}
_DOT_PARAMETER = re.compile(r"/\.\.?;")
_DOT_SEGMENT = re.compile(r"/\.\.?(?:/|\Z)")
_SLASHES = re.compile(r"//+")

_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


def _escape_table() -> dict[str, str]:
    """Every spelling of an escape -> what it becomes: the unreserved character, or itself in upper case."""
    digits = "0123456789abcdefABCDEF"
    table = {}
    for high in digits:
        for low in digits:
            character = chr(int(high + low, 16))
            escape = f"%{high}{low}"
            table[escape] = character if character in _UNRESERVED else escape.upper()
    return table


_ESCAPES: Final = _escape_table()


def normalise_path(path: bytes, options: PathOptions = _DEFAULT) -> str | Refusal:
    """The path in its one form, or why there is none.

    `path` is the target up to `?`; an empty one is `/`. In this order: escapes of unreserved characters are
    decoded once and the others put in upper case; raw `" < > [ ] ^ { | }` and backtick are percent-encoded;
    dot segments are removed on the unmerged path (RFC 3986 section 5.2.4, each `..` one segment, an empty one
    too); repeated slashes are merged. A refusal's reason is `target-form` or one of `path-…`.
    """
    return normal_path(path.decode("latin-1"), options)


def normal_path(path: str, options: PathOptions = _DEFAULT) -> str | Refusal:
    """`normalise_path` for one that is latin-1 text already."""
    if _PLAIN.fullmatch(path):
        return path
    if not path:
        return "/"
    if path[0] != "/":
        return Refusal("target-form", f"the target {quoted(path)} does not begin with `/`")
    for found in _REFUSED.finditer(path):
        reason = _reason_of(found[0])
        if reason != "path-encoded-slash" or not options.keep_encoded_slash:
            return _refused_at(path, found.start(), reason)
    text = path
    if "%" in text:
        text = _ESCAPE.sub(lambda escape: _ESCAPES[escape[0]], text)
        overlong = _OVERLONG.search(text)
        if overlong is not None:
            return Refusal("path-overlong", f"the path holds an overlong UTF-8 form, {quoted(overlong[0])}")
    text = text.translate(_ENCODED)
    if "/." in text:
        if _DOT_PARAMETER.search(text):
            return Refusal("path-dot-parameter", "the path holds a dot segment followed by `;`")
        if _DOT_SEGMENT.search(text):
            removed = _without_dot_segments(text)
            if removed is None:
                return Refusal("path-above-root", "the path holds a `..` with nothing left to remove")
            text = removed
    if not options.keep_repeated_slashes:
        text = _SLASHES.sub("/", text)
    if options.reject_changes and text != path:
        return Refusal("path-changes", f"the path {quoted(path)} is not in its normal form, {quoted(text)}")
    return text


def _reason_of(refused: str) -> Reason:
    """The reason for what `_REFUSED` found."""
    if refused == "%":
        return "path-escape"
    if refused in ("\\", "%5C", "%5c"):
        return "path-backslash"
    if refused in ("%2F", "%2f"):
        return "path-encoded-slash"
    if refused in (" ", "#", "?") or refused >= "\x80":
        return "path-byte"
    return "path-control"


_WORDS: Final[dict[Reason, str]] = {
    "path-escape": "a `%` that two hexadecimal digits do not follow",
    "path-backslash": "a backslash",
    "path-encoded-slash": "an escaped slash",
    "path-byte": "a byte that has to be escaped",
    "path-control": "a control character",
}


def _refused_at(path: str, at: int, reason: Reason) -> Refusal:
    """The refusal of what stands at one place of the path."""
    end = at + 3 if path[at] == "%" else at + 1
    return Refusal(reason, f"the path holds {_WORDS[reason]} at byte {at}, {quoted(path[at:end])}")


def _without_dot_segments(path: str) -> str | None:
    """RFC 3986 section 5.2.4, None where a `..` has nothing to remove (the RFC would drop it silently)."""
    kept: list[str] = []
    segments = path[1:].split("/")
    for segment in segments:
        if segment == "..":
            if not kept:
                return None
            kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


_UNWRITABLE = re.compile(r"[ #?\x80-\xff]|%(?![0-9A-Fa-f]{2})")


def escaped_path(text: str, options: PathOptions = _DEFAULT) -> str | Refusal:
    """The normal form of what a person most likely means by a path as typed: `/café` is `/caf%C3%A9`.

    What a request can only carry escaped (spaces, `#`, `?`, a stray `%`, anything beyond ASCII, as UTF-8) is
    escaped first. For a diagnostic's help: a configured path that differs from it can never be equal.
    """
    raw = text.encode("utf-8", "replace").decode("latin-1")
    return normal_path(_UNWRITABLE.sub(lambda found: f"%{ord(found[0]):02X}", raw), options)
