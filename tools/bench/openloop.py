"""An open-loop client: requests begin when they are due, whether or not earlier ones are answered.

Arrivals are a Poisson process; a latency counts from the instant a request was due, so a stall of the
gateway shows in every request that fell into it. Owns the clients (kept-alive, fresh connections, event
streams) and what counts as their failure. Knows nothing of how the gateway is started or reloaded.

A mark is what a reply says about the generation that made it: the header `x-gwc-generation`, and the number
at the start of the body (or the header `x-seen-generation` of a stream). The two are set by different parts
of one generation, so unequal marks are a reply half old and half new.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from .calls import call
from .phase import Phase
from .sockets import talk
from .streams import stream

GIVE_UP_S = 30.0
"""A request without a full reply for so long has failed."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A full reply. `generation` is the header's, None where there is none."""

    status: int
    fields: dict[bytes, bytes]
    body: bytes
    closes: bool

    @property
    def generation(self) -> int | None:
        """The number in the header."""
        return _number(self.fields.get(b"x-gwc-generation", b""))


def _number(text: bytes) -> int | None:
    return int(text) if text and text.isdigit() and text.isascii() else None


class Lost(Exception):
    """A connection ended where it must not; the argument says when."""


class Connection(asyncio.Protocol):
    """One client connection, one request at a time. `on_idle_close`: it was closed between two."""

    def __init__(self, on_idle_close: Callable[[], None] | None = None) -> None:
        self.open = False
        self.seen = -1  # the last generation on this connection
        self._transport: asyncio.Transport | None = None
        self._on_idle_close = on_idle_close
        self._got = bytearray()
        self._waiting: asyncio.Future[Reply] | None = None
        self._whole = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none of its classes
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        was_open, self.open = self.open, False
        if self._waiting is not None and not self._waiting.done():
            when = "in the middle of a reply" if self._got else "before a reply"
            self._waiting.set_exception(Lost(f"connection {'reset' if exc else 'closed'} {when}"))
        elif was_open and self._on_idle_close is not None:
            self._on_idle_close()

    def eof_received(self) -> bool:
        return False

    def ask(self, request: bytes, whole: bool = True) -> asyncio.Future[Reply]:
        """Send; the future has the reply, or Lost. Not `whole`: its head is enough, the rest is dropped."""
        assert self._transport is not None
        self._whole = whole
        self._waiting = asyncio.get_running_loop().create_future()
        if self.open:
            self._transport.write(request)
        else:
            self._waiting.set_exception(Lost("connection closed before the request was sent"))
        return self._waiting

    def close(self) -> None:
        """End it from our side."""
        self.open = False
        if self._transport is not None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._got += data
        waiting = self._waiting
        if waiting is None or waiting.done():
            if not self._whole:
                self._got.clear()
            return
        end = self._got.find(b"\r\n\r\n")
        if end < 0:
            return
        status, fields = parse_head(bytes(self._got[:end]))
        if status == 100:
            del self._got[: end + 4]
            self.data_received(b"")
            return
        if not self._whole:
            waiting.set_result(Reply(status, fields, b"", closes=False))
            return
        if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
            body, rest, ended = chunks(bytes(self._got[end + 4 :]))
            if not ended:
                return
            used = len(self._got) - end - 4 - len(rest)
        else:
            used = int(fields.get(b"content-length", b"0"))
            if len(self._got) - end - 4 < used:
                return
            body = bytes(self._got[end + 4 : end + 4 + used])
        del self._got[: end + 4 + used]
        closes = fields.get(b"connection", b"").lower() == b"close"
        if closes:
            self.open = False  # what follows is announced
        waiting.set_result(Reply(status, fields, body, closes))


def parse_head(head: bytes) -> tuple[int, dict[bytes, bytes]]:
    """Status and fields (lower-case names, the last of a name) of a reply's head."""
    lines = head.split(b"\r\n")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])}
    return int(lines[0][9:12]), fields


def chunks(raw: bytes) -> tuple[bytes, bytes, bool]:
    """Of a chunked body: data of the chunks that are whole, the bytes left over, whether it ended."""
    body, place = b"", 0
    while True:
        end = raw.find(b"\r\n", place)
        if end < 0:
            return body, raw[place:], False
        size = int(raw[place:end].partition(b";")[0], 16)
        if len(raw) < end + 4 + size:
            return body, raw[place:], False
        if size == 0:
            return body, raw[end + 4 :], True
        body += raw[end + 2 : end + 2 + size]
        place = end + 4 + size


