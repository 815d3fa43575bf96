"""The bytes of a file on their way to a client: read piece by piece, as fast as they are taken.

Owns the reading. What is in the machine's memory is read at once; what is not is read in a thread, so that
other requests do not wait for a disk. It is the `UpstreamSide` of its exchange.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ..timers import NEVER

if TYPE_CHECKING:
    from ..exchange import Exchange
    from ..sides import Trailers

PIECE_BYTES: Final = 128 * 1024
_AT_ONCE: Final = 2
"""Pieces before others get their turn."""

_NOWAIT: Final = getattr(os, "RWF_NOWAIT", 0)

Slice = tuple[int, int] | bytes
"""Bytes of the file, from an offset so many, or bytes as they are."""


def read_now(descriptor: int, length: int, offset: int) -> bytes | None:
    """Bytes that need no disk; None where a disk would be waited for."""
    if not _NOWAIT:
        return os.pread(descriptor, length, offset)
    buffer = bytearray(length)
    try:
        read = os.preadv(descriptor, [buffer], offset, _NOWAIT)
    except BlockingIOError:
        return None
    except OSError:  # a file system that does not know the flag
        return os.pread(descriptor, length, offset)
    return bytes(buffer[:read]) if read < length else bytes(buffer)


class FileSide:
    """A file that is being sent.

    Mutable: what is left of it, whether reading rests, and the deadline, which is the exchange's.
    """

    __slots__ = ("_descriptor", "_exchange", "_left", "_loop", "_paused", "_task", "deadline", "due", "slot")

    def __init__(self, exchange: Exchange, descriptor: int, slices: Sequence[Slice]) -> None:
        self._exchange: Exchange | None = exchange
        self._loop = exchange.services.loop
        self._descriptor = descriptor
        self._left = deque(slices)
        self._paused = False
        self._task: asyncio.Task[None] | None = None
        self.deadline = NEVER
        self.slot = -1
        self.due = 0.0

    def go_on(self) -> None:
        """Send what may be sent now."""
        if self._task is not None:
            return
        try:
            for _ in range(_AT_ONCE):
                if self._paused or self._exchange is None:
                    return
                if not self._left:
                    self._end()
                    return
                piece = self._next()
                if piece is None:
                    self._task = self._loop.create_task(self._read_in_a_thread())
                    return
                self._exchange.reply_data(piece)
        except OSError as fault:
            self._failed(fault.strerror or str(fault))
            return
        if self._exchange is not None and not self._paused:
            self._loop.call_soon(self.go_on)

    def _next(self) -> bytes | None:
        """The next piece, None where a disk has to be waited for."""
        first = self._left[0]
        if isinstance(first, bytes):
            self._left.popleft()
            return first
        offset, length = first
        piece = read_now(self._descriptor, min(length, PIECE_BYTES), offset)
        if piece is not None:
            self._took(piece)
        return piece

    def _took(self, piece: bytes) -> None:
        first = self._left.popleft()
        assert not isinstance(first, bytes)
        offset, length = first
        if not piece:
            raise OSError("the file has become shorter")
        if len(piece) < length:
            self._left.appendleft((offset + len(piece), length - len(piece)))

    async def _read_in_a_thread(self) -> None:
        first = self._left[0]
        assert not isinstance(first, bytes)
        offset, length = first
        descriptor = os.dup(self._descriptor)  # the number may be another file's before the thread reads
        try:
            piece = await asyncio.to_thread(os.pread, descriptor, min(length, PIECE_BYTES), offset)
            self._task = None
            if self._exchange is not None:
                self._took(piece)
                self._exchange.reply_data(piece)
        except OSError as fault:
            self._task = None
            self._failed(fault.strerror or str(fault))
            return
        finally:
            os.close(descriptor)
        self.go_on()

    def _end(self) -> None:
        exchange, self._exchange = self._exchange, None
        self._close()
        assert exchange is not None
        exchange.services.timers.forget(self)
        exchange.reply_end([])

    def _failed(self, what: str) -> None:
        exchange, self._exchange = self._exchange, None
        self._close()
        if exchange is not None:
            exchange.services.timers.forget(self)
            exchange.upstream_lost("file-failed", what)

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    # --- for the exchange: UpstreamSide ----------------------------------------------------------------

    def send_data(self, data: bytes) -> None:
        """A request's body, which nobody reads."""

    def send_end(self, trailers: Trailers) -> None:
        """Its end."""

    def abort(self) -> None:
        """The exchange is not called any more."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.services.timers.forget(self)
        self._close()

    def expired(self) -> None:
        """The exchange's deadline has passed."""
        if self._exchange is not None:
            self._exchange.expired()

    def pause_reading(self) -> None:
        """The client takes no more for now."""
        self._paused = True

    def resume_reading(self) -> None:
        """The client takes more."""
        if self._paused:
            self._paused = False
            self._loop.call_soon(self.go_on)
