"""What every contestant is asked to do: these routes, to this upstream, on this port.

A route is a host and the beginning of a path, which every peer can say in its usual way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HOSTS = 20


@dataclass(frozen=True, slots=True)
class ProxyRoute:
    """One route. `path` ends where a segment does."""

    name: str
    host: str
    path: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Routes, all to one upstream. Each reply and request is marked with `generation` where it is given."""

    routes: tuple[ProxyRoute, ...]
    upstream_port: int
    port: int
    folder: Path
    generation: int | None = None

    def by_host(self) -> dict[str, list[ProxyRoute]]:
        """The routes of each host, in order."""
        hosts: dict[str, list[ProxyRoute]] = {}
        for route in self.routes:
            hosts.setdefault(route.host, []).append(route)
        return hosts


@dataclass(frozen=True, slots=True)
class Peer:
    """A contestant. `write` makes its files and gives the command that serves them, whose program is named
    by `program`; `environment` is added to the command's."""

    name: str
    program: str
    write: Callable[[Scene, str], list[str]]
    environment: tuple[tuple[str, str], ...] = ()


def proxy_routes(count: int) -> tuple[ProxyRoute, ...]:
    """`count` routes over at most twenty hosts."""
    hosts = min(HOSTS, count)
    return tuple(
        ProxyRoute(f"r{number:05d}", f"h{number % hosts:02d}.example.com", f"/v1/service/r{number:05d}")
        for number in range(count)
    )
