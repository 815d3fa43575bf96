"""Security defaults of connections: HTTP/2 and its floods, how many there may be, how long anything may take.

A test for each row of the table, named after its topic. What a flood is, frame by frame, is known to the
tests beside the code as well; here the gateway has a socket.
"""

from __future__ import annotations

import json
import resource
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest
from gwc.schema.policies.websocket import WebSocketRecord
from gwc.schema.table import RouteSettings, UpstreamConnections

from ..certificates import Authority
from ..floods import CALM, FLOODS
from ..harness import Gateway, gateway, until
from ..http2 import Client2, frame, head
from ..inside import admin, descriptors, events, held, number, workers
from ..raw import Client, Silence, get
from ..raw import ask as ask1
from ..upstream import Exchange, Upstream, black_hole, upstream

CONFIG = """
connections 40
listeners {{
    listener "public" {{ address "%public%" }}
    listener "few" {{ address "%few%"; limits {{ connections 3; connections-per-ip 2 }} }}
    listener "hasty" {{ address "%hasty%"; timeouts {{ idle "300ms"; age "300ms"; head "300ms" }} }}
    listener "secure" {{ address "%secure%"; timeouts {{ head "400ms" }}
        tls {{ certificate "{folder}/own.pem" key="{folder}/own.key"; handshakes 4
            handshake-timeout "1s" }} }}
}}
upstreams {{
    upstream "origin" {{ target "{origin}" }}
    upstream "hole" {{ target "{hole}"; timeouts {{ connect "300ms" }} }}
    upstream "quick" {{ target "{origin}"; timeouts {{ first-byte "300ms"; idle "300ms" }} }}
}}
routes {{
    route "fixed" {{ matches {{ path "/fixed" }}; respond {{ body "fixed" }} }}
    route "hole" {{ matches {{ path "/hole" }}; upstream "hole" }}
    route "quick" {{ matches {{ path-prefix "/quick" }}; upstream "quick" }}
    route "events" {{ matches {{ path "/events" }}; timeouts {{ request "300ms" }}; upstream "origin" }}
    route "all" {{ upstream "origin" }}
}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who issued the certificate."""
    found = Authority(tmp_path_factory.mktemp("connections"))
    found.issue("own", "a.test")
    return found


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream, authority: Authority) -> Iterator[Gateway]:
    """A gateway with two workers, which count as one."""
    with black_hole() as hole:
        text = CONFIG.format(origin=origin.address, folder=authority.folder, hole=hole)
        with gateway(text, options=("--no-watch",), workers=2) as running:
            yield running


@pytest.fixture(autouse=True)
def _forget(origin: Upstream) -> Iterator[None]:
    origin.requests.clear()
    yield
    assert not origin.faults


# --- HTTP/2 -----------------------------------------------------------------------------------------------


