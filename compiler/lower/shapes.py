"""Shapes: prefixes and templates by the places of their literal segments.

Owns when a layer has few enough of them, and what they look like. Knows nothing of hosts and of what a leaf
holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gwc.schema.table import MOST_SHAPES, Shape

from .leaves import Leaves
from .segments import Segments


@dataclass(slots=True)
class Pattern:
    """The alternatives of one prefix or template; ranks ascending."""

    goes_on: bool
    segments: Segments
    ranks: list[int] = field(default_factory=list)


_Key = tuple[bool, tuple[bool, ...]]
"""Whether the path may go on, and for each segment whether it is literal."""


def lower_shapes(
    patterns: Sequence[Pattern], depth: int, first: int, leaves: Leaves
) -> tuple[list[Shape], tuple[tuple[int, ...], ...]] | None:
    """The shapes of some patterns, and for each number of segments those to ask. None if they are too many.

    `first` is the number of the first shape; `depth` is the number of segments of the longest pattern.
    """
    by_key: dict[_Key, list[Pattern]] = {}
    for pattern in patterns:
        key = pattern.goes_on, tuple(segment is not None for segment in pattern.segments)
        by_key.setdefault(key, []).append(pattern)
    if len(by_key) > MOST_SHAPES * (depth + 1):
        return None
    by_count = [
        [key for key in by_key if len(key[1]) == count or (key[0] and len(key[1]) < count)]
        for count in range(depth + 2)
    ]
    if max(map(len, by_count), default=0) > MOST_SHAPES:
        return None
    best = {key: min(pattern.ranks[0] for pattern in found) for key, found in by_key.items()}
    ordered = sorted(by_key, key=best.__getitem__)
    numbers = {key: first + place for place, key in enumerate(ordered)}
    shapes = [_shape(key[1], best[key], by_key[key], leaves) for key in ordered]
    asked = tuple(tuple(sorted(map(numbers.__getitem__, keys))) for keys in by_count)
    return shapes, asked


def _shape(literal: tuple[bool, ...], best: int, patterns: list[Pattern], leaves: Leaves) -> Shape:
    found = {
        "/".join(segment or "" for segment in pattern.segments): leaves.leaf(
            pattern.ranks, goes_on=pattern.goes_on
        )
        for pattern in patterns
    }
    parameters = tuple(place for place, is_literal in enumerate(literal) if not is_literal)
    return len(literal) + 1, parameters, best, {key: found[key] for key in sorted(found)}
