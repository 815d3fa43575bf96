"""`gwc top`: the arithmetic between two readings, and the table of a gateway under load."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import threading
import time
from math import inf
from pathlib import Path

import pytest
from gwc.cli.rates import quantile, read, routes, upstreams

from ..runtime.control.process import GWC
from ..runtime.control.steering import steered
from .test_status import gwc

BEFORE = """\
# HELP gwc_requests_total x
gwc_requests_total{route="a",method="GET",status="2xx"} 10
gwc_requests_total{route="idle",method="GET",status="2xx"} 7
"""
NOW = """\
gwc_requests_total{route="a",method="GET",status="2xx"} 30
gwc_requests_total{route="a",method="GET",status="5xx"} 4
gwc_requests_total{route="a",method="GET",status="none"} 2
gwc_requests_total{route="idle",method="GET",status="2xx"} 7
gwc_requests_total{route="q\\"u\\\\o\\nte",method="GET",status="2xx"} 100
gwc_request_duration_seconds_bucket{route="a",upstream="u",le="0.1"} 13
gwc_request_duration_seconds_bucket{route="a",upstream="u",le="0.2"} 26
gwc_request_duration_seconds_bucket{route="a",upstream="u",le="+Inf"} 26
gwc_request_duration_seconds_count{route="a",upstream="u"} 26
gwc_upstream_failures_total{upstream="u",target="t",reason="connect-refused"} 8
gwc_upstream_connections{upstream="u",target="t"} 3
gwc_upstream_connections{upstream="v",target="t"} 1
gwc_in_flight 5
nonsense
gwc_in_flight x
"""


def test_rates_are_those_of_the_interval() -> None:
    """Two seconds lie between the readings; what did nothing is left out, the busiest comes first."""
    before, now = read(BEFORE, 10.0), read(NOW, 12.0)
    quoted, a = routes(before, now)
    assert (quoted.name, quoted.requests) == ('q"u\\o\nte', 50)
    assert (a.name, a.requests, a.errors) == ("a", 13, 3)
    assert a.p50 == pytest.approx(0.1)
    assert a.p99 == pytest.approx(0.198)
    u, v = upstreams(before, now)
    assert (u.name, u.requests, u.errors, u.connections) == ("u", 13, 4, 3)
    assert (v.name, v.requests, v.connections, v.p99) == ("v", 0, 1, None)
    assert now.gauge("gwc_in_flight") == 5


def test_counters_that_began_anew_are_no_negative_rates() -> None:
    """The gateway was started anew between the readings."""
    rows = routes(read(NOW, 0.0), read(BEFORE, 1.0))
    assert {each.name: each.requests for each in rows} == {"a": 10}


@pytest.mark.parametrize(
    ("share", "buckets", "expected"),
    [
        (0.5, [], None),
        (0.5, [(1.0, 0.0), (inf, 0.0)], None),
        (0.5, [(1.0, 10.0), (inf, 10.0)], 0.5),
        (0.99, [(1.0, 10.0), (inf, 20.0)], inf),
        (0.5, [(1.0, 0.0), (2.0, 4.0), (inf, 4.0)], 1.5),
    ],
)
def test_quantiles(share: float, buckets: list[tuple[float, float]], expected: float | None) -> None:
    """Straight lines inside a bucket; infinite beyond the last bound."""
    assert quantile(share, buckets) == expected


def test_once_prints_a_table_of_what_happens(tmp_path: Path) -> None:
    """Routes and upstreams with their rates, and the state of the gateway; with nobody there exit code 2."""
    with steered(tmp_path) as it:
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                it.public("/pair/a")
                it.public("/x")

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            done = gwc("top", "--once", "--interval", 0.5, environment=it.environment)
        finally:
            over.set()
            thread.join(10)
        assert done.returncode == 0, done.stderr
        assert re.search(
            r"^generation 1 \([0-9a-f]{12}\)   reload committed   workers 2/2$", done.stdout, re.M
        )
        for name in ("pair", "rest"):
            row = re.search(rf"^{name} +([0-9.]+) +0\.0 +[0-9.]+ ms +[0-9.]+ ms", done.stdout, re.M)
            assert row is not None, done.stdout
            assert float(row[1]) > 0
        assert len(re.findall(r"^pair ", done.stdout, re.M)) == 2  # the route, and the upstream
        assert "\x1b" not in done.stdout
    done = gwc("top", "--once", environment={"GWC_ADMIN": it.admin})
    assert done.returncode == 2


def test_on_a_terminal_it_goes_on_until_told(tmp_path: Path) -> None:
    """It shows itself anew, and Ctrl-C leaves with exit code 0."""
    with steered(tmp_path, workers=1) as it:
        ours, theirs = pty.openpty()
        environment = {**os.environ, **it.environment, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
        process = subprocess.Popen(
            [GWC, "top", "--interval", "0.1"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
        )
        os.close(theirs)
        try:
            shown = b""
            until = time.monotonic() + 20
            while shown.count(b"requests/s") < 3 and time.monotonic() < until:
                if select.select([ours], [], [], 1)[0]:
                    shown += os.read(ours, 65536)
            assert shown.count(b"requests/s") >= 3
            process.send_signal(signal.SIGINT)
            until = time.monotonic() + 20
            with contextlib.suppress(OSError):  # the terminal has gone with the process
                while process.poll() is None and time.monotonic() < until:
                    if select.select([ours], [], [], 0.05)[0]:
                        shown += os.read(ours, 65536)
            assert process.wait(5) == 0
            assert b"Traceback" not in shown
        finally:
            process.kill()
            process.wait()
            os.close(ours)
