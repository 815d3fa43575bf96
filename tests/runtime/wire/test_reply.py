"""Replies of upstreams: read or refused, never guessed at."""

from __future__ import annotations

import pytest
from gwc.runtime.wire.http1.body import CHUNKED, UNTIL_CLOSE
from gwc.runtime.wire.http1.reply import BadReply, ReplyHead, read_reply


def read(text: str, *, to_head: bool = False) -> ReplyHead:
    """A reply that can be read."""
    found = read_reply(text.replace("\n", "\r\n").encode("latin-1"), to_head=to_head)
    assert isinstance(found, ReplyHead), found
    return found


GOOD = {
    "length": ("HTTP/1.1 200 OK\nContent-Length: 5", 5, True),
    "no length": ("HTTP/1.1 200 OK\nx: y", UNTIL_CLOSE, False),
    "no reason": ("HTTP/1.1 200\nContent-Length: 0", 0, True),
    "chunked": ("HTTP/1.1 200 OK\nTransfer-Encoding: Chunked", CHUNKED, True),
    "close": ("HTTP/1.1 200 OK\nConnection: close\nContent-Length: 5", 5, False),
    "close among others": ("HTTP/1.1 200 OK\nConnection: x-a, Close\nContent-Length: 5", 5, False),
    "1.0": ("HTTP/1.0 200 OK\nContent-Length: 5", 5, False),
    "1.0 keep-alive": ("HTTP/1.0 200 OK\nConnection: keep-alive\nContent-Length: 5", 5, True),
    "204 with a length": ("HTTP/1.1 204 No Content\nContent-Length: 5", 0, True),
    "304 with a length": ("HTTP/1.1 304 Not Modified\nContent-Length: 5", 0, True),
}


@pytest.mark.parametrize("name", GOOD)
def test_framing(name: str) -> None:
    """How long the body is, and whether the connection can be used again."""
    text, length, reusable = GOOD[name]
    found = read(text)
    assert (found.length, found.reusable) == (length, reusable)


def test_a_reply_to_head_has_no_body() -> None:
    """Its length is told and not waited for."""
    found = read("HTTP/1.1 200 OK\nContent-Length: 5", to_head=True)
    assert found.length == 0
    assert found.reply.length == 5


def test_fields_of_the_connection_stay_there() -> None:
    """Hop-by-hop fields and those that Connection names do not pass; others pass as they came."""
    found = read(
        "HTTP/1.1 200 OK\nServer: x\nConnection: close, X-Own\nKeep-Alive: 5\nX-Own: 1\nUpgrade: h2c\n"
        "Set-Cookie: a=1\nSet-Cookie: b=2\nContent-Length: 0"
    )
    assert found.reply.lines == [b"Server: x", b"Set-Cookie: a=1", b"Set-Cookie: b=2"]


BAD = (
    b"",
    b"HTTP/0.9 200 OK",
    b"HTTP/2.0 200 OK",
    b"http/1.1 200 OK",
    b"HTTP/1.1  200 OK",
    b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 20 OK",
    b"HTTP/1.1 abc OK",
    b"HTTP/1.1 099 OK",
    b"HTTP/1.1 600 OK",
    b"HTTP/1.1 +20 OK",
    b"HTTP/1.1 200 O\x00K",
    b"200 OK",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5",
    b"HTTP/1.1 200 OK\r\nContent-Length: +5",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0x5",
    b"HTTP/1.1 200 OK\r\nContent-Length: ",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked",
    b"HTTP/1.1 200 OK\r\nX-A : 1",
    b"HTTP/1.1 200 OK\r\n folded: 1",
    b"HTTP/1.1 200 OK\r\nX-A: 1\r\n 2",
    b"HTTP/1.1 200 OK\r\nno colon",
    b"HTTP/1.1 200 OK\r\n: no name",
    b"HTTP/1.1 200 OK\r\nX-A: \x00",
    b"HTTP/1.1 200 OK\r\nX-A: a\rb",
    b"HTTP/1.1 200 OK\r\nX-A: a\nb",
    b"HTTP/1.1 200 OK\nX-A: a",
    b"HTTP/1.1 200 OK\r\n" + b"\r\n".join(b"x: %d" % number for number in range(201)),
)


@pytest.mark.parametrize("head", BAD, ids=range(len(BAD)))
def test_refused(head: bytes) -> None:
    """What is no reply is told as one of two reasons."""
    found = read_reply(head, to_head=False)
    assert isinstance(found, BadReply)
    assert found.reason in ("reply-head", "reply-framing")
