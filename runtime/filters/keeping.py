"""What of filters outlives a table: counters, key sets, connections to helpers, by what they are.

Owns who is still used. What is equal in content is the same thing in the next table; what no live table uses
is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Protocol, TypeVar, cast

Thing = TypeVar("Thing", bound="Kept")


class Kept(Protocol):
    """Something that outlives tables."""

    def close(self) -> None:
        """Nobody uses it any more. Requests under way may still hold it, so it must go on answering them."""


class Keeping:
    """The kept things of a worker. Mutable: `_live` of the table in force, `_next` of one being prepared."""

    def __init__(self) -> None:
        self._live: dict[Hashable, Any] = {}
        self._next: dict[Hashable, Any] = {}

    def begin(self) -> None:
        """A table is being prepared; one that was never committed is forgotten."""
        for key, thing in self._next.items():
            if key not in self._live:
                thing.close()
        self._next = {}

    def at(self, key: Hashable, make: Callable[[], Thing]) -> Thing:
        """The thing of that key, which begins with what kind of thing it is; made where there is none."""
        found = self._next.get(key)
        if found is None:
            found = self._live.get(key)
            if found is None:
                found = make()
            self._next[key] = found
        return cast(Thing, found)

    def commit(self) -> None:
        """The prepared table is in force: what it does not use is closed."""
        live, self._live, self._next = self._live, self._next, {}
        for key, thing in live.items():
            if key not in self._live:
                thing.close()
