"""GWC458: a builtin that tells of the gateway, on a listener where it does not answer."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning
from gwc.schema.predicate import Listeners
from gwc.schema.table import PRIVATE_BUILTINS

from ..resolve import Resolution
from ..resolve.resolved import Builtin


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each route of such a builtin that a listener leads to that is not private."""
    config = resolution.config
    assert config is not None
    told = {
        number: route.action.name
        for number, route in enumerate(config.routes)
        if isinstance(route.action, Builtin) and route.action.name in PRIVATE_BUILTINS
    }
    if not told:
        return
    public = [listener.settings.name for listener in config.listeners if not listener.private]
    for number, name in told.items():
        reached: set[str] = set()
        for alternative in config.alternatives:
            if alternative.route == number:
                scopes = [each.values for each in alternative.conditions if isinstance(each, Listeners)]
                reached |= {each for each in public if all(each in scope for scope in scopes)}
        if reached:
            listeners = ", ".join(f"`{each}`" for each in public if each in reached)
            yield warning(
                "GWC458",
                config.routes[number].span,
                f"`{name}` answers 404 on listener {listeners}",
                label="tells of the gateway",
                help="give the route `matches { listener … }` with a listener that says `private #true`",
            )
