"""Layers: how the alternatives of one host pattern are found by path.

Owns the map of exact paths, the choice between shapes and a trie for prefixes and templates, and regular
expressions behind what each match of them begins with. Knows nothing of hosts.
"""

from __future__ import annotations

from collections.abc import Sequence

from gwc.schema.predicate import PathPattern
from gwc.schema.table import NO_RANK, NOTHING, Layer, Leaf, Node, PathGroup, Shape

from .leaves import Leaves
from .predicates import Conditions
from .segments import Segments, segments_of
from .shapes import Pattern, lower_shapes
from .trie import Branch, insert, lower_trie


class Layers:
    """The sections `layers`, `nodes`, `shapes` and `path_groups` under construction.

    `paths[rank]` is an alternative's own path. Layers of the same alternatives are one.
    """

    def __init__(self, paths: Sequence[PathPattern | None], conditions: Conditions, leaves: Leaves) -> None:
        self._paths = paths
        self._conditions = conditions
        self._leaves = leaves
        self._seen: dict[tuple[int, ...], int] = {}
        self.layers: list[Layer] = []
        self.nodes: list[Node] = []
        self.shapes: list[Shape] = []
        self.groups: list[PathGroup] = []

    def layer(self, ranks: tuple[int, ...]) -> int:
        """The number of the layer that has these alternatives, which are in rank order."""
        number = self._seen.get(ranks)
        if number is None:
            self.layers.append(self._layer(ranks))
            number = self._seen[ranks] = len(self.layers) - 1
        return number

    def best(self, layer: int) -> int:
        """The best rank of a layer."""
        return self.layers[layer][0]

    def _layer(self, ranks: tuple[int, ...]) -> Layer:
        exact: dict[str, list[int]] = {}
        regexes: dict[str, list[int]] = {}
        patterns: dict[tuple[bool, Segments], Pattern] = {}
        for rank in ranks:
            path = self._paths[rank]
            if path is not None and path.kind == "exact":
                exact.setdefault(path.text, []).append(rank)
            elif path is not None and path.kind == "regex":
                regexes.setdefault(path.text, []).append(rank)
            else:
                key = segments_of(path)
                pattern = patterns.get(key)
                if pattern is None:
                    pattern = patterns[key] = Pattern(*key)
                pattern.ranks.append(rank)
        depth = max((len(pattern.segments) for pattern in patterns.values()), default=0)
        root, shapes = self._by_segments(list(patterns.values()), depth)
        groups = self._groups(regexes)
        return (
            ranks[0],
            {path: self._leaves.leaf(exact[path]) for path in sorted(exact)},
            root,
            shapes,
            min((pattern.ranks[0] for pattern in patterns.values()), default=NO_RANK),
            depth,
            groups,
            min((self.groups[group][1] for group in groups), default=NO_RANK),
        )

    def _by_segments(self, patterns: list[Pattern], depth: int) -> tuple[int, tuple[tuple[int, ...], ...]]:
        """The root of the patterns' trie, or their shapes."""
        if not patterns:
            return NOTHING, ()
        found = lower_shapes(patterns, depth, len(self.shapes), self._leaves)
        if found is not None:
            shapes, asked = found
            self.shapes += shapes
            return NOTHING, asked
        root = Branch()
        for pattern in patterns:
            insert(root, pattern)
        number = len(self.nodes)
        self.nodes += lower_trie(root, number, self._leaves)
        return number, ()

    def _groups(self, regexes: dict[str, list[int]]) -> tuple[int, ...]:
        """Groups by the length of the beginning, the longest first."""
        by_length: dict[int, dict[str, list[tuple[int, Leaf]]]] = {}
        for text, ranks in regexes.items():
            program, choice = self._conditions.program(text)
            entries = by_length.setdefault(len(choice.prefix), {}).setdefault(choice.prefix, [])
            entries.append((program, self._leaves.leaf(ranks)))
        first = len(self.groups)
        for length in sorted(by_length, reverse=True):
            group = {
                beginning: tuple(sorted(entries, key=lambda entry: self._leaves.best(entry[1])))
                for beginning, entries in sorted(by_length[length].items())
            }
            best = min(self._leaves.best(leaf) for entries in group.values() for _, leaf in entries)
            self.groups.append((length, best, group))
        return tuple(range(first, len(self.groups)))
