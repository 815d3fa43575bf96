"""The judge judged: the raw client and the scripted server against each other, without a gateway."""

from __future__ import annotations

import asyncio

import pytest

from .raw import BadReply, Client, Silence, ask, chunked, converse, get, post, read_reply
from .upstream import Exchange, upstream


def test_a_request_arrives_as_it_was_sent() -> None:
    """Bytes, fields and body are kept, and the reply is read whole."""
    with upstream() as server:
        reply = ask(_address(server.address), post("/a?b", b"hello", "X-A: 1", "x-a: 2"))
        seen = server.the("/a")
    assert (reply.status, reply.body, reply.framing) == (200, b"/a?b", "length")
    assert (seen.method, seen.target, seen.body, seen.values("X-A")) == ("POST", "/a?b", b"hello", ["1", "2"])
    assert bytes(seen.raw) == post("/a?b", b"hello", "X-A: 1", "x-a: 2")


def test_chunks_and_trailers_are_read() -> None:
    """A chunked body is put together, and what comes after it is the next request."""
    with upstream() as server, Client(_address(server.address)) as client:
        client.send(chunked("/1", [b"hel", b"lo"]) + get("/2"))
        assert [client.reply().body, client.reply().body] == [b"/1", b"/2"]
        assert server.the("/1").body == b"hello"
        assert server.the("/2").connection == server.the("/1").connection


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET /a b HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX : y\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\nb\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\nhello",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
        b"GET / HTT",
    ],
)
def test_what_no_gateway_may_send_is_a_fault(data: bytes) -> None:
    """The server's parser is strict, and says so in `faults`."""
    with upstream() as server:
        outcome = asyncio.run(converse(_address(server.address), [data], [b"GET"], half_close=True))
        assert outcome.statuses == ()
        assert len(server.faults) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : y\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK",
    ],
)
def test_what_no_server_may_send_is_a_failure(data: bytes) -> None:
    """The client's parser is strict too."""
    with pytest.raises(BadReply):
        read_reply(data, b"GET", True)


def test_a_reply_that_is_cut_says_so() -> None:
    """Too few bytes of a known length, and chunks without their end, are incomplete."""
    found = read_reply(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", b"GET", True)
    assert found is not None
    assert (found[0].body, found[0].complete) == (b"hel", False)
    found = read_reply(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n5\r\nlo", b"GET", True
    )
    assert found is not None
    assert (found[0].body, found[0].complete) == (b"hello"[:5], False)


def test_a_reset_is_told_from_an_end() -> None:
    """The client knows how a connection went."""
    with upstream() as server:

        @server.on("/reset")
        def _(exchange: Exchange) -> None:
            exchange.reset()

        with Client(_address(server.address)) as client:
            client.send(get("/reset"))
            with pytest.raises(Silence, match="reset"):
                client.reply()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)
