"""Resolve: names bound, groups and defaults applied, every alternative written out and ranked.

Owns the stage function. After it nobody looks at groups, defaults, matchers or units again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import NamedTuple

from gwc.schema.diagnostic import Diagnostic, Label, Severity, error
from gwc.schema.predicate import HostPattern, PathPattern
from gwc.schema.span import Span

from ..validate.record import Record, key_span, span_of
from .actions import resolve_action
from .agents import resolve_agents
from .blocks import MAX_WRITTEN_IN, Block, Step, resolve_block, written_in_too_much
from .closing import with_closed
from .context import Context, name_span, name_table, top_of
from .effects import check_effects
from .expand import Expanded, expand, size
from .fallback import use_upstreams
from .gateway import resolve_gateway
from .listeners import IMPLICIT, resolve_listeners
from .rank import RankKey, rank_key
from .resolved import (
    Alternative,
    Builtin,
    HeaderRules,
    Listener,
    Redirect,
    ResolvedConfig,
    Respond,
    Route,
    ToUpstream,
)
from .route_settings import USUAL, settings_in_force
from .scopes import Scoped, walk_routes
from .upstreams import resolve_upstream
from .written import with_negations, written_blocks

MAX_ROUTES = 100_000
MAX_ALTERNATIVES = 400_000


class Item(NamedTuple):
    """A part of the file as it was written: the defaults, a matcher, or a route or group with all in it.

    `blocks` are its blocks of conditions, those inside `not` too. A resident compiler keeps the same object
    while the part and what stands around it stay the same.
    """

    record: Record
    blocks: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Resolution:
    """The stage's result: the configuration, and what checks want to know of how it was written.

    `routes` stand in the same order as `config.routes`. `config` is None where an error was found. `items`
    are the routes and groups in document order, then the matchers, then the defaults.
    """

    config: ResolvedConfig | None
    diagnostics: tuple[Diagnostic, ...]
    root: Record
    routes: tuple[Scoped, ...]
    used_upstreams: frozenset[str]
    used_matchers: frozenset[str]
    items: tuple[Item, ...]


Keyed = tuple[RankKey, str, int, HostPattern | None, PathPattern | None, "tuple[Step, ...]", Span]
"""An alternative before it has a rank: key, id, block, host, path, conditions, place.

