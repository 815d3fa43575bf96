"""What a client's connection must know of the address that it came in by, and what is known of it there.

Owns the two interfaces; the control room implements the first, every version of HTTP the second.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from gwc.schema.policies.http2 import ListenerHttp2
from gwc.schema.request import Address
from gwc.schema.table import ListenerLimits, ListenerTimeouts

from ...observe.record import RequestRecord
from ...sides import Services
from ...tls_session import TlsSession


class ClientConnection(Protocol):
    """A client's connection, whatever version of HTTP it speaks.

    `came_from` is the socket's peer, `peer_text` who a PROXY header says it is; `session` is None without
    TLS, and else set before `connection_made`. What is not told here is asyncio.Protocol's.
    """

    came_from: str
    peer_text: str
    session: TlsSession | None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection begins."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It is gone."""

    def data_received(self, data: bytes) -> None:
        """Bytes."""

    def eof_received(self) -> bool | None:
        """No more of them; whether the connection is to stay nevertheless."""

    def pause_writing(self) -> None:
        """The client takes no more for now."""

    def resume_writing(self) -> None:
        """It does again."""

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""

    @property
    def records(self) -> list[RequestRecord]:
        """What is to be told of the requests under way."""

    def drain(self) -> None:
        """Close once what is under way is done."""

    def say_goodbye(self) -> bool:
        """End tunnels in good form; False where there is none."""

    def kill(self) -> None:
        """Close, whatever is under way."""


class Entry(Protocol):
    """The address that a connection came in by."""

    address: str
    listener: str
    limits: ListenerLimits
    timeouts: ListenerTimeouts
    http2: ListenerHttp2
    tls: bool
    proxy_protocol: bool
    services: Services

    def handshake_over(self, connection: ClientConnection, app: ClientConnection | None) -> None:
        """A TLS handshake is over, and `app` goes on in its connection's place; None: it is gone."""

    def closed(self, connection: ClientConnection) -> None:
        """A connection is gone."""

    def begin_http2(
        self,
        before: ClientConnection,
        peer: Address | None,
        transport: asyncio.Transport,
        opened_at: str,
        data: bytes,
    ) -> None:
        """A connection turns out to speak HTTP/2: `data` is what it has sent.

        `opened_at` is the listener that counted it; it is not counted again.
        """
