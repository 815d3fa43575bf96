"""What is counted for each of many keys, by all workers together: rates, and what is under way.

Owns the shared memory of such counts. It is divided into regions, one for each limit, found by what the limit
is; so a limit that did not change keeps its counts over a swap, and a region nobody uses gives its place to
another limit. A region is a table of sets: a key's digest says its set, and in a set of up to `WAYS` places
it has one of them. There is twice as much room as keys were asked for; where a set is full all the same, the
place is taken that is nearest to being forgotten anyway. The digest is keyed with a secret of this memory, so
nobody can choose keys that meet in one set.

A byte-range lock for a part of the sets is held while one is looked at. It ends with its holder. A worker
that dies between two numbers leaves one request uncounted, or a key in a place that counts what was there.

Layout: a header (magic, regions, end, secret, seats), the directory, then the regions, each from a page on.
An entry of the directory: identity, offset, length, a byte for each seat that uses the region, keys.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from typing import Final, Literal, NamedTuple

from .locks import RangeLock
from .memory import allocate, opened_again

WAYS: Final = 16

_MAGIC: Final = 0x67776362756B7401
_PAGE: Final = mmap.ALLOCATIONGRANULARITY
_SEATS: Final = 64
_ROOM: Final = 1024
_TAG: Final = 16
_ENTRY: Final = 128
_DIRECTORY: Final = 4096
_FIRST: Final = -(-(_DIRECTORY + _ROOM * _ENTRY) // _PAGE) * _PAGE
_OFFSET: Final = 16
_LENGTH: Final = 24
_USERS: Final = 32
_KEYS: Final = _USERS + _SEATS
_HIGH: Final = 5
"""The number in the header that says up to which seat there are any."""

_TAGS_KEPT: Final = 4096
_DIRECTORY_LOCK: Final = 0
_SHARDS: Final = 256

NO_ROOM: Final = -2
"""What taking a place comes to where a set has none left."""

_RATES: Final = b"r"
_HOLDS: Final = b"h"


class BucketsFull(Exception):
    """Raised where there are more limits than the directory has room for."""

    def __init__(self) -> None:
        super().__init__(f"there are more than {_ROOM} limits at once")


class Taken(NamedTuple):
    """What asking a rate came to. Times in nanoseconds.

    `admitted`: it was counted. `wait`: how long until it may go on, 0 for at once; where it was not admitted,
    how long until one would be. `full`: how long until nothing counts any more.
    """

    admitted: bool
    wait: int
    full: int


class _Table:
    """A region of sets. `memory` begins where the region does; `lock_fd` is None within one process."""

    __slots__ = ("_held", "_lock_at", "_lock_fd", "_locks", "_memory", "_numbers", "_sets", "_users", "_ways")

    form: Literal["q", "H"] = "q"
    entry = 8
    """Bytes of a place beside its tag."""

    def __init__(
        self,
        memory: mmap.mmap,
        keys: int,
        users: tuple[mmap.mmap, int] | None,
        lock_fd: int | None,
        lock_at: int,
    ) -> None:
        self._memory = memory
        self._numbers = memoryview(memory).cast(self.form)
        self._sets, self._ways = _shape(keys)
        self._users = users
        self._lock_fd = lock_fd
        self._lock_at = lock_at
        self._locks: dict[int, RangeLock] = {}
        self._held: RangeLock | None = None

    def close(self) -> None:
        """Others may have the place. What is still asked of it is answered."""
        if self._users is not None:
            directory, at = self._users
            directory[at] = 0

    def _enter(self, number: int) -> None:
        """Hold the lock of a set; without it after 20 ms, as if nobody else were there."""
        if self._lock_fd is None:
            return
        shard = number % _SHARDS
        lock = self._locks.get(shard)
        if lock is None:
            lock = self._locks[shard] = RangeLock(self._lock_fd, self._lock_at + shard)
        self._held = lock if lock.take() else None

    def _leave(self) -> None:
        if self._held is not None:
            self._held.leave()
            self._held = None

    def _find(self, tag: bytes, tags: int) -> int:
        """The place of a tag in the set whose tags begin there; -1 where it has none."""
        memory, end = self._memory, tags + self._ways * _TAG
        at = memory.find(tag, tags, end)
        while at >= 0:
            place, rest = divmod(at - tags, _TAG)
            if not rest:
                return place
            at = memory.find(tag, at + 1, end)
        return -1


class Rates(_Table):
    """When each key will have been forgotten: the generic cell rate algorithm, whose state is one instant."""

    __slots__ = ()

    def take(self, tag: bytes, now: int, interval: int, burst: int, patience: int = 0) -> Taken:
        """Count one request of a key, if `burst` of them, or what came back since at one in `interval`
        nanoseconds, leave room for it, or will within `patience` nanoseconds.
        """
        ways = self._ways
        number = int.from_bytes(tag[:8], "little") % self._sets
        tags = number * ways * (_TAG + 8)
        times = (tags + ways * _TAG) >> 3
        numbers = self._numbers
        self._enter(number)
        try:
            place = self._find(tag, tags)
            at = times + place
            due = numbers[at] if place >= 0 else 0
            if due < now:
                due = now
            wait = due - now - (burst - 1) * interval
            if wait > patience:
                return Taken(False, wait, due - now)
            due += interval
            if place < 0:
                found = numbers[times : times + ways].tolist()
                place = found.index(min(found))
                at = times + place
                self._memory[tags + place * _TAG : tags + (place + 1) * _TAG] = tag
            numbers[at] = due
            return Taken(True, max(wait, 0), due - now)
        finally:
            self._leave()

    def give_back(self, tag: bytes, interval: int) -> None:
        """What was counted is not to count: another limit has refused the request."""
        ways = self._ways
        number = int.from_bytes(tag[:8], "little") % self._sets
        tags = number * ways * (_TAG + 8)
        self._enter(number)
        try:
            place = self._find(tag, tags)
            if place >= 0:
                self._numbers[((tags + ways * _TAG) >> 3) + place] -= interval
        finally:
            self._leave()


class Holds(_Table):
    """How many of each key are under way: a number for each seat, of which only its owner writes."""

    __slots__ = ("high", "seat")

    form = "H"
    entry = 2 * _SEATS
    most: Final = 0xFFFF

    seat: int
    high: memoryview[int]
    """Its number `_HIGH` is that of the seats that there are. PERF: a sum over 64 takes 2 us."""

    def take(self, tag: bytes, limit: int) -> int:
        """Count one more of a key if there are fewer than `limit`; the place to leave, -1 where it was not.

        A set whose places are all in use has no room for another key: NO_ROOM.
        """
        ways, numbers = self._ways, self._numbers
        number = int.from_bytes(tag[:8], "little") % self._sets
        tags = number * ways * (_TAG + self.entry)
        counts = (tags + ways * _TAG) >> 1
        self._enter(number)
        try:
            place = self._find(tag, tags)
            if place >= 0:
                at = counts + place * _SEATS
                if sum(numbers[at : at + self.high[_HIGH]]) >= limit:
                    return -1
            else:
                place = self._free(counts)
                if place < 0:
                    return NO_ROOM
                at = counts + place * _SEATS
                self._memory[tags + place * _TAG : tags + (place + 1) * _TAG] = tag
            own = at + self.seat
            if numbers[own] == self.most:
                return -1
            numbers[own] += 1
            return own
        finally:
            self._leave()

    def leave(self, place: int) -> None:
        """One less. No lock: the number is this seat's, and nobody waits to see it."""
        self._numbers[place] -= 1

    def release(self, seat: int) -> None:
        """Give back what a dead worker held."""
        numbers = self._numbers
        size = self._ways * (_TAG + self.entry) >> 1
        for number in range(self._sets):
            first = number * size + (self._ways * _TAG >> 1) + seat
            for at in range(first, first + self._ways * _SEATS, _SEATS):
                if numbers[at]:
                    numbers[at] = 0

    def _free(self, counts: int) -> int:
        for place in range(self._ways):
            at = counts + place * _SEATS
            if not any(self._numbers[at : at + _SEATS]):
                return place
        return -1


