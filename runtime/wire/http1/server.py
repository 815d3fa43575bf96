"""HTTP/1.1 from a client: one connection, requests in order.

Owns the bytes between a client and its exchanges: heads found and judged, bodies decoded, replies framed,
pipelined requests held back until their turn, keep-alive, lingering at the end. Knows no route.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache
from ipaddress import ip_address
from random import getrandbits
from typing import Final, cast

from gwc.schema.listener import ListenerSettings
from gwc.schema.normalise import normalise
from gwc.schema.request import Address, RawRequest, Rejection, RequestHead

from ...exchange import Exchange
from ...observe.reasons import REASONS
from ...observe.record import RequestRecord
from ...own_replies import ALLOWED, error_reply
from ...reply import Reply
from ...sides import Trailers
from ...timers import NEVER, age_share
from ...tls_session import TlsSession
from ...tunnel import Tunnel, handshake_of
from ..http2.frames import PREFACE
from ..proxy_protocol import Malformed, NeedMore
from ..proxy_protocol import parse as parse_proxy_header
from ..unsent import LOOKS, not_taken
from .body import CHUNKED, Body, BodyError, ChunkedBody, LengthBody
from .date import CLOCK
from .entry import Entry
from .head import MAX_EMPTY_LINES, Line, Refused, body_length, judge_beginning, read_head

MAX_HELD_BYTES: Final = 64 * 1024
"""Bytes of later requests that are held while one is served; the socket keeps the rest."""

MAX_DISCARDED_BYTES: Final = 256 * 1024
"""Of a body that nobody wants, so that the connection can be used again."""

LINGER_S: Final = 2.0
"""How long a closed connection is still read, so that no reset takes the last reply (RFC 9112 9.6)."""

GRACE_S: Final = 1.0
"""How long an idle connection may still send a request when the gateway is about to go."""

_VERSIONS: Final = ((1, 0), (1, 1))

_UNLIKE_HTTP1: Final = b"PRI "
"""So much of HTTP/2's preface is needed to tell it from a request: methods begin with P too."""


# Why reading is paused; reading goes on when nothing is left of it.
_BODY, _HELD = 1, 2


