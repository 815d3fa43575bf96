"""Further tries, other upstreams and copies with four workers, and while tables are swapped."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from .harness import Gateway, gateway, until
from .inside import number
from .raw import Client, ask, get, post
from .upstream import Exchange, Upstream, upstream

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "one" {{ target "{one}"; connections {{ idle "off" }} }}
    upstream "two" {{ target "{two}"; connections {{ idle "off" }} }}
}}
routes {{
    route "again" {{ matches {{ path-prefix "/again" }}; upstream "one"; mirror "two"
        retries 2 {{ on "reset" 503; back-off "1ms"; method "GET" "POST" }} }}
    route "other" {{ matches {{ path-prefix "/other" }}; upstream "one"
        fallback "two" {{ on 503; method "GET" "POST" }} }}
    route "spent" {{ matches {{ path-prefix "/spent" }}; upstream "one"
        retries 1 {{ on 503; back-off "1ms"; budget "0%" least=3 }} }}
    route "waits" {{ matches {{ path-prefix "/waits" }}; upstream "one"
        retries 1 {{ on 503; retry-after "5s" }} }}
    route "marker" {{ matches {{ path "/marker-0" }}; respond }}
}}
"""


@contextmanager
def serving(workers: int) -> Iterator[tuple[Gateway, Upstream, Upstream]]:
    """A gateway and two servers behind it."""
    with (
        upstream() as one,
        upstream() as two,
        gateway(CONFIG.format(one=one.address, two=two.address), workers=workers) as running,
    ):
        yield running, one, two


def failing(exchange: Exchange) -> None:
    """A server that says 503."""
    exchange.read_body()
    exchange.reply(503, b"failed")


def reload(running: Gateway, generation: int) -> None:
    """Change the configuration and wait until that is served."""
    file = Path(running.folder / "config" / "gwc.kdl")
    text = file.read_text("utf-8").replace(f"/marker-{generation - 1}", f"/marker-{generation}")
    file.write_text(text, "utf-8")
    until(lambda: ask(running.address(), get(f"/marker-{generation}")).status == 200, "it is reloaded", 15)


def test_counters_of_four_workers() -> None:
    """Each try, each turn and each copy is counted once, whichever worker made it."""
    with serving(4) as (running, one, two):
        one.answers["/again/*"] = one.answers["/other/*"] = failing
        for each in range(40):
            assert ask(running.address(), get(f"/again/{each}")).status == 503
            assert ask(running.address(), post(f"/other/{each}", b"body"), b"POST").status == 200
        until(lambda: number(running, "gwc_mirror_total", result="sent") == 40, "all copies are sent", 10)
        assert number(running, "gwc_retries_total", route="again", cause="status") == 80
        assert number(running, "gwc_fallback_total", upstream="two", result="attempt") == 40
        assert number(running, "gwc_fallback_total", upstream="two", result="success") == 40
        assert number(running, "gwc_upstream_attempts_total", upstream="one") == 160
        assert number(running, "gwc_upstream_attempts_total", upstream="two") == 40
        assert [len(one.requests), len(two.requests)] == [160, 80]


def test_through_reloads() -> None:
    """A request that waits for its next try, or for the rest of its body, goes on over a reload."""
    with serving(1) as (running, one, two):
        tried = threading.Event()

        def once(exchange: Exchange) -> None:
            exchange.read_body()
            if tried.is_set():
                exchange.reply(200, b"at last")
            else:
                tried.set()
                exchange.reply(503, b"", "retry-after: 3")

        one.answers["/waits"] = once
        one.answers["/other/cut"] = lambda exchange: exchange.reply(503, b"at once")
        with Client(running.address()) as waiting, Client(running.address()) as sending:
            waiting.send(get("/waits"))
            assert tried.wait(5)
            sending.send(get("/other/cut", "Content-Length: 6", method="POST") + b"abc")
            until(lambda: bool(two.seen("/other/cut")), "the other upstream is asked")
            reload(running, 1)
            sending.send(b"def")
            reply = sending.reply(b"POST")
            assert (reply.status, two.the("/other/cut").body) == (200, b"abcdef")
            assert reply.value("x-fallback-upstream") == b"two"
            assert waiting.reply(within=10).body == b"at last"


def test_a_reload_does_not_forget_the_budget() -> None:
    """What was spent of it stays spent."""
    with serving(1) as (running, one, _):
        one.answers["/spent/*"] = failing
        began = time.monotonic()
        for each in range(4):
            assert ask(running.address(), get(f"/spent/{each}")).status == 503
        reload(running, 1)
        for each in range(4, 8):
            assert ask(running.address(), get(f"/spent/{each}")).status == 503
        if time.monotonic() - began > 9:
            pytest.skip("the machine is so slow that ten seconds are over")
        tries = number(running, "gwc_retries_total", route="spent")
        assert tries == 3
        withheld = number(running, "gwc_retries_withheld_total", route="spent", why="budget")
        assert tries + withheld == 8
