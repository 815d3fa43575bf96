"""What one worker serves: tables made live, sockets accepted from, requests under way.

Owns the one reference to the snapshot, the accepting of connections and the worker's connection limits, the
upstreams that outlive a table, and draining. One event loop, no threads. Processes are `supervisor.py`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import resource
import socket
from collections import Counter
from collections.abc import Coroutine, Iterable, Iterator, Mapping, MutableSet
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol
from weakref import WeakSet

from gwc.schema.policies.static_files import StaticFilesRecord
from gwc.schema.request import Address
from gwc.schema.table import (
    OFF,
    HeaderRules,
    ListenerHttp2,
    ListenerLimits,
    ListenerRecord,
    ListenerTimeouts,
    RouteRecord,
    RouteTable,
    UpstreamNames,
    UpstreamRecord,
    Value,
)
from gwc.schema.values.address import TcpAddress, parse_address

from ..draining import drains_within
from ..exchange import Exchange
from ..files.static_files import StaticFiles
from ..filter import FilterFaulty
from ..filtering import Chain
from ..filters.build import Making, filters_of, prepare_all
from ..filters.keeping import Keeping
from ..mirror import Copies, Mirror, mirrors_of
from ..mirror_copy import Copy
from ..observe.observing import Observing
from ..observe.record import RequestRecord
from ..pem_files import TlsFaulty
from ..plan import NO_TIMES, Plan, Times, times_of
from ..secrets import Secrets, SecretsMissing
from ..sides import Ask, Services
from ..snapshot import ListenerPolicy, Snapshot
from ..state.buckets import Buckets
from ..timers import Timers
from ..tries import TryRules, rules_of
from ..upstream.address import HostName, ServiceName, TargetFaulty, target_of
from ..upstream.choice import key_of
from ..upstream.egress import egress_of
from ..upstream.names import Change, NameFailed, Names
from ..upstream.pool import Upstream
from ..upstream.standing import LocalRow, Row
from ..upstream.sticky_cookie import LEAST_SECRET
from ..upstream.targets import Counting, LocalCounter, Member, Setup, Target, Targets
from ..upstream.tls import client_context, server_name
from ..wire.http1.entry import ClientConnection
from ..wire.http1.server import ServerConnection
from ..wire.http2.server import Http2Connection
from ..wire.protocols import PROTOCOLS, offered
from ..wire.tls.connection import TlsConnection
from ..wire.tls.contexts import ServerTls, server_tls
from .loading import Pace

_ACCEPTED_AT_ONCE: Final = 32
"""Connections that one wake-up takes, so that requests get their turn."""

_WAITING_AT_MOST: Final = 65_536
"""Longer than any queue of a socket."""

_ACCEPT_PAUSE_S: Final = 0.1
"""How long accepting rests where descriptors or memory ran out."""

_TOLD_EVERY_S: Final = 10.0
"""How often it is told that accepting rests: what lasts for hours must not fill the log."""

_DESCRIPTORS_KEPT: Final = 0.9
"""The share of descriptors that clients' connections may use; the others are for targets, logs and tables."""

_NAMES_WAIT_S: Final = 1.0
"""How long a new table waits for names that it brings."""

_STREAMS_AT_ONCE: Final = 32
"""That are looked at after a swap, so that requests get their turn."""

_PARTING_S: Final = 1.0
"""How long tunnels that were told of the end may take to close."""

