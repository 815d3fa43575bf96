"""A table made live: the one thing that a worker refers to and that a swap replaces.

Owns what is worked out of a table for a worker: plans, and the listeners of each address. Immutable, but for
the caches of its table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from gwc.schema.listener import ListenerSettings
from gwc.schema.table import ListenerRecord, RouteTable

if TYPE_CHECKING:
    from .plan import Plan
    from .upstream.targets import Setup
    from .wire.tls.contexts import ServerTls


class ListenerPolicy(NamedTuple):
    """What a listener says of every request. `redirect_port`: it goes to `https` at this port, None: it does
    not. `hsts` is a field of every reply as `name: value`, or empty. `private`: the builtins that tell of the
    gateway answer.
    """

    redirect_port: int | None
    hsts: bytes
    private: bool


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One generation. `entries` and `records` have the listeners of each address, as written there.

    `plans` go by the number of their route; `ports` have each address's port, None for a unix socket. `table`
    has its secrets filled in; nobody shows it. `setups` are what upstreams become with it. `policies` go by
    listener and have those alone that say something; `secure` has the addresses that speak TLS.
    """

    generation: int
    table: RouteTable
    plans: tuple[Plan, ...]
    entries: Mapping[str, tuple[ListenerSettings, ...]]
    records: Mapping[str, tuple[ListenerRecord, ...]]
    ports: Mapping[str, int | None]
    setups: tuple[Setup, ...]
    policies: Mapping[str, ListenerPolicy] = field(default_factory=dict)
    secure: Mapping[str, ServerTls] = field(default_factory=dict)
