"""What happened between two readings of a gateway's metrics: rates, errors and quantiles.

Owns the reading of Prometheus' text form, as far as the gateway writes it, and the arithmetic. What is shown
of it, `top.py` knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

Labels = tuple[tuple[str, str], ...]
Series = dict[str, dict[Labels, float]]

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
_FAILED = ("5xx", "none")


@dataclass(frozen=True, slots=True)
class Reading:
    """All series at one moment; `at` in seconds of a clock that never goes back."""

    at: float
    series: Series

    def gauge(self, name: str) -> float:
        """The sum of all series of a name."""
        return sum(self.series.get(name, {}).values())


@dataclass(slots=True)
class Row:
    """What one route or upstream did between two readings, each second; quantiles in seconds, None where
    nothing happened, infinite beyond the last bucket."""

    name: str
    requests: float = 0.0
    errors: float = 0.0
    p50: float | None = None
    p99: float | None = None
    connections: float = 0.0
    buckets: dict[float, float] = field(default_factory=dict)


def read(text: str, at: float) -> Reading:
    """A text of metrics. Lines that are none are passed over."""
    series: Series = {}
    for line in text.split("\n"):
        found = None if line.startswith("#") else _LINE.fullmatch(line)
        if found is None:
            continue
        name, labels, number = found.groups()
        pairs = tuple((key, _ESCAPE.sub(_meant, value)) for key, value in _LABEL.findall(labels or ""))
        try:
            series.setdefault(name, {})[pairs] = float(number)
        except ValueError:
            continue
    return Reading(at, series)


def routes(before: Reading, now: Reading) -> list[Row]:
    """A row for each route that had requests, the busiest first."""
    rows: dict[str, Row] = {}
    for labels, rate in _rates(before, now, "gwc_requests_total"):
        row = rows.setdefault(labels["route"], Row(labels["route"]))
        row.requests += rate
        row.errors += rate if labels["status"] in _FAILED else 0.0
    _quantiles(before, now, rows, "route")
    return _busiest(rows.values())


def upstreams(before: Reading, now: Reading) -> list[Row]:
    """A row for each upstream that had requests or has connections, the busiest first. Errors are attempts
    that failed."""
    rows: dict[str, Row] = {}
    for labels, count in _labelled(now, "gwc_upstream_connections"):
        rows.setdefault(labels["upstream"], Row(labels["upstream"])).connections += count
    for labels, rate in _rates(before, now, "gwc_request_duration_seconds_count"):
        if labels["upstream"]:
            rows.setdefault(labels["upstream"], Row(labels["upstream"])).requests += rate
    for labels, rate in _rates(before, now, "gwc_upstream_failures_total"):
        rows.setdefault(labels["upstream"], Row(labels["upstream"])).errors += rate
    _quantiles(before, now, rows, "upstream")
    return _busiest(rows.values())


def quantile(share: float, buckets: Sequence[tuple[float, float]]) -> float | None:
    """A quantile from (upper bound, cumulative count), ascending; straight lines inside a bucket."""
    total = buckets[-1][1] if buckets else 0.0
    if total <= 0:
        return None
    wanted = share * total
    low, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted and count > below:
            if bound == inf:
                return inf
            return low + (bound - low) * (wanted - below) / (count - below)
        low, below = bound, count
    return inf


def _quantiles(before: Reading, now: Reading, rows: Mapping[str, Row], label: str) -> None:
    for labels, rate in _rates(before, now, "gwc_request_duration_seconds_bucket"):
        row = rows.get(labels[label])
        if row is not None:
            bound = inf if labels["le"] == "+Inf" else float(labels["le"])
            row.buckets[bound] = row.buckets.get(bound, 0.0) + rate
    for row in rows.values():
        buckets = sorted(row.buckets.items())
        row.p50, row.p99 = quantile(0.5, buckets), quantile(0.99, buckets)


def _rates(before: Reading, now: Reading, name: str) -> Iterator[tuple[dict[str, str], float]]:
    """How much each counter of a name has grown a second. One that is smaller than it was began anew."""
    seconds = max(now.at - before.at, 1e-6)
    old = before.series.get(name, {})
    for labels, number in now.series.get(name, {}).items():
        was = old.get(labels, 0.0)
        yield dict(labels), (number - was if number >= was else number) / seconds


def _labelled(reading: Reading, name: str) -> Iterator[tuple[dict[str, str], float]]:
    for labels, number in reading.series.get(name, {}).items():
        yield dict(labels), number


def _busiest(rows: Iterable[Row]) -> list[Row]:
    busy = (each for each in rows if each.requests or each.errors or each.connections)
    return sorted(busy, key=lambda each: (-each.requests, each.name))


def _meant(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]
