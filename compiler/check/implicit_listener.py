"""GWC410: no listener is written, so that one on loopback stands in."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, note

from ..resolve import Resolution
from ..resolve.listeners import IMPLICIT


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One note at the start of the main file."""
    assert resolution.config is not None
    if not resolution.root.get("listeners"):
        address = IMPLICIT.addresses[0]
        yield note(
            "GWC410",
            resolution.config.listeners[0].span,
            f"no listener is written; listening on `{address}` only",
            help=f'write `listeners {{ listener "public" {{ address "0.0.0.0:8080" }} }}`, or keep {address}',
        )
