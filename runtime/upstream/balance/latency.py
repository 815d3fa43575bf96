"""Of two targets drawn by weight the one that is expected to answer sooner: peak EWMA, as in Finagle.

Owns the average. A target's latency is the time from the end of a request's head to the head of its reply.
The average goes up at once and comes down slowly, and fades while nothing is heard, so that a target that was
slow is asked again some time. Averages are those of this worker.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp
from time import monotonic
from typing import Final

from .balancing import Burden, NothingToPick
from .drawing import Draw

FADES_S: Final = 10.0
"""After so long an average has faded to a third."""

_UNKNOWN_S: Final = 1e3
"""What a target that has not answered yet counts for each request that waits there: one at a time."""


def observe(burden: Burden, seconds: float, now: float) -> None:
    """Add one latency: up at once, down by as much as time has gone by."""
    if seconds > burden.latency_s:
        burden.latency_s = seconds
    else:
        share = exp((burden.latency_at - now) / FADES_S)
        burden.latency_s = burden.latency_s * share + seconds * (1.0 - share)
    burden.latency_at = now


class Latency:
    """The cost of a target is its faded average times the requests that would be under way for its weight."""

    __slots__ = ("_burdens", "_draw")

    def __init__(self, weights: Sequence[int], burdens: Sequence[Burden]) -> None:
        self._draw = Draw(weights)
        self._burdens = tuple(burdens)

    def pick(self, exchange: object = None) -> int:
        """See Balancing."""
        return self._better(self._draw)

    def pick_from(self, allowed: Sequence[bool], exchange: object = None) -> int | None:
        """See Balancing."""
        try:
            return self._better(self._draw.among(allowed))
        except NothingToPick:
            return None

    def _better(self, draw: Draw) -> int:
        one, other = draw.one(), draw.one()
        if one == other:
            return one
        now = monotonic()
        cost, others = self._cost(one, draw, now), self._cost(other, draw, now)
        return other if others < cost else one

    def _cost(self, number: int, draw: Draw, now: float) -> float:
        burden = self._burdens[number]
        if not burden.latency_s:
            return burden.load * _UNKNOWN_S
        faded = burden.latency_s * exp((burden.latency_at - now) / FADES_S)
        return faded * (1.0 + burden.load / draw.weights[number])
