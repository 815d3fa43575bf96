"""A connection of HTTP/2 to a target in memory: windows, turns, and what a flood leads to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest
from gwc.runtime.wire.http2.client import Http2Connection
from gwc.runtime.wire.http2.stream import ClientStream
from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection


class Transport:
    """What is written is kept; `waiting` is how much the other side has not taken."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.waiting = 0
        self.aborted = self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closed or self.aborted

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True


class Timers:
    """No time passes."""

    now = 0.0

    def forget(self, thing: object) -> None:
        """Nothing is in it."""


class Around:
    """Upstream, services and target of a connection, as far as it needs them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.timers = Timers()
        self.services = self
        self.place = self
        self.tls = None
        self.freed_streams = 0
        self.is_gone = False

    def freed(self, connection: object) -> None:
        self.freed_streams += 1

    def retired(self, connection: object) -> None:
        """No pool is there."""

    def widened(self, connection: object) -> None:
        """No pool is there."""

    def gone(self, connection: object) -> None:
        self.is_gone = True


class Exchange:
    """What a stream tells."""

    def __init__(self, method: str = "POST") -> None:
        self.head = self
        self.method = method
        self.handshake = None
        self.record = self
        self.grpc_status: int | None = None
        self.is_grpc = False
        self.upstream_side: object = None
        self.told: list[tuple[Any, ...]] = []
        self.body = bytearray()

    def forwarded(self, form: object) -> list[tuple[str, str]]:
        return [(":method", self.method), (":authority", "a"), (":path", "/")]

    def reply_head(self, reply: Any, length: int) -> None:
        self.told.append(("head", reply.status, length))

    def reply_whole(self, reply: Any, body: bytes) -> None:
        self.told.append(("whole", reply.status, bytes(body)))

    def reply_data(self, data: bytes) -> None:
        self.body += data

    def reply_end(self, trailers: object) -> None:
        self.told.append(("end", trailers))

    def flush(self) -> None:
        """Nothing is held."""

    def upstream_full(self) -> None:
        self.told.append(("full",))

    def upstream_drained(self) -> None:
        self.told.append(("drained",))

    def upstream_lost(self, reason: str, detail: str) -> None:
        self.told.append(("lost", reason))

    def upstream_refused(self, sent: object, detail: str) -> None:
        self.told.append(("refused", sent))


class Pair:
    """The gateway's side and a server of the library, with the bytes carried by hand."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.around = Around(loop)
        self.transport = Transport()
        self.connection = Http2Connection(cast(Any, self.around), cast(Any, self.around))
        self.server = H2Connection(H2Configuration(client_side=False))
        self.connection.connection_made(cast(Any, self.transport))
        self.server.initiate_connection()
        self.carry()

    def start(self, length: int = -1) -> tuple[ClientStream, Exchange]:
        """A request."""
        stream, exchange = self.connection.take(), Exchange()
        stream.start(cast(Any, exchange), length)
        return stream, exchange

    def carry(self) -> list[events.Event]:
        """All that there is, both ways; what the server has seen."""
        found: list[events.Event] = []
        for _ in range(20):
            self.loop.run_until_complete(asyncio.sleep(0))
            data, self.transport.written = bytes(self.transport.written), bytearray()
            if data:
                found += self.server.receive_data(data)
            back = self.server.data_to_send()
            if back:
                self.connection.data_received(back)
            if not data and not back:
                break
        return found


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Both ends, greeted."""
    loop = asyncio.new_event_loop()
    found = Pair(loop)
    assert found.connection.ready.done()
    yield found
    loop.close()


def test_a_whole_small_reply_is_told_at_once(pair: Pair) -> None:
    """Head and body in one packet are one call."""
    _, exchange = pair.start(0)
    pair.carry()
    pair.server.send_headers(1, [(":status", "200")])
    pair.server.send_data(1, b"body", end_stream=True)
    pair.carry()
    assert exchange.told == [("whole", 200, b"body")]
    assert (pair.connection.streams, pair.around.freed_streams) == (0, 1)


def test_what_a_client_does_not_take_is_not_given_back(pair: Pair) -> None:
    """A stream that rests gets its window's worth and no more; another goes on; then it goes on too."""
    slow, held = pair.start(0)
    pair.start(0)
    pair.carry()
    slow.pause_reading()
    for number in (1, 3):
        pair.server.send_headers(number, [(":status", "200")])
    sent = {1: 0, 3: 0}
    for _ in range(40):
        for number in sent:
            room = min(pair.server.local_flow_control_window(number), 16_384)
            if room:
                pair.server.send_data(number, bytes(room))
                sent[number] += room
        pair.carry()
    assert sent[1] == 65_536
    assert sent[3] > 500_000
    assert len(held.body) == 65_536
    slow.resume_reading()
    pair.carry()
    assert pair.server.local_flow_control_window(1) == 65_536


def test_streams_take_turns(pair: Pair) -> None:
    """Of two long bodies neither waits for the other's end, and who sends is held back meanwhile."""
    (one, first), (two, _) = pair.start(), pair.start()
    pair.carry()
    pair.server.increment_flow_control_window(1_000_000)
    pair.carry()
    for stream in (one, two):
        stream.send_data(b"x" * 200_000)
    assert first.told == [("full",)]
    order = [event.stream_id for event in pair.carry() if isinstance(event, events.DataReceived)]
    assert order[:4] == [1, 3, 1, 3]
    for number in (1, 3):
        pair.server.increment_flow_control_window(400_000, number)
    pair.carry()
    assert first.told == [("full",), ("drained",)]


def test_trailers_end_a_request(pair: Pair) -> None:
    """After all of its body."""
    stream, _ = pair.start()
    stream.send_data(b"x")
    stream.send_end([(b"x-sum", b"1")])
    kinds = [type(event).__name__ for event in pair.carry()]
    assert kinds == ["RequestReceived", "DataReceived", "TrailersReceived", "StreamEnded"]


def test_a_flood_that_is_not_read_ends_the_connection(pair: Pair) -> None:
    """Answers to pings that the target does not take do not pile up."""
    _, exchange = pair.start(0)
    pair.carry()
    pair.transport.waiting = 5_000_000
    pair.server.ping(b"12345678")
    pair.carry()
    assert pair.transport.aborted
    pair.connection.connection_lost(None)
    assert exchange.told == [("lost", "connection-lost")]
    assert pair.around.is_gone


def test_an_interim_reply_for_a_stream_that_was_reset(pair: Pair) -> None:
    """It was on its way when the client went: nothing happens to the others."""
    stream, _ = pair.start(0)
    _, other = pair.start(0)
    pair.carry()
    late = pair.server
    late.send_headers(1, [(":status", "103")])
    data = late.data_to_send()
    stream.abort()
    pair.connection.data_received(data)
    pair.carry()
    late.send_headers(3, [(":status", "204")], end_stream=True)
    pair.carry()
    assert other.told == [("whole", 204, b"")]


@pytest.mark.parametrize("size", [10, 70_000])
def test_what_is_refused_can_be_sent_again_if_it_is_short(pair: Pair, size: int) -> None:
    """The body that went there comes back, unless it is longer than what is kept."""
    stream, exchange = pair.start()
    stream.send_data(b"x" * size)
    pair.carry()
    pair.server.reset_stream(1, 7)
    pair.carry()
    wanted = (b"x" * size,) if size < 64 * 1024 else None
    assert [each for each in exchange.told if each[0] == "refused"] == [("refused", wanted)]