@dataclass(frozen=True, slots=True)
class Target:
    """Where to and what: a host that has routes, the paths of echoing requests, event streams, WebSockets."""

    port: int
    host: str
    path: str
    events: str
    socket: str = ""


@dataclass(slots=True)
class OpenLoop:
    """The clients together. `phase` is what is being counted; exchange it to begin another.

    Of the arrivals, half are GETs and a quarter POSTs on kept-alive connections, a quarter are GETs on a
    connection of their own. `expected` are statuses that count as answers.
    """

    target: Target
    rate: float
    kept_alive: int = 16
    streams: int = 20
    sockets: int = 0
    http2: int = 0
    calls: int = 0
    marked: bool = True
    expected: frozenset[int] = frozenset({200})
    seed: int = 11
    phase: Phase = field(default_factory=Phase)
    _idle: asyncio.Queue[Connection] = field(default_factory=asyncio.Queue)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _last_reply: float = 0.0
    _stopping: bool = False

    async def run_for(self, seconds: float) -> Phase:
        """A phase of so many seconds, counted by itself."""
        until = time.monotonic() + seconds
        self.begin()
        await self._arrivals(lambda: time.monotonic() >= until)
        return self.phase

    async def run_until(self, done: asyncio.Event) -> Phase:
        """A phase that lasts until the event is set."""
        self.begin()
        await self._arrivals(done.is_set)
        return self.phase

    def begin(self) -> None:
        """Count anew."""
        self.phase = Phase()
        self._last_reply = time.monotonic()

    async def start(self) -> None:
        """Open the kept-alive connections and the streams."""
        for _ in range(self.kept_alive):
            await self._idle.put(await self._connect(kept=True))
        for _ in range(self.streams):
            task = asyncio.create_task(self._stream())
            self._tasks.add(task)
        lasting = [self._socket() for _ in range(self.sockets)]
        lasting += [self._connection2() for _ in range(self.http2)]
        lasting += [self._call() for _ in range(self.calls)]
        self._tasks |= {asyncio.create_task(each) for each in lasting}
        await asyncio.sleep(0)

    async def stop(self) -> None:
        """End everything from our side."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while not self._idle.empty():
            self._idle.get_nowait().close()

    async def _arrivals(self, is_over: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        running: set[asyncio.Task[None]] = set()

        def begin(due: float, draw: float) -> None:
            self.phase.lateness.add(time.monotonic() - due)
            task = loop.create_task(self._one(due, draw))
            running.add(task)
            task.add_done_callback(running.discard)

        def clock() -> None:
            # A thread's sleep is good to 0.1 ms; a loop's timers are rounded to whole milliseconds, which
            # is as much as a request takes.
            rnd = random.Random(self.seed)
            due = time.monotonic()
            while not is_over():
                due += rnd.expovariate(self.rate)
                time.sleep(max(0.0, due - time.monotonic()))
                loop.call_soon_threadsafe(begin, due, rnd.random())

        await asyncio.to_thread(clock)
        await asyncio.sleep(0)
        if running:
            await asyncio.wait(running, timeout=GIVE_UP_S + 1)

    async def _one(self, due: float, draw: float) -> None:
        phase = self.phase
        fresh = draw < 0.25
        post = not fresh and draw < 0.5
        connection: Connection | None = None
        try:
            async with asyncio.timeout(GIVE_UP_S):
                connection = await (self._connect(kept=False) if fresh else self._take())
                reply = await connection.ask(self._request("POST" if post else "GET", self.target.path))
        except (Lost, OSError, TimeoutError) as lost:
            phase = self.phase  # a failure belongs to the stretch it happened in
            phase.failed += 1
            kind = "new connection" if fresh else "POST" if post else "GET"
            phase.blame(f"{kind}: {lost or type(lost).__name__}")
            if connection is not None:
                connection.close()
            if not fresh:
                await self._replace()
            return
        now = time.monotonic()
        phase.latency.add(now - due)
        phase.longest_silence = max(phase.longest_silence, now - max(due, self._last_reply))
        self._last_reply = now
        self._judge(connection, reply)
        if fresh:
            connection.close()
        elif reply.closes:
            phase.announced += 1
            connection.close()
            await self._replace()
        else:
            self._idle.put_nowait(connection)

    def _judge(self, connection: Connection, reply: Reply) -> None:
        phase = self.phase
        if reply.status not in self.expected:
            phase.unexpected += 1
            phase.blame(f"status {reply.status}")
        if not self.marked or reply.status != 200:
            return
        mark, other = reply.generation, _number(reply.body.split(b" ")[0])
        if mark is None or mark != other:
            phase.mixed += 1
            phase.blame(f"header {mark}, body {other}")
            return
        if mark < connection.seen:
            phase.backwards += 1
            phase.blame(f"{mark} after {connection.seen}")
        connection.seen = mark

    def _request(self, method: str, path: str) -> bytes:
        body = b"x" * 1024 if method == "POST" else b""
        length = f"content-length: {len(body)}\r\n" if body else ""
        head = f"{method} {path} HTTP/1.1\r\nhost: {self.target.host}\r\nuser-agent: openloop\r\n{length}\r\n"
        return head.encode() + body

    async def _take(self) -> Connection:
        """An idle connection; one that was closed meanwhile is replaced (and was counted when it closed)."""
        connection = await self._idle.get()
        if connection.open:
            return connection
        try:
            return await self._connect(kept=True)
        except OSError:
            self._idle.put_nowait(connection)
            raise

    async def _replace(self) -> None:
        try:
            self._idle.put_nowait(await self._connect(kept=True))
        except OSError:
            self._idle.put_nowait(Connection())  # is not open: whoever takes it connects

    async def _connect(self, kept: bool) -> Connection:
        def closed() -> None:
            if not self._stopping:
                self.phase.closed += 1

        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(
            lambda: Connection(closed if kept else None), "127.0.0.1", self.target.port
        )
        return connection

    async def _stream(self) -> None:
        """One event stream after the other; the end of one is a cut."""
        while True:
            try:
                why = await self._one_stream()
            except OSError as failed:
                why = str(failed)
            self.phase.cut += 1
            self.phase.blame(f"stream: {why}")
            await asyncio.sleep(0.1)

    async def _socket(self) -> None:
        """One WebSocket after the other; the end of one is a cut."""
        while True:
            try:
                why = await talk(self.target.port, self.target.host, self.target.socket)
            except OSError as failed:
                why = str(failed)
            self.phase.sockets_cut += 1
            self.phase.blame(f"WebSocket: {why}")
            await asyncio.sleep(0.1)

    async def _connection2(self) -> None:
        """One connection of HTTP/2 after the other."""
        root = self.target.events.rpartition("/")[0]
        while True:
            try:
                why = await stream(self.target.port, self.target.host, root, lambda: self.phase)
            except OSError as failed:
                why = str(failed)
            self.phase.http2_closed += 1
            self.phase.blame(f"HTTP/2: {why}")
            await asyncio.sleep(0.1)

    async def _call(self) -> None:
        """One call of gRPC that lasts after the other; the end of one is a cut."""
        while True:
            why = await call(self.target.port, self.target.host, lambda: self.phase)
            self.phase.calls_cut += 1
            self.phase.blame(f"gRPC: {why}")
            await asyncio.sleep(0.1)

    async def _one_stream(self) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target.port)
        try:
            writer.write(self._request("GET", self.target.events))
            status, fields = parse_head((await reader.readuntil(b"\r\n\r\n"))[:-4])
            if status != 200:
                return f"status {status}"
            if self.marked and fields.get(b"x-gwc-generation") != fields.get(b"x-seen-generation"):
                self.phase.mixed += 1
            wanted, raw, text, last = 0, b"", b"", time.monotonic()
            while data := await reader.read(65536):
                raw += data
                piece, raw, ended = chunks(raw)
                text += piece
                *events, text = text.split(b"\n\n")
                for event in events:
                    if event != b"data: %d" % wanted:
                        return f"event {event!r}, not {wanted}"
                    wanted += 1
                if events:
                    now = time.monotonic()
                    self.phase.longest_event_gap = max(self.phase.longest_event_gap, now - last)
                    last = now
                if ended:
                    return "ended"
            return "closed"
        except asyncio.IncompleteReadError:
            return "closed before a reply"
        finally:
            writer.close()
