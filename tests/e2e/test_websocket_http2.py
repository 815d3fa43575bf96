"""WebSockets over HTTP/2 (RFC 8441): from clients, to upstreams, and several on one connection."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from .harness import Gateway, gateway, until
from .http2 import Client2, Fields
from .http2 import head as usual
from .inside import held, number
from .sockets import BLOCK, Sockets, sockets

CONFIG = """
metrics "%metrics%"
listeners {{ listener "public" {{ address "%public%"; protocol "http" }} }}
upstreams {{
    upstream "sockets" {{ target "{sockets}" }}
    upstream "self" {{ target "%public%"; protocol "http2" }}
}}
routes {{
    route "on" {{ upstream "sockets"; websocket; timeouts {{ request "1s" }} }}
    route "quiet" {{ matches {{ path "/quiet" }}; upstream "sockets"; websocket idle="300ms" }}
    route "off" {{ matches {{ path "/off" }}; upstream "sockets"; reasons #true }}
    route "by" {{ matches {{ path-prefix "/by" }}; upstream "self"; websocket; rewrite prefix="/" }}
    route "own" {{ matches {{ path "/own" }}; respond {{ body "own" }} }}
}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Sockets]:
    """A WebSocket server, which speaks HTTP/1.1."""
    with sockets() as running:
        yield running


@pytest.fixture(scope="module")
def served(server: Sockets) -> Iterator[Gateway]:
    """The gateway, which is its own upstream too."""
    with gateway(CONFIG.format(sockets=server.address), options=("--no-watch",)) as running:
        yield running


def asks(path: str, *more: tuple[str, str]) -> Fields:
    """An extended CONNECT."""
    fields = (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path)
    return (*fields, (":authority", "a.test"), ("sec-websocket-version", "13"), *more)


def opened(client: Client2, path: str, *more: tuple[str, str]) -> int:
    """A stream that has become a tunnel."""
    stream = client.ask(asks(path, *more), ended=False)
    client.push()
    client.until(lambda: client.replies[stream].status != 0)
    assert client.replies[stream].status == 200, client.replies[stream]
    return stream


def over(client: Client2, stream: int) -> None:
    """Read until nothing more comes on a stream."""
    client.until(lambda: client.replies[stream].over)


def has(client: Client2, stream: int, size: int) -> None:
    """Read until so much has come on a stream."""
    client.until(lambda: len(client.replies[stream].body) >= size)


def text(said: str) -> bytes:
    """A message of a client."""
    return Frame(Opcode.TEXT, said.encode()).serialize(mask=True)


def send(client: Client2, stream: int, data: bytes, *, end: bool = False) -> None:
    """Bytes on a stream."""
    client.http2.send_data(stream, data, end_stream=end)
    client.push()


def no_tunnels(running: Gateway) -> None:
    """Wait until none is open and everything is counted out."""
    until(lambda: number(running, "gwc_tunnels") == 0, "no tunnel is open")
    until(lambda: held(running)["in_flight"] == held(running)["active"] == 0, "nothing is under way", 15)


def test_it_is_offered(served: Gateway) -> None:
    """SETTINGS_ENABLE_CONNECT_PROTOCOL is 1 in the first settings."""
    with Client2(served.address()) as client:
        client.until(lambda: 8 in client.settings)
        assert client.settings[8] == 1


@pytest.mark.parametrize("path", ["/echo", "/by/echo"])
def test_messages_come_back(served: Gateway, server: Sockets, path: str) -> None:
    """Several sockets beside requests on one connection, to upstreams of HTTP/1.1 and HTTP/2."""
    with Client2(served.address()) as client:
        streams = [opened(client, path, ("sec-websocket-protocol", "chat")) for _ in range(3)]
        assert client.replies[streams[0]].fields["sec-websocket-protocol"] == "chat"
        assert "sec-websocket-accept" not in client.replies[streams[0]].fields
        other = client.ask(usual("/own"))
        for stream in streams:
            send(client, stream, text(f"hello {stream}"))
        client.until(lambda: client.replies[other].ended)
        time.sleep(1.2)  # longer than `request`
        for stream in streams:
            expected = Frame(Opcode.TEXT, b"hello %d" % stream).serialize(mask=False)
            has(client, stream, len(expected))
            assert client.replies[stream].body == expected
        assert number(served, "gwc_tunnels") >= 3
        for stream in streams:
            client.replies[stream].body = b""
            send(client, stream, Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True))
            over(client, stream)
            assert client.replies[stream].body == b"\x88\x02\x03\xe8"
            assert client.replies[stream].ended
            send(client, stream, b"", end=True)
    assert server.requests[-1].headers["upgrade"] == "websocket"
    no_tunnels(served)
    line = served.access_lines_for(path, 3)[-1]
    assert (line["status"], line["protocol"], line["reason"]) == (101, "HTTP/2", "")


def test_http1_clients_by_http2_upstreams(served: Gateway) -> None:
    """The version of one side is nothing to the other."""
    host, port = served.address()
    with connect(f"ws://{host}:{port}/by/echo", ping_interval=None, max_size=None) as client:
        for message in ("text", b"x" * 1_000_000, "y" * 300_000):
            client.send(message)
            assert client.recv(timeout=10) == message
    assert client.close_code == 1000
    no_tunnels(served)


def test_refusals(served: Gateway, server: Sockets) -> None:
    """403 where no route says so, a target's own reply, the gateway's own; the connection goes on."""
    with Client2(served.address()) as client:
        for path, status in (("/off", 403), ("/status/426", 426), ("/own", 200), ("/by/status/400", 400)):
            stream = client.ask(asks(path), ended=False)
            client.push()
            over(client, stream)
            assert client.replies[stream].status == status
        before = len(server.requests)
        for fields in (asks("/echo", ("content-length", "3")), asks("/echo")):
            stream = client.ask(fields, ended=len(fields) == 6)
            client.push()
            over(client, stream)
            assert client.replies[stream].status == 400
        assert len(server.requests) == before
        plain = client.ask(((":method", "CONNECT"), (":protocol", "x"), *asks("/echo")[2:]), ended=False)
        client.push()
        client.until(lambda: client.replies[plain].over)
        assert client.replies[plain].status == 405
        assert client.goaway is None
    no_tunnels(served)


@pytest.mark.parametrize("path", ["/echo", "/by/echo"])
def test_a_reset_ends_it(served: Gateway, server: Sockets, path: str) -> None:
    """RST_STREAM is the loss of the client; the target's connection ends."""
    with Client2(served.address()) as client:
        stream = opened(client, path)
        until(lambda: len(server.open) == 1, "the server has it")
        client.http2.reset_stream(stream, 8)
        client.push()
        until(lambda: not server.open, "the server has seen the end")
        other = client.ask(usual("/own"))
        client.push()
        client.until(lambda: client.replies[other].ended)
    no_tunnels(served)


def test_silence_ends_it(served: Gateway) -> None:
    """1001, and the stream ends in good form."""
    with Client2(served.address()) as client:
        stream = opened(client, "/quiet")
        over(client, stream)
        assert client.replies[stream].body == b"\x88\x02\x03\xe9"
        assert client.replies[stream].ended
    no_tunnels(served)


@pytest.mark.parametrize("path", ["/flood", "/by/flood"])
def test_who_does_not_read_is_waited_for(served: Gateway, server: Sockets, path: str) -> None:
    """A window that stays shut stops the target; the others on the connection go on."""
    before = served.resident_bytes()
    with Client2(served.address(), reads=False) as client:
        opened(client, path)
        flooded = -1
        while flooded != server.flooded:  # until it stands
            flooded = server.flooded
            client.step(0.3)
        assert served.resident_bytes() - before < 12 * 1024 * 1024
        assert flooded < 400 * len(BLOCK)
    no_tunnels(served)


def test_a_gateway_that_ends_says_so(server: Sockets) -> None:
    """GOAWAY at once, 1001 at the deadline."""
    text_ = CONFIG.format(sockets=server.address)
    with gateway(text_, options=("--no-watch", "--drain-timeout", "500ms")) as running:
        with Client2(running.address()) as client:
            stream = opened(client, "/echo")
            running.stops_itself = True
            running.process.send_signal(signal.SIGTERM)
            over(client, stream)
            assert client.goaway == 0
            assert client.replies[stream].body == b"\x88\x02\x03\xe9"
        assert running.access_line("/echo")["reason"] == "draining"
