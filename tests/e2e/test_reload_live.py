"""A reload costs nobody anything: requests, connections and streams go on while tables change."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from .harness import Gateway, gateway, until
from .inside import events, held, number, of_workers, reload, status, workers, write
from .raw import Client, Reply, Silence, ask, get, post
from .traffic import Traffic
from .upstream import Exchange, Upstream, upstream

EVENT_S = 0.05
SLOW_PIECES = 12
STAYS = ("--no-watch",)


def _config(generation: int, left: Upstream, right: Upstream, *, fillers: int = 5) -> str:
    """Headers, bodies, targets, routes, upstreams and a listener that are another generation's or not."""
    moving = (left if generation % 2 else right).address
    extra = 'listener "extra" { address "%extra%" }' if generation % 3 else ""
    gone = (
        'route "events" { matches { path "/events" }; upstream "origin" }\n'
        'route "slow" { matches { path-prefix "/slow" }; upstream "origin" }'
        if generation == 1
        else ""
    )
    more = "".join(
        f'route "filler-{generation}-{each}" {{ matches {{ path "/f/{generation}/{each}" }}; '
        f'respond {{ body "{generation}" }} }}\n'
        for each in range(fillers)
    )
    return f"""
listeners {{ listener "public" {{ address "%public%" }}; {extra} }}
upstreams {{
    upstream "origin" {{ target "{left.address}" }}
    upstream "moving" {{ target "{moving}" }}
    upstream "new-{generation}" {{ target "{right.address}" }}
}}
routes {{
    route "fixed" {{
        matches {{ path "/fixed" }}
        response-headers {{ set "x-gen" "{generation}" }}
        respond {{ body "{generation}" }}
    }}
    route "passed" {{
        matches {{ path "/passed" }}
        request-headers {{ set "x-gen" "{generation}" }}
        response-headers {{ set "x-gen" "{generation}" }}
        upstream "origin"
    }}
    route "moved" {{
        matches {{ path "/moved" }}
        request-headers {{ set "x-gen" "{generation}" }}
        response-headers {{ set "x-gen" "{generation}" }}
        upstream "moving"
    }}
    route "fresh" {{ matches {{ path "/fresh" }}; upstream "new-{generation}" }}
    route "up" {{ matches {{ path "/up" }}; upstream "origin" }}
    {gone}
    {more}
}}
"""


