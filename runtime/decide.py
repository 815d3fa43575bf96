"""What happens to a request whose route is known.

Owns the decision: the one answer of `gwc explain` and of the proxy. It is a pure function of table, head and
match; who sends what it decides is not its matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gwc.schema.listener import ListenerSettings
from gwc.schema.request import Refusal, RequestHead
from gwc.schema.table import BUILTINS, Alternative, RewriteRecord, RouteRecord, RouteTable

from .actions.headers import HeaderChanges, changes_of
from .actions.redirect import location
from .actions.rewrite import rewritten_path
from .actions.split import part_at
from .actions.variables import Facts, fill
from .match import Match


@dataclass(frozen=True, slots=True)
class Shares:
    """One part of a split and its share of the requests."""

    upstream: str
    weight: int
    of: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to one request.

    `upstream`: sent to `upstream` (of a `split`: the part taken at the split point, `shares` are all of them)
    as `host`, `path`, `query`, with each of `request_headers` applied in turn. `redirect`: answered with
    `status` and `location`. `respond`: answered with `status`, `headers` and `body`. `builtin`: answered
    with what the gateway says of itself, `builtin` says what. `static-files`: answered with what
    `path` leads to below `root`. `rejected`: answered with `status`, for
    `reason`. `response_headers`, the part's last, apply to every reply.
    """

    kind: Literal["upstream", "split", "redirect", "respond", "builtin", "static-files", "rejected"]
    status: int | None = None
    reason: str | None = None
    upstream: str | None = None
    shares: tuple[Shares, ...] = ()
    host: str | None = None
    path: str | None = None
    query: str | None = None
    location: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    builtin: str | None = None
    root: str | None = None
    request_headers: tuple[HeaderChanges, ...] = ()
    response_headers: tuple[HeaderChanges, ...] = ()


def decide(
    table: RouteTable,
    head: RequestHead,
    match: Match,
    *,
    port: int | None,
    split_point: int = 0,
    ids: tuple[str, str] = ("${trace-id}", "${request-id}"),
    identity: Mapping[str, str] | None = None,
) -> Decision:
    """What happens to the request of `head`, which `match` won.

    `port` is the port that the address it came in by has, None on a unix socket; a listener's `public-port`
    goes before it. `split_point` picks the part of a split (modulo the sum of the weights). `ids` are the
    trace's and the request's, by default as the variables are written; so is `identity`.
    """
    alternative = table.alternatives[match.rank]
    route = table.routes[alternative.route]
    facts = Facts(head, route.name, match.captures, *ids, identity)
    settings = next(each for each in table.settings() if each.name == head.listener)
    response = (changes_of(table.rules[route.response_rules], facts),)
    if route.action == "redirect":
        record = table.redirects[route.target]
        return Decision(
            "redirect",
            status=record.status,
            location=location(record, head, alternative, settings.public_port or port),
            response_headers=response,
        )
    if route.action == "respond":
        reply = table.responds[route.target]
        return Decision(
            "respond",
            status=reply.status,
            headers=tuple((name, fill(value, facts)) for name, value in reply.headers),
            body=reply.body,
            response_headers=response,
        )
    if route.action == "builtin":
        return Decision("builtin", builtin=BUILTINS[route.target], response_headers=response)
    if route.action == "static-files":
        path: str | Refusal = head.path
        if route.rewrite is not None:
            path = rewritten_path(route.rewrite, alternative, facts, settings.path_options)
        if isinstance(path, Refusal):
            return Decision("rejected", status=500, reason="rewrite-refused", response_headers=response)
        root = table.static_files[route.target].root
        return Decision("static-files", path=path, root=root, response_headers=response)
    request = (changes_of(table.rules[route.request_rules], facts),)
    if route.action == "split":
        return _split(table, route, alternative, facts, settings, request, response, split_point)
    return _forward(
        "upstream",
        table.upstreams[route.target].name,
        route.rewrite,
        alternative,
        facts,
        settings,
        request,
        response,
    )


def _split(
    table: RouteTable,
    route: RouteRecord,
    alternative: Alternative,
    facts: Facts,
    settings: ListenerSettings,
    request: tuple[HeaderChanges, ...],
    response: tuple[HeaderChanges, ...],
    point: int,
) -> Decision:
    """The part at the split point, with its own changes after the route's."""
    parts = table.splits[route.target]
    taken = part_at(parts, point)
    total = sum(part.weight for part in parts)
    shares = tuple(Shares(table.upstreams[part.upstream].name, part.weight, total) for part in parts)
    if taken is None:
        return Decision(
            "rejected", status=500, reason="split-weights", shares=shares, response_headers=response
        )
    part = parts[taken]
    return _forward(
        "split",
        table.upstreams[part.upstream].name,
        part.rewrite or route.rewrite,
        alternative,
        facts,
        settings,
        (*request, changes_of(table.rules[part.request_rules], facts)),
        (*response, changes_of(table.rules[part.response_rules], facts)),
        shares,
    )


def _forward(
    kind: Literal["upstream", "split"],
    upstream: str,
    rewrite: RewriteRecord | None,
    alternative: Alternative,
    facts: Facts,
    settings: ListenerSettings,
    request: tuple[HeaderChanges, ...],
    response: tuple[HeaderChanges, ...],
    shares: tuple[Shares, ...] = (),
) -> Decision:
    """The request as the upstream sees it; a path that the gateway refuses is 500."""
    head = facts.head
    path: str | Refusal = head.path
    host = head.authority
    if rewrite is not None:
        path = rewritten_path(rewrite, alternative, facts, settings.path_options)
        host = rewrite.host or host
    if isinstance(path, Refusal):
        return Decision(
            "rejected", status=500, reason="rewrite-refused", upstream=upstream, response_headers=response
        )
    return Decision(
        kind,
        upstream=upstream,
        shares=shares,
        host=host,
        path=path,
        query=head.query,
        request_headers=request,
        response_headers=response,
    )
