"""A table comes into a worker, and leaves it, in slices, so that requests are served meanwhile.

Owns the slicing of loop time and what the garbage collector may do meanwhile. Knows nothing of traffic.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import tempfile
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final

from gwc.schema.artifact import Refusal, load_slices
from gwc.schema.table import RouteTable

SLICE_S: Final = 0.001
"""How long one slice goes on beginning steps. Steps are well under a millisecond, the promise is two."""

_READ_AT_ONCE: Final = 1 << 20
_FREED_AT_ONCE: Final = 512


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


async def read_in_slices(descriptor: int) -> bytes:
    """All of an open file from its beginning, wherever its position is. The file stays open."""
    pieces: list[bytes] = []
    at = 0
    while piece := os.pread(descriptor, _READ_AT_ONCE, at):
        pieces.append(piece)
        at += len(piece)
        await asyncio.sleep(0)
    return b"".join(pieces)


async def load_in_slices(data: bytes, slice_s: float = SLICE_S) -> RouteTable | Refusal:
    """`gwc.schema.artifact.load` that lets the loop serve between slices.

    The collector is off meanwhile: it would walk through all of the unfinished table again and again.
    """
    steps = load_slices(data)
    was_on = gc.isenabled()
    gc.disable()
    try:
        while True:
            until = perf_counter() + slice_s
            while perf_counter() < until:
                next(steps)
            await asyncio.sleep(0)
    except StopIteration as ended:
        result: RouteTable | Refusal = ended.value
        return result
    finally:
        if was_on:
            gc.enable()


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
    while sections:
        records = list(sections.pop())
        while records:
            del records[-_FREED_AT_ONCE:]
            await asyncio.sleep(0)


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
    "settings_of_routes",
    "path_groups",
    "host_groups",
    "indexes",
    "blocks",
    "networks",
    "upstreams",
)
