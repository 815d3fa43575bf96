"""Counters of the whole gateway, as a worker asks for them by name; those of a worker that stands for itself.

The shared ones are `state/cells.py`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from ..upstream.standing import LocalRow, Row
from ..upstream.targets import Counting, LocalCounter


class CellsLike(Protocol):
    """Counters of the whole gateway, by name."""

    def counter(self, name: str) -> Counting:
        """The counter of that name."""

    def row(self, name: str) -> Row:
        """The row of that name."""

    def keep(self, names: Iterable[str]) -> None:
        """Let go of all others."""


class LocalCells:
    """Counters of one process."""

    def __init__(self) -> None:
        self._counters: dict[str, LocalCounter] = {}
        self._rows: dict[str, LocalRow] = {}

    def counter(self, name: str) -> LocalCounter:
        """See CellsLike."""
        return self._counters.setdefault(name, LocalCounter())

    def row(self, name: str) -> LocalRow:
        """See CellsLike."""
        return self._rows.setdefault(name, LocalRow())

    def keep(self, names: Iterable[str]) -> None:
        """See CellsLike; here there is room for all."""
