"""Numbers that a user can see or set are the gateway's, not a worker's: four workers count as one."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from .harness import Gateway, gateway, until
from .inside import events, held, number, reload, series, worker_of
from .raw import Client, Reply, Silence, ask, get
from .upstream import Exchange, Upstream, upstream

CONFIG = """
listeners {{
    listener "public" {{ address "%public%" }}
    listener "few" {{ address "%few%"; limits {{ connections 3 }} }}
}}
upstreams {{
    upstream "origin" {{ target "{origin}" }}
    upstream "narrow" {{ target "{origin}"; connections {{ max 3; pending "off"; pending-timeout "5s" }} }}
    upstream "short" {{ target "{origin}"; connections {{ max 1; pending 2; pending-timeout "5s" }} }}
    upstream "pair" {{
        target "{origin}"
        target "{other}"
        connections {{ max 1; pending-timeout "2s" }}
    }}
}}
routes {{
    route "all" {{ upstream "origin" }}
    route "narrow" {{ matches {{ path-prefix "/narrow" }}; upstream "narrow" }}
    route "short" {{ matches {{ path-prefix "/short" }}; upstream "short" }}
    route "pair" {{ matches {{ path-prefix "/pair" }}; upstream "pair" }}
    route "fixed" {{ matches {{ path "/fixed" }}; respond {{ body "fixed\\n" }} }}
    route "missing" {{ matches {{ path "/missing" }}; respond status=404 {{ body "none\\n" }} }}
    route "hosted" {{ matches {{ host "only.test"; path "/hosted" }}; upstream "origin" }}
}}
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def other() -> Iterator[Upstream]:
    """A second one."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream, other: Upstream) -> Iterator[Gateway]:
    """A gateway of four workers."""
    with gateway(CONFIG.format(origin=origin.address, other=other.address), workers=4) as running:
        yield running


def _at_once(count: int, served: Gateway, path: str) -> list[Reply]:
    """The replies to so many requests at the same time, each on a connection of its own."""
    replies: list[Reply] = []
    faults: list[BaseException] = []
    start = threading.Barrier(count)

    def one() -> None:
        try:
            with Client(served.address()) as client:
                start.wait(10)
                client.send(get(path))
                replies.append(client.reply(within=15))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=one) for _ in range(count)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not faults, faults
    return replies


class _Crowd:
    """A server's answer that knows how many connections there are at once."""

    def __init__(self, server: Upstream) -> None:
        self.most = 0
        self.server = server

    def __call__(self, exchange: Exchange) -> None:
        exchange.read_body()
        self.most = max(self.most, self._now())
        time.sleep(0.03)
        self.most = max(self.most, self._now())
        exchange.reply(200, b"ok")

    def _now(self) -> int:
        return sum(not each.ended_by_peer and not each.over.is_set() for each in self.server.connections)


def test_connections_to_an_upstream_are_limited_over_all_workers(served: Gateway) -> None:
    """Of 40 requests over four workers none fails, and no more than three connections were ever open.

    The server counts what it has: a connection that is being closed as another opens may overlap by one.
    """
    with upstream() as server:
        crowd = _Crowd(server)
        server.otherwise = crowd
        text = CONFIG.format(origin=server.address, other=server.address)
        with gateway(text, workers=4) as running:
            for _ in range(2):
                replies = _at_once(20, running, "/narrow")
                assert [reply.status for reply in replies] == [200] * 20
    assert 1 <= crowd.most <= 3


def test_a_worker_without_connections_is_not_starved(served: Gateway) -> None:
    """The one connection may be idle in another worker; who asks next does not wait until it times out."""
    began = time.monotonic()
    for _ in range(12):
        assert ask(served.address(), get("/short/one")).status == 200
    assert time.monotonic() - began < 6


def test_an_idle_connection_to_one_target_makes_room_for_another(
    served: Gateway, origin: Upstream, other: Upstream
) -> None:
    """One connection for two targets: both are used in turn all the same."""
    with Client(served.address()) as client:
        began = time.monotonic()
        for _ in range(6):
            assert client.ask(get("/pair")).status == 200
        assert time.monotonic() - began < 2
    assert len(origin.seen("/pair")) == len(other.seen("/pair")) == 3


