"""A new gwc takes over from a running one: the sockets, and the word that it is ready.

Owns the two ends. The old one starts `python -m gwc.runtime.control.handover READY FD,FD,… -- COMMAND…`,
which puts the sockets where LISTEN_FDS promises them and becomes the command; the new one says that it is
ready by writing to the pipe that GWC_READY_FD names. A pipe that ends without a word is a failed upgrade.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

READY_VARIABLE: Final = "GWC_READY_FD"
_FIRST: Final = 3
_READY: Final = b"ready\n"


def start_new(command: Sequence[str], sockets: Sequence[int]) -> tuple[subprocess.Popen[bytes], int]:
    """Start a new gwc with these listening sockets: (process, descriptor to read its readiness from)."""
    reading, writing = os.pipe()
    try:
        numbers = ",".join(str(each) for each in sockets)
        trampoline = [sys.executable, "-m", __spec__.name, str(writing), numbers, "--", *command]
        process = subprocess.Popen(trampoline, pass_fds=[writing, *sockets])
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    return process, reading


async def is_ready(descriptor: int, timeout_s: float) -> bool:
    """Wait for the word of a new gwc; False where the pipe ends without it or the time is over. Closes it."""
    loop = asyncio.get_running_loop()
    read: asyncio.Future[bytes] = loop.create_future()
    os.set_blocking(descriptor, False)

    def readable() -> None:
        with contextlib.suppress(BlockingIOError):
            data = os.read(descriptor, 64)
            loop.remove_reader(descriptor)
            if not read.done():
                read.set_result(data)

    loop.add_reader(descriptor, readable)
    try:
        async with asyncio.timeout(timeout_s):
            return await read == _READY
    except TimeoutError:
        return False
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def say_ready() -> None:
    """Tell the gwc that started this one, if one did."""
    text = os.environ.pop(READY_VARIABLE, "")
    if text.isascii() and text.isdigit():
        with contextlib.suppress(OSError):
            os.write(int(text), _READY)
            os.close(int(text))


def keep_ready_private() -> None:
    """Let no child of this process hold the pipe open: its end is what tells of a failure."""
    text = os.environ.get(READY_VARIABLE, "")
    if text.isascii() and text.isdigit():
        with contextlib.suppress(OSError):
            os.set_inheritable(int(text), False)


def _become(arguments: Sequence[str]) -> None:
    """Put the descriptors in their places and become the command."""
    ready, numbers, _, *command = arguments
    sockets = [int(each) for each in numbers.split(",") if each]
    # Above all places first, so that none is overwritten before it is moved.
    moved = [fcntl.fcntl(each, fcntl.F_DUPFD, _FIRST + len(sockets) + 1) for each in [*sockets, int(ready)]]
    for place, each in enumerate(moved, _FIRST):
        os.dup2(each, place, inheritable=True)
    os.closerange(_FIRST + len(moved), max([*moved, *sockets, int(ready)]) + 1)
    environment = dict(os.environ)
    environment["LISTEN_FDS"] = str(len(sockets))
    environment["LISTEN_PID"] = str(os.getpid())
    environment[READY_VARIABLE] = str(_FIRST + len(sockets))
    os.execve(command[0], command, environment)


if __name__ == "__main__":
    _become(sys.argv[1:])
