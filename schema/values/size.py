"""Sizes: `10MiB`, `512KiB`, `1GB`, `100B`.

Owns units and spelling. The value is a whole number of bytes. Decimal and binary units both exist, so a unit
that leaves open which of them it is gets a question instead of a guess.
"""

from __future__ import annotations

import re
from typing import Final

from .number import Amount, read_amount
from .refusal import ValueRefusal, grouped, quoted, whole

UNITS: Final = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}
"""Bytes of each unit."""

LARGEST: Final = 1 << 50
"""1024 TiB."""

_SIZE: Final = re.compile(rf"([0-9]{{1,16}})({'|'.join(UNITS)})")
_KNOWN: Final = "write a number with `B`, `KB`, `MB`, `GB` (thousands) or `KiB`, `MiB`, `GiB` (1024s)"
_LETTERS: Final = {"k": "K", "m": "M", "g": "G", "t": "T"}


def parse_size(text: str) -> int | ValueRefusal:
    """The size in bytes, at most 1024 TiB; whether zero makes sense is the key's matter."""
    found = _SIZE.fullmatch(text)
    if found is None:
        return _refuse(text)
    size = int(found[1]) * UNITS[found[2]]
    if size > LARGEST:
        return whole(text, f"{quoted(text)} is more than `1024TiB`", "leave it out if there is no limit")
    return size


def format_size(size: int) -> str:
    """A size in the largest unit that leaves it whole, binary ones first."""
    for unit in ("TiB", "GiB", "MiB", "KiB", "TB", "GB", "MB", "KB"):
        if size and size % UNITS[unit] == 0:
            return f"{size // UNITS[unit]}{unit}"
    return f"{size}B"


def _refuse(text: str) -> ValueRefusal:
    """What is wrong with text that is no size, and what was likely meant."""
    shown = quoted(text)
    if not text:
        return whole(text, "a size is empty", _KNOWN)
    if text[0] in "-+":
        return whole(text, f"{shown} has a sign", _KNOWN)
    amount = read_amount(text)
    if amount is None:
        return whole(text, f"{shown} is not a size", _KNOWN)
    if not amount.unit:
        meant = _written(amount, "B")
        return whole(
            text, f"{shown} has no unit", f"write {meant} for bytes, or another unit" if meant else _KNOWN
        )
    unit = amount.unit
    if unit in UNITS:
        meant = _written(amount, unit)
        if meant:
            return whole(text, f"{shown} is not how a size is written", f"write {meant}")
        return whole(text, f"{shown} is not a whole number of bytes", _KNOWN)
    return _refuse_unit(text, amount)


def _refuse_unit(text: str, amount: Amount) -> ValueRefusal:
    shown, unit = quoted(text), amount.unit
    lower = unit.lower()
    letter = _LETTERS.get(lower[:1], "")
    bits = (unit.endswith("b") and lower != "b" and unit[0] in "KMGT") or "bit" in lower
    if lower in ("b", "byte", "bytes"):
        return whole(text, f"{shown} has no unit that is known", _suggest(amount, "B"))
    if letter and bits:
        return whole(
            text,
            f"{shown} is in bits",
            f"sizes are in bytes: {_either(amount, letter)}",
        )
    if letter and lower[1:] in ("ib", "ibyte", "ibytes"):
        return whole(text, f"{shown} has no unit that is known", _suggest(amount, f"{letter}iB"))
    if letter and lower[1:] in ("", "b", "i"):
        return whole(
            text, f"{shown} does not say which unit is meant", f"did you mean {_either(amount, letter)}?"
        )
    return whole(text, f"{shown} has no unit that is known", _KNOWN)


def _written(amount: Amount, unit: str) -> str:
    """The size that a number with this unit is, in backticks; "" where it is none."""
    size = amount.scaled(UNITS[unit])
    if size is None or size > LARGEST:
        return ""
    return f"`{format_size(size) if amount.point else amount.digits + unit}`"


def _suggest(amount: Amount, unit: str) -> str:
    meant = _written(amount, unit)
    return f"write {meant}" if meant else _KNOWN


def _either(amount: Amount, letter: str) -> str:
    """Both readings of a number with `K`, `M`, `G` or `T`, with what they come to."""
    readings = []
    for unit in (f"{letter}B", f"{letter}iB"):
        meant = _written(amount, unit)
        if meant:
            readings.append(f"{meant} ({grouped(amount.scaled(UNITS[unit]) or 0)} bytes)")
    return " or ".join(readings) if readings else "`MB` or `MiB`"
