"""What one worker serves: a table made live, connections that come in, requests under way.

Owns the one reference to the snapshot, and draining. One event loop, no threads. Processes are
`supervisor.py`'s.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, MutableSet
from pathlib import Path
from weakref import WeakSet

from gwc.schema.table import RouteTable

from ..draining import drain_streams
from ..exchange import Exchange
from ..mirror import Copies
from ..mirror_copy import Copy
from ..observe.observing import Observing
from ..sides import Ask
from ..snapshot import Snapshot
from ..state.buckets import Buckets
from ..timers import Timers
from .cells import CellsLike, LocalCells
from .doors import Doors
from .loading import Pace
from .preparing import Preparing
from .upstreams import Upstreams


class Serving:
    """Everything one worker serves; what its exchanges need of it is `Services`.

    Mutable: `snapshot` (the one reference), `in_flight`, `streams`, `draining`, and what its parts have.
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
        shared = LocalCells() if cells is None else cells
        limits = Buckets() if buckets is None else buckets
        self.doors = Doors(self, shared, limits)
        self.upstreams = Upstreams(self, shared)
        self._copies = Copies(Copy)
        self._preparing = Preparing(
            self,
            self.doors,
            self.upstreams,
            self._copies,
            shared,
            limits,
            Path() if root is None else root,
            environment,
        )
        self._stream_draining: set[asyncio.Task[None]] = set()

    async def prepare(self, table: RouteTable, generation: int, pace: Pace | None = None) -> Snapshot:
        """Make everything that serving from `table` needs; nothing changes yet. Raises PrepareFailed."""
        return await self._preparing.prepare(table, generation, pace)

    def commit(self, snapshot: Snapshot) -> None:
        """Serve from `snapshot` from now on. Requests under way keep what they have."""
        self.upstreams.commit(snapshot.setups)
        was, self.snapshot = self.snapshot, snapshot
        self._preparing.commit()
        self.doors.configure(snapshot)
        if was is not None and self.streams:
            task = self.loop.create_task(drain_streams(self.streams, was, snapshot))
            self._stream_draining.add(task)
            task.add_done_callback(self._stream_draining.discard)

    def listen(self, address: str, sock: socket.socket) -> None:
        """See Doors."""
        self.doors.listen(address, sock)

    def unlisten(self, address: str) -> None:
        """See Doors."""
        self.doors.unlisten(address)

    async def drain(self, deadline_s: float) -> int:
        """Stop accepting, end connections after their replies, wait; how many were cut at the deadline."""
        self.draining = True
        until = self.loop.time() + deadline_s
        await self.doors.drain(deadline_s)
        await self._copies.end(max(until - self.loop.time(), 0.0))
        return await self.doors.cut()

    def status(self) -> dict[str, object]:
        """What there is at this moment, as JSON."""
        return {
            "generation": None if self.snapshot is None else self.snapshot.generation,
            "connections": self.doors.open,
            "in_flight": self.in_flight,
            "draining": self.draining,
            "upstreams": self.upstreams.shown(),
        }
