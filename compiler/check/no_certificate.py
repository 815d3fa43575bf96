"""GWC452: `client-certificate` where no listener of the route asks clients for one."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..validate.record import key_span


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each `authenticate`."""
    assert resolution.config is not None
    asking = {
        each.settings.name
        for each in resolution.config.listeners
        if each.secure is not None and each.secure.client_certificates != "off"
    }
    told: set[int] = set()
    for route, scoped in zip(resolution.config.routes, resolution.routes, strict=True):
        policy, reach = route.settings.authentication, scoped.scope.listeners
        if policy is None or policy.certificate is None:
            continue
        if asking if reach is None else asking & reach:
            continue
        owner = next(each for each in reversed(scoped.scope.owners) if "authenticate" in each)
        if id(owner) not in told:
            told.add(id(owner))
            yield warning(
                "GWC452",
                key_span(owner["authenticate"], "client-certificate"),
                "no client can show a certificate here",
                label="no listener of the route asks for one",
                help='write `client-certificates "optional"` (or `"required"`) in `tls` of the listener',
            )
