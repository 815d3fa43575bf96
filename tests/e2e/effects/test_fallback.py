"""What is said of other upstreams: which, after what, how many, and what the client and the logs are told."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ..harness import Gateway, gateway, until
from ..inside import number as number_of
from ..raw import Client, Reply, ask, chunked, get, post
from ..upstream import Exchange, Upstream, nobody, upstream
from .keys import shows

CONFIG = """
metrics "%metrics%"
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "one" {{ target "{one}"; connections {{ idle "off" }} }}
    upstream "two" {{ target "{two}"; connections {{ idle "off" }} }}
    upstream "three" {{ target "{three}"; timeouts {{ first-byte "300ms" }} }}
    upstream "dead" {{ target "{dead}" }}
    upstream "dead-too" {{ target "{dead}" }}
    upstream "nowhere" {{ target "{one}" weight=0 }}
    upstream "narrow" {{ target "{one}"; connections {{ max 1; pending 1; pending-timeout "100ms" }} }}
}}
defaults {{ reasons #true }}
routes {{
    route "plain" {{ matches {{ path-prefix "/plain" }}; upstream "dead" }}
    route "dead" {{ matches {{ path-prefix "/dead" }}; upstream "dead"; fallback "two" }}
    route "nowhere" {{ matches {{ path-prefix "/nowhere" }}; upstream "nowhere"; fallback "two" }}
    route "reset" {{ matches {{ path-prefix "/reset" }}; upstream "one"; fallback "two" }}
    route "on" {{ matches {{ path-prefix "/on" }}; upstream "one"; fallback "two" "three" {{ on 503 404 }} }}
    route "on-dead" {{ matches {{ path-prefix "/on-dead" }}; upstream "dead"; fallback "two" {{ on 503 }} }}
    route "few" {{ matches {{ path-prefix "/few" }}; upstream "dead"
        fallback {{ upstream "dead-too"; upstream "two"; attempts 1 }} }}
    route "many" {{ matches {{ path-prefix "/many" }}; upstream "dead"
        fallback {{ upstream "dead-too"; upstream "two" }} }}
    route "late" {{ matches {{ path-prefix "/late" }}; upstream "one"
        fallback "two" {{ on 599; latency "200ms" }} }}
    route "first-byte" {{ matches {{ path-prefix "/first-byte" }}; upstream "one"
        fallback "three" {{ on 503 }} }}
    route "busy" {{ matches {{ path-prefix "/busy" }}; upstream "narrow"
        fallback "two" {{ on "overload" }} }}
    route "body" {{ matches {{ path-prefix "/body" }}; upstream "one"
        fallback "two" {{ on 503; body "1KiB"; method "POST" }} }}
    route "after" {{ matches {{ path-prefix "/after" }}; upstream "one"; retries 1 {{ on 503 }}
        fallback "two" {{ on 503 }} }}
    route "split" {{ matches {{ path-prefix "/split" }}; split {{ upstream "one"; upstream "dead" }}
        fallback "one" "two" {{ on 503 "connect-failure" }} }}
    route "ruled" {{ matches {{ path-prefix "/ruled" }}; upstream "dead"; fallback "two"
        response-headers {{ remove "x-original-upstream" }} }}
    route "all" {{ matches {{ path-prefix "/all" }}; upstream "dead"; fallback "dead-too" }}
}}
"""
FIELDS = ("x-fallback-used", "x-fallback-upstream", "x-fallback-reason", "x-original-upstream")


@pytest.fixture(scope="module")
def one() -> Iterator[Upstream]:
    """The server behind most routes."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def two() -> Iterator[Upstream]:
    """The one that is turned to first."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def three() -> Iterator[Upstream]:
    """The one after that."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(one: Upstream, two: Upstream, three: Upstream) -> Iterator[Gateway]:
    """A gateway with a route for each key."""
    addresses = {"one": one.address, "two": two.address, "three": three.address}
    with nobody() as dead, gateway(CONFIG.format(dead=dead, **addresses)) as running:
        yield running


@pytest.fixture(autouse=True)
def _forget(one: Upstream, two: Upstream, three: Upstream) -> None:
    for each in (one, two, three):
        each.forget()


def failing(exchange: Exchange) -> None:
    """A server that says 503."""
    exchange.read_body()
    exchange.reply(503, b"failed", "x-fallback-used: upstream's own")


def told(reply: Reply) -> tuple[str, ...]:
    """What a reply says of the fallback."""
    return tuple((reply.value(name) or b"").decode() for name in FIELDS)


@shows("route.fallback.{,upstream}")
@pytest.mark.parametrize(
    ("path", "reason", "first"),
    [
        ("/dead", "connect-refused", "dead"),
        ("/nowhere", "no-target", "nowhere"),
        ("/reset", "connection-lost", "one"),
    ],
)
def test_another_upstream(
    served: Gateway, one: Upstream, two: Upstream, path: str, reason: str, first: str
) -> None:
    """By default where there is no target, no connection or no reply; the reply and the log say so."""
    one.answers["/reset"] = Exchange.reset
    reply = ask(served.address(), get(path))
    assert (reply.status, reply.body) == (200, path.encode())
    assert told(reply) == ("true", "two", reason, first)
    assert len(two.seen(path)) == 1
    line = served.access_line(path)
    assert (line["upstream"], line["target"], line["reason"]) == ("two", two.address, "")
    assert (line["original_upstream"], line["fallback_reason"], line["attempts"]) == (first, reason, 2)


@shows("route.fallback")
def test_without_the_key(served: Gateway) -> None:
    """The failure is the answer, and nothing is said of a fallback."""
    reply = ask(served.address(), get("/plain"))
    assert (reply.status, told(reply)) == (503, ("", "", "", ""))
    assert "original_upstream" not in served.access_line("/plain")


@shows("route.fallback.on")
def test_statuses_in_their_order(served: Gateway, one: Upstream, two: Upstream, three: Upstream) -> None:
    """A reply with one of the statuses has the next one turned to; the last one's is passed on."""
    assert told(ask(served.address(), get("/on/well"))) == ("", "", "", "")
    one.answers["/on/1"] = failing
    assert told(ask(served.address(), get("/on/1"))) == ("true", "two", "status-503", "one")
    one.answers["/on/2"] = two.answers["/on/2"] = failing
    assert told(ask(served.address(), get("/on/2"))) == ("true", "three", "status-503", "one")
    one.answers["/on/3"] = two.answers["/on/3"] = three.answers["/on/3"] = failing
    reply = ask(served.address(), get("/on/3"))
    assert (reply.status, reply.body, told(reply)) == (503, b"failed", ("true", "three", "status-503", "one"))
    assert ask(served.address(), get("/on-dead")).status == 503


@shows("route.fallback.attempts")
def test_how_many(served: Gateway, two: Upstream) -> None:
    """So many are tried at most; by default all."""
    reply = ask(served.address(), get("/few"))
    assert (reply.status, told(reply)) == (503, ("true", "dead-too", "connect-refused", "dead"))
    reply = ask(served.address(), get("/many"))
    assert (reply.status, told(reply)) == (200, ("true", "two", "connect-refused", "dead"))


@shows("route.fallback.latency")
def test_what_takes_too_long(served: Gateway, one: Upstream, two: Upstream) -> None:
    """Where no head has come by then another one is turned to; what cannot be sent again is waited for."""

    def late(exchange: Exchange) -> None:
        exchange.read_body()
        time.sleep(1.0)
        exchange.reply(200, b"late")

    one.answers["/late/*"] = late
    began = time.monotonic()
    reply = ask(served.address(), get("/late/get"))
    assert (reply.body, told(reply)) == (b"/late/get", ("true", "two", "latency", "one"))
    assert 0.15 < time.monotonic() - began < 0.9
    reply = ask(served.address(), post("/late/post", b"x"), b"POST")
    assert (reply.status, reply.body, told(reply)) == (200, b"late", ("", "", "", ""))
    # Of chunks nobody knows beforehand how many there will be.
    reply = ask(served.address(), chunked("/late/put", [b"x" * 60_000] * 3, method="PUT"), b"PUT")
    assert (reply.status, reply.body) == (200, b"late")


@shows("upstream.timeouts.first-byte")
def test_the_times_of_the_other(served: Gateway, one: Upstream, three: Upstream) -> None:
    """Those of the upstream that is asked hold."""
    one.answers["/first-byte"] = failing
    three.answers["/first-byte"] = lambda exchange: time.sleep(1)
    reply = ask(served.address(), get("/first-byte"))
    assert (reply.status, reply.value("x-gwc-reason")) == (504, b"first-byte-timeout")


@shows("route.fallback.on")
def test_no_room(served: Gateway, one: Upstream) -> None:
    """`overload`: where there is no connection to be had in time."""
    release: list[bool] = []

    def held(exchange: Exchange) -> None:
        until(lambda: bool(release), "released", 10)
        exchange.reply(200)

    one.answers["/busy/held"] = held
    with Client(served.address()) as client:
        client.send(get("/busy/held"))
        until(lambda: len(one.seen("/busy/held")) == 1, "it is busy")
        reply = ask(served.address(), get("/busy/other"))
        release.append(True)
        assert client.reply().status == 200
    assert (reply.status, told(reply)) == (200, ("true", "two", "pending-timeout", "narrow"))


@shows("route.fallback.{body,method}")
@pytest.mark.parametrize(
    ("method", "size", "status"), [("POST", 1024, 200), ("POST", 1025, 503), ("PUT", 1, 503)]
)
def test_bodies(served: Gateway, one: Upstream, two: Upstream, method: str, size: int, status: int) -> None:
    """They arrive there byte by byte, where they are not too long and the method is one of those."""
    body = bytes(index * 7 % 251 for index in range(size))
    path = f"/body/{method}/{size}"
    one.answers[path] = failing
    reply = ask(served.address(), post(path, body, method=method), method.encode())
    assert reply.status == status
    assert [each.body for each in two.seen(path)] == [body] * (status == 200)


@shows("route.fallback")
def test_after_the_further_tries(served: Gateway, one: Upstream, two: Upstream) -> None:
    """First the route's own upstream is tried again, then another one is turned to, and tried once."""
    one.answers["/after"] = two.answers["/after"] = failing
    assert ask(served.address(), get("/after")).status == 503
    assert [len(one.seen("/after")), len(two.seen("/after"))] == [2, 1]
    assert served.access_line("/after")["attempts"] == 3


@shows("route.fallback")
def test_with_a_split(served: Gateway, one: Upstream) -> None:
    """Whichever part it was, the one that failed is passed over."""
    one.answers["/split/failing"] = failing
    found = {told(ask(served.address(), get("/split/failing"))) for _ in range(30)}
    assert found == {("true", "two", "status-503", "one"), ("true", "two", "status-503", "dead")}
    found = {told(ask(served.address(), get("/split/well"))) for _ in range(30)}
    assert found == {("", "", "", ""), ("true", "one", "connect-refused", "dead")}


def test_rules_for_replies_hold(served: Gateway) -> None:
    """A route may take what is said of the fallback away."""
    assert told(ask(served.address(), get("/ruled"))) == ("true", "two", "connect-refused", "")


def test_counted(served: Gateway) -> None:
    """Attempts, and how the request ended."""

    def counts(route: str) -> list[float]:
        return [
            number_of(served, "gwc_fallback_total", route=route, result=result)
            for result in ("attempt", "success", "exhausted")
        ]

    dead, every = counts("dead"), counts("all")
    assert ask(served.address(), get("/dead/counted")).status == 200
    assert ask(served.address(), get("/all/counted")).status == 503
    served.access_line("/dead/counted")
    served.access_line("/all/counted")
    assert [after - before for after, before in zip(counts("dead"), dead, strict=True)] == [1, 1, 0]
    assert [after - before for after, before in zip(counts("all"), every, strict=True)] == [1, 0, 1]
