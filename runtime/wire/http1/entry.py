"""What a client's connection must know of the address that it came in by.

Owns the interface; the control room implements it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gwc.schema.table import ListenerLimits, ListenerTimeouts

from ...sides import Services

if TYPE_CHECKING:
    from .server import ServerConnection


class Entry(Protocol):
    """The address that a connection came in by."""

    address: str
    listener: str
    limits: ListenerLimits
    timeouts: ListenerTimeouts
    tls: bool
    proxy_protocol: bool
    services: Services

    def closed(self, connection: ServerConnection) -> None:
        """A connection is gone."""
