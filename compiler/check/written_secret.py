"""GWC441: a secret that stands in the configuration itself."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..validate.record import span_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each sticky cookie whose secret is plain text."""
    for record in resolution.root.get("upstreams", ()):
        cookie = record.get("sticky-cookie")
        if cookie is not None and "${" not in cookie["secret"]:
            yield warning(
                "GWC441",
                span_of(cookie, "secret"),
                "a secret is written out here",
                label="everybody who reads this file knows it",
                help="keep it in a variable or a file: `${env:STICKY_SECRET}`, `${file:/run/secrets/sticky}`",
            )
