"""The tries of one request: what is kept of it, how often it was tried, where it goes next.

Owns the course between a failure and the next try. What may be tried again is decided by `retrying.py`; the
exchange asks here after every failure and every reply, and goes on where the answer is yes. Routes that say
nothing of it have no such object.
"""

from __future__ import annotations

import asyncio
from random import random
from time import time
from typing import TYPE_CHECKING, NamedTuple

from gwc.schema.policies.retries import RetriesRecord

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

if TYPE_CHECKING:
    from gwc.schema.table import RouteSettings

    from .exchange import Exchange
    from .filters.keeping import Keeping
    from .upstream.targets import Target


class TryRules(NamedTuple):
    """What a route says of further tries. Bodies up to `kept_bytes` are kept to be sent again."""

    retries: RetriesRecord | None
    budget: Budget | None
    kept_bytes: int


def rules_of(route: str, settings: RouteSettings, keeping: Keeping) -> TryRules | None:
    """What a route says of further tries. A budget that stays as it was goes on counting."""
    retries = settings.retries
    if retries is None:
        return None
    budget, record = None, retries.budget
    if record is not None:
        budget = keeping.at(("retry-budget", route, record), lambda: Budget(record))
    return TryRules(retries, budget, retries.body_bytes)


class Tries:
    """Those of one request.

    Mutable: the pieces of the body that were sent (None where they were too long to keep), how many further
    tries there were, whether a reply was taken, and the wait that is under way.
    """

    __slots__ = ("_exchange", "_kept", "_more", "_room", "_rules", "_taken", "_target", "_waiting")

    def __init__(self, exchange: Exchange, rules: TryRules) -> None:
        self._exchange = exchange
        self._rules = rules
        self._kept: list[bytes] | None = None if exchange.length > rules.kept_bytes else []
        self._room = rules.kept_bytes
        self._more = 0
        self._taken = False
        self._target: Target | None = None
        self._waiting: asyncio.TimerHandle | None = None
        if rules.budget is not None:
            rules.budget.asked(exchange.services.loop.time())

    # --- as it goes ------------------------------------------------------------------------------------

    def connected(self, target: Target, pieces: tuple[bytes, ...]) -> None:
        """The request goes out, with what there is of its body."""
        self._target = target
        for piece in pieces:
            self.sent(piece)

    def sent(self, piece: bytes) -> None:
        """A piece of the body went out."""
        if self._kept is not None:
            self._room -= len(piece)
            if self._room < 0:
                self._kept = None
            else:
                self._kept.append(piece)

    def end(self) -> None:
        """The request is over."""
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

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
        record = exchange.record
        left_alone = is_left_alone(
            reason, reused=record.reused, length=exchange.length, method=exchange.head.method
        )
        wait_s = self._wait_after(cause, None, at_once=left_alone)
        if wait_s is None:
            return False
        exchange.services.observer.upstream_failed(record.upstream, record.target, reason)
        if exchange.chosen is not None and not left_alone:
            exchange.chosen.failed(exchange.late_reason if reason == "try-timeout" else reason)
        self._try_again(cause, wait_s, same=left_alone)
        return True

    def after_refusal(self, sent: tuple[bytes, ...] | None) -> bool:
        """Whether the request goes on though the target would not begin with it. `sent` is all of the body
        that went there, None where that is not known any more.
        """
        exchange = self._exchange
        wait_s = self._wait_after("reset", None, at_once=True) if sent is not None else None
        if wait_s is None:
            return False
        record = exchange.record
        exchange.services.observer.upstream_failed(record.upstream, record.target, "stream-refused")
        self._try_again("reset", wait_s, same=True, sent=sent)
        return True

    def after_reply(self, reply: Reply) -> bool:
        """Whether the request goes on though a reply has come."""
        retries = self._rules.retries
        cause: Cause = ""
        if retries is not None:
            cause = failed_by(reply, retries.statuses, retries.headers)
        wait_s = self._wait_after(cause, reply) if cause else None
        if wait_s is None:
            self._taken = True
            return False
        if self._exchange.chosen is not None:
            self._exchange.chosen.answered(self._exchange.head, reply)
        self._try_again(cause, wait_s)
        return True

    def _wait_after(self, cause: Cause, reply: Reply | None, *, at_once: bool = False) -> float | None:
        """How long to wait before the next try at this upstream; None: there is none. `at_once`: nothing was
        done that could be done twice, and nobody was at fault.
        """
        exchange, retries = self._exchange, self._rules.retries
        upstream = exchange.upstream
        assert upstream is not None
        if retries is None:
            tries = MAX_TRIES if at_once else min(MAX_TRIES, len(upstream.targets))
            if at_once and exchange.record.attempts < tries:
                return 0.0
            return 0.0 if cause == "connect-failure" and exchange.record.attempts < tries else None
        if self._more >= retries.times:
            return None
        if at_once:
            return 0.0
        if reply is None and cause not in retries.on:
            return None
        if cause not in UNSENT and not self._is_at_hand(retries.methods):
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

    def _is_at_hand(self, methods: tuple[str, ...]) -> bool:
        """Whether a request that was sent can and may be sent again."""
        if self._exchange.head.method not in methods:
            self._withheld("method")
            return False
        if self._kept is None:
            self._withheld("body")
            return False
        return True

    def _withheld(self, why: Withheld) -> None:
        self._exchange.services.observer.retry_withheld(self._exchange.record.route, why)

    def _try_again(
        self, cause: Cause, wait_s: float, *, same: bool = False, sent: tuple[bytes, ...] | None = None
    ) -> None:
        """Leave the target, and go on; `same`: to the same one perhaps. `sent` is the body as far as it went
        out, None: what was kept of it.
        """
        exchange = self._exchange
        exchange.services.observer.retried(exchange.record, cause)
        self._more += 1
        target, self._target = self._target, None
        if not same and target is not None and target not in exchange.tried:
            exchange.tried += (target,)
        exchange.record.grpc_status = None
        exchange.leave(tuple(self._kept or ()) if sent is None else sent)
        if self._kept is not None:
            self._kept = []
            self._room = self._rules.kept_bytes
        if wait_s > 0:
            self._waiting = exchange.services.loop.call_later(wait_s, self._go_on)
            exchange.rest()
        else:
            exchange.go_on()

    def _go_on(self) -> None:
        """The wait is over."""
        self._waiting = None
        self._exchange.go_on()
