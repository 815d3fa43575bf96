"""Clients that are slow to take replies get them whole, and cost no more memory than one reply."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from .harness import Gateway, gateway, until
from .raw import Client, get
from .upstream import Exchange, Upstream, upstream

LONG = 9_000_000
"""More than the kernel holds of it for a client that takes nothing."""
SHORT = 60_000

CONFIG = f"""
listeners {{{{
    listener "patient" {{{{ address "%patient%" }}}}
    listener "strict" {{{{ address "%strict%"; timeouts {{{{ idle "500ms"; send "700ms" }}}} }}}}
}}}}
metrics {{{{ address "%metrics%" }}}}
upstreams {{{{ upstream "origin" {{{{ target "{{origin}}" }}}} }}}}
routes {{{{
    route "short" {{{{ matches {{{{ path "/short" }}}}; respond {{{{ body "{"x" * SHORT}" }}}} }}}}
    route "long" {{{{ upstream "origin" }}}}
}}}}
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """A server with a long reply."""
    with upstream() as server:

        def long(exchange: Exchange) -> None:
            exchange.reply(200, b"x" * LONG)

        server.otherwise = long
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """A gateway with a listener that waits a minute for its clients, and one that does not."""
    with gateway(CONFIG.format(origin=origin.address)) as running:
        yield running


@pytest.fixture
def client() -> Iterator[socket.socket]:
    """A socket that holds little on this side."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        sock.settimeout(10)
        yield sock


def taken(sock: socket.socket, most: int = 1 << 40, *, pause_s: float = 0.0) -> int:
    """How many bytes come, until the end or `most`; `pause_s` after each 32 KiB at most."""
    total, pause = 0, threading.Event()
    while total < most and (data := sock.recv(min(32_768, most - total))):
        total += len(data)
        if pause_s:
            pause.wait(pause_s)
    return total


def test_the_end_of_the_last_reply_is_not_thrown_away(served: Gateway, client: socket.socket) -> None:
    """A connection that is closed after it waits until the client has taken what was written."""
    client.connect(served.address("patient"))
    client.sendall(get("/last", "Connection: close"))
    total = taken(client, 1_000_000)
    while served.metric("gwc_in_flight"):
        total += taken(client, 32_768)  # until the gateway has all of it, and the client has not
    assert not threading.Event().wait(3)  # longer than a closed connection lingers
    assert total + taken(client) > LONG


def test_who_takes_little_by_little_is_not_cut(served: Gateway, client: socket.socket) -> None:
    """`send` is for clients that take nothing."""
    client.connect(served.address("strict"))
    client.sendall(get("/slowly", "Connection: close"))
    total = taken(client, 3_000_000)
    total += taken(client, 1_000_000, pause_s=0.1)
    assert total + taken(client) > LONG


def test_who_takes_nothing_is_cut(served: Gateway, client: socket.socket) -> None:
    """After `send`."""
    client.connect(served.address("strict"))
    client.sendall(get("/nothing"))
    until(lambda: served.metric("gwc_connections") == 1, "the connection is counted")
    until(lambda: served.metric("gwc_connections") == 0, "it is cut")


def test_a_connection_that_was_slow_is_idle_after_that(served: Gateway, client: socket.socket) -> None:
    """It is closed after `idle` like any other."""
    client.connect(served.address("strict"))
    client.sendall(get("/kept"))
    total = taken(client, 1_000_000)
    while served.metric("gwc_in_flight"):
        total += taken(client, 32_768)
    assert total + taken(client) > LONG  # until the gateway closes it


def test_replies_do_not_pile_up(served: Gateway, client: socket.socket) -> None:
    """Requests that come while nobody takes the replies wait their turn; all are answered in the end."""
    before = served.resident_bytes()
    client.connect(served.address("patient"))
    requests = 2_000
    sending = threading.Thread(target=client.sendall, args=(get("/short") * requests,))
    sending.start()
    with Client(served.address("patient")) as other:
        assert len(other.ask(get("/short")).body) == SHORT
    assert taken(client, 20 * SHORT) == 20 * SHORT
    assert served.resident_bytes() - before < 400 * SHORT
    assert taken(client, (requests - 20) * SHORT) == (requests - 20) * SHORT
    sending.join(10)
