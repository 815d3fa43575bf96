"""HTTP/2 to an upstream: one connection, many streams.

Owns the bytes between streams and a target: settings, frames in turn for all streams that have something to
send, windows, GOAWAY, and how many streams there may be. Knows no route and no client.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, cast

from h2 import events
from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.exceptions import DenialOfServiceError, NoSuchStreamError, ProtocolError, StreamClosedError
from h2.settings import SettingCodes, Settings
from hpack import HeaderTuple

from ...timers import NEVER
from ...upstream.connecting import NoHttp2
from .fields import HeadEncoder, trailer_block
from .goaway import GoAway, GoAwayCutter
from .library import Library
from .stream import ClientStream, _word
from .unpacking import HeadDecoder

if TYPE_CHECKING:
    from ...upstream.pool import Upstream
    from ...upstream.targets import Target
    from .reply import Header

MAX_STREAMS: Final = 100
"""At once on one connection; the target may allow fewer."""

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a reply's fields, counted as HPACK does, 32 more for each."""

WINDOW_BYTES: Final = 64 * 1024
"""Of a stream: what may come of a reply whose client takes nothing."""

_CONNECTION_WINDOW: Final = (MAX_STREAMS + 4) * WINDOW_BYTES
"""More than all streams together may hold back, so that slow clients never stop the others."""

_LAST_NUMBER: Final = 1 << 30
"""A connection whose streams have such numbers takes no more."""

_MOST_UNSENT_BYTES: Final = 4 * 1024 * 1024
"""That a target makes us say and does not take: acknowledgements of a flood."""

_CONFIGURATION: Final = H2Configuration(
    client_side=True,
    validate_outbound_headers=False,  # `forwarding` writes them
    normalize_outbound_headers=False,
    validate_inbound_headers=False,  # `reply` judges them, and one bad reply is not the connection's end
    normalize_inbound_headers=False,
)

_LENGTH: Final = b"content-length"
_HIDDEN_LENGTH: Final = b"\0content-length"


class _LengthHidingDecoder(HeadDecoder):
    """Gives Content-Length a name that the library does not look at: it would end the connection where the
    length of one reply is wrong. `stream.py` has the reply's own judgement.
    """

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:
        """See Decoder."""
        super().decode(data)
        found = list(self.taken)
        for at, (name, value) in enumerate(found):
            if name == _LENGTH:
                found[at] = _HIDDEN_LENGTH, value
            elif name[:1] == b"\0":
                found[at] = b"\0", b""  # nobody else may have that name
        return cast("Iterable[HeaderTuple]", found)  # pairs are all that is asked for


def _shown(headers: Iterable[Header] | None) -> list[Header]:
    """The fields as they came."""
    return [
        (_LENGTH if name == _HIDDEN_LENGTH else bytes(name), bytes(value)) for name, value in headers or ()
    ]


