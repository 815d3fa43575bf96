"""Numbers of one worker in shared memory.

Owns their layout: a header, a directory of series that only grows, and the numbers. One process writes and
takes no lock; whoever has the descriptor reads, also after the writer's death. A series is written in full
before it is counted in the header, so a reader never sees half of one; a number is read whole because it is
an aligned 64-bit word.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import orjson

from ..state.memory import allocate, mapped
from .families import FAMILIES, NUMBER_OF, OTHER, VARYING

# The layout changes with the families, and a slab of another layout must not be read.
_MAGIC: Final = 0x6777635300000000 | zlib.crc32(repr(FAMILIES).encode())
_MAGIC_AT, _SERIES, _DIRECTORY_USED, _NUMBERS_USED, _LIMIT, _DIRECTORY_SIZE = range(6)
_HEADER_BYTES: Final = 64
_SCRATCH: Final = 32
"""Numbers at the start that nobody reads: where even `_other` finds no room, counting goes there."""
_RESERVED: Final = 1024
"""Series kept for `_other`: more than all combinations of the closed lists."""
_KEY_BYTES: Final = 96
_LABEL_CHARACTERS: Final = 200

DEFAULT_SERIES: Final = 10_000


class Series(NamedTuple):
    """One series as it stands in a slab: number of its family, values of its labels, place of its numbers."""

    family: int
    values: tuple[str, ...]
    at: int


class Slab:
    """The numbers of one slot. `ints` and `reals` are two views of the same words.

    Mutable: the shared memory, and the cache of series known.
    """

    def __init__(self, fd: int) -> None:
        """Map what `create` made; ValueError where it is not that, or is of another version of gwc."""
        self.fd = fd
        self._map = mapped(fd)
        self._bytes = memoryview(self._map)
        words = self._bytes.cast("Q")
        if len(words) * 8 < _HEADER_BYTES or words[_MAGIC_AT] != _MAGIC:
            raise ValueError("not the metrics of this version of gwc")
        self._head = words
        self._start = _HEADER_BYTES + words[_DIRECTORY_SIZE]
        numbers = self._bytes[self._start :]
        self.ints = numbers.cast("q")
        self.reals = numbers.cast("d")
        self._known: dict[tuple[int, tuple[str, ...]], int] = {}
        for series in self.series():
            self._known.setdefault((series.family, series.values), series.at)

    @classmethod
    def create(cls, series: int = DEFAULT_SERIES) -> Slab:
        """A new slab with room for that many series; pages nobody writes to cost nothing."""
        limit = series + _RESERVED
        directory = limit * _KEY_BYTES
        numbers = _SCRATCH + limit * max(family.numbers for family in FAMILIES)
        fd = allocate("gwc-metrics", _HEADER_BYTES + directory + numbers * 8)
        with mapped(fd) as memory, memoryview(memory) as raw, raw.cast("Q") as words:
            words[_LIMIT] = limit
            words[_DIRECTORY_SIZE] = directory
            words[_NUMBERS_USED] = _SCRATCH
            words[_MAGIC_AT] = _MAGIC
        return cls(fd)

    def at(self, name: str, values: Sequence[str] = ()) -> int:
        """Where the numbers of a series stand, made on first use.

        Where there is no room for another series, the place of its `_other`. Never raises for any text.
        """
        family = NUMBER_OF[name]
        cut = tuple(value[:_LABEL_CHARACTERS] for value in values)
        found = self._known.get((family, cut))
        if found is not None:
            return found
        place = self._make(family, cut, _RESERVED)
        if place is None:
            labels = FAMILIES[family].labels
            other = tuple(
                OTHER if label in VARYING else value for label, value in zip(labels, cut, strict=True)
            )
            found = self._known.get((family, other))
            place = self._make(family, other, 0) if found is None else found
        return 0 if place is None else place

    def add(self, name: str, values: Sequence[str] = (), n: int = 1) -> None:
        """Count."""
        self.ints[self.at(name, values)] += n

    def put(self, name: str, number: float, values: Sequence[str] = ()) -> None:
        """Set a gauge."""
        if FAMILIES[NUMBER_OF[name]].real:
            self.reals[self.at(name, values)] = number
        else:
            self.ints[self.at(name, values)] = int(number)

    def series(self) -> Iterator[Series]:
        """All series, in the order they were made; safe while another process writes."""
        raw = self._bytes
        at = _HEADER_BYTES
        for _ in range(self._head[_SERIES]):
            size = int.from_bytes(raw[at : at + 2], "little")
            family = int.from_bytes(raw[at + 2 : at + 4], "little")
            place = int.from_bytes(raw[at + 4 : at + 8], "little")
            yield Series(family, tuple(orjson.loads(bytes(raw[at + 8 : at + size]))), place)
            at += size

    def numbers(self, series: Series) -> list[float]:
        """The numbers of a series: buckets then sum of a histogram, else one."""
        family = FAMILIES[series.family]
        found: list[float] = list(self.ints[series.at : series.at + family.numbers])
        if family.real or family.kind == "histogram":
            found[-1] = self.reals[series.at + family.numbers - 1]
        return found

    def close(self) -> None:
        """Let go of the memory; others keep it."""
        for view in (self._head, self.ints, self.reals, self._bytes):
            view.release()
        self._map.close()
        self._known.clear()

    def _make(self, family: int, values: tuple[str, ...], spare: int) -> int | None:
        head = self._head
        try:
            key = orjson.dumps(values)
        except TypeError:  # half of a surrogate pair
            key = orjson.dumps([value.encode("utf-8", "replace").decode() for value in values])
        size = 8 + len(key)
        used = head[_DIRECTORY_USED]
        place: int = head[_NUMBERS_USED]
        if head[_SERIES] >= head[_LIMIT] - spare or used + size > head[_DIRECTORY_SIZE] - spare * _KEY_BYTES:
            return None
        at = _HEADER_BYTES + used
        self._bytes[at : at + size] = b"".join(
            (size.to_bytes(2, "little"), family.to_bytes(2, "little"), place.to_bytes(4, "little"), key)
        )
        head[_DIRECTORY_USED] = used + size
        head[_NUMBERS_USED] = place + FAMILIES[family].numbers
        head[_SERIES] += 1
        self._known[family, values] = place
        return place


def reset_gauges(slab: Slab) -> None:
    """Forget what a dead worker held: requests in flight and connections. Counters stay."""
    for series in slab.series():
        if FAMILIES[series.family].held:
            slab.ints[series.at] = 0
