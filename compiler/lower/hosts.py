"""Indexes: how a listener's alternatives are found by host.

Owns the host layers: exact hosts, wildcards by suffix, regular expressions, any. A listener's own scope is
not looked at: what came in by a listener is inside its scope. Listeners with the same alternatives share an
index, and indexes share the layers that are alike.
"""

from __future__ import annotations

from collections.abc import Sequence

from gwc.schema.predicate import HostPattern
from gwc.schema.table import NO_RANK, NOTHING, HostGroup, Index

from .paths import Layers
from .predicates import Conditions


class Indexes:
    """The sections `indexes` and `host_groups` under construction. `hosts[rank]` is an alternative's own."""

    def __init__(self, hosts: Sequence[HostPattern | None], conditions: Conditions, layers: Layers) -> None:
        self._hosts = hosts
        self._conditions = conditions
        self._layers = layers
        self._seen: dict[tuple[int, ...], int] = {}
        self.indexes: list[Index] = []
        self.groups: list[HostGroup] = []

    def index(self, ranks: tuple[int, ...]) -> int:
        """The number of the index that has these alternatives, which are in rank order."""
        number = self._seen.get(ranks)
        if number is None:
            self.indexes.append(self._index(ranks))
            number = self._seen[ranks] = len(self.indexes) - 1
        return number

    def _index(self, ranks: tuple[int, ...]) -> Index:
        exact: dict[str, list[int]] = {}
        wildcards: dict[str, list[int]] = {}
        regexes: dict[str, list[int]] = {}
        everywhere: list[int] = []
        for rank in ranks:
            host = self._hosts[rank]
            if host is None:
                everywhere.append(rank)
            elif host.kind == "exact":
                exact.setdefault(host.text, []).append(rank)
            elif host.kind == "wildcard":
                wildcards.setdefault(host.text.removeprefix("*"), []).append(rank)
            else:
                regexes.setdefault(host.text, []).append(rank)
        groups = self._groups(regexes)
        any_host = self._layers.layer(tuple(everywhere)) if everywhere else NOTHING
        return (
            self._by_text(exact),
            self._by_text(wildcards),
            min((found[0] for found in wildcards.values()), default=NO_RANK),
            groups,
            min((self.groups[group][1] for group in groups), default=NO_RANK),
            any_host,
            NO_RANK if any_host == NOTHING else everywhere[0],
        )

    def _by_text(self, found: dict[str, list[int]]) -> dict[str, int]:
        return {text: self._layers.layer(tuple(found[text])) for text in sorted(found)}

    def _groups(self, regexes: dict[str, list[int]]) -> tuple[int, ...]:
        """Groups by the length of what each match begins with, the longest first."""
        by_length: dict[int, dict[str, list[tuple[int, int]]]] = {}
        best = self._layers.best
        for text, ranks in regexes.items():
            program, choice = self._conditions.program(text)
            entries = by_length.setdefault(len(choice.prefix), {}).setdefault(choice.prefix, [])
            entries.append((program, self._layers.layer(tuple(ranks))))
        first = len(self.groups)
        for length in sorted(by_length, reverse=True):
            group = {
                beginning: tuple(sorted(entries, key=lambda entry: best(entry[1])))
                for beginning, entries in sorted(by_length[length].items())
            }
            least = min(best(layer) for entries in group.values() for _, layer in entries)
            self.groups.append((length, least, group))
        return tuple(range(first, len(self.groups)))
