"""What the gateway counts is right while workers die under load: sums, rates, permits, breakers, ejections.

Four workers; each test kills some of them with SIGKILL in the middle of requests, and asks afterwards whether
the numbers fit what clients and servers saw. A request that was under way in a dead worker is lost, and may
or may not have been counted: by no more than those may a sum differ.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

import pytest

from .harness import Gateway, gateway, until
from .inside import events, held, number, status, workers
from .raw import BadReply, Client, Silence, get
from .upstream import Exchange, Gone, Upstream, upstream

WORKERS = 4
RATE = 150
AT_ONCE = 6
MOST = 5
PER_IP = 7

CONFIG = """
listeners {{
    listener "public" {{ address "%public%" }}
    listener "few" {{ address "%few%"; limits {{ connections-per-ip {per_ip} }} }}
    listener "most" {{ address "%most%"; limits {{ connections {per_ip} }} }}
}}
upstreams {{
    upstream "origin" {{ target "{origin}" }}
    upstream "narrow" {{ target "{origin}"; connections {{ max {most}; pending-timeout "10s" }} }}
    upstream "broken" {{ target "{origin}"; breaker {{ failures 20; open "1h" }} }}
    upstream "pair" {{ target "{origin}"; target "{other}"
        ejection {{ consecutive-failures 20; time "1h" }} }}
}}
defaults {{ reasons #true }}
routes {{
    route "fixed" {{ matches {{ path "/fixed" }}; respond {{ body "fixed" }} }}
    route "rated" {{ matches {{ path "/rated" }}; rate-limit {{ requests {rate}; per "1h" }}
        upstream "origin" }}
    route "slow" {{ matches {{ path "/slow" }}; concurrency {{ requests {at_once} }}; upstream "origin" }}
    route "narrow" {{ matches {{ path "/narrow" }}; upstream "narrow" }}
    route "broken" {{ matches {{ path "/broken" }}; upstream "broken" }}
    route "pair" {{ matches {{ path "/pair" }}; upstream "pair" }}
    route "all" {{ upstream "origin" }}
}}
"""


@pytest.fixture
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture
def other() -> Iterator[Upstream]:
    """A second one."""
    with upstream() as server:
        yield server


@pytest.fixture
def served(origin: Upstream, other: Upstream) -> Iterator[Gateway]:
    """A gateway of four workers."""
    text = CONFIG.format(
        origin=origin.address, other=other.address, rate=RATE, at_once=AT_ONCE, most=MOST, per_ip=PER_IP
    )
    with gateway(text, workers=WORKERS) as running:
        yield running


def _all_serve(served: Gateway) -> bool:
    return len([each for each in status(served)["workers"] if each and each["state"] == "ready"]) == WORKERS


def _kill(served: Gateway, *slots: int) -> None:
    """Kill workers, and wait until others have their places."""
    before = len(events(served, "worker-died"))
    there = workers(served)
    victims = {there[slot] for slot in slots}
    for each in victims:
        os.kill(each, signal.SIGKILL)
    until(lambda: len(events(served, "worker-died")) >= before + len(slots), "it is noticed", 20)
    until(lambda: not victims & set(workers(served)) and _all_serve(served), "they are replaced", 40)


@dataclass
class Load:
    """Clients that ask for a path over and over. `replies` by status; `lost`: those without a whole one."""

    address: tuple[str, int]
    path: str
    replies: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self) -> None:
        """One client: a connection is kept for as long as it can be."""
        while not self.over.is_set():
            try:
                with Client(self.address) as client:
                    while not self.over.is_set():
                        client.send(get(self.path))
                        reply = client.reply(within=20)
                        with self.lock:
                            self.replies[reply.status] += 1
                            self.lost += not reply.complete
                        if reply.closes or not reply.complete:
                            break
            except (OSError, Silence, BadReply):
                with self.lock:
                    self.lost += 1

    @property
    def asked(self) -> int:
        """Replies that came."""
        return sum(self.replies.values())


@contextmanager
def _load(served: Gateway, path: str, clients: int = 12) -> Iterator[Load]:
    load = Load(served.address(), path)
    threads = [threading.Thread(target=load.ask, daemon=True) for _ in range(clients)]
    for each in threads:
        each.start()
    try:
        yield load
    finally:
        load.over.set()
        for each in threads:
            each.join(30)
            assert not each.is_alive()


class _Crowd:
    """An answer that knows how many of its requests somebody waits for, and the most there ever were."""

    def __init__(self) -> None:
        self.most = 0
        self.began = 0
        self.free = threading.Event()
        self._there: list[socket.socket] = []
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        exchange.read_body()
        sock = exchange.connection.socket
        with self._lock:
            self.began += 1
            self._there = [each for each in self._there if not _ended(each)]
            self._there.append(sock)
            self.most = max(self.most, len(self._there))
        self.free.wait(0.03)
        with self._lock:
            if sock in self._there:
                self._there.remove(sock)
        with suppress(Gone):
            exchange.reply(200, b"ok")


def _ended(sock: socket.socket) -> bool:
    try:
        return bool(select.select([sock], [], [], 0)[0]) and not sock.recv(1, socket.MSG_PEEK)
    except (OSError, ValueError):  # it is closed here already
        return True


def test_sums(served: Gateway, origin: Upstream) -> None:
    """Requests by route, those that arrived at the target, and gauges: as clients and the server saw them."""
    with _load(served, "/counted") as load:
        for slot in (0, 2, 0):
            seen = load.asked
            until(lambda seen=seen: load.asked > seen + 60, "they are served", 20)  # type: ignore[misc]  # the default binds the turn
            _kill(served, slot)
    assert set(load.replies) == {200}
    assert 0 < load.lost <= 3 * 12
    until(lambda: number(served, "gwc_in_flight") == held(served)["active"] == 0, "nothing is under way", 20)
    until(lambda: number(served, "gwc_connections") == held(served)["connections"] == 0, "all are gone", 20)
    for name, labels in (
        ("gwc_requests_total", {"route": "all", "status": "2xx"}),
        ("gwc_upstream_attempts_total", {"upstream": "origin"}),
    ):
        counted = number(served, name, **labels)
        assert load.asked - load.lost <= counted <= load.asked + load.lost, (name, counted, load)
    arrived = len(origin.seen("/counted"))
    assert load.asked <= arrived <= load.asked + load.lost
    assert len(events(served, "worker-died")) == 3


def test_rates(served: Gateway, origin: Upstream) -> None:
    """No more than the limit ever pass, and all of it does but for what was lost on its way."""
    with _load(served, "/rated") as load:
        for slot in (1, 3):
            seen = load.asked
            until(lambda seen=seen: load.asked > seen + 40, "they are served", 20)  # type: ignore[misc]  # the default binds the turn
            _kill(served, slot)
        until(lambda: load.replies[429] > 100, "they are refused", 30)
    passed = len(origin.seen("/rated"))
    assert RATE - load.lost <= passed <= RATE
    assert set(load.replies) == {200, 429}
    counted = number(served, "gwc_rate_limited_total")
    assert load.replies[429] - load.lost <= counted <= load.replies[429] + load.lost


def _at_once(served: Gateway, path: str, count: int, listener: str = "public") -> Counter[int]:
    """The statuses of so many requests at the same time; 0 where the connection was ended."""
    found: Counter[int] = Counter()
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(served.address(listener))) for _ in range(count)]
        for each in clients:
            try:
                each.send(get(path))
            except OSError:
                continue
        for each in clients:
            try:
                found[each.reply(within=20).status] += 1
            except (OSError, Silence):
                found[0] += 1
    return found


def _lets(crowd: _Crowd, count: int) -> Callable[[], bool]:
    return lambda: crowd.began >= count


def test_permits_of_a_route(served: Gateway, origin: Upstream) -> None:
    """There are never more under way than may be, and after the deaths exactly as many again."""
    crowd = origin.answers["/slow"] = _Crowd()
    with _load(served, "/slow") as load:
        for slot in (0, 1, 2):
            until(_lets(crowd, crowd.began + 30), "they are served", 20)
            _kill(served, slot)
    assert crowd.most == AT_ONCE
    assert set(load.replies) == {200, 503}
    held_up = origin.answers["/slow"] = _Held()
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(served.address())) for _ in range(AT_ONCE + 8)]
        for each in clients:
            each.send(get("/slow"))
        refused: set[Client] = set()
        until(lambda: len(_refused(clients, refused)) == 8, "eight are refused", 20)
        assert held_up.there == AT_ONCE
        held_up.free.set()
        assert all(each.reply().status == 200 for each in clients if each not in refused)


def _refused(clients: list[Client], refused: set[Client]) -> set[Client]:
    for each in clients:
        if each not in refused and not each.is_quiet(0.01):
            assert each.reply().status == 503
            refused.add(each)
    return refused


class _Held:
    """An answer that waits until it may come."""

    def __init__(self) -> None:
        self.there = 0
        self.free = threading.Event()
        self._lock = threading.Lock()

    def __call__(self, exchange: Exchange) -> None:
        exchange.read_body()
        with self._lock:
            self.there += 1
        self.free.wait(30)
        exchange.reply(200)


def test_connections_of_an_upstream(served: Gateway, origin: Upstream) -> None:
    """Never more than may be; nobody waits for a place that a dead worker had."""
    crowd = origin.answers["/narrow"] = _Crowd()
    with _load(served, "/narrow") as load:
        for slot in (3, 0, 3):
            until(_lets(crowd, crowd.began + 30), "they are served", 30)
            _kill(served, slot)
        until(_lets(crowd, crowd.began + 60), "they are served", 30)
    assert set(load.replies) == {200}
    assert crowd.most <= MOST
    held_up = origin.answers["/narrow"] = _Held()
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(served.address())) for _ in range(MOST + 4)]
        for each in clients:
            each.send(get("/narrow"))
        until(lambda: held_up.there == MOST, "as many as may be are under way", 20)
        time.sleep(0.3)
        assert held_up.there == MOST
        held_up.free.set()
        assert [each.reply(within=20).status for each in clients] == [200] * (MOST + 4)


@pytest.mark.parametrize("listener", ["few", "most"])
def test_connections_of_clients(served: Gateway, listener: str) -> None:
    """The places of a dead worker's connections are free, those of the others taken: as many as may be."""
    with ExitStack() as stack:
        _fill(stack, served, listener)
        for slot in (1, 2):
            _kill(served, slot)
            _fill(stack, served, listener)


def _fill(stack: ExitStack, served: Gateway, listener: str) -> None:
    """Keep connections open until no more are served; then there are exactly as many as may be."""

    def full() -> bool:
        client = Client(served.address(listener))
        try:
            client.send(get("/fixed"))
            assert client.reply().status == 200
        except (OSError, Silence, BadReply):
            client.close()
            return held(served)["connections"] == PER_IP
        stack.enter_context(client)
        return False

    until(full, "all places are taken", 20)


def _fails(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.reply(500)


def _one_by_one(served: Gateway, path: str, count: int) -> Counter[int]:
    found: Counter[int] = Counter()
    for _ in range(count):
        with Client(served.address()) as client:
            found[client.ask(get(path)).status] += 1
    return found


def test_a_breaker(served: Gateway, origin: Upstream) -> None:
    """Failures that dead workers saw count with the others; what is open stays so when all have died."""
    origin.answers["/broken"] = _fails
    assert _one_by_one(served, "/broken", 8) == {500: 8}
    _kill(served, 0)
    assert _one_by_one(served, "/broken", 8) == {500: 8}
    _kill(served, 1)
    assert _one_by_one(served, "/broken", 10) == {500: 4, 503: 6}
    _kill(served, *range(WORKERS))
    assert _one_by_one(served, "/broken", 8) == {503: 8}
    assert len(origin.seen("/broken")) == 20
    until(
        lambda: number(served, "gwc_upstream_breaker_state", upstream="broken") == 1,
        "new workers have told of it",
    )


def test_an_ejection(served: Gateway, origin: Upstream, other: Upstream) -> None:
    """The same of a target that is put out of service."""
    origin.answers["/pair"] = _fails
    while len(origin.seen("/pair")) < 12:
        assert set(_one_by_one(served, "/pair", 1)) <= {200, 500}
    _kill(served, 2, 3)
    found = _one_by_one(served, "/pair", 40)
    assert (found[500], len(origin.seen("/pair"))) == (8, 20)
    _kill(served, *range(WORKERS))
    assert _one_by_one(served, "/pair", 16) == {200: 16}
    assert number(served, "gwc_upstream_ejections_total", upstream="pair") == 1
