"""Small resolved configurations, tables and heads, written shortly.

Owns the words for tests that begin after resolving: `route("a", block("*.x.test", "/p", Methods(("GET",))))`.
Patterns are spelt `=/exact`, `/prefix`, `/{template}`, `~regex`; hosts `a.test`, `*.a.test`, `~regex`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from gwc.compiler.lower import lower
from gwc.compiler.resolve.rank import Counts, RankKey, rank_key
from gwc.compiler.resolve.resolved import (
    Action,
    Alternative,
    HeaderRules,
    Listener,
    ResolvedConfig,
    Respond,
    Rewrite,
    Route,
    Target,
    Upstream,
)
from gwc.compiler.source import SourceFile, source_from_text
from gwc.schema.listener import ListenerSettings
from gwc.schema.predicate import FieldTest, HostPattern, Listeners, Methods, PathPattern, Predicate
from gwc.schema.request import Late, RequestHead
from gwc.schema.span import Span
from gwc.schema.table import RouteTable

TEXT = "".join(f"line {number}\n" for number in range(1, 400))
SOURCES: Mapping[str, SourceFile] = {"gwc.kdl": source_from_text(TEXT, "gwc.kdl")}
ADDRESS = "127.0.0.1:8080"


@dataclass(frozen=True)
class Block:
    """One alternative of a route. `conditions` may hold "host" and "path" to say where those stand."""

    host: str | None
    path: str | None
    conditions: tuple[Any, ...]


@dataclass(frozen=True)
class Planned:
    """A route before its alternatives have ranks."""

    route: Route
    blocks: tuple[Block, ...]


def block(host: str | None = None, path: str | None = None, *conditions: Any) -> Block:
    """A block of one host, one path and further conditions; the first two stand first unless said."""
    marks = ["host"] if host is not None and "host" not in conditions else []
    marks += ["path"] if path is not None and "path" not in conditions else []
    return Block(host, path, (*marks, *conditions))


def route(
    name: str,
    *blocks: Block,
    action: Action | None = None,
    priority: int = 0,
    rewrite: Rewrite | None = None,
    request: HeaderRules | None = None,
    response: HeaderRules | None = None,
) -> Planned:
    """A route of these blocks (none: it asks for nothing), which answers by itself if nothing is said."""
    made = Route(
        name=name,
        priority=priority,
        action=action or Respond(200, (), ""),
        rewrite=rewrite,
        request_headers=request or HeaderRules(),
        response_headers=response or HeaderRules(),
        span=Span("gwc.kdl", 7, 8),
    )
    return Planned(made, blocks or (Block(None, None, ()),))


def settings(name: str = "default", *addresses: str, **more: Any) -> ListenerSettings:
    """A listener's settings."""
    return ListenerSettings(name, addresses or (ADDRESS,), **more)


def config(
    *routes: Planned,
    listeners: tuple[ListenerSettings, ...] = (),
    upstreams: tuple[str, ...] = ("one", "two"),
) -> ResolvedConfig:
    """A resolved configuration: alternatives ranked as resolving ranks them."""
    ranked: list[tuple[RankKey, Alternative]] = []
    for number, planned in enumerate(routes):
        for match, each in enumerate(planned.blocks, 1):
            made = _alternative(planned.route.name, number, match, each)
            key = rank_key(planned.route.priority, made.host, made.path, _counts(made.conditions))
            ranked.append((key, made))
    ranked.sort(key=lambda pair: pair[0])
    nowhere = Span("gwc.kdl", 0, 0)
    return ResolvedConfig(
        listeners=tuple(Listener(each, nowhere) for each in listeners or (settings(),)),
        upstreams=tuple(Upstream(name, (Target(f"{name}:80", 1),), nowhere) for name in upstreams),
        routes=tuple(planned.route for planned in routes),
        alternatives=tuple(each._replace(rank=rank) for rank, (_, each) in enumerate(ranked)),
    )


def table(*routes: Planned, **more: Any) -> RouteTable:
    """The table of a configuration of these routes."""
    return lower(config(*routes, **more), SOURCES)


def host_pattern(text: str) -> HostPattern:
    """A host as spelt in these tests."""
    if text.startswith("~"):
        return HostPattern("regex", text[1:])
    return HostPattern("wildcard" if text.startswith("*.") else "exact", text)


def path_pattern(text: str) -> PathPattern:
    """A path as spelt in these tests."""
    if text.startswith("~"):
        return PathPattern("regex", text[1:])
    if text.startswith("="):
        return PathPattern("exact", text[1:])
    return PathPattern("template" if "{" in text else "prefix", text)


def _alternative(name: str, number: int, match: int, each: Block) -> Alternative:
    return Alternative(
        id=f"{name}#{match}.1",
        route=number,
        match=match,
        rank=0,
        host=None if each.host is None else host_pattern(each.host),
        path=None if each.path is None else path_pattern(each.path),
        conditions=each.conditions,
        span=Span("gwc.kdl", 14, 20),
    )


def _counts(conditions: tuple[Any, ...]) -> Counts:
    """What ranking counts."""
    rest: list[Predicate] = [each for each in conditions if each not in ("host", "path")]
    fields = [each for each in rest if isinstance(each, FieldTest)]
    queries = sum(each.place == "query" for each in fields)
    methods = sum(isinstance(each, Methods) for each in rest)
    scopes = sum(isinstance(each, Listeners) for each in rest)
    return Counts(methods, len(fields) - queries, queries, len(rest) - len(fields) - methods - scopes)


def header(name: str, *values: str, **more: Any) -> FieldTest:
    """A header that equals one of some values; without values one that is there."""
    if not values:
        return FieldTest("header", name, "present", True)
    return FieldTest("header", name, "equal", values, **more)


def head(path: str = "/", host: str = "a.test", method: str = "GET", **more: Any) -> RequestHead:
    """A normalised head. `client_ip` may be text, `late` a `Late`, `headers` a dict."""
    headers: dict[str, str] = more.pop("headers", {})
    client = more.pop("client_ip", "192.0.2.7")
    late: Late | None = more.pop("late", None)
    path, _, query = path.partition("?")
    said: dict[str, Any] = {"listener": "default", "scheme": "http", "sni": None, "sample": 0, **more}
    return RequestHead(
        method=method,
        host=host,
        authority=said.pop("authority", host),
        path=path,
        query=query or None,
        headers=headers,
        fields=said.pop("fields", tuple(headers.items())),
        client_ip=None if client is None else ip_address(client),
        late=late,
        **said,
    )
