"""GWC411: a configuration without routes answers 404 to everything."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..resolve.context import top_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding at the first node of a file."""
    config = resolution.config
    assert config is not None
    if not config.routes:
        yield warning(
            "GWC411",
            top_of(resolution.root, config.listeners[0].span.file),
            "there are no routes: every request is answered 404",
            help='write `routes { route "hello" { respond { body "hello" } } }` to begin with',
        )
