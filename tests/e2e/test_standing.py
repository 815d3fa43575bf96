"""How targets stand is the gateway's to know: four workers count as one, over reloads and workers' deaths."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter

import pytest

from .effects.test_choosing import SECRET, bodies, config, says, servers
from .harness import Gateway, gateway, until
from .inside import reload, status, worker_of, workers
from .raw import Client, ask, get
from .upstream import Answer, Exchange

WORKERS = 4


def _everywhere(served: Gateway, path: str, rounds: int = 24) -> Counter[str]:
    """Requests on as many connections, which come to all workers."""
    found: Counter[str] = Counter()
    for _ in range(rounds):
        found += bodies(served, path, 1)
    return found


def _text(served: Gateway) -> str:
    return (served.folder / "config" / "gwc.kdl").read_text("utf-8")


def _reload(served: Gateway, name: str) -> None:
    """A table with one route more."""
    more = f'    route "{name}" {{ matches {{ path "/{name}" }}; respond }}\n'
    reload(served, _text(served).replace("routes {\n", f"routes {{\n{more}"))


def test_failures_are_counted_over_all_workers() -> None:
    """Twelve failures in a row, whoever saw them, eject the target for all, over a reload and a death."""
    said = {"x": 'ejection { consecutive-failures 12; time "1m" }'}
    with (
        servers("a", "b") as (a, b),
        gateway(config(said, [a.address, b.address]), workers=WORKERS) as served,
    ):
        a.answers["/x"] = says("", 500)
        assert _everywhere(served, "/x", 80)["500"] == 12
        _reload(served, "more")
        assert _everywhere(served, "/x") == {"b": 24}
        victim = workers(served)[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: _all_serve(served, victim), "it is replaced", 20)
        assert _everywhere(served, "/x") == {"b": 24}


def _all_serve(served: Gateway, without: int) -> bool:
    found = [each for each in status(served)["workers"] if each and each["state"] == "ready"]
    return len(found) == WORKERS and all(each["pid"] != without for each in found)


def test_a_breaker_is_one_for_all_workers() -> None:
    """It opens in all workers at once, lets two requests of all of them try, and closes for all."""
    said = {"x": 'breaker { failures 8; open "500ms"; half-open 2 }'}
    with servers("a") as (a,), gateway(config(said, [a.address]), workers=WORKERS) as served:
        a.answers["/x"] = says("", 500)
        assert _everywhere(served, "/x", 40) == {"500": 8, "503 breaker-open": 32}
        go_on = threading.Event()
        a.answers["/x"] = _slow(go_on)
        time.sleep(0.6)
        clients = [Client(served.address()) for _ in range(10)]
        try:
            for each in clients:
                each.send(get("/x"))
            until(lambda: len([1 for each in clients if not each.is_quiet(0.01)]) == 8, "eight are refused")
            until(lambda: sum(not each.over for each in a.seen("/x")) == 2, "both trials arrive")
            go_on.set()
            answers = Counter(each.reply().status for each in clients)
            assert answers == {200: 2, 503: 8}
        finally:
            go_on.set()
            for each in clients:
                each.close()
        a.answers["/x"] = says("a")
        assert _everywhere(served, "/x") == {"a": 24}


def _slow(go_on: threading.Event) -> Answer:
    def answer(exchange: Exchange) -> None:
        go_on.wait(15)
        exchange.reply(200, b"late")

    return answer


def test_the_trial_of_a_dead_worker_comes_back() -> None:
    """A worker dies with the one trial of a half-open breaker: another worker may try."""
    said = {"x": 'breaker { failures 1; open "300ms"; half-open 1 }'}
    with servers("a") as (a,), gateway(config(said, [a.address]), workers=WORKERS) as served:
        a.answers["/x"] = says("", 500)
        assert _everywhere(served, "/x", 4)["500"] == 1
        time.sleep(0.4)
        go_on = threading.Event()
        a.answers["/x"] = _slow(go_on)
        with Client(served.address()) as client:
            client.send(get("/x"))
            until(lambda: any(not each.over for each in a.seen("/x")), "the trial is under way")
            assert _everywhere(served, "/x", 8) == {"503 breaker-open": 8}
            os.kill(worker_of(served, client.name), signal.SIGKILL)
            a.answers["/x"] = says("a")
            until(lambda: bodies(served, "/x", 1) == {"a": 1}, "another trial is let through", 10)
        go_on.set()
        assert _everywhere(served, "/x", 8) == {"a": 8}


def test_a_cookie_leads_back_in_every_worker() -> None:
    """Over a reload too; the target that it names is left when that is ejected."""
    said = {"x": f'sticky-cookie {{ secret "{SECRET}" }}; ejection {{ consecutive-failures 2; time "1m" }}'}
    with (
        servers("a", "b") as found,
        gateway(config(said, [e.address for e in found]), workers=WORKERS) as served,
    ):
        first = ask(served.address(), get("/x"))
        cookie = (first.value("set-cookie") or b"").decode().partition(";")[0]
        who = first.body.decode()
        for _ in range(2):
            seen: Counter[str] = Counter()
            for _ in range(16):
                seen += bodies(served, "/x", 1, f"Cookie: {cookie}")
            assert seen == {who: 16}
            _reload(served, f"more{time.monotonic_ns()}")
        server = found["ab".index(who)]
        server.answers["/x"] = says("", 500)
        seen = bodies(served, "/x", 8, f"Cookie: {cookie}")
        assert seen["500"] == 2
        assert sum(seen.values()) == 8


def _probed(served: Gateway, path: str, wanted: set[str]) -> None:
    until(lambda: set(_everywhere(served, path, 12)) == wanted, f"{path}: {wanted}", 10)


@pytest.mark.parametrize("interval", ["100ms", "1h"])
def test_what_probes_found_outlives_reloads_and_workers(interval: str) -> None:
    """A target that is not well stays so over a reload, and a new worker knows it from its first request."""
    said = {"x": f'health path="/health" {{ interval "{interval}"; unhealthy 1; healthy 1 }}'}
    with servers("a", "b") as (a, b):
        a.answers["/health"] = says("", 500)
        with gateway(config(said, [a.address, b.address]), workers=WORKERS) as served:
            _probed(served, "/x", {"b"})
            until(lambda: bool(b.seen("/health")), "it is probed")
            count = len(b.seen("/health"))
            _reload(served, "more")
            assert _everywhere(served, "/x", 8) == {"b": 8}
            victim = workers(served)[0]
            os.kill(victim, signal.SIGKILL)
            until(lambda: _all_serve(served, victim), "it is replaced", 20)
            assert _everywhere(served, "/x") == {"b": 24}
            if interval == "1h":
                assert len(b.seen("/health")) == count == 1, "once for the whole gateway, whatever happens"


def test_a_gateway_without_health_probes_nobody() -> None:
    """No connection, no request."""
    with servers("a") as (a,), gateway(config({"x": ""}, [a.address])) as served:
        assert _everywhere(served, "/x", 2) == {"a": 2}
        time.sleep(1.2)
        assert [each.path for each in a.requests] == ["/x", "/x"]
