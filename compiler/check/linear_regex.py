"""GWC406: a regular expression that runs on the linear engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, note
from gwc.schema.regex.program import choose

from ..resolve import Item
from ..resolve.resolved import Listener
from ..resolve.text import as_bytes_text
from ..validate.record import Record, span_of


def check(item: Item, listeners: Sequence[Listener]) -> Iterator[Diagnostic]:
    """One note for each pattern that could make a backtracking engine try many ways."""
    for block in item.blocks:
        for owner, key in _regexes(block):
            for index, pattern in enumerate(owner[key]):
                if getattr(choose(as_bytes_text(pattern)), "engine", "re") == "re2":
                    yield note(
                        "GWC406",
                        span_of(owner, key, index),
                        f"`{pattern}` runs on the linear engine",
                        label="can match one text in several ways",
                        help="slower than a pattern with one way to match, and never worse than linear",
                    )


def _regexes(block: Record) -> Iterator[tuple[Record, str]]:
    """The places of a block at which regular expressions stand."""
    if "path-regex" in block:
        yield block, "path-regex"
    if "host" in block and "regex" in block["host"]:
        yield block["host"], "regex"
    for place in ("header", "query", "cookie"):
        for test in block.get(place, ()):
            if "regex" in test:
                yield test, "regex"
