"""HTTP/1.1 to an upstream: one connection, one exchange at a time.

Owns the bytes between an exchange and a target: the request's framing, the reply's head and body, interim
replies, and whether the connection may serve another request. Knows no route and no client.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final, cast

from ...forwarding import forwarded_head
from ...timers import NEVER
from ...tunnel import Tunnel, switch_refusal
from .body import CHUNKED, UNTIL_CLOSE, Body, BodyError, ChunkedBody, EndlessBody, LengthBody
from .reply import MAX_HEAD_BYTES, MAX_INTERIM, BadReply, read_reply

if TYPE_CHECKING:
    from ...exchange import Exchange
    from ...reply import Reply
    from ...sides import Trailers
    from ...upstream.pool import Upstream
    from ...upstream.targets import Target


_HANGS_UP_WITHIN_S: Final = 10.0
"""How long a target may take for what a tunnel that is over has left."""

_BARE_LF = re.compile(rb"(?<!\r)\n")


class ClientConnection(asyncio.Protocol):
    """A connection to a target.

    Mutable: the exchange that is served, what of the reply has been read (`_buffer`, `_body`), what of the
    request is still to be sent (`_sending`), the `_tunnel` that took the exchange's place, `usable`, `active`
    (the pool's: a request has it), and the deadline, which is the exchange's while there is one.
    """

    __slots__ = (
        "_body",
        "_buffer",
        "_chunked",
        "_exchange",
        "_interim",
        "_paused",
        "_reusable",
        "_sending",
        "_transport",
        "_tunnel",
        "_upstream",
        "active",
        "deadline",
        "due",
        "opened",
        "slot",
        "target",
        "usable",
    )

    shares = False
    tunnels = True

    def __init__(self, upstream: Upstream, target: Target) -> None:
        self._upstream = upstream
        self.target = target
        self.opened = upstream.services.timers.now
        self.deadline = NEVER
        self.slot = -1
        self.due = 0.0
        self.usable = True
        self.active = False
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._buffer = b""
        self._body: Body | None = None
        self._chunked = False
        self._sending = False
        self._reusable = True
        self._interim = 0
        self._paused = False
        self._tunnel: Tunnel | None = None

    # --- for the pool ------------------------------------------------------------------------------------

    def take(self) -> ClientConnection:
        """See `Pooled`."""
        return self

    # --- for the exchange ------------------------------------------------------------------------------

    def start(self, exchange: Exchange, length: int) -> None:
        """Send a request's head; the body of `length` follows by `send_data` and `send_end`."""
        assert self._transport is not None
        self._exchange = exchange
        self._chunked = length < 0
        self._sending = length != 0
        self._interim = 0
        self.deadline = NEVER
        self._transport.write(exchange.forwarded(forwarded_head))

    def send_data(self, data: bytes) -> None:
        """A piece of the request's body."""
        if self._transport is None:
            return
        if self._chunked:
            self._transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
        else:
            self._transport.write(data)

    def send_end(self, trailers: Trailers) -> None:
        """The request is whole."""
        self._sending = False
        if self._chunked and self._transport is not None:
            lines = b"".join(b"%b: %b\r\n" % pair for pair in trailers)
            self._transport.write(b"0\r\n%b\r\n" % lines)

    def abort(self) -> None:
        """Close; the exchange is not called any more."""
        self._exchange = self._tunnel = None
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close an idle connection."""
        self.usable = False
        if self._transport is not None:
            self._transport.close()

    def pause_reading(self) -> None:
        """No more of the reply for now."""
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """The reply again."""
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def expired(self) -> None:
        """The exchange's deadline has passed, or it has been idle long enough."""
        if self._exchange is not None:
            self._exchange.expired()
        elif self._tunnel is not None:
            self._tunnel.expired()
        elif self._transport is not None and self._transport.is_closing():
            self._transport.abort()
        else:
            self.close()

    # --- tunnels: TunnelEnd ----------------------------------------------------------------------------

    def switch(self, tunnel: Tunnel, reply: Reply) -> None:
        """See TunnelEnd. It serves nobody else afterwards."""
        self._tunnel = tunnel
        self._exchange = None
        self.usable = False

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
        if self._transport is not None:
            self._transport.close()
            timers = self._upstream.services.timers
            self.deadline = timers.now + _HANGS_UP_WITHIN_S
            timers.watch(self)

    # --- for the loop ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.usable = False
        exchange, self._exchange = self._exchange, None
        self._transport = None
        upstream = self._upstream
        upstream.services.timers.forget(self)
        upstream.gone(self)
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is not None:
            tunnel.target_lost()
        if exchange is None:
            return
        if type(self._body) is EndlessBody and exc is None:
            exchange.reply_end([])
        elif self._body is not None:
            exchange.upstream_lost("reply-body", "the connection was lost inside the reply's body")
        elif self._buffer:
            exchange.upstream_lost("reply-head", "the connection was lost inside the reply's head")
        else:
            exchange.upstream_lost("connection-lost", "the connection was lost before a reply")

    def eof_received(self) -> bool:
        """The target sends no more. True keeps the connection, which only a tunnel has a use for."""
        if self._tunnel is None or self._transport is None:
            return False
        keep = self._transport.can_write_eof()
        self._tunnel.target_ended()
        return keep

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        if self._exchange is not None:
            self._exchange.upstream_full()
        elif self._tunnel is not None:
            self._tunnel.target_full()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        if self._exchange is not None:
            self._exchange.upstream_drained()
        elif self._tunnel is not None:
            self._tunnel.target_drained()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        exchange = self._exchange
        if exchange is None:
            if self._tunnel is not None:
                self._tunnel.from_target(data)
            else:
                self.close()  # nobody asked
            return
        try:
            if self._body is not None:
                self._take_body(exchange, data)
            else:
                self._take_head(exchange, data)
        except Exception as bug:
            # Of this request nothing is known any more; the others go on.
            what = f"{type(bug).__name__}: {bug}"
            self._upstream.services.observer.error("error", "bug", where="reply", what=what)
            self.abort()
            exchange.upstream_lost("reply-body", "a bug in the gateway")

    # --- the reply -------------------------------------------------------------------------------------

    def _take_head(self, exchange: Exchange, data: bytes) -> None:
        judged = len(self._buffer)
        buffer = self._buffer + data if self._buffer else data
        while True:
            end = buffer.find(b"\r\n\r\n", judged - 3 if judged > 3 else 0)
            if end < 0 or end > MAX_HEAD_BYTES:
                if len(buffer) > MAX_HEAD_BYTES:
                    self._refuse(
                        exchange, "reply-too-long", f"the reply's head is longer than {MAX_HEAD_BYTES} bytes"
                    )
                elif not b"HTTP/1.".startswith(buffer[:7]) or _BARE_LF.search(buffer, max(judged - 1, 0)):
                    self._refuse(exchange, "reply-head", "what came is no HTTP/1 reply")
                else:
                    self._buffer = buffer
                return
            read = read_reply(buffer[:end], to_head=exchange.head.method == "HEAD")
            rest = buffer[end + 4 :]
            if isinstance(read, BadReply):
                self._refuse(exchange, read.reason, read.detail)
                return
            if read.reply.status >= 200:
                break
            if read.reply.status == 101:
                self._leave_http(exchange, read.reply, buffer[:end], rest)
                return
            self._interim += 1
            if self._interim > MAX_INTERIM:
                self._refuse(exchange, "reply-interim", f"more than {MAX_INTERIM} interim replies came")
                return
            buffer = rest
            judged = 0
            if not buffer:
                self._buffer = b""
                return
        self._buffer = b""
        reply, length, self._reusable = read
        if length == len(rest) or not length:
            # PERF: the usual small reply is all there.
            self._leave(rest[length:])
            exchange.reply_whole(reply, rest[:length])
            return
        if length == CHUNKED:
            self._body = ChunkedBody()
        elif length == UNTIL_CLOSE:
            self._body = EndlessBody()
        else:
            self._body = LengthBody(length)
        exchange.reply_head(reply, length)
        if rest and self._exchange is not None:
            self._take_body(exchange, rest)
        else:
            exchange.flush()

    def _leave_http(self, exchange: Exchange, reply: Reply, head: bytes, rest: bytes) -> None:
        """A 101, whose `head` is whole: `rest` is no HTTP any more, if it was asked for."""
        handshake = exchange.handshake
        fault: str | None = "the target switched protocols unasked"
        if handshake is not None:
            fault = switch_refusal(head, handshake.key)
        if fault is not None:
            self._refuse(exchange, "reply-upgrade", fault)
            return
        self._buffer = b""
        exchange.switched(reply, self)
        if rest and self._tunnel is not None:
            self._tunnel.from_target(rest)

    def _take_body(self, exchange: Exchange, data: bytes) -> None:
        body = self._body
        assert body is not None
        try:
            pieces, rest = body.feed(data)
        except BodyError as fault:
            self._refuse(exchange, "reply-body", fault.detail)
            return
        for piece in pieces:
            exchange.reply_data(piece)
            if self._exchange is None:
                return  # it was given up meanwhile
        if rest is not None:
            self._end(exchange, rest, body.trailers)

    def _end(self, exchange: Exchange, rest: bytes, trailers: Trailers) -> None:
        """The reply is whole."""
        exchange.upstream_side = None
        self._leave(rest)
        exchange.reply_end(trailers)

    def _leave(self, rest: bytes) -> None:
        """The exchange is done with this connection, which is free first, so that the client's next request
        finds it. `rest` are bytes that came after the reply.
        """
        self._exchange = None
        self._body = None
        if self._paused:
            self.resume_reading()
        # Surplus bytes, or a request that was answered before it was whole: what would follow is not known.
        if self._reusable and not rest and not self._sending and self.usable:
            self._upstream.release(self)
            return
        self.usable = False
        if self._transport is not None:
            if self._sending:
                self._transport.abort()
            else:
                self._transport.close()

    def _refuse(self, exchange: Exchange, reason: str, detail: str) -> None:
        """The reply is none: the exchange fails, and the connection is closed."""
        self.abort()
        exchange.upstream_lost(reason, detail)
