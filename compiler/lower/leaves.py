"""Leaves: the candidates of one host and one path pattern, and the switches of those that are many.

Owns when a leaf is worth a switch, and by which headers. A leaf is scanned in rank order; where a hundred
tenants share one path and differ in a header, a look-up of the header's value leaves one of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from gwc.schema.table import ENDS, EQUAL, GOES_ON, HEADER, Condition, Leaf, Switch

from .predicates import Conditions

SWITCH_FROM = 8
"""Candidates that a header must tell apart. PERF: a candidate that fails costs 60-90 ns, a switch 200."""


class Leaves:
    """The section `switches` under construction. `condition_of[rank]` is an alternative's condition."""

    def __init__(self, conditions: Conditions, condition_of: Sequence[int]) -> None:
        self._condition_of = condition_of
        self.switches: list[Switch] = []
        self._wanted = [_wanted_headers(condition) for condition in conditions.conditions.records]

    def leaf(self, ranks: Sequence[int], *, goes_on: bool = False) -> Leaf:
        """The leaf of some candidates, in rank order."""
        kind = GOES_ON if goes_on else ENDS
        if len(ranks) == 1:
            rank = ranks[0]
            return (kind, rank, self._condition_of[rank])
        if len(ranks) >= SWITCH_FROM:
            tables, rest = self._tables(ranks)
            if tables:
                self.switches.append((ranks[0], tables, self._flat(ENDS, rest) if rest else None))
                return (kind, -1, len(self.switches) - 1)
        return self._flat(kind, ranks)

    def best(self, leaf: Leaf) -> int:
        """The best rank of a leaf."""
        return leaf[1] if leaf[1] >= 0 else self.switches[leaf[2]][0]

    def _flat(self, kind: int, ranks: Sequence[int]) -> Leaf:
        condition_of = self._condition_of
        return (kind, *(number for rank in ranks for number in (rank, condition_of[rank])))

    def _tables(self, ranks: Sequence[int]) -> tuple[tuple[tuple[str, dict[str, Leaf]], ...], Sequence[int]]:
        """The headers worth a look-up with their tables, the one that tells most first, and who is left."""
        by_name: dict[str, list[int]] = {}
        for rank in ranks:
            for name in self._wanted[self._condition_of[rank]]:
                by_name.setdefault(name, []).append(rank)
        taken: set[int] = set()
        tables: list[tuple[str, dict[str, Leaf]]] = []
        for name in sorted(by_name, key=lambda name: (-len(by_name[name]), name)):
            members = [rank for rank in by_name[name] if rank not in taken]
            if len(members) < SWITCH_FROM:
                continue
            values: dict[str, list[int]] = {}
            for rank in members:
                for value in dict.fromkeys(self._wanted[self._condition_of[rank]][name]):
                    values.setdefault(value, []).append(rank)
            if len(values) > 1:
                tables.append((name, {value: self._flat(ENDS, values[value]) for value in sorted(values)}))
                taken.update(members)
        return tuple(tables), [rank for rank in ranks if rank not in taken]


def _wanted_headers(condition: Condition) -> dict[str, tuple[str, ...]]:
    """The headers that a condition wants equal, letter case and all, with the values it takes."""
    _, name, value, tests, _ = condition
    wanted: dict[str, tuple[str, ...]] = {}
    if name is not None and value is not None:
        wanted[name] = (value,)
    for kind, field, texts, numbers in tests or ():
        if kind == HEADER and numbers == (EQUAL, 0):
            wanted.setdefault(field, texts)
    return wanted
