"""Groups and defaults: what a route inherits.

Owns the walk over `routes` from the outside in. Conditions of a group hold besides those of its routes;
settings are defaults, the innermost counts; header rules add up by header name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from .actions import action_key, header_rules, inherit, priority_of, resolve_rewrite
from .blocks import Block, resolve_block
from .context import Context, Record
from .resolved import HeaderRules, Rewrite

_EMPTY_BLOCK = Block()


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting with the record it was written in: `owner[key]`."""

    owner: Record
    key: str


@dataclass(frozen=True, slots=True)
class Scope:
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


@dataclass(frozen=True, slots=True)
class Scoped:
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
    if written is None:
        blocks: tuple[Block, ...] = (_EMPTY_BLOCK,) if kind == "route" else ()
    else:
        blocks = tuple(resolve_block(context, block, scope.listeners) for block in written)
    if not blocks:
        return scope
    return replace(scope, levels=(*scope.levels, blocks), listeners=_narrowed(scope.listeners, blocks))


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
    changes: dict[str, object] = {"owners": (*scope.owners, record)}
    if "priority" in record:
        changes["priority"] = priority_of(record["priority"])
    action = action_key(context, record, kind)
    if action is not None:
        changes["action"] = Setting(record, action)
    if "rewrite" in record:
        changes["rewrite"] = resolve_rewrite(context, record["rewrite"])
        changes["rewrite_at"] = Setting(record, "rewrite")
    if "request-headers" in record:
        changes["request_headers"] = inherit(
            scope.request_headers, header_rules(context, record["request-headers"])
        )
    if "response-headers" in record:
        changes["response_headers"] = inherit(
            scope.response_headers, header_rules(context, record["response-headers"])
        )
    return replace(scope, **changes)  # type: ignore[arg-type]  # keys are the fields above
