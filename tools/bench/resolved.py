"""The benchmarks' routes as a resolved configuration, to time a stage without those before it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gwc.compiler.resolve.rank import Counts, RankKey, rank_key
from gwc.compiler.resolve.resolved import (
    Alternative,
    HeaderRules,
    Listener,
    ResolvedConfig,
    Route,
    Target,
    ToUpstream,
    Upstream,
)
from gwc.schema.listener import ListenerSettings
from gwc.schema.predicate import FieldTest, HostPattern, Methods, PathPattern, Predicate
from gwc.schema.span import Span

from .workload import BenchRoute

_NOWHERE = Span("gwc.kdl", 0, 0)
_KINDS: dict[str, Literal["exact", "prefix", "template"]] = {
    "path": "exact",
    "path-prefix": "prefix",
    "path-template": "template",
}


def resolved_config(routes: Sequence[BenchRoute]) -> ResolvedConfig:
    """What resolving makes of the routes: one listener, one alternative a route."""
    ranked = sorted(
        (_alternative(number, route) for number, route in enumerate(routes)), key=lambda pair: pair[0]
    )
    names = sorted({route.upstream for route in routes})
    return ResolvedConfig(
        listeners=(Listener(ListenerSettings("public", ("0.0.0.0:8080",)), _NOWHERE),),
        upstreams=tuple(Upstream(name, (Target("10.0.0.1:8080", 1),), _NOWHERE) for name in names),
        routes=tuple(
            Route(
                name=route.name,
                priority=0,
                action=ToUpstream(route.upstream),
                rewrite=None,
                request_headers=HeaderRules(set=(("x-route", route.name),)),
                response_headers=HeaderRules(),
                span=_NOWHERE,
            )
            for route in routes
        ),
        alternatives=tuple(
            Alternative(
                id=each.id,
                route=each.route,
                match=each.match,
                rank=rank,
                host=each.host,
                path=each.path,
                conditions=each.conditions,
                span=each.span,
            )
            for rank, (_, each) in enumerate(ranked)
        ),
    )


def _alternative(number: int, route: BenchRoute) -> tuple[RankKey, Alternative]:
    host = HostPattern("wildcard" if route.host.startswith("*.") else "exact", route.host)
    path = PathPattern(_KINDS[route.kind], route.path)
    conditions: list[Predicate | Literal["host", "path"]] = ["host", "path", Methods(route.methods)]
    if route.tenant is not None:
        conditions.append(FieldTest("header", "x-tenant", "equal", (route.tenant,)))
    counts = Counts(methods=1, fields=0 if route.tenant is None else 1)
    key = rank_key(0, host, path, counts)
    alternative = Alternative(f"{route.name}#1.1", number, 1, 0, host, path, tuple(conditions), _NOWHERE)
    return key, alternative
