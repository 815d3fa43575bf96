"""Whose turn it is among targets: smooth weighted round robin.

Owns the order, and nothing of what a target is: targets are numbers. The algorithm is nginx's: each turn
every target gains its weight, the one with most goes and gives the sum of all back, so the turns of a heavy
target are spread evenly. The state is a worker's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import gcd
from random import randrange
from typing import Final

from .balancing import NothingToPick

_MOST_STEPS: Final = 8_192
"""Weights summed up and multiplied by targets, up to which the whole order is worked out beforehand: about
1 ms. A longer order is worked out turn by turn."""


class Smooth:
    """The turns of targets 0, 1, 2 … with these weights.

    Over any `sum(weights)` turns in a row each target has exactly as many as its weight says; weight 0 has
    none. `phase` is the number of turns that are taken as gone already; without it a random number, so that
    workers that start together do not all send their first request to the same target.

    PERF: 0.1 us a turn where the order is known beforehand (equal weights, or few targets with small
    weights), else 0.1 us for each target.
    """

    __slots__ = ("_at", "_current", "_length", "_order", "_reduced", "_taking", "weights")

    def __init__(self, weights: Sequence[int], phase: int | None = None) -> None:
        assert all(weight >= 0 for weight in weights), f"a weight is a share: {weights}"
        self.weights: Final = tuple(weights)
        divisor = reduce(gcd, self.weights, 0) or 1
        self._reduced = tuple(weight // divisor for weight in self.weights)
        self._taking = tuple(number for number, weight in enumerate(self._reduced) if weight)
        self._current = [0] * len(self.weights)
        total = sum(self._reduced)
        self._length = total
        if phase is None:
            phase = randrange(total) if total else 0
        order = self._whole_order(total)
        self._order = order
        self._at = phase % total if total else 0
        if order is None:
            everyone = self._taking
            for _ in range(self._at % (_MOST_STEPS // len(everyone) + 1)):
                self._turn(everyone)

    def pick(self, exchange: object = None) -> int:
        """The target whose turn it is; NothingToPick where no target may have one."""
        order = self._order
        if order is None:
            return self._turn(self._taking)
        at = self._at
        try:
            picked = order[at]
        except IndexError:
            raise NothingToPick("no target has a weight above 0") from None
        at += 1
        self._at = at if at < self._length else 0
        return picked

    def pick_from(self, allowed: Sequence[bool], exchange: object = None) -> int | None:
        """The target whose turn it is among the allowed ones; None where there is none.

        Those that are not allowed neither gain nor lose turns meanwhile: one that comes back does not make
        up for the time that it was away.
        """
        among = [number for number in self._taking if allowed[number]]
        if len(among) == len(self._taking):
            return self.pick() if among else None
        if len(among) < 2:
            return among[0] if among else None
        return self._turn(among)

    def with_weights(self, weights: Sequence[int]) -> Smooth:
        """For these weights: this one, its turns going on, where they are the same, else a new one."""
        return self if self.weights == tuple(weights) else Smooth(weights)

    def _turn(self, among: Sequence[int]) -> int:
        """One turn among targets whose weights are above 0; there is at least one."""
        current, weights = self._current, self._reduced
        best, most, total = -1, 0, 0
        for number in among:
            weight = weights[number]
            total += weight
            current[number] = now = current[number] + weight
            if best < 0 or now > most:
                best, most = number, now
        current[best] -= total
        return best

    def _whole_order(self, total: int) -> Sequence[int] | None:
        """All turns until they repeat, None where that is too much to keep."""
        taking = self._taking
        if not taking:
            return ()
        if total == len(taking):
            return range(total) if total == len(self.weights) else taking
        if total * len(taking) > _MOST_STEPS:
            return None
        order = [self._turn(taking) for _ in range(total)]
        assert not any(self._current), "after as many turns as weights everything is as before"
        return bytes(order) if len(self.weights) <= 256 else tuple(order)
