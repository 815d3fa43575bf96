"""A client of HTTP/2 and the gateway's side of its connection, with no socket between them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from gwc.compiler.pipeline import compile_text
from gwc.runtime.control.door import Door
from gwc.runtime.control.serving import Serving
from gwc.runtime.observe.observing import Silent
from gwc.runtime.wire.http1.server import ServerConnection

from ...e2e.http2 import Speaker

CONFIG = """
listeners { listener "l" { address "127.0.0.1:1"; %s } }
routes {
    route "echo" { matches { path-prefix "/echo" }; builtin "echo" }
    route "long" { matches { path "/long" }; respond status=200 { body "%s" } }
    route "fixed" { respond status=200 { body "fixed\\n" } }
}
"""
LONG = "0123456789abcdef" * 4000


class Told(Silent):
    """Keeps what was refused and what went wrong."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.bugs: list[object] = []

    def refused(self, reason: str, client: str, listener: str, detail: str) -> None:
        """See Observing."""
        self.reasons.append(reason)

    def error(self, level: str, event: str, **fields: object) -> None:
        """See Observing."""
        if event == "bug":
            self.bugs.append(fields)


class Transport(asyncio.Transport):
    """Keeps what is written, and takes no more of it than a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: Any = None
        self.written: list[bytes] = []
        self.writes = 0
        self.closed = False
        self.stuck = 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See asyncio.BaseTransport."""
        self.protocol = protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """See asyncio.BaseTransport."""
        return default

    def write(self, data: Any) -> None:
        """See asyncio.WriteTransport."""
        assert not self.closed, "written after the end"
        self.writes += 1
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        """See asyncio.BaseTransport."""
        return self.closed

    def close(self) -> None:
        """See asyncio.BaseTransport."""
        self.closed = True

    abort = close

    def can_write_eof(self) -> bool:
        """See asyncio.WriteTransport."""
        return True

    def write_eof(self) -> None:
        """See asyncio.WriteTransport."""
        self.closed = True

    def get_write_buffer_size(self) -> int:
        """See asyncio.WriteTransport."""
        return self.stuck

    def pause_reading(self) -> None:
        """See asyncio.ReadTransport."""

    def resume_reading(self) -> None:
        """See asyncio.ReadTransport."""


class Talk(Speaker):
    """A client whose bytes arrive at once, or in pieces of `cut`."""

    def __init__(self, serving: Serving, door: Door, *, reads: bool = True, cut: int = 0) -> None:
        super().__init__(reads=reads)
        self.serving = serving
        self.transport = Transport()
        self.cut = cut
        first = ServerConnection(door, None, "unix")
        door.connections.add(first)
        self.transport.protocol = first
        first.connection_made(self.transport)

    @property
    def connection(self) -> Any:
        """The gateway's side, as it is by now."""
        return self.transport.protocol

    async def push(self, more: bytes = b"") -> None:
        """Send what is to be sent and these bytes after it; take what comes, until nothing does."""
        data = self.out() + more
        size = self.cut or len(data) or 1
        for at in range(0, len(data), size):
            if self.transport.closed:
                break
            self.connection.data_received(data[at : at + size])
        for _ in range(100):
            for _ in range(3):
                await asyncio.sleep(0)
            came = b"".join(self.transport.written)
            self.transport.written.clear()
            if came:
                self.take(came)
            data = self.out()
            if data and not self.transport.closed:
                self.connection.data_received(data)
            elif not came:
                return

    async def until(self, holds: Callable[[], bool], within: float = 5.0) -> None:
        """Wait until it holds."""
        async with asyncio.timeout(within):
            while not holds():
                await asyncio.sleep(0.01)
                await self.push()


def talking(
    work: Callable[[Talk, Told], Awaitable[None]], listener: str = "", *, reads: bool = True, cut: int = 0
) -> None:
    """Run `work` with a client and what the gateway tells of it."""

    async def run() -> None:
        loop = asyncio.get_running_loop()
        result = compile_text(CONFIG % (listener, LONG), "kdl")
        assert result.table is not None, result.diagnostics
        told = Told()
        serving = Serving(loop, told)
        serving.commit(await serving.prepare(result.table, 1))
        door = Door(serving.doors, "127.0.0.1:1", SimpleNamespace())  # type: ignore[arg-type]  # nothing is accepted
        assert serving.snapshot is not None
        door.configure(serving.snapshot.records["127.0.0.1:1"], None)
        serving.doors.open += 1
        talk = Talk(serving, door, reads=reads, cut=cut)
        try:
            await work(talk, told)
            talk.connection.connection_lost(None)
            assert not told.bugs
            assert not serving.in_flight
            assert not door.connections
        finally:
            serving.timers.close()

    asyncio.run(run())
