"""Limits of a gateway with four workers: exact over all of them, over reloads and over their deaths."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .harness import Gateway, gateway
from .raw import ask, get
from .upstream import Exchange, upstream

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
metrics {{ address "%metrics%" }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "rated" {{ matches {{ path-prefix "/rated" }}; upstream "origin"
        rate-limit {{ requests 50; per "1h" }} }}
    route "slow" {{ matches {{ path-prefix "/slow" }}; concurrency {{ requests 6 }}; upstream "origin" }}
}}
"""


def _statuses(running: Gateway, path: str, number: int) -> Counter[int]:
    """Requests at once, each on a connection of its own, so that all workers have some."""
    with ThreadPoolExecutor(24) as pool:
        replies = pool.map(lambda _: ask(running.address(), get(path)).status, range(number))
        return Counter(replies)


def test_rates_are_exact_over_workers_reloads_and_deaths() -> None:
    """Of many requests exactly as many pass as may, whoever counts, and whatever happens meanwhile."""
    with upstream() as origin, gateway(CONFIG.format(origin=origin.address), workers=4) as running:
        found = _statuses(running, "/rated", 30)
        for process in running.processes()[1:3]:
            os.kill(process, signal.SIGKILL)
        _until(lambda: running.errors.count('"worker-started"') >= _died(running) > 0, running)
        found += _statuses(running, "/rated", 10)
        path = running.folder / "config" / "gwc.kdl"
        text = path.read_text("utf-8").replace('route "slow" {', 'route "slow" { reasons #true;')
        beside = path.with_suffix(".tmp")
        beside.write_text(text, "utf-8")
        beside.replace(path)
        _until(lambda: "reload-committed" in running.errors, running)
        found += _statuses(running, "/rated", 60)
        assert found == {200: 50, 429: 50}
        assert running.metric("gwc_rate_limited_total") == 50
        line = running.access_lines_for(lambda line: line.get("status") == 429, 50)[0]
        assert line["reason"] == "rate-limited"
        _until(lambda: '"rate-limited"' in running.errors, running)  # the audit log


def test_what_is_under_way_is_exact_over_workers_and_deaths() -> None:
    """Six at once, whoever counts; what dead workers had is given back."""
    go = threading.Event()

    def late(exchange: Exchange) -> None:
        go.wait(10)
        exchange.reply(200, b"")

    with upstream() as origin, gateway(CONFIG.format(origin=origin.address), workers=4) as running:
        origin.answers["/slow"] = late
        with ThreadPoolExecutor(24) as pool:
            replies = [pool.submit(lambda: ask(running.address(), get("/slow")).status) for _ in range(20)]
            _until(lambda: sum(each.done() for each in replies) == 14, running)
            go.set()
            assert Counter(each.result() for each in replies) == {200: 6, 503: 14}
        go.clear()
        with ThreadPoolExecutor(24) as pool:
            replies = [pool.submit(_status, running) for _ in range(12)]
            _until(lambda: sum(each.done() for each in replies) == 6, running)
            for process in running.processes()[1:]:
                os.kill(process, signal.SIGKILL)
            _until(lambda: running.errors.count('"worker-started"') >= _died(running) == 4, running)
            go.set()
            found = Counter(each.result() for each in replies)
            assert found == {503: 6, 0: 6}
        assert _statuses(running, "/slow", 1) == {200: 1}


def _died(running: Gateway) -> int:
    return running.errors.count('"worker-died"')


def _status(running: Gateway) -> int:
    """0 where the connection was cut."""
    try:
        return ask(running.address(), get("/slow")).status
    except (AssertionError, OSError):
        return 0


def _until(condition: Callable[[], bool], running: Gateway, within_s: float = 30.0) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, running.errors[-3000:]
        time.sleep(0.01)