class Http2Connection(asyncio.Protocol):
    """A connection to a target.

    Mutable: its streams by number, those with something to send (`_ready`, in turn) or waiting for the window
    of the connection or their own (`_blocked`), `usable` (it takes more streams), and the deadline, which
    ends the time without a stream. `ready` is done when the target has sent its settings.
    """

    shares = True

    def __init__(self, upstream: Upstream, target: Target) -> None:
        services = upstream.services
        self._upstream = upstream
        self._services = services
        self.target = target
        self.opened = services.timers.now
        self.deadline = NEVER
        self.slot = -1
        self.due = 0.0
        self.usable = True
        self.active = False
        self.ready: asyncio.Future[None] = services.loop.create_future()
        self._known = False
        self._transport: asyncio.Transport | None = None
        self._cutter = GoAwayCutter()
        self._streams: dict[int, ClientStream] = {}
        self._taken = 0
        self._ready: dict[ClientStream, None] = {}
        self._blocked: dict[ClientStream, None] = {}
        self._flushing = False
        self._reading = False
        self._full = False
        self._most = MAX_STREAMS
        h2 = self._h2 = Library(_CONFIGURATION)
        h2.local_settings = Settings(
            client=True,
            initial_values={
                SettingCodes.ENABLE_PUSH: 0,
                SettingCodes.INITIAL_WINDOW_SIZE: WINDOW_BYTES,
                SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEAD_BYTES,
            },
        )
        h2.encoder = HeadEncoder()
        h2.decoder = _LengthHidingDecoder(MAX_HEAD_BYTES)

    # --- for the pool ----------------------------------------------------------------------------------

    @property
    def room(self) -> int:
        """How many streams more it takes."""
        return self._most - self._taken if self.usable else 0

    @property
    def streams(self) -> int:
        """How many there are."""
        return self._taken

    @property
    def tunnels(self) -> bool:
        """Whether the target takes WebSockets (RFC 8441 section 3)."""
        return bool(self._h2.remote_settings.enable_connect_protocol)

    def take(self) -> ClientStream:
        """A place for a request, which is counted until the stream ends."""
        self._taken += 1
        return ClientStream(self)

    def retire(self) -> None:
        """Take no more streams, and close after the last one."""
        self.usable = False
        if not self._taken:
            self.close()

    def close(self) -> None:
        """Close; there is no stream."""
        self.usable = False
        if self._transport is not None and not self._transport.is_closing():
            self._h2.close_connection()
            self._write()
            self._transport.close()

    def drop(self) -> None:
        """Close at once: the connect was given up."""
        self.usable = False
        if self._transport is not None:
            self._transport.abort()

    def expired(self) -> None:
        """It has been without a stream long enough."""
        if not self._taken:
            self.close()

    # --- for the streams -------------------------------------------------------------------------------

    def open(self, stream: ClientStream, block: bytes, *, end: bool) -> None:
        """Begin a stream with the request's head."""
        number = stream.number = self._h2.get_next_available_stream_id()
        self._streams[number] = stream
        self._h2.send_headers(number, [(b"", block)], end_stream=end)
        if number > _LAST_NUMBER:
            self.usable = False
        self._flush_soon()

    def wants_out(self, stream: ClientStream) -> None:
        """The stream has something to send."""
        if stream not in self._blocked or not stream.waits_for_window:
            self._blocked.pop(stream, None)
            self._ready[stream] = None
            self._flush_soon()

    def give_back(self, number: int, size: int) -> None:
        """The client has taken so much: the target may send as much again."""
        if size and self._transport is not None:
            self._h2.acknowledge_received_data(size, number)
            self._flush_soon()

    def left(self, stream: ClientStream, owed: int, code: ErrorCodes | None) -> None:
        """A stream is over; it is reset with `code` where the target may think otherwise."""
        self._services.timers.forget(stream)
        self._ready.pop(stream, None)
        self._blocked.pop(stream, None)
        number = stream.number
        self._streams.pop(number, None)
        if self._transport is not None and number:
            self.give_back(number, owed)
            if code is not None:
                with contextlib.suppress(StreamClosedError, NoSuchStreamError):  # both ends have ended it
                    self._h2.reset_stream(number, code)
                    # Counting makes the library forget the stream; what is still on its way for one that it
                    # knows as closed would end the connection where that is an interim reply.
                    _ = self._h2.open_outbound_streams
                self._flush_soon()
        self._taken -= 1
        self._upstream.freed(self)
        if not self._taken and not self.usable:
            self.close()

    # --- for the loop ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(_CONNECTION_WINDOW - 65_535)
        self._write()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.usable = False
        self._transport = None
        self._services.timers.forget(self)
        if not self.ready.done():
            self._never_ready("the target closed the connection before it sent settings")
            return
        if self._known:
            self._upstream.gone(self)
        self._lose("connection-lost", "the connection was lost before the reply was whole")

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._full = True

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._full = False
        self._flush_soon()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._reading = True
        try:
            for piece in self._cutter.feed(data):
                if isinstance(piece, GoAway):
                    self._going_away(piece)
                else:
                    self._take(self._h2.receive_data(piece))
        except ProtocolError as fault:
            self._break(fault)
        except Exception as bug:
            what = f"{type(bug).__name__}: {bug}"
            self._services.observer.error("error", "bug", where="reply", what=what)
            self._end_all("reply-body", "a bug in the gateway")
        finally:
            self._reading = False
        self._flush()

    # --- what came -------------------------------------------------------------------------------------

    def _take(self, found: list[events.Event]) -> None:
        waiting: list[ClientStream] = []
        for event in found:
            if isinstance(event, events.DataReceived):
                stream = self._streams.get(event.stream_id)
                taken = event.flow_controlled_length or 0
                if stream is None:
                    self.give_back(event.stream_id, taken)
                else:
                    end = event.stream_ended is not None
                    stream.data(bytes(event.data or b""), taken, end=end)
            elif isinstance(event, events.ResponseReceived):
                stream = self._streams.get(event.stream_id)
                if stream is not None:
                    end = event.stream_ended is not None
                    if stream.head(_shown(event.headers), end=end):
                        waiting.append(stream)
            elif isinstance(event, events.TrailersReceived):
                stream = self._streams.get(event.stream_id)
                if stream is not None:
                    stream.trailers(_shown(event.headers))
            elif isinstance(event, events.InformationalResponseReceived):
                stream = self._streams.get(event.stream_id)
                if stream is not None:
                    stream.interim(_shown(event.headers))
            elif isinstance(event, events.StreamReset):
                stream = self._streams.get(event.stream_id)
                if stream is not None:
                    stream.reset(int(event.error_code or 0))
            elif isinstance(event, events.WindowUpdated):
                self._widen(event.stream_id)
            elif isinstance(event, events.RemoteSettingsChanged):
                self._settle()
        for stream in waiting:
            stream.begin(flush=True)

    def _settle(self) -> None:
        """The target's settings have come, or others."""
        self._most = min(MAX_STREAMS, self._h2.remote_settings.max_concurrent_streams)
        if not self.ready.done():
            if not self._most:
                self._never_ready("the target allows no stream")
                self.drop()
                return
            self._known = True
            self.ready.set_result(None)
            return
        self._widen(0)
        if self.room > 0:
            self._upstream.widened(self)

    def _widen(self, number: int | None) -> None:
        """Streams that waited for a window may go on: all of them, or one."""
        if number:
            stream = self._streams.get(number)
            going = [stream] if stream in self._blocked and stream is not None else []
        else:
            going = list(self._blocked)
        for each in going:
            del self._blocked[each]
            self._ready[each] = None
        if going:
            self._flush_soon()

    def _going_away(self, goaway: GoAway) -> None:
        """The target takes no more streams; those above the last one it has not begun."""
        self.usable = False
        self._upstream.retired(self)
        if not self.ready.done():
            self._never_ready("the target went away before it sent settings")
            self.drop()
            return
        detail = f"the target is going away ({_word(goaway.code)})"
        for number, stream in tuple(self._streams.items()):
            if number > goaway.last:
                stream.refused(detail)
        if not self._taken:
            self.close()

    def _break(self, fault: ProtocolError) -> None:
        """The target has broken the rules: nothing that it says can be relied on."""
        if not self.ready.done():
            self._never_ready("what the target sent is no HTTP/2")
            self.drop()
            return
        if isinstance(fault, DenialOfServiceError):
            self._end_all("reply-too-long", f"the fields of a reply have more than {MAX_HEAD_BYTES} bytes")
        else:
            self._end_all("protocol-error", f"the target broke the rules of HTTP/2: {str(fault)[:200]}")

    def _never_ready(self, detail: str) -> None:
        self.ready.set_exception(NoHttp2(detail))
        self.ready.exception()  # whoever connects may have given up; then nobody else asks

    def _end_all(self, reason: str, detail: str) -> None:
        """Close, and let no stream wait for what does not come."""
        self.usable = False
        self._upstream.retired(self)
        transport = self._transport
        self._write()  # GOAWAY, which the library has prepared
        self._transport = None
        self._lose(reason, detail)
        self._transport = transport
        if transport is not None:
            transport.close()

    def _lose(self, reason: str, detail: str) -> None:
        for stream in tuple(self._streams.values()):
            lost = "reply-body" if stream.has_begun and reason == "connection-lost" else reason
            stream.lost(lost, detail)

    # --- what goes -------------------------------------------------------------------------------------

    def _flush_soon(self) -> None:
        # What a request sends in one turn of the loop goes out together; so does what a packet leads to.
        if not self._flushing and not self._reading:
            self._flushing = True
            self._services.loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        if self._transport is None:
            return
        while self._ready and not self._full:
            for stream in tuple(self._ready):
                if stream in self._ready:
                    self._send_some(stream)
            self._write()
        self._write()

    def _send_some(self, stream: ClientStream) -> None:
        """One frame of a stream, so that all get their turn."""
        h2, number = self._h2, stream.number
        most = min(h2.local_flow_control_window(number), h2.max_outbound_frame_size)
        if stream.waits_for_window and most <= 0:
            self._ready.pop(stream, None)
            self._blocked[stream] = None
            return
        piece, end = stream.next_piece(most)
        if len(piece) or end:
            h2.send_data(number, piece, end_stream=end)
        trailers = stream.last_trailers()
        if trailers is not None:
            h2.send_headers(number, [(b"", trailer_block(trailers))], end_stream=True)
        if not stream.has_more:
            self._ready.pop(stream, None)
        stream.moved_out()

    def _write(self) -> None:
        transport = self._transport
        if transport is None:
            return
        data = self._h2.data_to_send()
        if data:
            transport.write(data)
            if transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
                transport.abort()
