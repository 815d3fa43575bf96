"""A server that does as it is told, and keeps every byte that it was sent.

Owns a parser of requests written for the tests alone, as strict as that of `raw.py`: what a gateway may not
forward is a fault that `Upstream.faults` holds. A thread for each connection: an answer is a plain function
that may block.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([\x21-\x7e]+) (HTTP/1\.1)")
_FIELD = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\xff](?:[\t\x20-\xff]*[\x21-\xff])?)?)[ \t]*"
)
_LENGTH = re.compile(rb"[0-9]{1,19}")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})")

READ_S = 20.0
"""A connection that brings nothing for so long is given up."""


class NotARequest(Exception):
    """Bytes that no gateway may send to a server."""


class Gone(Exception):
    """The gateway ended the connection."""


@dataclass
class Seen:
    """A request as it arrived. `head` is its bytes with the empty line, `raw` all of its bytes so far.

    `cut`: the connection ended inside its body. `over`: it has been answered or given up.
    """

    connection: int
    number: int
    head: bytes
    method: str
    target: str
    fields: tuple[tuple[str, str], ...]
    raw: bytearray
    body: bytes | None = None
    trailers: tuple[tuple[str, str], ...] = ()
    cut: bool = False
    over: bool = False

    def values(self, name: str) -> list[str]:
        """The values of a field, one for each line."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def value(self, name: str) -> str | None:
        """The value of a field that stands once at most."""
        found = self.values(name)
        assert len(found) <= 1, f"{name} stands {len(found)} times: {found}"
        return found[0] if found else None

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


