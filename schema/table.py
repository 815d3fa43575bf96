"""The route table: what the compiler makes and the runtime asks.

Owns the layout, and nothing that decides: building it is `gwc.compiler.lower`'s, asking it is
`gwc.runtime.match`'s, bytes are `artifact.py`'s. Everything is JSON-native: tuples (arrays), dicts with text
keys, text, integers, booleans, None. The form in memory is the form on disk, so loading decodes and appends
and builds nothing. What a request touches are plain tuples that are unpacked (PERF: a `NamedTuple` costs
18-21 ns a field where a tuple costs 8, and a list is two cache lines where a tuple is one); what is looked
at once a request or less are `NamedTuple`s. Nobody changes the dicts.

Sections refer to each other by number, a place in the section's tuple. Text is one byte a character
(latin-1), but for names, addresses, response bodies and programs. A rank is an alternative's number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from .listener import ListenerLimits as ListenerLimits
from .listener import ListenerSettings, PathOptions
from .networks import Networks as Networks
from .policies.addresses import AddressRules
from .policies.agents import AgentRecord
from .policies.api_schema import ApiSchemaRecord
from .policies.authentication import Authentication
from .policies.choosing import Choosing
from .policies.compress import CompressRecord, DecompressRecord
from .policies.cors import CorsRecord
from .policies.egress import EgressRecord
from .policies.error_pages import ErrorPagesRecord
from .policies.fallback import FallbackRecord
from .policies.geo import Geo
from .policies.http2 import ListenerHttp2 as ListenerHttp2
from .policies.limits import ConcurrencyRecord, RateLimitRecord
from .policies.mirror import MirrorRecord
from .policies.retries import RetriesRecord
from .policies.security_headers import SecurityHeadersRecord
from .policies.static_files import StaticFilesRecord
from .policies.tls import ListenerTls as ListenerTls
from .policies.websocket import WebSocketRecord

if TYPE_CHECKING:
    from .regex.program import Program

FORMAT_VERSION: Final = 4
"""Changes whenever a table of before would be read differently."""

NO_RANK: Final = (1 << 30) - 1
"""Worse than every rank: nothing there. (The largest integer that CPython keeps in one digit.)"""

NOTHING: Final = -1
"""A number that refers to nothing."""

# --- the rest of a configuration, as it is ------------------------------------------------------------------

Value: TypeAlias = tuple[str, ...]
"""A header value or path with variables: text, variable, text, variable, … text. Variables are named as
written between `${` and `}`. One part alone is plain text."""

PathKind: TypeAlias = Literal["exact", "prefix", "template", "regex"]
HostKind: TypeAlias = Literal["exact", "wildcard", "regex"]
ActionKind: TypeAlias = Literal["upstream", "split", "redirect", "respond", "builtin", "static-files"]

OFF: Final = 0
"""A timeout or limit that was turned off."""

# Names of settings say their unit: `_ms` milliseconds, `_bytes` bytes; others are numbers of things.


class ListenerTimeouts(NamedTuple):
    """How long a client may take. Listeners of one address have the same.

    `head_ms`: from the first byte of a head to its end. `idle_ms`: a kept-alive connection without a request.
    `body_ms`: between two arrivals of a request's body. `send_ms`: a client that takes nothing of a reply.
    `age_ms`: a connection's whole life, after which the next reply closes it. `body_rate_bytes`: the least
    number of bytes a second that a body may average, judged from ten seconds on.
    """

    head_ms: int = 10_000
    idle_ms: int = 60_000
    body_ms: int = 60_000
    send_ms: int = 60_000
    age_ms: int = 3_600_000
    body_rate_bytes: int = 1024


class ListenerRecord(NamedTuple):
    """`ListenerSettings` in JSON; `indexed` is the number of the listener's index.

    `proxy_protocol`: each connection begins with a PROXY header, version 1 or 2, which names the peer.
    `secure` is there where `tls` is. `redirect_port`: every request is sent to `https` at this port, None: to
    nowhere. `hsts` is what Strict-Transport-Security says, None: the field is not sent. `private`: whoever
    comes in here may know all about the gateway.
    """

    name: str
    addresses: tuple[str, ...]
    hosts: tuple[str, ...]
    tls: bool
    public_port: int | None
    trusted_proxies: tuple[str, ...]
    path_options: tuple[bool, bool, bool]
    indexed: int
    proxy_protocol: bool = False
    limits: ListenerLimits = ListenerLimits()
    timeouts: ListenerTimeouts = ListenerTimeouts()
    http2: ListenerHttp2 = ListenerHttp2()
    secure: ListenerTls | None = None
    redirect_port: int | None = None
    hsts: str | None = None
    private: bool = False


class UpstreamTls(NamedTuple):
    """How an upstream is spoken to over TLS. Files and the name may hold references.

    `server_name` is what SNI says and the certificate must be for, None: the target's host. `ca_file` None:
    the system's authorities. `certificate_file` and `key_file` are the gateway's own, for upstreams that ask.
    """

    server_name: str | None = None
    ca_file: str | None = None
    certificate_file: str | None = None
    key_file: str | None = None
    verify: bool = True


UpstreamProtocol: TypeAlias = Literal["http1", "http2", "auto"]
"""What targets are spoken to in; "auto" is what TLS agrees on."""


class UpstreamConnections(NamedTuple):
    """Connections to one upstream.

    `maximum` and `pending` (requests that wait for a connection) count those of the whole gateway; a request
    waits at most `pending_ms`. `idle` unused connections are kept for each target by each worker, OFF: none,
    each for `idle_ms`; a connection older than `age_ms` is not used again.
    """

    maximum: int = 1024
    pending: int = 1024
    pending_ms: int = 5_000
    idle: int = 128
    idle_ms: int = 30_000
    age_ms: int = 3_600_000


class UpstreamTimeouts(NamedTuple):
    """`connect_ms`: until the connection stands, TLS too. `first_byte_ms`: from the request's end to the
    reply's head. `idle_ms`: between two arrivals, either way. `request_ms`: everything, all tries. OFF: none.
    """

    connect_ms: int = 5_000
    first_byte_ms: int = 60_000
    idle_ms: int = 60_000
    request_ms: int = 3_600_000


class UpstreamNames(NamedTuple):
    """How names of targets are looked up: an answer counts for its TTL, within these bounds."""

    least_ttl_ms: int = 1_000
    most_ttl_ms: int = 300_000
    timeout_ms: int = 5_000
    family: Literal["any", "ipv4", "ipv6"] = "any"


class UpstreamRecord(NamedTuple):
    """A named set of targets, each an address (references unresolved) and a weight.

    An address is `host:port`, `[v6]:port`, `unix:/path` or `srv:name`, a name of SRV records. `tls` None:
    plain text, and `protocol` is not "auto" then. `choosing` None: targets take turns by weight, and nobody
    watches them. `egress` None: connections go straight to the targets.
    """

    name: str
    targets: tuple[tuple[str, int], ...]
    tls: UpstreamTls | None = None
    connections: UpstreamConnections = UpstreamConnections()
    timeouts: UpstreamTimeouts = UpstreamTimeouts()
    names: UpstreamNames = UpstreamNames()
    protocol: UpstreamProtocol = "http1"
    choosing: Choosing | None = None
    egress: EgressRecord | None = None


class HeaderRules(NamedTuple):
    """Changes of header fields, run in this order. Names are in lower case. Rule set 0 changes nothing."""

    rename: tuple[tuple[str, str], ...]
    set: tuple[tuple[str, Value], ...]
    add: tuple[tuple[str, Value], ...]
    remove: tuple[str, ...]


class RewriteRecord(NamedTuple):
    """What of the request changes: `host`, and the path in one of three ways (None: not at all)."""

    host: str | None
    kind: Literal["full", "prefix", "template"] | None
    path: Value


class SplitPart(NamedTuple):
    """One share of a split; `upstream` and the rules are numbers."""

    upstream: int
    weight: int
    request_rules: int
    response_rules: int
    rewrite: RewriteRecord | None


class RedirectRecord(NamedTuple):
    """A redirect; None is what the request has."""

    scheme: Literal["http", "https"] | None
    host: str | None
    port: int | None
    kind: Literal["full", "prefix"] | None
    path: str
    status: int
    keep_query: bool


class RespondRecord(NamedTuple):
    """A fixed reply. `body` is text, sent as UTF-8."""

    status: int
    headers: tuple[tuple[str, Value], ...]
    body: str


BUILTINS: Final = ("health", "ready", "echo", "not-found", "status", "metrics", "config", "upstreams")
"""What the gateway answers by itself; `target` of a `builtin` route is a place in here."""

PRIVATE_BUILTINS: Final = frozenset(("status", "metrics", "config", "upstreams"))
"""Those that tell of the gateway, and answer on private listeners alone."""


class RouteSettings(NamedTuple):
    """How a route's requests are served.

    Timeouts (milliseconds) are None where the upstream's count, else OFF or their length; `per_try_ms` is the
    part of a request that goes to one target. Bodies longer than the limits are refused (413, 502); OFF: no
    limit. Trailers of these lower-case names pass. `reasons`: a reply that the gateway makes itself says why
    in `x-gwc-reason`. `sticky` says what of a request picks the part of a split: ("client-ip", ""),
    ("header", name) or ("cookie", name). `websocket` None: there are none. `stream_idle_ms`: between two
    arrivals of an event stream. `drain_streams_ms`: for how long streams go on after their route has changed;
    OFF: until they end. `retries` None: what is always tried again, and nothing else. Policies are None where
    there is none.
    """

    request_ms: int | None = None
    per_try_ms: int | None = None
    first_byte_ms: int | None = None
    idle_ms: int | None = None
    request_body_bytes: int = 10 * 1024 * 1024
    response_body_bytes: int = OFF
    request_trailers: tuple[str, ...] = ()
    response_trailers: tuple[str, ...] = ()
    reasons: bool = False
    sticky: tuple[Literal["client-ip", "header", "cookie"], str] | None = None
    addresses: AddressRules | None = None
    websocket: WebSocketRecord | None = None
    stream_idle_ms: int = 300_000
    drain_streams_ms: int = OFF
    retries: RetriesRecord | None = None
    cors: CorsRecord | None = None
    rate_limits: tuple[RateLimitRecord, ...] | None = None
    concurrency: ConcurrencyRecord | None = None
    api_schema: ApiSchemaRecord | None = None
    security_headers: SecurityHeadersRecord | None = None
    compress: CompressRecord | None = None
    decompress: DecompressRecord = DecompressRecord()
    error_pages: ErrorPagesRecord | None = None
    authentication: Authentication | None = None
    geo: Geo | None = None
    fallback: FallbackRecord | None = None
    mirrors: tuple[MirrorRecord, ...] = ()
    agents: tuple[AgentRecord, ...] | None = None


class RouteRecord(NamedTuple):
    """A route. `target` is a number: of an upstream, a split, a redirect, a respond, a builtin or static
    files, as `action` says; `settings` is a number too.
    """

    name: str
    priority: int
    action: ActionKind
    target: int
    rewrite: RewriteRecord | None
    request_rules: int
    response_rules: int
    settings: int = 0


class LogRecord(NamedTuple):
    """Where a log goes: `stdout`, `stderr`, a path, or None for nowhere.

    `sample` is the share of requests, in millionths, that the access log tells of; refused and failed ones
    are always told. `level` is the error log's.
    """

    path: str | None
    format: Literal["json", "text"] = "json"
    sample: int = 1_000_000
    level: Literal["debug", "info", "warning", "error"] = "info"


class TracingRecord(NamedTuple):
    """Where spans go: an OTLP/HTTP endpoint. `sample` is the share of traces begun here, in millionths."""

    endpoint: str
    sample: int = 10_000
    service: str = "gwc"


class GatewayRecord(NamedTuple):
    """What the gateway as a whole does.

    `workers` 0: one for each core. `state_dir` None: nothing is kept over a restart. `admin` is an address,
    `unix:` for the default socket in the state directory or the runtime directory, None for none; `metrics`
    is an address or None. `connections` limits those of clients. `watch`: files are watched.
    """

    workers: int = 0
    drain_ms: int = 30_000
    state_dir: str | None = None
    admin: str | None = "unix:"
    metrics: str | None = None
    connections: int = OFF
    watch: bool = True
    access_log: LogRecord = LogRecord("stdout")
    error_log: LogRecord = LogRecord("stderr")
    audit_log: LogRecord = LogRecord("stderr")
    tracing: TracingRecord | None = None


# --- what must hold ----------------------------------------------------------------------------------------


class ProgramRecord(NamedTuple):
    """A regular expression as a program text and the engine that runs it. `pattern` is what was written."""

    pattern: str
    program: str
    engine: Literal["re", "re2"]


METHODS: Final = 0  # texts
SCHEMES: Final = 1  # texts
SAMPLE: Final = 2  # numbers: millionths
SNIS: Final = 3  # texts
LISTENERS: Final = 4  # texts; inside `not` only
HEADER: Final = 5  # name, texts; numbers: operator, ignore-case, operands
COOKIE: Final = 6  # likewise
QUERY: Final = 7  # likewise
CLIENT_IP: Final = 8  # numbers: of a set of networks
HOSTS: Final = 9  # texts: kind, text, kind, text …; numbers: the program of each regex
PATHS: Final = 10  # likewise
NOT: Final = 11  # numbers: of a block
MODELS: Final = 12  # texts: globs; late
STREAM: Final = 13  # numbers: 0 or 1; late
TOOLS: Final = 14  # numbers: 0 or 1; late
"""Kinds of tests, cheap ones first. Beside each: what it has."""

EQUAL: Final = 0  # texts
PRESENT: Final = 1  # operands: 0 or 1
PREFIX: Final = 2  # texts
SUFFIX: Final = 3  # texts
CONTAINS: Final = 4  # texts
RANGE: Final = 5  # operands: has a minimum, minimum, has a maximum, maximum
REGEX: Final = 6  # texts: the patterns; operands: their programs
"""Operators of HEADER, COOKIE and QUERY. With ignore-case, `texts` of all but REGEX are in lower case."""

Test: TypeAlias = tuple[int, str, tuple[str, ...], tuple[int, ...]]
"""(kind, name, texts, numbers)."""

Condition: TypeAlias = tuple[
    tuple[str, ...] | None, str | None, str | None, tuple[Test, ...] | None, tuple[Test, ...] | None
]
"""(methods, header name, header value, other tests, late tests), None for what is not asked.

