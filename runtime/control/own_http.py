"""HTTP/1.1 for what the supervisor itself serves: the admin API and metrics.

Owns connections, their limits and times; what a request means, its handler says. The protocol is h11's: these
are a few requests a second, the traffic's own wire is made for another purpose and knows upstreams. Requests
with both a length and a coding are refused, as everywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import h11

HEAD_BYTES: Final = 16 * 1024
BODY_BYTES: Final = 1024 * 1024
CONNECTIONS: Final = 64
"""At once. For one more the oldest that waits for nothing but its client is sent away, so that clients that
send nothing cannot keep others out."""

IDLE_S: Final = 60.0
HEAD_S: Final = 10.0
BODY_S: Final = 30.0
SEND_S: Final = 30.0
_LINGER_S: Final = 1.0
_PAUSE_S: Final = 0.1
_READ_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Received:
    """One request, whole. Names of headers are in lower case, several of one name joined by `, `.

    `client` is an address, or the user and process at the other end of a unix socket.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    client: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = field(default=())


Handle = Callable[[Received], Awaitable[Reply]]
Refuse = Callable[[int, str, str, str], Reply]
"""`refuse(status, code, words, client)`: the reply to what is no request."""


class _Refused(Exception):
    """What came is not served; the connection ends after the reply, which has no body to a HEAD."""

    def __init__(self, status: int, code: str, words: str, head: h11.Request) -> None:
        super().__init__(words)
        self.status, self.code, self.words, self.method = status, code, words, head.method


