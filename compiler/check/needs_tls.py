"""GWC412: a condition on TLS where no listener speaks it, so that it never holds."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..validate.record import key_span


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each `sni`, and each `scheme "https"` alone, that nothing can satisfy."""
    config = resolution.config
    assert config is not None
    settings = [listener.settings for listener in config.listeners]
    if any(each.tls for each in settings):
        return
    # A trusted proxy's X-Forwarded-Proto can say https without TLS here.
    forwarded = any(each.trusted_proxies for each in settings)
    for block in resolution.blocks:
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
            help='give a listener `protocol "https"`, or take the condition out',
        )
