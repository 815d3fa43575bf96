"""WebSockets for the benchmarks: clients that talk all the time, each message to come back as it was sent.

Owns the handshake and the frames, which both sides of the benchmark know and the gateway does not read.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from hashlib import sha1

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


async def talk(port: int, host: str, path: str) -> str:
    """One WebSocket until it ends; why it did."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            f"sec-websocket-version: 13\r\nsec-websocket-key: {KEY}\r\n\r\n".encode()
        )
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
