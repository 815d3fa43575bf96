"""GWC403: weights that add up to nothing, so that no request can be sent anywhere."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..resolve.resolved import Split
from ..validate.record import key_span, span_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each split or upstream whose weights are all 0."""
    assert resolution.config is not None
    told: set[int] = set()
    for route, scoped in zip(resolution.config.routes, resolution.routes, strict=True):
        action, setting = route.action, scoped.scope.action
        if not isinstance(action, Split) or setting is None or any(part.weight for part in action.parts):
            continue
        if id(setting.owner) not in told:  # a group's split is told once, not for each of its routes
            told.add(id(setting.owner))
            yield warning(
                "GWC403",
                key_span(setting.owner, "split"),
                "all weights of this split are 0",
                label="every request is answered 500",
                help="give at least one part a weight above 0",
            )
    for record in resolution.root.get("upstreams", ()):
        if not any(target.get("weight", 1) for target in record["targets"]):
            yield warning(
                "GWC403",
                span_of(record, "upstream"),
                f"all targets of upstream `{record['upstream']}` have weight 0",
                label="no target takes a request",
                help="give at least one target a weight above 0",
            )
