"""GWC408: a prefix written with a trailing slash, which counts for nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, note

from ..resolve import Item
from ..resolve.resolved import Listener
from ..validate.record import span_of


def check(item: Item, listeners: Sequence[Listener]) -> Iterator[Diagnostic]:
    """One note for each such prefix; `/` itself is no such case."""
    for block in item.blocks:
        for index, prefix in enumerate(block.get("path-prefix", ())):
            if prefix.endswith("/") and prefix.strip("/"):
                short = prefix.rstrip("/")
                yield note(
                    "GWC408",
                    span_of(block, "path-prefix", index),
                    f"the trailing slash of `{prefix}` counts for nothing",
                    help=f"`{short}` matches `{short}`, `{short}/` and everything below; write that",
                )
