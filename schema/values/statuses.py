"""Statuses: one, a class or a range of them.

Owns the spelling: `404`, `5xx`, `500-504`.
"""

from __future__ import annotations

import re
from typing import Final

from .refusal import ValueRefusal, quoted, whole

_ONE: Final = re.compile(r"[1-5][0-9][0-9]")
_CLASS: Final = re.compile(r"([1-5])xx")
_RANGE: Final = re.compile(r"([1-5][0-9][0-9])-([1-5][0-9][0-9])")


def parse_statuses(text: str) -> tuple[int, int] | ValueRefusal:
    """First and last status, both included."""
    if _ONE.fullmatch(text):
        return int(text), int(text)
    if found := _CLASS.fullmatch(text):
        return int(found[1]) * 100, int(found[1]) * 100 + 99
    if found := _RANGE.fullmatch(text):
        first, last = int(found[1]), int(found[2])
        if first <= last:
            return first, last
        return whole(text, f"{quoted(text)} ends before it begins", f"write `{last}-{first}`")
    return whole(text, f"{quoted(text)} is no status", "write `404`, a class `5xx` or a range `500-504`")
