"""The listener of metrics, read by prometheus_client, while two workers serve and one of them dies."""

from __future__ import annotations

import http.client
import os
import signal
import threading
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from .steering import Steered, call, steered, until


def samples(it: Steered, name: str) -> dict[tuple[str, ...], float]:
    """The samples of a name by their labels' values."""
    said = call(f"127.0.0.1:{it.metrics_port}", "GET", "/metrics")
    assert said.status == 200
    assert said.headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        tuple(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(said.text)
        for sample in family.samples
        if sample.name == name
    }


def load(it: Steered, path: str, number: int, clients: int = 4) -> int:
    """Requests over some connections of their own at once; how many were answered with 200."""
    good = [0] * clients

    def ask(which: int) -> None:
        for _ in range(number // clients):
            good[which] += it.public(path)[0] == 200

    threads = [threading.Thread(target=ask, args=(which,)) for which in range(clients)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    return sum(good)


def test_numbers_are_those_of_all_workers(tmp_path: Path) -> None:
    """What was sent is what was counted; nothing is in flight afterwards; a dead worker's counts stay."""
    with steered(tmp_path) as it:
        assert load(it, "/pair/a", 200) == 200
        assert load(it, "/x", 40) == 40
        expected = {("pair", "GET", "2xx"): 200.0, ("rest", "GET", "2xx"): 40.0}
        until(lambda: samples(it, "gwc_requests_total") == expected, "all are counted")
        assert samples(it, "gwc_in_flight") == {(): 0.0}
        assert sum(samples(it, "gwc_upstream_attempts_total").values()) == 200
        served = [each["generation"] for each in it.get("/v1/status")["workers"]]
        assert served == [1, 1]
        workers = it.get("/v1/status")["workers"]
        for number, worker in enumerate(workers, 1):
            os.kill(worker["pid"], signal.SIGKILL)
            it.gwc.wait("worker-started", nth=number)
        assert samples(it, "gwc_requests_total") == expected
        assert samples(it, "gwc_upstream_connections") in ({}, dict.fromkeys(_targets(it), 0.0))
        assert load(it, "/x", 20) == 20
        until(lambda: samples(it, "gwc_requests_total")["rest", "GET", "2xx"] == 60, "the new ones count on")
        until(lambda: sum(samples(it, "gwc_connections").values()) == 0, "every connection is gone")
        assert samples(it, "gwc_in_flight") == {(): 0.0}


def _targets(it: Steered) -> list[tuple[str, ...]]:
    return [("pair", f"127.0.0.1:{each.port}") for each in it.backends]


def test_a_worker_killed_in_a_request_leaves_nothing_in_flight(tmp_path: Path) -> None:
    """What a dead worker held is given back."""
    with steered(tmp_path, workers=1) as it:
        first, second = it.backends

        def ask() -> None:
            with pytest.raises((http.client.HTTPException, OSError)):
                it.public("/pair/wait")

        thread = threading.Thread(target=ask)
        thread.start()
        until(lambda: first.waiting.is_set() or second.waiting.is_set(), "the request is there")
        assert samples(it, "gwc_in_flight") == {(): 1.0}
        os.kill(it.get("/v1/status")["workers"][0]["pid"], signal.SIGKILL)
        thread.join(10)
        it.gwc.wait("worker-started")
        assert samples(it, "gwc_in_flight") == {(): 0.0}
        assert samples(it, "gwc_connections") == {("public",): 0.0}


def test_the_admin_api_has_the_same_text(tmp_path: Path) -> None:
    """Names and types; and the listener has nothing else."""
    with steered(tmp_path, workers=1) as it:
        address = f"127.0.0.1:{it.metrics_port}"
        one, other = call(address, "GET", "/metrics"), it.call("GET", "/v1/metrics")
        assert one.headers["content-type"] == other.headers["content-type"]
        assert [line for line in one.text.split("\n") if line.startswith("#")] == [
            line for line in other.text.split("\n") if line.startswith("#")
        ]
        assert call(address, "GET", "/v1/status").status == 404
        assert call(address, "GET", "/").status == 404
        post = call(address, "POST", "/metrics")
        assert (post.status, post.headers["allow"]) == (405, "GET")
        assert call(address, "GET", "/metrics?x").status == 200
