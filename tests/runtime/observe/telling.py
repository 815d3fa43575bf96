"""What the tests of logs and metrics need: a record of a request, waiting for lines, reading metrics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from gwc.runtime.observe.exposition import render
from gwc.runtime.observe.record import RequestRecord
from gwc.runtime.observe.slab import Slab
from prometheus_client.parser import text_string_to_metric_families


def record_of(**fields: object) -> RequestRecord:
    """A request that went well, but for the fields given."""
    record = RequestRecord()
    usual = {
        "began": 1_760_000_000.25,
        "request_id": "req-1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "span_id": "b7ad6b7169203331",
        "method": "GET",
        "host": "api.example.com",
        "path": "/orders/7",
        "user_agent": "curl/8",
        "client_ip": "203.0.113.7",
        "listener": "public",
        "route": "orders",
        "match": 1,
        "upstream": "orders",
        "target": "10.0.0.1:8080",
        "attempts": 1,
        "status": 200,
        "response_bytes": 244,
        "total_s": 0.004,
    }
    for name, value in {**usual, **fields}.items():
        setattr(record, name, value)
    return record


def eventually(what: Callable[[], object], within_s: float = 5.0) -> None:
    """Wait until it holds."""
    until = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.005)


def lines_of(path: Path) -> list[bytes]:
    """The lines of a file; none where it does not exist."""
    return path.read_bytes().splitlines() if path.exists() else []


def samples(slabs: Iterable[Slab]) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """All samples, as a foreign parser reads them."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(render(slabs).decode())
        for sample in family.samples
    }


def sample(slabs: Iterable[Slab], name: str, **labels: str) -> float:
    """One sample."""
    return samples(slabs)[name, frozenset(labels.items())]
