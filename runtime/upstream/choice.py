"""Which target a request goes to, where more than turns decide: balance, health, ejection, breakers.

Owns the choice among the targets of one upstream and what a try's outcome changes. How targets are told apart
by an algorithm is `balance`'s matter, how an outcome counts `standing`'s; connections are the pool's. An
upstream whose configuration says nothing of all this has no `Choice`, and its requests pay nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from time import monotonic, time
from typing import TYPE_CHECKING, Final, Protocol

from gwc.schema.policies.choosing import Choosing

from ..reply import Reply
from ..state.cells import CellsBusy, CellsFull
from . import standing
from .balance import Balancing, NothingToPick, balancing
from .balance.latency import observe
from .standing import (
    BREAKER,
    BREAKER_WORDS,
    CLOSED,
    EJECTED_UNTIL,
    EPOCH,
    OPEN,
    OPEN_UNTIL,
    SINCE,
    LocalRow,
    Row,
    now_ms,
)
from .sticky_cookie import StickyCookies
from .targets import Counting, LocalCounter, Target

if TYPE_CHECKING:
    from gwc.schema.request import RequestHead

    from ..exchange import Exchange
    from ..observe.observing import Observing

FAULTS: Final = frozenset(
    (
        "connect-refused",
        "connect-timeout",
        "tls-failed",
        "protocol-mismatch",
        "protocol-error",
        "stream-reset",
        "egress-refused",
        "egress-reply",
        "connection-lost",
        "reply-head",
        "reply-framing",
        "reply-interim",
        "reply-body",
        "first-byte-timeout",
    )
)
"""Reasons that are the target's fault; those of the client, of limits and of queues are not."""

_FAULT_S: Final = 1.0
"""The latency that a failed try counts as, at least: a target that fails fast must not look fast."""

_NEVER: Final = 1 << 62
_STEPS: Final = 10
"""Of a slow start."""


class Cells(Protocol):
    """What all workers share, by name."""

    def counter(self, name: str) -> Counting:
        """See cells.Cells."""

    def row(self, name: str) -> Row:
        """See cells.Cells."""


class Chosen:
    """One try of one request: the target that it was given, and what is to be given back.

    Mutable: whether the outcome is known, whether it is over.
    """

    __slots__ = ("_began", "_choice", "_judged", "_over", "of_target", "of_upstream", "target")

    def __init__(
        self, choice: Choice, target: Target, of_target: Counting | None, of_upstream: Counting | None
    ) -> None:
        """`of_target` and `of_upstream` are permits of half-open breakers, where it was let through one."""
        self._choice = choice
        self.target = target
        self.of_target = of_target
        self.of_upstream = of_upstream
        self._began = monotonic()
        self._judged = False
        self._over = False
        target.load += 1

    def answered(self, head: RequestHead, reply: Reply) -> None:
        """The reply's head has come."""
        self._judge(reply.status, failed=False)
        sticky = self._choice.sticky
        if sticky is not None:
            line = sticky.line_for(head, self.target)
            if line is not None:
                reply.lines.append(line)

    def failed(self, reason: str) -> None:
        """The try came to nothing."""
        if reason in FAULTS:
            self._judge(0, failed=True)

    def left(self) -> None:
        """The request is done with the target, however."""
        if self._over:
            return
        self._over = True
        self.target.load -= 1
        for permit in (self.of_target, self.of_upstream):
            if permit is not None:
                permit.add(-1)

    def _judge(self, status: int, *, failed: bool) -> None:
        if not self._judged:
            self._judged = True
            seconds = monotonic() - self._began
            self._choice.judged(self, status, failed, seconds)