What an alternative asks beside listener, host and path, cheapest first; alternatives that ask the same share
one. The header test is one of those for equality with one value. Condition 0 asks nothing.
"""


class Alternative(NamedTuple):
    """One way to reach a route; its number is its rank.

    `id` is `route#match.number`. `host` and `path` are (kind, text), None where any will do; the program is
    that of a regular expression, else NOTHING. `listeners` are the lists of names of which each must hold the
    listener's. `captures` are the parameters of a template, (name, n) for segment n from 1, (name, -n) for
    everything from segment n, or the named groups of the path's program, (name, 0).
    """

    route: int
    match: int
    id: str
    host: tuple[HostKind, str] | None
    path: tuple[PathKind, str] | None
    condition: int
    listeners: tuple[tuple[str, ...], ...]
    captures: tuple[tuple[str, int], ...]
    host_program: int
    path_program: int


# --- how a request finds them ------------------------------------------------------------------------------

ENDS: Final = 0
GOES_ON: Final = 1
"""Kinds of leaves: the path ends where the leaf hangs; the path ends there or goes on (prefixes, and
templates with a rest)."""

Leaf: TypeAlias = tuple[int, ...]
"""Candidates of one host and one path pattern, by rank: (kind, rank, condition, rank, condition, …).

(kind, -1, switch) where they are many and told apart by a header. Never without a candidate.
"""

Switch: TypeAlias = tuple[int, tuple[tuple[str, dict[str, Leaf]], ...], Leaf | None]
"""(best rank, ((header, {value: leaf}), …), the others). A candidate that wants one of several values stands
under each; it stands under one header only."""

Child: TypeAlias = int | Leaf
"""What hangs below a node: another one's number or, where nothing hangs below that, its leaf."""

