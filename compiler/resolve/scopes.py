"""Groups and defaults: what a route inherits.

Owns the walk over `routes` from the outside in. Conditions of a group hold besides those of its routes;
settings are defaults, the innermost counts; header rules add up by header name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from gwc.schema.table import RouteSettings

from .actions import action_key, priority_of, resolve_action, resolve_rewrite
from .blocks import Block, resolve_block
from .context import Context, Record
from .headers import header_rules, inherit
from .resolved import HeaderRules, Rewrite
from .route_settings import SETTINGS, USUAL, overlaid_settings

_NO_BLOCKS = (Block(),)


class Setting(NamedTuple):
    """A setting with the record it was written in: `owner[key]`."""

    owner: Record
    key: str


class Scope(NamedTuple):
    """What holds inside a group (or for a route, once its own settings are laid over).

    `levels` are the blocks of each enclosing group that has any, outermost first; for a route its own come
    last. `action` is None until something names one. `listeners` are those that the groups' blocks leave,
    None for all. `owners` are the records it was made of: defaults, groups, the route, outermost first.
    """

    priority: int = 0
    action: Setting | None = None
    rewrite: Rewrite | None = None
    rewrite_at: Setting | None = None
    request_headers: HeaderRules = HeaderRules()
    response_headers: HeaderRules = HeaderRules()
    levels: tuple[tuple[Block, ...], ...] = ()
    listeners: frozenset[str] | None = None
    owners: tuple[Record, ...] = ()
    settings: RouteSettings = USUAL


class Scoped(NamedTuple):
    """One route's record and everything that applies to it."""

    record: Record
    scope: Scope


def walk_routes(context: Context, records: Sequence[Record], defaults: Record | None) -> Iterator[Scoped]:
    """Every route in document order with its scope. Groups nest at most as deep as documents do."""
    outermost = Scope()
    if defaults is not None:
        outermost = _overlaid(context, outermost, defaults, "defaults")
    yield from _walk(context, records, outermost)


def _walk(context: Context, records: Sequence[Record], scope: Scope) -> Iterator[Scoped]:
    for record in records:
        if "group" in record:
            yield from _walk(context, record.get("routes", ()), _inside(context, scope, record, "group"))
        else:
            yield Scoped(record, _inside(context, scope, record, "route"))


def _inside(context: Context, scope: Scope, record: Record, kind: str) -> Scope:
    """The scope with the settings and blocks of one group or route laid over it."""
    scope = _overlaid(context, scope, record, kind)
    written = record.get("matches")
    if written is not None:
        outer = scope.listeners
        blocks = tuple([resolve_block(context, block, outer) for block in written])
        return scope._replace(levels=(*scope.levels, blocks), listeners=_narrowed(outer, blocks))
    return scope._replace(levels=(*scope.levels, _NO_BLOCKS)) if kind == "route" else scope


def _narrowed(outer: frozenset[str] | None, blocks: Sequence[Block]) -> frozenset[str] | None:
    """The listeners that at least one of the blocks leaves."""
    left: frozenset[str] = frozenset()
    for block in blocks:
        if block.listeners is None:
            return outer
        left |= block.listeners
    return left if outer is None else outer & left


def _overlaid(context: Context, scope: Scope, record: Record, kind: str) -> Scope:
    """The scope with the record's own settings over it."""
    priority, action, rewrite, rewrite_at, request, response, levels, listeners, owners, settings = scope
    if "priority" in record:
        priority = priority_of(record["priority"])
    key = action_key(context, record, kind)
    if key is not None:
        action = Setting(record, key)
        if kind != "route":  # where every route has its own, nobody else looks at this one
            resolve_action(replace(context, used_upstreams=set()), record, key)
    if "rewrite" in record:
        rewrite = resolve_rewrite(context, record["rewrite"])
        rewrite_at = Setting(record, "rewrite")
    if "request-headers" in record:
        request = inherit(request, header_rules(context, record["request-headers"], "request"))
    if "response-headers" in record:
        response = inherit(response, header_rules(context, record["response-headers"], "reply"))
    if not SETTINGS.isdisjoint(record):
        settings = overlaid_settings(context, settings, record)
    owners = (*owners, record)
    return Scope(
        priority, action, rewrite, rewrite_at, request, response, levels, listeners, owners, settings
    )
