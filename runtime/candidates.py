"""Candidates: why the other routes did not take a request.

Owns the runners-up of `gwc explain`: which are worth showing, and the first predicate, in the order it was
written, that failed in each. It looks at every alternative by itself and uses no index, so it is slow (5 us
an alternative) and a second opinion on `match`.
"""

from __future__ import annotations

from dataclasses import dataclass

from gwc.schema.artifact import notes_of
from gwc.schema.request import RequestHead
from gwc.schema.table import (
    HOSTS,
    PATHS,
    THE_HOST,
    THE_PATH,
    Alternative,
    RouteTable,
    Test,
    conditions_of,
)

from .predicates import host_holds, path_holds, test_holds
from .words import host_words, path_words, test_words


@dataclass(frozen=True, slots=True)
class Candidate:
    """An alternative that did not win. `route` is the name, `match` the number of its block, from 1.

    `failed` is its first predicate, in written order, that does not hold, in the words of the configuration;
    None where all hold and a better one won.
    """

    route: str
    match: int
    rank: int
    id: str
    holds: bool
    failed: str | None


@dataclass(frozen=True, slots=True)
class _Judged:
    """An alternative and what of it failed. `near` is how much of the path pattern the path begins with."""

    rank: int
    alternative: Alternative
    failures: int
    first: int
    in_place: bool
    near: int


def explain_candidates(table: RouteTable, head: RequestHead, limit: int = 10) -> list[Candidate]:
    """The runners-up, at most `limit`: those whose host and path hold, then the nearest misses.

    Both by rank. Of the misses the nearest are those with the fewest failed predicates, then those whose path
    pattern begins like the path. A predicate that needs a body which nobody has read counts as failed.
    """
    judged = [_judge(table, head, rank) for rank in range(len(table.alternatives))]
    winner = next((each for each in judged if not each.failures), None)
    judged = [each for each in judged if each is not winner]
    shown = [each for each in judged if each.in_place][:limit]
    misses = sorted(
        (each for each in judged if not each.in_place),
        key=lambda each: (each.failures, -each.near, each.rank),
    )[: max(0, limit - len(shown))]
    shown += sorted(misses, key=lambda each: each.rank)
    return [_candidate(table, each) for each in shown]


def holding(table: RouteTable, head: RequestHead) -> list[int]:
    """The ranks of all alternatives that hold, ascending; the first wins."""
    judged = (_judge(table, head, rank) for rank in range(len(table.alternatives)))
    return [each.rank for each in judged if not each.failures]


def _judge(table: RouteTable, head: RequestHead, rank: int) -> _Judged:
    """Test everything that one alternative asks for."""
    alternative = table.alternatives[rank]
    tests = conditions_of(table, alternative)
    failures, first, in_place = 0, 0, True
    for mark in _written(table, rank, len(tests)):
        if _holds(table, alternative, tests, mark, head):
            continue
        if not failures:
            first = mark
        failures += 1
        if mark < 0 or tests[mark][0] in (HOSTS, PATHS):
            in_place = False
    pattern = "" if alternative.path is None else alternative.path[1]
    near = _common(pattern, head.path)
    return _Judged(rank, alternative, failures, first, in_place, near)


def _common(first: str, second: str) -> int:
    """How many characters two texts have in common at their beginning."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _written(table: RouteTable, rank: int, count: int) -> tuple[int, ...]:
    """The marks of an alternative's conditions in written order; a table without notes has none."""
    notes = notes_of(table)
    default = (THE_HOST, THE_PATH, *range(count))
    if rank >= len(notes.written):
        return default
    written = notes.written[rank]
    missing = tuple(mark for mark in default if mark not in written)
    return tuple(mark for mark in written if mark in default) + missing


def _holds(
    table: RouteTable, alternative: Alternative, tests: tuple[Test, ...], mark: int, head: RequestHead
) -> bool:
    """Whether one condition holds; a host or path that is not asked for does."""
    if mark == THE_HOST:
        host = alternative.host
        return host is None or host_holds(table, *host, alternative.host_program, head.host)
    if mark == THE_PATH:
        path = alternative.path
        return path is None or path_holds(table, *path, alternative.path_program, head.path)
    return test_holds(table, tests[mark], head)


def _candidate(table: RouteTable, judged: _Judged) -> Candidate:
    alternative = judged.alternative
    failed = _words(table, alternative, judged.first) if judged.failures else None
    return Candidate(
        route=table.routes[alternative.route].name,
        match=alternative.match,
        rank=judged.rank,
        id=alternative.id,
        holds=not judged.failures,
        failed=failed,
    )


def _words(table: RouteTable, alternative: Alternative, mark: int) -> str:
    if mark == THE_HOST and alternative.host is not None:
        return host_words([alternative.host])
    if mark == THE_PATH and alternative.path is not None:
        return path_words([alternative.path])
    return test_words(table, conditions_of(table, alternative)[mark])
