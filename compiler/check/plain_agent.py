"""GWC461: secrets told to an agent in plain text, over a network."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..validate.record import key_span

_HERE = ("http://localhost", "http://127.", "http://[::1]")


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each agent elsewhere that `sees` secrets without TLS."""
    for record in resolution.root.get("agents", ()):
        if "sees" not in record:
            continue
        url = record.get("url", record.get("grpc", "")).lower()
        if url.startswith("http://") and not url.startswith(_HERE):
            yield warning(
                "GWC461",
                key_span(record, "sees"),
                f"agent `{record['agent']}` gets secrets in plain text",
                label="anybody on the way can read them",
                help="give it an `https` URL, or run it on this machine",
            )
