"""Which target of an upstream a request goes to: balancing, health, ejection, breakers.

Owns the form of these settings in a table. Shares are in millionths, statuses are ranges with both ends
included.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

Algorithm: TypeAlias = Literal["round-robin", "least-requests", "two-choices", "latency", "hash"]

Statuses: TypeAlias = tuple[tuple[int, int], ...]
"""Ranges of statuses, (first, last) each."""

_SERVER_ERRORS: Statuses = ((500, 599),)


class Balance(NamedTuple):
    """How targets take turns. `by` and `name` say what of a request is hashed; "" where nothing is."""

    algorithm: Algorithm = "round-robin"
    by: Literal["", "client-ip", "path", "header", "cookie", "query"] = ""
    name: str = ""


class StickyCookie(NamedTuple):
    """A cookie that leads a client to the target it had. `secret` may hold references; `ttl_ms` 0: as long as
    the client's session."""

    secret: str
    name: str = "gwc-target"
    ttl_ms: int = 0


class Health(NamedTuple):
    """Probes. `host` None: the target's; `port` None: the target's; `body` None: any will do."""

    kind: Literal["http", "tcp", "grpc"] = "http"
    path: str = "/"
    host: str | None = None
    method: str = "GET"
    statuses: Statuses = ((200, 399),)
    body: str | None = None
    service: str = ""
    interval_ms: int = 10_000
    timeout_ms: int = 5_000
    healthy: int = 2
    unhealthy: int = 3
    port: int | None = None


class Ejection(NamedTuple):
    """When a target gets no requests for a time because of its failures.

    `failures` in a row, 0: never for these; `share` of at least `requests` requests within `over_ms`, 0:
    never for that. For `time_ms`, twice as long each time again, `longest_ms` at most; `most` is the share of
    the targets that may be out at once.
    """

    failures: int = 5
    share: int = 0
    over_ms: int = 10_000
    requests: int = 20
    statuses: Statuses = _SERVER_ERRORS
    time_ms: int = 30_000
    longest_ms: int = 300_000
    most: int = 500_000


class Breaker(NamedTuple):
    """After `failures` in a row no request passes for `open_ms`, then at most `half_open` at once; as many
    that succeed close it. `of` says whose failures are counted.
    """

    failures: int = 5
    open_ms: int = 30_000
    half_open: int = 3
    statuses: Statuses = _SERVER_ERRORS
    of: Literal["target", "upstream", "both"] = "target"


class Choosing(NamedTuple):
    """All of it. `slow_start_ms` 0: none. `panic` is the share of targets in service below which all are
    used, 0: never."""

    balance: Balance = Balance()
    sticky_cookie: StickyCookie | None = None
    slow_start_ms: int = 0
    health: Health | None = None
    ejection: Ejection | None = None
    breaker: Breaker | None = None
    panic: int = 0
