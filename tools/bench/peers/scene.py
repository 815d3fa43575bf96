"""What every contestant is asked to do: these routes, to this upstream, on this port.

A route is a host and the beginning of a path, which every peer can say in its usual way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..credentials import Credentials

HOSTS = 20

STACK = ("compression", "header rules", "rate limit", "jwt")
"""The policies of a realistic stack, beginning with what most gateways have."""

REQUEST_FIELDS = (("x-environment", "bench"), ("x-service", "orders"))
REPLY_FIELDS = (("x-frame-options", "DENY"), ("x-content-type-options", "nosniff"))
REMOVED_FIELD = "x-debug"
"""The header rules of the stack: two fields set each way, one taken out of requests."""

GZIP_LEVEL = 5
"""That of gwc, so that all pack alike."""


@dataclass(frozen=True, slots=True)
class ProxyRoute:
    """One route. `path` ends where a segment does."""

    name: str
    host: str
    path: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Routes, all to one upstream. Each reply and request is marked with `generation` where it is given.

    `tls`: the port speaks HTTP/1.1 and HTTP/2 over TLS. `upstream_http2`: the upstream speaks HTTP/2 in plain
    text, `grpc` what is said in it. `policies` are those of the stack that every route has.
    """

    routes: tuple[ProxyRoute, ...]
    upstream_port: int
    port: int
    folder: Path
    generation: int | None = None
    credentials: Credentials | None = None
    tls: bool = False
    upstream_http2: bool = False
    grpc: bool = False
    policies: frozenset[str] = frozenset()

    def proof(self) -> Credentials:
        """The credentials, which are there where they are needed."""
        assert self.credentials is not None
        return self.credentials

    def by_host(self) -> dict[str, list[ProxyRoute]]:
        """The routes of each host, in order."""
        hosts: dict[str, list[ProxyRoute]] = {}
        for route in self.routes:
            hosts.setdefault(route.host, []).append(route)
        return hosts


@dataclass(frozen=True, slots=True)
class Peer:
    """A contestant. `write` makes its files and gives the command that serves them, whose program is named
    by `program`; `environment` is added to the command's. `lacks`: what it does not have, of `tls`,
    `upstream http2`, `grpc` and the policies of the stack, or does not have without modules of others.
    """

    name: str
    program: str
    write: Callable[[Scene, str], list[str]]
    environment: tuple[tuple[str, str], ...] = ()
    lacks: frozenset[str] = frozenset()


def proxy_routes(count: int) -> tuple[ProxyRoute, ...]:
    """`count` routes over at most twenty hosts."""
    hosts = min(HOSTS, count)
    return tuple(
        ProxyRoute(f"r{number:05d}", f"h{number % hosts:02d}.example.com", f"/v1/service/r{number:05d}")
        for number in range(count)
    )
