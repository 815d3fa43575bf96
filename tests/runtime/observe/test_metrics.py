"""Metrics: counted in shared memory, summed over workers, read by `prometheus_client`."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
from gwc.runtime.observe.exposition import render, route_hits, value
from gwc.runtime.observe.families import FAMILIES
from gwc.runtime.observe.metrics import Metrics
from gwc.runtime.observe.reasons import REASONS
from gwc.runtime.observe.slab import Slab, reset_gauges
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from .telling import record_of, sample, samples


def test_a_request_counts_where_it_should() -> None:
    """One request: its class, its bytes, its duration, its attempt, and nothing in flight."""
    slab = Slab.create()
    metrics = Metrics(slab)
    metrics.began()
    assert sample([slab], "gwc_in_flight") == 1
    metrics.done(record_of(method="BREW", status=418, request_bytes=10, total_s=0.3, attempts=2))
    assert sample([slab], "gwc_in_flight") == 0
    assert sample([slab], "gwc_requests_total", route="orders", method="_other", status="4xx") == 1
    assert sample([slab], "gwc_request_bytes_total", route="orders") == 10
    assert sample([slab], "gwc_response_bytes_total", route="orders") == 244
    assert sample([slab], "gwc_upstream_attempts_total", upstream="orders", target="10.0.0.1:8080") == 2
    of = {"route": "orders", "upstream": "orders"}
    assert sample([slab], "gwc_request_duration_seconds_bucket", le="0.25", **of) == 0
    assert sample([slab], "gwc_request_duration_seconds_bucket", le="0.5", **of) == 1
    assert sample([slab], "gwc_request_duration_seconds_bucket", le="+Inf", **of) == 1
    assert sample([slab], "gwc_request_duration_seconds_count", **of) == 1
    assert sample([slab], "gwc_request_duration_seconds_sum", **of) == pytest.approx(0.3)


def test_every_metric_has_its_type_and_every_reason_its_label() -> None:
    """The foreign parser finds the families and kinds that are documented; unknown reasons are `other`."""
    slab = Slab.create()
    metrics = Metrics(slab)
    for reason in (*REASONS, "made-up"):
        metrics.refused(reason)
    metrics.done(record_of(reason="no-route", status=404, route="", upstream="", target=""))
    metrics.upstream_connected("orders", "10.0.0.1:8080", 0.002)
    metrics.upstream_failed("orders", "10.0.0.1:8080", "connect-refused")
    metrics.connection("public", 1)
    slab.put("gwc_build_info", 1, ("1.2.3",))
    slab.put("gwc_reload_last_success_timestamp_seconds", 1_760_000_000.5)
    kinds = {family.name: family.type for family in text_string_to_metric_families(render([slab]).decode())}
    for family in FAMILIES:
        if family.told:
            assert (
                kinds[family.name.removesuffix("_total") if family.kind == "counter" else family.name]
                == family.kind
            )
    assert sample([slab], "gwc_refused_total", reason="no-route") == 2
    assert sample([slab], "gwc_refused_total", reason="other") == 1
    assert sample([slab], "gwc_build_info", version="1.2.3") == 1
    assert sample([slab], "gwc_reload_last_success_timestamp_seconds") == 1_760_000_000.5
    assert sample([slab], "gwc_upstream_connect_seconds_count", upstream="orders") == 1


def test_numbers_of_workers_add_up_and_of_the_gateway_do_not() -> None:
    """Requests and connections are sums; the generation is the newest one."""
    slabs = [Slab.create(), Slab.create()]
    for slab in slabs:
        metrics = Metrics(slab)
        metrics.connection("public", 1)
        metrics.done(record_of())
        metrics.done(record_of(route=f"only-{slab.fd}"))
    slabs[0].put("gwc_generation", 7)
    slabs[1].put("gwc_generation", 8)
    assert sample(slabs, "gwc_connections", listener="public") == 2
    assert sample(slabs, "gwc_requests_total", route="orders", method="GET", status="2xx") == 2
    assert sample(slabs, "gwc_generation") == 8
    assert value(slabs, "gwc_request_duration_seconds", ("orders", "orders")) == 2
    hits = route_hits(slabs)
    assert hits["orders"] == (2, 1_760_000_000.25)
    assert hits[f"only-{slabs[0].fd}"].hits == 1


CHILD = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from gwc.runtime.observe.metrics import Metrics
from gwc.runtime.observe.slab import Slab
from telling import record_of
metrics = Metrics(Slab(int(sys.argv[1])))
metrics.connection("public", 3)
for _ in range(5):
    metrics.began()
    metrics.done(record_of())
metrics.began()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_dead_worker_leaves_its_counts_and_no_gauges() -> None:
    """After a kill the requests stay, what was in flight goes, and the successor counts on."""
    slab = Slab.create()
    for _ in range(2):
        folder = __file__.rpartition("/")[0]
        subprocess.run([sys.executable, "-c", CHILD, str(slab.fd), folder], pass_fds=[slab.fd], check=False)
        assert sample([Slab(slab.fd)], "gwc_in_flight") == 1
        reset_gauges(Slab(slab.fd))
    assert sample([slab], "gwc_in_flight") == 0
    assert sample([slab], "gwc_connections", listener="public") == 0
    assert sample([slab], "gwc_requests_total", route="orders", method="GET", status="2xx") == 10


def test_series_beyond_the_room_count_as_other() -> None:
    """Nothing is lost, memory is bounded, and routes that had a series keep it."""
    slab = Slab.create(series=100)
    metrics = Metrics(slab)
    for number in range(1000):
        metrics.done(record_of(route=f"route-{number}"))
    for _ in range(3):
        metrics.done(record_of(route="route-0"))
    counts = {
        dict(labels)["route"]: count
        for (name, labels), count in samples([slab]).items()
        if name == "gwc_requests_total"
    }
    assert sum(counts.values()) == 1003
    assert counts["route-0"] == 4
    assert counts["_other"] > 900
    assert len(list(slab.series())) < 130


def test_a_client_cannot_make_series() -> None:
    """Methods and statuses nobody knows share one series each."""
    slab = Slab.create()
    metrics = Metrics(slab)
    for number in range(500):
        metrics.done(record_of(method=f"M{number}", status=100 + number))
    assert len([key for key in samples([slab]) if key[0] == "gwc_requests_total"]) <= 6


def test_a_slab_of_something_else_is_refused() -> None:
    """Memory that is no slab, or is another version's, is not read."""
    slab = Slab.create(series=1)
    slab._head[0] ^= 1
    with pytest.raises(ValueError, match="this version"):
        Slab(slab.fd)