_NO_MORE = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class PrepareFailed(Exception):
    """Raised where a table cannot be made live; `reason` says why, in words for the error log."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class CellsLike(Protocol):
    """Counters of the whole gateway, by name."""

    def counter(self, name: str) -> Counting:
        """The counter of that name."""

    def row(self, name: str) -> Row:
        """The row of that name."""

    def keep(self, names: Iterable[str]) -> None:
        """Let go of all others."""


class LocalCells:
    """Counters of one process."""

    def __init__(self) -> None:
        self._counters: dict[str, LocalCounter] = {}
        self._rows: dict[str, LocalRow] = {}

    def counter(self, name: str) -> LocalCounter:
        """See CellsLike."""
        return self._counters.setdefault(name, LocalCounter())

    def row(self, name: str) -> LocalRow:
        """See CellsLike."""
        return self._rows.setdefault(name, LocalRow())

    def keep(self, names: Iterable[str]) -> None:
        """See CellsLike; here there is room for all."""


class Door:
    """An address that connections come in by.

    Mutable: the socket while it listens, its connections, whether accepting rests, and the settings, which
    are those of the newest table that has the address. It is the `Entry` of its connections. `count` is how
    many the listener has in the whole gateway, `handshakes` how many of TLS are under way here; `_crowded`:
    accepting waits for one of them to end.
    """

    def __init__(self, serving: Serving, address: str, sock: socket.socket) -> None:
        self.address = address
        self.services: Services = serving
        self.listener = ""
        self.limits = ListenerLimits()
        self.timeouts = ListenerTimeouts()
        self.http2 = ListenerHttp2()
        self.tls = False
        self.secure: ServerTls | None = None
        self.handshakes = 0
        self.proxy_protocol = False
        self.connections: set[ClientConnection] = set()
        self._mode: str | None = None
        self._crowded = False
        self._sock: socket.socket | None = sock
        self._serving = serving
        self._resting: asyncio.TimerHandle | None = None
        self._told = -_TOLD_EVERY_S
        self.count: Counting = LocalCounter()
        self._tasks: set[asyncio.Task[None]] = set()

    def configure(self, records: tuple[ListenerRecord, ...], secure: ServerTls | None) -> None:
        """The settings of the connection: listeners of one address have the same. Whoever came when TLS was
        another matter here is asked to go.
        """
        first = records[0]
        if first.name != self.listener:
            before, self.count = self.count, self._serving.clients_of(first.name)
            before.add(-len(self.connections))
            self.count.add(len(self.connections))
        self.listener, self.limits, self.timeouts = first.name, first.limits, first.timeouts
        self.http2 = first.http2
        mode = "" if secure is None else secure.mode
        if self._mode is not None and self._mode != mode:
            self._serving.send_away(self)
        self.secure, self._mode = secure, mode
        self.tls, self.proxy_protocol = secure is not None, first.proxy_protocol

    def open(self) -> None:
        """Begin or go on accepting."""
        if self._sock is not None and self._resting is None and not self._crowded:
            self._serving.loop.add_reader(self._sock.fileno(), self._accept)

    def close(self) -> None:
        """Stop accepting; connections live on."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        sock, self._sock = self._sock, None
        if sock is not None:
            self._serving.loop.remove_reader(sock.fileno())
            sock.close()

    def take_waiting(self) -> None:
        """Accept what waits already: when the socket closes, the kernel would reset it."""
        if self._sock is not None and self._resting is None and self.listener:
            self._accept(_WAITING_AT_MOST)

    def handshake_over(self, connection: ClientConnection, app: ClientConnection | None) -> None:
        """See Entry."""
        self.handshakes -= 1
        if app is None:
            self.closed(connection)
        else:
            self.connections.discard(connection)
            self.connections.add(app)
        if self._crowded:
            self._crowded = False
            self.open()

    def closed(self, connection: ClientConnection) -> None:
        """See Entry."""
        self.connections.discard(connection)
        self._serving.connection_closed(self, connection)

    def begin_http2(
        self,
        before: ClientConnection,
        peer: Address | None,
        transport: asyncio.Transport,
        opened_at: str,
        data: bytes,
    ) -> None:
        """See Entry."""
        connection = Http2Connection(self, peer, before.peer_text, before.came_from)
        self.connections.discard(before)
        self.connections.add(connection)
        transport.set_protocol(connection)
        connection.take_over(transport, opened_at)
        connection.data_received(data)
        if self._sock is None:  # the door has been shut meanwhile, or the worker drains
            connection.drain()

    def _accept(self, most: int = _ACCEPTED_AT_ONCE) -> None:
        """Take what waits, a few at once."""
        for _ in range(most):
            sock = self._sock
            if sock is None:
                return
            if self.secure is not None and self.handshakes >= self.secure.handshakes:
                self._crowded = True
                self._serving.loop.remove_reader(sock.fileno())
                self._tell_pause(f"{self.handshakes} handshakes are under way")
                return
            no_room = self._serving.count_in()
            if no_room:
                self._rest(no_room)
                return
            try:
                accepted, name = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._serving.count_out()
                return
            except OSError as fault:
                self._serving.count_out()
                if fault.errno in _NO_MORE:
                    self._rest(fault.strerror or str(fault))
                    return
                self._serving.observer.error("warning", "accept", address=self.address, what=str(fault))
                return
            accepted.setblocking(False)
            self._take(accepted, name)

    def _rest(self, why: str) -> None:
        """Accept nothing for a moment. The loop would else be woken again and again for nothing."""
        assert self._sock is not None
        loop = self._serving.loop
        loop.remove_reader(self._sock.fileno())
        self._tell_pause(why)
        self._resting = loop.call_later(_ACCEPT_PAUSE_S, self._rested)

    def _tell_pause(self, why: str) -> None:
        now = self._serving.loop.time()
        if now - self._told >= _TOLD_EVERY_S:
            self._told = now
            self._serving.observer.error("error", "accept-paused", address=self.address, what=why)

    def _rested(self) -> None:
        self._resting = None
        self.open()

    def _take(self, accepted: socket.socket, name: object) -> None:
        """A connection: judged by the limits, then served."""
        peer: Address | None = None
        text = "unix"
        if isinstance(name, tuple) and name:
            text = str(name[0]).partition("%")[0]
            peer = ip_address(text)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._serving.admit(self, text):
            self._serving.observer.refused("connections", text, self.listener, "too many connections")
            accepted.close()
            self._serving.count_out()
            return
        connection: ServerConnection | TlsConnection
        if self.secure is None:
            connection = ServerConnection(self, peer, text)
        else:
            self.handshakes += 1
            connection = TlsConnection(self, self.secure, PROTOCOLS, peer, text)
        self.connections.add(connection)
        task = self._serving.loop.create_task(self._serve(accepted, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, accepted: socket.socket, connection: ServerConnection | TlsConnection) -> None:
        try:
            await self._serving.loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:
            accepted.close()
            if isinstance(connection, TlsConnection):
                self.handshake_over(connection, None)
            else:
                self.closed(connection)


class Serving:
    """Everything one worker serves; what its exchanges need of it is `Services`.

    Mutable: `snapshot` (the one reference), the doors, the upstreams and targets, `in_flight`, `draining`,
    the numbers of connections.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        observer: Observing,
        cells: CellsLike | None = None,
        *,
        buckets: Buckets | None = None,
        root: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.loop = loop
        self.observer = observer
        self.timers = Timers(loop)
        self.snapshot: Snapshot | None = None
        self.ask: Ask | None = None
        self.in_flight = 0
        self.draining = False
        self.streams: MutableSet[Exchange] = WeakSet()  # event streams and tunnels, also those just over
        self._cells: CellsLike = LocalCells() if cells is None else cells
        self._buckets = Buckets() if buckets is None else buckets
        self._root = Path() if root is None else root
        self._environment = os.environ if environment is None else environment
        self._doors: dict[str, Door] = {}
        self._left: set[Door] = set()
        self._upstreams: dict[str, Upstream] = {}
        self._targets = Targets()
        self._keeping = Keeping()
        self._copies = Copies(Copy)
        self._filter_counters: tuple[str, ...] = ()
        self._filter_counters_next: tuple[str, ...] = ()
        self._names = Names(loop, tell=observer.error)
        self._names.subscribe(self._name_changed)
        self._tasks: set[asyncio.Task[None]] = set()
        self._disabled: frozenset[tuple[str, str]] = frozenset()
        self._unhealthy: dict[str, frozenset[str]] = {}
        self._connections = 0
        self._clients = self._cells.counter("clients")
        self._emptied: asyncio.Event | None = None
        self._by_peer: Counter[tuple[str, str]] = Counter()
        self._room = int(resource.getrlimit(resource.RLIMIT_NOFILE)[0] * _DESCRIPTORS_KEPT)

    # --- tables ----------------------------------------------------------------------------------------

    async def prepare(self, table: RouteTable, generation: int, pace: Pace | None = None) -> Snapshot:
        """Make everything that serving from `table` needs; nothing changes yet. Raises PrepareFailed."""
        self._cells.keep(self._counted())
        secrets = Secrets(self._environment, self._root)
        pace = pace or Pace(resting=False)
        try:
            filled = await _filled(table, secrets, pace)
            for listener in table.listeners:
                self.clients_of(listener.name)
            setups = {record.name: await self._setup(record, secrets) for record in table.upstreams}
            addresses = dict.fromkeys(address for record in table.listeners for address in record.addresses)
            ports = {address: _port(secrets.text(address).reveal()) for address in addresses}
        except SecretsMissing as first:
            raise PrepareFailed(_all_missing(table, secrets) or str(first)) from first
        except (TargetFaulty, TlsFaulty) as fault:
            raise PrepareFailed(str(fault)) from fault
        chains = await self._chains(table, secrets)
        secure = await self._secure(table, filled, addresses, secrets)
        files = [self._files(record, secrets) for record in table.static_files]
        await self._look_up(setups.values())
        plans: list[Plan] = []
        by_number = tuple(setups.values())
        for number, route in enumerate(table.routes):
            settings = filled.settings_of_routes[route.settings]
            tries = rules_of(route.name, settings, self._keeping, by_number)
            mirrors = mirrors_of(route.name, settings, self._keeping, by_number, self._copies)
            plan = _plan(filled, route, setups, chains[route.settings], tries, mirrors)
            plans.append(replace(plan, files=files[route.target]) if route.action == "static-files" else plan)
            if not number & 31 and pace.is_over():
                await pace.rest()
        return Snapshot(
            generation,
            filled,
            tuple(plans),
            {address: filled.entry(address) for address in addresses},
            {
                address: tuple(record for record in table.listeners if address in record.addresses)
                for address in addresses
            },
            ports,
            tuple(setups.values()),
            _policies(filled),
            secure,
        )

    def _files(self, record: StaticFilesRecord, secrets: Secrets) -> StaticFiles:
        """What a route serves of a directory, which has to be there."""
        root = self._root / secrets.text(record.root).reveal()
        if not root.is_dir():
            raise PrepareFailed(f"static-files: {root} is no directory")
        return StaticFiles(record, str(root))

    async def _chains(self, table: RouteTable, secrets: Secrets) -> list[Chain | None]:
        """The filters of all routes; routes with equal settings share them."""
        self._keeping.begin()
        names: dict[int, str] = {}
        for route in table.routes:
            names.setdefault(route.settings, route.name)
        counters: dict[str, Counting] = {}

        def counter(name: str) -> Counting:
            return counters.setdefault(name, self._cells.counter(name))

        def fill(text: str) -> str:
            return secrets.text(text).reveal()

        chains: list[Chain | None] = []
        try:
            for number, settings in enumerate(table.settings_of_routes):
                making = Making(
                    self.loop,
                    self.observer,
                    names.get(number, ""),
                    self._root,
                    fill,
                    counter,
                    self._keeping,
                    self._buckets,
                )
                chains.append(filters_of(settings, making) if number in names else None)
            await prepare_all(chains)
        except FilterFaulty as fault:
            raise PrepareFailed(fault.reason) from fault
        except SecretsMissing as first:
            raise PrepareFailed(_all_missing(table, secrets) or str(first)) from first
        self._filter_counters_next = tuple(counters)
        return chains

    async def _secure(
        self, table: RouteTable, filled: RouteTable, addresses: Iterable[str], secrets: Secrets
    ) -> dict[str, ServerTls]:
        """What handshakes are made with, for each address that speaks TLS. Files are read beside the loop."""
        found: dict[str, ServerTls] = {}
        for address in addresses:
            listeners = [
                (settings, record.secure)
                for settings, record in zip(filled.settings(), table.listeners, strict=True)
                if address in record.addresses and record.secure is not None
            ]
            if not listeners:
                continue
            first = next(record for record in table.listeners if address in record.addresses)
            protocols = offered(first.http2)

            def fill(text: str) -> str:
                return secrets.text(text).reveal()

            try:
                found[address] = await asyncio.to_thread(server_tls, listeners, protocols, fill, self._root)
            except SecretsMissing as first:
                raise PrepareFailed(_all_missing(table, secrets) or str(first)) from first
            except TlsFaulty as fault:
                names = " and ".join(f"`{settings.name}`" for settings, _ in listeners)
                raise PrepareFailed(f"listener {names}: {fault}") from fault
        return found

    async def _look_up(self, setups: Iterable[Setup]) -> None:
        """Ask for names that are new, so that the first request need not wait. Not for long: a name that does
        not answer is the requests' trouble, not the table's.
        """
        tasks = [
            self.loop.create_task(_asked(self._names, asked, setup.names))
            for setup in setups
            for asked in {member.asked for member in setup.members}
            if isinstance(asked, HostName | ServiceName)
        ]
        if tasks:
            await asyncio.to_thread(self._names.load)  # imports 0.2 s worth, which no request waits for
            await asyncio.wait(tasks, timeout=_NAMES_WAIT_S)

    def commit(self, snapshot: Snapshot) -> None:
        """Serve from `snapshot` from now on. Requests under way keep what they have."""
        for setup in snapshot.setups:
            setup.upstream.configure(setup)
            self._upstreams[setup.upstream.name] = setup.upstream
            if any(isinstance(member.destination, ServiceName) for member in setup.members):
                self._spawn(self._look_up_again(setup.upstream))  # beside others nobody would wait for it
        kept = {setup.upstream.name for setup in snapshot.setups}
        self._upstreams = {name: each for name, each in self._upstreams.items() if name in kept}
        was, self.snapshot = self.snapshot, snapshot
        self._keeping.commit()
        self._filter_counters = self._filter_counters_next
        self._settle()
        for address, door in self._doors.items():
            records = snapshot.records.get(address)
            if records is not None:
                door.configure(records, snapshot.secure.get(address))
                door.open()
        if was is not None and self.streams:
            self._spawn(self._drain_streams(was, snapshot))

    async def _drain_streams(self, was: Snapshot, now: Snapshot) -> None:
        """Give those streams a time to end whose routes have changed and ask for it."""
        tables = was.table, now.table
        if not any(each.drain_streams_ms for table in tables for each in table.settings_of_routes):
            return
        for number, stream in enumerate(tuple(self.streams)):
            if number % _STREAMS_AT_ONCE == _STREAMS_AT_ONCE - 1:
                await asyncio.sleep(0)
            side, plan = stream.upstream_side, stream.plan
            if stream.over or side is None or plan is None:
                continue
            own_ms = plan.settings.drain_streams_ms
            target: Target | None = getattr(side, "target", None)  # a file has none
            stays = target is None or bool(target.users)
            within = drains_within(stream.head, own_ms, was, now, target_stays=stays)
            if within is not None:
                self.loop.call_later(within, stream.drained)

    async def _setup(self, record: UpstreamRecord, secrets: Secrets) -> Setup:
        """An upstream with what a table says of it. The same name is the same upstream."""

        def fill(text: str) -> str:
            return secrets.text(text).reveal()

        upstream = self._upstreams.get(record.name)
        if upstream is None:
            upstream = Upstream(
                record.name,
                self,
                self._targets,
                self._names,
                self._cells.counter(f"connections:{record.name}"),
                self._cells.counter(f"pending:{record.name}"),
                self._cells,
            )
        # Reading the system's authorities takes 10 to 30 ms, for which no request should wait.
        tls = None
        if record.tls is not None:
            tls = await asyncio.to_thread(client_context, record.tls, fill, self._root, record.protocol)
        egress = None if record.egress is None else egress_of(record.egress, fill)
        if record.protocol != "http1":
            from ..wire.http2 import client  # noqa: F401  # now, and not in the first request's time
        members = []
        for written, weight in record.targets:
            destination = target_of(written, fill)
            name = None if record.tls is None else server_name(record.tls, destination, fill)
            members.append(Member(destination, weight, tls, name, record.protocol, egress))
        choosing = record.choosing
        secret = ""
        if choosing is not None and choosing.sticky_cookie is not None:
            secret = fill(choosing.sticky_cookie.secret)
            if len(secret.encode("utf-8", "surrogateescape")) < LEAST_SECRET:
                what = f"the secret of `sticky-cookie` has less than {LEAST_SECRET} bytes"
                raise PrepareFailed(f"upstream `{record.name}`: {what}")
        return Setup(
            upstream,
            record.connections,
            record.timeouts,
            record.names,
            tuple(members),
            choosing,
            secret,
            ""
            if record.tls is None and record.egress is None
            else key_of((record.tls, record.protocol, record.egress)),
        )

    def _settle(self) -> None:
        """After targets have changed: who uses which, and which names are to be watched."""
        self._targets.settle(self._upstreams.values())
        self._names.keep(set().union(*(each.names() for each in self._upstreams.values())))
        self._disable()
        self._tell_unhealthy()

    def _name_changed(self, change: Change) -> None:
        """A name leads elsewhere: upstreams that have it get other targets."""
        concerned = [each for each in self._upstreams.values() if change.name in each.names()]
        if change.service:
            for upstream in concerned:
                self._spawn(self._look_up_again(upstream))
            return
        for upstream in concerned:
            upstream.refresh()
        self._settle()

    async def _look_up_again(self, upstream: Upstream) -> None:
        await upstream.look_up()
        upstream.refresh()
        self._settle()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- sockets ---------------------------------------------------------------------------------------

    def listen(self, address: str, sock: socket.socket) -> None:
        """Accept from a bound, listening socket, as soon as a table has the address."""
        sock.setblocking(False)
        door = self._doors.get(address)
        if door is not None:
            door.close()
            self._left.add(door)
        door = self._doors[address] = Door(self, address, sock)
        if self.snapshot is not None and not self.draining:
            records = self.snapshot.records.get(address)
            if records is not None:
                door.configure(records, self.snapshot.secure.get(address))
                door.open()

    def unlisten(self, address: str) -> None:
        """Accept no more there; the connections live on until their next reply, or the drain time is over."""
        door = self._doors.pop(address, None)
        if door is not None:
            door.close()
            self._left.add(door)
            self.send_away(door)

    def send_away(self, door: Door) -> None:
        """End the connections of a door after their replies; those that last longer than the drain time are
        closed then.
        """
        there = tuple(door.connections)
        for connection in there:
            connection.drain()
        if there and self.snapshot is not None:
            drain_s = self.snapshot.table.gateway[0].drain_ms / 1000
            self.loop.call_later(drain_s, _close_all, door, frozenset(there))

    async def drain(self, deadline_s: float) -> int:
        """Stop accepting, end connections after their replies, wait; how many were cut at the deadline."""
        self.draining = True
        until = self.loop.time() + deadline_s
        for door in self._doors.values():
            door.take_waiting()
            door.close()
        for connection in tuple(self._all_connections()):
            connection.drain()
        if self._connections:
            self._emptied = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(deadline_s):
                    await self._emptied.wait()
        await self._copies.end(max(until - self.loop.time(), 0.0))
        left = tuple(self._all_connections())
        cut = sum(connection.busy for connection in left)
        parting = [connection for connection in left if connection.say_goodbye()]
        for connection in left:
            if connection not in parting:
                connection.kill()
        if parting and self._connections:
            self._emptied = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_PARTING_S):
                    await self._emptied.wait()
            for connection in tuple(self._all_connections()):
                connection.kill()
        return cut

    def count_in(self) -> str:
        """Count a connection that is about to be accepted; where there is no room, why it has to wait."""
        if self._connections >= self._room:
            return "the process may have no more descriptors"
        most = OFF if self.snapshot is None else self.snapshot.table.gateway[0].connections
        if not most:
            self._clients.add(1)
        elif not self._clients.add_below(1, most):
            return f"there are {most} connections"
        self._connections += 1
        return ""

    def count_out(self) -> None:
        """A connection is gone, or did not come."""
        self._clients.add(-1)
        self._connections -= 1
        if not self._connections and self._emptied is not None:
            self._emptied.set()

    def _counted(self) -> Iterator[str]:
        """The names of the counters that are in use; those of a table that never came are not."""
        yield "clients"
        yield from self._filter_counters
        for door in (*self._doors.values(), *self._left):
            yield f"clients:{door.listener}"
        for name in self._upstreams:
            yield from (f"connections:{name}", f"pending:{name}")
        for upstream in self._upstreams.values():
            if upstream.choice is not None:
                yield from upstream.choice.names()

    def clients_of(self, listener: str) -> Counting:
        """How many connections a listener has in the whole gateway."""
        return self._cells.counter(f"clients:{listener}")

    def admit(self, door: Door, peer: str) -> bool:
        """Count a connection in at its listener, unless there are too many."""
        limits = door.limits
        if limits.connections_per_ip and self._by_peer[door.address, peer] >= limits.connections_per_ip:
            return False
        if not limits.connections:
            door.count.add(1)
        elif not door.count.add_below(1, limits.connections):
            return False
        if limits.connections_per_ip:
            self._by_peer[door.address, peer] += 1
        return True

    def connection_closed(self, door: Door, connection: ClientConnection) -> None:
        """Count a connection out."""
        door.count.add(-1)
        self.count_out()
        key = (door.address, connection.came_from)
        if key in self._by_peer:
            self._by_peer[key] -= 1
            if self._by_peer[key] <= 0:
                del self._by_peer[key]
        if door in self._left and not door.connections:
            self._left.discard(door)

    def _all_connections(self) -> Iterator[ClientConnection]:
        for door in (*self._doors.values(), *self._left):
            yield from door.connections

    # --- what is seen ----------------------------------------------------------------------------------

    def status(self) -> dict[str, object]:
        """What there is at this moment, as JSON."""
        return {
            "generation": None if self.snapshot is None else self.snapshot.generation,
            "connections": self._connections,
            "in_flight": self.in_flight,
            "draining": self.draining,
            "upstreams": {
                upstream.name: [
                    {
                        "target": target.address,
                        "connections": target.open,
                        "active": target.active,
                        "idle": len(target.idle),
                        "disabled": target.disabled,
                        **(upstream.choice.standing_of(target) if upstream.choice else _UNWATCHED),
                    }
                    for target in upstream.targets
                ]
                for upstream in self._upstreams.values()
            },
        }

    def targets(self) -> tuple[Target, ...]:
        """The targets of the live table."""
        return self._targets.all()

    def active(self) -> list[RequestRecord]:
        """The records of requests under way. They still change."""
        return [record for connection in self._all_connections() for record in connection.records]

    # --- what an administrator wants -------------------------------------------------------------------

    def set_disabled(self, disabled: Iterable[tuple[str, str]], *, hang_up: bool = False) -> None:
        """Send no requests to these targets, (upstream, address) each, and to all others again.

        It holds for later tables too. `hang_up`: idle connections of the disabled are closed.
        """
        self._disabled = frozenset(disabled)
        self._disable()
        if hang_up:
            for target in self._targets.all():
                for connection in tuple(target.idle) if target.disabled else ():
                    connection.close()

    def set_unhealthy(self, targets: Iterable[tuple[str, str]]) -> None:
        """What probes say: these targets, (upstream, address) each, are not well, and all others are."""
        found: dict[str, set[str]] = {}
        for upstream, address in targets:
            found.setdefault(upstream, set()).add(address)
        self._unhealthy = {name: frozenset(addresses) for name, addresses in found.items()}
        self._tell_unhealthy()

    def _tell_unhealthy(self) -> None:
        for upstream in self._upstreams.values():
            if upstream.choice is not None:
                upstream.choice.found_unhealthy(self._unhealthy.get(upstream.name, frozenset()))

    def watched(self) -> dict[str, object]:
        """The targets of upstreams that watch theirs: where they are and how they stand, as JSON."""
        found: dict[str, object] = {}
        for upstream in self._upstreams.values():
            choice = upstream.choice
            if choice is not None and choice.watches:
                found[upstream.name] = {
                    "breaker": choice.breaker,
                    "targets": [
                        {
                            "address": target.address,
                            "host": target.place.host,
                            "port": target.place.port,
                            "path": target.place.path,
                            "server_name": target.place.server_name,
                            "protocol": target.place.protocol,
                            **choice.standing_of(target),
                        }
                        for target in dict.fromkeys(upstream.targets)
                    ],
                }
        return found

    def _disable(self) -> None:
        disabled = {
            id(target)
            for upstream in self._upstreams.values()
            for target in (upstream.targets if self._disabled else ())
            if (upstream.name, target.address) in self._disabled
        }
        for target in self._targets.all():
            before, target.disabled = target.disabled, id(target) in disabled
            if before != target.disabled:
                choice = self._upstreams[target.place.upstream].choice
                if choice is not None:
                    choice.enabled(target, again=before)


_UNWATCHED: Final = {"state": "ready", "ejected_until": None, "breaker": None}
"""How a target stands that nobody watches."""


def _close_all(door: Door, connections: frozenset[ClientConnection]) -> None:
    """Close those of the connections that are still there."""
    for connection in connections & door.connections:
        connection.kill()


def _policies(table: RouteTable) -> dict[str, ListenerPolicy]:
    """What listeners say of every request; those that say nothing are left out."""
    return {
        record.name: ListenerPolicy(
            record.redirect_port,
            b"" if record.hsts is None else b"strict-transport-security: " + record.hsts.encode("ascii"),
            record.private,
        )
        for record in table.listeners
        if record.redirect_port is not None or record.hsts is not None or record.private
    }


def _plan(
    table: RouteTable,
    route: RouteRecord,
    setups: Mapping[str, Setup],
    filters: Chain | None,
    tries: TryRules | None,
    mirrors: tuple[Mirror, ...],
) -> Plan:
    """One route's plan."""
    settings = table.settings_of_routes[route.settings]
    used: dict[str, tuple[Upstream, Times]] = {}
    single: Upstream | None = None
    times = NO_TIMES
    if route.action == "upstream":
        setup = setups[table.upstreams[route.target].name]
        single, times = setup.upstream, times_of(settings, setup.timeouts)
        used[single.name] = single, times
    elif route.action == "split":
        for part in table.splits[route.target]:
            setup = setups[table.upstreams[part.upstream].name]
            used[setup.upstream.name] = setup.upstream, times_of(settings, setup.timeouts)
    plain = (
        single is not None
        and route.rewrite is None
        and not route.request_rules
        and not route.response_rules
        and tries is None
        and not mirrors
    )
    return Plan(
        route.name,
        route.action,
        settings,
        plain,
        single,
        used,
        route.target,
        times,
        filters,
        tries,
        mirrors=mirrors,
    )


async def _filled(table: RouteTable, secrets: Secrets, pace: Pace) -> RouteTable:
    """The table with secrets in place of references to them, where requests need them.

    Errors: SecretsMissing with the first that is missing.
    """
    rules: list[HeaderRules] = []
    for number, each in enumerate(table.rules):
        if _refers(each.set) or _refers(each.add):
            each = each._replace(set=_with(secrets, each.set), add=_with(secrets, each.add))
        rules.append(each)
        if not number & 63 and pace.is_over():
            await pace.rest()
    responds = [
        each._replace(headers=_with(secrets, each.headers)) if _refers(each.headers) else each
        for each in table.responds
    ]
    gateway = tuple(map(secrets.gateway, table.gateway))
    filled = replace(table, rules=tuple(rules), responds=tuple(responds), gateway=gateway)
    filled.cache.programs = table.cache.programs
    filled.cache.digest = table.cache.digest
    return filled


def _all_missing(table: RouteTable, secrets: Secrets) -> str:
    """Everything that is missing, wherever it stands."""
    try:
        secrets.check(table)
    except SecretsMissing as missing:
        return str(missing)
    return ""


Values = tuple[tuple[str, Value], ...]


def _refers(values: Values) -> bool:
    """Whether one of the values has a reference."""
    return any(len(value) > 1 and any(map(_is_reference, value[1::2])) for _, value in values)


def _is_reference(variable: str) -> bool:
    return variable.startswith(("env:", "file:"))


def _with(secrets: Secrets, values: Values) -> Values:
    """The values with what they refer to."""
    return tuple((name, secrets.value(value)) for name, value in values)


async def _asked(names: Names, destination: HostName | ServiceName, settings: UpstreamNames) -> None:
    """Ask for a name; that it failed is told by the names themselves."""
    with contextlib.suppress(NameFailed):
        if isinstance(destination, HostName):
            await names.addresses(destination.host, destination.port, settings)
        else:
            await names.service(destination.name, settings)


def _port(address: str) -> int | None:
    parsed = parse_address(address)
    return parsed.port if isinstance(parsed, TcpAddress) else None
