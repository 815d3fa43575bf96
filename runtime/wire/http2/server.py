"""HTTP/2 from a client: one connection, many requests at once.

Owns the bytes between a client and its streams: the preface, the settings, requests made of their fields and
judged as HTTP/1.1's are, turns to send, windows given back, resets, the connection's end. Knows no route.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final, cast

from gwc.schema.request import Address
from h2.config import H2Configuration
from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    Event,
    PingAckReceived,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import DenialOfServiceError, ProtocolError
from h2.settings import SettingCodes, Settings
from hpack import HPACKError

from ...observe.record import RequestRecord
from ...timers import NEVER, Alarm, age_share
from ...tls_session import TlsSession
from ..http1.body import MAX_TRAILER_BYTES
from ..http1.entry import Entry
from ..http1.head import Refused
from ..unsent import LOOKS, not_taken
from .fields import (
    HeadEncoder,
    Malformed,
    list_size,
    read_request,
    read_trailers,
    status_field,
)
from .frames import (
    COMPRESSION_ERROR,
    DATA,
    ENHANCE_YOUR_CALM,
    GOAWAY,
    MOST_STREAM_ID,
    NO_ERROR,
    PREFACE,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    RST_STREAM,
    SETTING_ENABLE_CONNECT_PROTOCOL,
    SETTING_INITIAL_WINDOW_SIZE,
    SETTING_MAX_CONCURRENT_STREAMS,
    SETTING_MAX_HEADER_LIST_SIZE,
    SETTING_NO_RFC7540_PRIORITIES,
    Frame,
    goaway,
    settings,
)
from .guard import Guard, Violation
from .library import Library
from .server_requests import Judge
from .server_stream import Stream
from .server_tunnel import TunnelStream
from .unpacking import HeadDecoder

LINGER_S: Final = 2.0
"""How long a closed connection is still read, so that no reset takes the last frames."""

GRACE_S: Final = 1.0
"""How long a client may still open streams when it has been told that the connection will close."""

MOST_CONTROL: Final = 1000
"""Frames that ask for an answer while the client takes nothing of what has been written."""

_WRITTEN_AT_ONCE: Final = 64 * 1024
"""Bytes between two looks at whether the socket takes more."""

_DEFAULT_WINDOW: Final = 65_535
_DRAIN_PING: Final = b"gwcdrain"
_ALL: Final = 2**31 - 1
"""The library's own limit of streams: this one's is met with a reset, the library's with the end of all."""


class _Library(Library):
    """The library's connection; of closed streams it keeps fewer than 65,536, which are 10 MiB."""

    MAX_CLOSED_STREAMS = 1024


