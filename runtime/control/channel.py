"""Messages between two processes: a length, JSON, bytes, and open files that travel along.

Owns the frame and the two ways to speak it: `Channel` on an event loop over a socket pair, and `read_frame` /
`write_frame` over pipes for a process that has no loop. Knows nothing of what is said.

A frame is three numbers (length of the JSON, length of the bytes, number of files), the JSON, the bytes. The
files of a frame travel with its first byte (SCM_RIGHTS), so they are there when it is whole.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from array import array
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

_HEAD: Final = struct.Struct(">IIB")
_AT_ONCE: Final = 256 * 1024
_MOST_BYTES: Final = 1 << 30
MOST_FILES: Final = 250
"""The kernel takes 253 in one message."""

Body = dict[str, Any]


class ChannelClosed(Exception):
    """The other side is gone."""


class Unanswered(Exception):
    """No answer in time."""


class Garbled(Exception):
    """What came is no frame; the other side is broken."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message: what it says, its bytes, and the files that came with it, which the taker closes."""

    body: Body
    blob: bytes = b""
    files: tuple[int, ...] = field(default=())

    @property
    def kind(self) -> str:
        """What it is about; "" for an answer."""
        return str(self.body.get("kind", ""))


def encode(body: Mapping[str, Any], blob: bytes = b"", files: int = 0) -> bytes:
    """A frame."""
    import orjson

    text = orjson.dumps(body)
    return b"".join((_HEAD.pack(len(text), len(blob), files), text, blob))


def read_frame(stream: BinaryIO) -> tuple[Body, bytes] | None:
    """The next frame of a pipe, None where it ends. `Garbled` where it ends in the middle."""
    import orjson

    head = stream.read(_HEAD.size)
    if not head:
        return None
    text_length, blob_length, _ = _lengths(head)
    text, blob = stream.read(text_length), stream.read(blob_length)
    if len(text) != text_length or len(blob) != blob_length:
        raise Garbled("the stream ends inside a frame")
    return orjson.loads(text), blob


async def read_frame_of(reader: asyncio.StreamReader) -> tuple[Body, bytes]:
    """The same from a loop; `asyncio.IncompleteReadError` where it ends."""
    import orjson

    text_length, blob_length, _ = _lengths(await reader.readexactly(_HEAD.size))
    text, blob = await reader.readexactly(text_length), await reader.readexactly(blob_length)
    try:
        return orjson.loads(text), blob
    except ValueError as failed:
        raise Garbled("a frame does not hold JSON") from failed


def write_frame(stream: BinaryIO, body: Mapping[str, Any], blob: bytes = b"") -> None:
    """Write a frame to a pipe, whole."""
    stream.write(encode(body, blob))
    stream.flush()


def _lengths(head: bytes) -> tuple[int, int, int]:
    if len(head) != _HEAD.size:
        raise Garbled("the stream ends inside a frame")
    text_length, blob_length, files = _HEAD.unpack(head)
    if text_length > _MOST_BYTES or blob_length > _MOST_BYTES or files > MOST_FILES:
        raise Garbled("a frame is longer than any message")
    return text_length, blob_length, files


