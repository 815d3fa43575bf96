"""HTTP/2 for the benchmarks: a connection that always has a long stream and requests under way.

Owns the client, on the library `h2`, and what counts as its failure. On each connection there is an event
stream, a request that takes two seconds, and a short one every tenth of a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
)

from .phase import Phase

EVERY_S = 0.1


@dataclass(slots=True)
class _Stream:
    """A request. `events` is how many have come, of an event stream."""

    path: str
    fields: dict[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    events: int = 0


class Streams(asyncio.Protocol):
    """One connection. `ended` is set when it is over, `why` says how."""

    def __init__(self, host: str, events: str, slow: str, short: str, phase: Callable[[], Phase]) -> None:
        self._host = host
        self._events, self._slow, self._short = events, slow, short
        self._phase = phase
        self._wire = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._transport: asyncio.Transport | None = None
        self._streams: dict[int, _Stream] = {}
        self.ended = asyncio.Event()
        self.why = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none of its classes
        self._wire.initiate_connection()
        self._ask(self._events)
        self._ask(self._slow)

    def connection_lost(self, exc: Exception | None) -> None:
        self._over("reset" if exc else "closed")

    def ask_short(self) -> None:
        """One more request."""
        if not self.ended.is_set():
            self._ask(self._short)

    def close(self) -> None:
        """End it from our side; that is no failure."""
        self.ended.set()
        if self._transport is not None:
            self._transport.abort()

    def _ask(self, path: str) -> None:
        number = self._wire.get_next_available_stream_id()
        fields = [(":method", "GET"), (":scheme", "http"), (":authority", self._host), (":path", path)]
        self._wire.send_headers(number, fields, end_stream=True)
        self._streams[number] = _Stream(path)
        self._flush()

    def _flush(self) -> None:
        if self._transport is not None:
            self._transport.write(self._wire.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self._wire.receive_data(data):
            self._happened(event)
        self._flush()

    def _happened(self, event: Event) -> None:
        if isinstance(event, ConnectionTerminated):
            self._over(f"GOAWAY {event.error_code}")
        elif isinstance(event, ResponseReceived):
            self._streams[event.stream_id].fields = dict(event.headers)
        elif isinstance(event, DataReceived):
            self._wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            stream = self._streams[event.stream_id]
            stream.body += event.data
            if stream.path == self._events:
                self._take_events(stream)
        elif isinstance(event, StreamReset):
            self._ended(self._streams.pop(event.stream_id), f"reset {event.error_code}")
        elif isinstance(event, StreamEnded):
            self._ended(self._streams.pop(event.stream_id), "")

    def _take_events(self, stream: _Stream) -> None:
        *events, stream.body = stream.body.split(b"\n\n")
        for event in events:
            if event != b"data: %d" % stream.events:
                self._phase().http2_cut += 1
                self._phase().blame(f"HTTP/2 stream: {event!r}, not {stream.events}")
            stream.events += 1

    def _ended(self, stream: _Stream, why: str) -> None:
        phase = self._phase()
        if stream.path == self._events:
            phase.http2_cut += 1
            phase.blame(f"HTTP/2 stream: {why or 'ended'}")
        elif why or stream.fields.get(b":status") != b"200":
            phase.http2_failed += 1
            phase.blame(f"HTTP/2 request: {why or stream.fields.get(b':status')!r}")
        else:
            phase.http2_requests += 1
            mark = stream.fields.get(b"x-gwc-generation")
            if stream.path == self._short and mark != stream.body.split(b" ")[0]:
                phase.mixed += 1
                phase.blame(f"HTTP/2: header {mark!r}, body {stream.body!r}")
        if stream.path != self._short and not self.ended.is_set():
            self._ask(stream.path)

    def _over(self, why: str) -> None:
        if not self.ended.is_set():
            self.why = why
            self._phase().http2_failed += sum(each.path != self._events for each in self._streams.values())
            self._phase().http2_cut += sum(each.path == self._events for each in self._streams.values())
            self.ended.set()


async def stream(port: int, host: str, root: str, phase: Callable[[], Phase]) -> str:
    """One connection until it ends; why it did. `root` is where the upstream's paths begin."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(
        lambda: Streams(host, f"{root}/events", f"{root}/slow", f"{root}/echo", phase), "127.0.0.1", port
    )
    try:
        while not connection.ended.is_set():
            connection.ask_short()
            await asyncio.sleep(EVERY_S)
        return connection.why
    finally:
        connection.close()
