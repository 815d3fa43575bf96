"""The tables that were committed: the last ten, and the last good one over a restart.

Owns generations' numbers and the state directory:

    DIR/state.json               {"generation": 7, "digests": {"6": "…", "7": "…"}, "at": 1790000000.0}
    DIR/tables/000007.table      the artifact

A table is written before the state that names it, each in one step, so a crash leaves the state of before.
Knows nothing of workers.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gwc.schema.atomic_write import write_atomically

KEPT: Final = 10
_STATE: Final = "state.json"


@dataclass(frozen=True, slots=True)
class Kept:
    """A table with its number. `origin` says where it came from: `files`, `table`, `state`, `back to 3`."""

    generation: int
    digest: str
    data: bytes
    origin: str
    at: float


class Keeping:
    """The committed tables, oldest first. Mutable; `directory` None keeps them in memory only."""

    def __init__(self, directory: Path | None) -> None:
        self.directory = directory
        self._kept: dict[int, Kept] = {}
        self._last = 0

    @property
    def generations(self) -> tuple[Kept, ...]:
        """What can be gone back to, oldest first."""
        return tuple(self._kept.values())

    @property
    def next_generation(self) -> int:
        """The number that the next table gets; numbers are never given twice."""
        return self._last + 1

    def of(self, generation: int) -> Kept | None:
        """The table of that number, if it is still kept."""
        return self._kept.get(generation)

    def add(self, kept: Kept) -> None:
        """Remember a committed table, and forget the oldest beyond the tenth. In memory; see `write`."""
        self._last = max(self._last, kept.generation)
        self._kept.pop(kept.generation, None)
        self._kept[kept.generation] = kept
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]

    def write(self, kept: Kept) -> None:
        """Write the table and that it is the last good one. Blocks on the disk; OSError where it fails."""
        import orjson

        if self.directory is None:
            return
        tables = self.directory / "tables"
        tables.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(tables / _name(kept.generation), kept.data, 0o600)
        digests = {str(each.generation): each.digest for each in self._kept.values()}
        state = {"generation": kept.generation, "digests": digests, "at": kept.at}
        write_atomically(self.directory / _STATE, orjson.dumps(state), 0o600)
        found = sorted(_numbers(tables))
        for number in found[:-KEPT]:
            with contextlib.suppress(OSError):
                (tables / _name(number)).unlink()

    def read(self) -> Kept | None:
        """Take up what the state directory holds; the last good table, None where there is none.

        What is damaged is passed over: the newest table that can be read counts.
        """
        if self.directory is None:
            return None
        from gwc.schema.artifact import Refusal, digest, load

        tables = self.directory / "tables"
        newest, digests = self._state()
        found: list[Kept] = []
        # A table beyond the state's was written and never said to be good.
        for number in sorted((each for each in _numbers(tables) if each <= newest), reverse=True)[:KEPT]:
            with contextlib.suppress(OSError):
                path = tables / _name(number)
                data, at = path.read_bytes(), path.stat().st_mtime
                if not found:
                    table = load(data)
                    if not isinstance(table, Refusal):
                        found.append(Kept(number, digest(table), data, "state", at))
                elif (known := digests.get(str(number))) is not None:
                    # PERF: taken at its word; whoever goes back to it loads it, and that looks closely.
                    found.append(Kept(number, known, data, "state", at))
        for each in reversed(found):
            self.add(each)
        self._last = max([self._last, *_numbers(tables)])
        return found[0] if found else None

    def _state(self) -> tuple[float, dict[str, str]]:
        """The last good generation, and the digests of those that are kept; everything where nobody knows."""
        import orjson

        assert self.directory is not None
        with contextlib.suppress(OSError, ValueError):
            state = orjson.loads((self.directory / _STATE).read_bytes())
            if isinstance(state, dict) and type(state.get("generation")) is int:
                digests = state.get("digests")
                known = digests if isinstance(digests, dict) else {}
                return state["generation"], {k: v for k, v in known.items() if isinstance(v, str)}
        return math.inf, {}


def kept_now(generation: int, digest: str, data: bytes, origin: str) -> Kept:
    """A table that is committed now."""
    return Kept(generation, digest, data, origin, time.time())


def _name(generation: int) -> str:
    return f"{generation:06d}.table"


def _numbers(tables: Path) -> Iterator[int]:
    try:
        names = os.listdir(tables)
    except OSError:
        return
    for name in names:
        stem, dot, suffix = name.partition(".")
        if dot and suffix == "table" and stem.isascii() and stem.isdigit():
            yield int(stem)