@given(st.text(max_size=300), st.text(alphabet=st.characters(codec="latin-1"), max_size=20))
def test_any_label_is_told_and_read_back(route: str, target: str) -> None:
    """Quotes, backslashes, line feeds and halves of surrogate pairs in labels break nothing."""
    slab = Slab.create(series=10)
    metrics = Metrics(slab)
    metrics.done(record_of(route=route, target=target))
    metrics.done(record_of(route=route, target=target))
    found = [count for (name, _), count in samples([Slab(slab.fd)]).items() if name == "gwc_requests_total"]
    assert found == [2]
    slab.close()


@given(st.lists(st.floats(0, 100), max_size=30))
def test_buckets_add_up(durations: list[float]) -> None:
    """Buckets never fall, the last is the count, and the sum is the sum."""
    slab = Slab.create(series=10)
    metrics = Metrics(slab)
    for duration in durations:
        metrics.done(record_of(total_s=duration))
    if not durations:
        return
    read = samples([slab])
    buckets = sorted(
        (float(dict(labels)["le"]), count)
        for (name, labels), count in read.items()
        if name == "gwc_request_duration_seconds_bucket"
    )
    assert all(one[1] <= other[1] for one, other in pairwise(buckets))
    for bound, count in buckets:
        assert count == sum(duration <= bound for duration in durations)
    assert sample(
        [slab], "gwc_request_duration_seconds_sum", route="orders", upstream="orders"
    ) == pytest.approx(sum(durations))
    slab.close()
