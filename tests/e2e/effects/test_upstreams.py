"""What is said of an upstream: targets, connections and timeouts, by one gateway with many upstreams."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from ..harness import Gateway, gateway, until
from ..raw import Client, Reply, ask, get
from ..upstream import Exchange, Upstream, black_hole, upstream
from .keys import shows
from .servers import named

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "usual" {{ target "{origin}" }}
    upstream "kinds" {{ target "{a}"; target "[::1]:{v6}"; target "unix:{unix}"; target "localhost:{local}" }}
    upstream "weighted" {{ target "{a}" weight=3; target "{b}"; target "{origin}" weight=0 }}
    upstream "one" {{ target "{origin}"; connections {{ max 1; pending 1 }} }}
    upstream "hurried" {{ target "{origin}"; connections {{ max 1; pending-timeout "150ms" }} }}
    upstream "unkept" {{ target "{origin}"; connections {{ idle "off" }} }}
    upstream "kept-shortly" {{ target "{origin}"; connections {{ idle-timeout "100ms" }} }}
    upstream "aged" {{ target "{origin}"; connections {{ age "100ms" }} }}
    upstream "far" {{ target "{hole}"; timeouts {{ connect "150ms" }} }}
    upstream "slow-first" {{ target "{origin}"; timeouts {{ first-byte "150ms" }} }}
    upstream "slow-idle" {{ target "{origin}"; timeouts {{ idle "150ms" }} }}
    upstream "slow-whole" {{ target "{origin}"; timeouts {{ request "300ms" }} }}
}}
routes {{
    {routes}
}}
"""
NAMES = (
    "usual", "kinds", "weighted", "one", "hurried", "unkept", "kept-shortly", "aged", "far", "slow-first",
    "slow-idle", "slow-whole",
)  # fmt: skip


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server that most upstreams lead to."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with an upstream for each key; a route for each, by the first segment."""
    path = tmp_path_factory.mktemp("unix") / "target.sock"
    with ExitStack() as stack:
        a, b = stack.enter_context(named("a")), stack.enter_context(named("b"))
        v6 = stack.enter_context(named("v6", ("::1", 0)))
        local = stack.enter_context(named("local"))
        stack.enter_context(named("unix", path))
        routes = "".join(
            f'route "{name}" {{ matches {{ path-prefix "/{name}" }}; upstream "{name}" }}\n' for name in NAMES
        )
        text = CONFIG.format(
            origin=origin.address,
            a=f"127.0.0.1:{a.port}",
            b=f"127.0.0.1:{b.port}",
            v6=v6.port,
            local=local.port,
            unix=path,
            hole=stack.enter_context(black_hole()),
            routes=routes,
        )
        yield stack.enter_context(gateway(text))


@pytest.fixture(autouse=True)
def _forget(origin: Upstream) -> None:
    origin.forget()


def _bodies(served: Gateway, path: str, number: int) -> Counter[str]:
    with Client(served.address()) as client:
        return Counter(client.ask(get(path)).body.decode() for _ in range(number))


def _reason(served: Gateway, path: str, status: int) -> str:
    line = served.access_line(path)
    assert line["status"] == status
    reason: str = line["reason"]
    return reason


@shows("upstreams", "upstream.targets")
def test_kinds_of_targets(served: Gateway) -> None:
    """An address of IPv4, one of IPv6, a unix path and a name of the hosts file take turns."""
    assert _bodies(served, "/kinds", 16) == {"a": 4, "v6": 4, "unix": 4, "local": 4}


@shows("upstream.target.weight")
def test_weights(served: Gateway, origin: Upstream) -> None:
    """Three to one, and none to the one with nothing."""
    assert _bodies(served, "/weighted", 40) == {"a": 30, "b": 10}
    assert origin.requests == []


class _Asked:
    """A request under way on a thread of its own."""

    def __init__(self, served: Gateway, path: str) -> None:
        self.replies: list[Reply] = []
        self.thread = threading.Thread(
            target=lambda: self.replies.append(ask(served.address(), get(path))), daemon=True
        )
        self.thread.start()

    def reply(self) -> Reply:
        """Its reply."""
        self.thread.join(10)
        return self.replies[0]


