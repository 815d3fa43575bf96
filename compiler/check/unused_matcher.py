"""GWC402: a matcher that no block uses."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..validate.record import span_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each matcher that is never named by `use`."""
    for record in resolution.root.get("matchers", ()):
        name = record["matcher"]
        if name not in resolution.used_matchers:
            yield warning(
                "GWC402",
                span_of(record, "matcher"),
                f"matcher `{name}` is not used",
                help=f'write `use "{name}"` in a `matches` block, or take it out',
            )