class OwnServer:
    """Serves one listening socket until it is closed. Mutable: the connections."""

    def __init__(
        self, sock: socket.socket, handle: Handle, refuse: Refuse, tell: Callable[..., None]
    ) -> None:
        """`sock` is duplicated, so its owner may close it; `tell` writes to the error log. To be made where
        the loop runs."""
        self._sock = sock.dup()
        self._sock.setblocking(False)
        self._handle = handle
        self._refuse = refuse
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._serving: dict[asyncio.Task[None], None] = {}
        self._answering: set[asyncio.Task[None]] = set()
        self._closing = False
        self._accepting = self._loop.create_task(self._accept())

    async def close(self, wait_s: float = 1.0) -> None:
        """Accept no more, let what is being answered be answered, hang up."""
        if self._closing:
            return
        self._closing = True
        self._accepting.cancel()
        await asyncio.gather(self._accepting, return_exceptions=True)
        self._sock.close()
        me = asyncio.current_task()
        for task in self._serving.keys() - self._answering:
            task.cancel()
        waiting = {each for each in self._serving if each is not me}
        if waiting:
            await asyncio.wait(waiting, timeout=wait_s)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            try:
                sock, _ = await self._loop.sock_accept(self._sock)
            except OSError:  # no descriptors, or a connection that went at once
                await asyncio.sleep(_PAUSE_S)
                continue
            if len(self._serving) >= CONNECTIONS and not self._make_room():
                sock.close()
                continue
            task = self._loop.create_task(self._serve(sock))
            self._serving[task] = None
            task.add_done_callback(self._served)

    def _make_room(self) -> bool:
        oldest = next((each for each in self._serving if each not in self._answering), None)
        if oldest is None:
            return False
        del self._serving[oldest]
        oldest.cancel()
        return True

    def _served(self, task: asyncio.Task[None]) -> None:
        self._serving.pop(task, None)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self._tell("error", "internal-error", where="own", reason=f"{type(bug).__name__}: {bug}")

    async def _serve(self, sock: socket.socket) -> None:
        task = asyncio.current_task()
        assert task is not None
        client = _client_of(sock)
        unix = sock.family == socket.AF_UNIX
        opening = asyncio.open_unix_connection(sock=sock) if unix else asyncio.open_connection(sock=sock)
        try:
            reader, writer = await opening
        except OSError:
            sock.close()
            return
        try:
            await self._converse(reader, writer, client, task)
        except (TimeoutError, OSError):
            writer.transport.abort()
        finally:
            self._answering.discard(task)
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(_LINGER_S):
                    await writer.wait_closed()

    async def _converse(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client: str,
        task: asyncio.Task[None],
    ) -> None:
        """Request after request, until one side has had enough."""
        wire = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
        while not self._closing:
            method = "GET"
            try:
                received = await self._receive(wire, reader, writer, client)
                if received is None:
                    return
                method = received.method
                self._answering.add(task)
                reply = await self._handle(received)
            except _Refused as fault:
                method = fault.method.decode("ascii")
                reply = self._refuse(fault.status, fault.code, fault.words, client)
            except h11.RemoteProtocolError as fault:
                status = fault.error_status_hint
                code = "head-too-long" if status == 431 else "bad-request"
                reply = self._refuse(status, code, f"this is no HTTP/1.1 request: {fault}", client)
            await _send(wire, writer, reply, method, closing=self._closing)
            self._answering.discard(task)
            if wire.our_state is not h11.DONE or wire.their_state is not h11.DONE:
                await _linger(reader, writer)
                return
            wire.start_next_cycle()

    async def _receive(
        self,
        wire: h11.Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        client: str,
    ) -> Received | None:
        """The next request, None where there is none."""
        if not wire.trailing_data[0]:
            async with asyncio.timeout(IDLE_S):
                wire.receive_data(await reader.read(_READ_BYTES))
        async with asyncio.timeout(HEAD_S):
            head = await _event(wire, reader)
        if not isinstance(head, h11.Request):
            return None
        if sum(len(name) + len(value) for name, value in head.headers) + len(head.target) > HEAD_BYTES:
            raise _Refused(431, "head-too-long", f"a head has at most {HEAD_BYTES} bytes", head)
        headers = _headers(head)
        if "content-length" in headers and "transfer-encoding" in headers:
            raise _Refused(400, "bad-framing", "a request has a length or a coding, not both", head)
        length = headers.get("content-length", "0")
        if len(length) > 10 or int(length) > BODY_BYTES:
            raise _Refused(413, "body-too-long", f"a body has at most {BODY_BYTES} bytes", head)
        if wire.they_are_waiting_for_100_continue:
            writer.write(wire.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        body = bytearray()
        async with asyncio.timeout(BODY_S):
            while not isinstance(event := await _event(wire, reader), h11.EndOfMessage):
                if not isinstance(event, h11.Data):
                    return None
                body += event.data
                if len(body) > BODY_BYTES:
                    raise _Refused(413, "body-too-long", f"a body has at most {BODY_BYTES} bytes", head)
        return Received(
            head.method.decode("ascii"), head.target.decode("latin-1"), headers, bytes(body), client
        )


async def _event(wire: h11.Connection, reader: asyncio.StreamReader) -> Any:
    while (event := wire.next_event()) is h11.NEED_DATA:
        wire.receive_data(await reader.read(_READ_BYTES))
    return event


async def _send(
    wire: h11.Connection, writer: asyncio.StreamWriter, reply: Reply, method: str, *, closing: bool
) -> None:
    fields = [
        ("content-type", reply.content_type),
        ("content-length", str(len(reply.body))),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        *reply.headers,
    ]
    if closing or wire.their_state is not h11.DONE:
        fields.append(("connection", "close"))
    if wire.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
        return
    head = wire.send(h11.Response(status_code=reply.status, headers=fields))
    data = wire.send(h11.Data(data=reply.body)) if method != "HEAD" else None
    end = wire.send(h11.EndOfMessage())
    writer.write(b"".join(each for each in (head, data, end) if each))
    async with asyncio.timeout(SEND_S):
        await writer.drain()


async def _linger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read what still comes for a moment: closing with bytes unread would take the reply away again."""
    writer.write_eof()
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(_LINGER_S):
            while await reader.read(_READ_BYTES):
                pass


def _headers(head: h11.Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in head.headers:
        key, text = name.decode("ascii"), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _client_of(sock: socket.socket) -> str:
    if sock.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            name = sock.getpeername()
            return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
        return ""
    if hasattr(socket, "SO_PEERCRED"):
        size = struct.calcsize("3i")
        pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        return f"unix uid {uid} pid {pid}"
    return "unix"