class ServerConnection(asyncio.Protocol):
    """A client's connection.

    Mutable: `_buffer` (bytes of a head, of which `_judged` have been looked at, or of later requests),
    `_exchange` and `_body` (the request that is served, each None when done), `_keep` (another request
    may follow), `_leaving` (one more at most), `_replying`, `_paused`, `_full` (the client takes no more
    for now; `_unsent` bytes waited when it was looked at last, `_looks` in vain so far), and the deadline
    of what is next. It implements `Downstream` for its current exchange, and `TunnelEnd` where that
    became a `_tunnel`, for good. `came_from` is the socket's peer, `peer_text` who a PROXY header says it
    is; `session` is None without TLS.
    """

    __slots__ = (
        "_age_share",
        "_body",
        "_body_began",
        "_body_bytes",
        "_buffer",
        "_chunked",
        "_closing",
        "_empty_lines",
        "_entry",
        "_exchange",
        "_fresh",
        "_full",
        "_half_closed",
        "_http10",
        "_judged",
        "_keep",
        "_late_reason",
        "_leaving",
        "_linger",
        "_looks",
        "_opened_at",
        "_out",
        "_paused",
        "_peer",
        "_proxied",
        "_replying",
        "_services",
        "_transport",
        "_tunnel",
        "_unsent",
        "came_from",
        "deadline",
        "due",
        "opened",
        "peer_text",
        "session",
        "slot",
    )

    def __init__(self, entry: Entry, peer: Address | None, peer_text: str) -> None:
        self._entry = entry
        self._services = entry.services
        self._peer = peer
        self.came_from = self.peer_text = peer_text
        self._proxied = entry.proxy_protocol and not entry.tls  # TLS has read it before the handshake
        self.session: TlsSession | None = None
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._judged = 0
        self._exchange: Exchange | None = None
        self._body: Body | None = None
        self._body_began = 0.0
        self._body_bytes = 0
        self._empty_lines = 0
        self._out = b""
        self._chunked = False
        self._http10 = False
        self._fresh = entry.http2.enabled and not entry.tls  # with TLS it has been agreed on
        self._keep = True
        self._replying = False
        self._half_closed = False
        self._full = False
        self._unsent = 0
        self._looks = 0
        self._closing = False
        self._linger = False
        self._paused = 0
        self._leaving = False
        self._late_reason = ""
        self._tunnel: Tunnel | None = None
        self._opened_at = ""
        self.deadline = NEVER
        self.slot = -1
        self.due = 0.0
        self.opened = self._services.timers.now
        self._age_share = age_share()

    # --- for the loop ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self._opened_at = self._entry.listener
        self._services.observer.connection_opened(self._opened_at)
        if self._proxied:
            self._wait(self._entry.timeouts.head_ms, "proxy-header")
        else:
            self._wait(self._entry.timeouts.idle_ms, "idle")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._transport = None
        self._closing = True
        self._services.timers.forget(self)
        exchange, self._exchange = self._exchange, None
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is not None:
            tunnel.client_lost()
        elif exchange is not None:
            exchange.client_gone()
        self._services.observer.connection_closed(self._opened_at)  # another table may call it otherwise
        self._entry.closed(self)

    def eof_received(self) -> bool:
        """The client sends no more; it may still read. True keeps the connection for the reply."""
        self._half_closed = True
        if self._tunnel is not None:
            assert self._transport is not None
            keep = self._transport.can_write_eof()
            self._tunnel.client_ended()
            return keep
        if self._linger or (self._exchange is None and not self._replying):
            return False
        # With a body that will never be whole there is nothing to wait for.
        return self._body is None or self._exchange is None

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._full = True
        if self._tunnel is not None:
            self._tunnel.client_full()  # silence on both sides has a limit of its own
            return
        if self._exchange is not None:
            self._exchange.downstream_full()
        self._wait_for_client()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._full = False
        self.deadline = NEVER
        if self._tunnel is not None:
            self._tunnel.client_drained()
        elif self._exchange is not None:
            self._exchange.downstream_drained()
            if self._body is not None and not self._paused:
                self._wait(self._entry.timeouts.body_ms, "body-timeout")
        elif self._closing:
            self._finish_closing()
        elif not self._replying and self._body is None:
            self._next()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._linger:
            return
        try:
            if self._proxied:
                self._take_proxy_header(data)
            elif self._body is not None:
                self._take_body(data)
            elif self._exchange is not None or self._replying or self._closing or self._full:
                self._hold(data)
            else:
                self._take_heads(data)
        except Exception as bug:
            # Of this connection nothing is known any more; the others go on.
            what = f"{type(bug).__name__}: {bug}"
            self._services.observer.error("error", "bug", where="request", what=what)
            self._abort()

    def _take_proxy_header(self, data: bytes) -> None:
        """What stands before anything else on a listener that declares it: who the client is."""
        buffer = self._buffer + data
        found = parse_proxy_header(buffer)
        if isinstance(found, NeedMore):
            self._buffer = buffer
            return
        if isinstance(found, Malformed):
            detail = f"the PROXY header's {found.reason} cannot be read"
            self._services.observer.refused("proxy-header", self.peer_text, self._entry.listener, detail)
            self._abort()
            return
        self._proxied = False
        self._buffer = b""
        if found.peer is not None:
            self._peer = ip_address(found.peer[0])
            self.peer_text = found.peer[0]
        self._wait(self._entry.timeouts.idle_ms, "idle")
        if len(buffer) > found.length:
            self._take_heads(buffer[found.length :])

    def expired(self) -> None:
        """A deadline has passed."""
        reason = self._late_reason
        if reason in ("linger", "proxy-header") or self._transport is None:
            self._abort()
        elif reason == "send":
            self._judge_client()
        elif reason == "idle":
            if not self._buffer:
                self._close()
        elif reason in ("head-timeout", "body-timeout", "body-rate"):
            if self._exchange is not None:
                self._keep = False
                if self._exchange.replied:
                    exchange, self._exchange = self._exchange, None
                    exchange.client_gone(reason)
                    self._abort()
                else:
                    self._exchange.fail(reason)
            else:
                self._refuse(Refused(reason, "the request came too slowly"))

    # --- requests --------------------------------------------------------------------------------------

    def _take_heads(self, data: bytes) -> None:
        """Heads, one after the other, until one is served."""
        begun = self._buffer
        judged, self._judged = self._judged, 0
        buffer = begun + data if begun else data
        self._buffer = b""
        limits = self._entry.limits
        if self._fresh:
            if PREFACE.startswith(buffer[: len(PREFACE)]) and len(buffer) >= len(_UNLIKE_HTTP1):
                self._take_preface(buffer)
                return
            self._fresh = len(buffer) < len(_UNLIKE_HTTP1)
            judged = 0  # what looked like the preface has not been looked at otherwise
        while buffer:
            while buffer.startswith(b"\r\n") and self._empty_lines < MAX_EMPTY_LINES:
                buffer = buffer[2:]
                self._empty_lines += 1
                judged = 0
            end = buffer.find(b"\r\n\r\n", judged - 3 if judged > 3 else 0)
            if end < 0:
                refused = judge_beginning(buffer, limits, judged)
                if refused is not None:
                    self._refuse(refused)
                    return
                if not begun or self._late_reason != "head-timeout":
                    self._wait(self._entry.timeouts.head_ms, "head-timeout")
                self._buffer = buffer
                self._judged = len(buffer)
                return
            line = read_head(buffer[:end], limits)
            buffer = buffer[end + 4 :]
            begun = b""
            judged = self._empty_lines = 0
            if isinstance(line, Refused):
                self._refuse(line)
                return
            buffer = self._begin(line, buffer)
            busy = self._exchange is not None or self._body is not None or self._replying
            if busy or self._closing or self._full:
                if buffer:
                    self._hold(buffer)
                return

    def _take_preface(self, buffer: bytes) -> None:
        """The client speaks HTTP/2 without having asked (RFC 9113 section 3.3)."""
        if len(buffer) < len(PREFACE):
            if self._late_reason != "head-timeout":
                self._wait(self._entry.timeouts.head_ms, "head-timeout")
            self._buffer = buffer
            return
        transport, self._transport = self._transport, None
        assert transport is not None
        self._services.timers.forget(self)
        self._entry.begin_http2(self, self._peer, transport, self._opened_at, buffer)

    def _begin(self, line: Line, rest: bytes) -> bytes:
        """Serve one request; what of `rest` is not its body."""
        entry = self._entry
        method, target, minor, fields = line
        trace_id = getrandbits(128).to_bytes(16, "big")
        session = self.session
        if (session is not None) is not entry.tls:
            self._refuse(Refused("misdirected", "this address speaks otherwise now, with TLS or without"))
            return b""
        name = None if session is None else session.server_name
        raw = RawRequest(
            method, target, _VERSIONS[minor], None, fields, self._peer, entry.tls, name, trace_id
        )
        snapshot = self._services.snapshot
        assert snapshot is not None, "nothing is accepted before a table is committed"
        listeners = snapshot.entries.get(entry.address)
        if listeners is None:
            self._refuse(Refused("listener-none", "nothing is served at this address any more"))
            return b""
        head = normalise(raw, listeners)
        if isinstance(head, Rejection):
            self._reject(head, line, trace_id)
            return b"" if self._closing else rest
        length = body_length(head, minor)
        if isinstance(length, Refused):
            self._refuse(length)
            return b""
        self._frame(head, minor)
        self.deadline = NEVER
        exchange = Exchange(
            self._services, self, head, length, self.peer_text, trace_id, "HTTP/1.1" if minor else "HTTP/1.0"
        )
        if session is not None:
            exchange.take_session(session)
        self._exchange = exchange
        self._replying = True
        if minor and "upgrade" in head.headers:
            exchange.handshake = handshake_of(head, self, has_body=length != 0)
        expects = head.headers.get("expect")
        if expects is not None and expects.lower() != "100-continue":
            self._keep = self._keep and not length
            exchange.fail("expectation")
            return rest if not length else b""
        if length:
            self._body = ChunkedBody() if length == CHUNKED else LengthBody(length)
            self._body_bytes = 0
            self._body_began = self._services.timers.now
            if expects is not None:
                exchange.wants_continue = bool(minor) and not rest
            self._wait(entry.timeouts.body_ms, "body-timeout")
        listener = listeners[0] if len(listeners) == 1 else _named(listeners, head.listener)
        exchange.begin(snapshot, entry.address, self._peer, listener if listener.trusted else None)
        if length and rest:
            if self._body is not None:
                self._take_body(rest)
            return b""
        return rest

    def _frame(self, head: RequestHead, minor: int) -> None:
        """What the request says of the connection."""
        connection = head.headers.get("connection")
        self._http10 = not minor
        keep = bool(minor)
        if connection is not None:
            named = connection.lower()
            if "close" in named and "close" in {each.strip(" \t") for each in named.split(",")}:
                keep = False
            elif not minor and "keep-alive" in named:
                keep = True
        self._keep = keep and self._keep

    def _take_body(self, data: bytes) -> None:
        """Bytes of the current request's body, and maybe of later requests."""
        body = self._body
        assert body is not None
        try:
            pieces, rest = body.feed(data)
        except BodyError as fault:
            self._body = None
            self._keep = False
            exchange = self._exchange
            if exchange is not None and not exchange.replied:
                exchange.fail(fault.reason, fault.detail)
            elif exchange is not None:
                self._exchange = None
                exchange.client_gone(fault.reason)
                self._abort()
            else:
                self._abort()
            return
        exchange = self._exchange
        if type(body) is ChunkedBody and exchange is not None and not exchange.over:
            exchange.request_promised(body.promised)
        for piece in pieces:
            self._body_bytes += len(piece)
            if exchange is not None and not exchange.over:
                exchange.request_data(piece)
            elif self._body_bytes > MAX_DISCARDED_BYTES:
                self._body = None
                self._keep = False
                self._finish_closing()
                return
        if rest is None:
            self._judge_rate()
            return
        self._body = None
        self._pause(_BODY, on=False)
        if exchange is not None and not exchange.over:
            self.deadline = NEVER
            exchange.request_end(body.trailers)
        if rest:
            self._hold(rest)
        if not self._replying:
            self._next()

    def _judge_rate(self) -> None:
        """The next deadline of a body, which may not come drop by drop."""
        times = self._entry.timeouts
        now = self._services.timers.now
        took = now - self._body_began
        if (
            times.body_rate_bytes
            and took > 10
            and self._body_bytes < times.body_rate_bytes * took
            and not self._paused
        ):
            self._late_reason = "body-rate"
            self.expired()
        else:
            self._wait(times.body_ms, "body-timeout")

    def _hold(self, data: bytes) -> None:
        """Bytes of later requests wait for their turn; a tunnel's need not."""
        if self._tunnel is not None:
            self._tunnel.from_client(data)
            return
        self._buffer += data
        if len(self._buffer) > MAX_HELD_BYTES:
            self._pause(_HELD, on=True)

    def _next(self) -> None:
        """The reply and the request are both whole: what is next?"""
        self._exchange = None
        if not self._keep or self._half_closed or self._closing:
            self._finish_closing()
            return
        if self._full:
            self._wait_for_client()  # what it has not taken stays bounded: nothing new is served meanwhile
            return
        # A reply that had begun before the drain did not say that it is the last.
        self._wait(int(GRACE_S * 1000) if self._leaving else self._entry.timeouts.idle_ms, "idle")
        buffer, self._buffer = self._buffer, b""
        if self._paused:
            self._pause(_HELD | _BODY, on=False)
        if buffer:
            # Later, so that a pipeline of short replies does not recurse, and others get their turn.
            self._buffer = buffer
            self._services.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """The held requests."""
        if self._transport is None or self._closing or self._full or self.busy:
            return
        buffer, self._buffer = self._buffer, b""
        if buffer:
            self._take_heads(buffer)

    # --- refusals before there is an exchange ----------------------------------------------------------

    def _refuse(self, refused: Refused) -> None:
        """Answer bytes that are no request, and close."""
        reason, detail = refused
        self._services.observer.refused(reason, self.peer_text, self._entry.listener, detail)
        self._keep = False
        self._replying = True
        request_id = getrandbits(128).to_bytes(16, "big").hex()
        reply, body = error_reply(REASONS[reason], request_id, "")
        self._body = None
        self._http10 = False
        self._answer(reply, body, request_id)

    def _reject(self, rejection: Rejection, line: Line, trace_id: bytes) -> None:
        """Answer a request that is refused before matching, and close: its body is not worth reading."""
        self._services.observer.refused(
            rejection.reason, self.peer_text, rejection.listener or self._entry.listener, rejection.detail
        )
        has_body = any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in line.fields)
        asked_close = any(
            name.lower() == b"connection" and b"close" in value.lower() for name, value in line.fields
        )
        reusable = not has_body and not asked_close and bool(line.minor) and rejection.status < 400
        self._keep = self._keep and reusable
        self._replying = True
        self._http10 = not line.minor
        accept = b", ".join(value for name, value in line.fields if name.lower() == b"accept").decode(
            "latin-1"
        )
        request_id = trace_id.hex()
        reply, body = error_reply(rejection.status, request_id, accept)
        if rejection.status == 204:
            reply.lines.append(ALLOWED)
        self._answer(reply, b"" if line.method == b"HEAD" else body, request_id)

    def _answer(self, reply: Reply, body: bytes, request_id: str) -> None:
        """Send a reply for which there is no exchange."""
        reply.lines.append(b"x-correlation-id: " + request_id.encode())
        self.send_head(reply, has_body=bool(body))
        if body:
            self.send_data(body)
        self.send_end([])

    # --- replies: Downstream ---------------------------------------------------------------------------

    def send_continue(self) -> None:
        """See Downstream."""
        if self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def send_head(self, reply: Reply, *, has_body: bool) -> None:
        """See Downstream."""
        transport = self._transport
        if transport is None:
            return
        length = reply.length
        services = self._services
        times = self._entry.timeouts
        if (
            self._leaving
            or services.draining
            or (times.age_ms and services.timers.now - self.opened > times.age_ms / 1000 * self._age_share)
        ):
            self._keep = False
        if self._body is not None and self._is_unwanted(self._body, reply.status):
            self._keep = False
        self._chunked = False
        lines = [_status_line(reply.status, reply.reason), *reply.lines]
        if length is not None:
            lines.append(b"content-length: %d" % length)
        elif has_body:
            if self._http10:
                self._keep = False
            else:
                self._chunked = True
                lines.append(b"transfer-encoding: chunked")
        if not self._keep:
            lines.append(b"connection: close")
        elif self._http10:
            lines.append(b"connection: keep-alive")
        lines.append(b"\r\n" if reply.dated else CLOCK.line(services.timers.now) + b"\r\n")
        # PERF: it goes out with the first piece of the body; each write costs 10 us.
        self._out = b"\r\n".join(lines)

    def _is_unwanted(self, body: Body, status: int) -> bool:
        """Whether the rest of a request's body is not worth reading, or may never come."""
        exchange = self._exchange
        if status == 413 or (exchange is not None and exchange.wants_continue):
            return True
        return isinstance(body, LengthBody) and body.left > MAX_DISCARDED_BYTES

    def send_data(self, data: bytes) -> None:
        """See Downstream."""
        transport = self._transport
        if transport is None:
            return
        out, self._out = self._out, b""
        if self._chunked:
            transport.write(b"%b%x\r\n%b\r\n" % (out, len(data), data))
        elif out:
            transport.write(out + data)
        else:
            transport.write(data)

    def flush(self) -> None:
        """See Downstream."""
        if self._out and self._transport is not None:
            self._transport.write(self._out)
            self._out = b""

    def send_end(self, trailers: Trailers) -> None:
        """See Downstream."""
        transport = self._transport
        self._replying = False
        self._exchange = None
        if transport is None:
            return
        if self._chunked:
            lines = b"".join(b"%b: %b\r\n" % pair for pair in trailers)
            transport.write(b"%b0\r\n%b\r\n" % (self._out, lines))
            self._out = b""
        elif self._out:
            transport.write(self._out)
            self._out = b""
        if self._body is None:
            self._next()
        elif self._keep:
            # The rest of the body is read and thrown away; then the next request.
            self._pause(_BODY, on=False)
            self._body_began = self._services.timers.now
            self._wait(self._entry.timeouts.body_ms, "body-timeout")
        else:
            self._finish_closing()

    def abort(self) -> None:
        """See Downstream. What was good goes out, so that the client sees where it ends."""
        self._exchange = None
        self._closing = True
        self.flush()
        if self._transport is None:
            return
        if self._http10 and not self._chunked:
            # A body that ends with the connection must not end as if it were whole.
            self._transport.abort()
        else:
            self._transport.close()
            self._wait(int(LINGER_S * 1000), "linger")

    def pause_reading(self) -> None:
        """See Downstream."""
        self._pause(_BODY, on=True)
        self.deadline = NEVER

    def resume_reading(self) -> None:
        """See Downstream."""
        if self._paused & _BODY:
            self._pause(_BODY, on=False)
            if self._body is not None:
                self._wait(self._entry.timeouts.body_ms, "body-timeout")

    # --- tunnels: TunnelEnd ----------------------------------------------------------------------------

    def switch(self, tunnel: Tunnel, reply: Reply) -> None:
        """See TunnelEnd. What the client has sent already is the tunnel's."""
        transport = self._transport
        if transport is None:
            return
        self._tunnel = tunnel
        self._keep = False
        self._chunked = False
        self.deadline = NEVER
        lines = (_status_line(101, reply.reason), *reply.lines, b"connection: Upgrade\r\nupgrade: websocket")
        transport.write(b"\r\n".join(lines) + b"\r\n\r\n")
        held, self._buffer = self._buffer, b""
        if held:
            tunnel.from_client(held)
        if self._paused:
            self._pause(_HELD | _BODY, on=False)
        if self._full:
            tunnel.client_full()
        if self._half_closed:
            tunnel.client_ended()

    def end_sending(self) -> None:
        """See TunnelEnd. TLS cannot end one way only, so the whole ends."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if transport.can_write_eof():
            transport.write_eof()
        else:
            transport.close()

    def hang_up(self) -> None:
        """See TunnelEnd."""
        self._tunnel = None
        self._exchange = None
        self._replying = False
        if self._transport is not None and self._full:
            self._wait_for_client()
        self._finish_closing()

    # --- the connection --------------------------------------------------------------------------------

    def drain(self) -> None:
        """One further request at most. Whoever is idle may be sending it this very moment, and is given the
        time: an HTTP/1.1 server has no way to say that it will close but in a reply.
        """
        self._leaving = True
        if not self.busy and not self._full and not self._buffer:
            self._wait(int(GRACE_S * 1000), "idle")

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self._exchange is not None or self._replying

    @property
    def records(self) -> list[RequestRecord]:
        """What is to be told of the request under way."""
        return [] if self._exchange is None else [self._exchange.record]

    def say_goodbye(self) -> bool:
        """End a tunnel in good form; False where there is none."""
        if self._tunnel is None:
            return False
        self._tunnel.go_away("draining")
        return True

    def kill(self) -> None:
        """Close, whatever is under way."""
        self._abort()

    def _pause(self, why: int, *, on: bool) -> None:
        before = self._paused
        self._paused = before | why if on else before & ~why
        if self._transport is None or self._transport.is_closing():
            return
        if self._paused and not before:
            self._transport.pause_reading()
        elif before and not self._paused:
            self._transport.resume_reading()

    def _wait(self, milliseconds: int, reason: str) -> None:
        """The deadline of what is next; 0 is none."""
        timers = self._services.timers
        self._late_reason = reason
        if milliseconds:
            self.deadline = deadline = timers.now + milliseconds / 1000
            if self.slot < 0 or deadline < self.due:
                timers.watch(self)
        else:
            self.deadline = NEVER

    def _wait_for_client(self) -> None:
        """From now on a client that takes nothing of what has been written is watched."""
        assert self._transport is not None
        self._unsent, self._looks = not_taken(self._transport), 0
        self._wait(-(-self._entry.timeouts.send_ms // LOOKS), "send")

    def _judge_client(self) -> None:
        """Whether it has taken anything since the last look; after so many looks in vain it is cut."""
        assert self._transport is not None
        left = not_taken(self._transport)
        self._looks = 0 if left < self._unsent else self._looks + 1
        self._unsent = left
        if self._looks < LOOKS:
            self._wait(-(-self._entry.timeouts.send_ms // LOOKS), "send")
            return
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.client_gone()
        self._abort()

    def _finish_closing(self) -> None:
        """Close after the reply. The client may still be sending: read on for a while, so that what has not
        been delivered of the reply is not lost to a reset.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._closing = True
        self._body = None
        self._buffer = b""
        if transport.get_write_buffer_size():
            # First the client takes all of the reply; `resume_writing` then comes back here.
            transport.set_write_buffer_limits(0)
            if not self._full:
                self.pause_writing()
            return
        if self._half_closed or not transport.can_write_eof():
            self._close()
            return
        self._linger = True
        self._paused = 0
        transport.write_eof()
        transport.resume_reading()
        self._late_reason = "linger"
        self.deadline = self._services.timers.now + LINGER_S
        self._services.timers.watch(self)

    def _close(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.close()

    def _abort(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.abort()


def _named(listeners: tuple[ListenerSettings, ...], name: str) -> ListenerSettings:
    """The listener of that name."""
    return next(each for each in listeners if each.name == name)


# PERF: replies have few statuses; at most 512 lines are kept.
@lru_cache(maxsize=512)
def _status_line(status: int, reason: bytes) -> bytes:
    """The first line of a reply."""
    return b"HTTP/1.1 %d %b" % (status, reason)
