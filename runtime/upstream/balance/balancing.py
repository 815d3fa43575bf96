"""What an algorithm is asked, and what it may know of a target.

Owns the interface between algorithms and whoever keeps the targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class NothingToPick(LookupError):
    """Every target has the weight 0, or there is none."""


class Burden(Protocol):
    """What one target has to do in this worker.

    `load`: requests under way. `latency_s` with `latency_at`: how long it took to begin its replies, and when
    that was found out (seconds of the monotonic clock).
    """

    load: int
    latency_s: float
    latency_at: float


class Balancing(Protocol):
    """One algorithm with its targets."""

    def pick(self, exchange: object = None) -> int:
        """The target that is next for a request; NothingToPick where no target has a weight."""

    def pick_from(self, allowed: Sequence[bool], exchange: object = None) -> int | None:
        """Likewise among the allowed ones; None where there is none."""
