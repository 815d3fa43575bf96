"""Of two targets drawn by weight the one with fewer requests under way for its weight.

Owns the comparison. It costs the same for any number of targets, and targets that no worker knows to be slow
are never rushed at by all workers at once, as the least of all would be (Mitzenmacher, "The Power of Two
Choices in Randomized Load Balancing").
"""

from __future__ import annotations

from collections.abc import Sequence

from .balancing import Burden, NothingToPick
from .drawing import Draw


class TwoChoices:
    """The draws are independent, so a target may be drawn twice. Of equals the first is taken: an idle
    upstream is served by weight.
    """

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
        burdens, weights = self._burdens, draw.weights
        return other if burdens[other].load * weights[one] < burdens[one].load * weights[other] else one
