"""HTTP/2 to upstreams: what goes there, what comes back, and who shares a connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from .harness import Gateway, gateway, until
from .raw import Client, ask, chunked, get, post
from .upstream2 import Http2Upstream, Stream, http2_upstream

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "two" {{
        target "{address}"
        protocol "http2"
        {more}
    }}
}}
routes {{
    route "all" {{
        {route}
        upstream "two"
    }}
}}
"""


def config(server: Http2Upstream, more: str = "", route: str = "") -> str:
    """One upstream of HTTP/2 and a route to it."""
    return CONFIG.format(address=server.address, more=more, route=route)


@pytest.fixture(scope="module")
def origin() -> Iterator[Http2Upstream]:
    """The server behind most tests."""
    with http2_upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Http2Upstream) -> Iterator[Gateway]:
    """A gateway before it."""
    route = 'trailers { request "x-sum"; response "x-sum" }'
    with gateway(config(origin, 'timeouts { idle "2s"; first-byte "2s" }', route)) as running:
        yield running


def test_a_request_and_its_reply(served: Gateway, origin: Http2Upstream) -> None:
    """Pseudo fields stand for line and Host; what the gateway writes comes too, nothing of the connection."""
    origin.answers["/a"] = lambda stream: stream.reply(201, b"made", ("x-one", "1"), ("x-one", "2"))
    request = get("/a?b=c", "X-Its: own", "Connection: x-hop", "X-Hop: 1", "TE: trailers, deflate")
    reply = ask(served.address(), request)
    assert (reply.status, reply.body, reply.framing) == (201, b"made", "length")
    assert reply.values("x-one") == [b"1", b"2"]
    seen = origin.the("/a")
    assert [seen.value(f":{name}") for name in ("method", "scheme", "authority", "path")] == [
        "GET",
        "http",
        "a.test",
        "/a?b=c",
    ]
    assert (seen.value("x-its"), seen.value("te"), seen.value("via")) == ("own", "trailers", "1.1 gwc")
    assert seen.value("x-correlation-id") == reply.values("x-correlation-id")[0].decode()
    assert not {"connection", "x-hop", "host", "transfer-encoding"} & {name for name, _ in seen.fields}
    assert seen.ended


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
def test_bodies_both_ways(served: Gateway, origin: Http2Upstream, size: int) -> None:
    """Of a known length and in chunks, longer than any window."""
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]

    def back(stream: Stream) -> None:
        sent = stream.read_body()
        stream.head(200)
        stream.send(sent, end=True)

    origin.answers[f"/body/{size}"] = back
    for request in (post(f"/body/{size}", body), chunked(f"/body/{size}", [body] if body else [])):
        reply = ask(served.address(), request)
        assert (reply.status, reply.body == body, reply.complete) == (200, True, True)


def test_trailers_both_ways(served: Gateway, origin: Http2Upstream) -> None:
    """Those that the route names pass; others do not."""

    def answer(stream: Stream) -> None:
        stream.read_body()
        stream.head(200)
        stream.send(b"body")
        stream.send_trailers(("x-sum", "2"), ("x-other", "3"))

    origin.answers["/trailers"] = answer
    request = chunked("/trailers", [b"body"])[:-2] + b"X-Sum: 1\r\nX-Not: 1\r\n\r\n"
    reply = ask(served.address(), request)
    assert (reply.body, reply.trailers) == (b"body", ((b"x-sum", b"2"),))
    assert origin.the("/trailers").trailers == [("x-sum", "1")]


def test_many_requests_share_one_connection(served: Gateway, origin: Http2Upstream) -> None:
    """Forty at once come by one connection, each with its own reply, the last one first."""
    go_on = [threading.Event() for _ in range(40)]

    def slow(number: int) -> None:
        def answer(stream: Stream) -> None:
            go_on[number].wait(10)
            stream.reply(200, b"%d" % number)

        origin.answers[f"/many/{number}"] = answer

    clients = []
    for number in range(40):
        slow(number)
        client = Client(served.address())
        client.send(get(f"/many/{number}"))
        clients.append(client)
    until(lambda: sum(each.path.startswith("/many/") for each in origin.streams) == 40, "all are there")
    for number in reversed(range(40)):
        go_on[number].set()
        with clients[number] as client:
            assert client.reply().body == b"%d" % number
    assert len({origin.the(f"/many/{number}").connection.number for number in range(40)}) == 1


def test_a_head_request(served: Gateway, origin: Http2Upstream) -> None:
    """HEAD has the length and no body."""
    origin.answers["/head"] = lambda stream: stream.head(200, ("content-length", "7"), end=True)
    reply = ask(served.address(), get("/head", method="HEAD"), b"HEAD")
    assert (reply.status, reply.value("content-length"), reply.body) == (200, b"7", b"")
