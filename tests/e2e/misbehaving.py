"""Servers that do what no server should, one function each.

Owns the misbehaviour; what a gateway has to make of it stands in `test_replies.py`.
"""

from __future__ import annotations

import contextlib
import time

from .upstream import Answer, Exchange, Gone

DRIP_S = 0.1
"""Between two bytes of a slow reply."""


def says(data: bytes) -> Answer:
    """A server that reads the request, sends these bytes, and then waits for the next request."""

    def answer(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(data)

    return answer


def says_and_closes(data: bytes) -> Answer:
    """The same, and then it ends the connection."""

    def answer(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(data)
        exchange.close()

    return answer


def says_and_resets(data: bytes) -> Answer:
    """The same, ending with a RST once the other side has had time to read."""

    def answer(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(data)
        time.sleep(0.05)
        exchange.reset()

    return answer


def says_slowly(data: bytes, pause: float = DRIP_S) -> Answer:
    """One byte at a time."""

    def answer(exchange: Exchange) -> None:
        exchange.read_body()
        for code in data:
            exchange.send(bytes((code,)))
            time.sleep(pause)

    return answer


def is_silent(exchange: Exchange) -> None:
    """Takes the request and says nothing until the other side gives up."""
    exchange.read_body()
    exchange.connection.wait_for_end(20)
    exchange.close()


def never_reads(exchange: Exchange) -> None:
    """Leaves the body where it is until somebody ends the connection from here."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not exchange.connection.closed:
        time.sleep(0.02)


def never_ends(exchange: Exchange) -> None:
    """A body without an end."""
    exchange.read_body()
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    part = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with contextlib.suppress(Gone):
        while True:
            exchange.send(part)
    exchange.close()


def floods_interim(count: int) -> Answer:
    """So many interim replies, then a final one."""

    def answer(exchange: Exchange) -> None:
        exchange.read_body()
        with contextlib.suppress(Gone):
            for _ in range(count):
                exchange.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            exchange.reply(200, b"after all")

    return answer


def dies_on_the_second(exchange: Exchange) -> None:
    """Answers the first request of a connection; the second finds it dead."""
    if exchange.seen.number:
        exchange.close()
        return
    exchange.read_body()
    exchange.reply(200, b"alive")


def resets_on_the_second(exchange: Exchange) -> None:
    """The same with a RST."""
    if exchange.seen.number:
        exchange.reset()
        return
    exchange.read_body()
    exchange.reply(200, b"alive")


def begins_a_reply_on_the_second(exchange: Exchange) -> None:
    """The second request gets the first bytes of a reply and no more."""
    exchange.read_body()
    if exchange.seen.number:
        exchange.send(b"HTTP/1.1 20")
        exchange.close()
        return
    exchange.reply(200, b"alive")


def head(*lines: str, status: str = "HTTP/1.1 200 OK") -> bytes:
    """A reply's head."""
    return "".join(f"{line}\r\n" for line in (status, *lines)).encode("latin-1") + b"\r\n"