def _echoes_generation(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.reply(200, (exchange.seen.value("x-gen") or "").encode(), f"x-server: {_port(exchange)}")


def _port(exchange: Exchange) -> int:
    port: int = exchange.connection.socket.getsockname()[1]
    return port


def _streams_events(exchange: Exchange, over: threading.Event) -> None:
    exchange.read_body()
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    number = 0
    while not over.wait(EVENT_S):
        text = b"data: %d\n\n" % number
        exchange.send(b"%x\r\n%b\r\n" % (len(text), text))
        number += 1
    exchange.send(b"0\r\n\r\n")


def _sends_slowly(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (SLOW_PIECES * 1000))
    for _ in range(SLOW_PIECES):
        time.sleep(EVENT_S)
        exchange.send(b"x" * 1000)


def _counts_body(exchange: Exchange) -> None:
    exchange.reply(200, b"%d" % len(exchange.read_body()))


class _Pair:
    """Two servers that behave alike, and when the event streams end."""

    def __init__(self, left: Upstream, right: Upstream) -> None:
        self.left, self.right = left, right
        self.over = threading.Event()
        for each in (left, right):
            each.answers.update(
                {
                    "/passed": _echoes_generation,
                    "/moved": _echoes_generation,
                    "/events": lambda exchange: _streams_events(exchange, self.over),
                    "/slow*": _sends_slowly,
                    "/up": _counts_body,
                }
            )


@pytest.fixture
def pair() -> Iterator[_Pair]:
    """The servers behind the gateway."""
    with upstream() as left, upstream() as right:
        servers = _Pair(left, right)
        yield servers
        servers.over.set()


def _whole() -> Callable[[], Callable[[Reply], str]]:
    """Judges of one connection's replies: wholly of one generation, which never goes back."""

    def judge_of_a_connection() -> Callable[[Reply], str]:
        latest = 0

        def judge(reply: Reply) -> str:
            nonlocal latest
            if reply.status != 200 or not reply.complete:
                return f"{reply.status} {reply.body[:80]!r}"
            generation = int(reply.value("x-gen") or b"0")
            if reply.body != b"%d" % generation:
                return f"a reply of two generations: head {generation}, body {reply.body!r}"
            if generation < latest:
                return f"back from generation {latest} to {generation}"
            latest = generation
            return ""

        return judge

    return judge_of_a_connection


def _target_fits(pair: _Pair) -> Callable[[Reply], str]:
    """The target is that of the generation that set the headers."""
    whole = _whole()()
    ports = (pair.right.server.getsockname()[1], pair.left.server.getsockname()[1])

    def judge(reply: Reply) -> str:
        wrong = whole(reply)
        if (
            not wrong
            and int(reply.value("x-server") or b"0") != ports[len(reply.body) and int(reply.body) % 2]
        ):
            return f"generation {reply.body!r} came to the other one's target"
        return wrong

    return judge


def _follow_events(client: Client, over: threading.Event) -> str:
    """Read a stream until it ends; every event comes, in order."""
    reply = client.reply(within=600)
    numbers = [int(line[6:]) for line in reply.body.splitlines() if line.startswith(b"data: ")]
    if not reply.complete or not over.is_set():
        return f"cut after {len(numbers)} events"
    return "" if numbers == list(range(len(numbers))) else "events are missing"


def _upload(address: tuple[str, int]) -> str:
    """A body that takes half a second."""
    with Client(address) as client:
        client.send(get("/up", "Content-Length: 5000", method="POST"))
        for _ in range(10):
            time.sleep(EVENT_S)
            client.send(b"x" * 500)
        reply = client.reply(b"POST")
        return "" if reply.body == b"5000" else f"{reply.status} {reply.body!r}"


def _under_load(running: Gateway, pair: _Pair, reloads: int, pause: float) -> Traffic:
    """All kinds of clients at once, while so many reloads come and go."""
    traffic = Traffic(running.address())
    whole = _whole()
    streams = [Client(running.address()) for _ in range(4)]
    slow = [Client(running.address()) for _ in range(3)]
    for each in streams:
        each.send(get("/events"))
    for each in slow:
        each.send(get("/slow"))
    until(lambda: len(pair.left.seen("/events")) == 4 and len(pair.left.seen("/slow")) == 3, "all have begun")
    for client in streams:

        def follow(client: Client = client) -> None:
            wrong = _follow_events(client, pair.over)
            traffic.done["stream"] += 1
            if wrong:
                traffic.problems.append(f"stream: {wrong}")

        traffic.start("stream", follow)
    for client in slow:

        def download(client: Client = client) -> None:
            reply = client.reply(within=20)
            traffic.done["slow"] += 1
            if not reply.complete or len(reply.body) != SLOW_PIECES * 1000:
                traffic.problems.append(f"slow: {len(reply.body)} bytes came")

        traffic.start("slow", download)
    for _ in range(3):
        traffic.keep_alive("/fixed", whole())
        traffic.keep_alive("/passed", whole())
        traffic.keep_alive("/moved", _target_fits(pair))
    traffic.keep_alive("/fresh")
    traffic.new_connections("/fixed")
    traffic.new_connections("/passed")
    traffic.again("upload", lambda: _upload(running.address()))
    try:
        for generation in range(2, reloads + 2):
            reload(running, _config(generation, pair.left, pair.right))
            if generation % 7 == 0:
                reload(running, "routes {\n", result="failed")
            time.sleep(pause)
        assert ask(running.address(), get("/fixed")).body == b"%d" % (reloads + 1)
        assert ask(running.address(), get("/events")).status == 404
    finally:
        pair.over.set()
        traffic.stop()
        for each in (*streams, *slow):
            each.close()
    return traffic


def _judge_load(running: Gateway, pair: _Pair, traffic: Traffic, reloads: int) -> None:
    assert traffic.problems == []
    assert traffic.announced == 0
    assert traffic.done["stream"] == 4
    assert traffic.done["slow"] == 3
    assert min(traffic.done[kind] for kind in ("kept", "new", "upload")) >= 5, traffic.done
    assert not pair.left.faults + pair.right.faults
    lines = running.access_lines_for(lambda line: line["route"] == "events", 4)
    assert {(line["status"], line.get("reason") or "") for line in lines} == {(200, "")}
    assert len({line["generation"] for line in lines}) == 1, "the one that they began with"
    assert lines[0]["generation"] <= status(running)["generation"] - reloads
    assert len(events(running, "worker-died")) == 0
    # What nobody uses any more is closed, and what went with a table is forgotten.
    until(lambda: held(running)["in_flight"] == held(running)["active"] == 0, "no request is left")
    names = {name for each in _upstreams_of(running) for name in each}
    assert names == {"origin", "moving", f"new-{reloads + 1}"}


def _upstreams_of(running: Gateway) -> list[dict[str, object]]:
    """The upstreams that each worker has."""
    return [each["upstreams"] for each in of_workers(running)]


def test_twenty_reloads_cost_nothing(pair: _Pair) -> None:
    """0 failed, 0 closed, 0 cut; every reply wholly old or wholly new."""
    text = _config(1, pair.left, pair.right)
    with gateway(text, workers=2, options=STAYS) as running:
        traffic = _under_load(running, pair, 20, 0.05)
        _judge_load(running, pair, traffic, 20)


@pytest.mark.slow
def test_two_hundred_reloads_cost_nothing(pair: _Pair) -> None:
    """The same for longer; memory does not follow the number of tables."""
    text = _config(1, pair.left, pair.right)
    with gateway(text, workers=2, options=STAYS) as running:
        for generation in range(2, 22):
            reload(running, _config(generation, pair.left, pair.right))
        reload(running, text)
        before = running.resident_bytes()
        traffic = _under_load(running, pair, 200, 0.2)
        _judge_load(running, pair, traffic, 200)
        assert running.resident_bytes() - before < 24 * 1024 * 1024


def test_pools_outlive_a_change_of_routes(pair: _Pair) -> None:
    """No new connection to a target whose address stayed the same, however many tables came."""
    with gateway(_config(1, pair.left, pair.left), options=STAYS) as running:
        with Client(running.address()) as client:
            for generation in range(2, 8):
                for path in ("/passed", "/moved"):
                    assert client.ask(get(path)).body == b"%d" % (generation - 1)
                reload(running, _config(generation, pair.left, pair.left))
            assert client.ask(get("/passed")).body == b"7"
        assert len(pair.left.connections) == 2, "one for each upstream"


def test_a_target_that_changes_is_left_when_its_requests_are_over(pair: _Pair) -> None:
    """The old target keeps what it has begun; new requests go to the new one, and its connections close."""
    with gateway(_config(1, pair.left, pair.right), options=STAYS) as running:
        begun = threading.Event()
        free = threading.Event()

        def held_back(exchange: Exchange) -> None:
            begun.set()
            free.wait(10)
            _echoes_generation(exchange)

        pair.left.answers["/moved"] = held_back
        with Client(running.address()) as early, Client(running.address()) as late:
            early.send(get("/moved"))
            assert begun.wait(5)
            reload(running, _config(2, pair.left, pair.right))
            assert late.ask(get("/moved")).body == b"2"
            assert len(pair.right.seen("/moved")) == 1
            free.set()
            reply = early.reply()
            assert (reply.body, reply.value("x-gen")) == (b"1", b"1")
            until(lambda: pair.left.open_connections() == 0, "the old target's connection is closed")


def test_a_listener_that_goes_answers_first(pair: _Pair) -> None:
    """What it accepted is answered and told that this was the last; afterwards nobody listens there."""
    with gateway(_config(1, pair.left, pair.right), workers=2, options=STAYS) as running:
        with Client(running.address("extra")) as busy, Client(running.address("extra")) as idle:
            assert idle.ask(get("/fixed")).status == 200
            busy.send(get("/slow"))
            until(lambda: len(pair.left.seen("/slow")) == 1, "it has begun")
            reload(running, _config(3, pair.left, pair.right))
            assert idle.end() == b""
            reply = busy.reply()
            assert reply.complete
            assert len(reply.body) == SLOW_PIECES * 1000
            assert busy.end() == b""
            with socket.socket() as late:
                assert late.connect_ex(running.address("extra")) == errno.ECONNREFUSED
            assert ask(running.address(), get("/fixed")).body == b"3"
        reload(running, _config(4, pair.left, pair.right))
        assert ask(running.address("extra"), get("/fixed")).body == b"4"
        until(lambda: held(running)["connections"] == 0, "no connection is left")


def test_a_broken_edit_changes_nothing_and_is_told(pair: _Pair) -> None:
    """The last good table is served; the log, the status and the metrics say that it is not the files'."""
    with gateway(_config(1, pair.left, pair.right), workers=2) as running:
        client = Client(running.address())
        with client:
            assert client.ask(get("/fixed")).body == b"1"
            write(
                running,
                _config(2, pair.left, pair.right).replace('upstream "moving"', 'upstream "mvoing"', 1),
            )
            until(lambda: bool(events(running, "reload-failed")), "the failure is told", 10)
            failed = events(running, "reload-failed")[0]
            assert "moving" in failed["reason"]
            assert client.ask(get("/fixed")).body == b"1"
            until(lambda: number(running, "gwc_config_stale") == 1, "metrics say so")
            assert number(running, "gwc_reloads_total", result="failed") == 1
            write(running, _config(3, pair.left, pair.right))
            until(lambda: client.ask(get("/fixed")).body == b"3", "a mended file counts again", 10)
            until(lambda: number(running, "gwc_config_stale") == 0, "metrics say so")


def test_a_reload_while_a_worker_is_replaced(pair: _Pair) -> None:
    """A worker that dies in the middle of reloads comes back with the newest table."""
    with gateway(_config(1, pair.left, pair.right), workers=2, options=STAYS) as running:
        for generation in range(2, 5):
            victim = workers(running)[generation % 2]
            os.kill(victim, signal.SIGKILL)
            reload(running, _config(generation, pair.left, pair.right))
            until(lambda: len(workers(running)) == 2 and held(running)["in_flight"] == 0, "two workers", 10)
            wanted = b"%d" % generation
            bodies = {_body_or_none(running) for _ in range(8)} - {None}
            assert bodies == {wanted}
        until(lambda: len(events(running, "worker-started")) >= 3, "all are replaced", 10)


def _body_or_none(running: Gateway) -> bytes | None:
    """The reply's body; None where the connection was lost with the worker."""
    try:
        return ask(running.address(), get("/fixed")).body
    except (Silence, OSError):
        return None


def test_uploads_and_posts_survive(pair: _Pair) -> None:
    """A body that began with one table ends with it, though its route is another's by then."""
    with gateway(_config(1, pair.left, pair.right), options=STAYS) as running:
        with Client(running.address()) as client:
            client.send(get("/up", "Content-Length: 100000", method="POST") + b"x" * 50_000)
            until(lambda: len(pair.left.seen("/up")) == 1, "it has begun")
            changed = _config(2, pair.left, pair.right).replace('path "/up"', 'path "/elsewhere"')
            reload(running, changed)
            client.send(b"x" * 50_000)
            assert client.reply(b"POST").body == b"100000"
            assert client.ask(post("/up", b"x"), b"POST").status == 404
        line = running.access_lines_for("/up", 2)[0]
        assert (line["route"], line["generation"]) == ("up", 1)


@pytest.mark.slow
def test_names_that_come_and_go_are_forgotten() -> None:
    """Thousands of upstreams in each of forty tables, never the same: there is room for the next ones."""

    def text(generation: int) -> str:
        upstreams = "".join(
            f'upstream "u-{generation}-{each}" {{ target "127.0.0.1:9" }}\n' for each in range(2000)
        )
        routes = "".join(
            f'route "r{each}" {{ matches {{ path "/{each}" }}; upstream "u-{generation}-{each}" }}\n'
            for each in range(2000)
        )
        return (
            f'listeners {{ listener "public" {{ address "%public%" }} }}\nupstreams {{ {upstreams} }}\n'
            f'routes {{ route "fixed" {{ respond {{ body "{generation}" }} }}\n{routes} }}\n'
        )

    with gateway(text(1), workers=2, options=STAYS) as running:
        for generation in range(2, 42):
            reload(running, text(generation))
        assert ask(running.address(), get("/fixed")).body == b"41"
