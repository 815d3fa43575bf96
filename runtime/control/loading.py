"""A table comes into a worker, and leaves it, in slices, so that requests are served meanwhile.

Owns the slicing of loop time and what the garbage collector may do meanwhile. Knows nothing of traffic.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import os
import sys
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, Final

from gwc.schema.artifact import Refusal, load, load_slices
from gwc.schema.table import RouteTable

SLICE_S: Final = 0.0005
"""How long one slice goes on beginning steps. Steps are well under a millisecond, the promise is two."""

REST: Final = 4
"""How many times as long as a slice the rest after it is: a fifth of the loop's time goes to the table."""

_READ_AT_ONCE: Final = 1 << 20
_FREED_AT_ONCE: Final = 64


def file_of(data: bytes) -> int:
    """An open file in memory that holds `data` and that nobody can change any more; the caller closes it."""
    if not hasattr(os, "memfd_create"):  # macOS
        with tempfile.TemporaryFile() as file:
            file.write(data)
            file.flush()
            return os.dup(file.fileno())
    descriptor = os.memfd_create("gwc-table", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


class Pace:
    """How fast work beside traffic goes on: slices, and rests that are longer than they.

    A slice holds up whoever comes meanwhile; with rests between them few come meanwhile. Work that has gone
    on for `hurry_s` rests less: a table is to be there in the end. `resting` False is for whoever serves
    nobody yet. Mutable: when the slice and the whole began.
    """

    def __init__(self, *, resting: bool = True, slice_s: float = SLICE_S, hurry_s: float = 3.0) -> None:
        self._slice_s = slice_s
        self._resting = resting
        self._hurry_at = perf_counter() + hurry_s
        self._began = perf_counter()

    def is_over(self) -> bool:
        """Whether this slice is over: time for `rest`. PERF: 0.1 us."""
        return perf_counter() - self._began >= self._slice_s

    async def rest(self) -> None:
        """Let the loop serve; then the next slice begins."""
        now = perf_counter()
        worked = now - self._began
        times = 0 if not self._resting else REST if now < self._hurry_at else 1
        await asyncio.sleep(worked * times)
        self._began = perf_counter()


async def read_in_slices(descriptor: int) -> bytes:
    """All of an open file from its beginning, wherever its position is. The file stays open."""
    pieces: list[bytes] = []
    at = 0
    while piece := os.pread(descriptor, _READ_AT_ONCE, at):
        pieces.append(piece)
        at += len(piece)
        await asyncio.sleep(0)
    return b"".join(pieces)


async def load_in_slices(data: bytes, pace: Pace | None = None) -> RouteTable | Refusal:
    """`gwc.schema.artifact.load` that lets the loop serve between slices.

    The collector is off meanwhile: it would walk through all of the unfinished table again and again.
    """
    steps = load_slices(data)
    pace = pace or Pace(resting=False)
    was_on = gc.isenabled()
    gc.disable()
    try:
        while True:
            while not pace.is_over():
                next(steps)
            await pace.rest()
    except StopIteration as ended:
        result: RouteTable | Refusal = ended.value
        return result
    finally:
        if was_on:
            gc.enable()


class Backroom:
    """A thread of low priority for what the supervisor does with tables, which no worker has to wait for.

    Mutable: the thread, which begins with the first table. On Linux each thread has a priority of its own; a
    supervisor that had a low one itself would give it to its workers.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "tables", _lower_priority)

    async def load(self, data: bytes) -> RouteTable | Refusal:
        """`gwc.schema.artifact.load`, there."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, load, data)

    def let_go(self, holder: list[RouteTable | None]) -> None:
        """Free a table there. `holder` has the last reference to it."""
        self._thread.submit(holder.clear)


def _lower_priority() -> None:
    """Of this thread alone, and on Linux alone."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


async def free_in_slices(*tables: RouteTable, more: Sequence[Sequence[Any]] = ()) -> None:
    """Let go of tables that are used no more, and of `more`, some hundred records at a time.

    The caller must hold no reference of its own. Where somebody still does, nothing is freed here and all of
    it later, with them.
    """
    sections: list[Any] = list(more)
    for table in tables:
        sections += [getattr(table, name) for name in _SECTIONS]
        sections += [table.cache.programs, table.cache.outcomes]
        del table
    del tables, more
    pace = Pace()
    while sections:
        records = list(sections.pop())
        while records:
            del records[-_FREED_AT_ONCE:]
            await pace.rest()


_SECTIONS: Final = (
    "alternatives",
    "routes",
    "nodes",
    "shapes",
    "layers",
    "conditions",
    "switches",
    "rules",
    "splits",
    "redirects",
    "responds",
    "static_files",
    "settings_of_routes",
    "path_groups",
    "host_groups",
    "indexes",
    "blocks",
    "networks",
    "upstreams",
)