@dataclass
class Exchange:
    """One request and the connection that it came by, for an answer to act on.

    `seen.body` is None until `read_body` has been called.
    """

    seen: Seen
    connection: Connection

    def read_body(self) -> bytes:
        """The whole body."""
        return self.connection.read_body(self.seen)

    def send(self, data: bytes) -> None:
        """Bytes as they are. `Gone` where nobody takes them."""
        self.connection.send(data)

    def reply(self, status: int = 200, body: bytes = b"", *fields: str, reason: str = "OK") -> None:
        """A whole reply with a Content-Length."""
        lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", *fields]
        self.send("".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n" + body)

    def close(self) -> None:
        """End the connection in the usual way."""
        self.connection.close()

    def reset(self) -> None:
        """End the connection with a RST."""
        self.connection.reset()


Answer = Callable[[Exchange], None]


def plain(exchange: Exchange) -> None:
    """200 with the target as the body, once the request's body has been read."""
    exchange.read_body()
    exchange.reply(200, exchange.seen.target.encode("latin-1"))


class Connection:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, number: int) -> None:
        self.socket = sock
        self.number = number
        self.received = bytearray()
        self.closed = False
        self.ended_by_peer = False
        self.sent = 0
        self.over = threading.Event()
        self._buffer = bytearray()

    def send(self, data: bytes) -> None:
        """All of it, counted as it is taken."""
        view = memoryview(data)
        try:
            while view:
                taken = self.socket.send(view[:65536])
                self.sent += taken
                view = view[taken:]
        except OSError as fault:
            raise Gone from fault

    def close(self) -> None:
        """End it in the usual way."""
        if not self.closed:
            self.closed = True
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
            self.socket.close()

    def reset(self) -> None:
        """End it with a RST."""
        self.closed = True
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def wait_for_end(self, seconds: float) -> bool:
        """Whether the other side ends the connection in that time; what it sends until then is kept."""
        self.socket.settimeout(seconds)
        try:
            while self._more():
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
        self.ended_by_peer = True
        return True

    def read_head(self, number: int) -> Seen | None:
        """The next request's head; None at the end of the connection."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if not self._more():
                if self._buffer:
                    raise NotARequest(f"a head that never ended: {bytes(self._buffer)[:300]!r}")
                return None
        head = bytes(self._buffer[: end + 4])
        del self._buffer[: end + 4]
        first, *lines = head[:-4].split(b"\r\n")
        found = _REQUEST_LINE.fullmatch(first)
        if found is None:
            raise NotARequest(f"no request line: {first[:300]!r}")
        return Seen(
            self.number,
            number,
            head,
            found[1].decode("ascii"),
            found[2].decode("ascii"),
            _fields(lines),
            bytearray(head),
        )

    def read_body(self, seen: Seen) -> bytes:
        """The body that belongs to a head. `Gone` where it ends too soon."""
        if seen.body is not None:
            return seen.body
        lengths, codings = seen.values("content-length"), seen.values("transfer-encoding")
        if lengths and codings:
            raise NotARequest("both Content-Length and Transfer-Encoding")
        if codings:
            if codings != ["chunked"]:
                raise NotARequest(f"Transfer-Encoding: {codings}")
            body = self._chunks(seen)
        elif lengths:
            if len(lengths) > 1 or not _LENGTH.fullmatch(lengths[0].encode("latin-1")):
                raise NotARequest(f"Content-Length: {lengths}")
            body = self._exactly(int(lengths[0]), seen)
        else:
            body = b""
        seen.body = body
        return body

    def _chunks(self, seen: Seen) -> bytes:
        parts = []
        while True:
            line = self._line(seen)
            found = _SIZE.fullmatch(line)
            if found is None:
                raise NotARequest(f"no chunk size: {line[:100]!r}")
            size = int(found[1], 16)
            if size == 0:
                break
            parts.append(self._exactly(size, seen))
            if self._exactly(2, seen) != b"\r\n":
                raise NotARequest("no line end after a chunk")
        lines = []
        while line := self._line(seen):
            lines.append(line)
        seen.trailers = _fields(lines)
        return b"".join(parts)

    def _line(self, seen: Seen) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if not self._more():
                seen.cut = True
                raise Gone
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        seen.raw += line + b"\r\n"
        return line

    def _exactly(self, length: int, seen: Seen) -> bytes:
        while len(self._buffer) < length:
            if not self._more():
                seen.cut = True
                seen.raw += self._buffer
                raise Gone
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        seen.raw += data
        return data

    def _more(self) -> bool:
        try:
            data = self.socket.recv(262144)
        except TimeoutError:
            raise
        except OSError:
            data = b""
        if not data:
            self.ended_by_peer = True
            return False
        self.received += data
        self._buffer += data
        return True


def _fields(lines: list[bytes]) -> tuple[tuple[str, str], ...]:
    found = []
    for line in lines:
        match = _FIELD.fullmatch(line)
        if match is None or any(code in line for code in (b"\r", b"\n", b"\0", b"\x7f")):
            raise NotARequest(f"no field line: {line[:300]!r}")
        found.append((match[1].decode("ascii"), match[2].decode("latin-1")))
    return tuple(found)


@dataclass
class Upstream:
    """The server. `answers` are by path, then by the longest prefix that ends in `*`; else `otherwise`."""

    server: socket.socket
    answers: dict[str, Answer] = field(default_factory=dict)
    otherwise: Answer = plain
    requests: list[Seen] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    _stopped: bool = False

    @property
    def address(self) -> str:
        """As a configuration writes it."""
        host, port = self.server.getsockname()[:2]
        return f"{host}:{port}"

    def on(self, path: str) -> Callable[[Answer], Answer]:
        """Answer requests for a path by the function below."""

        def keep(answer: Answer) -> Answer:
            self.answers[path] = answer
            return answer

        return keep

    def forget(self) -> None:
        """For the next test: no requests yet, and no answers of its own."""
        self.requests.clear()
        self.answers.clear()

    def seen(self, path: str) -> list[Seen]:
        """The requests for a path."""
        return [each for each in self.requests if each.path == path]

    def the(self, path: str) -> Seen:
        """The one request for a path."""
        found = self.seen(path)
        assert len(found) == 1, f"{len(found)} requests for {path} arrived"
        return found[0]

    def open_connections(self) -> int:
        """Connections that neither side has ended."""
        return sum(not each.over.is_set() for each in self.connections)

    def stop(self) -> None:
        """End everything."""
        self._stopped = True
        with contextlib.suppress(OSError):
            self.server.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts; closing does not
        self.server.close()
        for each in list(self.connections):
            with contextlib.suppress(OSError):
                each.socket.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopped:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(READ_S)
            connection = Connection(sock, len(self.connections))
            self.connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: Connection) -> None:
        number = 0
        try:
            while not connection.closed:
                seen = connection.read_head(number)
                if seen is None:
                    break
                number += 1
                self.requests.append(seen)
                try:
                    self._answer_of(seen.path)(Exchange(seen, connection))
                    if not connection.closed:
                        connection.read_body(seen)
                finally:
                    seen.over = True
        except NotARequest as fault:
            self.faults.append(f"connection {connection.number}: {fault}")
        except (Gone, OSError):
            pass  # it happens in most of these tests; those that mind look at the connection
        finally:
            connection.close()
            connection.over.set()

    def _answer_of(self, path: str) -> Answer:
        found = self.answers.get(path)
        if found is not None:
            return found
        prefixes = [key for key in self.answers if key.endswith("*") and path.startswith(key[:-1])]
        return self.answers[max(prefixes, key=len)] if prefixes else self.otherwise


@contextmanager
def upstream(*, backlog: int = 512, receive_buffer: int | None = None) -> Iterator[Upstream]:
    """A server on a free port of loopback."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.bind(("127.0.0.1", 0))
    sock.listen(backlog)
    server = Upstream(sock)
    thread = threading.Thread(target=server._accept, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(5)


@contextmanager
def nobody() -> Iterator[str]:
    """An address that refuses connections: bound, not listening, so that nobody else gets it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        sock.bind(("127.0.0.1", 0))
        host, port = sock.getsockname()
        yield f"{host}:{port}"


@contextmanager
def black_hole() -> Iterator[str]:
    """An address that neither takes a connection nor refuses it: its queue is full."""
    with contextlib.ExitStack() as held:
        server = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(8):
            each = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        host, port = server.getsockname()
        yield f"{host}:{port}"
