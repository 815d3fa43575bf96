"""Durations: `30s`, `250ms`, `1m30s`.

Owns units and spelling. The value is a whole number of nanoseconds: exact, and the same number in a route
table on every machine.
"""

from __future__ import annotations

import re
from typing import Final

from .number import LONGEST as LONGEST_TEXT
from .number import Amount, read_amount
from .refusal import ValueRefusal, quoted, whole

UNITS: Final = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
}
"""Nanoseconds of each unit, the longest first."""

LONGEST: Final = 100_000 * UNITS["h"]
"""More than eleven years: whoever means longer means for ever."""

_DURATION: Final = re.compile("".join(rf"(?:([0-9]{{1,15}}){unit}(?![a-z]))?" for unit in UNITS))
_PIECES: Final = re.compile(r"([0-9]+(?:[.,][0-9]+)?)[ _]*([^0-9.,\s_]*)[ _]*")

_NEAR: Final = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "msec": "ms", "msecs": "ms", "millis": "ms", "millisecond": "ms", "milliseconds": "ms",
    "usec": "us", "micros": "us", "microsecond": "us", "microseconds": "us",
    "\u00b5s": "us", "\u03bcs": "us",
}  # fmt: skip
_DAYS: Final = {"d": 24, "day": 24, "days": 24, "w": 168, "week": 168, "weeks": 168}
_KNOWN: Final = "the units are `h`, `m`, `s`, `ms` and `us`, the longer ones first, as in `1m30s`"


def parse_duration(text: str) -> int | ValueRefusal:
    """The duration as a whole number of nanoseconds, at most 100 000 hours.

    A sequence of whole numbers with `h`, `m`, `s`, `ms`, `us`, each unit once, longer ones first. Zero is
    written `0s`; whether zero makes sense is the key's matter.
    """
    found = _DURATION.fullmatch(text)
    if found is None or not text:
        return _refuse(text)
    nanoseconds = sum(
        int(digits) * factor for digits, factor in zip(found.groups(), UNITS.values(), strict=True) if digits
    )
    if nanoseconds > LONGEST:
        return whole(
            text, f"{quoted(text)} is longer than 100 000 hours", "leave it out if there is no limit"
        )
    return nanoseconds


def format_milliseconds(milliseconds: int) -> str:
    """See `format_duration`; the unit that tables have."""
    return format_duration(milliseconds * 1_000_000)


def format_duration(nanoseconds: int) -> str:
    """A duration as `parse_duration` reads it, longer units first; parts of a microsecond are left out."""
    if nanoseconds < UNITS["us"]:
        return "0s"
    written = ""
    for unit, factor in UNITS.items():
        count, nanoseconds = divmod(nanoseconds, factor)
        if count:
            written += f"{count}{unit}"
    return written


def _refuse(text: str) -> ValueRefusal:
    """What is wrong with text that is no duration, and what was likely meant."""
    shown = quoted(text)
    if not text:
        return whole(text, "a duration is empty", "write a number and a unit, such as `30s`")
    if text[0] in "-+":
        return whole(text, f"{shown} has a sign", "a duration is a number and a unit, such as `30s`")
    amount = read_amount(text)
    if amount is not None and not amount.unit:
        return whole(text, f"{shown} has no unit", _with_unit(amount))
    if len(text) > LONGEST_TEXT:
        return whole(text, f"{shown} is not a duration", _KNOWN)
    if re.search("[0-9]{16}", text):
        return whole(text, f"{shown} is longer than 100 000 hours", "leave it out if there is no limit")
    meant = _meant(text)
    if meant:
        return whole(text, f"{shown} is not how a duration is written", f"write {meant}")
    return whole(text, f"{shown} is not a duration", _KNOWN)


def _with_unit(amount: Amount) -> str:
    """The help for a number alone: seconds, or milliseconds where that is as likely."""
    seconds = _meant(f"{amount.written}s")
    if not seconds:
        return "write `0s`" if amount.scaled(1) == 0 else _KNOWN
    if len(amount.digits) > 3 and not amount.point:
        return f"write {seconds} for seconds, `{amount.written}ms` for milliseconds"
    return f"write {seconds}"


def _meant(text: str) -> str:
    """The duration that near-miss spellings mean, in backticks; "" where that is not clear."""
    total = at = 0
    pieces: list[str] = []
    unit = ""
    while at < len(text):
        piece = _PIECES.match(text, at)
        if piece is None:
            return ""
        at = piece.end()
        word = piece[2].lower()
        # `1h30` is 1h30m, as people say it.
        unit = _NEAR.get(word, word) or {"h": "m", "m": "s"}.get(unit, "")
        amount = read_amount(piece[1])
        factor = UNITS.get(unit, _DAYS.get(word, 0) * UNITS["h"])
        value = amount.scaled(factor) if amount is not None and factor else None
        if amount is None or value is None or value % UNITS["us"]:
            return ""
        total += value
        whole_number = unit in UNITS and not amount.point
        pieces.append(f"{amount.digits}{unit}" if whole_number else _in_one_unit(value))
    if not 0 < total <= LONGEST:
        return ""
    return f"`{pieces[0] if len(pieces) == 1 else format_duration(total)}`"


def _in_one_unit(nanoseconds: int) -> str:
    """A duration in the longest unit that leaves it whole: `1500ms`, not `1s500ms`."""
    fitting = (f"{nanoseconds // factor}{unit}" for unit, factor in UNITS.items() if not nanoseconds % factor)
    return next(fitting)
