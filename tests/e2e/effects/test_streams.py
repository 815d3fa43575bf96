"""Bodies that are streamed: event by event, with limits of their own, over reloads and their ends."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import pytest

from ..harness import Gateway, gateway, until
from ..inside import held, number, reload
from ..raw import Client, ask, get
from ..upstream import Exchange, Upstream, upstream
from .keys import shows
from .test_websockets import AGREES, ASKS

HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
)

CONFIG = """
metrics "%metrics%"
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{ upstream "origin" {{ target "{origin}"; timeouts {{ idle "300ms" }} }}
    upstream "other" {{ target "{origin}" }} }}
routes {{
    route "events" {{ matches {{ path "/events" }}; upstream "origin"
        timeouts {{ request "600ms"; stream-idle "1s" }} }}
    route "usual" {{ upstream "origin" }}
    {more}
}}
"""
DRAINING = """
    group "draining" {{ matches {{ path-prefix "/draining" }}; {said}; websocket
        route "moved" {{ matches {{ path-prefix "/draining/moved" }}; upstream "{moved}" }}
        route "stays" {{ matches {{ path-prefix "/draining/stays" }}; upstream "origin" }}
        {gone} }}
"""
GONE = 'route "gone" { matches { path-prefix "/draining/gone" }; upstream "origin" }'


class Events:
    """A stream that a test feeds piece by piece. None ends it."""

    def __init__(self) -> None:
        self.pieces: queue.Queue[bytes | None] = queue.Queue()
        self.gone = threading.Event()

    def answer(self, exchange: Exchange) -> None:
        """The server's side."""
        exchange.send(HEAD)
        watch = threading.Thread(target=self._watch, args=(exchange,), daemon=True)
        watch.start()
        while (piece := self.pieces.get()) is not None:
            exchange.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        if not self.gone.is_set():
            exchange.send(b"0\r\n\r\n")
        exchange.close()  # somebody else reads from it

    def _watch(self, exchange: Exchange) -> None:
        if exchange.connection.wait_for_end(20):
            self.gone.set()
            self.pieces.put(None)


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """The gateway that most tests share."""
    with gateway(CONFIG.format(origin=origin.address, more=""), options=("--no-watch",)) as running:
        yield running


def head_of(client: Client) -> bytes:
    """Read until the head is whole; what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.receive()
    head, _, rest = data.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    return rest


def test_each_event_arrives_before_the_next(served: Gateway, origin: Upstream) -> None:
    """The head goes out without any event, and every event without waiting for more."""
    events = Events()
    origin.answers["/events"] = events.answer
    with Client(served.address()) as client:
        client.send(get("/events"))
        assert head_of(client) == b""
        for turn in range(20):
            event = b"data: %d\n\n" % turn
            events.pieces.put(event)
            assert client.receive() == b"%x\r\n%b\r\n" % (len(event), event)
        events.pieces.put(None)
        assert client.receive() == b"0\r\n\r\n"
        assert client.ask(get("/else")).status == 200


def test_any_body_passes_piece_by_piece(served: Gateway, origin: Upstream) -> None:
    """Both ways at once: what a client sends is answered before it has sent all."""

    def echo(exchange: Exchange) -> None:
        exchange.send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 30\r\n\r\n"
        )
        sock = exchange.connection.socket
        left = 30
        while left:
            piece = sock.recv(left)
            exchange.send(piece)
            left -= len(piece)

    origin.answers["/echo"] = echo
    with Client(served.address()) as client:
        client.send(get("/echo", "Content-Length: 30", method="POST"))
        got = head_of(client)
        for turn in range(3):
            client.send(b"piece %04d" % turn)
            while len(got) < 10 * (turn + 1):
                got += client.receive()
        assert got == b"piece 0000piece 0001piece 0002"


def test_a_client_that_leaves_ends_the_stream(served: Gateway, origin: Upstream) -> None:
    """The target's connection is closed at once."""
    events = Events()
    origin.answers["/events"] = events.answer
    with Client(served.address()) as client:
        client.send(get("/events"))
        head_of(client)
    assert events.gone.wait(3)
    until(lambda: held(served)["active"] == 0, "nothing is under way")


@shows("route.timeouts.stream-idle")
def test_event_streams_have_an_idle_limit_of_their_own(served: Gateway, origin: Upstream) -> None:
    """Neither `request` nor `idle` ends one; silence for `stream-idle` does."""
    events = Events()
    origin.answers["/events"] = events.answer
    with Client(served.address()) as client:
        client.send(get("/events"))
        head_of(client)
        began = time.monotonic()
        for _ in range(2):
            time.sleep(0.6)
            events.pieces.put(b"data\n\n")
            assert b"data" in client.receive()
        client.end()
        assert 2 < time.monotonic() - began < 4
    assert events.gone.wait(3)
    assert served.access_lines_for("/events", 1)[-1]["reason"] == "idle-timeout"


def _drain(
    origin: Upstream, said: str = 'drain-streams "700ms"', *, moved: str = "origin", gone: str = GONE
) -> str:
    more = DRAINING.format(said=said, moved=moved, gone=gone)
    return CONFIG.format(origin=origin.address, more=more)


@shows("route.drain-streams")
def test_streams_of_changed_routes_may_be_ended(origin: Upstream) -> None:
    """Those of routes that went or lead elsewhere, after a while: 1001 for WebSockets, a cut for events."""
    streams: dict[str, Events] = {}

    def agrees(exchange: Exchange) -> None:
        exchange.send(AGREES)
        exchange.connection.wait_for_end(20)

    for name in ("moved", "stays", "gone"):
        streams[name] = Events()
        origin.answers[f"/draining/{name}/events"] = streams[name].answer
        origin.answers[f"/draining/{name}/socket"] = agrees
    with gateway(_drain(origin), options=("--no-watch",)) as running:
        clients: dict[str, Client] = {}
        try:
            for name in streams:
                client = clients[f"{name} events"] = Client(running.address())
                client.send(get(f"/draining/{name}/events"))
                head_of(client)
                client = clients[f"{name} socket"] = Client(running.address())
                client.send(get(f"/draining/{name}/socket", *ASKS))
                assert client.reply().status == 101
            # What changes elsewhere, or how long streams are kept, is no change of the route.
            reload(running, _drain(origin, 'drain-streams "600ms"') + "\n// a comment\n")
            assert clients["moved events"].is_quiet(1.0)
            began = time.monotonic()
            reload(running, _drain(origin, moved="other", gone=""))
            for name in ("moved", "gone"):
                assert clients[f"{name} socket"].end() == b"\x88\x02\x03\xe9"
                assert clients[f"{name} events"].end() == b""
                assert time.monotonic() - began > 0.5
                assert running.access_line(f"/draining/{name}/events")["reason"] == "drained"
                assert running.access_line(f"/draining/{name}/socket")["reason"] == "drained"
            for kind in ("events", "socket"):
                assert clients[f"stays {kind}"].is_quiet(0.3)
            assert number(running, "gwc_tunnels") == 1
            # An inner `off` keeps them whatever happens.
            reload(running, _drain(origin, 'drain-streams "off"', moved="other", gone=""))
            reload(running, CONFIG.format(origin=origin.address, more=""))
            assert clients["stays socket"].is_quiet(0.3)
        finally:
            for client in clients.values():
                client.close()
            for each in streams.values():
                each.pieces.put(None)
        assert ask(running.address(), get("/else")).status == 200
