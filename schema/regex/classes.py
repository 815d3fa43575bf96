"""Classes in brackets.

Owns ranges, negation, and the refusal of what other dialects read in a class: POSIX names, sets in sets, set
operations. A class is a set of bytes, so a character beyond ASCII, which is several in UTF-8, has no place
in one.
"""

from __future__ import annotations

from typing import Final

from .ast import ALL_BYTES, interval_set
from .escapes import read_escape, refuse_raw
from .refusal import refuse, shown

_UPPER: Final = interval_set(0x41, 0x5A)
_LOWER: Final = interval_set(0x61, 0x7A)

_POSIX: Final = {
    "alpha": "A-Za-z",
    "digit": "0-9",
    "alnum": "A-Za-z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": "\\s",
    "blank": " \\t",
    "punct": "!-/:-@\\[-`{-~",
    "xdigit": "0-9A-Fa-f",
    "word": "\\w",
    "cntrl": "\\x00-\\x1f\\x7f",
    "print": " -~",
    "graph": "!-~",
    "ascii": "\\x00-\\x7f",
}


def fold_case(members: int) -> int:
    """The set with both cases of every ASCII letter in it."""
    return members | (members & _UPPER) << 32 | (members & _LOWER) >> 32


def read_class(text: str, start: int, ignore_case: bool) -> tuple[int, int]:
    """The class whose `[` is at `start`: its bytes, and where the text goes on."""
    at = start + 1
    negated = text.startswith("^", at)
    if negated:
        at += 1
    first = at
    members = 0
    size = len(text)
    while True:
        if at >= size:
            raise refuse(start, 1, "class", "this `[` is never closed", "close it with `]`, or write `\\[`")
        char = text[at]
        if char == "]":
            if at == first:
                raise refuse(
                    start, at + 1 - start, "class", "a class has nothing in it", _first_bracket(text, at)
                )
            at += 1
            break
        low, low_byte, end = _read_item(text, at)
        if text.startswith("-", end) and end + 1 < size and text[end + 1] != "]":
            at, low = _read_range(text, at, end, low_byte)
        else:
            at = end
        members |= low
    if ignore_case:
        members = fold_case(members)
    if negated:
        members = ALL_BYTES & ~members
    if not members:
        raise refuse(start, at - start, "class", f"`{shown(text[start:at])}` holds no byte at all")
    return members, at


def _first_bracket(text: str, at: int) -> str:
    if text.find("]", at + 1) > 0:
        return "write `\\]` if the bracket belongs to the class"
    return "name the characters that may stand here"


def _read_item(text: str, at: int) -> tuple[int, int | None, int]:
    """One character or escape: its bytes, the one byte if it is a character, and where the text goes on."""
    char = text[at]
    if char == "\\":
        return read_escape(text, at, in_class=True)
    if char == "[":
        raise _refused_bracket(text, at)
    if char in "-&~|" and text.startswith(char, at + 1):
        raise refuse(
            at,
            2,
            "set operation",
            f"`{char * 2}` in a class is a set operation elsewhere, and means nothing here",
            f"write `\\{char}` for the character, once",
        )
    if char >= "\x80":
        raise _refused_character(text, at)
    if char < " " or char == "\x7f":
        raise refuse_raw(text, at)
    return 1 << ord(char), ord(char), at + 1


def _read_range(text: str, start: int, dash: int, low: int | None) -> tuple[int, int]:
    """The range whose `-` is at `dash`: where the text goes on, and its bytes."""
    if text.startswith("--", dash):
        _read_item(text, dash)
    _, high, end = _read_item(text, dash + 1)
    written = shown(text[start:end])
    if low is None or high is None:
        raise refuse(
            start,
            end - start,
            "range",
            f"`{written}` has a class at one end of a range",
            "write `\\-` for the character, or put it last",
        )
    if high < low:
        swapped = shown(f"{text[dash + 1 : end]}-{text[start:dash]}")
        raise refuse(
            start,
            end - start,
            "range",
            f"the range `{written}` runs backwards",
            f"write `{swapped}`, or `\\-` for the character",
        )
    return end, interval_set(low, high)


def _refused_bracket(text: str, at: int) -> Exception:
    kind = text[at + 1 : at + 2]
    if kind in (":", ".", "=") and kind:
        end = text.find(kind + "]", at + 2)
        if end > 0:
            name = text[at + 2 : end].removeprefix("^")
            instead = _POSIX.get(name)
            length = end + 2 - at
            advice = f"write `{instead}` in its place" if instead else "write its characters out"
            if text.startswith("[:^", at):
                advice = "write its characters out, with `^` at the beginning of the class"
            return refuse(
                at, length, "POSIX class", f"`{shown(text[at : at + length])}` is a POSIX class", advice
            )
    return refuse(at, 1, "nested class", "a `[` stands in a class", "write `\\[` for the character")


def _refused_character(text: str, at: int) -> Exception:
    end = at + 1
    while end < len(text) and "\x80" <= text[end] <= "\xbf":
        end += 1
    char = shown(text[at:end])
    return refuse(
        at,
        end - at,
        "non-ASCII class",
        f"`{char}` stands in a class, and is several bytes in UTF-8",
        f"write it beside the class, as in `(?:[a-z]|{char})`",
    )