def test_http2(served: Gateway, origin: Upstream) -> None:
    """What SETTINGS say, and that it is meant: streams, a list of fields, frames of a head, windows."""
    with Client2(served.address()) as client:
        client.until(lambda: bool(client.settings))
        assert client.settings[3] == 100, "streams at once"
        assert client.settings[4] == 65_536, "a window of 64 KiB"
        assert client.settings[6] == 65_536, "a list of 64 KiB"
        assert client.settings.get(1, 4096) == 4096, "a table of 4 KiB"
        assert client.settings.get(2, 0) == 0, "nothing is pushed"
        client.until(lambda: bool(client.window_updates))
        grown = sum(size for stream, size in client.window_updates if stream == 0)
        assert 65_535 + grown == 1 << 20, "1 MiB for all"
        numbers = [client.ask(head("/up", method="POST"), ended=False) for _ in range(100)]
        client.push()
        client.http2.remote_settings[3] = 1000
        client.http2.remote_settings.acknowledge()
        over = client.ask(head("/fixed"))
        assert client.reply(over).reset == 7, "the hundred and first is refused, and may come again"
        for each in numbers:
            client.http2.reset_stream(each, 8)
        client.push_quietly()
    with Client2(served.address()) as client:
        long = [(f"x-{each}", "v" * 16_000) for each in range(5)]
        assert client.reply(client.ask(head("/", *long))).status == 431
        assert client.get("/fixed").status == 200
    with Client2(served.address()) as client:
        fields = client.http2.encoder.encode(head("/fixed", ("x-a", "v" * 40)), huffman=False)
        pieces = [
            fields[at : at + len(fields) // 9 + 1] for at in range(0, len(fields), len(fields) // 9 + 1)
        ]
        data = frame(1, 1, 1, pieces[0])
        for piece in pieces[1:-1]:
            data += frame(9, 0, 1, piece)
        client.deaf = True
        client.push(data + frame(9, 4, 1, pieces[-1]))
        client.step()
        assert client.goaways == [], "8 CONTINUATION frames"


@pytest.mark.parametrize("name", FLOODS)
def test_http2_floods(served: Gateway, name: str) -> None:
    """Each ends its connection, is counted and told; others are served meanwhile."""
    reason, flood = FLOODS[name]
    before = number(served, "gwc_refused_total", reason=reason)
    with Client2(served.address()) as client, Client2(served.address()) as other:
        client.step()
        client.deaf = True
        data = flood(client)
        with suppress(OSError):  # it was ended in the middle of it
            client.push(data)
        client.until(lambda: client.closed or bool(client.goaways))
        assert client.goaway in (CALM, None)
        client.until(lambda: client.closed)
        assert other.get("/fixed").body == b"fixed"
    until(lambda: number(served, "gwc_refused_total", reason=reason) == before + 1, "it is counted once")


def test_http2_replies_that_nobody_takes(served: Gateway, origin: Upstream) -> None:
    """A window that stays shut holds up its own stream; of what a target sends little is kept."""

    @origin.on("/much")
    def _(exchange: Exchange) -> None:
        exchange.reply(200, bytes(32 << 20))

    before = served.resident_bytes()
    with Client2(served.address(), reads=False) as client:
        stalled = client.ask(head("/much"))
        client.push()
        client.until(lambda: len(client.replies[stalled].body) == 65_535)
        client.http2.increment_flow_control_window(1 << 20)
        assert client.get("/fixed").body == b"fixed"
        time.sleep(0.3)
        assert served.resident_bytes() - before < 16 << 20


def test_http2_heads_are_made_anew(served: Gateway, origin: Upstream) -> None:
    """What HTTP/1 would read otherwise never gets there: pseudo fields, line ends, spaces, upper case."""
    usual = [(":method", "GET"), (":scheme", "http"), (":path", "/anew"), (":authority", "a.test")]
    bad: list[list[tuple[str, str]]] = [
        [*usual, ("x-a", "b\r\nx-evil: 1")], [*usual, ("x-a\r\nx-evil", "1")], [*usual, ("x-a", "b\0c")],
        [*usual, ("X-A", "b")], [*usual, ("x a", "b")], [*usual, ("x:a", "b")], [*usual, (":path", "/other")],
        [*usual, ("x-a", "b"), (":authority", "b.test")], [*usual, (":status", "200")], usual[:2],
        [(":method", "GET / HTTP/1.1\r\nx: y"), *usual[1:]], [*usual[:2], (":path", "/ HTTP/1.1"), usual[3]],
        [*usual[:2], (":path", ""), usual[3]], [*usual[:3], (":authority", "a.test\r\nx: y")],
        [*usual, ("connection", "close")], [*usual, ("upgrade", "websocket")], [*usual, ("te", "gzip")],
    ]  # fmt: skip
    for fields in bad:
        with Client2(served.address()) as client:
            reply = client.reply(client.ask(fields))
            assert reply.status == 400 or reply.reset == 1 or client.goaway == 1, fields
            assert reply.status != 200
    time.sleep(0.05)
    assert origin.requests == []


# --- connections ------------------------------------------------------------------------------------------


def _served(client: Client, within: float = 5) -> bool:
    try:
        client.send(get("/fixed"))
        return client.reply(within=within).status == 200
    except (Silence, OSError):
        return False


def _from(source: str, address: tuple[str, int]) -> Client:
    client = Client(address)
    client.close()
    client._socket = socket.create_connection(address, 5, (source, 0))
    return client


def test_connections(served: Gateway) -> None:
    """Of the gateway, of a listener and of one client, over all workers; others wait or are closed."""
    until(lambda: held(served)["connections"] == 0, "all are gone")
    with ExitStack() as stack:
        few = [stack.enter_context(Client(served.address("few"))) for _ in range(6)]
        assert sum(_served(each, 1) for each in few) == 2, "of one client"
        others = [stack.enter_context(_from("127.0.0.9", served.address("few"))) for _ in range(4)]
        assert sum(_served(each, 1) for each in others) == 1, "of the listener"
    until(lambda: held(served)["connections"] == 0, "all are gone")
    with ExitStack() as stack:
        crowd = [stack.enter_context(Client(served.address())) for _ in range(44)]
        for each in crowd:
            each.send(get("/fixed"))
        until(lambda: held(served)["connections"] == 40, "forty")
        answered = [each for each in crowd if not each.is_quiet(0.05)]
        assert len(answered) == 40
        assert events(served, "accept-paused")
        for each in answered:
            each.close()
        assert all(each.reply().status == 200 for each in crowd if each not in answered), "they waited"
    until(lambda: held(served)["connections"] == 0, "all are gone")


def test_connections_and_descriptors(origin: Upstream) -> None:
    """A tenth of the descriptors is kept for targets, logs and tables: accepting rests before."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    config = f"""
        listeners {{ listener "public" {{ address "%public%" }} }}
        upstreams {{ upstream "origin" {{ target "{origin.address}" }} }}
        routes {{ route "all" {{ upstream "origin" }} }}
    """
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, most[1]))
    try:
        with gateway(config) as running, ExitStack() as stack:
            resource.setrlimit(resource.RLIMIT_NOFILE, most)
            (worker,) = workers(running)
            assert resource.prlimit(worker, resource.RLIMIT_NOFILE)[0] == 200
            crowd = [stack.enter_context(Client(running.address())) for _ in range(195)]
            until(lambda: bool(events(running, "accept-paused")), "accepting rests")
            assert 170 <= descriptors(worker) <= 182
            for each in crowd[:10]:
                each.send(get("/target"))
            assert [each.reply().body for each in crowd[:10]] == [b"/target"] * 10
            for each in crowd:
                each.close()
            until(lambda: ask1(running.address(), get("/after")).status == 200, "all is well again")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)


def test_connections_that_rest_or_are_old(served: Gateway) -> None:
    """One without a request is ended after `idle`; the reply after `age` is the last one."""
    with Client(served.address("hasty")) as client:
        assert client.ask(get("/fixed")).closes is False
        began = time.monotonic()
        assert client.end() == b""
        assert time.monotonic() - began < 3
    with Client(served.address("hasty")) as client:
        deadline = time.monotonic() + 5
        while not (reply := client.ask(get("/fixed"))).closes:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert reply.status == 200
    with Client2(served.address("hasty")) as client2:
        client2.get("/fixed")
        assert client2.end() == 0


def test_connections_and_handshakes(served: Gateway, authority: Authority) -> None:
    """Handshakes that do not go on are few, and soon over: a client that does shake hands is served."""
    address = served.address("secure")
    with ExitStack() as stack:
        stuck = [stack.enter_context(Client(address)) for _ in range(20)]
        for each in stuck:
            each.send(b"\x16\x03\x01\x02\x00")
        until(lambda: all(each.receive(within=0.01) == b"" for each in stuck if _is_over(each)), "some end")
        context = ssl.create_default_context(cafile=str(authority.ca))

        def shakes() -> bool:
            with Client(address) as client:
                try:
                    client._socket = context.wrap_socket(client._socket, server_hostname="a.test")
                    return client.ask(get("/fixed")).status == 200
                except (OSError, Silence):
                    return False

        until(shakes, "it is served", 10)
        until(lambda: all(_is_over(each) for each in stuck), "the stuck ones are ended", 10)


def _is_over(client: Client) -> bool:
    if not client.ended:
        client.is_quiet(0.01)
    return client.ended


# --- times ------------------------------------------------------------------------------------------------


def test_timeouts(served: Gateway) -> None:
    """What is in force where nobody said anything: finite all over, and as the table of defaults has it."""
    code, body = admin(served, "/v1/config")
    assert code == 200
    told = json.loads(body)
    listener = next(each for each in told["listeners"] if each["name"] == "public")
    target = next(each for each in told["upstreams"] if each["name"] == "origin")
    assert listener["timeouts"] == {
        "head_ms": 10_000, "idle_ms": 60_000, "body_ms": 60_000, "send_ms": 60_000, "age_ms": 3_600_000,
        "body_rate_bytes": 1024,
    }  # fmt: skip
    assert target["timeouts"] == {
        "connect_ms": 5_000, "first_byte_ms": 60_000, "idle_ms": 60_000, "request_ms": 3_600_000,
    }  # fmt: skip
    assert (RouteSettings().stream_idle_ms, WebSocketRecord().idle_ms) == (300_000, 300_000)
    assert UpstreamConnections().pending_ms == 5_000


@pytest.mark.parametrize("way", ["HTTP/1.1", "HTTP/2"])
def test_timeouts_of_targets(served: Gateway, origin: Upstream, way: str) -> None:
    """A connection that does not come about, a reply that does not begin, one that stops: 504, or its end."""

    @origin.on("/quick/silent")
    def _silent(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.connection.wait_for_end(8)

    @origin.on("/quick/stops")
    def _stops(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        exchange.connection.wait_for_end(8)

    @origin.on("/events")
    def _events(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 40\r\n\r\n")
        for _ in range(10):
            time.sleep(0.1)
            exchange.send(b"a:\n\n")

    if way == "HTTP/2":
        with Client2(served.address()) as client2:
            assert [client2.get(path).status for path in ("/hole", "/quick/silent")] == [504, 504]
            stops = client2.get("/quick/stops")
            assert (stops.status, stops.body, stops.reset is not None) == (200, b"abc", True)
            assert client2.get("/events").body == b"a:\n\n" * 10, "streams have no limit of the whole"
    else:
        with Client(served.address()) as client:
            assert [client.ask(get(path)).status for path in ("/hole", "/quick/silent")] == [504, 504]
            stops1 = client.ask(get("/quick/stops"))
            assert (stops1.body, stops1.complete) == (b"abc", False)
        assert ask1(served.address(), get("/events")).body == b"a:\n\n" * 10
