"""A server that speaks HTTP/2 and does as it is told, frame by frame where a test wants that.

Owns the library's server side, a thread for each connection and one for each stream's answer. What the
gateway may not send is a fault that `faults` holds: the library is as strict as it can be here.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from h2 import events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

WAIT_S = 10.0
"""Longest that an answer waits for the gateway."""


class Gone(Exception):
    """The gateway ended the stream or the connection."""


@dataclass(eq=False)
class Stream:
    """One request. `fields` are as they came, pseudo fields too; `reset` is the code of a RST_STREAM."""

    connection: Connection
    number: int
    fields: list[tuple[str, str]]
    body: bytearray = field(default_factory=bytearray)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    ended: bool = False
    reset: int | None = None
    changed: threading.Condition = field(default_factory=threading.Condition)
    hold_window: bool = False
    owed: int = 0

    def value(self, name: str) -> str | None:
        """The value of a field that stands once at most."""
        found = [value for key, value in self.fields if key == name]
        assert len(found) <= 1, f"{name} stands {len(found)} times"
        return found[0] if found else None

    @property
    def path(self) -> str:
        """The target without its query."""
        return (self.value(":path") or "").partition("?")[0]

    def wait(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something that the gateway does."""
        with self.changed:
            assert self.changed.wait_for(lambda: holds() or self.is_over, WAIT_S), f"not in time: {what}"
        if not holds():
            raise Gone

    @property
    def is_over(self) -> bool:
        """Whether the gateway has given it up."""
        return self.reset is not None or self.connection.closed

    def read_body(self) -> bytes:
        """The whole body."""
        self.wait(lambda: self.ended, "the request's end")
        return bytes(self.body)

    def head(self, status: int | str = 200, *fields: tuple[str, str], end: bool = False) -> None:
        """HEADERS."""
        self.raw_head([(":status", str(status)), *fields], end=end)

    def raw_head(self, fields: list[tuple[str, str]], *, end: bool = False) -> None:
        """HEADERS as they are, whatever stands there."""
        with self.connection.lock:
            self._open()
            self.connection.h2.send_headers(self.number, fields, end_stream=end)
            self.connection.flush()

    def send(self, data: bytes, *, end: bool = False) -> None:
        """DATA, as the gateway's windows allow."""
        h2, at = self.connection.h2, 0
        while True:
            with self.connection.room:
                self._open()
                most = min(h2.local_flow_control_window(self.number), h2.max_outbound_frame_size)
                piece = data[at : at + most]
                if piece or not data:
                    at += len(piece)
                    last = at == len(data)
                    h2.send_data(self.number, piece, end_stream=end and last)
                    self.connection.flush()
                    if last:
                        return
                elif not self.connection.room.wait(3 * WAIT_S):
                    raise AssertionError("the gateway gave no window")

    def send_trailers(self, *fields: tuple[str, str]) -> None:
        """HEADERS that end the reply."""
        self.raw_head(list(fields), end=True)

    def reply(self, status: int = 200, body: bytes = b"", *fields: tuple[str, str]) -> None:
        """A whole reply."""
        self.head(status, ("content-length", str(len(body))), *fields, end=not body)
        if body:
            self.send(body, end=True)

    def abort(self, code: int = 2) -> None:
        """RST_STREAM."""
        with self.connection.lock:
            self._open()
            self.connection.h2.reset_stream(self.number, code)
            self.connection.flush()

    def take(self) -> None:
        """Give back the window that was held."""
        with self.connection.lock:
            self.hold_window = False
            owed, self.owed = self.owed, 0
            if owed and not self.is_over:
                self.connection.h2.acknowledge_received_data(owed, self.number)
                self.connection.flush()

    def _open(self) -> None:
        if self.is_over:
            raise Gone


Answer = Callable[[Stream], None]


def plain(stream: Stream) -> None:
    """200 with the path as the body, once the request's body has been read."""
    stream.read_body()
    stream.reply(200, (stream.value(":path") or "").encode())


