"""What normalising and matching must know of a listener.

Owns the settings that decide how a request is read and which listener takes it. Sockets, certificates and
timeouts belong to the runtime.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

# A string, so that whoever has no network in hand does not pay for importing ipaddress.
Network: TypeAlias = "IPv4Network | IPv6Network"

_IPV4_MAPPED = 0xFFFF
"""What stands above the last 32 bits of an IPv4-mapped IPv6 address."""


class ListenerLimits(NamedTuple):
    """How much of a request's head one connection may send, and how many connections there may be.

    Listeners of one address have the same. `connections` counts those of the whole gateway at this listener's
    addresses, `connections_per_ip` those of one peer at one address; 0: no limit.
    """

    target_bytes: int = 8 * 1024
    fields: int = 100
    field_bytes: int = 16 * 1024
    head_bytes: int = 64 * 1024
    connections: int = 0
    connections_per_ip: int = 0


@dataclass(frozen=True, slots=True)
class PathOptions:
    """The listener's `path-normalisation`: departures from the default way, all off."""

    keep_encoded_slash: bool = False
    keep_repeated_slashes: bool = False
    reject_changes: bool = False


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """One listener. `hosts` is its scope, normalised names, exact or `*.x`; empty means every host.

    `addresses` are `host:port`, `[v6]:port` or `unix:/path`, a host in its one form, references unresolved.
    `public_port` is what a redirect may name; None means the port of the address. `limits` are the same for
    all listeners of one address: they hold before a listener is chosen.

    Two fields are worked out from the others, for the sake of whoever reads a request: `scope` is `hosts`
    as a set; `trusted` is `trusted_proxies` as (IP version, network, mask) in integers, a network of
    IPv4-mapped addresses as the IPv4 network it means.
    """

    name: str
    addresses: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    tls: bool = False
    public_port: int | None = None
    trusted_proxies: tuple[Network, ...] = ()
    path_options: PathOptions = PathOptions()
    limits: ListenerLimits = ListenerLimits()
    scope: frozenset[str] = field(init=False, compare=False, repr=False)
    trusted: tuple[tuple[int, int, int], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Work out the two derived fields."""
        object.__setattr__(self, "scope", frozenset(self.hosts))
        object.__setattr__(self, "trusted", tuple(_in_integers(network) for network in self.trusted_proxies))


def _in_integers(network: Network) -> tuple[int, int, int]:
    """(IP version, network, mask) of one network."""
    start, mask = int(network.network_address), int(network.netmask)
    if network.version == 6 and network.prefixlen >= 96 and start >> 32 == _IPV4_MAPPED:
        return 4, start & 0xFFFF_FFFF, mask & 0xFFFF_FFFF
    return network.version, start, mask
