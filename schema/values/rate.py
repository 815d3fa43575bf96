"""Rates: `100/s`, `10/m`, `1000/30s`.

Owns the spelling: a count, a slash, and a unit of time or a duration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .duration import UNITS, parse_duration
from .number import LONGEST as LONGEST_TEXT
from .refusal import ValueRefusal, quoted, whole

_RATE: Final = re.compile(r"([0-9]{1,15})/([0-9a-z]{1,64})")
_NEAR_RATE: Final = re.compile(r"([0-9]{1,12}) *([kKM]?) *(?:/|per\b) *([0-9]{0,6}) *([A-Za-z]*)")
_PER_SECOND: Final = re.compile(r"([0-9]{1,12}) *(?:rps|RPS|qps|req/s|r/s|requests/s)")
_HOW: Final = "write a count, `/` and a unit of time, such as `100/s`, `10/m` or `1000/30s`"

_WORDS: Final = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "hr": "h", "hour": "h", "hours": "h", "d": "24h", "day": "24h", "days": "24h",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` (at least 1) in every `period_ns` nanoseconds (at least 1000)."""

    count: int
    period_ns: int


def parse_rate(text: str) -> Rate | ValueRefusal:
    """The rate; a unit alone is one of it: `100/s` is `100/1s`."""
    found = _RATE.fullmatch(text)
    if found is None:
        return _refuse(text)
    period = UNITS.get(found[2]) or parse_duration(found[2])
    if isinstance(period, ValueRefusal):
        return _refuse(text)
    count = int(found[1])
    if count == 0:
        return whole(text, f"{quoted(text)} lets nothing through", "write at least 1")
    if period == 0:
        return whole(text, f"{quoted(text)} has a period of nothing", _HOW)
    return Rate(count, period)


def _refuse(text: str) -> ValueRefusal:
    """What is wrong with text that is no rate, and what was likely meant."""
    shown = quoted(text)
    if not text:
        return whole(text, "a rate is empty", _HOW)
    if len(text) > LONGEST_TEXT:
        return whole(text, f"{shown} is not a rate", _HOW)
    if text.isascii() and text.isdigit():
        return whole(text, f"{shown} does not say in which time", _per_second(text))
    second = _PER_SECOND.fullmatch(text)
    if second is not None:
        return whole(text, f"{shown} is not how a rate is written", f"write `{second[1]}/s`")
    near = _NEAR_RATE.fullmatch(text)
    if near is not None:
        count = near[1] + {"": "", "k": "000", "K": "000", "M": "000000"}[near[2]]
        unit = _WORDS.get(near[4].lower(), near[4].lower()) or "s"
        period = near[3] + unit if unit in UNITS else unit if not near[3] else ""
        meant = f"{count}/{period}"
        if meant != text and isinstance(_checked(meant), Rate):
            return whole(text, f"{shown} is not how a rate is written", f"write `{meant}`")
    return whole(text, f"{shown} is not a rate", _HOW)


def _per_second(digits: str) -> str:
    """The help for a count alone."""
    meant = f"{digits}/s"
    return f"write `{meant}` for each second" if isinstance(_checked(meant), Rate) else _HOW


def _checked(text: str) -> Rate | ValueRefusal | None:
    """`parse_rate` for a suggestion: a suggestion has to be one that is read."""
    return parse_rate(text) if _RATE.fullmatch(text) else None
