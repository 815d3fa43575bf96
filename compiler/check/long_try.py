"""GWC417: a try that may take longer than the whole request."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, Label, warning

from ..resolve import Resolution
from ..resolve.resolved import Action, Split, ToUpstream
from ..resolve.scopes import Scoped
from ..validate.record import Record, span_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each `per-try` that never runs out, because `request` always does before."""
    assert resolution.config is not None
    upstreams = {each.name: each.timeouts.request_ms for each in resolution.config.upstreams}
    told: set[int] = set()
    for route, scoped in zip(resolution.config.routes, resolution.routes, strict=True):
        settings = route.settings
        if not settings.per_try_ms:
            continue
        limit = settings.request_ms
        if limit is None:
            limits = [upstreams[name] for name in _names(route.action)]
            limit = 0 if 0 in limits else max(limits, default=0)
        if not limit or settings.per_try_ms <= limit:
            continue
        owner = _setter(scoped, "per-try")
        if owner is None or id(owner) in told:
            continue
        told.add(id(owner))
        other = _setter(scoped, "request")
        yield warning(
            "GWC417",
            span_of(owner, "per-try"),
            f"`per-try` is longer than the whole request of route `{route.name}` may take",
            label="never runs out",
            secondary=() if other is None else (Label(span_of(other, "request"), "runs out before"),),
            help="make it shorter than `request`, so that there is time for another try, or leave it out",
        )


def _names(action: Action) -> list[str]:
    """The upstreams that an action sends to."""
    if isinstance(action, Split):
        return [part.upstream for part in action.parts]
    return [action.upstream] if isinstance(action, ToUpstream) else []


def _setter(scoped: Scoped, key: str) -> Record | None:
    """The innermost `timeouts` that say something of `key`."""
    owners = (each.get("timeouts", {}) for each in reversed(scoped.scope.owners))
    return next((each for each in owners if key in each), None)
