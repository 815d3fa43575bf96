"""Rates: so many requests in so much time, counted by all workers together.

Owns what becomes of a request over a limit, and what replies say of what is left. The count itself is
`state.buckets`'. Of several limits all must have room; what one had counted it gives back if another refuses.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from time import monotonic_ns
from typing import Final

from gwc.schema.policies.limits import RateLimitRecord
from gwc.schema.table import RouteSettings

from ..actions.headers import Field
from ..filter import Filter, FilterContext, FilterFaulty, Outcome, Phase, Refuse
from ..reply import Reply
from ..state.buckets import BucketsFull, Rates, Taken
from .build import Making
from .keys import key_of

_SECOND: Final = 1_000_000_000
_MILLISECOND: Final = 1_000_000
_TOLD_EVERY: Final = _SECOND
"""How often the error log says that a limit is exceeded that only tells."""

_OURS: Final = (b"x-ratelimit-", b"ratelimit:", b"ratelimit-po")
_BEGINNINGS: Final = (b"x", b"X", b"r", b"R")
_COUNTED: Final = "gwc_rate_limited_total"


def make(settings: RouteSettings, making: Making) -> Filter | None:
    """The filter of a route that has `rate-limit`."""
    if not settings.rate_limits:
        return None
    try:
        return RateLimits([Limit(record, making) for record in settings.rate_limits], making)
    except (BucketsFull, BlockingIOError) as fault:
        raise FilterFaulty(str(fault)) from fault


class Limit:
    """One limit and its counts."""

    __slots__ = (
        "burst",
        "capacity",
        "interval",
        "key",
        "name",
        "patience",
        "policy",
        "record",
        "table",
        "told",
    )

    def __init__(self, record: RateLimitRecord, making: Making) -> None:
        self.record = record
        self.name = record.name.encode("ascii")
        self.key = key_of(record.key)
        self.interval = -(-record.per_ms * _MILLISECOND // record.requests)
        self.burst = record.burst
        self.capacity = record.burst * self.interval
        self.patience = record.delay_ms * _MILLISECOND if record.over == "delay" else 0
        self.policy = f'"{record.name}";q={record.requests};w={-(-record.per_ms // 1000)}'
        self.told = 0
        what = f"{record.scope} {record.name} {record.requests} {record.per_ms} {record.burst} {record.key}"
        self.table: Rates = making.keep.at(
            ("rate-limit", what, record.max_keys), lambda: making.buckets.rates(what, record.max_keys)
        )

    def left(self, taken: Taken) -> int:
        """How many more may come at once."""
        return max(self.capacity - taken.full, 0) // self.interval


class RateLimits(Filter):
    """The limits of one route. Mutable: when it was told of each last."""

    name = "rate-limit"
    phase = Phase.LIMITS

    def __init__(self, limits: list[Limit], making: Making) -> None:
        self._limits = limits
        self._observer = making.observer
        self._tag = making.buckets.tag
        self._told = [each for each in limits if each.record.fields]
        self._policies = b"ratelimit-policy: " + ", ".join(each.policy for each in self._told).encode("ascii")

    def on_request(self, context: FilterContext) -> Outcome:
        """Count it, let it wait, or turn it away."""
        now = monotonic_ns()
        counted: list[tuple[Limit, bytes, Taken]] = []
        wait = 0
        context.notes["rate-limit"] = counted
        for limit in self._limits:
            tag = self._tag(limit.key(context))
            taken = limit.table.take(tag, now, limit.interval, limit.burst, limit.patience)
            counted.append((limit, tag, taken))
            if not taken.admitted:
                if limit.record.over == "log":
                    self._tell(limit, context, now)
                    continue
                for each, its_tag, its in counted:
                    if its.admitted:
                        each.table.give_back(its_tag, each.interval)
                return self._refusal(limit, taken, context)
            wait = max(wait, taken.wait)
        if not wait:
            return None
        self._observer.counted(_COUNTED, (context.plan.route, "delayed"))
        return _later(wait / _SECOND)

    def on_reply(self, context: FilterContext, reply: Reply) -> None:
        """What is left, in place of what a target may say of its own limits."""
        counted = context.notes.get("rate-limit")
        if not counted or not self._told:
            return
        lines = reply.lines
        for line in lines:
            # PERF: few begin with such a letter, and none has to be made lower for that.
            if line[:1] in _BEGINNINGS and line[:12].lower().startswith(_OURS):
                lines = [line for line in lines if not line[:12].lower().startswith(_OURS)]
                break
        if len(self._limits) == 1:
            limit, _, taken = counted[0]
            left, full = limit.left(taken), -(-taken.full // _SECOND)
            lines += (
                b"x-ratelimit-limit: %d" % limit.burst,
                b"x-ratelimit-remaining: %d" % left,
                b"x-ratelimit-reset: %d" % full,
                self._policies,
                b'ratelimit: "%b";r=%d;t=%d' % (limit.name, left, full),
            )
            reply.lines = lines
            return
        each = [(limit, limit.left(taken), -(-taken.full // _SECOND)) for limit, _, taken in counted]
        each = [one for one in each if one[0].record.fields]
        if each:
            nearest, left, full = min(each, key=lambda one: one[1] / one[0].burst)
            lines.append(b"x-ratelimit-limit: %d" % nearest.burst)
            lines.append(b"x-ratelimit-remaining: %d" % left)
            lines.append(b"x-ratelimit-reset: %d" % full)
            lines.append(self._policies)
            said = ", ".join(f'"{limit.record.name}";r={left};t={full}' for limit, left, full in each)
            lines.append(b"ratelimit: " + said.encode("ascii"))
        reply.lines = lines

    def _refusal(self, limit: Limit, taken: Taken, context: FilterContext) -> Refuse:
        self._observer.counted(_COUNTED, (context.plan.route, "rejected"))
        seconds = max(-(-taken.wait // _SECOND), 1)
        fields: tuple[Field, ...] = (("retry-after", str(seconds)),)
        record = limit.record
        detail = f"more than {record.requests} in {record.per_ms} ms"
        return Refuse("rate-limited", detail, record.name, record.status, fields, record.message)

    def _tell(self, limit: Limit, context: FilterContext, now: int) -> None:
        """A limit that only tells: the metric counts each, the log has one line a second."""
        self._observer.counted(_COUNTED, (context.plan.route, "logged"))
        if now - limit.told >= _TOLD_EVERY:
            limit.told = now
            client = context.record.client_ip
            name = limit.record.name
            self._observer.error("warning", "rate-limit", route=context.plan.route, limit=name, client=client)


def _later(seconds: float) -> Awaitable[None]:
    return asyncio.sleep(seconds)
