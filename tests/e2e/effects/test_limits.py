"""How many requests a route takes: `rate-limit` and `concurrency`."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..harness import Gateway, gateway
from ..raw import ask, get
from ..upstream import Exchange, Upstream, upstream
from .keys import shows

HOUR = 'per "1h"'
CONFIG = """
listeners {{ listener "public" {{ address "%public%"; trusted-proxies "127.0.0.1" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
defaults {{ rate-limit {{ requests 1; {hour} }} }}
routes {{
    route "plain" {{ matches {{ path-prefix "/plain" }}; upstream "origin" }}
    route "off" {{ matches {{ path-prefix "/off" }}; rate-limit "off"; upstream "origin" }}
    route "named" {{ matches {{ path-prefix "/named" }}; upstream "origin"
        rate-limit "mine" {{ requests 2; {hour}; burst 1; status 503; message "no more" }} }}
    route "second" {{ matches {{ path-prefix "/second" }}; upstream "origin"
        rate-limit {{ requests 20; burst 1; over "delay"; delay-at-most "4s" }} }}
    route "word" {{ matches {{ path-prefix "/word" }}; upstream "origin"
        rate-limit {{ requests 1; {hour}; key "path" }} }}
    route "header" {{ matches {{ path-prefix "/header" }}; upstream "origin"
        rate-limit {{ requests 1; {hour}; key header="x-key" }} }}
    route "cookie" {{ matches {{ path-prefix "/cookie" }}; upstream "origin"
        rate-limit {{ requests 1; {hour}; key cookie="key" }} }}
    route "few" {{ matches {{ path-prefix "/few" }}; upstream "origin"
        rate-limit {{ requests 1; {hour}; max-keys 1; fields #false }} }}
    route "busy" {{ matches {{ path-prefix "/busy" }}; rate-limit "off"; upstream "origin"
        concurrency {{ requests 1; key header="x-key"; max-keys 1; status 429; message "busy" }} }}
    route "by-path" {{ matches {{ path-prefix "/by-path" }}; rate-limit "off"; upstream "origin"
        concurrency {{ requests 1; key "path" }} }}
    route "by-cookie" {{ matches {{ path-prefix "/by-cookie" }}; rate-limit "off"; upstream "origin"
        concurrency {{ requests 1; key cookie="k" }} }}
    route "queue" {{ matches {{ path-prefix "/queue" }}; rate-limit "off"; upstream "origin"
        concurrency {{ requests 1; wait "5s" }} }}
    route "free" {{ matches {{ path-prefix "/free" }}; rate-limit "off"; concurrency "off"
        upstream "origin" }}
}}
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """A gateway with a route for each."""
    with gateway(CONFIG.format(origin=origin.address, hour=HOUR)) as running:
        yield running


def _statuses(served: Gateway, *requests: tuple[str, ...]) -> list[int]:
    return [ask(served.address(), get(*each)).status for each in requests]


@shows("route.rate-limit.{,name,requests,per,burst,status,message,fields}")
def test_rates(served: Gateway) -> None:
    """Each key is seen in what passes, what is refused and what replies say."""
    assert _statuses(served, ("/plain",), ("/plain",), ("/off",), ("/off",)) == [200, 429, 200, 200]
    first, second = (ask(served.address(), get("/named")) for _ in range(2))
    assert (first.status, second.status, b"no more" in second.body) == (200, 503, True)
    names = [f"x-ratelimit-{name}" for name in ("limit", "remaining", "reset")]
    names += ["ratelimit-policy", "ratelimit"]
    assert [first.value(name) for name in names] == [
        b"1",
        b"0",
        b"1800",
        b'"mine";q=2;w=3600',
        b'"mine";r=0;t=1800',
    ]
    assert ask(served.address(), get("/few")).value("x-ratelimit-limit") is None


@shows("route.rate-limit.{key,key.by,key.header,key.cookie,max-keys}")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("/word/a",), ("/word/b",)),
        (("/header", "x-key: a"), ("/header", "x-key: b")),
        (("/cookie", "cookie: key=a"), ("/cookie", "cookie: key=b")),
    ],
)
def test_keys(served: Gateway, one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Requests that differ in the key have a count each; with room for one, another key takes its place."""
    assert _statuses(served, one, other, one, other) == [200, 200, 429, 429]
    clients = [("/few", f"x-forwarded-for: 192.0.2.{number}") for number in (1, 2, 1, 1)]
    assert _statuses(served, *clients)[-2:] == [200, 429]


@shows("route.rate-limit.{over,delay-at-most}")
def test_delays(served: Gateway) -> None:
    """Requests over the rate come later; more than can within the time are refused."""
    begun = time.monotonic()
    assert _statuses(served, *[("/second",)] * 5) == [200] * 5
    assert time.monotonic() - begun > 0.15


@shows("route.concurrency.{,state,requests,key,key.header,max-keys,wait,status,message}")
def test_concurrency(served: Gateway, origin: Upstream) -> None:
    """One at once for each value, one value at once; another waits where it may."""
    go = threading.Event()

    def late(exchange: Exchange) -> None:
        go.wait(10)
        exchange.reply(200, b"")

    for path in ("/busy", "/queue", "/free"):
        origin.answers[path] = late
    with ThreadPoolExecutor(16) as pool:
        first = pool.submit(ask, served.address(), get("/busy", "x-key: a"))
        _until(lambda: any(seen.target == "/busy" for seen in origin.requests))
        again, other = (ask(served.address(), get("/busy", f"x-key: {key}")) for key in "ab")
        assert [again.status, other.status, b"busy" in again.body] == [429, 429, True]
        waiting = [pool.submit(ask, served.address(), get("/queue")) for _ in range(3)]
        free = [pool.submit(ask, served.address(), get("/free")) for _ in range(3)]
        _until(lambda: Counter(seen.target for seen in origin.requests)["/free"] == 3)
        assert Counter(seen.target for seen in origin.requests)["/queue"] == 1
        go.set()
        assert {each.result().status for each in (first, *waiting, *free)} == {200}


def _until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.005)


@shows("route.concurrency.key.{by,cookie}")
@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("/by-path/a",), ("/by-path/b",)),
        (("/by-cookie", "cookie: k=a"), ("/by-cookie", "cookie: k=b")),
    ],
)
def test_keys_at_once(
    served: Gateway, origin: Upstream, one: tuple[str, ...], other: tuple[str, ...]
) -> None:
    """While one value has a request under way, it has no more, and another value has."""
    go = threading.Event()

    def late(exchange: Exchange) -> None:
        go.wait(10)
        exchange.reply(200, b"")

    origin.answers[one[0]] = late
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask, served.address(), get(*one))
        _until(lambda: any(seen.target == one[0] for seen in origin.requests))
        refused = ask(served.address(), get(*one)).status
        second = pool.submit(ask, served.address(), get(*other))
        _until(lambda: len([seen for seen in origin.requests if seen.target == other[0]]) >= 1)
        go.set()
        assert [first.result().status, refused, second.result().status] == [200, 503, 200]