@shows("upstream.connections.{,max,pending,pending-timeout}")
def test_most_connections_and_who_waits(served: Gateway, origin: Upstream) -> None:
    """The second waits for the one connection, the third may not; elsewhere it waits for a short time."""
    go_on = threading.Event()

    def slow(exchange: Exchange) -> None:
        go_on.wait(10)
        exchange.reply(200, b"slow")

    for path in ("/one/a", "/one/b", "/hurried/a", "/usual/a", "/usual/b"):
        origin.answers[path] = slow
    first = _Asked(served, "/one/a")
    until(lambda: len(origin.requests) == 1, "the first is there")
    second = _Asked(served, "/one/b")
    time.sleep(0.2)
    assert ask(served.address(), get("/one/c")).status == 503
    assert _reason(served, "/one/c", 503) == "pending-full"
    assert [each.target for each in origin.requests] == ["/one/a"]
    others = [_Asked(served, path) for path in ("/hurried/a", "/usual/a", "/usual/b")]
    until(lambda: len(origin.requests) == 4, "without a limit both go at once")
    began = time.monotonic()
    assert ask(served.address(), get("/hurried/b")).status == 503
    assert 0.1 < time.monotonic() - began < 2
    assert _reason(served, "/hurried/b", 503) == "pending-timeout"
    go_on.set()
    assert [each.reply().body for each in (first, second, *others)] == [b"slow"] * 5
    assert origin.the("/one/a").connection == origin.the("/one/b").connection


def _connections(served: Gateway, origin: Upstream, path: str, pause: float) -> bool:
    """Whether two requests, one after the other, come by one connection."""
    with Client(served.address()) as client:
        assert client.ask(get(path)).status == 200
        time.sleep(pause)
        assert client.ask(get(path)).status == 200
    first, second = origin.seen(path)
    return first.connection == second.connection


@shows("upstream.connections.{idle,idle-timeout,age}")
@pytest.mark.parametrize(("name", "pause"), [("unkept", 0.05), ("kept-shortly", 0.4), ("aged", 0.4)])
def test_connections_that_are_kept(served: Gateway, origin: Upstream, name: str, pause: float) -> None:
    """By default a connection serves again; none is kept, not for long, or not beyond an age."""
    assert _connections(served, origin, f"/usual/{name}", pause)
    assert not _connections(served, origin, f"/{name}", pause)


@shows("upstream.connections.idle-timeout")
def test_what_is_not_used_is_closed(served: Gateway, origin: Upstream) -> None:
    """Once its time is over, not when the next request comes; others stay open."""
    for path in ("/kept-shortly/x", "/aged/x"):
        assert ask(served.address(), get(path)).status == 200
    short, aged = (origin.connections[origin.the(path).connection] for path in ("/kept-shortly/x", "/aged/x"))
    until(short.over.is_set, "the connection is closed", 3)
    assert not aged.over.is_set()


@shows("upstream.timeouts.{,connect}")
def test_a_target_that_never_answers_the_call(served: Gateway) -> None:
    """The connect is given up after its time, not after the usual five seconds."""
    began = time.monotonic()
    assert ask(served.address(), get("/far")).status == 504
    assert time.monotonic() - began < 2
    assert _reason(served, "/far", 504) == "connect-timeout"


@shows("upstream.timeouts.first-byte")
def test_a_target_that_never_replies(served: Gateway, origin: Upstream) -> None:
    """504 after its time; the usual upstream still waits."""
    over = threading.Event()

    def silent(exchange: Exchange) -> None:
        over.wait(5)
        exchange.close()

    origin.answers = {"/slow-first/x": silent, "/usual/x": silent}
    with Client(served.address()) as usual:
        usual.send(get("/usual/x"))
        assert ask(served.address(), get("/slow-first/x")).status == 504
        assert usual.is_quiet(0.05)
        over.set()
    assert _reason(served, "/slow-first/x", 504) == "first-byte-timeout"


@shows("upstream.timeouts.{idle,request}")
@pytest.mark.parametrize(
    ("name", "pause", "reason"),
    [("slow-idle", 10.0, "idle-timeout"), ("slow-whole", 0.05, "request-timeout")],
)
def test_a_reply_that_comes_slowly(
    served: Gateway, origin: Upstream, name: str, pause: float, reason: str
) -> None:
    """A reply that stops, and one that never does, is cut; the usual upstream waits on."""
    over = threading.Event()

    def slow(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not over.wait(pause):
            exchange.send(b"x")
        exchange.close()

    origin.answers = {f"/{name}/x": slow, "/usual/x": slow}
    with Client(served.address()) as usual, Client(served.address()) as client:
        usual.send(get("/usual/x"))
        client.send(get(f"/{name}/x"))
        cut = client.reply()
        assert (cut.status, cut.complete) == (200, False)
        assert _reason(served, f"/{name}/x", 200) == reason
        assert not [
            line for line in served.access_lines() if line["path"] == "/usual/x" and line["reason"] == reason
        ]
        over.set()
