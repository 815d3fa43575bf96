"""A client that sends exactly the bytes it is told to, and reads replies as strictly as they can be read.

Owns a parser of replies written for the tests alone: whatever RFC 9112 does not allow a server to send is an
assertion that fails.
"""

from __future__ import annotations

import asyncio
import re
import socket
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Address = tuple[str, int]

REPLY_S = 5.0
"""Until a reply that must come is there."""

_STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-5][0-9]{2}) ([\t\x20-\x7e\x80-\xff]*)")
_FIELD = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*((?:[\x21-\xff](?:[\t\x20-\xff]*[\x21-\xff])?)?)[ \t]*"
)
_LENGTH = re.compile(rb"[0-9]{1,19}")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:;[\t\x20-\x7e]*)?")


class BadReply(AssertionError):
    """A reply that no server may send."""


class Silence(AssertionError):
    """No reply in time."""


@dataclass(frozen=True)
class Reply:
    """One final reply with the interim ones before it. `complete` is False where it was cut short."""

    version: bytes
    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    body: bytes
    framing: str
    complete: bool = True
    interim: tuple[int, ...] = ()
    trailers: tuple[tuple[bytes, bytes], ...] = ()

    def values(self, name: str) -> list[bytes]:
        """The values of a field, one for each line."""
        wanted = name.encode().lower()
        return [value for key, value in self.fields if key.lower() == wanted]

    def value(self, name: str) -> bytes | None:
        """The value of a field that stands once at most."""
        found = self.values(name)
        assert len(found) <= 1, f"{name} stands {len(found)} times"
        return found[0] if found else None

    @property
    def closes(self) -> bool:
        """Whether the reply says that the connection ends."""
        words = {word.strip().lower() for value in self.values("connection") for word in value.split(b",")}
        return b"close" in words or (self.version == b"HTTP/1.0" and b"keep-alive" not in words)


def read_reply(data: bytes, method: bytes, ended: bool) -> tuple[Reply, int] | None:
    """The first final reply in `data` and where it ends; None where more has to come.

    `ended`: nothing more will come. What then is not whole has `complete=False`; half a head is bad.
    """
    at = 0
    interim: list[int] = []
    while True:
        end = data.find(b"\r\n\r\n", at)
        if end < 0:
            if ended and data[at:]:
                raise BadReply(f"the connection ended inside a reply's head: {data[at:][:300]!r}")
            return None
        version, status, fields = _head(data[at:end])
        at = end + 4
        if status >= 200:
            break
        if status == 101:
            return Reply(version, status, fields, data[at:], "tunnel", True, tuple(interim)), len(data)
        if _named(fields, b"content-length") or _named(fields, b"transfer-encoding"):
            raise BadReply(f"a {status} speaks of a body: {fields!r}")
        interim.append(status)
    body, framing, complete = b"", "none", True
    trailers: tuple[tuple[bytes, bytes], ...] = ()
    lengths, codings = _named(fields, b"content-length"), _named(fields, b"transfer-encoding")
    if lengths and codings:
        raise BadReply(f"both Content-Length and Transfer-Encoding: {fields!r}")
    if len(lengths) > 1 or (lengths and not _LENGTH.fullmatch(lengths[0])):
        raise BadReply(f"Content-Length: {lengths!r}")
    if codings and (len(codings) > 1 or codings[0].lower() != b"chunked" or version == b"HTTP/1.0"):
        raise BadReply(f"Transfer-Encoding: {codings!r} in {version!r}")
    if status == 204 and (lengths or codings):
        raise BadReply(f"a 204 speaks of a body: {fields!r}")
    if method == b"HEAD" or status in (204, 304):
        return _made(version, status, fields, body, framing, complete, interim, trailers), at
    if codings:
        framing = "chunked"
        found = _chunks(data, at)
        if found is None:
            if not ended:
                return None
            body, complete, at = _chunks_so_far(data, at), False, len(data)
        else:
            body, trailers, at = found
    elif lengths:
        framing = "length"
        length = int(lengths[0])
        body = data[at : at + length]
        if len(body) < length:
            if not ended:
                return None
            complete = False
        at += len(body)
    else:
        framing = "close"
        if not ended:
            return None
        body, at = data[at:], len(data)
    return _made(version, status, fields, body, framing, complete, interim, trailers), at


