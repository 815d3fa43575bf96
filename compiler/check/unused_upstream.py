"""GWC401: an upstream that no route sends anything to."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..validate.record import span_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each upstream that is never named."""
    for record in resolution.root.get("upstreams", ()):
        name = record["upstream"]
        if name not in resolution.used_upstreams:
            yield warning(
                "GWC401",
                span_of(record, "upstream"),
                f"upstream `{name}` is not used by any route",
                help="name it in a route, or take it out",
            )
