"""GWC451: a header value with `${identity.…}` on a route where nobody says who they are, so it is empty."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..resolve.resolved import HeaderRules, Respond, Route, Split


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each such route."""
    assert resolution.config is not None
    for route in resolution.config.routes:
        policy = route.settings.authentication
        if policy is not None and policy.asks:
            continue
        value = next((each for each in _values(route) if "${identity." in each.replace("$${", "")), None)
        if value is not None:
            yield warning(
                "GWC451",
                route.span,
                f"a header of route `{route.name}` names an identity, and there is none",
                label="always empty here",
                help="give the route `authenticate`, or take `${identity.…}` out of its headers",
            )


def _values(route: Route) -> Iterator[str]:
    rules: list[HeaderRules] = [route.request_headers, route.response_headers]
    if isinstance(route.action, Split):
        for part in route.action.parts:
            rules += (part.request_headers, part.response_headers)
    for each in rules:
        yield from (value for _, value in (*each.set, *each.add))
    if isinstance(route.action, Respond):
        yield from (value for _, value in route.action.headers)
