"""What is said of copies: whose, how many, of which requests, how long; and that nobody waits for one."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..harness import Gateway, gateway, until
from ..inside import number as number_of
from ..raw import Client, ask, chunked, get, post
from ..upstream import Exchange, Upstream, black_hole, nobody, upstream
from .keys import shows

CONFIG = """
metrics "%metrics%"
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "one" {{ target "{one}" }}
    upstream "two" {{ target "{two}" }}
    upstream "three" {{ target "{two}" }}
    upstream "dead" {{ target "{dead}" }}
    upstream "hole" {{ target "{hole}" }}
}}
routes {{
    route "plain" {{ matches {{ path-prefix "/plain" }}; upstream "one" }}
    route "all" {{ matches {{ path-prefix "/all" }}; upstream "one"; mirror "two"
        rewrite {{ prefix "/moved" }}; request-headers {{ set "x-set" "1" }} }}
    route "both" {{ matches {{ path-prefix "/both" }}; upstream "one"; mirror "two"; mirror "three" }}
    route "some" {{ matches {{ path-prefix "/some" }}; upstream "one"; mirror "two" share="25%" }}
    route "named" {{ matches {{ path-prefix "/named" }}; upstream "one"
        mirror "two" {{ header "x-copy"; header "x-kind" "a" }} }}
    route "body" {{ matches {{ path-prefix "/body" }}; upstream "one"; mirror "two" {{ body "1KiB" }} }}
    route "no-body" {{ matches {{ path-prefix "/no-body" }}; upstream "one"; mirror "two" {{ body "off" }} }}
    route "short" {{ matches {{ path-prefix "/short" }}; upstream "one"; mirror "two" {{ timeout "200ms" }} }}
    route "few" {{ matches {{ path-prefix "/few" }}; upstream "one"
        mirror "two" {{ most 2; timeout "30s" }} }}
    route "dead" {{ matches {{ path-prefix "/dead" }}; upstream "one"; mirror "dead" }}
    route "hole" {{ matches {{ path-prefix "/hole" }}; upstream "one"; mirror "hole" }}
}}
"""


@pytest.fixture(scope="module")
def one() -> Iterator[Upstream]:
    """The server that replies."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def two() -> Iterator[Upstream]:
    """The server that gets copies."""
    with upstream(receive_buffer=4096) as server:
        yield server


@pytest.fixture(scope="module")
def served(one: Upstream, two: Upstream) -> Iterator[Gateway]:
    """A gateway with a route for each key."""
    with (
        nobody() as dead,
        black_hole() as hole,
        gateway(CONFIG.format(one=one.address, two=two.address, dead=dead, hole=hole)) as running,
    ):
        yield running


@pytest.fixture(autouse=True)
def _forget(one: Upstream, two: Upstream) -> None:
    for each in (one, two):
        each.forget()


def _counted(served: Gateway, route: str, result: str) -> float:
    return number_of(served, "gwc_mirror_total", route=route, result=result)


def _until_counted(served: Gateway, route: str, result: str, wanted: float) -> None:
    until(lambda: _counted(served, route, result) >= wanted, f"{wanted} copies {result}", 10)


@shows("route.mirror.{,upstream}")
def test_copies(served: Gateway, one: Upstream, two: Upstream) -> None:
    """They are what the first upstream gets, byte by byte; the client gets the reply of the first alone."""
    two.answers["/moved/x"] = lambda exchange: exchange.reply(500, b"nobody reads this")
    before = _counted(served, "all", "sent")
    reply = ask(served.address(), get("/all/x?q=1", "x-own: 2"))
    assert (reply.status, reply.body) == (200, b"/moved/x?q=1")
    _until_counted(served, "all", "sent", before + 1)
    assert one.the("/moved/x").head == two.the("/moved/x").head
    assert two.the("/moved/x").value("x-set") == "1"
    assert served.metric("gwc_in_flight") == 0
    assert len(served.access_lines_for("/all/x", 1)) == 1


@shows("route.mirror")
def test_several(served: Gateway, two: Upstream) -> None:
    """Each upstream gets its own; a route without the key sends none."""
    assert ask(served.address(), get("/plain/1")).status == 200
    assert ask(served.address(), get("/both/1")).status == 200
    until(lambda: len(two.seen("/both/1")) == 2, "two copies have come")
    assert not two.seen("/plain/1")


@shows("route.mirror.share")
def test_a_share(served: Gateway, two: Upstream) -> None:
    """A quarter of the requests, whichever."""
    with Client(served.address()) as client:
        for number in range(400):
            assert client.ask(get(f"/some/{number}")).status == 200
    assert ask(served.address(), get("/all/last")).status == 200
    until(lambda: bool(two.seen("/moved/last")), "the last copy has come")
    assert 60 < sum(each.path.startswith("/some/") for each in two.requests) < 140


@shows("route.mirror.header.{,name,value}")
def test_by_header(served: Gateway, two: Upstream) -> None:
    """Only requests that have all of the fields."""
    for number, fields in enumerate(
        [(), ("x-copy: 1",), ("x-copy: 1", "x-kind: b"), ("x-copy: 1", "x-kind: a")]
    ):
        assert ask(served.address(), get(f"/named/{number}", *fields)).status == 200
    until(lambda: bool(two.seen("/named/3")), "the copy has come")
    assert {each.path for each in two.requests} == {"/named/3"}