class Channel:
    """One end of a socket pair, on a loop. Both sides may ask and tell.

    `on_message` gets everything that is no answer; `on_closed` is called once, when the other side is gone.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        on_message: Callable[[Message], None],
        on_closed: Callable[[], None],
    ) -> None:
        sock.setblocking(False)
        self._loop = loop
        self._sock: socket.socket | None = sock
        self._on_message = on_message
        self._on_closed = on_closed
        self._buffer = bytearray()
        self._files: deque[int] = deque()
        self._unsent: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._asked: dict[int, asyncio.Future[Body]] = {}
        self._number = 0
        loop.add_reader(sock.fileno(), self._readable)

    @property
    def closed(self) -> bool:
        """Whether nothing can be said any more."""
        return self._sock is None

    @property
    def waiting(self) -> int:
        """How many frames the other side has not taken yet."""
        return len(self._unsent)

    def tell(self, body: Mapping[str, Any], blob: bytes = b"", files: Sequence[int] = ()) -> None:
        """Say something. `files` are duplicated, so the caller may close its own. Silent once closed."""
        if self._sock is None:
            return
        copies = tuple(os.dup(each) for each in files)
        self._unsent.append((memoryview(encode(body, blob, len(copies))), copies))
        if len(self._unsent) == 1:
            self._flush()

    async def ask(
        self,
        body: Mapping[str, Any],
        blob: bytes = b"",
        files: Sequence[int] = (),
        *,
        timeout_s: float,
    ) -> Body:
        """Say something and wait for the answer. `Unanswered` after the time, `ChannelClosed` on a break."""
        if self._sock is None:
            raise ChannelClosed
        self._number += 1
        number = self._number
        answer: asyncio.Future[Body] = self._loop.create_future()
        self._asked[number] = answer
        self.tell({**body, "ask": number}, blob, files)
        try:
            async with asyncio.timeout(timeout_s):
                return await answer
        except TimeoutError:
            raise Unanswered from None
        finally:
            self._asked.pop(number, None)

    def answer(self, message: Message, body: Mapping[str, Any]) -> None:
        """Answer what was asked; nothing where it was only told."""
        number = message.body.get("ask")
        if number is not None:
            self.tell({**body, "answer": number})

    def close(self) -> None:
        """Hang up. `on_closed` is not called: whoever closes knows."""
        self._end()

    def _readable(self) -> None:
        assert self._sock is not None
        try:
            # Not `socket.recv_fds`: it drops the flags, and files would be inherited by children.
            data, ancillary, flags, _ = self._sock.recvmsg(_AT_ONCE, _ANCILLARY, _CLOSE_ON_EXEC)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._lost()
            return
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                files = array("i")
                files.frombytes(content[: len(content) - len(content) % files.itemsize])
                self._files.extend(files)
        if not data or flags & socket.MSG_CTRUNC:
            self._lost()
            return
        self._buffer += data
        try:
            while (message := self._next()) is not None:
                self._arrived(message)
        except (Garbled, ValueError):
            self._lost()

    def _next(self) -> Message | None:
        import orjson

        buffer = self._buffer
        if self._sock is None or len(buffer) < _HEAD.size:
            return None
        text_length, blob_length, files = _lengths(bytes(buffer[: _HEAD.size]))
        begin, middle = _HEAD.size, _HEAD.size + text_length
        end = middle + blob_length
        if len(buffer) < end:
            return None
        if len(self._files) < files:
            raise Garbled("files of a message are missing")
        message = Message(
            orjson.loads(buffer[begin:middle]),
            bytes(buffer[middle:end]),
            tuple(self._files.popleft() for _ in range(files)),
        )
        del buffer[:end]
        return message

    def _arrived(self, message: Message) -> None:
        number = message.body.get("answer")
        if number is None:
            self._on_message(message)
            return
        asked = self._asked.get(number)
        if asked is not None and not asked.done():
            asked.set_result(message.body)

    def _flush(self) -> None:
        sock = self._sock
        if sock is None:
            return
        while self._unsent:
            view, files = self._unsent[0]
            try:
                sent = socket.send_fds(sock, [view], files) if files else sock.send(view)
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(sock.fileno(), self._flush)
                return
            except OSError:
                self._lost()
                return
            for each in files:
                os.close(each)
            if sent == len(view):
                self._unsent.popleft()
            else:
                self._unsent[0] = (view[sent:], ())
        self._loop.remove_writer(sock.fileno())

    def _lost(self) -> None:
        if self._sock is not None:
            self._end()
            self._on_closed()

    def _end(self) -> None:
        sock, self._sock = self._sock, None
        if sock is None:
            return
        self._loop.remove_reader(sock.fileno())
        self._loop.remove_writer(sock.fileno())
        sock.close()
        for _, files in self._unsent:
            for each in files:
                os.close(each)
        for each in self._files:
            os.close(each)
        self._unsent.clear()
        self._files.clear()
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(ChannelClosed())


_ANCILLARY: Final = socket.CMSG_SPACE(MOST_FILES * array("i").itemsize)
_CLOSE_ON_EXEC: Final = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
