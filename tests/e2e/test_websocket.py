"""WebSockets through a running gateway: the handshake, what passes, and every way in which one ends."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest
from gwc.runtime.tunnel import accept_of
from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from .harness import Gateway, gateway, until
from .inside import held, number, reload, workers
from .raw import Client, Reply, ask, get
from .sockets import Sockets, sockets
from .upstream import Exchange, Upstream, upstream

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
ASKS = (
    "Connection: keep-alive, Upgrade",
    "Upgrade: websocket",
    f"Sec-WebSocket-Key: {KEY}",
    "Sec-WebSocket-Version: 13",
)
AGREES = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: " + ACCEPT.encode() + b"\r\n\r\n"
)

CONFIG = """
metrics "%metrics%"
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "sockets" {{ target "{sockets}"; connections {{ max 200 }} }}
    upstream "raw" {{ target "{raw}" }}
    upstream "one" {{ target "{sockets}"; connections {{ max 1; pending-timeout "200ms" }} }}
}}
routes {{
    route "off" {{ matches {{ path-prefix "/off" }}; upstream "sockets"; reasons #true }}
    route "on" {{
        matches {{ path-prefix "/" }}; upstream "sockets"; websocket
        timeouts {{ request "1s"; idle "500ms" }}
        limits {{ request-body "10B"; response-body "100B" }}
        request-headers {{ set "x-to" "${{route}}"; set "sec-websocket-key" "{key}" }}
        response-headers {{ set "x-from" "${{route}}"; set "sec-websocket-accept" "no" }}
    }}
    route "halves" {{
        matches {{ path-prefix "/halves" }}; websocket
        split {{ upstream "sockets" {{ rewrite prefix="/echo" }}; upstream "sockets" }}
    }}
    route "quiet" {{ matches {{ path-prefix "/quiet" }}; upstream "sockets"; websocket idle="400ms" }}
    route "stuck" {{ matches {{ path "/sink" }}; upstream "sockets"; websocket idle="2s" }}
    route "raw" {{ matches {{ path-prefix "/raw" }}; upstream "raw"; websocket; reasons #true
        timeouts {{ first-byte "300ms" }} }}
    route "one" {{ matches {{ path-prefix "/one" }}; upstream "one"; websocket; reasons #true }}
    route "own" {{ matches {{ path "/own" }}; respond {{ body "own" }} }}
    {more}
}}
"""


def config(server: Sockets, raw: Upstream, more: str = "") -> str:
    """The configuration, with more routes."""
    return CONFIG.format(sockets=server.address, raw=raw.address, key="x" * 22 + "==", more=more)


@pytest.fixture(scope="module")
def server() -> Iterator[Sockets]:
    """A WebSocket server."""
    with sockets() as running:
        yield running


@pytest.fixture(scope="module")
def raw() -> Iterator[Upstream]:
    """A server that says whatever it is told to."""
    with upstream() as running:
        yield running


@pytest.fixture(scope="module")
def served(server: Sockets, raw: Upstream) -> Iterator[Gateway]:
    """The gateway that most tests share."""
    with gateway(config(server, raw), options=("--no-watch",)) as running:
        yield running


def opened(running: Gateway, path: str = "/echo", **options: Any) -> ClientConnection:
    """A WebSocket through the gateway."""
    host, port = running.address()
    usual: dict[str, Any] = {"ping_interval": None, "max_size": None, "open_timeout": 5, "close_timeout": 5}
    made: ClientConnection = connect(f"ws://{host}:{port}{path}", **(usual | options))
    return made


def no_tunnels(running: Gateway) -> None:
    """Wait until none is open and everything is counted out."""
    until(lambda: number(running, "gwc_tunnels") == 0, "no tunnel is open")
    until(
        lambda: (
            {name: held(running)[name] for name in ("in_flight", "active")} == {"in_flight": 0, "active": 0}
        ),
        "nothing is under way",
        15,  # what a target does not take is waited for, for a while
    )


@pytest.mark.parametrize(
    "message",
    ["text", "", "ü€𝄞" * 100, b"\0\xff" * 70_000, b"x" * 1_000_000, "y" * 1_000_000],
    ids=["short", "empty", "unicode", "binary", "megabyte", "megabyte-of-text"],
)
@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_come_back(served: Gateway, message: str | bytes, compression: str | None) -> None:
    """Text and binary of any size, with and without compression, as they were sent."""
    with opened(served, compression=compression) as client:
        for _ in range(3):
            client.send(message)
            assert client.recv(timeout=10) == message
        assert client.protocol.extensions or compression is None


def test_fragments_pings_and_subprotocols_pass(served: Gateway, server: Sockets) -> None:
    """Whatever the two agreed on is theirs: fragments both ways, pings with their bytes, the subprotocol."""
    with opened(served, "/pieces?a=1", subprotocols=["other", "chat"], compression=None) as client:
        assert client.subprotocol == "chat"
        assert list(client.recv_streaming()) == ["a", "b", "c", ""]
        assert client.ping(b"12345678").wait(5)
        assert client.response is not None
        assert client.response.headers["x-from"] == "on"
    assert server.requests[-1].headers["x-to"] == "on"
    assert server.requests[-1].path == "/pieces?a=1"
    with opened(served) as client:
        client.send(iter(["one ", "two ", "three"]))
        assert client.recv(timeout=5) == "one two three"


@pytest.mark.parametrize("code", [1000, 1001, 1011, 3000, 4999])
def test_close_codes_pass(served: Gateway, server: Sockets, code: int) -> None:
    """The code and the reason of a close arrive on the other side, from the server and from the client."""
    with opened(served, f"/close/{code}") as client:
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=5)
        assert (client.close_code, client.close_reason) == (code, "as asked")
    with opened(served) as client:
        client.send("x")
        client.recv(timeout=5)
        (other,) = [each for each in server.open if each.remote_address]
        client.close(code, "over")
        until(lambda: other.close_code == code, "the server has read the close frame")
        assert other.close_reason == "over"
    no_tunnels(served)


def test_a_split_and_a_rewrite_apply(served: Gateway, server: Sockets) -> None:
    """The handshake goes the way of every request."""
    for _ in range(6):
        with opened(served, "/halves/a") as client:
            client.send("x")
            assert client.recv(timeout=5) == "x"
    assert {each.path for each in server.requests[-6:]} <= {"/echo/a", "/halves/a"}


def test_a_line_of_the_log_is_written_at_the_end(served: Gateway) -> None:
    """Status 101, its time, bytes both ways; limits of bodies and times of requests do not count."""
    with opened(served, "/log", compression=None) as client:
        assert number(served, "gwc_tunnels", route="on") == 1
        assert held(served)["in_flight"] == 1
        client.send(b"z" * 1000)
        client.recv(timeout=5)
        time.sleep(1.3)  # longer than `request` and `idle` of the route
        client.send(b"z")
        assert client.recv(timeout=5) == b"z"
        assert not [line for line in served.access_lines() if line["path"] == "/log"]
    line = served.access_line("/log")
    assert (line["status"], line["reason"], line["upstream"]) == (101, "", "sockets")
    assert line["duration_ms"] > 1200
    # 4 + 4 and 2 + 4 bytes of frame heads with a mask, 4 and 2 without; and the two close frames.
    assert line["request_bytes"] == 1000 + 8 + 1 + 6 + 8
    assert line["response_bytes"] == 1000 + 4 + 1 + 2 + 4
    assert number(served, "gwc_tunnel_duration_seconds_count", route="on") >= 1
    no_tunnels(served)


@pytest.mark.parametrize("status", [400, 403, 426, 500])
def test_another_reply_passes(served: Gateway, status: int) -> None:
    """A server that refuses is heard: its reply is one like any other, and the connection serves on."""
    with Client(served.address()) as client:
        for _ in range(2):
            reply = client.ask(get(f"/status/{status}", *ASKS))
            assert (reply.status, reply.body, reply.value("x-from")) == (status, b"as asked\n", b"on")
    with pytest.raises(InvalidStatus) as refused:
        opened(served, f"/status/{status}")
    assert refused.value.response.status_code == status


def test_a_route_must_say_so(served: Gateway) -> None:
    """403 with a reason, and the connection is still good; what is no WebSocket is served."""
    with Client(served.address()) as client:
        reply = client.ask(get("/off", *ASKS))
        assert (reply.status, reply.value("x-gwc-reason")) == (403, b"websocket-refused")
        assert client.ask(get("/own", *ASKS)).body == b"own"
        assert client.ask(get("/own")).body == b"own"
    assert served.access_line("/off")["reason"] == "websocket-refused"
    assert number(served, "gwc_refused_total", reason="websocket-refused") == 1


@pytest.mark.parametrize(
    "fields",
    [
        ("Upgrade: websocket",),
        ("Connection: Upgrade", "Upgrade: h2c"),
        ("Connection: Upgrade", "Upgrade: websocket/1"),
        ("Connection: close, x", "Upgrade: websocket"),
    ],
)
def test_no_handshake_is_a_plain_request(served: Gateway, raw: Upstream, fields: tuple[str, ...]) -> None:
    """Another protocol, or an Upgrade without its Connection, is not passed on and not refused."""
    raw.answers.pop("/raw/plain", None)
    assert ask(served.address(), get("/raw/plain", *fields)).status == 200
    seen = raw.the("/raw/plain")
    raw.requests.clear()
    assert seen.values("upgrade") == []


@pytest.mark.parametrize(
    "request_",
    [
        get("/raw/bad", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
        get("/raw/bad", *ASKS[:2], "Sec-WebSocket-Key: eA=="),
        get("/raw/bad", *ASKS, f"Sec-WebSocket-Key: {KEY}"),
        get("/raw/bad", *ASKS, "Content-Length: 3") + b"abc",
    ],
    ids=["no-key", "short-key", "two-keys", "a-body"],
)
def test_a_handshake_that_cannot_be(served: Gateway, raw: Upstream, request_: bytes) -> None:
    """A key that is none, or a body, is 400, and nothing is sent on."""
    reply = ask(served.address(), request_)
    assert (reply.status, reply.value("x-gwc-reason")) == (400, b"websocket-handshake")
    assert raw.seen("/raw/bad") == []


def says(data: bytes) -> object:
    """An answer of just these bytes, and then the connection stays."""

    def answer(exchange: Exchange) -> None:
        exchange.send(data)
        exchange.connection.wait_for_end(5)

    return answer


@pytest.mark.parametrize(
    "data",
    [
        AGREES.replace(ACCEPT.encode(), accept_of("x" * 22 + "==")),
        AGREES.replace(b"Sec-WebSocket-Accept: " + ACCEPT.encode() + b"\r\n", b""),
        AGREES.replace(b"Upgrade: websocket", b"Upgrade: h2c"),
        AGREES.replace(b"Upgrade: websocket\r\n", b""),
        AGREES.replace(b"Connection: Upgrade\r\n", b""),
        AGREES.replace(b"Connection: Upgrade\r\n", b"Connection: Upgrade\r\nContent-Length: 0\r\n"),
        AGREES.replace(b"Connection: Upgrade\r\n", b"Connection: Upgrade\r\nTransfer-Encoding: chunked\r\n"),
        AGREES.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Accept: " + ACCEPT.encode() + b"\r\n\r\n"),
    ],
    ids=["other-key", "none", "other-protocol", "no-upgrade", "no-connection", "length", "coding", "twice"],
)
def test_a_bad_agreement(served: Gateway, raw: Upstream, data: bytes) -> None:
    """A 101 that is not the answer to what was asked is 502, and the target's connection is closed."""
    raw.answers["/raw/agree"] = says(data)  # type: ignore[assignment]  # an answer
    reply = ask(served.address(), get("/raw/agree", *ASKS))
    assert (reply.status, reply.value("x-gwc-reason")) == (502, b"reply-upgrade")


def test_a_reply_that_does_not_come(served: Gateway, raw: Upstream) -> None:
    """Until the 101 the limits of requests hold."""
    raw.answers["/raw/late"] = says(b"")  # type: ignore[assignment]  # an answer
    reply = ask(served.address(), get("/raw/late", *ASKS))
    assert (reply.status, reply.value("x-gwc-reason")) == (504, b"first-byte-timeout")


def handshaken(client: Client, path: str, more: bytes = b"") -> Reply:
    """A tunnel by hand; what has come behind the head is the body."""
    client.send(get(path, *ASKS) + more)
    reply = client.reply()
    assert reply.status == 101
    return reply


def test_bytes_before_and_behind_the_heads_pass(served: Gateway, raw: Upstream) -> None:
    """What a client sends before it has the 101, and what a target sends with it, is not lost."""
    got: list[bytes] = []

    def answer(exchange: Exchange) -> None:
        exchange.send(AGREES + b"at once")
        got.append(exchange.connection.socket.recv(100))
        exchange.send(b" and later")
        exchange.close()

    raw.answers["/raw/early"] = answer
    with Client(served.address()) as client:
        client.send(get("/raw/early", *ASKS) + b"early")
        reply = client.reply()
        body = reply.body + client.end()
    assert (body, got) == (b"at once and later", [b"early"])
    assert served.access_line("/raw/early")["request_bytes"] == 5


def test_half_a_close_passes(served: Gateway, raw: Upstream) -> None:
    """A side that sends no more may still read."""

    def answer(exchange: Exchange) -> None:
        exchange.send(AGREES)
        sock = exchange.connection.socket
        data = b""
        while piece := sock.recv(100):
            data += piece
        exchange.send(b"got " + data)
        exchange.close()

    raw.answers["/raw/half"] = answer
    with Client(served.address()) as client:
        handshaken(client, "/raw/half")
        client.send(b"all")
        client.half_close()
        assert client.end() == b"got all"
    assert served.access_line("/raw/half")["reason"] == ""
    no_tunnels(served)


def test_a_target_that_is_lost(served: Gateway, raw: Upstream) -> None:
    """The client's connection ends too, and the log says why."""

    def answer(exchange: Exchange) -> None:
        exchange.send(AGREES + b"x")
        exchange.connection.socket.recv(1)
        exchange.reset()

    raw.answers["/raw/lost"] = answer
    with Client(served.address()) as client:
        handshaken(client, "/raw/lost")
        client.send(b"x")
        client.end()
        assert client.ended
    line = served.access_line("/raw/lost")
    assert (line["status"], line["reason"]) == (101, "connection-lost")
    no_tunnels(served)


def test_a_client_that_is_lost(served: Gateway, raw: Upstream) -> None:
    """The target's connection ends too."""
    ended: list[bool] = []

    def answer(exchange: Exchange) -> None:
        exchange.send(AGREES)
        ended.append(exchange.connection.wait_for_end(5))

    raw.answers["/raw/left"] = answer
    with Client(served.address()) as client:
        handshaken(client, "/raw/left")
        client.reset()
    line = served.access_line("/raw/left")
    assert (line["status"], line["reason"]) == (101, "client-gone")
    until(lambda: ended == [True], "the target has seen the end")
    no_tunnels(served)


def test_silence_ends_it(served: Gateway) -> None:
    """Nothing moves for the route's `idle`: a close frame with 1001, as long as something moves none."""
    with opened(served, "/quiet") as client:
        began = time.monotonic()
        for _ in range(4):
            time.sleep(0.2)
            client.send("x")
            assert client.recv(timeout=5) == "x"
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=5)
        assert client.close_code == 1001
        assert 1.1 < time.monotonic() - began < 3
    assert served.access_line("/quiet")["reason"] == "idle-timeout"
    no_tunnels(served)


@pytest.mark.parametrize("path", ["/flood", "/sink"])
def test_who_does_not_read_is_waited_for(served: Gateway, server: Sockets, path: str) -> None:
    """Whoever takes nothing stops the other side; nothing piles up in between.

    That a client behind which bytes wait has gone is only seen once they are taken, or by the silence.
    """
    before = served.resident_bytes()
    if path == "/flood":
        with Client(served.address(), receive_buffer=65536) as client:
            client.send(get(path, *ASKS))
            flooded = -1
            while flooded != server.flooded:  # until it stands
                flooded = server.flooded
                time.sleep(0.3)
            assert flooded < 24 * 1024 * 1024
            assert served.resident_bytes() - before < 8 * 1024 * 1024
    else:
        with Client(served.address()) as client:
            handshaken(client, path)
            frame = Frame(Opcode.BINARY, b"x" * 65536).serialize(mask=True)
            sent = client.send_some(frame * 1000, 0.5)
            assert sent < 24 * 1024 * 1024
            assert served.resident_bytes() - before < 8 * 1024 * 1024
    no_tunnels(served)


def test_a_tunnel_holds_a_place_of_its_upstream(served: Gateway) -> None:
    """`connections` counts it while it is open, and its connection serves nobody afterwards."""
    with opened(served, "/one") as client:
        reply = ask(served.address(), get("/one", *ASKS))
        assert (reply.status, reply.value("x-gwc-reason")) == (503, b"pending-timeout")
        client.send("x")
        assert client.recv(timeout=5) == "x"
    no_tunnels(served)
    with opened(served, "/one") as client:
        client.send("x")
        assert client.recv(timeout=5) == "x"


async def _talks(url: str, count: int, during: asyncio.Event) -> list[str]:
    """So many clients that talk until the event; what went wrong."""

    async def talk(number_: int) -> str:
        async with connect_async(url, ping_interval=None, open_timeout=20) as client:
            turn = 0
            while not during.is_set() or turn < 2:
                turn += 1
                await client.send(f"{number_}/{turn}")
                got = await asyncio.wait_for(client.recv(), 20)
                if got != f"{number_}/{turn}":
                    return f"{got!r} came for {number_}/{turn}"
                await asyncio.sleep(0.02)
        return "" if client.close_code == 1000 else f"closed with {client.close_code}"

    done = await asyncio.gather(*map(talk, range(count)), return_exceptions=True)
    return [str(each) for each in done if each]


def test_many_at_once(served: Gateway) -> None:
    """A hundred and fifty clients, each gets what it sent."""
    host, port = served.address()

    async def main() -> list[str]:
        over = asyncio.Event()
        asyncio.get_running_loop().call_later(1, over.set)
        return await _talks(f"ws://{host}:{port}/many", 150, over)

    assert asyncio.run(main()) == []
    no_tunnels(served)


def test_reloads_cut_none(server: Sockets, raw: Upstream) -> None:
    """Twenty tables come and go, in which their route changed or went, their upstream too: 0 cut."""
    with gateway(config(server, raw), workers=2, options=("--no-watch",)) as running:
        host, port = running.address()

        def tables() -> None:
            for generation in range(20):
                other = config(server, raw, f'route "r{generation}" {{ matches {{ path "/r" }}; respond }}')
                if generation % 2:
                    other = f"""
                        metrics "%metrics%"
                        listeners {{ listener "public" {{ address "%public%" }} }}
                        routes {{ route "g{generation}" {{ respond {{ body "{generation}" }} }} }}"""
                reload(running, other)
            assert ask(running.address(), get("/echo")).body == b"19"

        async def main() -> list[str]:
            over = asyncio.Event()
            task = asyncio.create_task(_talks(f"ws://{host}:{port}/echo", 20, over))
            await asyncio.to_thread(until, lambda: number(running, "gwc_tunnels") == 20, "all are open", 20)
            await asyncio.to_thread(tables)
            over.set()
            return await task

        assert asyncio.run(main()) == []
        no_tunnels(running)
        lines = running.access_lines_for(lambda line: line["path"] == "/echo" and line["status"] == 101, 20)
        assert {line["reason"] for line in lines} == {""}


@pytest.mark.parametrize("inside_a_frame", [False, True])
def test_a_gateway_that_ends_says_so(server: Sockets, raw: Upstream, inside_a_frame: bool) -> None:
    """It waits until its deadline; then 1001, where a frame can stand, else the bare end."""

    def answer(exchange: Exchange) -> None:
        exchange.send(AGREES + (b"\x82\x05ab" if inside_a_frame else b"\x82\x02ab"))
        exchange.connection.wait_for_end(20)

    raw.answers["/raw/ending"] = answer
    with gateway(config(server, raw), options=("--no-watch", "--drain-timeout", "500ms")) as running:
        with Client(running.address()) as client:
            body = handshaken(client, "/raw/ending").body
            running.stops_itself = True
            running.process.send_signal(signal.SIGTERM)
            body += client.end()
        assert body == (b"\x82\x05ab" if inside_a_frame else b"\x82\x02ab\x88\x02\x03\xe9")
        line = running.access_line("/raw/ending")
        assert (line["status"], line["reason"]) == (101, "draining")
        assert line["duration_ms"] > 400


def test_a_drained_client_has_time(server: Sockets, raw: Upstream) -> None:
    """Whoever closes within the deadline has its own way."""
    with gateway(config(server, raw), options=("--no-watch",)) as running:
        with opened(running) as client:
            running.stops_itself = True
            running.process.send_signal(signal.SIGTERM)
            until(lambda: "draining" in running.errors, "the drain has begun")
            client.send("still")
            assert client.recv(timeout=5) == "still"
        assert client.close_code == 1000
        assert running.access_line("/echo")["reason"] == ""


def test_a_worker_that_dies_takes_its_own(server: Sockets, raw: Upstream) -> None:
    """Sockets of a killed worker end; their places are given back, and new ones open."""
    with gateway(config(server, raw), options=("--no-watch",)) as running:
        with opened(running, "/one") as client:
            (worker,) = workers(running)
            os.kill(worker, signal.SIGKILL)
            with pytest.raises(ConnectionClosed):
                client.recv(timeout=5)
            assert client.close_code == 1006
        until(lambda: workers(running) not in ([], [worker]), "there is another worker", 10)
        no_tunnels(running)
        with opened(running, "/one") as client:
            client.send("x")
            assert client.recv(timeout=5) == "x"


def test_keys_and_answers() -> None:
    """The example of RFC 6455 section 1.3."""
    assert accept_of(KEY) == ACCEPT.encode()