def _made(
    version: bytes,
    status: int,
    fields: tuple[tuple[bytes, bytes], ...],
    body: bytes,
    framing: str,
    complete: bool,
    interim: Sequence[int],
    trailers: tuple[tuple[bytes, bytes], ...],
) -> Reply:
    return Reply(version, status, fields, body, framing, complete, tuple(interim), trailers)


def _head(data: bytes) -> tuple[bytes, int, tuple[tuple[bytes, bytes], ...]]:
    first, *lines = data.split(b"\r\n")
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise BadReply(f"no status line: {first!r}")
    return found[1], int(found[2]), _fields(lines)


def _fields(lines: Iterable[bytes]) -> tuple[tuple[bytes, bytes], ...]:
    fields = []
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None or b"\r" in line or b"\n" in line or b"\0" in line or b"\x7f" in line:
            raise BadReply(f"no field line: {line!r}")
        fields.append((found[1], found[2]))
    return tuple(fields)


def _named(fields: Iterable[tuple[bytes, bytes]], name: bytes) -> list[bytes]:
    return [value for key, value in fields if key.lower() == name]


def _chunks(data: bytes, at: int) -> tuple[bytes, tuple[tuple[bytes, bytes], ...], int] | None:
    """(body, trailers, end) of a chunked body that begins at `at`; None where it is not whole."""
    parts: list[bytes] = []
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            return None
        found = _SIZE.fullmatch(data[at:end])
        if found is None:
            raise BadReply(f"no chunk size: {data[at:end][:100]!r}")
        size, at = int(found[1], 16), end + 2
        if size == 0:
            break
        if len(data) < at + size + 2:
            return None
        if data[at + size : at + size + 2] != b"\r\n":
            raise BadReply(f"no line end after a chunk: {data[at + size :][:20]!r}")
        parts.append(data[at : at + size])
        at += size + 2
    if data[at : at + 2] == b"\r\n":
        return b"".join(parts), (), at + 2
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        return None
    return b"".join(parts), _fields(data[at:end].split(b"\r\n")), end + 4


def _chunks_so_far(data: bytes, at: int) -> bytes:
    """What of a chunked body has come, where the end is missing."""
    parts: list[bytes] = []
    while True:
        end = data.find(b"\r\n", at)
        found = _SIZE.fullmatch(data[at:end]) if end >= 0 else None
        if found is None or int(found[1], 16) == 0:
            return b"".join(parts)
        size, at = int(found[1], 16), end + 2
        parts.append(data[at : at + size])
        at += size + 2


