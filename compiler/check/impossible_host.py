"""GWC413: an expression for hosts that no host can match, most often because of a capital letter."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Item
from ..resolve.possible import host_possible
from ..resolve.resolved import Listener
from ..resolve.text import as_bytes_text
from ..validate.record import span_of

_CAPITAL = re.compile(r"(?<!\\)[A-Z]")  # but not the one of `\W` and its like


def check(item: Item, listeners: Sequence[Listener]) -> Iterator[Diagnostic]:
    """One finding for each such expression."""
    for block in item.blocks:
        if "host" not in block:
            continue
        for index, pattern in enumerate(block["host"].get("regex", ())):
            if host_possible(as_bytes_text(pattern)):
                continue
            lower = _CAPITAL.sub(lambda found: found[0].lower(), pattern)
            advice = "a host is made of letters, digits, `-`, `_` and `.`; it comes without scheme and port"
            if host_possible(as_bytes_text(lower)):
                advice = f"hosts are compared in lower case: write `{lower}`"
            yield warning(
                "GWC413",
                span_of(block["host"], "regex", index),
                f"no host can match `{pattern}`",
                help=advice,
            )