class Connection:
    """One accepted connection. `h2` is the library's, used with `lock` held; `room` tells of windows."""

    def __init__(self, server: Http2Upstream, sock: socket.socket, number: int) -> None:
        self.server = server
        self.socket = sock
        self.number = number
        self.lock = threading.RLock()
        self.room = threading.Condition(self.lock)
        self.streams: dict[int, Stream] = {}
        self.closed = False
        self.over = threading.Event()
        self.went_away = False
        self.h2 = H2Connection(
            H2Configuration(
                client_side=False,
                header_encoding="latin-1",
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
            )
        )
        self.h2.local_settings = Settings(
            client=False, initial_values={SettingCodes.MAX_CONCURRENT_STREAMS: 100, **server.settings}
        )

    def run(self) -> None:
        """Serve until it ends."""
        try:
            self.h2.initiate_connection()
            if self.server.greets:
                self.flush()
            while data := self.socket.recv(65536):
                with self.lock:
                    for event in self.h2.receive_data(data):
                        self._take(event)
                    if self.server.greets:
                        self.flush()
                    self.room.notify_all()
        except ProtocolError as fault:
            if not self.went_away:
                self.server.faults.append(f"{type(fault).__name__}: {fault}")
        except OSError:
            pass
        finally:
            self.closed = True
            with self.room:
                self.room.notify_all()
            for stream in tuple(self.streams.values()):
                with stream.changed:
                    stream.changed.notify_all()
            with contextlib.suppress(OSError):
                self.socket.close()
            self.over.set()

    def flush(self) -> None:
        """Send what the library has prepared."""
        data = self.h2.data_to_send()
        if data:
            try:
                self.socket.sendall(data)
            except OSError as fault:
                raise Gone from fault

    def send_raw(self, data: bytes) -> None:
        """Bytes as they are."""
        with self.lock:
            self.flush()
            self.socket.sendall(data)

    def go_away(self, last: int, code: int = 0) -> None:
        """GOAWAY, in bytes: the library would end the connection."""
        self.went_away = True
        body = last.to_bytes(4, "big") + code.to_bytes(4, "big")
        self.send_raw(len(body).to_bytes(3, "big") + b"\7\0" + bytes(4) + body)

    def update(self, settings: dict[SettingCodes | int, int]) -> None:
        """SETTINGS, others than before."""
        with self.lock:
            self.h2.update_settings(settings)
            self.flush()

    def close(self) -> None:
        """End it."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)

    def _take(self, event: events.Event) -> None:
        if isinstance(event, events.RequestReceived):
            fields = [(str(name), str(value)) for name, value in event.headers or ()]
            stream = Stream(self, event.stream_id or 0, fields)
            stream.hold_window = self.server.holds_windows
            self.streams[stream.number] = stream
            self.server.add(stream)
            return
        number = getattr(event, "stream_id", None)
        found = self.streams.get(number) if number else None
        if found is None:
            return
        with found.changed:
            if isinstance(event, events.DataReceived):
                found.body += bytes(event.data or b"")
                taken = event.flow_controlled_length or 0
                if found.hold_window:
                    found.owed += taken
                else:
                    self.h2.acknowledge_received_data(taken, found.number)
            elif isinstance(event, events.TrailersReceived):
                found.trailers = [(str(name), str(value)) for name, value in event.headers or ()]
            elif isinstance(event, events.StreamEnded):
                found.ended = True
            elif isinstance(event, events.StreamReset):
                found.reset = int(event.error_code or 0)
            found.changed.notify_all()


@dataclass
class Http2Upstream:
    """The server. `answers` by path, before `usual`; `greets` False: no SETTINGS are sent."""

    server: socket.socket
    tls: ssl.SSLContext | None = None
    settings: dict[SettingCodes, int] = field(default_factory=dict)
    usual: Answer = plain
    answers: dict[str, Answer] = field(default_factory=dict)
    greets: bool = True
    holds_windows: bool = False
    streams: list[Stream] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    open: int = 0
    most_open: int = 0
    counting: threading.Lock = field(default_factory=threading.Lock)

    @property
    def port(self) -> int:
        """The port."""
        port: int = self.server.getsockname()[1]
        return port

    @property
    def address(self) -> str:
        """The address."""
        return f"127.0.0.1:{self.port}"

    def the(self, path: str) -> Stream:
        """The one request for a path."""
        found = self.seen(path)
        assert len(found) == 1, f"{len(found)} requests for {path}"
        return found[0]

    def seen(self, path: str) -> list[Stream]:
        """The requests for a path."""
        return [each for each in self.streams if each.path == path]

    def add(self, stream: Stream) -> None:
        """A request's head has come: answer it on a thread of its own."""
        self.streams.append(stream)
        answer = self.answers.get(stream.path, self.usual)

        def work() -> None:
            try:
                answer(stream)
            except (Gone, ProtocolError):
                pass
            except Exception as fault:
                self.faults.append(f"{stream.path}: {type(fault).__name__}: {fault}")

        threading.Thread(target=work, daemon=True).start()

    def run(self) -> None:
        """Accept until the socket is gone."""
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return
        with self.counting:
            connection = Connection(self, sock, len(self.connections))
            self.connections.append(connection)
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        connection.run()
        with self.counting:
            self.open -= 1


@contextmanager
def http2_upstream(
    *,
    usual: Answer = plain,
    tls: ssl.SSLContext | None = None,
    settings: dict[SettingCodes, int] | None = None,
    greets: bool = True,
) -> Iterator[Http2Upstream]:
    """A server on loopback; at the end nothing of what the gateway sent may have been a fault."""
    sock = socket.create_server(("127.0.0.1", 0), backlog=256)
    server = Http2Upstream(sock, tls, dict(settings or {}), usual, greets=greets)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()
        thread.join(5)
        for connection in server.connections:
            connection.close()
    assert not server.faults, server.faults
