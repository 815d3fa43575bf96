"""Memory that several processes see.

Owns how such memory is made and mapped: an anonymous file whose descriptor is handed to the workers, all zero
at first; pages nobody wrote to cost nothing. Knows nothing of what is kept there.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile


def allocate(name: str, size_bytes: int) -> int:
    """A descriptor of new shared memory, closed on exec unless it is handed on; `name` is for /proc only."""
    if sys.platform == "linux":
        fd = os.memfd_create(name, os.MFD_CLOEXEC)
    else:
        fd, path = tempfile.mkstemp(prefix=name)
        os.unlink(path)
    os.ftruncate(fd, size_bytes)
    return fd


def mapped(fd: int) -> mmap.mmap:
    """The whole of it, to read and to write. The descriptor may be closed afterwards."""
    return mmap.mmap(fd, os.fstat(fd).st_size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def opened_again(fd: int) -> int:
    """Another open file description of the same memory, or a duplicate where /proc is not to be had.

    Locks belong to an open file description, and an inherited descriptor shares its parent's.
    """
    try:
        return os.open(f"/proc/self/fd/{fd}", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return os.dup(fd)