def test_whoever_waits_goes_on_when_a_connect_fails() -> None:
    """A place that a failed connect held is free again at once."""
    with upstream() as server:
        address = server.address
        text = CONFIG.format(origin=address, other=address)
        with gateway(text) as running:
            server.stop()
            began = time.monotonic()
            replies = _at_once(4, running, "/narrow")
            replies += _at_once(3, running, "/short")
            assert {reply.status for reply in replies} == {503}
            assert time.monotonic() - began < 2, "they waited for their time-out"


def test_a_connect_that_is_called_off_holds_no_place(served: Gateway) -> None:
    """A request that is refused in the moment in which its connect begins: its place is free again."""
    refused = get("/short/chunk", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n"
    for _ in range(12):
        assert ask(served.address(), refused, b"POST").status == 400
    for _ in range(8):
        assert ask(served.address(), get("/short/after")).status == 200


def test_what_a_dead_worker_held_is_free(origin: Upstream) -> None:
    """A request that waits in another worker goes on; connections of clients have their places again."""
    free = threading.Event()

    @origin.on("/short/dies")
    def _(exchange: Exchange) -> None:
        free.wait(10)
        exchange.reply(200)

    text = CONFIG.format(origin=origin.address, other=origin.address)
    with gateway(text, workers=2) as running, contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Client(running.address())) for _ in range(2)]
        victim = worker_of(running, crowd[0].name)
        while worker_of(running, crowd[-1].name) == victim:
            crowd.append(stack.enter_context(Client(running.address())))
        few = [stack.enter_context(Client(running.address("few"))) for _ in range(3)]
        for each in few:
            assert each.ask(get("/fixed")).status == 200
        lost = sum(worker_of(running, each.name) == victim for each in few)
        crowd[0].send(get("/short/dies"))
        until(lambda: len(origin.seen("/short/dies")) == 1, "the one connection is taken")
        crowd[-1].send(get("/short/waits"))
        assert crowd[-1].is_quiet(0.2)
        os.kill(victim, signal.SIGKILL)
        assert crowd[-1].reply(within=4).status == 200
        for _number in range(lost):
            until(lambda: _kept(stack, running), "its places are free")
        with contextlib.suppress(Silence, OSError), Client(running.address("few")) as one_more:
            assert one_more.ask(get("/fixed")).status != 200, "four of three are served"
        free.set()


def _kept(stack: contextlib.ExitStack, running: Gateway) -> bool:
    """Whether one more connection to the listener of few is served; it is kept open then."""
    client = Client(running.address("few"))
    try:
        client.ask(get("/fixed"))
    except (Silence, OSError):
        client.close()
        return False
    stack.enter_context(client)
    return True


def test_waiting_is_limited_over_all_workers(served: Gateway, origin: Upstream) -> None:
    """One is served, two wait, and the others are told at once: whichever workers they came to."""
    free = threading.Event()

    @origin.on("/short/held")
    def _(exchange: Exchange) -> None:
        free.wait(10)
        exchange.reply(200, b"ok")

    clients = [Client(served.address()) for _ in range(10)]
    try:
        clients[0].send(get("/short/held"))
        until(lambda: len(origin.seen("/short/held")) == 1, "the first request arrives")
        for each in clients[1:]:
            each.send(get("/short/held"))
        refused: list[Client] = []
        until(lambda: bool(_take_refused(clients[1:], refused)) and len(refused) == 7, "seven are refused")
        free.set()
        for each in clients:
            if each not in refused:
                assert each.reply().status == 200
    finally:
        free.set()
        for each in clients:
            each.close()


def _take_refused(clients: list[Client], refused: list[Client]) -> list[Client]:
    for each in clients:
        if each not in refused:
            with contextlib.suppress(Silence):
                assert each.reply(within=0.02).status == 503
                refused.append(each)
    return refused


def test_connections_of_clients_are_limited_over_all_workers(served: Gateway) -> None:
    """Three are served, whichever workers have them; the others are closed; a place that is free is used."""
    clients = [Client(served.address("few")) for _ in range(12)]
    try:
        alive = []
        for each in clients:
            try:
                each.send(get("/fixed"))
                assert each.reply().status == 200
                alive.append(each)
            except (Silence, OSError):
                continue
        assert len(alive) == 3
        alive[0].close()
        until(lambda: _served_once(served), "the free place is used")
    finally:
        for each in clients:
            each.close()
    until(lambda: held(served)["connections"] == 0, "all are gone")


def _served_once(served: Gateway) -> bool:
    try:
        return ask(served.address("few"), get("/fixed")).status == 200
    except (Silence, OSError):
        return False


