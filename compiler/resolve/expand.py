"""Expansion: what a route's blocks multiply into.

Owns docs/semantics.md, "Expansion": each pair of one host and one path value of a block is an alternative of
its own, hosts outer, paths inner; those of a group and of its route multiply; the innermost host and path
rank, outer ones become conditions.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from gwc.schema.predicate import HostPattern, Hosts, PathPattern, Paths

from .blocks import Block, Step
from .rank import Counts


class Expanded(NamedTuple):
    """One alternative before it has a rank; `match` is the number of the route's own block, from 1."""

    match: int
    host: HostPattern | None
    path: PathPattern | None
    conditions: tuple[Step, ...]
    counts: Counts
    block: Block


Pair = tuple[HostPattern | None, PathPattern | None]


def size(levels: tuple[tuple[Block, ...], ...]) -> int:
    """How many alternatives `expand` would make, without making them."""
    total = 1
    for blocks in levels:
        total *= sum(len(block.hosts or (1,)) * len(block.paths or (1,)) for block in blocks)
    return total


def expand(levels: tuple[tuple[Block, ...], ...]) -> Iterator[Expanded]:
    """The alternatives of a route. `levels`: enclosing groups' blocks, outermost first, its own last."""
    if len(levels) == 1:
        for number, block in enumerate(levels[0], 1):
            for host, path in _pairs(block):
                yield Expanded(number, host, path, block.steps, block.counts, block)
        return
    numbered = [tuple(enumerate(blocks, 1)) for blocks in levels]
    for combination in product(*numbered):
        number = combination[-1][0]
        blocks = tuple(block for _, block in combination)
        counts = blocks[0].counts
        for block in blocks[1:]:
            counts = counts.plus(block.counts)
        for pairs in product(*(_pairs(block) for block in blocks)):
            yield _joined(number, blocks, pairs, counts)


def _pairs(block: Block) -> tuple[Pair, ...]:
    """The block's host and path values in pairs, hosts outer, paths inner."""
    return tuple(product(block.hosts or (None,), block.paths or (None,)))


def _joined(number: int, blocks: tuple[Block, ...], pairs: tuple[Pair, ...], counts: Counts) -> Expanded:
    """One alternative of several levels: the innermost host and path are its own, the others conditions."""
    host_level = max((i for i, pair in enumerate(pairs) if pair[0] is not None), default=-1)
    path_level = max((i for i, pair in enumerate(pairs) if pair[1] is not None), default=-1)
    conditions: list[Step] = []
    inherited = 0
    for level, (block, (host, path)) in enumerate(zip(blocks, pairs, strict=True)):
        for step in block.steps:
            if step == "host" and host is not None and level != host_level:
                conditions.append(Hosts((host,)))
                inherited += 1
            elif step == "path" and path is not None and level != path_level:
                conditions.append(Paths((path,)))
                inherited += 1
            else:
                conditions.append(step)
    return Expanded(
        number,
        pairs[host_level][0] if host_level >= 0 else None,
        pairs[path_level][1] if path_level >= 0 else None,
        tuple(conditions),
        counts._replace(others=counts.others + inherited),
        blocks[-1],
    )
