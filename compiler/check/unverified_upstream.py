"""GWC503: TLS to an upstream whose certificate nobody verifies."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..validate.record import span_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each upstream with `verify` switched off."""
    for record in resolution.root.get("upstreams", ()):
        tls = record.get("tls")
        if tls is not None and not tls.get("verify", True):
            yield warning(
                "GWC503",
                span_of(tls, "verify"),
                f"the certificate of upstream `{record['upstream']}` is not verified",
                label="anybody on the way can read and change everything",
                help="take it out; for a certificate of your own, name its authority with `ca-file`",
            )