PERF: a plain tuple; a resident compiler ranks 10 000 of them anew whenever one has changed.
"""


class Unit(NamedTuple):
    """What one item of `routes` came to.

    `alternatives` has a tuple for each route. `written_in` is how much text `use` wrote into its blocks.
    The item's record is kept so that its identity stays its own.
    """

    item: Item
    scoped: tuple[Scoped, ...]
    routes: tuple[Route, ...]
    alternatives: tuple[tuple[Keyed, ...], ...]
    found: tuple[Diagnostic, ...]
    used_upstreams: frozenset[str]
    used_matchers: frozenset[str]
    written_in: int


class ResolveCache:
    """Units of an earlier run, by the identity of their record.

    Mutable: `surroundings` is what the units were resolved in (listeners, names, matchers, defaults), `units`
    are theirs. A run in other surroundings begins anew; records that are gone are forgotten.
    """

    def __init__(self) -> None:
        self.surroundings: object = None
        self.units: dict[int, Unit] = {}


def resolve(root: Record, main_file: str, cache: ResolveCache | None = None) -> Resolution:
    """Resolve validated data. `main_file` is where an implicit listener is said to stand.

    With `cache`, what an earlier run made of the same records in the same surroundings is taken from it.
    """
    found: list[Diagnostic] = []
    listener_records = root.get("listeners", ())
    upstream_records = root.get("upstreams", ())
    matcher_records = root.get("matchers", ())
    listener_names = name_table("listener", listener_records, found)
    upstream_names = name_table("upstream", upstream_records, found)
    matcher_names = name_table("matcher", matcher_records, found)
    listeners = resolve_listeners(listener_records, found) or (Listener(IMPLICIT, top_of(root, main_file)),)
    context = Context(
        listeners=listener_names,
        upstreams=upstream_names,
        matchers=matcher_names,
        settings={listener.settings.name: listener.settings for listener in listeners},
        agents=resolve_agents(root.get("agents", ()), found),
        found=found,
    )
    before = _earlier_units(context, matcher_records, root, cache)
    units = []
    routes_left, alternatives_left = MAX_ROUTES, MAX_ALTERNATIVES
    for record in root.get("routes", ()):
        unit = before.get(id(record)) or _resolve_unit(context, record, root)
        units.append(unit)
        routes_left -= len(unit.routes)
        alternatives_left -= sum(map(len, unit.alternatives))
        context.written_in += unit.written_in
        if routes_left < 0:
            found.append(_too_many(unit.scoped[-1], f"there are more than {MAX_ROUTES} routes"))
            break
        if alternatives_left < 0:
            found.append(_too_many_alternatives(unit.scoped[-1]))
            break
        if context.written_in > MAX_WRITTEN_IN:
            if unit.written_in <= MAX_WRITTEN_IN:  # else it has told so itself
                found.append(written_in_too_much(span_of(unit.scoped[-1].record, "route")))
            break
    if not units:  # nobody else looks at them
        list(walk_routes(context, (), root.get("defaults")))
    if cache is not None:
        cache.units = {id(unit.item.record): unit for unit in units}
    scoped_routes = tuple(scoped for unit in units for scoped in unit.scoped)
    routes = tuple(route for unit in units for route in unit.routes)
    used_upstreams = frozenset[str]().union(*(unit.used_upstreams for unit in units))
    context.used_matchers |= frozenset[str]().union(*(unit.used_matchers for unit in units))
    for unit in units:
        found += unit.found
    _refuse_repeated_names(scoped_routes, found)
    _walk_unused_matchers(context)
    upstreams = tuple(resolve_upstream(record, found) for record in upstream_records)
    gateway = resolve_gateway(root, found)
    config = None
    if not any(diagnostic.severity is Severity.ERROR for diagnostic in found):
        alternatives = _in_rank_order(units)
        reach = [scoped.scope.listeners for scoped in scoped_routes]
        routes = with_closed(routes, reach, alternatives, listeners)
        config = ResolvedConfig(listeners, upstreams, routes, alternatives, gateway)
    items = [unit.item for unit in units]
    items += [Item(matcher, tuple(with_negations(matcher))) for matcher in matcher_records]
    if "defaults" in root:
        items.append(Item(root["defaults"], ()))
    return Resolution(
        config,
        tuple(found),
        root,
        scoped_routes,
        used_upstreams,
        frozenset(context.used_matchers),
        tuple(items),
    )


_NO_UNITS: Mapping[int, Unit] = MappingProxyType({})


def _earlier_units(
    context: Context, matchers: Sequence[Record], root: Record, cache: ResolveCache | None
) -> Mapping[int, Unit]:
    """The units of the cache, where they were resolved in what stands around the routes now."""
    if cache is None:
        return _NO_UNITS
    defaults = root.get("defaults")
    names = tuple(context.upstreams), tuple(context.agents.values())
    surroundings = (context.settings, names, tuple(map(id, matchers)), id(defaults))
    if cache.surroundings != (surroundings, matchers, defaults):
        cache.surroundings = (surroundings, matchers, defaults)  # the records, so that their ids stay theirs
        cache.units = {}
    return cache.units


def _resolve_unit(context: Context, record: Record, root: Record) -> Unit:
    """Resolve one item of `routes`, everything that it says collected apart."""
    own = replace(context, found=[], used_upstreams=set(), used_matchers=set(), written_in=0)
    scoped_routes: list[Scoped] = []
    routes: list[Route] = []
    alternatives = []
    total = 0
    for scoped in walk_routes(own, (record,), root.get("defaults")):
        total += size(scoped.scope.levels)
        if total > MAX_ALTERNATIVES:
            own.report(_too_many_alternatives(scoped))
            break
        expanded = tuple(expand(scoped.scope.levels))
        scoped_routes.append(scoped)
        routes.append(_route(own, scoped, expanded))
        alternatives.append(tuple(_keyed(own, scoped, expanded)))
    return Unit(
        Item(record, tuple(written_blocks((record,)))),
        tuple(scoped_routes),
        tuple(routes),
        tuple(alternatives),
        tuple(own.found),
        frozenset(own.used_upstreams),
        frozenset(own.used_matchers),
        own.written_in,
    )


def _keyed(context: Context, scoped: Scoped, alternatives: Iterable[Expanded]) -> Iterator[Keyed]:
    """Each alternative with its key, its id and its place."""
    share = context.share
    numbers: dict[int, int] = {}
    name, priority = scoped.record["route"], scoped.scope.priority
    for match, host, path, conditions, counts, block in alternatives:
        number = numbers[match] = numbers.get(match, 0) + 1
        key = rank_key(priority, host, path, counts)
        place = _place(block, scoped.record)
        yield key, f"{name}#{match}.{number}", match, host, path, share(conditions), place


def _place(block: Block, route: Record) -> Span:
    """Where an alternative's own block begins; a route without one stands for itself, by its name."""
    record = block.record
    if record is None:
        return name_span(route, "route")
    node = record.node
    return Span(record.file, node.start, node.start + node.head.name_end)


