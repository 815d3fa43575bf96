"""The character classes of KDL, versions 2 and 1.

Owns which code points are space, newline, part of a bare word or not allowed at all, as the insides of
regular-expression classes, and what the keywords stand for. Knows nothing of tokens.
Source: KDL 2.0.0, "Full Grammar"; KDL 1.0.0, "Full Grammar".
"""

from __future__ import annotations

SPACE = "\t \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
"""Also good for `str.strip`: no ranges."""
NEWLINE = "\n\r\x85\x0b\x0c\u2028\u2029"
DISALLOWED = "\x00-\x08\x0e-\x1f\x7f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
NOT_WORD = SPACE + NEWLINE + DISALLOWED + r'\\/(){};\[\]"#='
WORD = f"[^{NOT_WORD}]"
ONE_NEWLINE = f"(?:\r\n|[{NEWLINE}])"

SPACE_V1 = SPACE + "\ufeff"
NEWLINE_V1 = "\n\r\x85\x0c\u2028\u2029"
WORD_V1 = f"[^{SPACE_V1}{NEWLINE_V1}\x00-\x20" + r'\\/(){}<>;\[\]=,"]'
ONE_NEWLINE_V1 = f"(?:\r\n|[{NEWLINE_V1}])"

KEYWORDS: dict[str, bool | float | None] = {
    "#true": True,
    "#false": False,
    "#null": None,
    "#inf": float("inf"),
    "#-inf": float("-inf"),
    "#nan": float("nan"),
}
KEYWORDS_V1: dict[str, bool | None] = {"true": True, "false": False, "null": None}

RESERVED = frozenset(("true", "false", "null", "inf", "-inf", "nan"))
"""Words that are no strings without quotes, because they are easily taken for the keywords."""

NUMBER_LIKE = r"[+-]?\.?[0-9]"
"""How a number, or what a reader would take for one, begins. No bare word begins so."""

NAMES_OF_DISALLOWED = {
    0x00: "a NUL character",
    0x1B: "an escape character",
    0x7F: "a delete character",
    0xFEFF: "a byte order mark that is not at the beginning",
}


def name_of_disallowed(character: str) -> str:
    """How to call a disallowed code point in a sentence."""
    code = ord(character)
    named = NAMES_OF_DISALLOWED.get(code)
    if named is not None:
        return named
    if code < 0x20:
        return "a control character"
    if 0xD800 <= code <= 0xDFFF:
        return "half of a surrogate pair"
    return "a character that changes the direction of writing"
