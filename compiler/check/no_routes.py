"""GWC411: a configuration without routes answers 404 to everything."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning
from gwc.schema.span import Span

from ..resolve import Resolution


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding at the start of the first file."""
    config = resolution.config
    assert config is not None
    if not config.routes:
        yield warning(
            "GWC411",
            Span(config.listeners[0].span.file, 0, 0),
            "there are no routes: every request is answered 404",
            help='write `routes { route "hello" { respond { body "hello" } } }` to begin with',
        )
