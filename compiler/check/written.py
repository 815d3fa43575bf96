"""Every block of conditions as it was written, once each.

Owns the walk that rules about single keys share: `matches` blocks of routes and groups, matchers, and the
`not` blocks inside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..validate.record import Record


def written_blocks(root: Record) -> Iterator[Record]:
    """The records that hold predicates, in document order; matchers last."""
    yield from _in_routes(root.get("routes", ()))
    for matcher in root.get("matchers", ()):
        yield from _with_negations(matcher)


def _in_routes(records: Iterable[Record]) -> Iterator[Record]:
    for record in records:
        for block in record.get("matches", ()):
            yield from _with_negations(block)
        if "group" in record:
            yield from _in_routes(record.get("routes", ()))


def _with_negations(block: Record) -> Iterator[Record]:
    yield block
    for negation in block.get("not", ()):
        yield from _with_negations(negation)