Steps: TypeAlias = tuple[int, dict[str, Child]]
"""(number of segments, {that many segments with `/` between them: child})."""

Node: TypeAlias = tuple[
    int, dict[str, Child] | None, tuple[Steps, ...], Child | None, Leaf | None, Leaf | None, int
]
"""One node of a segment trie: (number of segments, children by that many segments, further children by other
numbers of segments, child for any one segment that is not empty, leaf of what ends here, leaf of what goes
on, best rank at or below).

PERF: a chain of segments where nothing ends, goes on or is a parameter is one step of up to `LONGEST_STEP`
segments, and a leaf needs no node: with 100 000 routes every object on the way is a cache miss. Of the steps
of one node at most one leads on. Without children the first number is 0. A node's number is less than those
below it, and there is one way to each node.
"""

LONGEST_STEP: Final = 4

PathGroup: TypeAlias = tuple[int, int, dict[str, tuple[tuple[int, Leaf], ...]]]
"""Regular expressions on the path by what each match of them begins with: (length of that, best rank,
{beginning: ((program, leaf), …)})."""

HostGroup: TypeAlias = tuple[int, int, dict[str, tuple[tuple[int, int], ...]]]
"""The same for hosts, with layers for leaves."""

Shape: TypeAlias = tuple[int, tuple[int, ...], int, dict[str, Leaf]]
"""Prefixes and templates that have their parameters at the same places: (number of segments and one,
parameters counted from 0, best rank, {segments with `/` between them and parameters empty: leaf}).

PERF: where a layer has few shapes, asking each is one look-up, where a trie has one a step; with 10 000
routes and requests for all of them half the time, most of which is waiting for memory.
"""

