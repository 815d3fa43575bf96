"""Connections to upstreams: kept alive, shared by requests, bounded.

Owns which target is next, which connection a request gets, and who waits. A target is known by its address
and TLS settings, so its connections outlive a table that is swapped; an upstream is known by its name. What
goes over a connection is the wire's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gwc.schema.table import UpstreamConnections, UpstreamTimeouts

from .balance import Smooth

if TYPE_CHECKING:
    from ..exchange import Exchange, Services
    from ..wire.http1.client import ClientConnection


class Counter(Protocol):
    """How many there are of something, in the whole gateway."""

    def add_below(self, number: int, limit: int) -> bool:
        """Add if the sum stays at or below `limit`; whether it did."""

    def add(self, number: int) -> int:
        """Add, whatever the sum."""


class LocalCounter:
    """A counter of one process."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add_below(self, number: int, limit: int) -> bool:
        """See Counter."""
        if self.value + number > limit:
            return False
        self.value += number
        return True

    def add(self, number: int) -> int:
        """See Counter."""
        self.value += number
        return self.value


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target is: a host with a port, or a unix path. `tls` None: plain text; `server_name` is for SNI
    and the certificate. Equal places share their connections.
    """

    address: str
    host: str
    port: int
    path: str | None = None
    tls: ssl.SSLContext | None = None
    server_name: str | None = None


class Target:
    """One place that requests are sent to.

    Mutable: `idle` connections, newest last; `open` ones of this worker; `users`, how many upstreams of live
    tables have it; `disabled` by an administrator.
    """

    __slots__ = ("active", "address", "disabled", "idle", "open", "place", "users")

    def __init__(self, place: Place) -> None:
        self.place = place
        self.address = place.address
        self.idle: list[ClientConnection] = []
        self.open = 0
        self.active = 0
        self.users = 0
        self.disabled = False


class Unreachable(Exception):
    """Raised where a connection could not be made; `reason` is a word of `observe.reasons`."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Setup(NamedTuple):
    """What an upstream is to be with a table."""

    upstream: Upstream
    connections: UpstreamConnections
    timeouts: UpstreamTimeouts
    targets: tuple[Target, ...]
    weights: tuple[int, ...]


