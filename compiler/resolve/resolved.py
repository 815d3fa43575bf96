"""The resolved configuration: what is left when every name is bound and every alternative is written out.

Owns the types between `resolve` and `check`/`lower`. Groups, defaults, matchers and overlays are gone from
here: a route carries what applies to it. Settings that are a matter of the runtime alone are the table's own
records; else it knows nothing of how a table is laid out.

PERF: routes and alternatives are named tuples, 0.4 us each; a frozen dataclass of their size takes 1.7 us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from gwc.schema.listener import ListenerSettings
from gwc.schema.policies.choosing import Choosing
from gwc.schema.policies.egress import EgressRecord
from gwc.schema.policies.static_files import StaticFilesRecord
from gwc.schema.policies.tls import ListenerTls
from gwc.schema.predicate import HostPattern, PathPattern, Predicate
from gwc.schema.span import Span
from gwc.schema.table import (
    GatewayRecord,
    ListenerHttp2,
    ListenerTimeouts,
    RouteSettings,
    UpstreamConnections,
    UpstreamNames,
    UpstreamProtocol,
    UpstreamTimeouts,
    UpstreamTls,
)


@dataclass(frozen=True, slots=True)
class HeaderRules:
    """Changes of header fields, run in the order rename, set, add, remove.

    Names are in lower case. Values are templates as written (`${…}` unfilled, `$${` for a literal `${`).
    """

    rename: tuple[tuple[str, str], ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What of the request changes on its way: `host`, and one way for the path.

    `full`: the path becomes `path`. `prefix`: the winning prefix is replaced by `path`. `template`: `path` is
    filled with the match's captures (`${path.id}`).
    """

    host: str | None = None
    kind: Literal["full", "prefix", "template"] | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class ToUpstream:
    """Forward to one upstream."""

    upstream: str


@dataclass(frozen=True, slots=True)
class SplitPart:
    """One share of a split, with changes of its own that come after the route's."""

    upstream: str
    weight: int
    request_headers: HeaderRules = HeaderRules()
    response_headers: HeaderRules = HeaderRules()
    rewrite: Rewrite | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Forward to one of several upstreams, by weight. All weights 0: status 500."""

    parts: tuple[SplitPart, ...]


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer with a Location. What is None stays as the request has it.

    `kind` and `path` as in `Rewrite`, without templates. `port` None: docs/semantics.md, "Redirect port".
    """

    scheme: Literal["http", "https"] | None
    host: str | None
    port: int | None
    kind: Literal["full", "prefix"] | None
    path: str
    status: int
    keep_query: bool


@dataclass(frozen=True, slots=True)
class Respond:
    """Answer with a fixed reply. Header values are templates."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str


@dataclass(frozen=True, slots=True)
class Builtin:
    """Answer with what the gateway says of itself: `health`, `ready` or `echo`."""

    name: str


@dataclass(frozen=True, slots=True)
class StaticFiles:
    """Answer with files of a directory."""

    record: StaticFilesRecord


Action = ToUpstream | Split | Redirect | Respond | Builtin | StaticFiles


@dataclass(frozen=True, slots=True)
class Target:
    """One address of an upstream (`host:port`, `unix:/path`, `srv:name`, references unresolved), weighted."""

    address: str
    weight: int


@dataclass(frozen=True, slots=True)
class Upstream:
    """A named set of targets, and how they are spoken to."""

    name: str
    targets: tuple[Target, ...]
    span: Span
    tls: UpstreamTls | None = None
    connections: UpstreamConnections = UpstreamConnections()
    timeouts: UpstreamTimeouts = UpstreamTimeouts()
    names: UpstreamNames = UpstreamNames()
    protocol: UpstreamProtocol = "http1"
    choosing: Choosing | None = None
    egress: EgressRecord | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """A listener: what matching must know of it, and where it was written."""

    settings: ListenerSettings
    span: Span
    proxy_protocol: bool = False
    timeouts: ListenerTimeouts = ListenerTimeouts()
    http2: ListenerHttp2 = ListenerHttp2()
    secure: ListenerTls | None = None
    redirect_port: int | None = None
    hsts: str | None = None
    private: bool = False


class Alternative(NamedTuple):
    """One host and one path value of a block, with everything else that must hold.

    `id` is stable: `route#match.number`, numbers from 1, hosts outer, paths inner, a group's before its
    route's. `match` is the number of the route's block (1 for a route without one). `host` and `path` are the
    innermost ones, None where there is none. `conditions` are all predicates in written order, outer groups
    first; "host" and "path" stand where the innermost ones were written; inherited ones are `Hosts`, `Paths`.
    `rank` is the place in the total order of all alternatives, from 0; `route` is an index into the routes.
    """

    id: str
    route: int
    match: int
    rank: int
    host: HostPattern | None
    path: PathPattern | None
    conditions: tuple[Predicate | Literal["host", "path"], ...]
    span: Span


class Route(NamedTuple):
    """A route with what it inherited. `span` is its name's place."""

    name: str
    priority: int
    action: Action
    rewrite: Rewrite | None
    request_headers: HeaderRules
    response_headers: HeaderRules
    span: Span
    settings: RouteSettings = RouteSettings()


@dataclass(frozen=True, slots=True)
class ResolvedConfig:
    """A whole configuration: routes in document order, alternatives by rank (`alternatives[i].rank == i`)."""

    listeners: tuple[Listener, ...]
    upstreams: tuple[Upstream, ...]
    routes: tuple[Route, ...]
    alternatives: tuple[Alternative, ...]
    gateway: GatewayRecord = GatewayRecord()
