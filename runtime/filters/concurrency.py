"""How many requests may be under way at once, counted by all workers together.

Owns the waiting of one more, and the giving back: when a request is over, however it ends, and by the
supervisor when a worker dies. Those that wait look again and again, so there is no order among them.
"""

from __future__ import annotations

import asyncio
from typing import Final

from gwc.schema.policies.limits import ConcurrencyRecord
from gwc.schema.table import RouteSettings

from ..filter import Filter, FilterContext, FilterFaulty, Outcome, Phase, Refuse
from ..state.buckets import BucketsFull, Holds
from .build import Making
from .keys import key_of

_LOOK_S: Final = (0.002, 0.05)
"""How long one that waits does so before it looks again: at first, and at most."""

_ALWAYS_WAITING: Final = 1024
"""Requests that wait in one worker for one limit; more are refused at once."""


def make(settings: RouteSettings, making: Making) -> Filter | None:
    """The filter of a route that has `concurrency`."""
    record = settings.concurrency
    if record is None:
        return None
    try:
        return Concurrency(record, making)
    except (BucketsFull, BlockingIOError) as fault:
        raise FilterFaulty(str(fault)) from fault


class Concurrency(Filter):
    """The limit of one route. Mutable: how many wait here."""

    name = "concurrency"
    phase = Phase.LIMITS

    def __init__(self, record: ConcurrencyRecord, making: Making) -> None:
        self._record = record
        self._key = key_of(record.key)
        self._tag = making.buckets.tag
        self._waiting = 0
        what = f"{record.scope} {record.key}"
        self._table: Holds = making.keep.at(
            ("concurrency", what, record.max_keys), lambda: making.buckets.holds(what, record.max_keys)
        )

    def on_request(self, context: FilterContext) -> Outcome:
        """Count it, let it wait, or turn it away."""
        tag = self._tag(self._key(context))
        place = self._table.take(tag, self._record.requests)
        if place >= 0:
            context.notes["concurrency"] = place
            return None
        if not self._record.wait_ms or self._waiting >= _ALWAYS_WAITING:
            return self._refusal()
        return self._later(tag, context)

    def on_end(self, context: FilterContext) -> None:
        """One less."""
        place = context.notes.pop("concurrency", None)
        if place is not None:
            self._table.leave(place)

    async def _later(self, tag: bytes, context: FilterContext) -> Refuse | None:
        """Wait for one of the others to end."""
        record = self._record
        self._waiting += 1
        pause, most = _LOOK_S
        try:
            async with asyncio.timeout(record.wait_ms / 1000):
                while True:
                    await asyncio.sleep(pause)
                    place = self._table.take(tag, record.requests)
                    if place >= 0:
                        context.notes["concurrency"] = place
                        return None
                    pause = min(pause * 2, most)
        except TimeoutError:
            return self._refusal()
        finally:
            self._waiting -= 1

    def _refusal(self) -> Refuse:
        record = self._record
        return Refuse(
            "concurrency",
            f"more than {record.requests} at once",
            "concurrency",
            record.status,
            (("retry-after", "1"),),
            record.message,
        )
