"""Counters shared by processes: sums, limits, slots and names."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from gwc.runtime.state.cells import Cells, CellsFull, SlotTaken

CHILD = """
import os, sys
from gwc.runtime.state.cells import Cells
fd, slot, work = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
cells = Cells.attach(fd, slot)
"""


def in_child(cells: Cells, slot: int, work: str) -> subprocess.Popen[str]:
    """A process that attaches and does the work."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + work, str(cells.fd), str(slot), ""],
        pass_fds=[cells.fd],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_counter_is_the_sum_over_slots() -> None:
    """What one slot adds, another sees, and each knows its own part."""
    here = Cells.create(slots=4)
    there = Cells.attach(here.fd, 1)
    assert here.counter("a").add(3) == 3
    assert there.counter("a").add(4) == 7
    assert here.counter("a").value == 7
    assert here.counter("a").own == 3
    assert there.counter("a").add(-4) == 3
    assert here.counter("b").value == 0


def test_a_limit_holds_between_processes() -> None:
    """Four processes at once get no more than the limit, and exactly the limit."""
    cells = Cells.create(slots=8)
    work = (
        'c = cells.counter("c"); sys.stdin.readline(); print(sum(c.add_below(1, 2000) for _ in range(1500)))'
    )
    children = [in_child(cells, slot, work) for slot in range(1, 5)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    granted = [int(child.communicate(timeout=30)[0]) for child in children]
    assert sum(granted) == 2000
    assert cells.counter("c").value == 2000


def test_what_does_not_fit_is_not_added() -> None:
    """A refused addition leaves the counter as it is; one that just fits is taken."""
    cell = Cells.create(slots=2).counter("c")
    assert cell.add_below(3, 5)
    assert not cell.add_below(3, 5)
    assert cell.value == 3
    assert cell.add_below(2, 5)


def test_what_a_killed_process_held_is_given_back() -> None:
    """After a kill its slot is free and its share gone, while what only grows is kept."""
    cells = Cells.create(slots=4)
    cells.counter("connections").add(1)
    work = """
cells.counter("connections").add(7)
cells.counter("tokens", kept=True).add(9)
print("ready", flush=True)
sys.stdin.readline()
"""
    child = in_child(cells, 2, work)
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n"
    assert cells.counter("connections").value == 8
    with pytest.raises(SlotTaken):
        cells.release_slot(2)
    with pytest.raises(SlotTaken):
        Cells.attach(cells.fd, 2)
    child.kill()
    child.communicate()
    cells.release_slot(2)
    assert cells.counter("connections").value == 1
    assert cells.counter("tokens", kept=True).value == 9
    assert Cells.attach(cells.fd, 2).counter("tokens", kept=True).own == 9


def test_a_lock_ends_with_its_holder() -> None:
    """A process killed while it holds a counter's lock blocks nobody."""
    cells = Cells.create(slots=4)
    cell = cells.counter("c")
    child = in_child(
        cells, 1, 'cells.counter("c")._lock.take(); print("held", flush=True); sys.stdin.readline()'
    )
    assert child.stdout is not None
    child.stdout.readline()
    assert not cell._lock.take()
    child.kill()
    child.communicate()
    assert cell._lock.take()
    cell._lock.leave()


def test_a_stopped_holder_stops_nobody() -> None:
    """While a process is stopped with the lock held, others still add and are still limited."""
    cells = Cells.create(slots=4)
    cell = cells.counter("c")
    child = in_child(
        cells, 1, 'cells.counter("c")._lock.take(); print("held", flush=True); sys.stdin.readline()'
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGSTOP)
    assert cell.add(1) == 1
    assert cell.add_below(1, 2)
    assert not cell.add_below(1, 2)
    child.kill()
    child.communicate()


def test_names_beyond_the_room_are_refused() -> None:
    """The exception says which name and how many there are; known names go on working."""
    cells = Cells.create(slots=2, room=2)
    cells.counter("a").add(1)
    cells.counter("b")
    with pytest.raises(CellsFull, match=r"'c'.* 2 are in use") as caught:
        cells.counter("c")
    assert (caught.value.name, caught.value.room) == ("c", 2)
    assert cells.counter("a").add(1) == 2


def test_names_of_any_length_and_any_text_are_told_apart() -> None:
    """Long names that differ only at their end are different counters, in every process."""
    here = Cells.create(slots=2)
    there = Cells.attach(here.fd, 1)
    names = ["x" * 300 + "1", "x" * 300 + "2", "é" * 100, "unix:/run/a\udcff", ""]
    for number, name in enumerate(names, 1):
        here.counter(name).add(number)
    assert [there.counter(name).value for name in names] == [1, 2, 3, 4, 5]
    assert len(here.names()) == 5


def test_counters_in_a_file_outlive_their_makers(tmp_path: Path) -> None:
    """Attached by path, the same counters; a file of something else is refused."""
    path = tmp_path / "cells"
    cells = Cells.create(path, slots=2)
    cells.counter("tokens", kept=True).add(5)
    cells.close()
    assert Cells.attach(path, 1).counter("tokens", kept=True).value == 5
    other = tmp_path / "other"
    other.write_bytes(bytes(4096))
    with pytest.raises(ValueError, match="not the memory"):
        Cells.attach(os.open(other, os.O_RDWR), 0)


def test_a_name_that_nobody_uses_makes_room() -> None:
    """Where all places are taken, one that every slot let go and that is zero goes to a new name."""
    ours = Cells.create(slots=40, room=4)
    theirs = Cells.attach(os.dup(ours.fd), 39)
    for name in ("a", "b", "c"):
        ours.counter(name)
        theirs.counter(name)
    held = ours.counter("d")
    held.add(1)
    ours.keep(["c"])
    with pytest.raises(CellsFull):
        ours.counter("e")  # the other slot still uses `a` and `b`, and `d` is not zero
    theirs.keep(["b", "c"])
    theirs.counter("e").add(5)
    assert ours.counter("e").value == 5
    assert ours.names() == ("e", "b", "c", "d")
    held.add(-1)
    ours.counter("f").add(2)
    assert theirs.counter("f").value == 2
    assert (theirs.counter("b").value, ours.counter("c").value) == (0, 0)
    with pytest.raises(CellsFull):
        ours.counter("g")
    ours.keep([])
    theirs.keep([])
    ours.counter("f").add(-2)
    ours.keep([])
    for number in range(50):
        mine, his = ours.counter(f"x{number}"), theirs.counter(f"x{number}")
        mine.add(1)
        assert his.value == 1
        mine.add(-1)
        ours.keep([])
        theirs.keep([])
    theirs.close()
    ours.close()


def test_what_a_dead_process_used_makes_room() -> None:
    """With its slot its names are let go."""
    ours = Cells.create(slots=2, room=2)
    theirs = Cells.attach(os.dup(ours.fd), 1)
    theirs.counter("a").add(3)
    theirs.counter("b")
    with pytest.raises(CellsFull):
        ours.counter("c")
    theirs.close()
    ours.release_slot(1)
    assert ours.counter("c").value == 0
    assert ours.counter("d").value == 0
    ours.close()
