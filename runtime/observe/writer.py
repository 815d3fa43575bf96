"""Where lines of a log go, without anybody waiting for it.

Owns the way from a line to a file, a pipe or a terminal. Whoever has a line appends it and goes on; one
thread of each sink writes, at the latest 100 ms later or when 64 KiB have come together. What cannot be
written in time is dropped and counted: a full disk, a closed pipe or a slow reader never stops traffic, and
writing is tried again with the next lines. Knows nothing of what the lines say.

Lines of several processes to one file stay whole: it is opened for appending and a batch is one write. A
pipe takes up to 4096 bytes whole; only a line longer than that may be torn where several write.
"""

from __future__ import annotations

import os
import select
import stat
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

FLUSH_S: Final = 0.1
BATCH_BYTES: Final = 64 * 1024
ROOM_BYTES: Final = 8 * 1024 * 1024
"""What may wait to be written; more is dropped."""

_LARGEST_WRITE: Final = 1024 * 1024
_PIPE_WHOLE: Final = 4096
_OPEN_AGAIN_S: Final = 1.0
_STANDARD: Final = {"stdout": 1, "stderr": 2}


def _nobody(dropped: int) -> None:
    """Nobody wants to know."""


class Sink:
    """One destination: `stdout`, `stderr` or the path of a file, which is made where it is missing.

    `write` belongs to one thread, all else to any. `dropped` is called with the number of lines dropped so
    far whenever there are more, from either thread.

    Mutable, by its side: the lines, `_taken` and `_overflowed` by whoever writes; the rest by the thread.
    """

    def __init__(
        self, path: str, dropped: Callable[[int], None] = _nobody, *, room_bytes: int = ROOM_BYTES
    ) -> None:
        self.path = path
        self._tell = dropped
        self._room = room_bytes
        self._lines: deque[bytes] = deque()
        self._taken = 0
        self._gone = 0
        self._idle = True
        self._hurried = False
        self._overflowed = 0
        self._failed = 0
        self._first = threading.Event()
        self._enough = threading.Event()
        self._reopen = False
        self._closing = False
        self._deadline = float("inf")
        self._thread: threading.Thread | None = None
        self._fd: int | None = None
        self._regular = False
        self._torn = False
        self._not_before = 0.0

    @property
    def dropped(self) -> int:
        """Lines that were never written."""
        return self._overflowed + self._failed

    def write(self, line: bytes) -> None:
        """Take a line, which ends with a line feed. Never waits, never raises for what happens outside."""
        taken = self._taken + len(line)
        waiting = taken - self._gone
        if waiting > self._room:
            self._overflowed += 1
            self._tell(self.dropped)
            return
        self._taken = taken
        self._lines.append(line)
        # The thread says that it is idle before it takes the lines that are there, so none is left behind.
        if self._idle:
            self._wake()
        elif waiting >= BATCH_BYTES and not self._hurried:
            self._hurried = True
            self._enough.set()

    def reopen(self) -> None:
        """Open the file anew, after what was taken so far has been written: it was renamed for rotation."""
        self._reopen = True
        if self._thread is not None:
            self._enough.set()
            self._first.set()

    def close(self, timeout_s: float = 1.0) -> bool:
        """Write what is left, within the time; say whether that was all of it. 0: do not wait for it."""
        if self._thread is None:
            return True
        self._deadline = time.monotonic() + max(timeout_s, 1.0)
        self._closing = True
        self._enough.set()
        self._first.set()
        if timeout_s <= 0:
            return False
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _wake(self) -> None:
        self._idle = False
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=f"log {self.path}", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads to be had: the next line asks again
                self._idle = True
                return
            self._thread = thread
        self._first.set()

    def _run(self) -> None:
        while True:
            self._first.wait()
            self._first.clear()
            if not self._closing:
                self._enough.wait(FLUSH_S)
            self._enough.clear()
            self._idle = True
            self._hurried = False
            closing = self._closing
            while self._lines:
                self._write_batch()
            if self._reopen:
                self._reopen = False
                self._forget()
                self._not_before = 0.0
            if closing:
                self._forget()
                return

    def _write_batch(self) -> None:
        lines = self._lines
        batch: list[bytes] = []
        size = 0
        while lines and size < _LARGEST_WRITE:
            line = lines.popleft()
            batch.append(line)
            size += len(line)
        data = b"".join(batch)
        try:
            left = self._put(data)
        except Exception:  # whatever it is, the thread must live on and the lines are lost
            self._forget()
            left = data
        self._gone += size
        if left:
            self._failed += left.count(b"\n")
            self._tell(self.dropped)

    def _put(self, data: bytes) -> bytes:
        """Write; what is returned could not be written. It begins in mid-line where a line was torn."""
        fd = self._opened()
        if fd is None:
            return data
        at = 0
        try:
            if self._torn and os.write(fd, b"\n"):
                self._torn = False
            while at < len(data):
                end = len(data) if self._regular else _whole_lines(data, at)
                try:
                    at += os.write(fd, data[at:end])
                except BlockingIOError:
                    if not self._writable(fd):
                        break
        except OSError:
            if not self._regular:
                self._forget()  # a pipe that was closed is opened anew, should somebody read it again
                return data[at:]
        self._torn = self._torn or (at > 0 and data[at - 1] != 0x0A)
        return data[at:]

    def _writable(self, fd: int) -> bool:
        """Wait for a slow reader, at most until the sink is to be closed."""
        poll = select.poll()
        poll.register(fd, select.POLLOUT)
        while not poll.poll(200):
            if self._closing and time.monotonic() > self._deadline:
                return False
        return True

    def _opened(self) -> int | None:
        if self._fd is not None:
            return self._fd
        standard = _STANDARD.get(self.path)
        if standard is not None:
            self._fd = standard
        elif time.monotonic() < self._not_before:
            return None
        else:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
            try:
                self._fd = os.open(self.path, flags, 0o640)
            except OSError:
                self._not_before = time.monotonic() + _OPEN_AGAIN_S
                return None
        try:
            self._regular = stat.S_ISREG(os.fstat(self._fd).st_mode)
        except OSError:
            self._fd = None  # standard output was closed before we began
        return self._fd

    def _forget(self) -> None:
        fd, self._fd = self._fd, None
        self._torn = False
        if fd is not None and self.path not in _STANDARD:
            os.close(fd)


def _whole_lines(data: bytes, at: int) -> int:
    """Up to where a pipe takes it in one piece: whole lines, or one line that is too long."""
    if len(data) - at <= _PIPE_WHOLE:
        return len(data)
    end = data.rfind(b"\n", at, at + _PIPE_WHOLE) + 1
    return end or data.find(b"\n", at) + 1 or len(data)
