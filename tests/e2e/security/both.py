"""The same request over HTTP/1.1 and over HTTP/2, and what came of it in words that both have.

Owns the translation; it is part of the judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from ..http2 import Client2
from ..raw import Address, Client

VERSIONS = pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Said:
    """A final reply. `status` 0: the stream was reset, by `reset`. `ended`: so was the connection."""

    status: int
    fields: dict[str, str]
    body: bytes
    reset: int | None = None
    ended: bool = False


def ask(
    address: Address,
    version: str,
    target: str = "/",
    *fields: tuple[str, str],
    method: str = "GET",
    host: str = "a.test",
    body: bytes = b"",
    trailers: Fields = (),
    chunked: bool = False,
) -> Said:
    """One request on a connection of its own. A body has a length unless it is `chunked` or has trailers."""
    if version == "HTTP/2":
        with Client2(address) as client:
            return ask2(client, target, *fields, method=method, host=host, body=body, trailers=trailers)
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in fields)]
    if chunked or trailers:
        lines.append("Transfer-Encoding: chunked")
        end = "".join(f"{name}: {value}\r\n" for name, value in trailers).encode("latin-1")
        body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n" + end + b"\r\n"
    elif body:
        lines.append(f"Content-Length: {len(body)}")
    data = "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body
    with Client(address) as client1:
        client1.send_some(data, 5)
        reply = client1.reply(method.encode())
        found = {name.decode().lower(): value.decode("latin-1") for name, value in reply.fields}
        return Said(reply.status, found, reply.body, ended=reply.closes)


def ask2(
    client: Client2,
    target: str = "/",
    *fields: tuple[str, str],
    method: str = "GET",
    host: str = "a.test",
    body: bytes = b"",
    trailers: Fields = (),
) -> Said:
    """One request on a connection of HTTP/2 that is there."""
    head = [(":method", method), (":scheme", "http"), (":path", target), (":authority", host), *fields]
    number = client.ask(head, ended=not body and not trailers)
    client.push()
    reply = client.replies[number]
    at = 0
    while at < len(body) and not reply.over and not client.closed:
        room = min(client.http2.local_flow_control_window(number), 16384, len(body) - at)
        if room > 0:
            client.http2.send_data(number, body[at : at + room])
            at += room
            client.push_quietly()
        else:
            client.step()
    if (body or trailers) and not reply.over and not client.closed:
        if trailers:
            client.http2.send_headers(number, trailers, end_stream=True)
        else:
            client.http2.end_stream(number)
    found = client.reply(number, 20)
    return Said(found.status, dict(found.fields), found.body, found.reset, client.closed)
