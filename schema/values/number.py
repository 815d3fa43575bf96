"""Digits with a unit, taken apart.

Owns how numbers are spelt in values: ASCII digits, no sign, no exponent. A decimal point is read so that the
refusal can say what to write instead. Bounded, so that no text makes a slow number.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_AMOUNT: Final = re.compile(r"([0-9]*)([.,]?)([0-9]*)([ _]*)([^0-9.,\s_]*)")

MAX_DIGITS: Final = 16
"""Digits of a number: enough for every limit that a value has."""

LONGEST: Final = 100
"""Characters of a value with a unit, above which nobody is asked what was meant."""


class Amount(NamedTuple):
    """One number and what stands behind it: `1.5 GiB` is ("1", ".", "5", " ", "GiB")."""

    digits: str
    point: str
    decimals: str
    gap: str
    unit: str

    @property
    def written(self) -> str:
        """The number alone, as it was written."""
        return self.digits + self.point + self.decimals

    def scaled(self, factor: int) -> int | None:
        """The number times `factor`, None where that is no whole number."""
        numerator = int((self.digits or "0") + self.decimals) * factor
        value, rest = divmod(numerator, 10 ** len(self.decimals))
        return None if rest else value


def read_amount(text: str) -> Amount | None:
    """`text` as a number and a unit, None where it has another shape or too many digits."""
    if len(text) > LONGEST:
        return None
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return None
    amount = Amount(*found.groups())
    digits = len(amount.digits) + len(amount.decimals)
    if not 0 < digits <= MAX_DIGITS or (amount.point and not amount.decimals):
        return None
    return amount
