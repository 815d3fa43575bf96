"""Targets: the places that requests are sent to, and what is kept of each.

Owns what makes two places the same, so that connections outlive a table that is swapped, and the forms in
which a table's upstreams are handed over. Which target is next, and who waits, is the pool's business.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from gwc.schema.policies.choosing import Choosing
from gwc.schema.table import UpstreamConnections, UpstreamNames, UpstreamProtocol, UpstreamTimeouts

from .address import Destination
from .egress import Egress

if TYPE_CHECKING:
    from ..sides import Pooled, Shared
    from .pool import Upstream


class Counting(Protocol):
    """How many there are of something, in the whole gateway."""

    @property
    def value(self) -> int:
        """How many there are."""

    def add_below(self, number: int, limit: int) -> bool:
        """Add if the sum stays at or below `limit`; whether it did."""

    def add(self, number: int) -> int:
        """Add, whatever the sum."""


class LocalCounter:
    """A counter of one process."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0

    def add_below(self, number: int, limit: int) -> bool:
        """See Counting."""
        if self.value + number > limit:
            return False
        self.value += number
        return True

    def add(self, number: int) -> int:
        """See Counting."""
        self.value += number
        return self.value


@dataclass(frozen=True, slots=True)
class Place:
    """Where a target is: a host with a port, or a unix path. `tls` None: plain text; `server_name` is for SNI
    and the certificate; `protocol` is what is spoken, `egress` the proxy it is reached by. Equal places share
    their connections; those of two upstreams do not, because each has limits of its own.
    """

    upstream: str
    address: str
    host: str
    port: int
    path: str | None = None
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    protocol: UpstreamProtocol = "http1"
    egress: Egress | None = None


class Target:
    """One place that requests are sent to.

    Mutable: `idle` connections, newest last; `shared` ones, which serve several requests each and at least
    one now; `may_share`, whether a new one is likely to be such; `coming`, how many of those are being made;
    `open` ones of this worker; `active`, how many requests it has; `users`, how many upstreams of live tables
    have it; `disabled` by an administrator. The rest is for a `Choice` alone: `out` of service, `on_trial`
    while a breaker is half-open, `load` in requests of this worker, its latency.
    """

    __slots__ = (
        "active",
        "address",
        "coming",
        "disabled",
        "idle",
        "latency_at",
        "latency_s",
        "load",
        "may_share",
        "on_trial",
        "open",
        "out",
        "place",
        "shared",
        "users",
    )

    def __init__(self, place: Place) -> None:
        self.place = place
        self.address = place.address
        self.idle: list[Pooled] = []
        self.shared: list[Shared] = []
        self.may_share = place.protocol != "http1"
        self.coming = 0
        self.open = 0
        self.active = 0
        self.users = 0
        self.disabled = False
        self.out = False
        self.on_trial = False
        self.load = 0
        self.latency_s = 0.0
        self.latency_at = 0.0


class Targets:
    """The targets of a worker, by place: whoever names the same place has the same connections.

    Mutable: the targets that live tables use.
    """

    def __init__(self) -> None:
        self._by_place: dict[Place, Target] = {}

    def at(self, place: Place) -> Target:
        """The target at a place; `settle` forgets it if nobody uses it then."""
        target = self._by_place.get(place)
        if target is None:
            target = self._by_place[place] = Target(place)
        return target

    def settle(self, upstreams: Iterable[Upstream]) -> None:
        """Count who uses what; idle connections of targets that nobody uses are closed."""
        used: dict[Place, Target] = {}
        users: Counter[Place] = Counter()
        for upstream in upstreams:
            for target in upstream.targets:
                used[target.place] = target
                users[target.place] += 1
        for place, target in self._by_place.items():
            if used.get(place) is not target:
                target.users = 0
                for connection in tuple(target.idle):
                    connection.close()
        for place, target in used.items():
            target.users = users[place]
        self._by_place = used

    def all(self) -> tuple[Target, ...]:
        """Those in use."""
        return tuple(self._by_place.values())


class Member(NamedTuple):
    """One target as the configuration names it; a name may come to several places, or to none yet."""

    destination: Destination
    weight: int
    tls: ssl.SSLContext | None
    server_name: str | None
    protocol: UpstreamProtocol = "http1"
    egress: Egress | None = None

    @property
    def asked(self) -> Destination:
        """What is looked up here: the target's own name, or that of the proxy which looks up the target's."""
        return self.destination if self.egress is None else self.egress.destination


class Setup(NamedTuple):
    """What an upstream is to be with a table. `secret` is that of sticky cookies, filled in; `key` stands for
    how its targets are spoken to."""

    upstream: Upstream
    connections: UpstreamConnections
    timeouts: UpstreamTimeouts
    names: UpstreamNames
    members: tuple[Member, ...]
    choice: Choosing | None = None
    secret: str = ""
    key: str = ""
