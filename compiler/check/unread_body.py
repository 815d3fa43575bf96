"""GWC459: limits for unpacking a body that nobody unpacks."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning
from gwc.schema.policies.compress import DecompressRecord

from ..resolve import Resolution

_USUAL = DecompressRecord()


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each route that says it and has no policy that reads bodies."""
    assert resolution.config is not None
    for route, scoped in zip(resolution.config.routes, resolution.routes, strict=True):
        settings = route.settings
        if settings.decompress == _USUAL or "decompress" not in scoped.record:
            continue
        if settings.api_schema is None and getattr(settings, "agents", None) is None:
            yield warning(
                "GWC459",
                route.span,
                f"nothing reads the bodies of route `{route.name}`",
                label="`decompress` has no effect",
                help="bodies are unpacked for `api-schema` and `agents`; upstreams get them as they came",
            )