def test_connections_of_the_whole_gateway_are_limited() -> None:
    """Further ones wait, and are served when there is room; the log tells once that accepting rests."""
    with upstream() as server:
        text = "connections 5\n" + CONFIG.format(origin=server.address, other=server.address)
        with gateway(text, workers=2) as running:
            clients = [Client(running.address()) for _ in range(9)]
            try:
                for each in clients:
                    each.send(get("/fixed"))
                alive = [each for each in clients if _answered(each)]
                assert len(alive) == 5
                waiting = [each for each in clients if each not in alive]
                for each in alive:
                    each.close()
                for each in waiting:
                    assert each.reply().status == 200, "it waited, and was not lost"
                assert 1 <= len(events(running, "accept-paused")) <= 2, "once for each worker"
            finally:
                for each in clients:
                    each.close()


def _answered(client: Client) -> bool:
    try:
        return client.reply(within=0.5).status == 200
    except Silence:
        return False


def test_a_listener_that_is_renamed_keeps_its_count(origin: Upstream) -> None:
    """Connections that came in under the old name are counted once, under one name, and end as they began."""
    text = CONFIG.format(origin=origin.address, other=origin.address)
    with gateway(text, workers=1, options=["--no-watch"]) as running:
        with Client(running.address("few")) as first, Client(running.address("few")) as second:
            assert first.ask(get("/fixed")).status == second.ask(get("/fixed")).status == 200
            reload(running, text.replace('listener "few"', 'listener "called-otherwise"'))
            assert first.ask(get("/fixed")).status == 200
            assert number(running, "gwc_connections") == 2
            with Client(running.address("few")) as third, Client(running.address("few")) as fourth:
                assert third.ask(get("/fixed")).status == 200
                with pytest.raises((Silence, OSError)):
                    fourth.ask(get("/fixed"))
        until(lambda: held(running)["connections"] == 0, "all are gone")
        found = {
            labels: value for (name, labels), value in series(running).items() if name == "gwc_connections"
        }
        assert set(found.values()) <= {0.0}, found


def test_requests_are_counted_by_route_and_status(served: Gateway) -> None:
    """As many as were asked, over all workers."""
    before = _requests(served)
    for path, times in (("/fixed", 17), ("/missing", 9), ("/counted", 13)):
        for _ in range(times):
            ask(served.address(), get(path))
    until(lambda: sum((_requests(served) - before).values()) >= 39, "all are counted")
    counted = _requests(served) - before
    assert counted == Counter({("fixed", "2xx"): 17, ("missing", "4xx"): 9, ("all", "2xx"): 13})


def _requests(served: Gateway) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for (name, labels), value in series(served).items():
        if name == "gwc_requests_total":
            found[dict(labels)["route"], dict(labels)["status"]] += int(value)
    return found


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("request-line", b"GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n"),
        ("length-and-coding", get("/", "Content-Length: 1", "Transfer-Encoding: chunked")),
        ("line-length", get("/" + "x" * 10_000)),
    ],
)
def test_refusals_are_counted_by_reason(served: Gateway, reason: str, data: bytes) -> None:
    """As many as there were, whichever workers they came to."""
    before = number(served, "gwc_refused_total", reason=reason)
    for _ in range(11):
        assert ask(served.address(), data).status >= 400
    until(lambda: number(served, "gwc_refused_total", reason=reason) - before == 11, "all are counted")


def test_gauges_are_what_is_there(served: Gateway, origin: Upstream) -> None:
    """Connections and requests of all workers while they are there, and nothing afterwards."""
    free = threading.Event()

    @origin.on("/gauged")
    def _(exchange: Exchange) -> None:
        free.wait(10)
        exchange.reply(200, b"ok")

    clients = [Client(served.address()) for _ in range(16)]
    try:
        for each in clients[:9]:
            each.send(get("/gauged"))
        until(lambda: len(origin.seen("/gauged")) == 9, "all arrive")
        until(lambda: number(served, "gwc_connections", listener="public") == 16, "16 connections")
        assert number(served, "gwc_in_flight") == 9
        assert len({worker_of(served, each.name) for each in clients}) > 1
        free.set()
        for each in clients[:9]:
            assert each.reply().status == 200
        until(lambda: number(served, "gwc_in_flight") == 0, "no request is left")
    finally:
        free.set()
        for each in clients:
            each.close()
    until(lambda: number(served, "gwc_connections") == 0, "no connection is left")
