"""Backslash escapes: which there are, what each stands for, what is said of the others.

Owns `\\d` and its relatives, the escapes of control characters, `\\xHH`, and escaped punctuation. Must not
know where an escape stands, but whether it is inside a class.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from .ast import ALL_BYTES, interval_set
from .refusal import refuse, shown

DIGITS: Final = interval_set(0x30, 0x39)
WORD: Final = DIGITS | interval_set(0x41, 0x5A) | interval_set(0x61, 0x7A) | 1 << 0x5F
SPACE: Final = sum(1 << ord(char) for char in " \t\n\r\f")
"""`\\s`: what google-re2 takes for a space; VT is not among them."""

PUNCTUATION: Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ")
"""What a backslash makes a plain character of."""

_HEX: Final = frozenset("0123456789abcdefABCDEF")
_CONTROL: Final = {"t": 0x09, "n": 0x0A, "r": 0x0D, "f": 0x0C}
_CLASSES: Final = {
    "d": DIGITS,
    "D": ALL_BYTES & ~DIGITS,
    "w": WORD,
    "W": ALL_BYTES & ~WORD,
    "s": SPACE,
    "S": ALL_BYTES & ~SPACE,
}

_WHOLE = "a pattern always matches the whole value"
_REFUSED: Final = {
    "b": ("word boundary", "say which characters may stand there, as in `(?:[^a-z].*)?`"),
    "B": ("word boundary", "say which characters may stand there"),
    "A": ("anchor", f"take it out: {_WHOLE}"),
    "Z": ("anchor", f"take it out: {_WHOLE}"),
    "z": ("anchor", f"take it out: {_WHOLE}"),
    "G": ("anchor", f"take it out: {_WHOLE}"),
    "K": ("match reset", f"take it out: {_WHOLE}"),
    "k": ("back-reference", "write out what may stand there"),
    "g": ("back-reference", "write out what may stand there"),
    "p": ("Unicode property", "write the characters out, as in `[A-Za-z]`"),
    "P": ("Unicode property", "write the characters out, as in `[^A-Za-z]`"),
    "h": ("space class", "write `[ \\t]`"),
    "H": ("space class", "write `[^ \\t]`"),
    "v": ("space class", "write `\\x0b` for a vertical tab"),
    "V": ("space class", "write `[^\\n\\x0b\\f\\r]`"),
    "R": ("line break", "write `(?:\\r\\n|\\n|\\r)`"),
    "N": ("line break", "write `.`, which is any byte but a line feed"),
    "X": ("grapheme", "write the characters out"),
    "C": ("single byte", "write `(?:.|\\n)`"),
    "Q": ("quoting", "put a backslash before each special character"),
    "E": ("quoting", "put a backslash before each special character"),
    "u": ("Unicode escape", "write the character itself"),
    "U": ("Unicode escape", "write the character itself"),
    "c": ("control escape", "write the byte as `\\xHH`"),
    "a": ("control escape", "write `\\x07`"),
    "e": ("control escape", "write `\\x1b`"),
    "o": ("octal escape", "write the byte as `\\xHH`"),
}


class Escape(NamedTuple):
    """The bytes an escape stands for; `byte` is the one byte of an escaped character, None for a class."""

    set: int
    byte: int | None
    end: int


def read_escape(text: str, at: int, in_class: bool) -> Escape:
    """The escape whose backslash is at `at`; an escape that the dialect has not is refused."""
    if at + 1 == len(text):
        raise refuse(at, 1, "escape", "the pattern ends in a backslash", "write `\\\\` for a backslash")
    char = text[at + 1]
    if char in PUNCTUATION:
        return Escape(1 << ord(char), ord(char), at + 2)
    if char in _CLASSES:
        return Escape(_CLASSES[char], None, at + 2)
    if char in _CONTROL:
        byte = _CONTROL[char]
        return Escape(1 << byte, byte, at + 2)
    if char == "x":
        return _read_hex(text, at)
    if "0" <= char <= "9":
        raise _refused_number(text, at, in_class)
    if char in _REFUSED:
        construct, advice = _REFUSED[char]
        if char in "bB" and in_class:
            construct, advice = "control escape", "write `\\x08` for a backspace"
        raise refuse(at, 2, construct, f"`\\{char}` is not in the dialect", advice)
    if not " " <= char <= "~":
        raise refuse(at, 1, "escape", "this backslash has nothing to do", "take it out, or write `\\\\`")
    raise refuse(
        at, 2, "escape", f"`\\{char}` stands for nothing", f"write `{char}`, or `\\\\{char}` with a backslash"
    )


def _read_hex(text: str, at: int) -> Escape:
    digits = text[at + 2 : at + 4]
    if len(digits) == 2 and _HEX.issuperset(digits):
        byte = int(digits, 16)
        return Escape(1 << byte, byte, at + 4)
    if digits.startswith("{"):
        end = text.find("}", at)
        inner = text[at + 3 : end] if end > 0 else ""
        if inner and _HEX.issuperset(inner) and len(inner) <= 2:
            advice = f"write `\\x{inner.zfill(2)}`"
        else:
            advice = "write the character itself"
        raise refuse(at, 3, "Unicode escape", "`\\x{` is not in the dialect", advice)
    raise refuse(at, 2, "escape", "`\\x` needs two hexadecimal digits", "write the byte as `\\x2f`")


def _refused_number(text: str, at: int, in_class: bool) -> Exception:
    end = at + 1
    while end < len(text) and end < at + 4 and "0" <= text[end] <= "9":
        end += 1
    digits = text[at + 1 : end]
    if digits[0] == "0" or in_class or len(digits) == 3:
        octal = all(digit <= "7" for digit in digits) and int(digits, 8) < 256
        advice = f"write `\\x{int(digits, 8):02x}`" if octal else "write the byte as `\\xHH`"
        return refuse(at, end - at, "octal escape", f"`\\{digits}` is an octal escape", advice)
    return refuse(
        at,
        end - at,
        "back-reference",
        f"`\\{digits}` refers back to a group; no linear engine can do that",
        "write out what may stand there",
    )


def refuse_raw(text: str, at: int) -> Exception:
    """The refusal of a raw control character."""
    byte = ord(text[at])
    names = {0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r", 0x0C: "\\f"}
    return refuse(
        at,
        1,
        "control character",
        f"a control character, `{shown(text[at])}`, stands in the pattern",
        f"write `{names.get(byte, f'{chr(92)}x{byte:02x}')}` if it is meant",
    )
