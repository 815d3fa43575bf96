"""Asking an agent over gRPC: a stream for each request, in which its events and their answers take turns.

Owns one HTTP/2 connection to an agent, its streams, and the form of messages (docs/agent.proto). What is said
in a message is not its business.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Final, cast
from urllib.parse import urlsplit

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from .agent_words import BadAnswer, Unanswered

PATH: Final = "/gwc.agent.v1.Agent/Process"
_WINDOW_BYTES: Final = 1 << 20
_END_S: Final = 5.0
"""How long an agent may take to end a stream that we have ended."""
_TAG: Final = 0x0A
"""Field 1, bytes: all that a message has."""


def message_of(content: bytes) -> bytes:
    """A message with its prefix: not compressed, its length, field 1."""
    field = bytes((_TAG,)) + _varint(len(content)) + content if content else b""
    return b"\0" + len(field).to_bytes(4, "big") + field


def content_of(message: bytes) -> bytes:
    """What field 1 holds; b"" where there is none. Raises BadAnswer."""
    if not message:
        return b""
    length, at = 0, 1
    for shift in range(0, 35, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            if message[0] == _TAG and len(message) == at + length:
                return message[at:]
            break
    raise BadAnswer("is another message than `Answer`")


def _varint(number: int) -> bytes:
    found = bytearray()
    while number >= 0x80:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


class GrpcWay:
    """The connection to one agent. Mutable: the connection, and the streams of requests under way."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._authority = parts.netloc
        self._scheme = parts.scheme
        self._tls: ssl.SSLContext | None = None
        self._link: Link | None = None
        self._connecting = asyncio.Lock()
        self._calls: dict[str, Call] = {}

    @property
    def busy(self) -> bool:
        """Whether requests under way have streams."""
        return bool(self._calls)

    async def prepare(self) -> None:
        """Authorities for TLS, which take time to read."""
        if self._scheme == "https" and self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context)
            self._tls.set_alpn_protocols(["h2"])

    async def post(self, identity: str, said: bytes, most: int) -> bytes:
        """One event in its request's stream, and the answer. Raises Unanswered or BadAnswer."""
        call = self._calls.get(identity)
        if call is None:
            link = await self._connected()
            call = self._calls[identity] = link.call(self._scheme, self._authority)
        try:
            return content_of(await call.ask(message_of(said), most))
        except BaseException:
            self._calls.pop(identity, None)
            call.reset()
            raise

    def over(self, identity: str) -> None:
        """A request is over, and its stream with it."""
        call = self._calls.pop(identity, None)
        if call is not None:
            call.end()

    async def aclose(self) -> None:
        """Let go of the connection; a later event opens a new one."""
        link, self._link = self._link, None
        if link is not None:
            link.close()

    async def _connected(self) -> Link:
        async with self._connecting:
            if self._link is None or not self._link.takes_calls:
                await self.prepare()
                loop = asyncio.get_running_loop()
                name = self._host if self._tls else None
                _, link = await loop.create_connection(
                    Link, self._host, self._port, ssl=self._tls, server_hostname=name
                )
                self._link = link
            return self._link


