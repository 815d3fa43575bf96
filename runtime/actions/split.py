"""Splits: which part a request goes to.

Owns the intervals: the parts lie end to end, in written order, each as wide as its weight.
"""

from __future__ import annotations

from collections.abc import Sequence

from gwc.schema.table import SplitPart


def total_weight(parts: Sequence[SplitPart]) -> int:
    """The sum of the weights; at 0 no part takes a request."""
    return sum(part.weight for part in parts)


def part_at(parts: Sequence[SplitPart], point: int) -> int | None:
    """The number of the part whose interval holds `point` (taken modulo the sum), None where all weigh 0."""
    total = total_weight(parts)
    if not total:
        return None
    point %= total
    for number, part in enumerate(parts):
        point -= part.weight
        if point < 0:
            return number
    raise AssertionError("a point below the sum of the weights lies in a part")
