"""Counts in braces: `{3}`, `{2,}`, `{1,8}`.

Owns their spelling, and what is said of braces and brackets that stand where they mean nothing.
"""

from __future__ import annotations

import re
from typing import Final

from .limits import MAX_COUNT
from .refusal import refuse, shown

_COUNT: Final = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
_NEAR_COUNT: Final = re.compile(r"\{ *([0-9]*) *(,?) *([0-9]*) *\}")
_PARAMETER: Final = re.compile(r"\{[A-Za-z_][A-Za-z0-9_-]{0,63}(?:\.\.\.)?\}")


def begins_count(text: str, at: int) -> int:
    """The length of the count that stands at `at`, 0 where none does."""
    found = _COUNT.match(text, at)
    return len(found[0]) if found else 0


def read_count(text: str, start: int) -> tuple[int, int | None, int]:
    """The count whose `{` is at `start`: least, most (None: any number), and where the text goes on."""
    found = _COUNT.match(text, start)
    if found is None:
        near = _NEAR_COUNT.match(text, start)
        if near is None or not (near[1] or near[3]):
            raise stray_bracket(text, start)
        instead = f"{{{near[1] or '0'}{near[2]}{near[3]}}}"
        raise refuse(start, len(near[0]), "count", f"`{near[0]}` is not a count", f"write `{instead}`")
    length, written = len(found[0]), shown(found[0])
    numbers = [number.lstrip("0") or "0" for number in (found[1], found[3] or found[1])]
    if any(len(number) > 4 or int(number) > MAX_COUNT for number in numbers):
        raise refuse(
            start,
            length,
            "count",
            f"`{written}` counts further than {MAX_COUNT}",
            "write `*` or `+` where any number will do",
        )
    low, high = int(numbers[0]), int(numbers[1])
    if found[2] and not found[3]:
        return low, None, found.end()
    if high < low:
        advice = f"write `{{{high},{low}}}`"
        raise refuse(start, length, "count", f"`{written}` counts from more to less", advice)
    if high == 0:
        raise refuse(start, length, "count", f"`{written}` lets nothing stand there", "take the item out")
    return low, high, found.end()


def stray_bracket(text: str, at: int) -> Exception:
    """The refusal of a `{` that begins no count, or of a `}` or `]` that closes nothing."""
    parameter = _PARAMETER.match(text, at)
    if parameter is not None:
        return refuse(
            at,
            len(parameter[0]),
            "bracket",
            f"a regular expression has no `{parameter[0]}`",
            "write `[^/]+` for a segment, `(?P<name>[^/]+)` to capture it, or use `path-template`",
        )
    char = text[at]
    what = "begins no count" if char == "{" else "closes nothing"
    return refuse(at, 1, "bracket", f"this `{char}` {what}", f"write `\\{char}` for the character")
