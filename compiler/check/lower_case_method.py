"""GWC409: a method in lower case, which no usual client sends."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Item
from ..resolve.resolved import Listener
from ..validate.record import span_of

_USUAL = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"))


def check(item: Item, listeners: Sequence[Listener]) -> Iterator[Diagnostic]:
    """One finding for each method that is a usual one but for its case, or is all in lower case."""
    for block in item.blocks:
        for index, method in enumerate(block.get("method", ())):
            upper = method.upper()
            if method != upper and (upper in _USUAL or method == method.lower()):
                yield warning(
                    "GWC409",
                    span_of(block, "method", index),
                    f"method `{method}` is not `{upper}`",
                    label="methods are compared as sent",
                    help=f"write `{upper}`",
                )
