"""Bodies on their way: how they are framed, how far they pile up, and what ends them."""

from __future__ import annotations

import contextlib
import hashlib
import random
import threading
import time
from collections.abc import Iterator

import pytest

from .harness import Gateway, gateway, until
from .raw import Client, Silence, ask, chunked, get, post
from .upstream import Exchange, Gone, Upstream, upstream

CONFIG = """
listeners {{
    listener "public" {{ address "%public%" }}
    listener "hasty" {{
        address "%hasty%"
        timeouts {{ head "300ms"; idle "300ms"; body "300ms"; send "400ms" }}
    }}
}}
metrics {{ address "%metrics%" }}
upstreams {{
    upstream "origin" {{ target "{origin}" }}
    upstream "narrow" {{
        target "{origin}"
        connections {{ max 1; pending 1; pending-timeout "300ms" }}
    }}
}}
routes {{
    route "all" {{ upstream "origin"; reasons #true }}
    route "small" {{
        matches {{ path-prefix "/small" }}
        limits {{ request-body "1KiB" }}
        reasons #true
        upstream "origin"
    }}
    route "large" {{
        matches {{ path-prefix "/large" }}
        limits {{ request-body "1GiB" }}
        upstream "origin"
    }}
    route "short-reply" {{
        matches {{ path-prefix "/short-reply" }}
        limits {{ response-body "1KiB" }}
        reasons #true
        upstream "origin"
    }}
    route "trailers" {{
        matches {{ path-prefix "/trailers" }}
        trailers {{ request "x-checksum"; response "grpc-status" }}
        upstream "origin"
    }}
    route "request" {{
        matches {{ path-prefix "/t/request" }}; timeouts {{ request "300ms" }}; reasons #true
        upstream "origin"
    }}
    route "per-try" {{
        matches {{ path-prefix "/t/per-try" }}; timeouts {{ per-try "300ms" }}; reasons #true
        upstream "origin"
    }}
    route "first-byte" {{
        matches {{ path-prefix "/t/first-byte" }}; timeouts {{ first-byte "300ms" }}; reasons #true
        upstream "origin"
    }}
    route "idle" {{
        matches {{ path-prefix "/t/idle" }}; timeouts {{ idle "300ms" }}; reasons #true; upstream "origin"
    }}
    route "narrow" {{ matches {{ path-prefix "/narrow" }}; reasons #true; upstream "narrow" }}
}}
"""

MEGA = 1024 * 1024
PILE = 24 * MEGA
"""What the kernel's buffers on both ways and the gateway's own may hold together."""
GROWTH = 24 * MEGA
"""Of the gateway's memory, meanwhile."""
WHOLE = 96 * MEGA


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """The gateway."""
    with gateway(CONFIG.format(origin=origin.address)) as running:
        yield running


@pytest.fixture(autouse=True)
def _forget(origin: Upstream) -> None:
    origin.forget()


def _stalled(value: Iterator[int], seconds: float = 0.4) -> int:
    """The value once it has not changed for so long."""
    last, since = next(value), time.monotonic()
    while time.monotonic() - since < seconds:
        time.sleep(0.02)
        now = next(value)
        if now != last:
            last, since = now, time.monotonic()
    return last


def _echo(exchange: Exchange) -> None:
    body = exchange.read_body()
    parts = [body[at : at + 1000] for at in range(0, len(body), 1000)]
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in parts:
        exchange.send(b"%x\r\n%s\r\n" % (len(part), part))
    exchange.send(b"0\r\n\r\n")


# --- how far they pile up ----------------------------------------------------------------------------------