class Choice:
    """The targets of one upstream.

    Mutable: settings, targets and weights, which a swap replaces; what is known of how the targets stand
    (`Target.out` and others), which is looked up again whenever a row says so; the algorithm's state.
    `retry_after_s` belongs to the last request that got no target: 0 where no breaker was the reason.
    """

    def __init__(self, name: str, cells: Cells, observer: Observing) -> None:
        self.name = name
        self.settings = Choosing()
        self.sticky: StickyCookies | None = None
        self.retry_after_s = 0
        self._key = ""
        self._cells = cells
        self._observer = observer
        self._targets: tuple[Target, ...] = ()
        self._weights: tuple[int, ...] = ()
        self._effective: tuple[int, ...] = ()
        self._balancing: Balancing | None = None
        self._row: Row = LocalRow()
        self._rows: dict[Target, Row] = {}
        self._permits: dict[Target, Counting] = {}
        self._own_permits: Counting = LocalCounter()
        self._unhealthy: frozenset[str] = frozenset()
        self._epoch = -1
        self._look_at = 0
        self._panics = False
        self._measures = False

    def configure(self, settings: Choosing, secret: str, key: str) -> None:
        """New settings; `secret` is the sticky cookie's, filled in.

        What is known of a target outlives this as long as `key`, how targets are spoken to, is the same.
        """
        before, self.settings = self.settings, settings
        if key != self._key or type(self._row) is LocalRow:
            self._key = key
            self._row = self._shared(self._row_name())
            self._own_permits = self._permit(self._permits_name())
            self._rows.clear()
            self._permits.clear()
        cookie = settings.sticky_cookie
        self.sticky = None if cookie is None else StickyCookies(self.name, cookie, secret)
        if before.balance != settings.balance:
            self._balancing = None
        self._measures = settings.balance.algorithm == "latency"

    def refresh(self, targets: tuple[Target, ...], weights: tuple[int, ...]) -> None:
        """These are the targets now. One that is new beside others begins slowly, where that is asked for."""
        if targets != self._targets or weights != self._weights:
            self._balancing = None
        before, self._targets, self._weights = set(self._targets), targets, weights
        self._rows = {each: self._rows.get(each) or self._shared(self._row_name(each)) for each in targets}
        self._permits = {
            each: self._permits.get(each) or self._permit(self._permits_name(each)) for each in targets
        }
        if before and self.settings.slow_start_ms:
            for each in targets:
                if each not in before:
                    self._begin_slowly(each)
        if self.sticky is not None:
            self.sticky.refresh(targets)
        self._look_at = 0

    def found_unhealthy(self, addresses: frozenset[str]) -> None:
        """What probes say."""
        back = self._unhealthy - addresses
        self._unhealthy = addresses
        for each in self._targets:
            if each.address in back:
                self._begin_slowly(each)
        self._look_at = 0

    def enabled(self, target: Target, *, again: bool) -> None:
        """An administrator took a target out, or lets it have requests `again`."""
        if again:
            self._begin_slowly(target)
        self._look_at = 0

    @property
    def watches(self) -> bool:
        """Whether a target can be out of service."""
        settings = self.settings
        return bool(settings.health or settings.ejection or settings.breaker)

    @property
    def breaker(self) -> str | None:
        """The state of the upstream's own breaker; None where it has none."""
        breaker = self.settings.breaker
        if breaker is None or breaker.of == "target":
            return None
        return BREAKER_WORDS[self._row[BREAKER]]

    def standing_of(self, target: Target) -> dict[str, object]:
        """How a target stands, as JSON: `state` is `ready` or what is in the way of its requests;
        `ejected_until` a Unix time."""
        row, now = self._rows.get(target) or LocalRow(), now_ms()
        settings = self.settings
        until = row[EJECTED_UNTIL] if settings.ejection is not None else 0
        breaker = settings.breaker is not None and settings.breaker.of != "upstream"
        word = BREAKER_WORDS[row[BREAKER]] if breaker else None
        state = "ready" if word in (None, "closed") else f"breaker-{word}"
        if until > now:
            state = "ejected"
        if settings.health is not None and target.address in self._unhealthy:
            state = "unhealthy"
        if target.disabled:
            state = "disabled"
        ejected_until = round(time() + (until - now) / 1000, 3) if until > now else None
        return {"state": state, "ejected_until": ejected_until, "breaker": word}

    def names(self) -> Iterator[str]:
        """The names of what is shared with other workers."""
        for each in (None, *self._targets):
            yield self._row_name(each)
            yield self._permits_name(each)

    # --- a request -------------------------------------------------------------------------------------

    def pick(self, exchange: Exchange) -> Target | None:
        """The target of the next try, which `exchange.chosen` is from now on; None where there is none."""
        if exchange.chosen is not None:
            exchange.chosen.left()
            exchange.chosen = None
        now = now_ms()
        if now >= self._look_at or self._row[EPOCH] != self._epoch:
            self._look(now)
        self.retry_after_s = 0
        of_upstream: Counting | None = None
        breaker = self.settings.breaker
        if breaker is not None and breaker.of != "target" and self._row[BREAKER] != CLOSED:
            if not self._let_through(self._row, self._own_permits, now, ""):
                self.retry_after_s = self._seconds_left(self._row, now)
                return None
            of_upstream = self._own_permits
        how = "balance"
        target = None
        if self.sticky is not None:
            target = self.sticky.target_of(exchange.head)
            if target is not None and not target.out and not target.disabled and target not in exchange.tried:
                how = "sticky"
            else:
                target = None
        if target is None:
            target = self._next(exchange)
        of_target: Counting | None = None
        passed: list[Target] = []
        while target is not None and target.on_trial:
            permits = self._permits[target]
            if self._let_through(self._rows[target], permits, now, target.address):
                of_target = permits
                break
            passed.append(target)
            target = self._another(exchange, passed)
        if target is None:
            if of_upstream is not None:
                of_upstream.add(-1)
            self.retry_after_s = self._shortest(now, exchange)
            return None
        self._observer.upstream_picked(self.name, "panic" if self._panics else how)
        exchange.chosen = Chosen(self, target, of_target, of_upstream)
        return target

    def _next(self, exchange: Exchange) -> Target | None:
        """The target whose turn it is."""
        algorithm = self._balancing
        assert algorithm is not None, "it has been looked"
        try:
            target = self._targets[algorithm.pick(exchange)]
        except NothingToPick:
            return None
        if target.out or target.disabled or target in exchange.tried:
            return self._another(exchange, ())
        return target

    def _another(self, exchange: Exchange, passed: Sequence[Target]) -> Target | None:
        """The target whose turn it is among those that may be used, without those `passed` over."""
        tried = exchange.tried
        allowed = [
            not each.out and not each.disabled and each not in tried and each not in passed
            for each in self._targets
        ]
        assert self._balancing is not None, "it has been looked"
        place = self._balancing.pick_from(allowed, exchange)
        return None if place is None else self._targets[place]

    def _let_through(self, row: Row, permits: Counting, now: int, target: str) -> bool:
        """One of the few requests that a half-open breaker lets through, unless it is open or has its few."""
        breaker = self.settings.breaker
        assert breaker is not None
        if row[BREAKER] == OPEN:
            with row:
                changed = standing.half_open(row, now)
            if changed:
                self._breaker_changed(target, "half-open")
        return row[BREAKER] != OPEN and permits.add_below(1, breaker.half_open)

    def _shortest(self, now: int, exchange: Exchange) -> int:
        """In how many seconds the first breaker that is open is not; 0 where breakers are not the reason."""
        if self.settings.breaker is None or self.settings.breaker.of == "upstream":
            return 0
        waits = [
            self._seconds_left(self._rows[each], now)
            for each in self._targets
            if not each.disabled and each not in exchange.tried and self._rows[each][BREAKER] != CLOSED
        ]
        return min(waits, default=0)

    def _seconds_left(self, row: Row, now: int) -> int:
        return max((row[OPEN_UNTIL] - now + 999) // 1000, 1)

    # --- outcomes --------------------------------------------------------------------------------------

    def judged(self, chosen: Chosen, status: int, failed: bool, seconds: float) -> None:
        """A try has an outcome: a status, or a failure without one, after so many seconds."""
        target = chosen.target
        row = self._rows.get(target)
        if row is None:
            return  # a target of an earlier table
        settings = self.settings
        if self._measures:
            if failed or status in (502, 503, 504):
                seconds = max(seconds, target.latency_s * 2, _FAULT_S)
            observe(target, seconds, monotonic())
        ejection, breaker = settings.ejection, settings.breaker
        if ejection is not None:
            bad = failed or standing.is_among(status, ejection.statuses)
            if bad or not standing.is_quiet(row, ejection):
                self._count(target, row, bad)
        if breaker is not None:
            bad = failed or standing.is_among(status, breaker.statuses)
            if breaker.of != "upstream":
                self._trip(row, bad, chosen.of_target is not None, target.address)
            if breaker.of != "target":
                self._trip(self._row, bad, chosen.of_upstream is not None, "")

    def _count(self, target: Target, row: Row, failed: bool) -> None:
        """Count for ejection, and eject where it has come to that."""
        ejection = self.settings.ejection
        assert ejection is not None
        now = now_ms()
        with row:
            too_often = standing.count(row, ejection, failed, now)
        if not too_often:
            return
        length = 0
        with self._row:  # no two workers take the last ones out at once
            out = sum(each[EJECTED_UNTIL] > now for each in self._rows.values())
            if row[EJECTED_UNTIL] <= now and out < standing.most_ejected(ejection, len(self._rows)):
                with row:
                    length = standing.eject(row, ejection, now)
                self._row[EPOCH] += 1
        if length:
            self._observer.upstream_ejected(self.name, target.address, length / 1000)

    def _trip(self, row: Row, failed: bool, on_trial: bool, target: str) -> None:
        """Count for a breaker, and open or close it where it has come to that."""
        breaker = self.settings.breaker
        assert breaker is not None
        if not failed and not on_trial and not row[standing.BREAKER_FAILURES]:
            return  # PERF: the usual case
        with row:
            changed = standing.trip(row, breaker, failed, on_trial, now_ms())
        if changed is not None:
            self._breaker_changed(target, changed)

    def _breaker_changed(self, target: str, state: str) -> None:
        with self._row:
            self._row[EPOCH] += 1
        if state == "closed" and target:
            for each in self._targets:
                if each.address == target:
                    self._begin_slowly(each)
        self._observer.breaker_changed(self.name, target, state)

    def _begin_slowly(self, target: Target) -> None:
        """A target came, or came back."""
        row = self._rows.get(target)
        if row is not None and self.settings.slow_start_ms:
            with row:
                row[SINCE] = now_ms()
            with self._row:
                self._row[EPOCH] += 1

    # --- how they stand --------------------------------------------------------------------------------

    def _look(self, now: int) -> None:
        """See how every target stands, and when that is to be seen again if nothing changes before."""
        settings = self.settings
        self._epoch = self._row[EPOCH]
        again = _NEVER
        unfit: list[bool] = []
        for each in self._targets:
            until = self._rows[each][EJECTED_UNTIL] if settings.ejection is not None else 0
            if until > now:
                again = min(again, until)
            unfit.append(until > now or (settings.health is not None and each.address in self._unhealthy))
        self._panics = False
        if settings.panic:
            used = [bad for each, bad in zip(self._targets, unfit, strict=True) if not each.disabled]
            self._panics = (len(used) - sum(used)) * 1_000_000 < settings.panic * len(used)
        breaks = settings.breaker is not None and settings.breaker.of != "upstream"
        for each, bad in zip(self._targets, unfit, strict=True):
            row = self._rows[each]
            state = row[BREAKER] if breaks else CLOSED
            waits = state == OPEN and row[OPEN_UNTIL] > now
            if waits:
                again = min(again, row[OPEN_UNTIL])
            each.on_trial = state != CLOSED and not waits
            each.out = waits or (bad and not self._panics)
        self._look_at = min(again, self._weigh(now))

    def _weigh(self, now: int) -> int:
        """The weights of this moment, and the algorithm that has them; when they will be others."""
        effective, again = self._weights, _NEVER
        slow_ms = self.settings.slow_start_ms
        if slow_ms:
            steps = []
            for each in self._targets:
                row = self._rows[each]
                since = row[SINCE]
                if self.settings.ejection is not None and row[EJECTED_UNTIL] <= now:
                    since = max(since, row[EJECTED_UNTIL])
                step = min((now - since) * _STEPS // slow_ms, _STEPS) if since else _STEPS
                if step < _STEPS:
                    again = min(again, since + (step + 1) * slow_ms // _STEPS + 1)
                steps.append(max(step, 1))
            if any(each < _STEPS for each in steps):
                pairs = zip(self._weights, steps, strict=True)
                effective = tuple(weight * step for weight, step in pairs)
        if self._balancing is None or effective != self._effective:
            self._effective = effective
            names = [each.address for each in self._targets]
            self._balancing = balancing(self.settings.balance, names, effective, self._targets)
        return again

    def _row_name(self, target: Target | None = None) -> str:
        return f"standing:{self.name} {self._key} {'' if target is None else target.address}"

    def _permits_name(self, target: Target | None = None) -> str:
        return f"trials:{self.name} {self._key} {'' if target is None else target.address}"

    def _shared(self, name: str) -> Row:
        try:
            return self._cells.row(name)
        except (CellsFull, CellsBusy) as fault:
            self._observer.error("error", "state-not-shared", what=str(fault))
            return LocalRow()

    def _permit(self, name: str) -> Counting:
        try:
            return self._cells.counter(name)
        except (CellsFull, CellsBusy) as fault:
            self._observer.error("error", "state-not-shared", what=str(fault))
            return LocalCounter()


def key_of(parts: Iterable[object]) -> str:
    """A short text that stands for settings."""
    from zlib import crc32

    return f"{crc32(repr(tuple(parts)).encode('utf-8', 'surrogateescape')):08x}"
