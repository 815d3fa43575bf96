"""What it costs to tell of one request, and to count in cells that processes share.

Prints JSON: microseconds of the event loop's thread for each request, from its beginning to its end, without
what it costs to fill in a record. The writing thread runs beside it and takes its turns, as it does in a
worker. The contestants run in turn, in rounds shorter than a turn on the processor; `quiet` is the lowest
tenth of the rounds, which is what it costs where nothing else runs.
"""

from __future__ import annotations

import gc
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from gwc.runtime.observe.observer import Observer
from gwc.runtime.observe.record import RequestRecord
from gwc.runtime.observe.slab import Slab
from gwc.runtime.state.cells import Cells
from gwc.schema.table import GatewayRecord, LogRecord, TracingRecord

REQUESTS = 500
ROUNDS = 150
NOWHERE = LogRecord(None)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        contestants = {
            "metrics": _observer(folder),
            "metrics_access_json": _observer(folder, access=LogRecord(f"{folder}/access.json")),
            "metrics_access_text": _observer(folder, access=LogRecord(f"{folder}/access.txt", "text")),
            "metrics_access_sample_1_percent": _observer(
                folder, access=LogRecord(f"{folder}/sampled.json", sample=10_000)
            ),
            "refused_metrics_access_audit": _observer(
                folder, access=LogRecord(f"{folder}/refused.json"), audit=LogRecord(f"{folder}/audit.json")
            ),
        }
        samples: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(ROUNDS):
            for name, observer in contestants.items():
                samples[name].append(_round(observer, refused=name.startswith("refused")))
        for observer in contestants.values():
            observer.close()
        dropped = sum(sum(observer.dropped().values()) for observer in contestants.values())
    report = {
        "benchmark": "observe",
        "unit": "us per request",
        "requests": {name: _figure(values) for name, values in samples.items()},
        "lines_dropped": dropped,
        "cells": _cells(),
    }
    print(json.dumps(report, indent=2))


def _observer(folder: str, *, access: LogRecord = NOWHERE, audit: LogRecord = NOWHERE) -> Observer:
    gateway = GatewayRecord(
        access_log=access,
        audit_log=audit,
        error_log=LogRecord(str(Path(folder) / "error.json")),
        tracing=TracingRecord("http://127.0.0.1:9"),  # spans are on, and no request of these is sampled
    )
    return Observer(gateway, Slab.create(), "bench:1")


def _record(number: int, *, refused: bool) -> RequestRecord:
    record = RequestRecord()
    record.began = time.time()
    record.request_id = f"{number:032x}"
    record.trace_id = f"{number:032x}"
    record.span_id = f"{number:016x}"
    record.method = "GET"
    record.host = "api.example.com"
    record.path = f"/orders/{number}"
    record.query = "page=2&sort=name"
    record.user_agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    record.client_ip = "203.0.113.7"
    record.listener = "public"
    record.total_s = 0.00123
    record.generation = 7
    if refused:
        record.status = 404
        record.reason = "no-route"
        return record
    record.route = "orders-read"
    record.match = 1
    record.upstream = "orders"
    record.target = "10.0.0.1:8080"
    record.attempts = 1
    record.reused = True
    record.status = 200
    record.response_bytes = 244
    record.first_byte_s = 0.0011
    return record


def _round(observer: Observer, *, refused: bool) -> float:
    gc.collect()
    gc.disable()
    started = time.perf_counter()
    for number in range(REQUESTS):
        _record(number, refused=refused)
    filled = time.perf_counter()
    for number in range(REQUESTS):
        observer.request_began()
        observer.request_done(_record(number, refused=refused))
    spent = time.perf_counter() - filled - (filled - started)
    gc.enable()
    return spent / REQUESTS * 1e6


def _cells() -> dict[str, dict[str, float]]:
    cells = Cells.create(slots=16)
    cell = cells.counter("bench")
    calls: dict[str, Callable[[], object]] = {
        "add": lambda: cell.add(1),
        "give_back": lambda: cell.add(-1),
        "add_below": lambda: cell.add_below(1, 10**12),
    }
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            started = time.perf_counter()
            for _ in range(REQUESTS):
                call()
            samples[name].append((time.perf_counter() - started) / REQUESTS * 1e6)
    return {name: _figure(values) for name, values in samples.items()}


def _figure(values: list[float]) -> dict[str, float]:
    return {"median": round(median(values), 2), "quiet": round(quantiles(values, n=10)[0], 2)}


if __name__ == "__main__":
    main()