class Client:
    """One connection, blocking."""

    def __init__(self, address: Address, *, receive_buffer: int | None = None) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(REPLY_S)
        self._socket.connect(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._data = b""
        self.ended = False
        self.was_reset = False

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def name(self) -> Address:
        """The client's own address."""
        host, port = self._socket.getsockname()[:2]
        return host, port

    def send(self, data: bytes) -> None:
        """All at once."""
        self._socket.settimeout(REPLY_S)
        self._socket.sendall(data)

    def send_some(self, data: bytes, within: float) -> int:
        """As much as is taken until nothing has been taken for `within` seconds; how much that was."""
        sent = 0
        self._socket.settimeout(within)
        try:
            while sent < len(data):
                sent += self._socket.send(data[sent : sent + 65536])
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        return sent

    def send_slowly(self, data: bytes, pause: float) -> None:
        """Byte by byte."""
        for code in data:
            self.send(bytes((code,)))
            time.sleep(pause)

    def half_close(self) -> None:
        """Say that nothing more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Go away."""
        self._socket.close()

    def reset(self) -> None:
        """Go away with a RST."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def receive(self, limit: int = 65536, within: float = REPLY_S) -> bytes:
        """What has come, taken out of the buffer; b"" at the end. `Silence` where nothing comes."""
        if not self._data:
            self._more(within, limit)
        data, self._data = self._data, b""
        return data

    def reply(self, method: bytes = b"GET", within: float = REPLY_S) -> Reply:
        """The next final reply."""
        deadline = time.monotonic() + within
        while True:
            found = read_reply(self._data, method, self.ended)
            if found is not None:
                self._data = self._data[found[1] :]
                return found[0]
            if self.ended:
                how = "was reset" if self.was_reset else "ended"
                raise Silence(f"the connection {how} without a reply; {len(self._data)} bytes came")
            self._more(deadline - time.monotonic())

    def end(self, within: float = REPLY_S) -> bytes:
        """Wait for the connection's end; what came before it."""
        deadline = time.monotonic() + within
        while not self.ended:
            self._more(deadline - time.monotonic())
        data, self._data = self._data, b""
        return data

    def is_quiet(self, seconds: float) -> bool:
        """Whether the connection stands and brings nothing for so long."""
        if self._data or self.ended:
            return False
        try:
            self._more(seconds)
        except Silence:
            return True
        return False

    def ask(self, data: bytes, method: bytes = b"GET") -> Reply:
        """Send a request and read its reply."""
        self.send(data)
        return self.reply(method)

    def _more(self, within: float, limit: int = 65536) -> None:
        if within <= 0:
            raise Silence(f"nothing came in time; before that {self._data[:300]!r}")
        self._socket.settimeout(within)
        try:
            data = self._socket.recv(limit)
        except TimeoutError:
            raise Silence(f"nothing came in time; before that {self._data[:300]!r}") from None
        except (ConnectionResetError, BrokenPipeError):
            self.was_reset = True
            data = b""
        if data:
            self._data += data
        else:
            self.ended = True


def ask(address: Address, data: bytes, method: bytes = b"GET") -> Reply:
    """One request on a connection of its own."""
    with Client(address) as client:
        return client.ask(data, method)


def get(path: str, *fields: str, host: str = "a.test", method: str = "GET") -> bytes:
    """A plain request without a body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *fields]
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"


def post(path: str, body: bytes, *fields: str, host: str = "a.test", method: str = "POST") -> bytes:
    """A request with a body of known length."""
    return get(path, f"Content-Length: {len(body)}", *fields, host=host, method=method) + body


def chunked(
    path: str, parts: Iterable[bytes], *fields: str, host: str = "a.test", method: str = "POST"
) -> bytes:
    """A request with a chunked body."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return get(path, "Transfer-Encoding: chunked", *fields, method=method) + body


# --- many conversations at once ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What became of one conversation: the final replies, and how it stood at the end."""

    replies: tuple[Reply, ...]
    closed: bool
    fault: str = ""

    @property
    def statuses(self) -> tuple[int, ...]:
        """The replies' statuses."""
        return tuple(reply.status for reply in self.replies)


async def converse(
    address: Address,
    pieces: Sequence[bytes],
    methods: Sequence[bytes],
    *,
    pause: float = 0.0,
    half_close: bool = False,
    patience: float = 2.0,
) -> Outcome:
    """Send the pieces, each on its own, and read until as many replies as methods are there, or the end.

    Each piece is a segment of its own as far as that can be had: `pause` seconds lie between them.
    """
    reader, writer = await asyncio.open_connection(*address)
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sending = asyncio.ensure_future(_send(writer, pieces, pause, half_close))
    try:
        return await _listen(reader, methods, patience + pause * len(pieces) * 3, half_close)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.transport.abort()


async def _send(
    writer: asyncio.StreamWriter, pieces: Sequence[bytes], pause: float, half_close: bool
) -> None:
    try:
        for number, piece in enumerate(pieces):
            if number and pause:
                await asyncio.sleep(pause)
            writer.write(piece)
        if half_close:
            await writer.drain()
            writer.write_eof()
    except (ConnectionError, OSError):
        return  # the other side ended it: what it said before that is read


async def _listen(
    reader: asyncio.StreamReader, methods: Sequence[bytes], patience: float, half_closed: bool
) -> Outcome:
    data, ended, replies, closed = b"", False, [], False
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    wanted = list(methods)
    try:
        while True:
            found = read_reply(data, wanted[0] if wanted else b"GET", ended) if data else None
            if found is not None:
                reply, end = found
                data = data[end:]
                replies.append(reply)
                if wanted:
                    wanted.pop(0)
                continue
            if ended:
                return Outcome(tuple(replies), True)
            if not wanted and not half_closed and not (replies and replies[-1].closes):
                return Outcome(tuple(replies), False)
            try:
                more = await asyncio.wait_for(reader.read(65536), deadline - loop.time())
            except TimeoutError:
                return Outcome(tuple(replies), closed, "" if not wanted else "silence")
            except ConnectionError:
                more = b""
            ended = not more
            data += more
    except BadReply as fault:
        return Outcome(tuple(replies), ended, f"bad reply: {fault}")
