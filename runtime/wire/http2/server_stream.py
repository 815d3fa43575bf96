"""One request of an HTTP/2 connection, and the way of its reply.

Owns what waits of a reply until windows and the socket have room, what has been taken of a body and not been
given back to the window, and the deadlines of both. It implements `Downstream` for its exchange. Knows no
route and no bytes of frames.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from h2.connection import H2Connection

from ...reply import Reply
from ...sides import Trailers
from ...timers import NEVER
from ..http1.date import CLOCK
from .fields import field, line_field, status_field, trailer_block
from .frames import CANCEL, INTERNAL_ERROR, MOST_PAYLOAD, NO_ERROR

if TYPE_CHECKING:
    from ...exchange import Exchange
    from .server import Http2Connection

FULL_BYTES: Final = 64 * 1024
"""So much of a reply waits at most before its target is asked to rest."""
DRAINED_BYTES: Final = 16 * 1024

RATE_FROM_S: Final = 10
"""From when on the rate of a body is judged."""


class Stream:
    """One stream.

    Mutable: `exchange` (None once it is over), `left` (bytes of the body that Content-Length still promises,
    None without one), `held` (bytes of the body that the window gets back when the exchange goes on), the
    reply's head, pieces and trailers that wait, `waiting` (a turn to send is due), `gone`.
    """

    __slots__ = (
        "_began",
        "_body_bytes",
        "_body_due",
        "_connection",
        "_ended",
        "_full",
        "_head",
        "_paused",
        "_pieces",
        "_queued",
        "_stall_due",
        "_trailers",
        "_unhurried",
        "deadline",
        "due",
        "exchange",
        "gone",
        "held",
        "left",
        "number",
        "request_ended",
        "slot",
        "waiting",
    )

    def __init__(self, connection: Http2Connection, number: int) -> None:
        self._connection = connection
        self.number = number
        self.exchange: Exchange | None = None
        self.request_ended = False
        self.left: int | None = None
        self.held = 0
        self.waiting = False
        self.gone = False
        self._paused = False
        self._body_bytes = 0
        self._began = 0.0
        self._head: tuple[bytes, bytes] | None = None
        self._pieces: deque[bytes] = deque()
        self._queued = 0
        self._full = False
        self._ended = False
        self._unhurried = False
        self._trailers: Trailers = []
        self._body_due = self._stall_due = NEVER
        self.deadline = NEVER
        self.slot = -1
        self.due = 0.0

    # --- the request's body ----------------------------------------------------------------------------

    def body_follows(self, left: int | None, *, unhurried: bool = False) -> None:
        """A body is to come. `unhurried`: it is a conversation; only the upstream limits its silence."""
        self.left = left
        self._unhurried = unhurried
        self._began = self._connection.services.timers.now
        self._wait_for_body()

    def take(self, data: bytes, size: int) -> bool:
        """A piece of the body, `size` bytes of the window; whether that is no more than was promised."""
        self._body_bytes += len(data)
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                return False
        exchange = self.exchange
        if data and exchange is not None and not exchange.over:
            exchange.request_data(data)
        if self._paused:
            self.held += size
        else:
            self._connection.give_back(self.number, size)
        return True

    def arrived(self) -> None:
        """Something of the body has come, if not a whole frame."""
        if self.gone or self.request_ended or self._paused or self._unhurried:
            return
        times = self._connection.entry.timeouts
        now = self._connection.services.timers.now
        took = now - self._began
        if times.body_rate_bytes and took > RATE_FROM_S and self._body_bytes < times.body_rate_bytes * took:
            self._late("body-rate")
        else:
            self._wait_for_body()

    def ended(self, trailers: Trailers) -> None:
        """The request is whole."""
        self.request_ended = True
        self._body_due = NEVER
        self._time()
        exchange = self.exchange
        if exchange is not None and not exchange.over and not exchange.request_ended:
            exchange.request_end(trailers)

    def pause_reading(self) -> None:
        """See Downstream."""
        self._paused = True
        self._body_due = NEVER
        self._time()

    def resume_reading(self) -> None:
        """See Downstream."""
        if not self._paused:
            return
        self._paused = False
        held, self.held = self.held, 0
        if held and not self.gone:
            self._connection.give_back(self.number, held)
        if not self.request_ended:
            self._wait_for_body()

    # --- the reply -------------------------------------------------------------------------------------

    def send_continue(self) -> None:
        """See Downstream."""
        if not self.gone and not self.request_ended:
            self._connection.send_continue(self.number)

    def send_head(self, reply: Reply, *, has_body: bool) -> None:
        """See Downstream."""
        if self.gone:
            return
        parts = [status_field(reply.status)]
        if not reply.dated:
            line = CLOCK.line(self._connection.services.timers.now)
            parts.append(field(b"date", line[6:-2]))
        parts += map(line_field, reply.lines)
        if reply.length is not None:
            parts.append(field(b"content-length", b"%d" % reply.length))
        self._head = b"%d" % reply.status, b"".join(parts)

    def send_data(self, data: bytes) -> None:
        """See Downstream."""
        if self.gone:
            return
        self._pieces.append(data)
        self._queued += len(data)
        if self._queued > FULL_BYTES and not self._full:
            self._full = True
            self._tell_full()
        self._connection.wants_to_send(self)

    def flush(self) -> None:
        """See Downstream."""
        if self._head is not None and not self.gone:
            self._connection.wants_to_send(self)

    def send_end(self, trailers: Trailers) -> None:
        """See Downstream."""
        self.exchange = None
        self._ended = True
        self._trailers = trailers
        if not self.gone:
            self._connection.wants_to_send(self)

    def abort(self) -> None:
        """See Downstream."""
        self.exchange = None
        if not self.gone:
            self._connection.reset(self, INTERNAL_ERROR)

    # --- its turn --------------------------------------------------------------------------------------

    def send(self, http2: H2Connection) -> bool:
        """Send a head, or a frame of data at most; whether there is more that could go."""
        number = self.number
        guard = self._connection.guard
        ended, pieces = self._ended, self._pieces
        if self._head is not None:
            (status, block), self._head = self._head, None
            last = ended and not pieces and not self._trailers
            http2.send_headers(number, [(b":status", status), (b"", block)], end_stream=last)
            guard.sent_head()
            if last:
                self._done()
                return False
        if pieces:
            room = min(http2.local_flow_control_window(number), MOST_PAYLOAD, http2.max_outbound_frame_size)
            if room <= 0:
                self._stalled()
                return False
            data = self._cut(room)
            last = ended and not pieces and not self._trailers
            http2.send_data(number, data, end_stream=last)
            guard.sent_data()
            self._stall_due = NEVER
            if last:
                self._done()
                return False
            if self._full and self._queued <= DRAINED_BYTES and not ended:
                self._full = False
                self._tell_drained()
            if pieces:
                return True
        if ended and not pieces and not self.gone:
            if self._trailers:
                http2.send_headers(number, [(b"", trailer_block(self._trailers))], end_stream=True)
            else:
                http2.end_stream(number)
            self._done()
        return False

    def _tell_full(self) -> None:
        if self.exchange is not None:
            self.exchange.downstream_full()

    def _tell_drained(self) -> None:
        if self.exchange is not None:
            self.exchange.downstream_drained()

    def _cut(self, room: int) -> bytes:
        """The next bytes of the reply, at most `room`."""
        pieces = self._pieces
        first = pieces.popleft()
        if len(first) > room:
            pieces.appendleft(first[room:])
            first = first[:room]
        elif pieces and len(first) < room:
            parts, size = [first], len(first)
            while pieces and size < room:
                part = pieces.popleft()
                if size + len(part) > room:
                    pieces.appendleft(part[room - size :])
                    part = part[: room - size]
                parts.append(part)
                size += len(part)
            first = b"".join(parts)
        self._queued -= len(first)
        return first

    def _done(self) -> None:
        """The reply is out. A body that nobody wants any more is not waited for (RFC 9113 section 8.1)."""
        if self.request_ended:
            self._connection.forget(self)
        else:
            self._connection.reset(self, NO_ERROR)

    # --- deadlines -------------------------------------------------------------------------------------

    def _wait_for_body(self) -> None:
        if self._unhurried:
            return
        times = self._connection.entry.timeouts
        self._body_due = (
            self._connection.services.timers.now + times.body_ms / 1000 if times.body_ms else NEVER
        )
        self._time()

    def _stalled(self) -> None:
        """A window is shut: from now on the client has its time to open it."""
        if self._stall_due == NEVER:
            times = self._connection.entry.timeouts
            if times.send_ms:
                self._stall_due = self._connection.services.timers.now + times.send_ms / 1000
                self._time()

    def _time(self) -> None:
        self.deadline = deadline = min(self._body_due, self._stall_due)
        if deadline < NEVER and not self.gone and (self.slot < 0 or deadline < self.due):
            self._connection.services.timers.watch(self)

    def expired(self) -> None:
        """A deadline has passed."""
        if self.gone:
            return
        now = self._connection.services.timers.now
        if self._stall_due <= now:
            connection = self._connection
            connection.refused("http2-window-stall", "the client has not opened its window in time")
            self.give_up("client-gone")
            connection.reset(self, CANCEL)
            connection.flush()
        elif self._body_due <= now:
            self._late("body-timeout")
        else:
            self._time()

    def _late(self, reason: str) -> None:
        """The body comes too slowly."""
        self._body_due = NEVER
        self._time()
        exchange = self.exchange
        if exchange is None:
            return
        if exchange.replied:
            self.give_up(reason)
            self._connection.reset(self, CANCEL)
        else:
            exchange.fail(reason)
        self._connection.flush()

    def give_up(self, reason: str = "client-gone") -> None:
        """The exchange is told that nobody waits for its reply."""
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.client_gone(reason)
