"""Denied by default: what the routes that ask who one is mean for the others of their listeners.

Owns two things that are known only when all routes are: a listener of which one route has `authenticate` is
closed on every route that says nothing of it, and the fields that the gateway sets for who was let in are
taken out of what clients send, on every route.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gwc.schema.policies.authentication import Authentication
from gwc.schema.policies.geo import FIELD
from gwc.schema.table import RouteSettings

from .patterns import hosts_overlap
from .resolved import Alternative, Listener, Route


def with_closed(
    routes: tuple[Route, ...],
    scopes: Sequence[frozenset[str] | None],
    alternatives: Iterable[Alternative],
    listeners: Sequence[Listener],
) -> tuple[Route, ...]:
    """The routes with what `authenticate` means for them. `scopes` are the listeners each applies to."""
    asking = [_asks(route) for route in routes]
    strips: set[str] = set()
    for route in routes:
        if route.settings.authentication is not None:
            strips |= route.settings.authentication.result_fields()
    if any(route.settings.geo is not None for route in routes):
        strips.add(FIELD)
    if not any(asking) and not strips:
        return routes
    hosts: list[set[str] | None] = [set() for _ in routes]
    for each in alternatives:
        known = hosts[each.route]
        if each.host is None or each.host.kind == "regex":
            hosts[each.route] = None
        elif known is not None:
            known.add(each.host.text)

    def reached(number: int) -> set[str]:
        scope, names = scopes[number], hosts[number]
        return {
            settings.name
            for settings in (listener.settings for listener in listeners)
            if (scope is None or settings.name in scope)
            and (
                names is None
                or not settings.hosts
                or any(hosts_overlap(name, host) for name in names for host in settings.hosts)
            )
        }

    closed = set[str]().union(*(reached(number) for number, asks in enumerate(asking) if asks))
    made: dict[tuple[int, tuple[str, ...]], RouteSettings] = {}
    return tuple(
        _with(route, () if asking[number] else tuple(sorted(reached(number) & closed)), strips, made)
        for number, route in enumerate(routes)
    )


def _asks(route: Route) -> bool:
    own = route.settings.authentication
    return own is not None and not own.public


def _with(
    route: Route,
    closed: tuple[str, ...],
    strips: set[str],
    made: dict[tuple[int, tuple[str, ...]], RouteSettings],
) -> Route:
    """The route with other settings; equal ones stay one object, which later stages rely on."""
    settings = route.settings
    own = settings.authentication
    if own is not None and own.public:
        closed = ()
    if own is None and not closed and not strips:
        return route
    key = (id(settings), closed)
    found = made.get(key)
    if found is None:
        policy = (own or Authentication())._replace(closed=closed, strips=tuple(sorted(strips)))
        found = made[key] = settings._replace(authentication=policy)
    return route._replace(settings=found)
