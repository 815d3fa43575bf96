"""GWC515: credentials where they get around: in queries, which browsers, proxies and servers write down."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, note

from ..resolve import Resolution
from ..validate.record import span_of
from .environment import owners


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each."""
    for owner in owners(resolution.root):
        for way in ("api-key", "jwt"):
            for record in owner.get("authenticate", {}).get(way, ()):
                if "query" in record:
                    yield note(
                        "GWC515",
                        span_of(record, "query"),
                        "a credential stands in the query",
                        label="gets into histories, referrers and the logs of others",
                        help="take it from a header where clients can send one; gwc's own logs mask it",
                    )
