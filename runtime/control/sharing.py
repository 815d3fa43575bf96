"""The memory that all workers share, and which part of it a worker has.

Owns seats: a place in the shared counters and a slab of metrics. A worker that drains still has its seat
while its successor takes another one. What a dead worker held is given back; what it counted stays.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..observe.slab import Slab, reset_gauges
from ..state.buckets import Buckets
from ..state.cells import DEFAULT_SLOTS, Cells, SlotTaken


class Shared:
    """Made once by the supervisor, which has seat 0. Mutable: who sits where.

    `root` is the directory that references to files begin at.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.cells = Cells.create()
        self.buckets = Buckets.create()
        self.slabs: dict[int, Slab] = {0: Slab.create()}
        """By seat; read by whoever tells metrics. Seat 0 is the supervisor's own."""
        self._seats: dict[int, int] = {}

    def take(self, number: int) -> tuple[Mapping[str, Any], Sequence[int]]:
        """See `fleet.Equipping`. OSError where every seat is taken."""
        taken = set(self._seats.values())
        seat = next((each for each in range(1, DEFAULT_SLOTS) if each not in taken), None)
        if seat is None:
            raise OSError(f"there are more than {DEFAULT_SLOTS - 1} workers at once")
        self._seats[number] = seat
        slab = self.slabs.get(seat)
        if slab is None:
            slab = self.slabs[seat] = Slab.create()
        settings = {"root": str(self._root), "seat": seat, "cells": self.cells.fd, "slab": slab.fd}
        assert self.buckets.fd is not None
        return {**settings, "buckets": self.buckets.fd}, (self.cells.fd, slab.fd, self.buckets.fd)

    def give_back(self, number: int) -> None:
        """See `fleet.Equipping`."""
        seat = self._seats.pop(number, None)
        if seat is not None:
            reset_gauges(self.slabs[seat])
            with contextlib.suppress(SlotTaken):
                self.cells.release_slot(seat)
            self.buckets.release_seat(seat)
