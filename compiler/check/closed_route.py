"""GWC450: a route that nobody can use: its listener asks who one is, and the route does not say how."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each such route."""
    assert resolution.config is not None
    for route in resolution.config.routes:
        policy = route.settings.authentication
        if policy is None or not policy.closed:
            continue
        listeners = ", ".join(f"`{name}`" for name in policy.closed)
        yield warning(
            "GWC450",
            route.span,
            f"route `{route.name}` is closed on listener {listeners}",
            label="every request is answered 401",
            help='others of the listener have `authenticate`: write it here, or `authenticate "public"`',
        )
