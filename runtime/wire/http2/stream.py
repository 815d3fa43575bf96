"""One request and its reply on a connection to an upstream.

Owns what of the request waits for the target's window, the course of the reply (interim ones, the head, the
body against its length, trailers), and what a client that is slow gives back of the window. The connection's
bytes are `client.py`'s.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from h2.errors import ErrorCodes

from ...forwarding import forwarded_fields
from ...timers import NEVER
from ..http1.body import CHUNKED
from ..http1.reply import MAX_INTERIM, BadReply
from .fields import request_block
from .reply import Header, Http2Reply, read_reply, read_status, read_trailers

if TYPE_CHECKING:
    from ...exchange import Exchange
    from ...reply import Reply
    from ...sides import Trailers
    from ...tunnel import Tunnel
    from .client import Http2Connection

_FULL_BYTES: Final = 64 * 1024
"""Of a request's body that wait here before the client is held back; it goes on at a quarter."""

_KEPT_BYTES: Final = 64 * 1024
"""Of a request's body that are kept until the reply begins, for a target that has not begun with it."""


class ClientStream:
    """A stream; it implements `UpstreamSide`.

    Mutable: `number` (0 until the head is out), `_exchange` (None when it is over), the request's rest
    (`_out`, `_ending`), what of it is kept, and of the reply: a head that waits for its body's beginning,
    `_left` (bytes to come, CHUNKED), `_begun`, `_paused` with `_owed`, the part of the window that the client
    has not taken.
    """

    __slots__ = (
        "_begun",
        "_connection",
        "_ended",
        "_ending",
        "_exchange",
        "_full",
        "_interim",
        "_kept",
        "_kept_bytes",
        "_left",
        "_out",
        "_out_bytes",
        "_over",
        "_owed",
        "_paused",
        "_reply",
        "_to_head",
        "_tunnel",
        "deadline",
        "due",
        "number",
        "slot",
        "target",
    )

    def __init__(self, connection: Http2Connection) -> None:
        self._connection = connection
        self.target = connection.target
        self.deadline = NEVER
        self.slot = -1
        self.due = 0.0
        self.number = 0
        self._exchange: Exchange | None = None
        self._out: deque[bytes | memoryview] = deque()
        self._out_bytes = 0
        self._ending: Trailers | None = None
        self._ended = False
        self._full = False
        self._kept: list[bytes] | None = []
        self._kept_bytes = 0
        self._interim = 0
        self._reply: Http2Reply | None = None
        self._begun = False
        self._left = CHUNKED
        self._paused = False
        self._owed = 0
        self._to_head = False
        self._over = False
        self._tunnel: Tunnel | None = None

    # --- for the exchange ------------------------------------------------------------------------------

    @property
    def tunnels(self) -> bool:
        """See `UpstreamSide`. The target has to offer extended CONNECT (RFC 8441)."""
        return self._connection.tunnels

    def start(self, exchange: Exchange, length: int) -> None:
        """See `UpstreamSide`."""
        self._exchange = exchange
        self._to_head = exchange.head.method == "HEAD"
        self._ended = length == 0 and exchange.handshake is None
        fields = exchange.forwarded(forwarded_fields)
        block = request_block(fields, b"https" if self.target.place.tls is not None else b"http")
        self._connection.open(self, block, end=self._ended)

    def send_data(self, data: bytes) -> None:
        """See `UpstreamSide`."""
        if (self._exchange is None and self._tunnel is None) or not data:
            return
        if self._kept is not None:
            self._kept_bytes += len(data)
            if self._kept_bytes > _KEPT_BYTES:
                self._kept = None
            else:
                self._kept.append(data)
        self._out.append(data)
        self._out_bytes += len(data)
        self._connection.wants_out(self)
        if self._out_bytes > _FULL_BYTES and not self._full:
            self._full = True
            if self._tunnel is not None:
                self._tunnel.target_full()
            elif self._exchange is not None:
                self._exchange.upstream_full()

    def send_end(self, trailers: Trailers) -> None:
        """See `UpstreamSide`."""
        if self._exchange is not None:
            self._ending = trailers
            self._connection.wants_out(self)

    def abort(self) -> None:
        """See `UpstreamSide`. The connection goes on."""
        self._exchange = self._tunnel = None
        self._leave(ErrorCodes.CANCEL)

    def pause_reading(self) -> None:
        """See `UpstreamSide`. What is on its way still comes: a window's worth at most."""
        self._paused = True

    def resume_reading(self) -> None:
        """See `UpstreamSide`."""
        self._paused = False
        if self._owed:
            owed, self._owed = self._owed, 0
            self._connection.give_back(self.number, owed)

    def expired(self) -> None:
        """The exchange's deadline has passed."""
        if self._tunnel is not None:
            self._tunnel.expired()
        elif self._exchange is not None:
            self._exchange.expired()

    # --- tunnels: TunnelEnd ----------------------------------------------------------------------------

    def switch(self, tunnel: Tunnel, reply: Reply) -> None:
        """See `TunnelEnd`."""
        self._tunnel = tunnel
        self._exchange = None

    def end_sending(self) -> None:
        """See `TunnelEnd`."""
        self._ending = []
        self._connection.wants_out(self)

    def hang_up(self) -> None:
        """See `TunnelEnd`. The connection goes on."""
        self._tunnel = None
        self._leave(ErrorCodes.CANCEL)

    # --- for the connection: the request ---------------------------------------------------------------

    def next_piece(self, most: int) -> tuple[memoryview | bytes, bool]:
        """The next bytes of the body, at most so many, and whether the request ends with them."""
        if not self._out:
            return b"", self._ends_here()
        piece = self._out[0]
        if len(piece) > most:
            view = memoryview(piece)
            self._out[0] = view[most:]
            piece = view[:most]
        else:
            self._out.popleft()
        self._out_bytes -= len(piece)
        return piece, self._ends_here()

    def _ends_here(self) -> bool:
        if self._out or self._ending is None or self._ending:
            return False
        self._ended = True
        return True

    def last_trailers(self) -> Trailers | None:
        """The request's trailers where they are all that is left to send; then it is over."""
        if self._out or self._ended or not self._ending:
            return None
        self._ended = True
        return self._ending

    @property
    def has_more(self) -> bool:
        """Whether there is something to send."""
        return not self._ended and (bool(self._out) or self._ending is not None)

    @property
    def waits_for_window(self) -> bool:
        """Whether what is next is of the body: an end needs no window."""
        return bool(self._out)

    def moved_out(self) -> None:
        """Some of the body has gone."""
        if self._full and self._out_bytes <= _FULL_BYTES // 4:
            self._full = False
            if self._tunnel is not None:
                self._tunnel.target_drained()
            elif self._exchange is not None:
                self._exchange.upstream_drained()

    # --- for the connection: the reply -----------------------------------------------------------------

    def interim(self, headers: list[Header]) -> None:
        """An interim reply, which goes no further."""
        status = read_status(headers)
        self._interim += 1
        if isinstance(status, BadReply):
            self._refuse(status)
        elif status == 101:
            self._refuse(BadReply("reply-head", "HTTP/2 has no status 101"))
        elif self._interim > MAX_INTERIM:
            self._refuse(BadReply("reply-interim", f"more than {MAX_INTERIM} interim replies came"))

    def head(self, headers: list[Header], *, end: bool) -> bool:
        """The reply's head. True: it waits for `begin`, because its body may be there already."""
        exchange = self._exchange
        if exchange is None:
            return False
        status = read_status(headers)
        if isinstance(status, BadReply):
            self._refuse(status)
            return False
        if status < 200:
            self._refuse(BadReply("reply-head", "an interim reply ends the stream"))
            return False
        read = read_reply(headers, status, to_head=self._to_head)
        if isinstance(read, BadReply):
            self._refuse(read)
            return False
        if end and read.length > 0:
            self._refuse(BadReply("reply-body", "the reply ended before its body was whole"))
            return False
        if exchange.handshake is not None and 200 <= status < 300:
            self._leave_http(exchange, read.reply, end=end)
            return False
        self._left = read.length
        self._kept = None
        if read.is_grpc:
            exchange.is_grpc = True
        if read.grpc_status is not None:
            exchange.record.grpc_status = read.grpc_status
        self._begun = True
        if end:
            if read.reply.length is None and status != 204 and not self._to_head:
                read.reply.length = 0
            self._leave(None if self._ended else ErrorCodes.CANCEL)
            exchange.reply_whole(read.reply, b"")
            return False
        self._reply = read
        return True

    def _leave_http(self, exchange: Exchange, reply: Reply, *, end: bool) -> None:
        """The target has agreed to a WebSocket."""
        if end or reply.length is not None:
            self._refuse(BadReply("reply-upgrade", "the agreement to a WebSocket speaks of a body or an end"))
            return
        self._kept = None
        self._begun = True
        reply.status, reply.reason = 101, b"Switching Protocols"
        exchange.switched(reply, self)

    def _take_tunnelled(self, tunnel: Tunnel, data: bytes, taken: int, *, end: bool) -> None:
        """Bytes that are no body."""
        if data:
            tunnel.from_target(data)
        if self._over or not self._paused:
            self._connection.give_back(self.number, taken)
        else:
            self._owed += taken
        if end and not self._over:
            tunnel.target_ended()

    def begin(self, *, flush: bool) -> None:
        """A head that has waited goes to the client."""
        reply, self._reply = self._reply, None
        if reply is not None and self._exchange is not None:
            self._exchange.reply_head(reply.reply, reply.length)
            if flush and self._exchange is not None:
                self._exchange.flush()

    def data(self, data: bytes, taken: int, *, end: bool) -> None:
        """A piece of the body; it took `taken` bytes of the window."""
        if self._tunnel is not None:
            self._take_tunnelled(self._tunnel, data, taken, end=end)
            return
        exchange = self._exchange
        if exchange is None:
            self._connection.give_back(self.number, taken)
            return
        if self._left != CHUNKED:
            self._left -= len(data)
            if self._left < 0 or (end and self._left):
                self._connection.give_back(self.number, taken)
                self._refuse_body()
                return
        if end and self._reply is not None:
            # PERF: the usual small reply is all there.
            reply, self._reply = self._reply, None
            self._connection.give_back(self.number, taken)
            if reply.reply.length is None:
                reply.reply.length = len(data)
            self._leave(None if self._ended else ErrorCodes.CANCEL)
            exchange.reply_whole(reply.reply, data)
            return
        self.begin(flush=False)
        if self._exchange is None:  # it was given up meanwhile
            self._connection.give_back(self.number, taken)
            return
        if data:
            exchange.reply_data(data)
        if self._exchange is None or not self._paused:
            self._connection.give_back(self.number, taken)
        else:
            self._owed += taken
        if end and self._exchange is not None:
            self._end(exchange, [])

    def trailers(self, headers: list[Header]) -> None:
        """What follows the body. It ends the reply."""
        if self._tunnel is not None:
            self._tunnel.target_ended()
            return
        exchange = self._exchange
        if exchange is None:
            return
        read = read_trailers(headers)
        if isinstance(read, BadReply):
            self._refuse(read)
            return
        if self._left > 0:
            self._refuse_body()
            return
        self.begin(flush=False)
        if self._exchange is not None:
            trailers, status = read
            if status is not None:
                exchange.record.grpc_status = status
            self._end(exchange, trailers)

    def reset(self, code: int) -> None:
        """The target has reset the stream."""
        if self._tunnel is not None:
            self._lose_tunnel()
            return
        if self._exchange is None:
            return
        if code == ErrorCodes.REFUSED_STREAM and not self._begun:
            self.refused("the target refused the stream")
        elif self._begun:
            self.lost("reply-body", f"the target reset the stream ({_word(code)})")
        else:
            self.lost("stream-reset", f"the target reset the stream ({_word(code)})")

    def refused(self, detail: str) -> None:
        """The target has not begun with the request."""
        if self._tunnel is not None:
            self._lose_tunnel()
            return
        exchange, self._exchange = self._exchange, None
        kept = self._kept
        self._leave(None)
        if exchange is None:
            return
        exchange.upstream_side = None
        if self._begun:
            exchange.upstream_lost("reply-body", detail)
        else:
            exchange.upstream_refused(None if kept is None else tuple(kept), detail)

    def lost(self, reason: str, detail: str) -> None:
        """The stream is over before its reply was whole."""
        if self._tunnel is not None:
            self._lose_tunnel()
            return
        exchange, self._exchange = self._exchange, None
        self._reply = None
        self._leave(None)
        if exchange is not None:
            exchange.upstream_side = None
            exchange.upstream_lost(reason, detail)

    @property
    def has_begun(self) -> bool:
        """Whether the reply's head has come."""
        return self._begun

    # --- endings ---------------------------------------------------------------------------------------

    def _lose_tunnel(self) -> None:
        tunnel, self._tunnel = self._tunnel, None
        self._leave(None)
        if tunnel is not None:
            tunnel.target_lost()

    def _refuse_body(self) -> None:
        self._refuse(BadReply("reply-body", "the reply's body is not as long as Content-Length says"))

    def _end(self, exchange: Exchange, trailers: Trailers) -> None:
        """The reply is whole."""
        exchange.upstream_side = None
        self._leave(None if self._ended else ErrorCodes.CANCEL)
        exchange.reply_end(trailers)

    def _refuse(self, fault: BadReply) -> None:
        """The reply is none: the exchange fails, the stream is reset, the connection goes on."""
        exchange, self._exchange = self._exchange, None
        self._reply = None
        self._leave(ErrorCodes.PROTOCOL_ERROR)
        if exchange is not None:
            exchange.upstream_side = None
            exchange.upstream_lost(fault.reason, fault.detail)

    def _leave(self, code: ErrorCodes | None) -> None:
        """Done with the stream, which is reset with `code` where it is still open. The place is free first,
        so that the client's next request finds it.
        """
        self._exchange = None
        if self._over:
            return
        self._over = True
        self._out.clear()
        self._ending = None
        self._kept = None
        owed, self._owed = self._owed, 0
        self._connection.left(self, owed, code)


def _word(code: int) -> str:
    """The name of an error code."""
    try:
        return ErrorCodes(code).name
    except ValueError:
        return f"code {code}"
