"""Connections to upstreams: kept alive, shared by requests, bounded.

Owns which target is next, which connection a request gets, and who waits. A target is known by its address
and TLS settings, so its connections outlive a table that is swapped; an upstream is known by its name. What
goes over a connection is the wire's business.
"""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

from gwc.schema.table import UpstreamConnections, UpstreamTimeouts

from ..timers import NEVER
from .balance import Smooth
from .choice import Cells, Choice
from .connecting import connect, why_not
from .members import Members
from .names import Names
from .targets import Counting, Setup, Target, Targets

if TYPE_CHECKING:
    from ..exchange import Exchange
    from ..sides import Pooled, Services, Shared, UpstreamSide


_ASKED_EVERY_S: Final = 0.02
"""How often a worker whose requests wait looks whether another one has made room."""

_OFFERED_EVERY_S: Final = 0.1
"""How often a worker that has unused connections looks whether requests wait in another one."""

_TURN_S: Final = 0.25
"""After how long a worker whose own requests wait leaves a place to another one's."""


class Upstream:
    """A named set of targets for one worker.

    Mutable: its settings, its targets (a swap or a name that leads elsewhere replaces them), exchanges that
    wait for a connection or for a name, the connects under way, who waits for another's (`_following`), and
    when places are next shared with other workers. `members` know where the targets are; `count` and
    `pending` are the gateway's, not this worker's.
    """

    def __init__(
        self,
        name: str,
        services: Services,
        targets: Targets,
        names: Names,
        count: Counting,
        pending: Counting,
        cells: Cells | None = None,
    ) -> None:
        self.name = name
        self.services = services
        self.connections = UpstreamConnections()
        self.timeouts = UpstreamTimeouts()
        self.targets: tuple[Target, ...] = ()
        self.weights: tuple[int, ...] = ()
        self.members = Members(name, names)
        self._registry = targets
        self._balance: Smooth | None = None
        self._cells = cells
        self.choice: Choice | None = None
        self._count = count
        self._pending = pending
        self._waiting: dict[Exchange, Target] = {}
        self._connecting: dict[Exchange, asyncio.Task[None]] = {}
        self._following: dict[Exchange, Target] = {}
        self._looking: asyncio.Task[None] | None = None
        self._nameless: list[Exchange] = []
        self._shared_at = NEVER
        self._sharing: asyncio.TimerHandle | None = None
        self._turn_ends = 0.0
        self._leaving: Pooled | None = None

    def configure(self, setup: Setup) -> None:
        """New settings; connections and whoever waits stay as they are."""
        self.connections, self.timeouts = setup.connections, setup.timeouts
        self.members.configure(setup.members, setup.names)
        if setup.choice is None or self._cells is None:
            self.choice = None
            for target in self.targets:
                target.out = target.on_trial = False
        else:
            self.choice = self.choice or Choice(self.name, self._cells, self.services.observer)
            self.choice.configure(setup.choice, setup.secret, setup.key)
        self.refresh()

    def refresh(self) -> None:
        """Work out the targets anew: from places, and from what is known of names."""
        targets: list[Target] = []
        weights: list[int] = []
        for place, weight in self.members.places():
            targets.append(self._registry.at(place))
            weights.append(weight)
        if tuple(targets) != self.targets or tuple(weights) != self.weights:
            self.targets, self.weights = tuple(targets), tuple(weights)
            if not any(weights):
                self._balance = None
            else:
                before = self._balance
                self._balance = Smooth(weights) if before is None else before.with_weights(weights)
        if self.choice is not None:
            self.choice.refresh(self.targets, self.weights)

    def acquire(self, exchange: Exchange) -> float | None:
        """A connection for `exchange`: its `connected` or `unavailable` is called, at once or later.

        Returns None where that has happened, else for how many seconds the exchange may wait.
        """
        target = self._pick(exchange.tried) if self.choice is None else self.choice.pick(exchange)
        if target is None:
            return self._without_target(exchange)
        side = self._side_of(target)
        if side is not None:
            exchange.connected(side, reused=True)
            return None
        if target.coming:
            self._following[exchange] = target
            return NEVER  # the connect has a limit of its own
        if self._count_in():
            self._connect(exchange, target)
            return NEVER  # the connect has a limit of its own
        most = self.connections.pending
        if not most or self._pending.add_below(1, most):
            if not most:
                self._pending.add(1)
            self._waiting[exchange] = target
            self._make_room(1)
            self._share_in(_ASKED_EVERY_S)
            wait_ms = self.connections.pending_ms
            return wait_ms / 1000 if wait_ms else NEVER
        exchange.unavailable("pending-full")
        return None

    def _without_target(self, exchange: Exchange) -> float | None:
        """There is nobody to send to: for good, or until a name is looked up."""
        if self.targets or not self.members.names():  # none may be used, or there are none
            retry_after_s = 0 if self.choice is None else self.choice.retry_after_s
            if retry_after_s:
                exchange.retry_after_s = retry_after_s
                exchange.unavailable("breaker-open")
            else:
                exchange.unavailable("no-target")
            return None
        self._nameless.append(exchange)
        if self._looking is None:
            self._looking = self.services.loop.create_task(self._look_for())
            self._looking.add_done_callback(self._ended)
        return NEVER  # so has the look-up

    async def _look_for(self) -> None:
        """The first look-up; whoever waits for it goes on after it."""
        try:
            await self.members.look_up()
        finally:
            self._looking = None
        self.refresh()
        waiting, self._nameless = self._nameless, []
        for exchange in waiting:
            if self._balance is None:
                exchange.unavailable("name-lookup", "no address is known")
            else:
                exchange.acquire()

    def abandon(self, exchange: Exchange) -> None:
        """The exchange waits no more."""
        if exchange in self._nameless:
            self._nameless.remove(exchange)
            return
        if self._following.pop(exchange, None) is not None:
            return
        if self._connecting.pop(exchange, None) is not None:
            return  # the connection under way is anybody's then; its own time limit ends the making
        if self._waiting.pop(exchange, None) is not None:
            self._pending.add(-1)

    def release(self, connection: Pooled) -> None:
        """A connection is free: for whoever waits longest, else for later."""
        target = connection.target
        target.active -= 1
        connection.active = False
        if target.users and target in self.targets and not target.disabled and not self._leaves(connection):
            if self._waiting and (self.choice is None or self._waits_for(target)):
                exchange, _ = self._first_waiting()
                target.active += 1
                connection.active = True
                exchange.connected(connection.take(), reused=True)
                return
            if (self.choice is None or not self._waiting) and self._keep(connection):
                return
        connection.close()

    def _keep(self, connection: Pooled) -> bool:
        """Keep an unused connection for later, if there are not enough."""
        target = connection.target
        if len(target.idle) >= self.connections.idle:
            return False
        timers = self.services.timers
        idle_ms = self.connections.idle_ms
        connection.deadline = deadline = timers.now + idle_ms / 1000 if idle_ms else NEVER
        if connection.slot < 0 or deadline < connection.due:
            timers.watch(connection)
        target.idle.append(connection)
        if self._sharing is None and self.connections.maximum:
            self._share_in(_OFFERED_EVERY_S)
        return True

    def gone(self, connection: Pooled) -> None:
        """A connection is closed. The requests that a shared one had are told of, and freed, after this."""
        target = connection.target
        target.open -= 1
        self.retired(connection)
        if connection.active:
            target.active -= 1
        self._count.add(-1)
        self.services.observer.upstream_closed(self.name, target.address)
        if connection is self._leaving:
            self._leaving = None
        else:
            self._fill()

    # --- connections that serve several requests at once -----------------------------------------------

    def freed(self, connection: Shared) -> None:
        """A request on a shared connection is over: its place is for whoever waits longest."""
        target = connection.target
        target.active -= 1
        if not connection.usable:
            return
        kept = target.users and target in self.targets and not target.disabled
        if not kept or self._is_old(connection) or self._leaves(connection):
            self.retired(connection)
            connection.retire()
            return
        self._hand_out(connection)

    def widened(self, connection: Shared) -> None:
        """A shared connection takes more than it did."""
        if connection in connection.target.shared:
            self._hand_out(connection)

    def retired(self, connection: Pooled) -> None:
        """No more requests for this connection."""
        target = connection.target
        with contextlib.suppress(ValueError):
            target.idle.remove(connection)
        if connection.shares:
            with contextlib.suppress(ValueError):
                target.shared.remove(cast("Shared", connection))

    def _hand_out(self, connection: Shared) -> None:
        """Give the places of a shared connection to those that wait; with nobody on it, it is unused."""
        target = connection.target
        for exchange in [each for each, at in self._following.items() if at is target]:
            if connection.room <= 0:
                break
            if self._following.pop(exchange, None) is not None:
                target.active += 1
                exchange.connected(connection.take(), reused=False)
        while self._waiting and connection.room > 0 and (self.choice is None or self._waits_for(target)):
            exchange, _ = self._first_waiting()
            target.active += 1
            exchange.connected(connection.take(), reused=True)
        if not connection.streams and connection.usable:
            self.retired(connection)
            if (self.choice is not None and self._waiting) or not self._keep(connection):
                connection.close()

    def _follow_on(self, target: Target) -> None:
        """Whoever waits for a connect that is over, and got no place, asks anew."""
        for exchange in [each for each, at in self._following.items() if at is target]:
            if self._following.pop(exchange, None) is not None:
                exchange.acquire()

    def _is_old(self, connection: Pooled) -> bool:
        age_ms = self.connections.age_ms
        return bool(age_ms) and connection.opened <= self.services.timers.now - age_ms / 1000

    def _fill(self) -> None:
        """A place may be free: the first that waits may connect."""
        if self._waiting and self._count_in():
            exchange, picked = self._first_waiting()
            # It was its turn; another pick would be another's, and the turns would come out uneven.
            next_target: Target | None = picked
            if picked not in self.targets or picked.disabled or picked.out:
                next_target = self._pick() if self.choice is None else self.choice.pick(exchange)
            if next_target is None:
                self._count.add(-1)
                exchange.unavailable("no-target")
            else:
                self._connect(exchange, next_target)

    def _waits_for(self, target: Target) -> bool:
        """Whether somebody waits for this very target, who is the first then: a choice is not another's."""
        exchange = next((each for each, wanted in self._waiting.items() if wanted is target), None)
        if exchange is not None:
            self._waiting = {exchange: target, **self._waiting}
        return exchange is not None

    def _first_waiting(self) -> tuple[Exchange, Target]:
        """Who waits longest, no more, and the target whose turn it was."""
        exchange = next(iter(self._waiting))
        self._pending.add(-1)
        return exchange, self._waiting.pop(exchange)

    # --- places of the whole gateway: nothing tells one worker what the others do ----------------------

    def _make_room(self, wanted: int) -> None:
        """Close so many unused connections, those unused longest first: their places are needed."""
        unused = [each for target in self.targets for each in target.idle if each.usable]
        for connection in sorted(unused, key=lambda each: each.deadline)[:wanted]:
            connection.close()

    def _elsewhere(self) -> int:
        """How many requests wait in other workers."""
        return max(self._pending.value - len(self._waiting), 0) if self.connections.maximum else 0

    def _leaves(self, connection: Pooled) -> bool:
        """Whether a free connection's place is left to another worker, whose requests wait too.

        One that nobody waits for here, always; else once in a while, so that nobody is starved.
        """
        if not self._elsewhere():
            return False
        if self._waiting:
            now = self.services.loop.time()
            if now < self._turn_ends:
                return False
            self._turn_ends = now + _TURN_S
            self._leaving = connection
        return True

    def _share_in(self, seconds: float) -> None:
        """Look at the other workers then, or earlier where that was said."""
        loop = self.services.loop
        at = loop.time() + seconds
        if self._sharing is not None:
            if self._shared_at <= at:
                return
            self._sharing.cancel()
        self._shared_at = at
        self._sharing = loop.call_at(at, self._share)

    def _share(self) -> None:
        """Take places that have become free, or make room for those who wait elsewhere."""
        self._sharing = None
        for _ in range(len(self._waiting)):
            left = len(self._waiting)
            self._fill()
            if len(self._waiting) == left:
                break
        wanted = self._elsewhere()
        if wanted:
            self._make_room(wanted)
        if self._waiting:
            self._share_in(_ASKED_EVERY_S)
        elif self.connections.maximum and any(target.idle for target in self.targets):
            self._share_in(_OFFERED_EVERY_S)

    def _count_in(self) -> bool:
        """Count one connection more, unless there are too many."""
        most = self.connections.maximum
        if most:
            return self._count.add_below(1, most)
        self._count.add(1)
        return True

    def _pick(self, tried: tuple[Target, ...] = ()) -> Target | None:
        """The next target by weight; disabled ones, and those tried in vain, are passed over."""
        balance = self._balance
        if balance is None:
            return None
        target = self.targets[balance.pick()]
        if not target.disabled and target not in tried:
            return target
        allowed = [not each.disabled and each not in tried for each in self.targets]
        place = balance.pick_from(allowed)
        return None if place is None else self.targets[place]

    def _side_of(self, target: Target) -> UpstreamSide | None:
        """A place on a connection that stands: one that others share, else an idle one, the newest first."""
        if target.shared:
            for shared in tuple(target.shared):
                if self._is_old(shared):
                    self.retired(shared)
                    shared.retire()
                elif shared.room > 0:
                    target.active += 1
                    return shared.take()
        idle = target.idle
        age_ms = self.connections.age_ms
        oldest = self.services.timers.now - age_ms / 1000 if age_ms else 0.0
        while idle:
            connection = idle.pop()
            if connection.usable and connection.opened > oldest:
                target.active += 1
                if connection.shares:
                    self._share_out(connection)
                else:
                    connection.active = True
                return connection.take()
            connection.close()
        return None

    def _share_out(self, connection: Pooled) -> None:
        """A connection that nobody used is used by one, and more may come."""
        connection.deadline = NEVER
        connection.target.shared.append(cast("Shared", connection))

    def _connect(self, exchange: Exchange, target: Target) -> None:
        task = self.services.loop.create_task(self._connect_for(exchange, target, target.may_share))
        self._connecting[exchange] = task
        if target.may_share:
            target.coming += 1
        task.add_done_callback(self._ended)

    async def _connect_for(self, exchange: Exchange, target: Target, may_share: bool) -> None:
        """Make a connection. It is the exchange's, or anybody's where that has gone meanwhile."""
        began = monotonic()
        try:
            limit = self.timeouts.connect_ms / 1000 or None
            async with asyncio.timeout(limit):
                connection = await self._open(target)
        except (TimeoutError, OSError) as fault:
            self._count.add(-1)
            in_vain = [exchange] if self._connecting.pop(exchange, None) is not None else []
            if may_share:
                target.coming -= 1
                in_vain += [each for each, at in self._following.items() if at is target]
            reason, detail = why_not(fault)
            for each in in_vain:
                if self._following.pop(each, None) is None and each is not exchange:
                    continue  # it has gone meanwhile
                each.record.target = target.address
                each.tried += (target,)
                each.unavailable(reason, detail)
            self._fill()
            return
        seconds = monotonic() - began
        target.open += 1
        self.services.observer.upstream_connected(self.name, target.address, seconds)
        wanted = self._connecting.pop(exchange, None) is not None
        if may_share:
            target.coming -= 1
        if not connection.usable:  # and `gone` has been told
            if wanted:
                exchange.record.target = target.address
                exchange.tried += (target,)
                exchange.unavailable("connect-refused", "the connection was closed at once")
            self._follow_on(target)
            return
        target.may_share = connection.shares
        if connection.shares:
            self._share_out(connection)
            if wanted:
                target.active += 1
                exchange.connected(connection.take(), reused=False, seconds=seconds)
            self._hand_out(cast("Shared", connection))
            self._follow_on(target)
            return
        if may_share:
            self._follow_on(target)
        target.active += 1
        connection.active = True
        if wanted:
            exchange.connected(connection.take(), reused=False, seconds=seconds)
        else:
            self.release(connection)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A connect is over. What it did not expect is a bug, which the error log tells."""
        if not task.cancelled() and (bug := task.exception()) is not None:
            self.services.observer.error("error", "bug", where="connect", what=f"{type(bug).__name__}: {bug}")

    async def _open(self, target: Target) -> Pooled:
        return await connect(self, target)