MOST_SHAPES: Final = 6
"""That may have to be asked for one path; a layer with more has a trie."""

Layer: TypeAlias = tuple[
    int, dict[str, Leaf], int, tuple[tuple[int, ...], ...], int, int, tuple[int, ...], int
]
"""What one host pattern has: (best rank, {path: leaf}, root of the trie or NOTHING, shapes, best rank of trie
or shapes, segments of the longest pattern in it, groups of regular expressions, their best rank).

Shapes: for each number of segments up to one more than those of the longest pattern, which to ask, by best
rank. The best rank of what is not there is NO_RANK.
"""

Index: TypeAlias = tuple[dict[str, int], dict[str, int], int, tuple[int, ...], int, int, int]
"""What a listener has: ({host: layer}, {suffix from its dot: layer}, best rank of those, groups of regular
expressions, their best rank, layer for any host or NOTHING, its best rank)."""


@dataclass(slots=True)
class TableCache:
    """What is worked out from a table while it is used; the one thing about a table that changes.

    `programs` are compiled regular expressions by number, filled by loading or on first use. `outcomes`
    belongs to `gwc.runtime.match`. `make_notes` makes the notes of a table that was lowered here, when
    somebody asks: they are a fifth of lowering, and most runs never do. The others keep answers of methods.
    """

    programs: list[Program | None] = field(default_factory=list)
    outcomes: list[Any] = field(default_factory=list)
    indexes: dict[str, Index] = field(default_factory=dict)
    settings: tuple[ListenerSettings, ...] | None = None
    entries: dict[str, tuple[ListenerSettings, ...]] = field(default_factory=dict)
    digest: str | None = None
    notes: Notes | None = None
    make_notes: Callable[[], Notes] | None = None


