"""A client of HTTP/2: what it sends is what it is told, and what comes is kept by stream.

Owns the way between frames and replies for the tests alone, on the `h2` library with its checks of what goes
out turned off. `Speaker` knows no socket; `Client2` is one on a socket that blocks.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import h2.events as e
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError

from .raw import Address, Silence

Fields = Sequence[tuple[str, str]]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


@dataclass
class Reply2:
    """What has come on a stream so far. `reset`: the code of RST_STREAM. `ended`: with END_STREAM."""

    status: int = 0
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trailers: dict[str, str] = field(default_factory=dict)
    interim: list[int] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None

    @property
    def over(self) -> bool:
        """Nothing more comes."""
        return self.ended or self.reset is not None


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    """The bytes of any frame."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload


def head(path: str = "/", *more: tuple[str, str], method: str = "GET", host: str = "a.test") -> Fields:
    """The fields of a usual request."""
    return ((":method", method), (":scheme", "http"), (":path", path), (":authority", host), *more)


class Speaker:
    """One connection without its socket. `goaway` is the code of the last GOAWAY, `last` its stream."""

    def __init__(self, *, reads: bool = True) -> None:
        self.http2 = H2Connection(
            H2Configuration(
                client_side=True,
                header_encoding="latin-1",
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.http2.initiate_connection()
        self.reads = reads
        self.replies: dict[int, Reply2] = {}
        self.goaways: list[tuple[int, int]] = []
        self.settings: dict[int, int] = {}
        self.window_updates: list[tuple[int, int]] = []
        self.pings = 0

    @property
    def goaway(self) -> int | None:
        """The code of the last GOAWAY."""
        return self.goaways[-1][1] if self.goaways else None

    def ask(self, fields: Fields, *, ended: bool = True) -> int:
        """Begin a request; its stream."""
        number = self.http2.get_next_available_stream_id()
        self.http2.send_headers(number, fields, end_stream=ended)
        self.replies[number] = Reply2()
        return number

    def out(self) -> bytes:
        """What is to be sent."""
        return self.http2.data_to_send()

    def take(self, data: bytes) -> None:
        """What has come."""
        # GOAWAY is looked at here: the library would take nothing any more.
        kept = b""
        data, self._rest = self._rest + data, b""
        while len(data) >= 9:
            size = 9 + int.from_bytes(data[:3], "big")
            if len(data) < size:
                break
            if data[3] == 7:
                self.goaways.append((int.from_bytes(data[9:13], "big"), int.from_bytes(data[13:17], "big")))
            else:
                kept += data[:size]
            data = data[size:]
        self._rest = data
        if self.deaf:
            return
        for event in self.http2.receive_data(kept):
            self._handle(event)

    _rest = b""
    deaf = False
    """Nothing but GOAWAY is looked at: what has been sent is not what the library knows of."""

    def _handle(self, event: e.Event) -> None:
        if isinstance(event, e.ResponseReceived):
            fields = {str(name): str(value) for name, value in event.headers or ()}
            reply = self.replies[event.stream_id]
            reply.status, reply.fields = int(fields.pop(":status")), fields
        elif isinstance(event, e.InformationalResponseReceived):
            status = next(str(value) for name, value in event.headers or () if str(name) == ":status")
            self.replies[event.stream_id].interim.append(int(status))
        elif isinstance(event, e.DataReceived):
            self.replies[event.stream_id].body += event.data or b""
            if self.reads:
                self.http2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id)
        elif isinstance(event, e.TrailersReceived):
            self.replies[event.stream_id].trailers = {str(n): str(v) for n, v in event.headers or ()}
        elif isinstance(event, e.StreamEnded):
            self.replies[event.stream_id].ended = True
        elif isinstance(event, e.StreamReset):
            self.replies[event.stream_id].reset = int(event.error_code or 0)
        elif isinstance(event, e.RemoteSettingsChanged):
            self.settings |= {int(key): each.new_value for key, each in event.changed_settings.items()}
        elif isinstance(event, e.WindowUpdated):
            self.window_updates.append((event.stream_id or 0, event.delta or 0))
        elif isinstance(event, e.PingAckReceived):
            self.pings += 1


class Client2(Speaker):
    """One connection over a socket."""

    def __init__(
        self,
        address: Address,
        *,
        reads: bool = True,
        begin: bool = True,
        ca: Path | None = None,
        name: str = "a.test",
    ) -> None:
        super().__init__(reads=reads)
        self.socket = socket.create_connection(address, timeout=5)
        if ca is not None:
            context = ssl.create_default_context(cafile=str(ca))
            context.set_alpn_protocols(["h2", "http/1.1"])
            tls = context.wrap_socket(self.socket, server_hostname=name)
            assert tls.selected_alpn_protocol() == "h2"
            self.socket = tls
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.closed = False
        if begin:
            self.push()

    def __enter__(self) -> Client2:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def push(self, more: bytes = b"") -> None:
        """Send what is to be sent, and these bytes after it."""
        data = self.out() + more
        if data:
            self.socket.sendall(data)

    def until(self, holds: Callable[[], bool], within: float = 5.0) -> None:
        """Read until it holds."""
        deadline = time.monotonic() + within
        while not holds():
            left = deadline - time.monotonic()
            if left <= 0:
                raise Silence(f"it does not come: {self.replies} {self.goaways}")
            self.step(left)

    def step(self, within: float = 5.0) -> None:
        """Read once."""
        self.socket.settimeout(within)
        try:
            data = self.socket.recv(65536)
        except TimeoutError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            if self.closed:
                raise Silence(f"the connection is closed: {self.replies} {self.goaways}")
            self.closed = True
            return
        try:
            self.take(data)
        except ProtocolError:
            assert self.goaways, "what has come is not HTTP/2"
        self.push_quietly()

    def push_quietly(self) -> None:
        """As `push`; nobody may be there any more."""
        try:
            self.push()
        except OSError:
            self.closed = True

    def reply(self, number: int, within: float = 5.0) -> Reply2:
        """The whole reply on a stream."""
        self.push()
        reply = self.replies[number]
        self.until(lambda: reply.over or self.closed, within)
        return reply

    def get(self, path: str = "/", *more: tuple[str, str], method: str = "GET") -> Reply2:
        """Ask and wait."""
        return self.reply(self.ask(head(path, *more, method=method)))

    def end(self, within: float = 5.0) -> int | None:
        """Wait for the connection's end; the code that it ended with."""
        self.push_quietly()
        self.until(lambda: self.closed, within)
        return self.goaway
