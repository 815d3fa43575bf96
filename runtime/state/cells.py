"""Named counters that all workers share.

Owns the shared memory they stand in. Every counter has one number for each slot; a slot belongs to one living
process, which alone writes its numbers, and the counter's value is their sum. So nothing is ever lost
to a race, and what a dead worker held can be given back. Locks serve one purpose only: that nobody
else adds between looking and adding.

A row is the other kind of thing with a name: as many numbers as there are slots, which all processes write,
one at a time, under the row's lock. Nothing of it is given back by a death.

A name is in use as long as some slot has asked for it and not let it go. Where there is no room for a new
name, one that nobody uses and that is zero gives up its place.

Layout, in 64-bit numbers: magic, slots, room, names used, slots used, places given up; then for each name its
kind and length, 14 numbers of name, a byte for each slot (whether it uses it), and a number for each slot;
then the places that were given up, the latest `room` of them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, TypeVar

from .locks import RangeLock
from .memory import allocate, mapped, opened_again

T = TypeVar("T")

_MAGIC: Final = 0x67776363656C3031
_SLOTS, _ROOM, _USED, _HIGH, _GIVEN_UP = 1, 2, 3, 4, 5
_HEADER: Final = 8
_NAME_WORDS: Final = 14
_NAME_BYTES: Final = _NAME_WORDS * 8
_KEPT: Final = 1 << 32
_ROW: Final = 1 << 33

# Bytes that are only locked, never read: where they lie does not matter as long as no two are the same.
_DIRECTORY_LOCK: Final = 1 << 40
_SLOT_LOCKS: Final = _DIRECTORY_LOCK + 1

DEFAULT_SLOTS: Final = 64
DEFAULT_ROOM: Final = 65_536


class CellsFull(Exception):
    """Raised when a new name is one too many; `name` and `room`: which one, and how many there can be."""

    def __init__(self, name: str, room: int) -> None:
        super().__init__(f"no room for the shared counter {name!r}: all {room} are in use")
        self.name = name
        self.room = room


class SlotTaken(Exception):
    """Raised when a slot is asked for, or to be given back, while the process that owns it lives."""

    def __init__(self, slot: int) -> None:
        super().__init__(f"slot {slot} of the shared counters belongs to a living process")
        self.slot = slot


class CellsBusy(Exception):
    """Raised when another process has been making a name for a second: it is stopped, or hangs."""


class Cell:
    """One counter as one slot sees it."""

    __slots__ = ("_cells", "_first", "_lock", "_own", "index", "kept", "name")

    def __init__(self, cells: Cells, name: str, kept: bool, first: int, index: int) -> None:
        self._cells = cells
        self._first = first
        self._own = first + cells.slot
        self._lock = RangeLock(cells.lock_fd, first)
        self.name = name
        self.kept = kept
        self.index = index

    @property
    def value(self) -> int:
        """The sum over all slots."""
        cells = self._cells
        numbers = cells.numbers
        return sum(numbers[self._first : self._first + numbers[_HIGH]])

    @property
    def own(self) -> int:
        """What this slot has of it."""
        return self._cells.numbers[self._own]

    def add(self, n: int) -> int:
        """Add `n` and return the value after it. Of two that add at once, one sees both.

        Giving back (`n` below 0) takes no lock: nobody waits to see it.
        """
        if n < 0:
            self._cells.numbers[self._own] += n
            return self.value
        held = self._lock.take()
        self._cells.numbers[self._own] += n
        value = self.value
        if held:
            self._lock.leave()
        return value

    def add_below(self, n: int, limit: int) -> bool:
        """Add `n` if the value stays at or below `limit`; say whether it was added.

        Should a process be stopped right between its lock and unlock, others go on without the lock after
        20 ms and may come out above the limit by what they add at the same instant.
        """
        numbers = self._cells.numbers
        held = self._lock.take()
        first = self._first
        fits: bool = sum(numbers[first : first + numbers[_HIGH]]) + n <= limit
        if fits:
            numbers[self._own] += n
        if held:
            self._lock.leave()
        return fits


class Row:
    """Numbers that all slots see and may write, all 0 at first. `row[n]` for n below the number of slots.

    Whoever writes does so inside `with row:`; should another process be stopped in there, one goes on without
    the lock after 20 ms.
    """

    __slots__ = ("_cells", "_first", "_held", "_lock", "index", "kept", "name")

    def __init__(self, cells: Cells, name: str, first: int, index: int) -> None:
        self._cells = cells
        self._first = first
        self._lock = RangeLock(cells.lock_fd, first)
        self._held = False
        self.name = name
        self.kept = False
        self.index = index

    def __getitem__(self, number: int) -> int:
        return self._cells.numbers[self._first + number]

    def __setitem__(self, number: int, value: int) -> None:
        self._cells.numbers[self._first + number] = value

    def __enter__(self) -> None:
        self._held = self._lock.take()

    def __exit__(self, *fault: object) -> None:
        if self._held:
            self._lock.leave()


class Cells:
    """All counters and rows, as the owner of one slot sees them. Not to be shared by threads.

    Mutable: the shared memory, the counters that this slot uses, and what it knows of the places of names.
    """

    def __init__(self, fd: int, slot: int) -> None:
        """Take a slot of memory made by `create`.

        SlotTaken where its owner lives, ValueError where there is no such slot or the memory is another's.
        """
        self.fd = fd
        self.slot = slot
        self.lock_fd = opened_again(fd)
        self._map = mapped(fd)
        self._bytes = memoryview(self._map)
        self.numbers = self._bytes.cast("q")
        if self.numbers[0] != _MAGIC:
            raise ValueError("not the memory of shared counters")
        self.slots = self.numbers[_SLOTS]
        self.room = self.numbers[_ROOM]
        self._users = _user_words(self.slots)
        self._stride = _stride(self.slots)
        self._log = _HEADER + self.room * self._stride
        self._directory = RangeLock(self.lock_fd, _DIRECTORY_LOCK, patience_s=1.0)
        self._cells: dict[str, Cell | Row] = {}
        self._places: dict[str, int] = {}
        self._seen = 0
        self._given_up_seen = self.numbers[_GIVEN_UP]
        self._spare: list[int] = []
        if not 0 <= slot < self.slots:
            raise ValueError(f"slot {slot} of {self.slots}")
        if not RangeLock(self.lock_fd, _SLOT_LOCKS + slot, patience_s=0).take():
            raise SlotTaken(slot)
        self._in_directory(lambda: self._raise_high(slot + 1))

    @classmethod
    def create(
        cls,
        path: Path | None = None,
        *,
        slots: int = DEFAULT_SLOTS,
        room: int = DEFAULT_ROOM,
        slot: int = 0,
    ) -> Cells:
        """New counters, in anonymous memory or in a file, and `slot` of them for this process.

        `slots` is how many processes may live at once (a worker that drains still has its slot while its
        successor needs another one), `room` how many names there can be.
        """
        size = (_HEADER + room * (_stride(slots) + 1)) * 8
        if path is None:
            fd = allocate("gwc-cells", size)
        else:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            os.ftruncate(fd, size)
        with mapped(fd) as memory, memoryview(memory) as raw, raw.cast("q") as numbers:
            numbers[_SLOTS] = slots
            numbers[_ROOM] = room
            numbers[0] = _MAGIC
        return cls(fd, slot)

    @classmethod
    def attach(cls, path_or_fd: Path | int, slot: int) -> Cells:
        """The counters another process made, by the descriptor it handed on or by their file."""
        if isinstance(path_or_fd, int):
            return cls(path_or_fd, slot)
        return cls(os.open(path_or_fd, os.O_RDWR | os.O_CLOEXEC), slot)

    def counter(self, name: str, *, kept: bool = False) -> Cell:
        """The counter of that name, made where there is none yet.

        What a dead worker added to it is given back by `release_slot`, unless it is `kept` (what only ever
        grows). CellsFull where there is no room for a new name.
        """
        stored = _stored_name(name)
        cell = self._cells.get(stored)
        if cell is None:
            cell = self._in_directory(lambda: self._find_or_make(stored, _KEPT if kept else 0))
        assert isinstance(cell, Cell), f"{name} is a row"
        assert cell.kept == kept, f"{name} is of the other kind"
        return cell

    def row(self, name: str) -> Row:
        """The row of that name, made where there is none yet. CellsFull where there is no room for it.

        It stays as it is as long as any slot uses it, over the death of all of them too, until its place is
        needed for another name.
        """
        stored = _stored_name(name)
        row = self._cells.get(stored)
        if row is None:
            row = self._in_directory(lambda: self._find_or_make(stored, _ROW))
        assert isinstance(row, Row), f"{name} is a counter"
        return row

    def keep(self, names: Iterable[str]) -> None:
        """Let go of all counters but those of `names`: others may have their places once they are zero.

        Whoever still has one may give back what it added to it.
        """
        wanted = {_stored_name(name) for name in names}
        gone = [stored for stored in self._cells if stored not in wanted]
        # No lock: a slot's bytes are its own, and whoever looks for room sees it a moment later.
        for stored in gone:
            self._bytes[self._use_of(self._cells.pop(stored).index, self.slot)] = 0

    def names(self) -> tuple[str, ...]:
        """All names, in the order they were made; long ones as they are stored."""
        return tuple(self._stored(index)[0] for index in range(self.numbers[_USED]))

    def release_slot(self, slot: int) -> None:
        """Give back what the dead owner of a slot held; SlotTaken while it lives. Own slot: SlotTaken too."""
        lock = RangeLock(self.lock_fd, _SLOT_LOCKS + slot, patience_s=0)
        if slot == self.slot or not lock.take():
            raise SlotTaken(slot)
        try:
            numbers = self.numbers
            for index in range(numbers[_USED]):
                first = _HEADER + index * self._stride
                if not numbers[first] & (_KEPT | _ROW):
                    numbers[first + 1 + _NAME_WORDS + self._users + slot] = 0
                self._bytes[self._use_of(index, slot)] = 0
        finally:
            lock.leave()

    def close(self) -> None:
        """Leave the slot. What it held stays until it is released."""
        self.numbers.release()
        self._bytes.release()
        self._map.close()
        os.close(self.lock_fd)

    def _in_directory(self, work: Callable[[], T]) -> T:
        if not self._directory.take():
            raise CellsBusy("another process has been naming a shared counter for a second")
        try:
            return work()
        finally:
            self._directory.leave()

    def _raise_high(self, high: int) -> None:
        if self.numbers[_HIGH] < high:
            self.numbers[_HIGH] = high

    def _find_or_make(self, stored: str, kind: int) -> Cell | Row:
        numbers = self.numbers
        self._catch_up()
        index = self._places.get(stored)
        if index is None or self._stored(index)[0] != stored:
            index = self._place(stored)
            text = stored.encode("utf-8", "surrogateescape")
            first = _HEADER + index * self._stride
            for each in range(first + 1 + _NAME_WORDS + self._users, first + self._stride):
                numbers[each] = 0  # what a row had that nobody needs
            self._bytes[(first + 1) * 8 : (first + 1) * 8 + len(text)] = text
            numbers[first] = len(text) | kind
            if index == numbers[_USED]:
                numbers[_USED] = index + 1  # the last step: a process that dies before it has made nothing
                self._seen = index + 1
            self._places[stored] = index
        self._bytes[self._use_of(index, self.slot)] = 1
        cell = self._cells[stored] = self._cell(index, stored, self._stored(index)[1])
        return cell

    def _catch_up(self) -> None:
        """Learn of names that others have made: in new places, and in those that were given up."""
        numbers = self.numbers
        for index in range(self._seen, numbers[_USED]):
            self._places[self._stored(index)[0]] = index
        self._seen = numbers[_USED]
        given_up = numbers[_GIVEN_UP]
        if given_up - self._given_up_seen > self.room:
            self._places = {self._stored(index)[0]: index for index in range(self._seen)}
        else:
            for each in range(self._given_up_seen, given_up):
                index = numbers[self._log + each % self.room]
                self._places[self._stored(index)[0]] = index
        self._given_up_seen = given_up

    def _place(self, stored: str) -> int:
        """Where a new name goes: behind the others, else where one is that nobody needs."""
        numbers = self.numbers
        if numbers[_USED] < self.room:
            return numbers[_USED]
        if not self._spare:
            self._spare = [index for index in range(self.room) if self._is_spare(index)]
        while self._spare:
            index = self._spare.pop()
            if self._is_spare(index):
                # Told first: who dies between the two steps leaves a place that others look at in vain.
                numbers[self._log + numbers[_GIVEN_UP] % self.room] = index
                numbers[_GIVEN_UP] += 1
                self._given_up_seen += 1
                return index
        raise CellsFull(stored, self.room)

    def _is_spare(self, index: int) -> bool:
        """Whether nobody uses a name and it counts nothing; what a row holds is nobody's then."""
        first = _HEADER + index * self._stride
        kind = self.numbers[first]
        end = first + 1 + _NAME_WORDS + self._users if kind & _ROW else first + self._stride
        return not kind & _KEPT and not any(self.numbers[first + 1 + _NAME_WORDS : end])

    def _use_of(self, index: int, slot: int) -> int:
        """The byte that says whether a slot uses a name."""
        return (_HEADER + index * self._stride + 1 + _NAME_WORDS) * 8 + slot

    def _stored(self, index: int) -> tuple[str, int]:
        """Name and kind of a place: _KEPT, _ROW or 0."""
        first = _HEADER + index * self._stride
        kind = self.numbers[first]
        start = (first + 1) * 8
        text = bytes(self._bytes[start : start + (kind & 0xFFFFFFFF)])
        return text.decode("utf-8", "surrogateescape"), kind & (_KEPT | _ROW)

    def _cell(self, index: int, name: str, kind: int) -> Cell | Row:
        first = _HEADER + index * self._stride + 1 + _NAME_WORDS + self._users
        if kind & _ROW:
            return Row(self, name, first, index)
        return Cell(self, name, bool(kind & _KEPT), first, index)


def _user_words(slots: int) -> int:
    """Numbers that hold a byte for each slot."""
    return (slots + 7) // 8


def _stride(slots: int) -> int:
    """Numbers of one name."""
    return 1 + _NAME_WORDS + _user_words(slots) + slots


def _stored_name(name: str) -> str:
    """Names too long for their place end with a digest of the whole."""
    text = name.encode("utf-8", "surrogateescape")
    if len(text) <= _NAME_BYTES:
        return name
    digest = hashlib.blake2b(text, digest_size=16).hexdigest()
    return f"{text[: _NAME_BYTES - 33].decode('utf-8', 'ignore')}#{digest}"
