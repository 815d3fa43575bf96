"""Streams that a change of their route is to end: which they are, and for how long they may go on.

Owns what it means that a route has changed: the request, if it came now, would be taken by another one, or
done something else with. Knows tables and requests; who ends a stream, and how, is the exchange's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gwc.schema.request import RequestHead
from gwc.schema.table import RouteRecord, RouteTable

from .match import Match, NeedsBody, match

if TYPE_CHECKING:
    from .snapshot import Snapshot


def drains_within(
    head: RequestHead, own_ms: int, was: Snapshot, now: Snapshot, *, target_stays: bool
) -> float | None:
    """For how many seconds a stream may go on now that another table serves, None for as long as it likes.

    `own_ms` is what its route said when it began, which counts where that route takes its request no more;
    `target_stays`: its target is still one of an upstream's. A request of which the new table would have to
    read the body is not judged.
    """
    before, after = match(was.table, head), match(now.table, head)
    if not isinstance(before, Match):
        return None  # an earlier change has been judged
    first = _meaning(was.table, was.table.routes[before.alternative.route])
    allowed_ms = own_ms
    if isinstance(after, Match):
        route = now.table.routes[after.alternative.route]
        if target_stays and _meaning(now.table, route) == first:
            return None
        if route.name == was.table.routes[before.alternative.route].name:
            allowed_ms = now.table.settings_of_routes[route.settings].drain_streams_ms
    elif isinstance(after, NeedsBody):
        return None
    return allowed_ms / 1000 if allowed_ms else None


def _meaning(table: RouteTable, route: RouteRecord) -> tuple[object, ...]:
    """What a route does, without the numbers of its table; how long streams are kept is no part of it."""
    target: object = None
    if route.action == "upstream":
        target = table.upstreams[route.target].name
    elif route.action == "split":
        target = tuple(
            (
                table.upstreams[part.upstream].name,
                part.weight,
                table.rules[part.request_rules],
                table.rules[part.response_rules],
                part.rewrite,
            )
            for part in table.splits[route.target]
        )
    return (
        route.name,
        route.action,
        target,
        route.rewrite,
        table.rules[route.request_rules],
        table.rules[route.response_rules],
        table.settings_of_routes[route.settings]._replace(drain_streams_ms=0),
    )
