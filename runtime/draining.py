"""Streams that a change of their route is to end: which they are, and for how long they may go on.

Owns what it means that a route has changed: the request, if it came now, would be taken by another one, or
done something else with. Knows tables and requests; who ends a stream, and how, is the exchange's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from gwc.schema.request import RequestHead
from gwc.schema.table import RouteRecord, RouteTable

from .match import Match, NeedsBody, match

if TYPE_CHECKING:
    from .exchange import Exchange
    from .snapshot import Snapshot
    from .upstream.targets import Target

_STREAMS_AT_ONCE: Final = 32
"""That are looked at after a swap, so that requests get their turn."""


async def drain_streams(streams: Collection[Exchange], was: Snapshot, now: Snapshot) -> None:
    """Give those streams a time to end whose routes have changed and ask for it."""
    tables = was.table, now.table
    if not any(each.drain_streams_ms for table in tables for each in table.settings_of_routes):
        return
    for number, stream in enumerate(tuple(streams)):
        if number % _STREAMS_AT_ONCE == _STREAMS_AT_ONCE - 1:
            await asyncio.sleep(0)
        side, plan = stream.upstream_side, stream.plan
        if stream.over or side is None or plan is None:
            continue
        own_ms = plan.settings.drain_streams_ms
        target: Target | None = getattr(side, "target", None)  # a file has none
        stays = target is None or bool(target.users)
        within = drains_within(stream.head, own_ms, was, now, target_stays=stays)
        if within is not None:
            asyncio.get_running_loop().call_later(within, stream.drained)


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