class Link(asyncio.Protocol):
    """One connection. Mutable: streams, whether it takes more, and who waits for room to send."""

    def __init__(self) -> None:
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.takes_calls = False
        self._transport: asyncio.Transport | None = None
        self._calls: dict[int, Call] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)
        self.takes_calls = True
        self.h2.initiate_connection()
        self.h2.increment_flow_control_window(_WINDOW_BYTES)
        self.flush()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        try:
            for event in self.h2.receive_data(data):
                self._take(event)
        except ProtocolError:
            self.close()
        self.flush()

    def connection_lost(self, _fault: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.takes_calls = False
        self._transport = None
        for call in tuple(self._calls.values()):
            call.failed("its connection is gone")
        self._calls.clear()
        self.wake()

    def call(self, scheme: str, authority: str) -> Call:
        """A new stream."""
        if self.h2.open_outbound_streams >= self.h2.remote_settings.max_concurrent_streams:
            raise Unanswered("takes no more streams")
        number = self.h2.get_next_available_stream_id()
        head = [
            (":method", "POST"),
            (":scheme", scheme),
            (":path", PATH),
            (":authority", authority),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
            ("user-agent", "gwc"),
        ]
        self.h2.send_headers(number, head)
        call = self._calls[number] = Call(self, number)
        return call

    async def send(self, number: int, data: bytes) -> None:
        """As much at a time as the agent takes."""
        while data:
            if self._transport is None:
                raise Unanswered("its connection is gone")
            room = min(self.h2.local_flow_control_window(number), self.h2.max_outbound_frame_size)
            if room <= 0:
                waiting = self._loop.create_future()
                self._waiting.append(waiting)
                self.flush()
                await waiting
                continue
            self.h2.send_data(number, data[:room])
            data = data[room:]
        self.flush()

    def end(self, number: int) -> None:
        """We have no more to say in a stream; one that the agent does not end then is reset."""
        if number in self._calls and self._transport is not None:
            self.h2.end_stream(number)
            self.flush()
            self._loop.call_later(_END_S, self.reset, number)

    def reset(self, number: int) -> None:
        """Nobody wants anything of a stream any more."""
        if self._calls.pop(number, None) is not None and self._transport is not None:
            self.h2.reset_stream(number, ErrorCodes.CANCEL)
            self.flush()

    def close(self) -> None:
        """End it."""
        self.takes_calls = False
        if self._transport is not None:
            self._transport.close()

    def flush(self) -> None:
        """What there is to send goes out."""
        data = self.h2.data_to_send()
        if data and self._transport is not None:
            self._transport.write(data)

    def wake(self) -> None:
        """There may be room to send."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.done():
                each.set_result(None)

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.WindowUpdated | events.RemoteSettingsChanged):
            self.wake()
        elif isinstance(event, events.ConnectionTerminated):
            self.takes_calls = False
        elif isinstance(event, events.DataReceived):
            self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            call = self._calls.get(event.stream_id)
            if call is not None:
                call.took(event.data)
        elif isinstance(event, events.ResponseReceived | events.TrailersReceived):
            call = self._calls.get(event.stream_id)
            if call is not None:
                call.took_head({str(name): str(value) for name, value in event.headers or ()})
        elif isinstance(event, events.StreamEnded | events.StreamReset):
            call = self._calls.pop(event.stream_id, None)
            if call is not None:
                call.failed("its stream has ended")
                self.wake()


class Call:
    """One stream. Mutable: what came of a message, who waits for it, and why there will be none."""

    def __init__(self, link: Link, number: int) -> None:
        self._link = link
        self._number = number
        self._came = bytearray()
        self._most = 0
        self._answer: asyncio.Future[bytes] | None = None
        self._why = ""

    async def ask(self, message: bytes, most: int) -> bytes:
        """Send a message and wait for one. Raises Unanswered or BadAnswer."""
        if self._why:
            raise Unanswered(self._why)
        self._most = most
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answer = answer
        try:
            await self._link.send(self._number, message)
            return await answer
        finally:
            self._answer = None
            if answer.done() and not answer.cancelled():
                answer.exception()  # told, where sending failed before anybody waited for it

    def end(self) -> None:
        """No more events."""
        self._link.end(self._number)

    def reset(self) -> None:
        """Nobody waits any more."""
        self._link.reset(self._number)

    def took_head(self, fields: dict[str, str]) -> None:
        """The agent's head or trailers."""
        if fields.get(":status", "200") != "200":
            self.failed(f"has status {fields[':status']}")
        elif fields.get("grpc-status", "0") != "0":
            self.failed(f"has grpc-status {fields['grpc-status'][:8]}")

    def took(self, data: bytes) -> None:
        """A piece of a message."""
        if not data:
            return
        self._came += data
        length = int.from_bytes(self._came[1:5], "big") if len(self._came) >= 5 else 0
        if self._answer is None or self._answer.done():
            self.failed("speaks without being asked")
        elif length > self._most:
            self._refuse(f"is longer than {self._most} bytes")
        elif self._came[0] != 0:
            self._refuse("is compressed")
        elif len(self._came) > 5 + length and len(self._came) >= 5:
            self._refuse("has more than one message")
        elif len(self._came) >= 5 and len(self._came) == 5 + length:
            self._answer.set_result(bytes(self._came[5:]))
            self._came.clear()

    def failed(self, why: str) -> None:
        """There will be no more messages."""
        self._why = self._why or why
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Unanswered(self._why))

    def _refuse(self, why: str) -> None:
        assert self._answer is not None
        self._why = why
        self._answer.set_exception(BadAnswer(why))