class Upstream:
    """A named set of targets for one worker.

    Mutable: its settings and targets (a swap replaces them), exchanges that wait for a connection, and the
    connects under way. `count` and `pending` are the gateway's, not this worker's.
    """

    def __init__(self, name: str, services: Services, count: Counter, pending: Counter) -> None:
        self.name = name
        self.services = services
        self.connections = UpstreamConnections()
        self.timeouts = UpstreamTimeouts()
        self.targets: tuple[Target, ...] = ()
        self.weights: tuple[int, ...] = ()
        self._balance: Smooth | None = None
        self._count = count
        self._pending = pending
        self._waiting: deque[Exchange] = deque()
        self._connecting: dict[Exchange, asyncio.Task[None]] = {}

    def configure(self, setup: Setup) -> None:
        """New settings; connections and whoever waits stay as they are."""
        self.connections, self.timeouts = setup.connections, setup.timeouts
        if setup.targets != self.targets or setup.weights != self.weights:
            self.targets, self.weights = setup.targets, setup.weights
            self._balance = Smooth(setup.weights) if any(setup.weights) else None

    def acquire(self, exchange: Exchange) -> bool:
        """A connection for `exchange`: its `connected` or `unavailable` is called, at once or later.

        Returns whether that has happened already.
        """
        target = self._pick()
        if target is None:
            exchange.unavailable("no-target")
            return True
        connection = self._idle_of(target)
        if connection is not None:
            exchange.connected(connection, reused=True)
            return True
        if self._count.add_below(1, self.connections.maximum):
            self._connect(exchange, target)
            return False
        if self._pending.add_below(1, self.connections.pending):
            self._waiting.append(exchange)
            return False
        exchange.unavailable("pending-full")
        return True

    def abandon(self, exchange: Exchange) -> None:
        """The exchange waits no more."""
        task = self._connecting.pop(exchange, None)
        if task is not None:
            task.cancel()
            return
        try:
            self._waiting.remove(exchange)
        except ValueError:
            return
        self._pending.add(-1)

    def release(self, connection: ClientConnection) -> None:
        """A connection is free: for whoever waits longest, else for later."""
        target = connection.target
        target.active -= 1
        if target.users and target in self.targets and not target.disabled:
            while self._waiting:
                exchange = self._waiting.popleft()
                self._pending.add(-1)
                target.active += 1
                exchange.connected(connection, reused=True)
                return
            if len(target.idle) < self.connections.idle:
                connection.idle_since = self.services.timers.now
                connection.deadline = connection.idle_since + self.connections.idle_ms / 1000
                if connection.slot < 0:
                    self.services.timers.watch(connection)
                target.idle.append(connection)
                return
        connection.close()

    def gone(self, connection: ClientConnection, *, active: bool) -> None:
        """A connection is closed."""
        target = connection.target
        target.open -= 1
        if active:
            target.active -= 1
        else:
            with contextlib.suppress(ValueError):
                target.idle.remove(connection)
        self._count.add(-1)
        self.services.observer.upstream_closed(self.name, target.address)
        # Its place is free: the first that waits may connect.
        if self._waiting and self._count.add_below(1, self.connections.maximum):
            exchange = self._waiting.popleft()
            self._pending.add(-1)
            next_target = self._pick()
            if next_target is None:
                self._count.add(-1)
                exchange.unavailable("no-target")
            else:
                self._connect(exchange, next_target)

    def _pick(self) -> Target | None:
        """The next target by weight; disabled ones are passed over."""
        balance = self._balance
        if balance is None:
            return None
        target = self.targets[balance.pick()]
        if not target.disabled:
            return target
        allowed = [not each.disabled for each in self.targets]
        place = balance.pick_from(allowed)
        return None if place is None else self.targets[place]

    def _idle_of(self, target: Target) -> ClientConnection | None:
        """An idle connection that may still be used, the newest first."""
        idle = target.idle
        oldest = monotonic() - self.connections.age_ms / 1000
        while idle:
            connection = idle.pop()
            if connection.usable and (not self.connections.age_ms or connection.opened > oldest):
                target.active += 1
                return connection
            connection.close()
        return None

    def _connect(self, exchange: Exchange, target: Target) -> None:
        task = self.services.loop.create_task(self._connect_for(exchange, target))
        self._connecting[exchange] = task
        task.add_done_callback(self._ended)

    async def _connect_for(self, exchange: Exchange, target: Target) -> None:
        """Make a connection. It is the exchange's, or anybody's where that has gone meanwhile."""
        began = monotonic()
        try:
            limit = self.timeouts.connect_ms / 1000 or None
            async with asyncio.timeout(limit):
                connection = await self._open(target)
        except (TimeoutError, OSError) as fault:
            self._count.add(-1)
            if self._connecting.pop(exchange, None) is not None:
                reason, detail = _fault(fault)
                exchange.record.target = target.address
                exchange.unavailable(reason, detail)
            return
        except asyncio.CancelledError:
            self._count.add(-1)
            raise
        seconds = monotonic() - began
        target.open += 1
        target.active += 1
        self.services.observer.upstream_connected(self.name, target.address, seconds)
        if self._connecting.pop(exchange, None) is None:
            self.release(connection)
        elif not connection.usable:
            exchange.upstream_side = None
            exchange.unavailable("connect-refused", "the connection was closed at once")
        else:
            exchange.connected(connection, reused=False, seconds=seconds)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A connect is over. What it did not expect is a bug, which the error log tells."""
        if not task.cancelled() and (bug := task.exception()) is not None:
            self.services.observer.error("error", "bug", where="connect", what=f"{type(bug).__name__}: {bug}")

    async def _open(self, target: Target) -> ClientConnection:
        from ..wire.http1.client import ClientConnection

        loop, place = self.services.loop, target.place

        def make() -> ClientConnection:
            return ClientConnection(self, target)

        name = place.server_name if place.tls is not None else None
        if place.path is not None:
            _, connection = await loop.create_unix_connection(
                make, place.path, ssl=place.tls, server_hostname=name
            )
        else:
            _, connection = await loop.create_connection(
                make, place.host, place.port, ssl=place.tls, server_hostname=name
            )
        return connection


def _fault(fault: BaseException) -> tuple[str, str]:
    """The reason for a connection that could not be made, and words for the log."""
    if isinstance(fault, TimeoutError):
        return "connect-timeout", "the target did not answer in time"
    if isinstance(fault, ssl.SSLError):
        return "tls-failed", fault.reason or str(fault)
    if isinstance(fault, OSError) and fault.strerror:
        return "connect-refused", fault.strerror
    return "connect-refused", str(fault)
