"""A client that takes its replies slowly: what the connection does while it is full, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

from gwc.compiler.pipeline import compile_text
from gwc.runtime.control.door import Door
from gwc.runtime.control.serving import Serving
from gwc.runtime.observe.observing import Silent
from gwc.runtime.timers import NEVER
from gwc.runtime.wire.http1.server import LINGER_S, ServerConnection

CONFIG = """
listeners { listener "l" { address "127.0.0.1:1"; timeouts { idle "5s"; send "8s" } } }
routes { route "fixed" { respond status=200 { body "fixed\\n" } } }
"""

REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
LAST = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


class Slow(asyncio.Transport):
    """A transport whose other side takes what a test says it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.held = 0
        self.replies = 0
        self.ended = self.closed = False

    def write(self, data: Any) -> None:
        """See asyncio.Transport."""
        assert not self.ended, "nothing is written after the end"
        self.held += len(data)
        self.replies += bytes(data).count(b"HTTP/1.1 200")

    def get_write_buffer_size(self) -> int:
        """See asyncio.WriteTransport."""
        return self.held

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See asyncio.WriteTransport."""

    def is_closing(self) -> bool:
        """See asyncio.Transport."""
        return self.closed

    def close(self) -> None:
        """See asyncio.Transport."""
        self.closed = True

    def abort(self) -> None:
        """See asyncio.Transport."""
        self.closed = True

    def can_write_eof(self) -> bool:
        """See asyncio.Transport."""
        return True

    def write_eof(self) -> None:
        """See asyncio.Transport."""
        self.ended = True

    def pause_reading(self) -> None:
        """See asyncio.Transport."""

    def resume_reading(self) -> None:
        """See asyncio.Transport."""


def on_a_connection(steps: Callable[[ServerConnection, Slow, Serving], Awaitable[None]]) -> None:
    """Go through `steps` with a new connection."""

    async def run() -> None:
        result = compile_text(CONFIG, "kdl")
        assert result.table is not None
        serving = Serving(asyncio.get_running_loop(), Silent())
        serving.commit(await serving.prepare(result.table, 1))
        door = Door(serving.doors, "127.0.0.1:1", SimpleNamespace())  # type: ignore[arg-type]  # nothing is accepted
        assert serving.snapshot is not None
        door.configure(serving.snapshot.records["127.0.0.1:1"], None)
        transport = Slow()
        connection = ServerConnection(door, None, "unix")
        door.connections.add(connection)
        connection.connection_made(transport)
        await steps(connection, transport, serving)
        serving.timers.close()

    asyncio.run(run())


def test_the_last_reply_is_waited_for() -> None:
    """The connection ends, and begins to linger, only when the client has taken all of the last reply."""

    async def steps(connection: ServerConnection, transport: Slow, serving: Serving) -> None:
        connection.data_received(LAST)
        assert transport.replies == 1
        assert transport.held
        assert not transport.ended
        assert connection.deadline > serving.timers.now  # for a client that takes nothing at all
        connection.expired()  # it has taken something meanwhile
        transport.held //= 2
        assert not transport.closed
        transport.held = 0
        connection.resume_writing()
        assert transport.ended
        assert connection.deadline <= serving.timers.now + LINGER_S

    on_a_connection(steps)


def test_a_connection_that_was_full_is_idle_again() -> None:
    """After the client has taken what there was, `idle` counts, and then the connection is closed."""

    async def steps(connection: ServerConnection, transport: Slow, serving: Serving) -> None:
        transport.held = 1_000_000
        connection.pause_writing()
        transport.held = 0
        connection.resume_writing()
        assert connection.deadline <= serving.timers.now + 5.0
        connection.expired()
        assert transport.closed

    on_a_connection(steps)


def test_nothing_new_is_served_while_it_is_full() -> None:
    """Requests that come meanwhile wait; one is served when there is room."""

    async def steps(connection: ServerConnection, transport: Slow, serving: Serving) -> None:
        transport.held = 1_000_000
        connection.pause_writing()
        connection.data_received(REQUEST)
        assert connection.deadline < NEVER
        before = transport.replies
        transport.held = 0
        connection.resume_writing()
        for _ in range(5):
            await asyncio.sleep(0)
        assert (before, transport.replies) == (0, 1)

    on_a_connection(steps)


def test_who_takes_nothing_is_cut_and_who_takes_little_is_not() -> None:
    """It is looked at eight times in the time that `send` says; one that has taken anything is let be."""

    async def steps(connection: ServerConnection, transport: Slow, serving: Serving) -> None:
        transport.held = 1_000_000
        connection.pause_writing()
        for _ in range(30):
            transport.held -= 1
            connection.expired()
        assert not transport.closed
        for _ in range(7):
            connection.expired()
        assert not transport.closed
        connection.expired()
        assert transport.closed

    on_a_connection(steps)