class Notes(NamedTuple):
    """What is not part of the body: where things were written, and by what the table was made.

    `files` are paths relative to the main file's directory; `routes` and `alternatives` have (file, line,
    column), lines and columns from 1. `written` has, for each alternative, its conditions in written order:
    -1 the host, -2 the path, n the nth of `conditions_of`.
    """

    gwc: str = ""
    files: tuple[str, ...] = ()
    routes: tuple[tuple[int, int, int], ...] = ()
    alternatives: tuple[tuple[int, int, int], ...] = ()
    written: tuple[tuple[int, ...], ...] = ()


THE_HOST: Final = -1
THE_PATH: Final = -2
"""Stand-ins in `Notes.written`."""


@dataclass(frozen=True, slots=True)
class RouteTable:
    """One compiled configuration, immutable.

    Two tables are equal if their bodies are; `notes` (in bytes until somebody asks, see `artifact.notes_of`)
    and `cache` do not count.
    """

    listeners: tuple[ListenerRecord, ...]
    upstreams: tuple[UpstreamRecord, ...]
    rules: tuple[HeaderRules, ...]
    splits: tuple[tuple[SplitPart, ...], ...]
    redirects: tuple[RedirectRecord, ...]
    responds: tuple[RespondRecord, ...]
    static_files: tuple[StaticFilesRecord, ...]
    routes: tuple[RouteRecord, ...]
    settings_of_routes: tuple[RouteSettings, ...]
    """Settings 0 are those of a route that says nothing."""
    gateway: tuple[GatewayRecord, ...]
    """One record."""
    programs: tuple[ProgramRecord, ...]
    networks: tuple[Networks, ...]
    blocks: tuple[tuple[Test, ...], ...]
    """What stands in a `not`; one that stands in another has the lower number."""
    conditions: tuple[Condition, ...]
    alternatives: tuple[Alternative, ...]
    switches: tuple[Switch, ...]
    nodes: tuple[Node, ...]
    shapes: tuple[Shape, ...]
    path_groups: tuple[PathGroup, ...]
    layers: tuple[Layer, ...]
    host_groups: tuple[HostGroup, ...]
    indexes: tuple[Index, ...]
    notes: bytes = field(default=b"", compare=False, repr=False)
    cache: TableCache = field(default_factory=TableCache, init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Lay out the caches whose places are known."""
        cache = self.cache
        cache.programs = [None] * len(self.programs)
        cache.outcomes = [None] * len(self.alternatives)
        cache.indexes = {listener.name: self.indexes[listener.indexed] for listener in self.listeners}

    def settings(self) -> tuple[ListenerSettings, ...]:
        """The listeners as normalising wants them, in the order written."""
        cache = self.cache
        if cache.settings is None:
            cache.settings = tuple(map(_settings_of, self.listeners))
        return cache.settings

    def entry(self, address: str) -> tuple[ListenerSettings, ...]:
        """The listeners on one address, which is spelt as in the configuration; () where there is none."""
        found = self.cache.entries.get(address)
        if found is None:
            found = tuple(each for each in self.settings() if address in each.addresses)
            if found:
                self.cache.entries[address] = found
        return found

    def program(self, number: int) -> Program:
        """The compiled program of a number."""
        program = self.cache.programs[number]
        if program is None:
            from .regex.program import compile_program

            record = self.programs[number]
            program = self.cache.programs[number] = compile_program(record.program, record.engine)
        return program


def conditions_of(table: RouteTable, alternative: Alternative) -> tuple[Test, ...]:
    """All that an alternative asks for but its own host and path, one test each, in the body's order."""
    methods, name, value, tests, late = table.conditions[alternative.condition]
    found: list[Test] = []
    if methods is not None:
        found.append((METHODS, "", methods, ()))
    if name is not None and value is not None:
        found.append((HEADER, name, (value,), (EQUAL, 0)))
    found += tests or ()
    found += late or ()
    found += ((LISTENERS, "", names, ()) for names in alternative.listeners)
    return tuple(found)


def _settings_of(record: ListenerRecord) -> ListenerSettings:
    from ipaddress import ip_network

    return ListenerSettings(
        name=record.name,
        addresses=record.addresses,
        hosts=record.hosts,
        tls=record.tls,
        public_port=record.public_port,
        trusted_proxies=tuple(ip_network(text) for text in record.trusted_proxies),
        path_options=PathOptions(*record.path_options),
        limits=record.limits,
    )