def test_a_slow_reader_holds_the_upstream_back(served: Gateway, origin: Upstream) -> None:
    """What nobody reads is not taken from the upstream either; then all of it arrives."""
    block = random.Random(1).randbytes(MEGA)

    @origin.on("/large/down")
    def _(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % WHOLE)
        for _ in range(WHOLE // MEGA):
            exchange.send(block)

    before = served.resident_bytes()
    with Client(served.address(), receive_buffer=65536) as client:
        client.send(get("/large/down"))
        until(lambda: bool(origin.seen("/large/down")), "the request arrives")
        connection = origin.connections[origin.the("/large/down").connection]
        sent = _stalled(iter(lambda: connection.sent, None))
        assert sent < PILE
        assert served.resident_bytes() - before < GROWTH
        status, received = client.receive().split(b"\r\n\r\n", 1)
        assert status.startswith(b"HTTP/1.1 200 ")
        digest, left = hashlib.sha256(received), WHOLE - len(received)
        while left > 0:
            more = client.receive()
            assert more
            digest.update(more)
            left -= len(more)
    assert digest.digest() == hashlib.sha256(block * (WHOLE // MEGA)).digest()


def test_an_upstream_that_does_not_read_holds_the_client_back(served: Gateway, origin: Upstream) -> None:
    """What nobody takes is not taken from the client either; then all of it arrives."""
    go_on = threading.Event()

    @origin.on("/large/up")
    def _(exchange: Exchange) -> None:
        go_on.wait(20)
        exchange.reply(200, hashlib.sha256(exchange.read_body()).hexdigest().encode())

    body = random.Random(2).randbytes(MEGA) * (WHOLE // MEGA)
    before = served.resident_bytes()
    with Client(served.address()) as client:
        client.send(get("/large/up", f"Content-Length: {len(body)}", method="POST"))
        sent = client.send_some(body, 0.5)
        assert sent < PILE
        assert served.resident_bytes() - before < GROWTH
        go_on.set()
        client.send(body[sent:])
        assert client.reply(b"POST", within=30).body == hashlib.sha256(body).hexdigest().encode()


# --- how they are framed -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_chunks_go_both_ways(served: Gateway, origin: Upstream, seed: int) -> None:
    """A chunked body comes through whole, however it is cut."""
    chance = random.Random(seed)
    origin.answers["/echo"] = _echo
    parts = [chance.randbytes(chance.choice((1, 2, 15, 16, 1000, 70_000))) for _ in range(20)]
    reply = ask(served.address(), chunked("/echo", parts), b"POST")
    assert (reply.framing, reply.body) == ("chunked", b"".join(parts))
    assert origin.the("/echo").body == b"".join(parts)


def test_a_known_length_stays_known(served: Gateway, origin: Upstream) -> None:
    """A body with a Content-Length is forwarded with it, both ways."""
    reply = ask(served.address(), post("/a", b"hello"), b"POST")
    assert (reply.framing, reply.body) == ("length", b"/a")
    assert origin.the("/a").value("content-length") == "5"


def test_an_old_client_gets_no_chunks(served: Gateway, origin: Upstream) -> None:
    """HTTP/1.0 knows none: the body ends with the connection."""
    origin.answers["/echo"] = _echo
    data = post("/echo", b"hello" * 1000).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    reply = ask(served.address(), data, b"POST")
    assert (reply.framing, reply.body, reply.complete) == ("close", b"hello" * 1000, True)


def test_head_is_answered_without_a_body(served: Gateway, origin: Upstream) -> None:
    """The length is told, the body is not sent, and the connection goes on."""

    @origin.on("/head")
    def _(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")

    with Client(served.address()) as client:
        reply = client.ask(get("/head", method="HEAD"), b"HEAD")
        assert (reply.status, reply.value("content-length"), reply.body) == (200, b"5", b"")
        assert client.ask(get("/next")).body == b"/next"


@pytest.mark.parametrize("status", [204, 304])
def test_replies_without_a_body(served: Gateway, origin: Upstream, status: int) -> None:
    """204 and 304 end with their head, and the connection goes on."""

    @origin.on("/none")
    def _(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 %d X\r\n\r\n" % status)

    with Client(served.address()) as client:
        assert client.ask(get("/none")).status == status
        assert client.ask(get("/next")).body == b"/next"


@pytest.mark.parametrize("path", ["/a", "/trailers"])
def test_trailers_of_a_request_pass_where_allowed(served: Gateway, origin: Upstream, path: str) -> None:
    """Those that the route names; the others are dropped."""
    end = b"0\r\nX-Checksum: 1\r\nX-Other: 2\r\n\r\n"
    data = chunked(path, [b"hello"])[: -len(b"0\r\n\r\n")] + end
    assert ask(served.address(), data, b"POST").status == 200
    seen = origin.the(path)
    assert seen.body == b"hello"
    names = [name.lower() for name, _ in seen.trailers]
    assert names == (["x-checksum"] if path == "/trailers" else [])


@pytest.mark.parametrize("path", ["/a", "/trailers"])
def test_trailers_of_a_reply_pass_where_allowed(served: Gateway, origin: Upstream, path: str) -> None:
    """Those that the route names, to a client that asks for trailers; the others are dropped."""

    @origin.on(path)
    def _(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n")
        exchange.send(b"5\r\nhello\r\n0\r\nGrpc-Status: 0\r\nX-Other: 2\r\n\r\n")

    reply = ask(served.address(), get(path, "TE: trailers", "Connection: TE"))
    assert reply.body == b"hello"
    names = [name.lower() for name, _ in reply.trailers]
    assert names == ([b"grpc-status"] if path == "/trailers" else [])


# --- continuing, limits, early replies ---------------------------------------------------------------------


def test_a_client_that_waits_is_told_to_go_on(served: Gateway, origin: Upstream) -> None:
    """`Expect: 100-continue` gets its 100, and the body then arrives."""
    with Client(served.address()) as client:
        client.send(get("/a", "Content-Length: 5", "Expect: 100-continue", method="POST"))
        assert client.receive().startswith(b"HTTP/1.1 100 ")
        client.send(b"hello")
        assert client.reply(b"POST").status == 200
    assert origin.the("/a").body == b"hello"


def test_a_client_that_waits_is_told_that_it_is_too_much(served: Gateway, origin: Upstream) -> None:
    """413 instead of 100, before a byte of the body."""
    with Client(served.address()) as client:
        client.send(get("/small", "Content-Length: 1025", "Expect: 100-continue", method="POST"))
        reply = client.reply(b"POST")
        assert (reply.status, reply.interim) == (413, ())
    assert origin.requests == []


def test_a_length_above_the_limit_is_refused_unread(served: Gateway, origin: Upstream) -> None:
    """413 from the head alone; the upstream hears nothing. At the limit it passes."""
    with Client(served.address()) as client:
        client.send(get("/small", "Content-Length: 1025", method="POST"))
        reply = client.reply(b"POST")
        assert (reply.status, reply.value("x-gwc-reason")) == (413, b"body-length")
    assert origin.requests == []
    assert ask(served.address(), post("/small", b"x" * 1024), b"POST").status == 200


def test_chunks_above_the_limit_are_refused(served: Gateway, origin: Upstream) -> None:
    """413 as soon as they are too many, and what was begun is broken off."""
    with Client(served.address()) as client:
        client.send(get("/small", "Transfer-Encoding: chunked", method="POST"))
        for _ in range(3):
            client.send(b"200\r\n" + b"x" * 512 + b"\r\n")
        reply = client.reply(b"POST")
        assert reply.status == 413
        client.end()
    until(lambda: all(seen.over for seen in origin.requests), "what was begun is broken off")
    assert all(seen.body is None for seen in origin.requests)
    assert ask(served.address(), chunked("/small", [b"x" * 512] * 2), b"POST").status == 200


def test_a_reply_above_the_limit_is_not_passed_on(served: Gateway, origin: Upstream) -> None:
    """502 from the length alone; chunks are cut."""

    @origin.on("/short-reply/length")
    def _(exchange: Exchange) -> None:
        exchange.reply(200, b"x" * 1025)

    origin.answers["/short-reply/chunks"] = _echo
    assert ask(served.address(), get("/short-reply/length")).status == 502
    reply = ask(served.address(), post("/short-reply/chunks", b"x" * 3000), b"POST")
    assert reply.status == 502 or not reply.complete
    assert len(reply.body) <= 1024


def test_an_early_reply_is_passed_on(served: Gateway, origin: Upstream) -> None:
    """A reply that comes before the request's end arrives; that upstream connection is not used again."""

    @origin.on("/early")
    def _(exchange: Exchange) -> None:
        exchange.reply(403, b"no")
        exchange.connection.wait_for_end(5)

    with Client(served.address()) as client:
        client.send(get("/early", "Content-Length: 100000", method="POST") + b"x" * 1000)
        reply = client.reply(b"POST")
        assert (reply.status, reply.body) == (403, b"no")
    connection = origin.connections[origin.the("/early").connection]
    until(lambda: connection.ended_by_peer, "the upstream's connection is ended")
    assert ask(served.address(), get("/next")).body == b"/next"
    assert origin.the("/next").connection != connection.number


# --- order, ends, reuse ------------------------------------------------------------------------------------


def test_pipelined_requests_are_answered_in_order(served: Gateway, origin: Upstream) -> None:
    """Whatever the upstream does first."""

    @origin.on("/slow")
    def _(exchange: Exchange) -> None:
        time.sleep(0.3)
        exchange.reply(200, b"slow")

    with Client(served.address()) as client:
        client.send(get("/slow") + get("/1") + post("/2", b"hello") + get("/3"))
        bodies = [client.reply().body for _ in range(4)]
    assert bodies == [b"slow", b"/1", b"/2", b"/3"]


def test_many_pipelined_requests_are_all_answered(served: Gateway) -> None:
    """The queue is bounded by not reading, never by dropping."""
    with Client(served.address()) as client:
        threading.Thread(target=client.send, args=(get("/p") * 500,), daemon=True).start()
        assert [client.reply(within=20).status for _ in range(500)] == [200] * 500


def test_a_half_closed_client_is_answered(served: Gateway, origin: Upstream) -> None:
    """Saying that nothing more will be sent is no going away."""

    @origin.on("/slow")
    def _(exchange: Exchange) -> None:
        time.sleep(0.3)
        exchange.reply(200, b"slow")

    with Client(served.address()) as client:
        client.send(get("/slow"))
        client.half_close()
        assert client.reply().body == b"slow"
        assert client.end() == b""


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_goes_away_takes_the_upstream_along(
    served: Gateway, origin: Upstream, how: str
) -> None:
    """While the reply flows: the upstream's connection is ended, and the log says `client-gone`."""

    @origin.on(f"/gone-{how}")
    def _(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(500):
                exchange.send(b"5\r\nhello\r\n")
                time.sleep(0.01)
        except Gone:
            exchange.seen.cut = True

    client = Client(served.address())
    client.send(get(f"/gone-{how}"))
    client.receive()
    client.close() if how == "close" else client.reset()
    seen = origin.the(f"/gone-{how}")
    until(lambda: seen.over, "the upstream's connection is ended")
    assert seen.cut
    assert served.access_line(f"/gone-{how}")["reason"] == "client-gone"


def test_a_client_that_resets_before_the_reply(served: Gateway, origin: Upstream) -> None:
    """While the upstream thinks: its connection is ended too."""

    @origin.on("/thinks")
    def _(exchange: Exchange) -> None:
        exchange.connection.wait_for_end(10)

    client = Client(served.address())
    client.send(get("/thinks"))
    until(lambda: bool(origin.seen("/thinks")), "the request arrives")
    client.reset()
    connection = origin.connections[origin.the("/thinks").connection]
    until(lambda: connection.ended_by_peer, "the upstream's connection is ended")
    line = served.access_line("/thinks")
    assert (line["status"], line["reason"]) == (499, "client-gone")


def test_a_client_that_leaves_in_the_middle_of_its_body(served: Gateway, origin: Upstream) -> None:
    """The upstream sees a broken request, not a short one."""
    with Client(served.address()) as client:
        client.send(get("/partial", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhello\r\n")
        until(lambda: bool(origin.seen("/partial")), "the request arrives")
    until(lambda: origin.the("/partial").over, "it is broken off")
    assert origin.the("/partial").body is None


def test_connections_are_kept_and_used_again(served: Gateway, origin: Upstream) -> None:
    """Twenty requests by two clients, one after the other, take one connection to the upstream."""
    assert ask(served.address(), get("/first")).status == 200
    origin.requests.clear()
    for _ in range(2):
        with Client(served.address()) as client:
            for _ in range(10):
                assert client.ask(get("/reuse")).status == 200
    assert len({seen.connection for seen in origin.requests}) == 1
    lines = served.access_lines_for("/reuse", 20)
    assert all(line["reused"] for line in lines)


def test_connections_are_limited_and_waiting_is_too(served: Gateway, origin: Upstream) -> None:
    """One request has the connection, one waits in vain, the third is told at once."""
    go_on = threading.Event()

    @origin.on("/narrow/1")
    def _(exchange: Exchange) -> None:
        go_on.wait(10)
        exchange.reply(200, b"first")

    with (
        Client(served.address()) as first,
        Client(served.address()) as second,
        Client(served.address()) as third,
    ):
        first.send(get("/narrow/1"))
        until(lambda: bool(origin.seen("/narrow/1")), "the first request arrives")
        second.send(get("/narrow/2"))
        assert second.is_quiet(0.1)
        reply = third.ask(get("/narrow/3"))
        assert (reply.status, reply.value("x-gwc-reason")) == (503, b"pending-full")
        reply = second.reply()
        assert (reply.status, reply.value("x-gwc-reason")) == (503, b"pending-timeout")
        go_on.set()
        assert first.reply().body == b"first"
        assert third.ask(get("/narrow/4")).body == b"/narrow/4"


# --- timeouts ----------------------------------------------------------------------------------------------


def _waits(exchange: Exchange) -> None:
    exchange.connection.wait_for_end(5)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/t/request", b"request-timeout"),
        ("/t/per-try", b"try-timeout"),
        ("/t/first-byte", b"first-byte-timeout"),
    ],
)
def test_a_route_has_timeouts_of_its_own(served: Gateway, origin: Upstream, path: str, reason: bytes) -> None:
    """504 and the reason, in the route's time, not the upstream's."""
    origin.answers[path] = _waits
    began = time.monotonic()
    reply = ask(served.address(), get(path))
    assert (reply.status, reply.value("x-gwc-reason")) == (504, reason)
    assert 0.25 <= time.monotonic() - began < 2
    connection = origin.connections[origin.seen(path)[0].connection]
    until(lambda: connection.ended_by_peer, "the upstream's connection is ended")


def test_a_reply_that_stops_is_cut(served: Gateway, origin: Upstream) -> None:
    """The idle timeout of a route, in the middle of a body."""

    @origin.on("/t/idle")
    def _(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        exchange.connection.wait_for_end(5)

    reply = ask(served.address(), get("/t/idle"))
    assert (reply.status, reply.body, reply.complete) == (200, b"hello", False)
    assert served.access_line("/t/idle")["reason"] == "idle-timeout"


def test_a_head_that_takes_too_long(served: Gateway, origin: Upstream) -> None:
    """408 and the end, however steadily its bytes come."""
    with Client(served.address("hasty")) as client:
        began = time.monotonic()
        with contextlib.suppress(OSError):  # it is ended meanwhile, as it should
            client.send_slowly(get("/a", "X: " + "y" * 200), 0.02)
        left = client.end()
        assert time.monotonic() - began < 5
        assert left == b"" or left.startswith(b"HTTP/1.1 408 ")
    assert origin.requests == []


def test_a_connection_that_is_not_used_is_ended(served: Gateway) -> None:
    """Silently, before a first request and after one."""
    with Client(served.address("hasty")) as client:
        assert client.end(3).startswith((b"", b"HTTP/1.1 408 "))
    with Client(served.address("hasty")) as client:
        assert client.ask(get("/a")).status == 200
        began = time.monotonic()
        assert client.end(3) == b""
        assert time.monotonic() - began >= 0.25


def test_a_body_that_stops(served: Gateway, origin: Upstream) -> None:
    """408 and the end; the upstream sees a broken request."""
    with Client(served.address("hasty")) as client:
        client.send(get("/stops", "Content-Length: 10", method="POST") + b"hello")
        reply = client.reply(b"POST")
        assert (reply.status, reply.value("x-gwc-reason")) == (408, b"body-timeout")
        client.end()
    until(lambda: all(seen.over for seen in origin.requests), "it is broken off")
    assert all(seen.body is None for seen in origin.requests)


def test_a_client_that_takes_nothing(served: Gateway, origin: Upstream) -> None:
    """Its connection is ended, and the upstream's too."""

    @origin.on("/large/taken")
    def _(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % WHOLE)
        try:
            for _ in range(WHOLE // MEGA):
                exchange.send(b"x" * MEGA)
        except Gone:
            exchange.seen.cut = True

    with Client(served.address("hasty"), receive_buffer=65536) as client:
        client.send(get("/large/taken"))
        until(lambda: bool(origin.seen("/large/taken")), "the request arrives")
        seen = origin.the("/large/taken")
        until(lambda: seen.over, "the upstream's connection is ended", 8)
        assert seen.cut


def test_nothing_piles_up(served: Gateway, origin: Upstream) -> None:
    """After a thousand requests of all kinds, memory and descriptors are where they were."""
    for _ in range(50):
        ask(served.address(), get("/a"))
    before, open_before = served.resident_bytes(), served.open_descriptors()
    for number in range(1000):
        data = (get("/a"), post("/a", b"x" * 1000), chunked("/a", [b"x"] * 9), get("/%00"))[number % 4]
        try:
            ask(served.address(), data, data.partition(b" ")[0])
        except Silence as fault:
            raise AssertionError(data) from fault
    until(lambda: served.open_descriptors() <= open_before + 2, "descriptors are given back")
    until(lambda: served.metric("gwc_in_flight") == 0, "no request is in flight")
    until(lambda: served.metric("gwc_connections") == 0, "no client is connected")
    assert served.resident_bytes() - before < 8 * MEGA
    assert not origin.faults
