"""Sections under construction: equal records get one number."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

Record = TypeVar("Record", bound=Hashable)


class Numbering(Generic[Record]):
    """Distinct records in the order in which they were first asked for. Grows; `records` is the section."""

    def __init__(self, first: Iterable[Record] = ()) -> None:
        self._numbers: dict[Record, int] = {}
        for record in first:
            self.number(record)

    def number(self, record: Record) -> int:
        """The record's place."""
        return self._numbers.setdefault(record, len(self._numbers))

    @property
    def records(self) -> tuple[Record, ...]:
        """The section as it stands."""
        return tuple(self._numbers)
