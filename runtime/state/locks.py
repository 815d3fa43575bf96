"""Locks between processes that end with whoever holds them.

Owns byte-range locks on a file: of the open file description on Linux, of the process elsewhere. The kernel
takes them back when the holder dies, so no lock outlives a crash. Never waits for ever: a holder that was
stopped in the middle must not stop everyone else.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import time
from typing import Final

_OFD: Final = sys.platform == "linux" and sys.maxsize > 2**32
_FLOCK: Final = "hhqqi4x"  # struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid

_SETLK: Final = fcntl.F_OFD_SETLK if _OFD else 0
_fcntl = fcntl.fcntl

_PATIENCE_S: Final = 0.02


class RangeLock:
    """A lock on one byte of a file, which need not exist in it.

    `take` waits up to `patience_s` and says whether the lock is held; `leave` lets go of it. One `RangeLock`
    is not to be taken twice by the same open file description: that would be granted.
    """

    __slots__ = ("_fd", "_leave", "_offset", "_patience_s", "_take")

    def __init__(self, fd: int, offset: int, patience_s: float = _PATIENCE_S) -> None:
        self._fd = fd
        self._offset = offset
        self._patience_s = patience_s
        self._take = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, offset, 1, 0)
        self._leave = struct.pack(_FLOCK, fcntl.F_UNLCK, os.SEEK_SET, offset, 1, 0)

    def take(self) -> bool:
        """True: held. False: somebody held it all the while."""
        try:
            if _OFD:  # as in `_ask`: a call less where nobody is in the way
                _fcntl(self._fd, _SETLK, self._take)
            else:
                self._ask()
        except (BlockingIOError, PermissionError):
            return self._insist()
        return True

    def leave(self) -> None:
        """Let go; nothing happens where it is not held."""
        if _OFD:
            _fcntl(self._fd, _SETLK, self._leave)
        else:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, self._offset)

    def _ask(self) -> None:
        if _OFD:
            _fcntl(self._fd, _SETLK, self._take)
        else:
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, self._offset)

    def _insist(self) -> bool:
        until = time.monotonic() + self._patience_s
        while time.monotonic() < until:
            os.sched_yield()
            try:
                self._ask()
            except (BlockingIOError, PermissionError):
                continue
            return True
        return False
