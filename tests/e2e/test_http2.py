"""HTTP/2 from clients through a running gateway: bodies both ways, resets, slow sides, reloads, the end."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from .harness import Gateway, gateway, program, until
from .http2 import Client2, Reply2, frame, head
from .inside import held, number, reload
from .upstream import Exchange, Upstream, upstream

CONFIG = """
listeners {{
    listener "public" {{ address "%public%" }}
    listener "hasty" {{ address "%hasty%"; timeouts {{ body "300ms"; send "500ms"; idle "400ms" }} }}
    listener "proxied" {{ address "%proxied%"; proxy-protocol #true }}
    {extra}
}}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "fixed" {{ matches {{ path "/fixed" }}; respond {{ body "{generation}" }} }}
    route "small" {{ matches {{ path "/small" }}; limits {{ request-body "1KiB" }}; upstream "origin" }}
    route "trailing" {{
        matches {{ path "/trailing" }}
        trailers {{ request "x-sum"; response "x-sum" }}
        upstream "origin"
    }}
    route "all" {{ upstream "origin" }}
}}
"""
EXTRA = 'listener "extra" { address "%extra%" }'
BIG = 3_000_000


class Origin:
    """The server behind the gateway, whose answers wait for a test."""

    def __init__(self, server: Upstream) -> None:
        self.server = server
        self.address = server.address
        self.may = threading.Event()
        server.otherwise = self._answer
        server.answers["/late"] = self._late
        server.answers["/big"] = self._big
        server.answers["/cut"] = self._cut
        server.answers["/trailing"] = self._trailing
        server.answers["/drip"] = self._drip

    def _answer(self, exchange: Exchange) -> None:
        body = exchange.read_body()
        exchange.reply(200, str(len(body)).encode())

    def _late(self, exchange: Exchange) -> None:
        """The body is read when it may be."""
        self.may.wait(20)
        body = exchange.read_body()
        exchange.reply(200, str(len(body)).encode())

    def _big(self, exchange: Exchange) -> None:
        exchange.read_body()
        exchange.reply(200, b"x" * BIG)

    def _cut(self, exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
        exchange.close()

    def _trailing(self, exchange: Exchange) -> None:
        exchange.read_body()
        said = dict(exchange.seen.trailers)
        exchange.send(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"
            b"X-Sum: %b\r\nX-Other: no\r\n\r\n" % repr(sorted(said.items())).encode()
        )

    def _drip(self, exchange: Exchange) -> None:
        """A piece, and the rest when it may come."""
        exchange.read_body()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc")
        self.may.wait(20)
        exchange.send(b"def")


@pytest.fixture
def origin() -> Iterator[Origin]:
    """The server behind the gateway."""
    with upstream(receive_buffer=65536) as server:
        found = Origin(server)
        yield found
        found.may.set()


def _config(origin: Origin, generation: int = 1, extra: str = "") -> str:
    return CONFIG.format(origin=origin.address, generation=generation, extra=extra)


@pytest.fixture
def served(origin: Origin) -> Iterator[Gateway]:
    """The gateway."""
    with gateway(_config(origin), options=("--no-watch",)) as running:
        yield running


def _upload(client: Client2, path: str, size: int, *more: tuple[str, str]) -> int:
    """Begin a request and send of its body what the windows take; its stream."""
    stream = client.ask(head(path, *more, method="POST"), ended=False)
    client.push()
    _send(client, stream, size)
    return stream


def _send(client: Client2, stream: int, size: int) -> int:
    """Send of a body what the windows take, at most `size`; how much it was."""
    sent = 0
    while sent < size:
        room = min(client.http2.local_flow_control_window(stream), 16384, size - sent)
        if room <= 0:
            break
        client.http2.send_data(stream, b"y" * room)
        sent += room
    client.push()
    return sent


def test_curl_and_h2load(served: Gateway) -> None:
    """The clients that people have."""
    url = f"http://127.0.0.1:{served.ports['public']}"
    command = [
        program("curl"),
        "-s",
        "--http2-prior-knowledge",
        "-w",
        "%{http_version} %{http_code}",
        f"{url}/fixed",
    ]
    assert subprocess.run(command, capture_output=True, timeout=20).stdout == b"12 200"
    command = [program("curl"), "-s", "--http2-prior-knowledge", "--data-binary", "y" * 100_000, f"{url}/up"]
    assert subprocess.run(command, capture_output=True, timeout=20).stdout == b"100000"
    found = subprocess.run(
        [program("h2load"), "-n", "600", "-c", "4", "-m", "20", f"{url}/fixed", f"{url}/up"],
        capture_output=True,
        timeout=60,
        text=True,
    ).stdout
    assert "600 succeeded, 0 failed, 0 errored, 0 timeout" in found
    line = served.access_lines_for("/fixed", 1)[0]
    assert (line["protocol"], line["status"]) == ("HTTP/2", 200)


def test_what_a_target_sees(served: Gateway, origin: Origin) -> None:
    """A request like any other, that came over HTTP/2."""
    with Client2(served.address()) as client:
        reply = client.get("/seen", ("te", "trailers"), ("cookie", "a=1"), ("cookie", "b=2"))
        assert (reply.status, reply.body) == (200, b"0")
    seen = origin.server.the("/seen")
    assert (seen.value("via"), seen.value("host")) == ("2 gwc", "a.test")
    assert (seen.value("cookie"), seen.value("te")) == ("a=1; b=2", None)
    assert not origin.server.faults


def test_an_upload_waits_for_its_target(served: Gateway, origin: Origin) -> None:
    """The window opens only as the target takes the body; other streams go on, and all of it arrives."""
    with Client2(served.address()) as client:
        client.get("/fixed")
        stream = client.ask(head("/late", method="POST"), ended=False)
        client.push()
        sent = 0
        while True:  # until the target's socket, the gateway and the window are full
            sent += _send(client, stream, BIG * 3 - sent)
            before = len(client.window_updates)
            client.socket.settimeout(0.5)
            try:
                client.take(client.socket.recv(65536))
            except TimeoutError:
                break
            assert len(client.window_updates) >= before
        assert sent < BIG * 3
        assert client.get("/fixed").body == b"1"
        assert client.reply(_whole(client, "/up", 200_000)).body == b"200000"
        origin.may.set()
        while sent < BIG * 3:
            more = _send(client, stream, BIG * 3 - sent)
            sent += more
            if not more:
                client.step()
        client.http2.end_stream(stream)
        assert client.reply(stream, 20).body == str(BIG * 3).encode()


def _whole(client: Client2, path: str, size: int) -> int:
    """A whole upload."""
    stream = client.ask(head(path, method="POST"), ended=False)
    client.push()
    sent = 0
    while sent < size:
        more = _send(client, stream, size - sent)
        sent += more
        if not more:
            client.step()
    client.http2.end_stream(stream)
    client.push()
    return stream


def test_a_slow_reader_holds_its_target(served: Gateway, origin: Origin) -> None:
    """A stream whose window is shut takes no more from its target, and others are served beside it."""
    with Client2(served.address(), reads=False) as client:
        streams = [client.ask(head("/big")) for _ in range(2)]
        client.push()
        first = client.replies[streams[0]]
        # The connection's window is shared, so the first two have it all: 65,535 bytes.
        client.until(lambda: sum(len(client.replies[each].body) for each in streams) == 65535)
        client.http2.increment_flow_control_window(100_000)
        other = client.get("/fixed")
        assert other.body == b"1"
        until(lambda: held(served)["active"] == 2, "both wait")
        resting = [connection.sent for connection in origin.server.connections]
        client.reads = True
        for each in streams:
            client.http2.increment_flow_control_window(BIG * 2, each)
        client.http2.increment_flow_control_window(BIG * 2)
        for each in streams:
            assert client.reply(each, 20).body == b"x" * BIG
        assert first.ended
        assert len(resting) >= 2


def test_trailers_both_ways(served: Gateway) -> None:
    """Those that the route names, and no others."""
    with Client2(served.address()) as client:
        stream = client.ask(head("/trailing", method="POST"), ended=False)
        client.http2.send_data(stream, b"abc")
        client.http2.send_headers(stream, [("x-sum", "7"), ("x-other", "8")], end_stream=True)
        reply = client.reply(stream)
        assert (reply.body, reply.trailers) == (b"abc", {"x-sum": "[('x-sum', '7')]"})


def test_the_client_takes_a_request_back(served: Gateway, origin: Origin) -> None:
    """Its target is let go, the log says so, and the other streams go on."""
    with Client2(served.address()) as client:
        stream = client.ask(head("/drip"))
        client.push()
        client.until(lambda: client.replies[stream].body == b"abc")
        client.http2.reset_stream(stream, 8)
        assert client.get("/fixed").body == b"1"
    line = served.access_line("/drip")
    assert (line["reason"], line["protocol"]) == ("client-gone", "HTTP/2")
    until(lambda: held(served)["active"] == 0, "the target is let go")


def test_a_client_that_is_lost(served: Gateway) -> None:
    """All its requests end with it."""
    with Client2(served.address()) as client:
        for _ in range(5):
            client.ask(head("/drip"))
        client.push()
        until(lambda: held(served)["in_flight"] == 5, "all are under way")
    until(lambda: held(served)["in_flight"] == held(served)["active"] == 0, "none is under way")
    assert len(served.access_lines_for("/drip", 5)) == 5


def test_continue(served: Gateway) -> None:
    """A client that waits for it is told to go on."""
    with Client2(served.address()) as client:
        stream = client.ask(head("/up", ("expect", "100-continue"), method="POST"), ended=False)
        client.push()
        client.until(lambda: client.replies[stream].interim == [100])
        client.http2.send_data(stream, b"abc", end_stream=True)
        assert client.reply(stream).body == b"3"


def test_a_target_that_breaks_off(served: Gateway) -> None:
    """The stream is reset, so that nobody takes the reply for whole."""
    with Client2(served.address()) as client:
        reply = client.get("/cut")
        assert (reply.status, reply.ended, reply.reset) == (200, False, 2)
        assert client.get("/fixed").body == b"1"


@pytest.mark.parametrize("said", [True, False])
def test_a_body_that_is_too_long(served: Gateway, said: bool) -> None:
    """413, and nobody waits for the rest of it."""
    with Client2(served.address()) as client:
        more = (("content-length", "5000"),) if said else ()
        stream = _upload(client, "/small", 5000, *more)
        reply = client.reply(stream)
        assert (reply.status, reply.ended) == (413, True)
        client.until(lambda: reply.reset is not None)
        assert reply.reset == 0
        assert client.get("/fixed").body == b"1"


def test_a_body_that_stops(served: Gateway) -> None:
    """408 after the time that it may rest; the other streams know nothing of it."""
    with Client2(served.address("hasty")) as client:
        stream = _upload(client, "/up", 100)
        assert client.get("/fixed").body == b"1"
        assert client.reply(stream).status == 408
        assert client.get("/fixed").body == b"1"


def test_lengths_that_differ(served: Gateway) -> None:
    """A body that is not as long as it says never reaches a target whole; the stream alone ends."""
    with Client2(served.address()) as client:
        short = client.ask(head("/short", ("content-length", "9"), method="POST"), ended=False)
        client.http2.send_data(short, b"abc", end_stream=True)
        assert client.reply(short).reset == 1
        long = client.ask(head("/long", ("content-length", "2"), method="POST"), ended=False)
        client.http2.send_data(long, b"abc")
        assert client.reply(long).reset == 1
        assert client.get("/fixed").body == b"1"
    assert served.access_line("/short")["reason"] == "http2-length"


def test_a_proxy_header_before_it(served: Gateway) -> None:
    """The client is who the header names."""
    with Client2(served.address("proxied"), begin=False) as client:
        client.socket.sendall(b"PROXY TCP4 192.0.2.77 192.0.2.1 5555 80\r\n")
        assert client.get("/fixed").body == b"1"
    assert served.access_line("/fixed")["client_ip"] == "192.0.2.77"


def test_a_flood_is_told(served: Gateway) -> None:
    """GOAWAY to the client, a line in the audit log, a count; everybody else is served."""
    with Client2(served.address()) as client, Client2(served.address()) as calm:
        client.push(frame(6, 0, 0, b"12345678") * 200)
        assert client.end() == 11
        assert calm.get("/fixed").body == b"1"

    def told() -> bool:
        lines = [line for line in served.error_lines() if line.get("reason") == "http2-pings"]
        return [line["type"] for line in lines] == ["refusal"]

    until(told, "the audit log has it")
    assert number(served, "gwc_refused_total", reason="http2-pings") == 1


def _is_served(client: Client2, wanted: bytes) -> bool:
    return client.get("/fixed").body == wanted


def test_reloads(served: Gateway, origin: Origin) -> None:
    """Connections and streams, up and down, go on through reloads; new streams are the new table's."""
    with Client2(served.address()) as client:
        down = client.ask(head("/drip"))
        up = _upload(client, "/up", 1000)
        client.until(lambda: client.replies[down].body == b"abc")
        for generation in range(2, 12):
            reload(served, _config(origin, generation))
            until(partial(_is_served, client, str(generation).encode()), "it is new")
        origin.may.set()
        assert client.reply(down).body == b"abcdef"
        client.http2.send_data(up, b"y" * 1000, end_stream=True)
        assert client.reply(up).body == b"2000"
        assert client.goaways == []


