"""GWC412: a condition on TLS where no listener speaks it, so that it never holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Item
from ..resolve.resolved import Listener
from ..validate.record import key_span


def check(item: Item, listeners: Sequence[Listener]) -> Iterator[Diagnostic]:
    """One finding for each `sni`, and each `scheme "https"` alone, that nothing can satisfy."""
    settings = [listener.settings for listener in listeners]
    if any(each.tls for each in settings):
        return
    # A trusted proxy's X-Forwarded-Proto can say https without TLS here.
    forwarded = any(each.trusted_proxies for each in settings)
    for block in item.blocks:
        if "sni" in block:
            key = "sni"
        elif block.get("scheme") == ("https",) and not forwarded:
            key = "scheme"
        else:
            continue
        yield warning(
            "GWC412",
            key_span(block, key),
            f"this `{key}` never holds: no listener speaks TLS",
            help="give a listener a `tls`, or take the condition out",
        )
