"""All addresses of a worker and the connections that came in by them.

Owns how many connections there may be, of the gateway, a listener and a peer, and how they end: when their
address is given up, and when the worker drains. Accepting is `door.py`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
from collections.abc import Iterator
from typing import Final

from gwc.schema.table import OFF

from ..observe.record import RequestRecord
from ..sides import Services
from ..snapshot import Snapshot
from ..state.buckets import Buckets
from ..upstream.targets import Counting
from ..wire.http1.entry import ClientConnection
from .cells import CellsLike
from .door import Door
from .peers import Peers

_DESCRIPTORS_KEPT: Final = 0.9
"""The share of descriptors in use, by whatever, from which on no more clients come in; the others are for the
targets of those who are there, logs and tables.
"""

_PARTING_S: Final = 1.0
"""How long tunnels that were told of the end may take to close."""


class Doors:
    """The doors of one worker.

    Mutable: the doors by their address, those given up whose connections still live (`_left`), and the
    numbers of connections; `open` is how many this worker has.
    """

    def __init__(self, services: Services, cells: CellsLike, buckets: Buckets) -> None:
        self.services = services
        self.open = 0
        self._cells = cells
        self._buckets = buckets
        self._clients = cells.counter("clients")
        self._doors: dict[str, Door] = {}
        self._left: set[Door] = set()
        self._emptied: asyncio.Event | None = None
        self._peers: dict[str, Peers] = {}
        self._room = int(resource.getrlimit(resource.RLIMIT_NOFILE)[0] * _DESCRIPTORS_KEPT)

    # --- addresses -------------------------------------------------------------------------------------

    def listen(self, address: str, sock: socket.socket) -> None:
        """Accept from a bound, listening socket, as soon as a table has the address."""
        sock.setblocking(False)
        door = self._doors.get(address)
        if door is not None:
            door.close()
            self._left.add(door)
        door = self._doors[address] = Door(self, address, sock)
        if self.services.snapshot is not None and not self.services.draining:
            _configure(door, self.services.snapshot)

    def configure(self, snapshot: Snapshot) -> None:
        """Another table serves: its settings, and accepting where it has an address that had none."""
        for door in self._doors.values():
            _configure(door, snapshot)

    def unlisten(self, address: str) -> None:
        """Accept no more there; the connections live on until their next reply, or the drain time is over."""
        door = self._doors.pop(address, None)
        if door is not None:
            door.close()
            self._left.add(door)
            self.send_away(door)
            self._forget_peers(address)

    def send_away(self, door: Door) -> None:
        """End the connections of a door after their replies; those that last longer than the drain time are
        closed then.
        """
        there = tuple(door.connections)
        for connection in there:
            connection.drain()
        if there and self.services.snapshot is not None:
            drain_s = self.services.snapshot.table.gateway[0].drain_ms / 1000
            self.services.loop.call_later(drain_s, _close_all, door, frozenset(there))

    # --- numbers ---------------------------------------------------------------------------------------

    def count_in(self) -> str:
        """Count a connection that is about to be accepted; where there is no room, why it has to wait."""
        if self._is_crowded():
            return "the process may have no more descriptors"
        most = OFF if self.services.snapshot is None else self.services.snapshot.table.gateway[0].connections
        if not most:
            self._clients.add(1)
        elif not self._clients.add_below(1, most):
            return f"there are {most} connections"
        self.open += 1
        return ""

    def _is_crowded(self) -> bool:
        """Whether most descriptors are in use: a new one has the lowest number that is free."""
        try:
            lowest = os.dup(2)
        except OSError:
            return True
        os.close(lowest)
        return lowest >= self._room

    def count_out(self) -> None:
        """A connection is gone, or did not come."""
        self._clients.add(-1)
        self.open -= 1
        if not self.open and self._emptied is not None:
            self._emptied.set()

    def clients_of(self, listener: str) -> Counting:
        """How many connections a listener has in the whole gateway."""
        return self._cells.counter(f"clients:{listener}")

    def admit(self, door: Door, peer: str) -> bool:
        """Count a connection in at its listener, unless there are too many."""
        limits = door.limits
        if limits.connections_per_ip:
            peers = self._peers.get(door.address)
            if peers is None:
                peers = self._peers[door.address] = Peers(self._buckets, door.address)
            if not peers.admit(peer, limits.connections_per_ip):
                return False
        if not limits.connections:
            door.count.add(1)
        elif not door.count.add_below(1, limits.connections):
            if limits.connections_per_ip:
                self._peers[door.address].leave(peer)
            return False
        return True

    def closed(self, door: Door, connection: ClientConnection) -> None:
        """Count a connection out."""
        door.count.add(-1)
        self.count_out()
        peers = self._peers.get(door.address)
        if peers is not None:
            peers.leave(connection.came_from)
        if door in self._left and not door.connections:
            self._left.discard(door)
            self._forget_peers(door.address)

    def _forget_peers(self, address: str) -> None:
        """Let go of the count of an address that nobody listens on, with its last connection."""
        if address not in self._doors and not any(
            door.address == address and door.connections for door in self._left
        ):
            peers = self._peers.pop(address, None)
            if peers is not None:
                peers.close()

    def counters(self) -> Iterator[str]:
        """The names of the counters that are in use."""
        yield "clients"
        for door in (*self._doors.values(), *self._left):
            yield f"clients:{door.listener}"

    def records(self) -> list[RequestRecord]:
        """The records of requests under way. They still change."""
        return [record for connection in self._connections() for record in connection.records]

    def _connections(self) -> Iterator[ClientConnection]:
        for door in (*self._doors.values(), *self._left):
            yield from door.connections

    # --- the end ---------------------------------------------------------------------------------------

    async def drain(self, deadline_s: float) -> None:
        """Stop accepting, end connections after their replies, wait until they have ended."""
        for door in self._doors.values():
            door.take_waiting()
            door.close()
        for connection in tuple(self._connections()):
            connection.drain()
        await self._empty(deadline_s)

    async def cut(self) -> int:
        """Close what is left; how many of them were busy. Tunnels get a moment for their farewells."""
        left = tuple(self._connections())
        cut = sum(connection.busy for connection in left)
        parting = [connection for connection in left if connection.say_goodbye()]
        for connection in left:
            if connection not in parting:
                connection.kill()
        if parting:
            await self._empty(_PARTING_S)
            for connection in tuple(self._connections()):
                connection.kill()
        return cut

    async def _empty(self, within_s: float) -> None:
        """Wait until there are no connections, but not for longer."""
        if self.open:
            self._emptied = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    await self._emptied.wait()


def _configure(door: Door, snapshot: Snapshot) -> None:
    records = snapshot.records.get(door.address)
    if records is not None:
        door.configure(records, snapshot.secure.get(door.address))
        door.open()


def _close_all(door: Door, connections: frozenset[ClientConnection]) -> None:
    """Close those of the connections that are still there."""
    for connection in connections & door.connections:
        connection.kill()