def _refuse_repeated_names(routes: Iterable[Scoped], found: list[Diagnostic]) -> None:
    """A route's name stands once, whatever group it is in."""
    names: dict[str, Record] = {}
    for record, _ in routes:
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


def _in_rank_order(units: Sequence[Unit]) -> tuple[Alternative, ...]:
    """The alternatives sorted, those with equal keys in document order; routes are numbered through."""
    routes = (alternatives for unit in units for alternatives in unit.alternatives)
    entries = [(keyed, route) for route, alternatives in enumerate(routes) for keyed in alternatives]
    entries.sort(key=_key)
    return tuple(
        [
            Alternative(identity, route, match, rank, host, path, conditions, place)
            for rank, ((_, identity, match, host, path, conditions, place), route) in enumerate(entries)
        ]
    )


def _key(entry: tuple[Keyed, int]) -> RankKey:
    return entry[0][0]


def _route(context: Context, scoped: Scoped, alternatives: tuple[Expanded, ...]) -> Route:
    record, scope = scoped.record, scoped.scope
    if scope.action is None:
        context.report(
            error(
                "GWC323",
                span_of(record, "route"),
                f"route `{record['route']}` does nothing",
                label="has no action",
                help="give it `upstream`, `split`, `redirect`, `respond` or `builtin`",
            )
        )
        action = None
    else:
        action = resolve_action(context, scope.action.owner, scope.action.key)
        check_effects(context, scoped, action, alternatives)
    settings = USUAL if action is None else context.share(settings_in_force(scope.settings, action))
    if settings.fallback is not None:
        use_upstreams(context, settings.fallback.upstreams)
    use_upstreams(context, (each.upstream for each in settings.mirrors))
    answers = isinstance(action, Redirect | Respond | Builtin)
    return Route(
        name=record["route"],
        priority=scope.priority,
        action=context.share(action if action is not None else ToUpstream("")),
        rewrite=None if answers else scope.rewrite,
        request_headers=context.share(HeaderRules() if answers else scope.request_headers),
        response_headers=context.share(scope.response_headers),
        span=name_span(record, "route"),
        settings=settings,
    )


def _walk_unused_matchers(context: Context) -> None:
    """Resolve matchers that no route uses, so that their mistakes are told as well."""
    context.told_depth = any(each.code == "GWC331" for each in context.found)
    for name, record in context.matchers.items():
        if context.written_in > MAX_WRITTEN_IN:
            break
        if name not in context.used_matchers:
            resolve_block(context, record, None)
            context.used_matchers.discard(name)


def _too_many_alternatives(scoped: Scoped) -> Diagnostic:
    return _too_many(scoped, f"the routes expand to more than {MAX_ALTERNATIVES} alternatives")


def _too_many(scoped: Scoped, headline: str) -> Diagnostic:
    return error(
        "GWC330",
        span_of(scoped.record, "route"),
        headline,
        label="this one is too many",
        help="use patterns instead of single values, or several gateways",
    )


__all__ = ["MAX_ALTERNATIVES", "MAX_ROUTES", "Resolution", "key_span", "resolve"]
