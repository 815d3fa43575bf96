"""The versions of HTTP that may be agreed on in a TLS handshake (ALPN), the best first.

Owns the table, and what of it a listener offers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gwc.schema.policies.http2 import ListenerHttp2

from .http1.server import ServerConnection
from .http2.server import Http2Connection
from .tls.connection import Factory

PROTOCOLS: Final[Mapping[str, Factory]] = MappingProxyType(
    {"h2": Http2Connection, "http/1.1": ServerConnection}
)
"""By the name that ALPN has for it (RFC 7301). Whoever offers none of them speaks HTTP/1.1."""


def offered(settings: ListenerHttp2) -> tuple[str, ...]:
    """What a listener offers."""
    return tuple(name for name in PROTOCOLS if name != "h2" or settings.enabled)
