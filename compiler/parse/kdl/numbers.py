"""What the text of a number stands for.

Owns the shape of a number and its value. Source: KDL 2.0.0, "Number"; KDL 1 has the same.
"""

from __future__ import annotations

import re
from decimal import Decimal

NUMBER = re.compile(
    r"[+-]?(?:0x[0-9a-fA-F][0-9a-fA-F_]*+|0o[0-7][0-7_]*+|0b[01][01_]*+"
    r"|[0-9][0-9_]*+(?:\.[0-9][0-9_]*+)?(?:[eE]([+-]?[0-9][0-9_]*+))?)"
)
"""To be matched in full. Group 1 is the exponent of a decimal."""

MAX_DIGITS = 1000
"""A longer number is refused: reading it takes quadratic time, and nothing here needs it."""

MAX_EXPONENT = 9999
"""A larger power of ten is refused: written out it would fill the memory."""


class NotANumberError(ValueError):
    """Raised when a text begins like a number and is none."""


class HugeNumberError(ValueError):
    """Raised when a number has too many digits."""


def number(text: str) -> int | Decimal:
    """The number that `text` spells; `NotANumberError` or `HugeNumberError` if it is none to work with.

    Whole numbers are `int`; what has a point or an exponent is `Decimal`, as exact as it was written.
    """
    match = NUMBER.fullmatch(text)
    if match is None:
        raise NotANumberError
    if len(text) > MAX_DIGITS:
        raise HugeNumberError
    digits = text.replace("_", "")
    unsigned = digits.lstrip("+-")
    base = {"0x": 16, "0o": 8, "0b": 2}.get(unsigned[:2])
    if base is not None:
        return int(unsigned[2:], base) * (-1 if digits[0] == "-" else 1)
    exponent = match[1]
    if exponent is not None:
        if abs(int(exponent.replace("_", ""))) > MAX_EXPONENT:
            raise HugeNumberError
        return Decimal(digits)
    return Decimal(digits) if "." in unsigned else int(digits)
