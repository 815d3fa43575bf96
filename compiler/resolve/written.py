"""Every block of conditions as it was written, once each.

Owns the walk over `matches` blocks of routes and groups, and the `not` blocks inside them, for rules that
look at single keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..validate.record import Record


def written_blocks(records: Iterable[Record]) -> Iterator[Record]:
    """The blocks of routes and groups, in document order."""
    for record in records:
        for block in record.get("matches", ()):
            yield from with_negations(block)
        if "group" in record:
            yield from written_blocks(record.get("routes", ()))


def with_negations(block: Record) -> Iterator[Record]:
    """A block and the `not` blocks inside it."""
    yield block
    for negation in block.get("not", ()):
        yield from with_negations(negation)
