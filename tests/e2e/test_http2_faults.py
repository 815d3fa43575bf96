"""Upstreams of HTTP/2 that misbehave: what the client is told, and that others on the connection go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from h2.settings import SettingCodes

from .harness import Gateway, gateway, until
from .raw import Client, Reply, ask, chunked, get, post
from .test_http2_upstream import config
from .upstream2 import Answer, Http2Upstream, Stream, http2_upstream

TIMES = 'timeouts { idle "3s"; first-byte "600ms" }'


@pytest.fixture(scope="module")
def origin() -> Iterator[Http2Upstream]:
    """The server behind most tests."""
    with http2_upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Http2Upstream) -> Iterator[Gateway]:
    """A gateway before it."""
    with gateway(config(origin, TIMES, "reasons #true")) as running:
        yield running


def _fields(*fields: tuple[str, str], end: bool = True) -> Answer:
    return lambda stream: stream.raw_head(list(fields), end=end)


def _then_reset(stream: Stream) -> None:
    stream.head(200, ("content-length", "10"))
    stream.send(b"half")
    time.sleep(0.05)
    stream.abort(2)


def _at_once(stream: Stream, length: str, body: bytes) -> None:
    """Head and body in one packet."""
    with stream.connection.lock:
        h2 = stream.connection.h2
        h2.send_headers(stream.number, [(":status", "200"), ("content-length", length)])
        h2.send_data(stream.number, body, end_stream=True)
        stream.connection.flush()


def _late_short(stream: Stream) -> None:
    stream.head(200, ("content-length", "10"))
    time.sleep(0.05)
    stream.send(b"short", end=True)


def _interim_flood(stream: Stream) -> None:
    for _ in range(40):
        stream.raw_head([(":status", "103"), ("link", "</a>")])
    stream.head(200, end=True)


def _bad_trailers(stream: Stream) -> None:
    stream.head(200)
    stream.send(b"body")
    time.sleep(0.05)
    stream.send_trailers(("Upper", "1"))


OK = (":status", "200")
BAD: dict[str, tuple[Answer, int, str]] = {
    "reset-before-head": (lambda stream: stream.abort(2), 502, "stream-reset"),
    "reset-cancel": (lambda stream: stream.abort(8), 502, "stream-reset"),
    "no-status": (_fields(("server", "x")), 502, "reply-head"),
    "status-twice": (_fields(OK, OK), 502, "reply-head"),
    "status-late": (_fields(("server", "x"), OK), 502, "reply-head"),
    "status-odd": (_fields((":status", "2e2")), 502, "reply-head"),
    "status-600": (_fields((":status", "600")), 502, "reply-head"),
    "status-101": (_fields((":status", "101"), end=False), 502, "reply-head"),
    "other-pseudo": (_fields(OK, (":path", "/")), 502, "reply-head"),
    "upper-case": (_fields(OK, ("Server", "x")), 502, "reply-head"),
    "no-token": (_fields(OK, ("a b", "x")), 502, "reply-head"),
    "empty-name": (_fields(OK, ("", "x")), 502, "reply-head"),
    "connection": (_fields(OK, ("connection", "close")), 502, "reply-head"),
    "transfer-encoding": (_fields(OK, ("transfer-encoding", "chunked")), 502, "reply-head"),
    "upgrade": (_fields(OK, ("upgrade", "x")), 502, "reply-head"),
    "line-feed": (_fields(OK, ("x", "a\nb: c")), 502, "reply-head"),
    "nul": (_fields(OK, ("x", "a\0b")), 502, "reply-head"),
    "space-around": (_fields(OK, ("x", " a")), 502, "reply-head"),
    "length-word": (_fields(OK, ("content-length", "ten")), 502, "reply-framing"),
    "length-sign": (_fields(OK, ("content-length", "+1")), 502, "reply-framing"),
    "length-twice": (_fields(OK, ("content-length", "1"), ("content-length", "1")), 502, "reply-framing"),
    "length-hidden": (_fields(OK, ("\0content-length", "1")), 502, "reply-head"),
    "length-and-end": (_fields(OK, ("content-length", "5")), 502, "reply-body"),
    "too-many-fields": (_fields(OK, *((f"x-{n}", "1") for n in range(201))), 502, "reply-head"),
    "interim-flood": (_interim_flood, 502, "reply-interim"),
    "short": (lambda stream: _at_once(stream, "10", b"short"), 502, "reply-body"),
    "long": (lambda stream: _at_once(stream, "3", b"longer"), 502, "reply-body"),
    "short-in-body": (_late_short, 200, "reply-body"),
    "reset-in-body": (_then_reset, 200, "reply-body"),
    "bad-trailers": (_bad_trailers, 200, "reply-body"),
    "never-replies": (lambda stream: None, 504, "first-byte-timeout"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_reply(served: Gateway, origin: Http2Upstream, name: str) -> None:
    """It costs its own request alone: another on the connection is whole, and the connection serves again."""
    answer, status, reason = BAD[name]
    go_on = threading.Event()

    def other(stream: Stream) -> None:
        stream.head(200)
        go_on.wait(10)
        stream.send(b"whole", end=True)

    origin.answers[f"/{name}"] = answer
    origin.answers[f"/{name}/other"] = other
    with Client(served.address()) as client:
        client.send(get(f"/{name}/other"))
        until(lambda: bool(origin.seen(f"/{name}/other")), "the other is there")
        reply = ask(served.address(), get(f"/{name}"))
        assert (reply.status, reply.complete) == (status, status != 200)
        line = served.access_line(f"/{name}")
        assert (line["status"], line["reason"]) == (status, reason), line
        go_on.set()
        assert client.reply().body == b"whole"
    assert ask(served.address(), get(f"/{name}/after")).status == 200
    numbers = {origin.the(f"/{name}{each}").connection.number for each in ("", "/other", "/after")}
    assert len(numbers) == 1


def _frame(kind: int, flags: int, stream: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + body


def _raw(make: Callable[[Stream], bytes]) -> Answer:
    return lambda stream: stream.connection.send_raw(make(stream))


def _big_head(stream: Stream) -> None:
    stream.raw_head([OK, *((f"x-{n}", "y" * 900) for n in range(80))], end=True)


BREAKS: dict[str, tuple[Answer, str]] = {
    "no-frame": (_raw(lambda stream: b"HTTP/1.1 200 OK\r\n\r\n"), "protocol-error"),
    "bad-hpack": (_raw(lambda stream: _frame(1, 4, stream.number, b"\xff\xff\xff\xff")), "protocol-error"),
    "data-first": (_raw(lambda stream: _frame(0, 1, stream.number, b"x")), "protocol-error"),
    "pushes": (_raw(lambda stream: _frame(5, 4, stream.number, bytes((0, 0, 0, 2)))), "protocol-error"),
    "long-frame": (_raw(lambda stream: _frame(0, 0, stream.number, bytes(20_000))), "protocol-error"),
    "other-frame-in-head": (
        _raw(lambda stream: _frame(1, 0, stream.number, b"\x88") + _frame(6, 0, 0, bytes(8))),
        "protocol-error",
    ),
    "window-overflow": (_raw(lambda stream: _frame(8, 0, 0, b"\x7f\xff\xff\xff")), "protocol-error"),
    "fields-too-long": (_big_head, "reply-too-long"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_connection(served: Gateway, origin: Http2Upstream, name: str) -> None:
    """Where nothing can be relied on any more: 502 for whoever was on it, another connection for the next."""
    origin.answers[f"/{name}"], reason = BREAKS[name]
    reply = ask(served.address(), get(f"/{name}"))
    assert reply.status == 502
    assert served.access_line(f"/{name}")["reason"] == reason
    connection = origin.the(f"/{name}").connection
    assert connection.over.wait(5)
    origin.faults.clear()  # the library at the other end was left out
    assert ask(served.address(), get(f"/{name}/after")).status == 200
    assert origin.the(f"/{name}/after").connection is not connection


def test_data_after_the_end(served: Gateway, origin: Http2Upstream) -> None:
    """What comes after a reply's end is nobody's; the reply was whole."""

    def answer(stream: Stream) -> None:
        stream.reply(200, b"whole")
        stream.connection.send_raw(_frame(0, 0, stream.number, b"more"))

    origin.answers["/after-end"] = answer
    reply = ask(served.address(), get("/after-end"))
    assert (reply.status, reply.body) == (200, b"whole")
    assert ask(served.address(), get("/after-end/next")).status == 200
    origin.faults.clear()


def test_a_reset_after_the_end(served: Gateway, origin: Http2Upstream) -> None:
    """Servers that answer early reset what they do not want to read: the reply counts."""

    def answer(stream: Stream) -> None:
        stream.reply(413, b"no")
        stream.abort(0)

    origin.answers["/early"] = answer
    with Client(served.address()) as client:
        client.send_some(chunked("/early", [b"x" * 200_000] * 20), 1)
        assert client.reply().status == 413


def test_a_target_that_never_opens_its_window(origin: Http2Upstream) -> None:
    """The client is held back, the request ends by its time, and others on the connection go on."""
    route = 'limits { request-body "off" }'
    with http2_upstream() as server, gateway(config(server, TIMES, route)) as served:
        server.holds_windows = True
        server.answers["/stall"] = lambda stream: None
        with Client(served.address()) as client:
            before = served.resident_bytes()
            client.send_some(post("/stall", b"x" * 100_000_000), 0.1)
            assert served.resident_bytes() - before < 20_000_000
            assert client.reply().status == 504
        stalled = server.the("/stall")
        assert len(stalled.body) == 65_535
        until(lambda: stalled.reset == 8, "the stream is reset")
        assert ask(served.address(), get("/next")).status == 200
        assert served.access_line("/stall")["reason"] == "idle-timeout"


def test_a_slow_client_holds_nobody_up(origin: Http2Upstream) -> None:
    """Three clients that take nothing of a long reply: each is held back, and others are served."""
    with http2_upstream() as server, gateway(config(server, 'timeouts { idle "30s" }')) as served:
        total = 8_000_000
        sent: dict[int, int] = {}

        def long(stream: Stream) -> None:
            stream.head(200)
            for _ in range(total // 10_000):
                stream.send(b"y" * 10_000)
                sent[stream.number] = sent.get(stream.number, 0) + 10_000
            stream.send(b"", end=True)

        server.answers["/long"] = long
        clients = [Client(served.address(), receive_buffer=65536) for _ in range(3)]
        for client in clients:
            client.send(get("/long"))
        until(lambda: len(sent) == 3, "all have begun")
        last = {}
        for _ in range(100):
            last, before = dict(sent), last
            if last == before:
                break
            time.sleep(0.1)
        assert max(last.values()) < total, "what is not taken is not sent"
        assert ask(served.address(), get("/quick")).status == 200
        assert len(server.connections) == 1
        for client in clients:
            assert len(client.reply(within=20).body) == total
            client.close()


def test_a_client_that_goes(served: Gateway, origin: Http2Upstream) -> None:
    """Its stream is reset at the target, and no other."""

    def endless(stream: Stream) -> None:
        stream.head(200)
        stream.send(b"x")

    origin.answers["/goes"] = endless
    client = Client(served.address())
    client.send(get("/goes"))
    client.receive()
    client.close()
    stream = origin.the("/goes")
    until(lambda: stream.reset == 8, "RST_STREAM with CANCEL has come")
    assert not stream.connection.closed


def test_a_target_that_goes_away(served: Gateway, origin: Http2Upstream) -> None:
    """What it has begun ends well; what it has not goes by another connection, with its body."""
    go_on = threading.Event()

    def first(stream: Stream) -> None:
        go_on.wait(10)
        stream.reply(200, b"first")

    def second(stream: Stream) -> None:
        if stream.connection is origin.the("/away/first").connection:
            stream.read_body()
            stream.connection.go_away(origin.the("/away/first").number)
        else:
            stream.reply(200, stream.read_body())

    origin.answers |= {"/away/first": first, "/away/second": second}
    with Client(served.address()) as one:
        one.send(get("/away/first"))
        until(lambda: bool(origin.seen("/away/first")), "it is there")
        reply = ask(served.address(), post("/away/second", b"a body"))
        assert (reply.status, reply.body) == (200, b"a body")
        assert served.access_line("/away/second")["attempts"] == 2
        assert ask(served.address(), get("/away/third")).status == 200
        go_on.set()
        assert one.reply().body == b"first"
    old = origin.the("/away/first").connection
    assert origin.the("/away/third").connection is not old
    assert old.over.wait(5), "it is closed after its last stream"


def test_a_target_that_is_lost(served: Gateway, origin: Http2Upstream) -> None:
    """All on the connection are told, each for itself."""
    barrier = threading.Barrier(2)

    def head_only(stream: Stream) -> None:
        stream.head(200)
        stream.send(b"x")
        barrier.wait(10)

    def closing(stream: Stream) -> None:
        barrier.wait(10)
        time.sleep(0.05)
        stream.connection.close()

    origin.answers |= {"/lost/a": head_only, "/lost/b": closing}
    with Client(served.address()) as one:
        one.send(get("/lost/a"))
        until(lambda: bool(origin.seen("/lost/a")), "it is there")
        assert ask(served.address(), post("/lost/b", b"x")).status == 503
        cut = one.reply()
        assert (cut.status, cut.complete) == (200, False)
    assert served.access_line("/lost/a")["reason"] == "reply-body"
    assert served.access_line("/lost/b")["reason"] == "connection-lost"


def test_a_stream_that_is_refused() -> None:
    """REFUSED_STREAM says that nothing was done: the request goes again, three times at most."""
    refusals = 2

    def refusing(stream: Stream) -> None:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            stream.abort(7)
        else:
            stream.reply(200, stream.read_body())

    with http2_upstream(usual=refusing) as server, gateway(config(server)) as served:
        reply = ask(served.address(), post("/a", b"body"))
        assert (reply.status, reply.body) == (200, b"body")
        refusals = 3
        assert ask(served.address(), post("/b", b"body")).status == 503
        line = served.access_line("/b")
        assert (line["reason"], line["attempts"]) == ("stream-refused", 3)


def test_a_long_body_is_not_sent_twice() -> None:
    """More than is kept has gone: the client is told."""

    def refusing(stream: Stream) -> None:
        stream.wait(lambda: len(stream.body) > 100_000, "a part of the body")
        stream.abort(7)

    with http2_upstream(usual=refusing) as server, gateway(config(server)) as served:
        assert ask(served.address(), post("/a", b"x" * 200_000)).status == 503
        assert len(server.seen("/a")) == 1


@pytest.mark.parametrize("most", [1, 3])
def test_how_many_streams_a_target_allows(most: int) -> None:
    """No more at once on a connection; the rest go by others."""
    go_on = threading.Event()

    def slow(stream: Stream) -> None:
        go_on.wait(10)
        stream.reply(200, b"ok")

    settings = {SettingCodes.MAX_CONCURRENT_STREAMS: most}
    with http2_upstream(usual=slow, settings={**settings}) as server, gateway(config(server)) as served:
        clients = [Client(served.address()) for _ in range(6)]
        for client in clients:
            client.send(get("/a"))
        until(lambda: len(server.streams) == 6, "all are there")
        assert len(server.connections) == 6 // most
        go_on.set()
        for client in clients:
            assert client.reply().status == 200
            client.close()


def test_a_target_that_allows_no_stream() -> None:
    """It is as good as none."""
    settings = {SettingCodes.MAX_CONCURRENT_STREAMS: 0}
    with http2_upstream(settings={**settings}) as server, gateway(config(server)) as served:
        assert ask(served.address(), get("/a")).status == 502
        assert served.access_line("/a")["reason"] == "protocol-mismatch"


def test_fewer_streams_from_now_on() -> None:
    """A target that lowers its limit gets no more on that connection than it allows."""
    with http2_upstream() as server, gateway(config(server)) as served:
        go_on = threading.Event()

        def slow(stream: Stream) -> None:
            go_on.wait(10)
            stream.reply(200, b"ok")

        server.answers["/slow"] = slow
        assert ask(served.address(), get("/first")).status == 200
        server.the("/first").connection.update({SettingCodes.MAX_CONCURRENT_STREAMS: 1})
        assert ask(served.address(), get("/second")).status == 200
        clients = [Client(served.address()) for _ in range(2)]
        for client in clients:
            client.send(get("/slow"))
        until(lambda: len(server.seen("/slow")) == 2, "both are there")
        assert {each.connection.number for each in server.seen("/slow")} == {0, 1}
        go_on.set()
        for client in clients:
            assert client.reply().status == 200
            client.close()


def test_a_target_that_never_greets() -> None:
    """Settings come first: without them the connection does not stand in its time."""
    with (
        http2_upstream(greets=False) as server,
        gateway(config(server, 'timeouts { connect "200ms" }')) as served,
    ):
        assert ask(served.address(), get("/a")).status == 504
        assert served.access_line("/a")["reason"] == "connect-timeout"


def test_pings_and_settings_are_answered(served: Gateway, origin: Http2Upstream) -> None:
    """On a busy connection and on an idle one."""
    assert ask(served.address(), get("/ping")).status == 200
    connection = origin.the("/ping").connection
    with connection.lock:
        connection.h2.ping(b"12345678")
        connection.flush()
    connection.update({SettingCodes.INITIAL_WINDOW_SIZE: 100_000})
    until(lambda: connection.h2.remote_settings is not None, "the gateway lives")
    replies: list[Reply] = [ask(served.address(), post("/ping/2", b"x" * 90_000))]
    assert replies[0].status == 200
    assert origin.the("/ping/2").connection is connection
