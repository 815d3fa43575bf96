"""What goes wrong around a gateway, on purpose, one thing at a time: clients and upstreams that misbehave.

Each kind of mischief is a coroutine that tells how the gateway took it, in a word; `GOOD` says which words
are right. Knows the paths of the streaming backend and nothing of how the gateway is run.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from .openloop import parse_head

PATIENCE_S = 15.0
"""An answer that takes longer is `silence`."""

_GARBAGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)),
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nhost : a\r\n\r\n",
    b"GET  / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    b"\r\n" * 1000,
    b"\x00" * 5000,
    b"A" * 100_000,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the gateway listens, and a host whose `/live/…` goes to the streaming backend."""

    port: int
    host: str

    def head(self, method: str, what: str, more: str = "") -> bytes:
        """A request's head."""
        return f"{method} /live/{what} HTTP/1.1\r\nhost: {self.host}\r\n{more}\r\n".encode()


async def upstream_reset(place: Place) -> str:
    """The upstream resets in the head of its reply."""
    return await _asked(place, place.head("GET", "reset"))


async def upstream_cut(place: Place) -> str:
    """The upstream ends in the middle of its body."""
    return await _asked(place, place.head("GET", "cut"))


async def upstream_slow(place: Place) -> str:
    """The upstream takes two seconds."""
    return await _asked(place, place.head("GET", "slow"))


async def garbage(place: Place) -> str:
    """Bytes that are no request."""
    return await _asked(place, random.choice(_GARBAGE), half_close=True)


async def slow_head(place: Place) -> str:
    """A good request, a few bytes at a time."""
    head = place.head("GET", "echo")
    return await _asked(place, head, piece=8, pause=0.1)


async def abandoned_head(place: Place) -> str:
    """A client that leaves in the middle of its head."""
    return await _left(place, place.head("GET", "echo")[:20])


async def abandoned_body(place: Place) -> str:
    """A client that leaves in the middle of its body."""
    return await _left(place, place.head("POST", "echo", "content-length: 100000\r\n") + b"x" * 5000)


async def abandoned_wait(place: Place) -> str:
    """A client that leaves while the upstream thinks."""
    return await _left(place, place.head("GET", "slow"))


async def deaf_stream(place: Place) -> str:
    """A client that asks for events, reads a few and leaves."""
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    try:
        writer.write(place.head("GET", "events"))
        await reader.read(100)
        await asyncio.sleep(3)  # nobody reads: the buffers fill
        return "left"
    finally:  # when the time is over as well: what stays open would look like the gateway's leak
        writer.transport.abort()


async def _left(place: Place, data: bytes) -> str:
    """Send something, wait a moment and leave."""
    _, writer = await asyncio.open_connection("127.0.0.1", place.port)
    try:
        writer.write(data)
        await asyncio.sleep(0.5)
        return "left"
    finally:
        writer.transport.abort()


async def _asked(
    place: Place, data: bytes, *, piece: int = 0, pause: float = 0.0, half_close: bool = False
) -> str:
    """The status it gets, `closed` without one, `short` where bytes of the body are missing, `silence`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", place.port)
    try:
        async with asyncio.timeout(PATIENCE_S):
            if piece:
                for start in range(0, len(data), piece):
                    writer.write(data[start : start + piece])
                    await asyncio.sleep(pause)
            else:
                writer.write(data)
            if half_close:
                writer.write_eof()
            status, fields = parse_head((await reader.readuntil(b"\r\n\r\n"))[:-4])
            try:
                await reader.readexactly(int(fields.get(b"content-length", b"0")))
            except (asyncio.IncompleteReadError, ConnectionError):
                return "short"
            return str(status)
    except TimeoutError:
        return "silence"
    except (asyncio.IncompleteReadError, ConnectionError, RuntimeError):  # the last is uvloop's, on a write
        return "closed"
    finally:
        writer.transport.abort()


KINDS: Mapping[str, Callable[[Place], Awaitable[str]]] = {
    "upstream resets": upstream_reset,
    "upstream cuts": upstream_cut,
    "upstream slow": upstream_slow,
    "garbage": garbage,
    "slow head": slow_head,
    "head abandoned": abandoned_head,
    "body abandoned": abandoned_body,
    "wait abandoned": abandoned_wait,
    "stream abandoned": deaf_stream,
}

GOOD: Mapping[str, frozenset[str]] = {
    "upstream resets": frozenset({"502", "503"}),
    "upstream cuts": frozenset({"502", "short"}),
    "upstream slow": frozenset({"200"}),
    # 404: a host that nobody serves is told before a body that is garbage has come.
    "garbage": frozenset({"400", "404", "413", "414", "431", "501", "505", "closed"}),
    "slow head": frozenset({"200"}),
    "head abandoned": frozenset({"left"}),
    "body abandoned": frozenset({"left"}),
    "wait abandoned": frozenset({"left"}),
    "stream abandoned": frozenset({"left"}),
}
"""How the gateway may take each."""
