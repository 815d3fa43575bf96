"""Priorities: whole numbers, four of which have names."""

from __future__ import annotations

from typing import Final

from .refusal import ValueRefusal, quoted, whole

WORDS: Final = {"low": -100, "normal": 0, "high": 100, "critical": 1000}
"""The priorities that have a name; higher comes first."""

_HOW: Final = "write `low` (-100), `normal` (0), `high` (100), `critical` (1000) or a whole number"


def parse_priority(text: str) -> int | ValueRefusal:
    """The number of a priority written as a word. A number is written as a number, so it never comes here."""
    found = WORDS.get(text)
    if found is not None:
        return found
    shown = quoted(text)
    if not text:
        return whole(text, "a priority is empty", _HOW)
    if text.lower() in WORDS:
        return whole(text, f"{shown} is not in lower case", f"write `{text.lower()}`")
    digits = text[1:] if text[:1] in ("-", "+") else text
    if digits and digits.isascii() and digits.isdigit() and len(digits) <= 7:
        return whole(text, f"{shown} is text, not a number", f"write `{int(text)}`, without quotes")
    return whole(text, f"{shown} is not a priority", _HOW)
