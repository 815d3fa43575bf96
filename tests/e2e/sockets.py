"""A WebSocket server to stand behind a gateway, on the `websockets` library, and what tests do with sockets.

Owns the paths that the server knows: `/echo`, `/close` (with a code), `/flood` (sends and never stops),
`/sink` (reads nothing), `/count`, and those below `/status/`, which are answered with that status.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

BLOCK = b"\x5a" * 65536


@dataclass
class Sockets:
    """A running server. `open` are its connections, `requests` the handshakes as they came."""

    address: str
    open: set[ServerConnection] = field(default_factory=set)
    requests: list[Request] = field(default_factory=list)
    flooded: int = 0


async def _answer(socket: ServerConnection, sockets: Sockets) -> None:
    assert socket.request is not None
    path = socket.request.path.partition("?")[0].removeprefix("/off")
    sockets.open.add(socket)
    try:
        if path.startswith("/close"):
            await socket.close(int(path.rpartition("/")[2]), "as asked")
        elif path.startswith("/flood"):
            while True:
                await socket.send(BLOCK)
                sockets.flooded += len(BLOCK)
        elif path.startswith("/sink"):
            await asyncio.sleep(3600)
        elif path.startswith("/pieces"):
            await socket.send(iter(["a", "b", "c"]))
            await socket.wait_closed()
        else:
            async for message in socket:
                await socket.send(message)
    except ConnectionClosed:
        pass
    finally:
        sockets.open.discard(socket)


def _refuse(socket: ServerConnection, request: Request, sockets: Sockets) -> Response | None:
    sockets.requests.append(request)
    found = re.search(r"/status/([0-9]{3})", request.path)
    if found is None:
        return None
    return socket.respond(HTTPStatus(int(found[1])), "as asked\n")


@contextmanager
def sockets() -> Iterator[Sockets]:
    """The server, in a thread of its own."""
    ready = threading.Event()
    made: list[Sockets] = []
    over: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def run() -> None:
        running = Sockets("")

        async def handler(socket: ServerConnection) -> None:
            await _answer(socket, running)

        server: Server
        async with serve(
            handler,
            "127.0.0.1",
            0,
            max_size=None,
            max_queue=1,
            ping_interval=None,
            close_timeout=0.2,
            process_request=lambda socket, request: _refuse(socket, request, running),
            select_subprotocol=lambda _, offered: next((each for each in offered if each == "chat"), None),
        ) as server:
            running.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            end = asyncio.Event()
            over.append((asyncio.get_running_loop(), end))
            made.append(running)
            ready.set()
            await end.wait()
            for socket in tuple(running.open):
                socket.transport.abort()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(5)
    try:
        yield made[0]
    finally:
        loop, end = over[0]
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(end.set)
        thread.join(5)
