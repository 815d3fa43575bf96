"""WebSockets for the benchmarks: clients that talk all the time, each message to come back as it was sent.

Owns the handshake and the frames, which both sides of the benchmark know and the gateway does not read.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from hashlib import sha1
from typing import Final, cast

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
EVERY_S = 0.1
ANSWER_S = 30.0
"""For the answer to a message: only who waits longer than any stall calls it lost."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def agreement(key: bytes) -> bytes:
    """The head of a 101 to a handshake with this key."""
    accept = b64encode(sha1(key + _GUID, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: " + accept + b"\r\n\r\n"
    )


def _message(number: int) -> bytes:
    """A text of eight bytes with a mask of zeros."""
    return b"\x81\x88\0\0\0\0%08d" % number


def _handshake(host: str, path: str) -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
        f"sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n"
    ).encode()


async def talk(port: int, host: str, path: str) -> str:
    """One WebSocket until it ends; why it did."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_handshake(host, path))
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            return head.split(b"\r\n")[0].decode("latin-1")
        number = 0
        while True:
            message = _message(number)
            writer.write(message)
            async with asyncio.timeout(ANSWER_S):
                got = await reader.readexactly(len(message))
            if got != message:
                return f"{got!r} came back for {message!r}"
            number += 1
            await asyncio.sleep(EVERY_S)
    except asyncio.IncompleteReadError:
        return "closed"
    except TimeoutError:
        return "silent"
    finally:
        writer.close()


class _Echoed(asyncio.Protocol):
    """A WebSocket that sends its message again whenever it has come back."""

    def __init__(self, handshake: bytes) -> None:
        self._handshake = handshake
        self._transport: asyncio.Transport | None = None
        self._got = 0
        self._open = False
        self.echoes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none of its classes
        self._transport.write(self._handshake)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        if self._open:
            self._got += len(data)
            if self._got < len(_MESSAGE):
                return
            self._got = 0
            self.echoes += 1
        else:  # the head of the 101 comes in one piece, and nothing with it
            self._open = data.startswith(b"HTTP/1.1 101 ")
        if self._open:
            self._transport.write(_MESSAGE)

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.abort()


_MESSAGE: Final = b"\x82\xfe\x00\x80\0\0\0\0" + bytes(128)
"""128 bytes with a mask of zeros."""


async def echo_for(port: int, host: str, path: str, connections: int, seconds: float) -> int:
    """How many messages come back in so many seconds, one at a time on each connection."""
    loop = asyncio.get_running_loop()
    handshake = _handshake(host, path)
    talking = [
        (await loop.create_connection(lambda: _Echoed(handshake), "127.0.0.1", port))[1]
        for _ in range(connections)
    ]
    await asyncio.sleep(seconds)
    for each in talking:
        each.close()
    return sum(each.echoes for each in talking)
