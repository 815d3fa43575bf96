"""A connection to a target: made, and in the version of HTTP that both sides speak.

Owns what is opened where, and who decides on the version: the configuration, or TLS (ALPN, RFC 7301). Which
target, how many and for whom is the pool's business.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, cast

from .egress import EgressFailed, connect_out
from .tls import failure_of

if TYPE_CHECKING:
    from ..sides import Pooled
    from ..wire.http2.client import Http2Connection
    from .pool import Upstream
    from .targets import Target


class NoHttp2(OSError):
    """The target does not speak HTTP/2, or takes no stream."""


async def connect(upstream: Upstream, target: Target) -> Pooled:
    """A connection that stands. In HTTP/2 the target has sent its settings, so that it is known how many
    streams it takes. Errors: OSError, NoHttp2 among them.
    """
    from ..wire.http1.client import ClientConnection

    loop, place = upstream.services.loop, target.place

    def make() -> asyncio.Protocol:
        if place.protocol == "http1":
            return ClientConnection(upstream, target)
        return _Chooser(upstream, target)

    name = (place.server_name or "") if place.tls is not None else None
    made: asyncio.BaseProtocol
    if place.egress is not None:
        made = await connect_out(
            loop, place.egress, place, upstream.members.known, upstream.members.lookups, make
        )
    elif place.path is not None:
        _, made = await loop.create_unix_connection(make, place.path, ssl=place.tls, server_hostname=name)
    else:
        _, made = await loop.create_connection(
            make, place.host, place.port, ssl=place.tls, server_hostname=name
        )
    if not isinstance(made, _Chooser):
        return cast("ClientConnection", made)
    if made.shared is None:
        if made.alone is None:
            raise NoHttp2("the target did not agree to HTTP/2 when TLS was set up")
        return made.alone
    try:
        await made.shared.ready
    except BaseException:
        made.shared.drop()
        raise
    return made.shared


def why_not(fault: BaseException) -> tuple[str, str]:
    """The reason for a connection that could not be made, and words for the log."""
    if isinstance(fault, TimeoutError):
        return "connect-timeout", "the target did not answer in time"
    if isinstance(fault, EgressFailed):
        return fault.reason, str(fault)
    if isinstance(fault, NoHttp2):
        return "protocol-mismatch", str(fault)
    if isinstance(fault, ssl.SSLError):
        return "tls-failed", failure_of(fault)
    if isinstance(fault, OSError) and fault.strerror:
        return "connect-refused", fault.strerror
    return "connect-refused", str(fault)


class _Chooser(asyncio.Protocol):
    """Stands in until the version is known; then one of the two has the connection, or neither."""

    def __init__(self, upstream: Upstream, target: Target) -> None:
        self._upstream = upstream
        self._target = target
        self.shared: Http2Connection | None = None
        self.alone: Pooled | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        from ..wire.http1.client import ClientConnection
        from ..wire.http2.client import Http2Connection

        place = self._target.place
        tls = transport.get_extra_info("ssl_object")
        agreed = "h2" if place.tls is None else tls.selected_alpn_protocol()
        chosen: Http2Connection | ClientConnection
        if agreed == "h2":
            chosen = self.shared = Http2Connection(self._upstream, self._target)
        elif place.protocol == "auto":
            chosen = self.alone = ClientConnection(self._upstream, self._target)
        else:
            transport.close()
            return
        transport.set_protocol(chosen)
        chosen.connection_made(transport)
