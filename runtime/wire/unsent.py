"""What a client has not taken of what was written to it.

Owns one figure, which the kernel is asked for (Linux).
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import struct
import termios
from typing import Final

LOOKS: Final = 8
"""How often a slow client is looked at in the time that it may take nothing."""


def not_taken(transport: asyncio.Transport) -> int:
    """How many bytes the other side has not taken: ours, and those that the kernel still holds.

    The kernel asks for more only when a third of its own have gone.
    """
    size = transport.get_write_buffer_size()
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            (held,) = struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, b"\0" * 4))
            size += held
    return size
