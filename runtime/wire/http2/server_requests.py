"""What becomes of a request's head in HTTP/2: judged as HTTP/1.1's is, served, or answered with a refusal.

Owns the way from fields to an exchange. Frames and windows are the connection's.
"""

from __future__ import annotations

from random import getrandbits
from typing import TYPE_CHECKING

from gwc.schema.listener import ListenerSettings
from gwc.schema.normalise import normalise
from gwc.schema.request import Address, RawRequest, Rejection

from ...exchange import Exchange
from ...grpc import is_grpc
from ...observe.reasons import REASONS
from ...own_replies import ALLOWED, error_reply
from ...tunnel import own_handshake
from ..http1.body import CHUNKED
from ..http1.head import Refused, body_length
from .fields import Parts
from .server_stream import Stream
from .server_tunnel import TunnelStream

if TYPE_CHECKING:
    from .server import Http2Connection


class Judge:
    """The judge of one connection's requests."""

    __slots__ = ("_connection", "_peer")

    def __init__(self, connection: Http2Connection, peer: Address | None) -> None:
        self._connection = connection
        self._peer = peer

    def serve(self, stream: Stream, parts: Parts, *, ended: bool) -> None:
        """Judge a request as HTTP/1.1 does, and serve it. `ended`: it has no body."""
        connection = self._connection
        entry, services, session = connection.entry, connection.services, connection.session
        if (session is not None) is not entry.tls:
            self.refuse(stream, Refused("misdirected", "this address speaks otherwise now"))
            return
        trace_id = getrandbits(128).to_bytes(16, "big")
        raw = RawRequest(
            parts.method,
            parts.path,
            (2, 0),
            parts.authority,
            parts.fields,
            self._peer,
            entry.tls,
            None if session is None else session.server_name,
            trace_id,
            parts.protocol,
        )
        snapshot = services.snapshot
        assert snapshot is not None, "nothing is accepted before a table is committed"
        listeners = snapshot.entries.get(entry.address)
        if listeners is None:
            self.refuse(stream, Refused("listener-none", "nothing is served at this address any more"))
            return
        head = normalise(raw, listeners)
        if isinstance(head, Rejection):
            self._reject(stream, head, parts, trace_id)
            return
        length = body_length(head, 1)
        if isinstance(length, Refused):
            self.refuse(stream, length)
            return
        if ended and length > 0:
            connection.malformed(stream, "http2-length", f"Content-Length is {length} and there is no body")
            return
        left = length if "content-length" in head.headers else None
        tunnels = isinstance(stream, TunnelStream)
        if tunnels:
            length, left = 0, None
        elif left is None and not ended:
            length = CHUNKED
        exchange = Exchange(services, stream, head, length, connection.peer_text, trace_id, "HTTP/2")
        if session is not None:
            exchange.take_session(session)
        stream.exchange = exchange
        if isinstance(stream, TunnelStream):
            exchange.handshake = own_handshake(stream)
            if ended or "content-length" in head.headers:
                fault = "a request that asks for a WebSocket has a body or an end"
                exchange.handshake = exchange.handshake._replace(key="", fault=fault)
        expects = head.headers.get("expect")
        if expects is not None and expects.lower() != "100-continue":
            exchange.fail("expectation")
            return
        if not ended and not tunnels:
            stream.body_follows(left, unhurried=is_grpc(head.headers.get("content-type")))
            exchange.wants_continue = expects is not None
        listener = listeners[0] if len(listeners) == 1 else _named(listeners, head.listener)
        exchange.begin(snapshot, entry.address, self._peer, listener if listener.trusted else None)

    def refuse(self, stream: Stream, refused: Refused) -> None:
        """Answer what is no request."""
        self._connection.refused(refused.reason, refused.detail)
        self._answer(stream, REASONS[refused.reason], getrandbits(128).to_bytes(16, "big").hex(), "", b"")

    def _reject(self, stream: Stream, rejection: Rejection, parts: Parts, trace_id: bytes) -> None:
        """Answer a request that is refused before matching."""
        self._connection.refused(rejection.reason, rejection.detail, rejection.listener)
        accept = b", ".join(value for name, value in parts.fields if name == b"accept").decode("latin-1")
        self._answer(stream, rejection.status, trace_id.hex(), accept, parts.method)

    def _answer(self, stream: Stream, status: int, request_id: str, accept: str, method: bytes) -> None:
        """Send a reply for which there is no exchange."""
        reply, body = error_reply(status, request_id, accept)
        if status == 204:
            reply.lines.append(ALLOWED)
        reply.lines.append(b"x-correlation-id: " + request_id.encode())
        if method == b"HEAD":
            body = b""
        stream.send_head(reply, has_body=bool(body))
        if body:
            stream.send_data(body)
        stream.send_end([])


def _named(listeners: tuple[ListenerSettings, ...], name: str) -> ListenerSettings:
    """The listener of that name."""
    return next(each for each in listeners if each.name == name)
