"""The tries of one request: what is kept of it, how often it was tried, where it goes next.

Owns the course between a failure and the next try. What may be tried again is decided by `retrying.py`, which
upstream is turned to by `fallback.py`; the exchange asks here after every failure and every reply, and goes
on where the answer is yes. Routes that say nothing of it have no such object.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import random
from time import time
from typing import TYPE_CHECKING, Literal, NamedTuple

from gwc.schema.policies.fallback import FallbackRecord
from gwc.schema.policies.retries import RetriesRecord

from .fallback import Fallback, Others, has_failed, is_called_for
from .plan import times_of
from .reply import Reply
from .retrying import (
    MAX_TRIES,
    UNSENT,
    Budget,
    Cause,
    Withheld,
    asked_wait_s,
    back_off_s,
    cause_of,
    failed_by,
    is_left_alone,
)
from .timers import NEVER

if TYPE_CHECKING:
    from gwc.schema.table import RouteSettings

    from .exchange import Exchange
    from .filters.keeping import Keeping
    from .upstream.targets import Setup, Target


class TryRules(NamedTuple):
    """What a route says of further tries. Bodies up to `kept_bytes` are kept to be sent again."""

    retries: RetriesRecord | None
    budget: Budget | None
    fallback: FallbackRecord | None
    others: Others
    kept_bytes: int


def rules_of(
    route: str, settings: RouteSettings, keeping: Keeping, upstreams: Sequence[Setup]
) -> TryRules | None:
    """What a route says of further tries. A budget that stays as it was goes on counting. `upstreams` are the
    table's, by number.
    """
    retries, fallback = settings.retries, settings.fallback
    if retries is None and fallback is None:
        return None
    budget, record = None, None if retries is None else retries.budget
    if record is not None:
        budget = keeping.at(("retry-budget", route, record), lambda: Budget(record))
    setups = [] if fallback is None else [upstreams[number] for number in fallback.upstreams]
    others = tuple((each.upstream, times_of(settings, each.timeouts)) for each in setups)
    limits = [each.body_bytes for each in (retries, fallback) if each is not None]
    return TryRules(retries, budget, fallback, others, max(limits))


class Tries:
    """Those of one request.

    Mutable: the pieces of the body that were sent (None where they were too long to keep); how many further
    tries there were, and attempts before the present upstream; whether a reply was taken, and whether it has
    failed all the same; the target of the present try and when that ends; the wait that is under way.
    `latest_head_at` is when a reply's head is too late, so that another upstream is turned to.
    """

    __slots__ = (
        "_before",
        "_ends_at",
        "_exchange",
        "_fallback",
        "_kept",
        "_more",
        "_room",
        "_rules",
        "_spent",
        "_taken",
        "_target",
        "_waiting",
        "latest_head_at",
    )

    def __init__(self, exchange: Exchange, rules: TryRules) -> None:
        self._exchange = exchange
        self._rules = rules
        self._fallback = None if rules.fallback is None else Fallback(rules.fallback, rules.others)
        self._kept: list[bytes] | None = None if exchange.length > rules.kept_bytes else []
        self._room = rules.kept_bytes
        self._more = 0
        self._before = 0
        self._taken = False
        self._spent = False
        self._target: Target | None = None
        self._ends_at = NEVER
        self._waiting: asyncio.TimerHandle | None = None
        self.latest_head_at = self._latest_head()
        if rules.budget is not None:
            rules.budget.asked(exchange.services.loop.time())

    # --- as it goes ------------------------------------------------------------------------------------

    def connected(self, target: Target, pieces: tuple[bytes, ...], ends_at: float) -> float:
        """The request goes out, with what there is of its body. `ends_at` is when the try is over; the answer
        is when it is given up, perhaps for another upstream.
        """
        self._target = target
        self._ends_at = ends_at
        for piece in pieces:
            self.sent(piece)
        return min(ends_at, self.latest_head_at)

    def sent(self, piece: bytes) -> None:
        """A piece of the body went out."""
        if self._kept is not None:
            self._room -= len(piece)
            if self._room < 0:
                self._kept = None
            else:
                self._kept.append(piece)

    def mark(self, reply: Reply) -> None:
        """What the client is told of the tries."""
        if self._fallback is not None and self._fallback.first:
            self._fallback.mark(reply, self._exchange.record.upstream)

    def end(self) -> None:
        """The request is over."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        record = self._exchange.record
        if self._fallback is not None and self._fallback.first and record.reason != "client-gone":
            result = "success" if self._taken and not self._spent else "exhausted"
            self._exchange.services.observer.fallback_ended(record, result)

    # --- after a try -----------------------------------------------------------------------------------

    def after_failure(self, reason: str) -> bool:
        """Whether the request goes on though a try came to nothing."""
        exchange = self._exchange
        if exchange.over or self._taken:
            return False
        cause = cause_of(reason)
        if cause == "no-target" and self._more and exchange.tried:
            # Each has been tried: from the beginning, the last one last.
            exchange.tried = exchange.tried[-1:] if len(exchange.tried) > 1 else ()
            exchange.acquire()
            return True
        if reason == "try-timeout" and exchange.services.timers.now >= self.latest_head_at:
            if not self._turn(cause, reason, "latency"):
                # Nobody to turn to: it is waited for as if nothing had been said.
                self.latest_head_at = NEVER
                exchange.wait_on(self._ends_at)
            return True
        record = exchange.record
        left_alone = is_left_alone(
            reason, reused=record.reused, length=exchange.length, method=exchange.head.method
        )
        wait_s = self._wait_after(cause, None, at_once=left_alone)
        if wait_s is None:
            return self._calls(cause) and self._turn(cause, reason, reason)
        self._tell_failure(reason, blame=not left_alone)
        self._try_again(cause, wait_s, same=left_alone)
        return True

    def after_refusal(self, sent: tuple[bytes, ...] | None) -> bool:
        """Whether the request goes on though the target would not begin with it. `sent` is all of the body
        that went there, None where that is not known any more.
        """
        wait_s = self._wait_after("reset", None, at_once=True) if sent is not None else None
        if wait_s is None:
            return self._calls("reset") and self._turn("reset", "stream-refused", "stream-refused")
        self._tell_failure("stream-refused", blame=False)
        self._try_again("reset", wait_s, same=True, sent=sent)
        return True

    def after_reply(self, reply: Reply) -> bool:
        """Whether the request goes on though a reply has come."""
        exchange, retries = self._exchange, self._rules.retries
        cause: Cause = ""
        if retries is not None and not self._turned:
            cause = failed_by(reply, retries.statuses, retries.headers)
        wait_s = self._wait_after(cause, reply) if cause else None
        if wait_s is not None:
            if exchange.chosen is not None:
                exchange.chosen.answered(exchange.head, reply)
            self._try_again(cause, wait_s)
            return True
        failed = self._fallback is not None and has_failed(self._fallback.record, reply)
        if failed and self._turn("status", "", f"status-{reply.status}", reply):
            return True
        self._taken, self._spent = True, failed
        return False

    @property
    def _turned(self) -> bool:
        """Whether the request is at another upstream than its first."""
        return self._fallback is not None and bool(self._fallback.first)

    def _wait_after(self, cause: Cause, reply: Reply | None, *, at_once: bool = False) -> float | None:
        """How long to wait before the next try at this upstream; None: there is none. `at_once`: nothing was
        done that could be done twice, and nobody was at fault.
        """
        exchange, retries = self._exchange, self._rules.retries
        upstream = exchange.upstream
        assert upstream is not None
        if retries is None or self._turned:
            most = MAX_TRIES if at_once else min(MAX_TRIES, len(upstream.targets))
            goes_on = at_once or cause == "connect-failure"
            return 0.0 if goes_on and exchange.record.attempts - self._before < most else None
        if self._more >= retries.times:
            return None
        if at_once:
            return 0.0
        if reply is None and cause not in retries.on:
            return None
        if cause not in UNSENT and (kept_back := self._kept_back(retries.methods, retries.body_bytes)):
            self._withheld(kept_back)
            return None
        if cause == "connect-failure" and not all(
            each.disabled or each.out or each in exchange.tried for each in upstream.targets
        ):
            wait_s = 0.0
        else:
            wait_s = back_off_s(retries, self._more + 1, random())
        if reply is not None and retries.retry_after_ms:
            asked_s = asked_wait_s(reply, time())
            if asked_s is not None:
                if asked_s * 1000 > retries.retry_after_ms:
                    self._withheld("retry-after")
                    return None
                wait_s = asked_s
        if wait_s >= exchange.left_s:
            self._withheld("deadline")
            return None
        budget = self._rules.budget
        if budget is not None and not budget.allows(exchange.services.loop.time()):
            self._withheld("budget")
            return None
        return wait_s

    def _kept_back(self, methods: tuple[str, ...], most: int) -> Literal["method", "body"] | None:
        """Why a request that was sent may not be sent again. Its body is at hand up to `most` bytes."""
        if self._exchange.head.method not in methods:
            return "method"
        if self._kept is None or self._rules.kept_bytes - self._room > most or self._exchange.length > most:
            return "body"
        return None

    def _withheld(self, why: Withheld) -> None:
        self._exchange.services.observer.retry_withheld(self._exchange.record.route, why)

    def _tell_failure(self, reason: str, *, blame: bool = True) -> None:
        """A try has failed and is not the last one."""
        exchange = self._exchange
        exchange.services.observer.upstream_failed(exchange.record.upstream, exchange.record.target, reason)
        if blame and exchange.chosen is not None:
            exchange.chosen.failed(exchange.late_reason if reason == "try-timeout" else reason)

    # --- the next try ----------------------------------------------------------------------------------

    def _try_again(
        self, cause: Cause, wait_s: float, *, same: bool = False, sent: tuple[bytes, ...] | None = None
    ) -> None:
        """Leave the target, and go on; `same`: to the same one perhaps. `sent` is the body as far as it went
        out, None: what was kept of it.
        """
        exchange = self._exchange
        exchange.services.observer.retried(exchange.record, cause)
        self._more += 1
        if not same and self._target is not None and self._target not in exchange.tried:
            exchange.tried += (self._target,)
        self._leave(sent)
        if wait_s > 0:
            self._waiting = exchange.services.loop.call_later(wait_s, self._go_on)
            exchange.rest()
        else:
            exchange.go_on()

    def _leave(self, sent: tuple[bytes, ...] | None) -> None:
        """Let go of the target; what went out of the body waits again."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._target = None
        self._exchange.leave(tuple(self._kept or ()) if sent is None else sent)
        if self._kept is not None:
            self._kept = []
            self._room = self._rules.kept_bytes

    def _go_on(self) -> None:
        """The wait is over."""
        self._waiting = None
        self._exchange.go_on()

    # --- another upstream ------------------------------------------------------------------------------

    def _calls(self, cause: Cause) -> bool:
        """Whether a failure without a reply has another upstream turned to."""
        return self._fallback is not None and is_called_for(self._fallback.record, cause)

    def _latest_head(self) -> float:
        """When a reply's head of the present upstream is too late."""
        fallback = self._rules.fallback
        if fallback is None or not fallback.latency_ms:
            return NEVER
        if self._kept_back(fallback.methods, fallback.body_bytes):
            return NEVER
        return self._exchange.services.timers.now + fallback.latency_ms / 1000

    def _turn(self, cause: Cause, reason: str, told: str, reply: Reply | None = None) -> bool:
        """Turn to the next upstream, if there is one and the request can be sent again. `told` is what is
        said of it; `reply` the one that has failed, if any.
        """
        exchange, fallback = self._exchange, self._fallback
        if fallback is None:
            return False
        record = fallback.record
        if cause not in UNSENT and self._kept_back(record.methods, record.body_bytes):
            return False
        current = exchange.record.upstream
        found = fallback.next(current, told)
        if found is None:
            return False
        if reply is None:
            self._tell_failure(reason)
        elif exchange.chosen is not None:
            exchange.chosen.answered(exchange.head, reply)
        exchange.services.observer.fell_back(exchange.record, found[0].name)
        self._before = exchange.record.attempts
        self.latest_head_at = NEVER
        self._leave(None)
        self.latest_head_at = self._latest_head()
        exchange.record.original_upstream, exchange.record.fallback_reason = fallback.first, told
        exchange.move(*found)
        exchange.go_on()
        return True