class Buckets:
    """All regions, as one seat sees them. Without a descriptor: those of this process alone.

    Mutable: the directory, which all share under one lock, and the tags of recent keys.
    """

    def __init__(self, fd: int | None = None, seat: int = 0) -> None:
        """Use memory made by `create`; ValueError where it is another's."""
        self.fd = fd
        self.seat = seat
        self._local: dict[bytes, _Table] = {}
        self._tags: dict[bytes, bytes] = {}
        if fd is None:
            self._secret = os.urandom(16)
            self._numbers = memoryview(bytearray(64)).cast("Q")
            self._numbers[_HIGH] = seat + 1
            return
        self._lock_fd = opened_again(fd)
        self._directory = mmap.mmap(fd, _FIRST)
        self._numbers = memoryview(self._directory).cast("Q")
        if self._numbers[0] != _MAGIC:
            raise ValueError("not the memory of limits")
        self._secret = self._directory[24:40]
        self._lock = RangeLock(self._lock_fd, _DIRECTORY_LOCK, patience_s=1.0)

    @classmethod
    def create(cls, seat: int = 0) -> Buckets:
        """New memory, to be handed to workers by its descriptor `fd`."""
        fd = allocate("gwc-limits", _FIRST)
        with mmap.mmap(fd, _FIRST) as memory:
            memory[8:16] = (0).to_bytes(8, "little")
            memory[16:24] = _FIRST.to_bytes(8, "little")
            memory[24:40] = os.urandom(16)
            memory[0:8] = _MAGIC.to_bytes(8, "little")
        return cls(fd, seat)

    def tag(self, key: bytes) -> bytes:
        """A key as regions know it."""
        found = self._tags.get(key)
        if found is None:
            if len(self._tags) >= _TAGS_KEPT:
                self._tags.clear()
            found = self._tags[key] = hashlib.blake2b(key, digest_size=_TAG, key=self._secret).digest()
        return found

    def rates(self, what: str, keys: int) -> Rates:
        """The rates of a limit: `what` is all that makes it what it is. Raises BucketsFull."""
        table = self._region(Rates, _RATES, what, keys)
        assert isinstance(table, Rates)
        return table

    def holds(self, what: str, keys: int) -> Holds:
        """What of a limit is under way. Raises BucketsFull."""
        table = self._region(Holds, _HOLDS, what, keys)
        assert isinstance(table, Holds)
        table.seat, table.high = self.seat, self._numbers
        return table

    def release_seat(self, seat: int) -> None:
        """Give back what the dead worker of a seat held."""
        assert self.fd is not None
        self._take_lock()
        try:
            for index in range(self._numbers[1]):
                entry = _DIRECTORY + index * _ENTRY
                if self._directory[entry + _TAG - 1 : entry + _TAG] == _HOLDS:
                    self._holds_of(entry).release(seat)
                self._directory[entry + _USERS + seat] = 0
        finally:
            self._lock.leave()

    def _holds_of(self, entry: int) -> Holds:
        assert self.fd is not None
        offset, length = self._place(entry)
        keys = self._numbers[(entry + _KEYS) >> 3]
        return Holds(mmap.mmap(self.fd, length, offset=offset), keys, None, None, 0)

    def _region(self, kind: type[Rates | Holds], letter: bytes, what: str, keys: int) -> _Table:
        identity = hashlib.blake2b(f"{keys} {what}".encode(), digest_size=_TAG - 1).digest() + letter
        sets, ways = _shape(keys)
        pages = -(-sets * ways * (_TAG + kind.entry) // _PAGE)
        length = (1 << (pages - 1).bit_length()) * _PAGE  # so that one gives its place to another
        if self.fd is None:
            table = self._local.get(identity)
            if table is None:
                table = self._local[identity] = kind(mmap.mmap(-1, length), keys, None, None, 0)
            return table
        self._take_lock()
        try:
            entry = self._find(identity)
            if entry < 0:
                entry = self._make(identity, length, keys)
            self._directory[entry + _USERS + self.seat] = 1
            self._numbers[_HIGH] = max(self._numbers[_HIGH], self.seat + 1)
            offset, _ = self._place(entry)
        finally:
            self._lock.leave()
        memory = mmap.mmap(self.fd, length, offset=offset)
        return kind(memory, keys, (self._directory, entry + _USERS + self.seat), self._lock_fd, offset)

    def _take_lock(self) -> None:
        if not self._lock.take():
            raise BlockingIOError("another process has been looking for a limit for a second")

    def _place(self, entry: int) -> tuple[int, int]:
        return self._numbers[(entry + _OFFSET) >> 3], self._numbers[(entry + _LENGTH) >> 3]

    def _find(self, identity: bytes) -> int:
        for index in range(self._numbers[1]):
            entry = _DIRECTORY + index * _ENTRY
            if self._directory[entry : entry + _TAG] == identity:
                return entry
        return -1

    def _make(self, identity: bytes, length: int, keys: int) -> int:
        """A place for a new region: one of the same size that nobody uses, else behind the others."""
        assert self.fd is not None
        numbers, directory = self._numbers, self._directory
        spare = -1
        for index in range(numbers[1]):
            entry = _DIRECTORY + index * _ENTRY
            users = directory[entry + _USERS : entry + _USERS + _SEATS]
            if users.count(0) == _SEATS:
                offset, size = self._place(entry)
                if size == length:
                    with mmap.mmap(self.fd, length, offset=offset) as memory:
                        memory[:] = bytes(length)
                    numbers[(entry + _KEYS) >> 3] = keys
                    directory[entry : entry + _TAG] = identity
                    return entry
                spare = entry
        if numbers[1] < _ROOM:
            entry = _DIRECTORY + numbers[1] * _ENTRY
        elif spare >= 0:  # its memory stays where it was, and nobody will know of it any more
            entry = spare
        else:
            raise BucketsFull
        offset = numbers[2]
        os.ftruncate(self.fd, offset + length)
        numbers[2] = offset + length
        numbers[(entry + _OFFSET) >> 3], numbers[(entry + _LENGTH) >> 3] = offset, length
        numbers[(entry + _KEYS) >> 3] = keys
        directory[entry : entry + _TAG] = identity
        if entry == _DIRECTORY + numbers[1] * _ENTRY:
            numbers[1] += 1  # the last step: a process that dies before it has made nothing
        return entry


def _shape(keys: int) -> tuple[int, int]:
    """Sets, and places in each."""
    if keys <= WAYS:
        return 1, keys
    return -(-2 * keys // WAYS), WAYS
