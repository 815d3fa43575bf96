"""Resolve: names bound, groups and defaults applied, every alternative written out and ranked.

Owns the stage function. After it nobody looks at groups, defaults, matchers or units again.
"""

from __future__ import annotations

from dataclasses import dataclass

from gwc.schema.diagnostic import Diagnostic, Label, error
from gwc.schema.span import Span

from ..validate.record import Record, key_span, span_of
from .actions import resolve_action
from .blocks import resolve_block
from .context import Context, name_span, name_table
from .effects import check_effects
from .expand import Expanded, expand, size
from .listeners import IMPLICIT, resolve_listeners
from .rank import RankKey, rank_key
from .resolved import (
    Alternative,
    HeaderRules,
    Listener,
    Redirect,
    ResolvedConfig,
    Respond,
    Route,
    Target,
    ToUpstream,
    Upstream,
)
from .scopes import Scoped, walk_routes

MAX_ROUTES = 100_000
MAX_ALTERNATIVES = 400_000


@dataclass(frozen=True, slots=True)
class Resolution:
    """The stage's result: the configuration, and what checks want to know of how it was written.

    `routes` stand in the same order as `config.routes`. `config` is None where an error was found.
    """

    config: ResolvedConfig | None
    diagnostics: tuple[Diagnostic, ...]
    root: Record
    routes: tuple[Scoped, ...]
    used_upstreams: frozenset[str]
    used_matchers: frozenset[str]


def resolve(root: Record, main_file: str) -> Resolution:
    """Resolve validated data. `main_file` is where an implicit listener is said to stand."""
    found: list[Diagnostic] = []
    listener_records = root.get("listeners", ())
    upstream_records = root.get("upstreams", ())
    matcher_records = root.get("matchers", ())
    listener_names = name_table("listener", listener_records, found)
    upstream_names = name_table("upstream", upstream_records, found)
    matcher_names = name_table("matcher", matcher_records, found)
    listeners = resolve_listeners(listener_records, found) or (Listener(IMPLICIT, Span(main_file, 0, 0)),)
    context = Context(
        listeners=listener_names,
        upstreams=upstream_names,
        matchers=matcher_names,
        settings={listener.settings.name: listener.settings for listener in listeners},
        found=found,
    )
    scoped_routes: list[Scoped] = []
    routes: list[Route] = []
    ranked: list[tuple[RankKey, int, Expanded, str]] = []
    names: dict[str, Record] = {}
    for scoped in walk_routes(context, root.get("routes", ()), root.get("defaults")):
        if len(routes) >= MAX_ROUTES:
            found.append(_too_many(scoped, f"there are more than {MAX_ROUTES} routes"))
            break
        _bind_name(names, scoped.record, found)
        levels = scoped.scope.levels
        if len(ranked) + size(levels) > MAX_ALTERNATIVES:
            headline = f"the routes expand to more than {MAX_ALTERNATIVES} alternatives"
            found.append(_too_many(scoped, headline))
            break
        alternatives = tuple(expand(levels))
        _rank(scoped, alternatives, len(routes), ranked)
        scoped_routes.append(scoped)
        routes.append(_route(context, scoped, alternatives))
    _walk_unused_matchers(context)
    config = None
    if not any(diagnostic.severity.word == "error" for diagnostic in found):
        config = ResolvedConfig(
            listeners,
            tuple(map(_upstream, upstream_records)),
            tuple(routes),
            _in_rank_order(ranked, routes),
        )
    return Resolution(
        config,
        tuple(found),
        root,
        tuple(scoped_routes),
        frozenset(context.used_upstreams),
        frozenset(context.used_matchers),
    )


def _bind_name(names: dict[str, Record], record: Record, found: list[Diagnostic]) -> None:
    """A route's name stands once, whatever group it is in."""
    first = names.setdefault(record["route"], record)
    if first is not record:
        found.append(
            error(
                "GWC301",
                span_of(record, "route"),
                f"route `{record['route']}` stands twice",
                label="the second of this name",
                secondary=(Label(span_of(first, "route"), "the first"),),
                help="give one another name; logs, metrics and `explain` speak of a route by its name",
            )
        )


def _rank(
    scoped: Scoped,
    alternatives: tuple[Expanded, ...],
    route: int,
    ranked: list[tuple[RankKey, int, Expanded, str]],
) -> None:
    """Give each alternative its key and its id."""
    numbers: dict[int, int] = {}
    name = scoped.record["route"]
    for each in alternatives:
        number = numbers[each.match] = numbers.get(each.match, 0) + 1
        key = rank_key(scoped.scope.priority, each.host, each.path, each.counts, len(ranked))
        ranked.append((key, route, each, f"{name}#{each.match}.{number}"))


def _in_rank_order(
    ranked: list[tuple[RankKey, int, Expanded, str]], routes: list[Route]
) -> tuple[Alternative, ...]:
    """The alternatives sorted; the key is total, because positions differ."""
    ranked.sort(key=lambda entry: entry[0])
    return tuple(
        Alternative(
            id=identity,
            route=route,
            match=each.match,
            rank=rank,
            host=each.host,
            path=each.path,
            conditions=each.conditions,
            span=_place(each, routes[route]),
        )
        for rank, (_, route, each, identity) in enumerate(ranked)
    )


def _place(each: Expanded, route: Route) -> Span:
    """Where the alternative's own block begins; a route without one stands for itself, by its name."""
    record = each.block.record
    if record is None:
        return route.span
    node = record.node
    return Span(record.file, node.start, node.start + node.head.name_end)


def _route(context: Context, scoped: Scoped, alternatives: tuple[Expanded, ...]) -> Route:
    record, scope = scoped.record, scoped.scope
    if scope.action is None:
        context.report(
            error(
                "GWC323",
                span_of(record, "route"),
                f"route `{record['route']}` does nothing",
                label="has no action",
                help="give it `upstream`, `split`, `redirect` or `respond`",
            )
        )
        action = None
    else:
        action = resolve_action(context, scope.action.owner, scope.action.key)
        check_effects(context, scoped, action, alternatives)
    answers = isinstance(action, Redirect | Respond)
    return Route(
        name=record["route"],
        priority=scope.priority,
        action=action if action is not None else ToUpstream(""),
        rewrite=None if answers else scope.rewrite,
        request_headers=HeaderRules() if answers else scope.request_headers,
        response_headers=scope.response_headers,
        span=name_span(record, "route"),
    )


def _upstream(record: Record) -> Upstream:
    return Upstream(
        record["upstream"],
        tuple(Target(target["target"], target.get("weight", 1)) for target in record["targets"]),
        span_of(record, "upstream"),
    )


def _walk_unused_matchers(context: Context) -> None:
    """Resolve matchers that no route uses, so that their mistakes are told as well."""
    for name, record in context.matchers.items():
        if name not in context.used_matchers:
            resolve_block(context, record, None)
            context.used_matchers.discard(name)


def _too_many(scoped: Scoped, headline: str) -> Diagnostic:
    return error(
        "GWC330",
        span_of(scoped.record, "route"),
        headline,
        label="this one is too many",
        help="use patterns instead of single values, or several gateways",
    )


__all__ = ["MAX_ALTERNATIVES", "MAX_ROUTES", "Resolution", "key_span", "resolve"]
