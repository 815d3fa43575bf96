"""What is said of WebSockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..harness import Gateway, gateway
from ..raw import Client, ask, get
from ..upstream import Exchange, Upstream, upstream
from .keys import shows

ASKS = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)
AGREES = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "usual" {{ upstream "origin" }}
    group "sockets" {{ matches {{ path-prefix "/on" }}; upstream "origin"; websocket
        route "on" {{ matches {{ path "/on" }} }}
        route "off" {{ matches {{ path "/on/off" }}; websocket enabled=#false }}
        route "quiet" {{ matches {{ path "/on/quiet" }}; websocket #true idle="200ms" }} }}
}}
"""


def _agrees(exchange: Exchange) -> None:
    exchange.send(AGREES)
    exchange.connection.wait_for_end(10)


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """A server that agrees to everything."""
    with upstream() as server:
        server.answers["/*"] = _agrees
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """The gateway in front of it."""
    with gateway(CONFIG.format(origin=origin.address), options=("--no-watch",)) as running:
        yield running


@shows("route.websocket.{,enabled}")
def test_websockets_are_on_where_a_route_says_so(served: Gateway) -> None:
    """101 there, 403 elsewhere and where an inner one takes it back."""
    statuses = [ask(served.address(), get(path, *ASKS)).status for path in ("/on", "/", "/on/off")]
    assert statuses == [101, 403, 403]


@shows("route.websocket.idle")
def test_idle_ends_a_silent_websocket(served: Gateway) -> None:
    """A close frame with 1001 comes after so long."""
    with Client(served.address()) as client:
        client.send(get("/on/quiet", *ASKS))
        assert client.reply().body + client.end() == b"\x88\x02\x03\xe9"
    with Client(served.address()) as client:
        client.send(get("/on", *ASKS))
        assert client.reply().status == 101
        assert client.is_quiet(0.6)
