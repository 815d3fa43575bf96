"""Slabs as text: Prometheus' exposition format, version 0.0.4, and what the admin API wants to know.

Owns how the numbers of several workers become one. Reads slabs and never writes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from .families import FAMILIES, NUMBER_OF, Family
from .slab import Slab

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_Totals = dict[int, dict[tuple[str, ...], list[float]]]


class RouteHits(NamedTuple):
    """How often a route was taken, and the Unix time it was taken last."""

    hits: int
    last: float


def render(slabs: Iterable[Slab]) -> bytes:
    """All metrics, summed over workers. Series in the order of their labels' values."""
    totals = _totals(slabs)
    lines: list[str] = []
    for number, family in enumerate(FAMILIES):
        if not family.told:
            continue
        found = totals.get(number, {} if family.labels else {(): [0]})
        lines.append(f"# HELP {family.name} {family.help}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        for values in sorted(found):
            _tell(lines, family, values, found[values])
    lines.append("")
    return "\n".join(lines).encode("utf-8", "replace")


def route_hits(slabs: Iterable[Slab]) -> dict[str, RouteHits]:
    """Hits of every route that had one."""
    totals = _totals(slabs)
    hits: dict[str, int] = {}
    for (route, *_), (count,) in totals.get(NUMBER_OF["gwc_requests_total"], {}).items():
        hits[route] = hits.get(route, 0) + int(count)
    last = totals.get(NUMBER_OF["gwc_route_last_hit"], {})
    return {route: RouteHits(count, last.get((route,), [0.0])[0]) for route, count in hits.items()}


def numbers_of(slabs: Iterable[Slab], name: str) -> dict[tuple[str, ...], list[float]]:
    """All series of one metric by their labels' values; the numbers of each as a slab has them."""
    return _totals(slabs).get(NUMBER_OF[name], {})


def value(slabs: Iterable[Slab], name: str, values: tuple[str, ...] = ()) -> float:
    """One number of a counter or gauge; the count of a histogram. 0 where nothing was counted."""
    family = FAMILIES[NUMBER_OF[name]]
    numbers = _totals(slabs).get(NUMBER_OF[name], {}).get(values, [0, 0])
    return sum(numbers[:-1]) if family.kind == "histogram" else numbers[0]


def _totals(slabs: Iterable[Slab]) -> _Totals:
    totals: _Totals = {}
    for slab in slabs:
        for series in slab.series():
            numbers = slab.numbers(series)
            of_family = totals.setdefault(series.family, {})
            known = of_family.get(series.values)
            if known is None:
                of_family[series.values] = numbers
            elif FAMILIES[series.family].merge == "max":
                known[:] = map(max, known, numbers)
            else:
                known[:] = [one + other for one, other in zip(known, numbers, strict=True)]
    return totals


def _tell(lines: list[str], family: Family, values: tuple[str, ...], numbers: list[float]) -> None:
    labels = ",".join(f'{name}="{_escaped(text)}"' for name, text in zip(family.labels, values, strict=True))
    if family.kind != "histogram":
        lines.append(
            f"{family.name}{{{labels}}} {numbers[0]!r}" if labels else f"{family.name} {numbers[0]!r}"
        )
        return
    count = 0.0
    for bound, number in zip((*map(repr, family.bounds), "+Inf"), numbers, strict=False):
        count += number
        lines.append(f'{family.name}_bucket{{{labels},le="{bound}"}} {count:.0f}')
    lines.append(f"{family.name}_sum{{{labels}}} {numbers[-1]!r}")
    lines.append(f"{family.name}_count{{{labels}}} {count:.0f}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