@shows("route.mirror.body")
@pytest.mark.parametrize("form", ["length", "chunks"])
@pytest.mark.parametrize("size", [0, 1024, 1025])
def test_bodies(served: Gateway, one: Upstream, two: Upstream, size: int, form: str) -> None:
    """They are copied byte by byte up to the limit; a request with a longer one is not."""
    body = bytes(index * 7 % 251 for index in range(size))
    path = f"/body/{form}/{size}"
    pieces = [body[at : at + 500] for at in range(0, size, 500)]
    dropped = _counted(served, "body", "dropped")
    data = post(path, body) if form == "length" else chunked(path, pieces)
    assert ask(served.address(), data, b"POST").status == 200
    assert one.the(path).body == body
    if size > 1024:
        _until_counted(served, "body", "dropped", dropped + 1)
        assert not two.seen(path)
    else:
        until(lambda: bool(two.seen(path)) and two.seen(path)[0].body is not None, "the copy has come")
        assert two.the(path).body == body


@shows("route.mirror.body")
def test_no_bodies(served: Gateway, two: Upstream) -> None:
    """`off`: only requests without one."""
    assert ask(served.address(), post("/no-body/some", b"x"), b"POST").status == 200
    assert ask(served.address(), get("/no-body/none")).status == 200
    until(lambda: bool(two.seen("/no-body/none")), "the copy has come")
    assert not two.seen("/no-body/some")


@shows("route.mirror.timeout")
def test_a_copy_that_takes_too_long(served: Gateway, two: Upstream) -> None:
    """It is given up; the request has long been answered."""

    def silent(exchange: Exchange) -> None:
        exchange.connection.wait_for_end(5)

    two.answers["/short"] = silent
    before = _counted(served, "short", "timeout")
    assert ask(served.address(), get("/short")).status == 200
    _until_counted(served, "short", "timeout", before + 1)
    until(lambda: two.open_connections() == 0 or two.the("/short").over, "its connection is closed")


@shows("route.mirror.most")
def test_only_so_many(served: Gateway, two: Upstream) -> None:
    """When as many are under way, no more are made; when one is over, there is room again."""
    release = threading.Event()

    def held(exchange: Exchange) -> None:
        assert release.wait(20)
        exchange.reply(200)

    two.answers["/few/*"] = held
    for number in range(5):
        assert ask(served.address(), get(f"/few/{number}")).status == 200
    until(lambda: len(two.requests) == 2, "two copies have come")
    assert _counted(served, "few", "dropped") == 3
    release.set()
    _until_counted(served, "few", "sent", 2)
    assert ask(served.address(), get("/few/again")).status == 200
    _until_counted(served, "few", "sent", 3)


@pytest.mark.parametrize("route", ["dead", "hole", "silent", "never-reads"])
def test_it_costs_nothing(served: Gateway, two: Upstream, route: str) -> None:
    """An upstream that refuses, does not answer, says nothing or reads nothing: nobody waits for it."""
    release = threading.Event()
    path = {"silent": "/few/silent", "never-reads": "/all/unread"}.get(route, f"/{route}/1")

    def held(exchange: Exchange) -> None:
        release.wait(20)

    two.answers["/few/silent"] = two.answers["/moved/unread"] = held
    body = b"x" * 60_000 if route == "never-reads" else b""
    times = []
    try:
        with Client(served.address()) as client:
            for _ in range(20):
                began = time.monotonic()
                data = post(path, body, method="PUT")
                assert client.ask(data, b"PUT").status == 200
                times.append(time.monotonic() - began)
    finally:
        release.set()
    assert sorted(times)[10] < 0.5


def test_copies_are_waited_for_at_the_end(one: Upstream, two: Upstream) -> None:
    """A gateway that is told to stop lets copies end."""
    begun, done = threading.Event(), threading.Event()

    def slow(exchange: Exchange) -> None:
        begun.set()
        time.sleep(1.0)
        exchange.reply(200)
        done.set()

    two.answers["/moved/slow"] = slow
    with (
        nobody() as dead,
        gateway(CONFIG.format(one=one.address, two=two.address, dead=dead, hole=dead)) as running,
    ):
        assert ask(running.address(), get("/all/slow")).status == 200
        assert begun.wait(5)
        os.kill(running.process.pid, signal.SIGTERM)
        running.process.wait(10)
        running.stops_itself = True
        assert done.is_set()
        assert not two.the("/moved/slow").cut


def test_through_reloads(one: Upstream, two: Upstream) -> None:
    """A reload cuts no copy."""
    release = threading.Event()

    def held(exchange: Exchange) -> None:
        assert release.wait(20)
        exchange.reply(200)

    two.answers["/few/held"] = held
    with (
        nobody() as dead,
        gateway(CONFIG.format(one=one.address, two=two.address, dead=dead, hole=dead)) as running,
    ):
        assert ask(running.address(), get("/few/held")).status == 200
        until(lambda: bool(two.seen("/few/held")), "the copy has come")
        file = Path(running.folder / "config" / "gwc.kdl")
        file.write_text(
            file.read_text("utf-8").replace('path-prefix "/plain"', 'path-prefix "/plainer"'), "utf-8"
        )
        until(lambda: ask(running.address(), get("/plainer")).status == 200, "it is reloaded", 10)
        release.set()
        until(lambda: _counted(running, "few", "sent") == 1, "the copy is whole")
