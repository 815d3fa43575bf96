"""What normalising and matching must know of a listener.

Owns the settings that decide how a request is read and which listener takes it. Sockets, certificates and
timeouts belong to the runtime.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class PathOptions:
    """The listener's `path-normalisation`: departures from the default way, all off."""

    keep_encoded_slash: bool = False
    keep_repeated_slashes: bool = False
    reject_changes: bool = False


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """One listener. `hosts` is its scope, normalised names, exact or `*.x`; empty means every host.

    `addresses` are `host:port`, `[v6]:port` or `unix:/path` as written (references unresolved).
    `public_port` is what a redirect may name; None means the port of the address.
    """

    name: str
    addresses: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    tls: bool = False
    public_port: int | None = None
    trusted_proxies: tuple[Network, ...] = ()
    path_options: PathOptions = PathOptions()