class Http2Connection(asyncio.Protocol):
    """A client's connection.

    Mutable: the streams by number, those whose turn it is to send (`_ready`), `_full` (the socket takes no
    more; `_unsent` bytes waited when it was looked at last, `_looks` in vain so far; `_control` frames were
    answered meanwhile), `_leaving` (the client knows that it will close) and `_last` (streams above it are
    not served, None while all are), `_closing`.
    """

    __slots__ = (
        "_age_share",
        "_closing",
        "_control",
        "_decoder",
        "_full",
        "_head_alarm",
        "_http2",
        "_idle_alarm",
        "_in_turn",
        "_judge",
        "_last",
        "_last_seen",
        "_leaving",
        "_limits",
        "_looks",
        "_opened",
        "_opened_at",
        "_own_bytes",
        "_preface",
        "_ready",
        "_scheduled",
        "_send_alarm",
        "_streams",
        "_transport",
        "_unsent",
        "came_from",
        "entry",
        "guard",
        "peer_text",
        "services",
        "session",
    )

    def __init__(
        self, entry: Entry, peer: Address | None, peer_text: str, came_from: str | None = None
    ) -> None:
        self.entry = entry
        self.services = entry.services
        self._judge = Judge(self, peer)
        self.peer_text = peer_text
        self.came_from = peer_text if came_from is None else came_from
        self._limits = limits = entry.http2
        self._transport: asyncio.Transport | None = None
        self.session: TlsSession | None = None
        self._opened_at = ""
        self._opened = self.services.timers.now
        self._age_share = age_share()
        self._preface = PREFACE
        self.guard = Guard(limits.resets)
        self._decoder = HeadDecoder(limits.header_list_bytes * 2)
        self._http2 = _Library(
            H2Configuration(
                client_side=False,
                header_encoding=None,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self._streams: dict[int, Stream] = {}
        self._ready: deque[Stream] = deque()
        self._own_bytes: list[bytes] = []
        self._scheduled = False
        self._in_turn = False
        self._full = False
        self._unsent = 0
        self._looks = 0
        self._control = 0
        self._leaving = False
        self._last: int | None = None
        self._last_seen = 0
        self._closing = False
        timers = self.services.timers
        self._head_alarm = Alarm(timers, self._head_late)
        self._idle_alarm = Alarm(timers, self._idle_over)
        self._send_alarm = Alarm(timers, self._judge_client)

    # --- for the loop ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol. Here a connection begins that has agreed on HTTP/2 before (ALPN)."""
        self.services.observer.connection_opened(self.entry.listener)
        self.take_over(cast(asyncio.Transport, transport), self.entry.listener)

    def take_over(self, transport: asyncio.Transport, opened_at: str) -> None:
        """Begin on a connection that is open; `opened_at` is the listener that counted it."""
        self._transport = transport
        self._opened_at = opened_at
        limits, http2 = self._limits, self._http2
        http2.decoder = self._decoder
        http2.encoder = HeadEncoder()
        http2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: _ALL,
                SettingCodes.INITIAL_WINDOW_SIZE: _DEFAULT_WINDOW,
            },
        )
        http2.initiate_connection()
        # In force once the client has said so: until then it may fill the window that it knows.
        http2.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: limits.window_bytes})
        http2.clear_outbound_data_buffer()
        self._own_bytes.append(
            settings(
                {
                    SETTING_MAX_CONCURRENT_STREAMS: limits.streams,
                    SETTING_INITIAL_WINDOW_SIZE: limits.window_bytes,
                    SETTING_MAX_HEADER_LIST_SIZE: limits.header_list_bytes,
                    SETTING_ENABLE_CONNECT_PROTOCOL: 1,
                    SETTING_NO_RFC7540_PRIORITIES: 1,
                }
            )
        )
        if limits.connection_window_bytes > _DEFAULT_WINDOW:
            http2.increment_flow_control_window(limits.connection_window_bytes - _DEFAULT_WINDOW)
        self._head_alarm.set(self.entry.timeouts.head_ms / 1000)
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._transport = None
        self._closing = True
        for alarm in (self._head_alarm, self._idle_alarm, self._send_alarm):
            alarm.forget()
        self._give_all_up("client-gone")
        self.services.observer.connection_closed(self._opened_at)
        self.entry.closed(self)

    def eof_received(self) -> bool:
        """The client is gone: without its windows and answers nothing goes on for long. False closes."""
        return False

    def pause_writing(self) -> None:
        """See asyncio.Protocol."""
        self._full = True
        if self._transport is not None:
            self._unsent, self._looks = not_taken(self._transport), 0
            self._send_alarm.set(self.entry.timeouts.send_ms / 1000 / LOOKS)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._full = False
        self._control = 0
        if not self._closing:
            self._send_alarm.stop()
            self.flush()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._closing:
            return
        self._in_turn = True
        try:
            if self._preface:
                data = self._take_preface(data)
            if data:
                self._take(data)
        except Exception as bug:
            # Of this connection nothing is known any more; the others go on.
            what = f"{type(bug).__name__}: {bug}"
            self.services.observer.error("error", "bug", where="request", what=what)
            self._abort()
        finally:
            self._in_turn = False
        self.flush()

    def _take_preface(self, data: bytes) -> bytes:
        """What follows the preface; it is the same however it was cut."""
        expected = self._preface
        size = min(len(expected), len(data))
        if data[:size] != expected[:size]:
            self._end(
                Violation("http2-frame", "the connection does not begin with the preface", PROTOCOL_ERROR)
            )
            return b""
        self._preface = expected[size:]
        if not self._preface:
            self._http2.receive_data(PREFACE)
        return data[size:]

    def _take(self, data: bytes) -> None:
        """Frames, one by one: what is wrong with one takes nothing from those before it."""
        guard = self.guard
        frames, violation = guard.take(data, self.services.timers.now)
        for frame in frames:
            self._take_frame(frame)
            if self._closing:
                return
        if violation is not None:
            self._end(violation)
        elif guard.waits_for_head:
            if self._head_alarm.deadline == NEVER:
                self._head_alarm.set(self.entry.timeouts.head_ms / 1000)
        else:
            self._head_alarm.stop()
            part = guard.data_of
            if part and part in self._streams:
                self._streams[part].arrived()

    def _take_frame(self, frame: Frame) -> None:
        if frame.kind == GOAWAY:
            # The library would then send no replies; those under way are still wanted.
            self._leaving = True
            self._last = self._last_seen
            self._close_when_done()
            return
        if self._full and frame.kind != DATA:
            self._control += 1
            if self._control > MOST_CONTROL:
                self.refused(
                    "http2-control-queue", f"{MOST_CONTROL} frames ask for answers that are not taken"
                )
                self._abort()
                return
        if frame.kind == RST_STREAM and frame.stream > self._http2.highest_inbound_stream_id:
            self._end(Violation("http2-frame", "RST_STREAM on a stream that is idle", PROTOCOL_ERROR))
            return
        try:
            events = self._http2.receive_data(frame.data)
        except ProtocolError as fault:
            self._end(self._fault(fault))
            return
        for event in events:
            self._handle(event)
            if self._closing:
                return

    def _fault(self, fault: ProtocolError) -> Violation:
        """What the library found wrong."""
        code = int(fault.error_code)
        out = self._http2.data_to_send()
        if len(out) >= 17 and out[-14] == GOAWAY:
            out = out[:-17]  # its own GOAWAY: ours says more
        self._own_bytes.append(out)
        if isinstance(fault, DenialOfServiceError):
            detail = "a list of fields is longer than twice what may come"
            return Violation("http2-header-list", detail, ENHANCE_YOUR_CALM)
        if isinstance(fault.__cause__, HPACKError):
            code = COMPRESSION_ERROR
        return Violation("http2-frame", f"{type(fault).__name__}: {fault}"[:200], code)

    def _handle(self, event: Event) -> None:
        """One thing that happened."""
        kind = type(event)
        if kind is RequestReceived:
            self._request(cast(RequestReceived, event))
        elif kind is DataReceived:
            self._data(cast(DataReceived, event))
        elif kind is StreamEnded:
            self._ended(cast(StreamEnded, event).stream_id, [])
        elif kind is WindowUpdated:
            number = cast(WindowUpdated, event).stream_id
            for stream in self._streams.values() if not number else self._some(number):
                self.wants_to_send(stream)
        elif kind is RemoteSettingsChanged:
            for stream in self._streams.values():
                self.wants_to_send(stream)
        elif kind is TrailersReceived:
            self._trailers(cast(TrailersReceived, event))
        elif kind is StreamReset:
            self._was_reset(cast(StreamReset, event))
        elif kind is PingAckReceived and self._leaving and self._last is None:
            self._say_last()

    def _some(self, number: int) -> tuple[Stream, ...]:
        stream = self._streams.get(number)
        return () if stream is None else (stream,)

    # --- requests --------------------------------------------------------------------------------------

    def _request(self, event: RequestReceived) -> None:
        """A request's head."""
        number = event.stream_id
        taken = self._decoder.taken
        if self._last is not None and number > self._last:
            self._http2.reset_stream(number, REFUSED_STREAM)
            return
        self._last_seen = number
        limits = self._limits
        if len(self._streams) >= limits.streams:
            self.refused("http2-streams", f"more than {limits.streams} streams at once")
            self._http2.reset_stream(number, REFUSED_STREAM)
            self._count_reset()
            return
        self._idle_alarm.stop()
        parts = read_request(taken)
        if isinstance(parts, Malformed):
            stream = self._streams[number] = Stream(self, number)
            self.malformed(stream, "http2-head", parts.detail)
            return
        if parts.protocol is None:
            stream = Stream(self, number)
        else:
            stream = TunnelStream(self, number)
            stream.prepare()
        self._streams[number] = stream
        ended = stream.request_ended = event.stream_ended is not None
        if list_size(taken) > limits.header_list_bytes:
            detail = f"the head is longer than {limits.header_list_bytes}"
            self._judge.refuse(stream, Refused("head-length", detail))
            return
        self._judge.serve(stream, parts, ended=ended)
        times = self.entry.timeouts
        if times.age_ms and self.services.timers.now - self._opened > times.age_ms / 1000 * self._age_share:
            self.drain()

    def _data(self, event: DataReceived) -> None:
        """A piece of a request's body."""
        number, size = event.stream_id, event.flow_controlled_length or 0
        stream = self._streams.get(number)
        if stream is None:
            self.give_back(number, size)
        elif not stream.take(event.data or b"", size):
            self.malformed(stream, "http2-length", "the body is longer than Content-Length")
        else:
            stream.arrived()

    def _ended(self, number: int, trailers: list[tuple[bytes, bytes]]) -> None:
        """A request is whole."""
        stream = self._streams.get(number)
        if stream is None or stream.request_ended:
            return
        if stream.left:
            self.malformed(stream, "http2-length", "the body is shorter than Content-Length")
            return
        stream.ended(trailers)

    def _trailers(self, event: TrailersReceived) -> None:
        """Fields after a request's body."""
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        read = read_trailers(self._decoder.taken)
        if isinstance(read, Malformed):
            self.malformed(stream, "trailer", read.detail)
        elif list_size(read) > MAX_TRAILER_BYTES:
            self.malformed(stream, "trailer", f"trailers are longer than {MAX_TRAILER_BYTES} bytes")
        else:
            self._ended(event.stream_id, read)

    def _was_reset(self, event: StreamReset) -> None:
        """A stream is reset: by the client, or by the library because of what the client sent."""
        stream = self._streams.get(event.stream_id)
        if stream is not None:
            stream.give_up()
            self.forget(stream)
        if not event.remote_reset:
            self._count_reset()

    # --- refusals before there is an exchange ----------------------------------------------------------

    def refused(self, reason: str, detail: str, listener: str | None = None) -> None:
        """Tell of something that was turned away."""
        self.services.observer.refused(reason, self.peer_text, listener or self.entry.listener, detail)

    def malformed(self, stream: Stream, reason: str, detail: str) -> None:
        """A message that is none (RFC 9113 section 8.1.1): its stream is reset, the others go on."""
        exchange = stream.exchange
        if exchange is None:
            self.refused(reason, detail)
        stream.give_up(reason)
        self.reset(stream, PROTOCOL_ERROR)
        self._count_reset()

    def _count_reset(self) -> None:
        """A client that makes us reset is no better than one that resets."""
        violation = self.guard.reset()
        if violation is not None and not self._closing:
            self._end(violation)

    # --- for streams -----------------------------------------------------------------------------------

    def wants_to_send(self, stream: Stream) -> None:
        """It has something to send: it gets its turn."""
        if not stream.waiting and not stream.gone:
            stream.waiting = True
            self._ready.append(stream)
        self._soon()

    def give_back(self, number: int, size: int) -> None:
        """Bytes of a body have been used: the client may send as many more."""
        if size and not self._closing:
            self._http2.acknowledge_received_data(size, number)
            self._soon()

    def send_continue(self, number: int) -> None:
        """Tell a client that waits for it to send its body."""
        if not self._closing:
            self._http2.send_headers(number, [(b":status", b"100"), (b"", status_field(100))])
            self._soon()

    def reset(self, stream: Stream, code: int) -> None:
        """End a stream before its time."""
        if stream.gone:
            return
        if not self._closing:
            self._http2.reset_stream(stream.number, ErrorCodes(code))
            self._soon()
        if stream.held and not self._closing:
            held, stream.held = stream.held, 0
            self.give_back(stream.number, held)
        self.forget(stream)

    def forget(self, stream: Stream) -> None:
        """A stream is over."""
        if stream.gone:
            return
        stream.gone = True
        if stream.slot >= 0:
            self.services.timers.forget(stream)
        if stream.held and not self._closing:
            held, stream.held = stream.held, 0
            self.give_back(stream.number, held)
        self._streams.pop(stream.number, None)
        if not self._streams and not self._closing:
            self._idle_alarm.set(self.entry.timeouts.idle_ms / 1000)
            self._close_when_done()

    # --- writing ---------------------------------------------------------------------------------------

    def _soon(self) -> None:
        """What there is to write goes out in this turn of the loop, in one piece."""
        if not self._scheduled and not self._in_turn:
            self._scheduled = True
            self.services.loop.call_soon(self.flush)

    def flush(self) -> None:
        """Write what may be written."""
        self._scheduled = False
        if self._transport is None or self._in_turn:
            return
        self._in_turn = True
        try:
            while self._write_some():
                pass
        except Exception as bug:
            what = f"{type(bug).__name__}: {bug}"
            self.services.observer.error("error", "bug", where="reply", what=what)
            self._abort()
        finally:
            self._in_turn = False

    def _write_some(self) -> bool:
        """One write: each stream in turn sends a frame; whether there is more."""
        ready, http2 = self._ready, self._http2
        turns = _WRITTEN_AT_ONCE // 16_384 if len(ready) < 4 else len(ready)
        if not self._full and not self._closing:
            while ready and turns > 0:
                stream = ready.popleft()
                stream.waiting = False
                if stream.gone:
                    continue
                if stream.send(http2):
                    stream.waiting = True
                    ready.append(stream)
                turns -= 1
        transport = self._transport
        if transport is None:
            return False
        data = b"".join(self._own_bytes) if self._own_bytes else b""
        self._own_bytes.clear()
        if not self._closing:
            data += http2.data_to_send()
        if data:
            transport.write(data)
        return bool(ready) and not self._full and not self._closing and self._transport is not None

    # --- the connection --------------------------------------------------------------------------------

    def drain(self) -> None:
        """Serve what is under way, and what is on its way already; then close (RFC 9113 section 6.8)."""
        if self._leaving or self._closing:
            return
        self._leaving = True
        self._own_bytes.append(goaway(MOST_STREAM_ID, NO_ERROR))
        # The answer to a PING comes after all that the client sent before it knew.
        self._http2.ping(_DRAIN_PING)
        if not self._streams:
            self._idle_alarm.set(GRACE_S)
        self._head_alarm.stop()
        self.services.loop.call_later(GRACE_S, self._say_last)
        self._soon()

    def _say_last(self) -> None:
        """Streams that come from now on are not served."""
        if self._last is not None or self._closing:
            return
        self._last = self._last_seen
        self._own_bytes.append(goaway(self._last, NO_ERROR))
        self._soon()
        self._close_when_done()

    def _close_when_done(self) -> None:
        """Close if the client knows that it is the last, and has got all."""
        if self._streams or self._closing:
            return
        if self._leaving and self._last is not None:
            self._close()

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return bool(self._streams)

    @property
    def records(self) -> list[RequestRecord]:
        """What is to be told of the requests under way."""
        return [each.exchange.record for each in self._streams.values() if each.exchange is not None]

    def say_goodbye(self) -> bool:
        """End tunnels in good form; False where there is none."""
        streams = tuple(self._streams.values())
        return sum(isinstance(each, TunnelStream) and each.say_goodbye() for each in streams) > 0

    def kill(self) -> None:
        """Close, whatever is under way."""
        self._abort()

    def _head_late(self) -> None:
        """A head, the preface or a frame of control did not end in time."""
        self._end(Violation("head-timeout", "a head or a frame came too slowly", ENHANCE_YOUR_CALM))
        self.flush()

    def _idle_over(self) -> None:
        """Nothing has been asked for a while."""
        if self._closing:  # it lingers
            self._abort()
        elif not self._streams:
            if self._last is None:
                self._last = self._last_seen
                self._own_bytes.append(goaway(self._last, NO_ERROR))
            self._close()

    def _judge_client(self) -> None:
        """Whether it has taken anything since the last look; after so many looks in vain it is cut."""
        transport = self._transport
        if transport is None:
            return
        left = not_taken(transport)
        if self._closing and not transport.get_write_buffer_size():
            self._idle_alarm.set(LINGER_S)
            return
        self._looks = 0 if left < self._unsent else self._looks + 1
        self._unsent = left
        if self._looks < LOOKS:
            self._send_alarm.set(self.entry.timeouts.send_ms / 1000 / LOOKS)
            return
        self._abort()

    def _end(self, violation: Violation) -> None:
        """No more of this: say why, and close."""
        self.refused(violation.reason, violation.detail)
        if self._preface:
            self._own_bytes.clear()
        self._own_bytes.append(goaway(self._last_seen, violation.code))
        self._give_all_up("client-gone")
        self._close()

    def _give_all_up(self, reason: str) -> None:
        """No stream gets its reply any more."""
        for stream in tuple(self._streams.values()):
            stream.give_up(reason)
            stream.gone = True
            if stream.slot >= 0:
                self.services.timers.forget(stream)
        self._streams.clear()
        self._ready.clear()

    def _close(self) -> None:
        """Close after what is to be written. The client may still be sending: it is read on for a while, so
        that what it has not got is not lost to a reset.
        """
        transport = self._transport
        if transport is None or self._closing:
            return
        self._own_bytes.append(self._http2.data_to_send())
        self._closing = True
        for alarm in (self._head_alarm, self._idle_alarm):
            alarm.stop()
        data = b"".join(self._own_bytes)
        self._own_bytes.clear()
        if data and not transport.is_closing():
            transport.write(data)
        if not transport.can_write_eof() or transport.is_closing():
            transport.close()
            return
        transport.write_eof()
        if not transport.get_write_buffer_size():
            self._idle_alarm.set(LINGER_S)
        elif not self._full:
            self.pause_writing()  # it is watched until it has taken all

    def _abort(self) -> None:
        self._closing = True
        if self._transport is not None:
            self._transport.abort()