def test_a_listener_that_goes(origin: Origin) -> None:
    """Its connections are told, their streams end well, and then they close."""
    with (
        gateway(_config(origin, extra=EXTRA), options=("--no-watch",)) as served,
        Client2(served.address("extra")) as client,
        Client2(served.address()) as other,
    ):
        stream = client.ask(head("/drip"))
        client.push()
        client.until(lambda: client.replies[stream].body == b"abc")
        reload(served, _config(origin))
        client.until(lambda: client.goaways[-1:] == [(stream, 0)])
        assert not client.closed
        origin.may.set()
        assert client.reply(stream).body == b"abcdef"
        assert client.end() == 0
        assert other.get("/fixed").body == b"1"
        assert other.goaways == []


def test_the_gateway_ends(origin: Origin) -> None:
    """SIGTERM: everybody is told, what is under way is finished, and nothing keeps the gateway."""
    with (
        gateway(_config(origin)) as served,
        Client2(served.address()) as client,
        Client2(served.address()) as idle,
    ):
        stream = client.ask(head("/drip"))
        client.push()
        assert idle.get("/fixed").body == b"1"
        client.until(lambda: client.replies[stream].body == b"abc")
        served.stops_itself = True
        served.process.send_signal(signal.SIGTERM)
        assert idle.end() == 0
        client.until(lambda: client.goaways[-1:] == [(stream, 0)])
        origin.may.set()
        assert client.reply(stream).body == b"abcdef"
        assert client.end() == 0


def test_counters_of_four_workers(origin: Origin) -> None:
    """Requests, bytes and connections are the gateway's, whichever worker has them."""
    with gateway(_config(origin), workers=4) as served:
        clients = [Client2(served.address()) for _ in range(12)]
        replies: list[Reply2] = []
        for client in clients:
            asked = [client.ask(head("/fixed")) for _ in range(10)]
            client.push()
            replies += [client.reply(each) for each in asked]
        assert [each.body for each in replies] == [b"1"] * 120
        assert number(served, "gwc_connections", listener="public") == 12
        waiting = [client.ask(head("/drip")) for client in clients for _ in range(2)]
        for client in clients:
            client.push()
        until(lambda: number(served, "gwc_in_flight") == len(waiting), "all are under way")
        assert number(served, "gwc_requests_total", route="fixed") == 120
        for client in clients:
            client.socket.close()
        until(lambda: number(served, "gwc_in_flight") == 0, "none is under way")
        until(lambda: number(served, "gwc_connections", listener="public") == 0, "no connection is left")
