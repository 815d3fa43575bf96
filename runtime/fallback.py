"""Upstreams that a request turns to when its own one fails: when, to which, and what the client is told.

Owns the decisions, and of one request which upstreams are left. Who carries them out is `tries.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gwc.schema.policies.fallback import FallbackRecord

from .reply import Reply
from .retrying import Cause

if TYPE_CHECKING:
    from .plan import Times
    from .upstream.pool import Upstream

Others = tuple[tuple["Upstream", "Times"], ...]
"""The upstreams of a fallback in their order, with the time limits that hold there."""

_FIELDS: Final = ("x-fallback-used", "x-fallback-upstream", "x-fallback-reason", "x-original-upstream")


def is_called_for(record: FallbackRecord, cause: Cause) -> bool:
    """Whether a failure without a reply has another upstream turned to."""
    return cause in record.on


def has_failed(record: FallbackRecord, reply: Reply) -> bool:
    """Whether a reply has."""
    return reply.status in record.statuses


class Fallback:
    """The upstreams that one request may still turn to.

    Mutable: which is next, how many are left, `first` (the name of the upstream that failed) and `reason`,
    both "" until one has been turned to.
    """

    __slots__ = ("_left", "_next", "_others", "first", "reason", "record")

    def __init__(self, record: FallbackRecord, others: Others) -> None:
        self.record = record
        self.first = ""
        self.reason = ""
        self._others = others
        self._next = 0
        self._left = record.attempts or len(others)

    def next(self, current: str, reason: str) -> tuple[Upstream, Times] | None:
        """The upstream to turn to from the `current` one, which failed for `reason`; None: there is none."""
        first = self.first or current
        while self._left and self._next < len(self._others):
            upstream, times = self._others[self._next]
            self._next += 1
            if upstream.name != first:
                self._left -= 1
                self.first, self.reason = first, reason
                return upstream, times
        return None

    def mark(self, reply: Reply, upstream: str) -> None:
        """Say in a reply that it is from another upstream than the route's own."""
        kept = [
            line for line in reply.lines if line.partition(b":")[0].lower().decode("latin-1") not in _FIELDS
        ]
        said = zip(_FIELDS, ("true", upstream, self.reason, self.first), strict=True)
        reply.lines = kept + [f"{name}: {value}".encode() for name, value in said]
