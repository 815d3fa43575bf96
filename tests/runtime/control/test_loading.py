"""A table comes and goes in slices: the loop serves between them."""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from time import perf_counter

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.runtime.control.loading import file_of, free_in_slices, load_in_slices, read_in_slices
from gwc.schema.artifact import Refusal, dump
from gwc.schema.table import RouteTable

from .running import run


def many(count: int) -> bytes:
    """A table of that many routes."""
    routes = "".join(
        f'route "r{n}" {{ matches {{ host "h{n % 50}.test"; path-prefix "/p{n}/x" }}; '
        f'respond {{ body "{n}" }} }}\n'
        for n in range(count)
    )
    table = compile_text(f"routes {{\n{routes}}}\n", "kdl").table
    assert table is not None
    return dump(table)


async def turns_during(work: asyncio.Task[object]) -> int:
    """How often the loop turned while something was done."""
    turns = 0
    while not work.done():
        turns += 1
        await asyncio.sleep(0)
    return turns


def test_loading_gives_the_loop_its_turns() -> None:
    """The table is the one that loading at once gives, and the collector is as it was."""
    data = many(2000)

    async def work() -> None:
        began = perf_counter()
        loading = asyncio.ensure_future(load_in_slices(data))
        turns = await turns_during(loading)
        took = perf_counter() - began
        table = loading.result()
        assert isinstance(table, RouteTable)
        assert len(table.routes) == 2000
        # A slice ends after a millisecond, so there are many; how long each is depends on the machine.
        assert turns > min(took, 1.0) * 1000 / 20
        assert gc.isenabled()

    run(work())


def test_what_is_no_table_is_refused() -> None:
    """As a value."""

    async def work() -> Refusal | RouteTable:
        return await load_in_slices(b"nothing of the kind")

    assert isinstance(run(work()), Refusal)


def test_a_table_travels_in_a_file_that_nobody_changes() -> None:
    """Read whole by several, whatever the position; not writable any more."""
    data = os.urandom(3_000_000)
    descriptor = file_of(data)

    async def work() -> None:
        one, two = await asyncio.gather(read_in_slices(descriptor), read_in_slices(descriptor))
        assert one == two == data

    run(work())
    with pytest.raises(OSError):
        os.write(descriptor, b"x")
    os.close(descriptor)


def test_a_table_that_is_left_is_freed_in_slices() -> None:
    """Its records go while the loop turns; one that somebody keeps stays whole."""
    data = many(3000)

    class Mark:
        """Something that tells when it is gone."""

    async def work() -> None:
        first = await load_in_slices(data)
        kept = await load_in_slices(data)
        assert isinstance(first, RouteTable)
        assert isinstance(kept, RouteTable)
        mark = Mark()
        first.cache.outcomes[0] = mark
        gone = weakref.ref(mark)
        del mark
        freeing = asyncio.ensure_future(free_in_slices(first))
        await asyncio.sleep(0)
        del first
        assert await turns_during(freeing) > 10
        assert gone() is None
        await free_in_slices(kept)
        assert len(kept.routes) == 3000

    run(work())
