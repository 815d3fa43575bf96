"""Shares of requests: `5%`, `0.25%`.

Owns the spelling. The value is in millionths, which is what `sample` compares with.
"""

from __future__ import annotations

import re
from typing import Final

from .number import read_amount
from .refusal import ValueRefusal, quoted, whole

WHOLE: Final = 1_000_000
"""Millionths of everything: 100%."""

_SHARE: Final = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,4}))?%")
_HOW: Final = "write percent, with at most four decimals: `5%`, `0.25%`"


def parse_share(text: str) -> int | ValueRefusal:
    """The share in millionths, 0 to 1 000 000."""
    found = _SHARE.fullmatch(text)
    if found is None:
        return _refuse(text)
    share = int(found[1]) * 10_000 + int((found[2] or "").ljust(4, "0"))
    if share > WHOLE:
        return whole(text, f"{quoted(text)} is more than everything", "a share is at most `100%`")
    return share


def format_share(millionths: int) -> str:
    """A share as `parse_share` reads it, without needless zeros."""
    percent, rest = divmod(millionths, 10_000)
    decimals = f"{rest:04}".rstrip("0")
    return f"{percent}.{decimals}%" if decimals else f"{percent}%"


def _refuse(text: str) -> ValueRefusal:
    shown = quoted(text)
    if not text:
        return whole(text, "a share is empty", _HOW)
    amount = read_amount(text.replace("percent", "%"))
    if amount is None or amount.unit not in ("", "%"):
        return whole(text, f"{shown} is not a share", _HOW)
    share = amount.scaled(10_000)
    if amount.unit == "":
        if share is None or share > WHOLE:
            return whole(text, f"{shown} has no `%`", _HOW)
        advice = f"write `{format_share(share)}`"
        fraction = amount.scaled(WHOLE)
        if amount.point and fraction is not None and 0 < fraction < WHOLE:
            advice += f", or `{format_share(fraction)}` if a fraction of 1 was meant"
        return whole(text, f"{shown} has no `%`", advice)
    if share is None:
        return whole(text, f"{shown} is finer than `0.0001%`", _HOW)
    if share > WHOLE:
        return whole(text, f"{shown} is more than everything", "a share is at most `100%`")
    return whole(text, f"{shown} is not how a share is written", f"write `{format_share(share)}`")
