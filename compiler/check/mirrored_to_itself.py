"""GWC445: a copy for the upstream that the request goes to itself."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..resolve.resolved import Split, ToUpstream
from ..validate.record import span_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each mirror whose upstream gets the same request twice."""
    assert resolution.config is not None
    told: set[int] = set()
    for route, scoped in zip(resolution.config.routes, resolution.routes, strict=True):
        if not route.settings.mirrors:
            continue
        action = route.action
        own = {part.upstream for part in action.parts} if isinstance(action, Split) else set()
        if isinstance(action, ToUpstream):
            own = {action.upstream}
        owner = next(each for each in reversed(scoped.scope.owners) if "mirror" in each)
        for record in owner["mirror"]:
            if record["upstream"] in own and id(record) not in told:
                told.add(id(record))
                yield warning(
                    "GWC445",
                    span_of(record, "upstream"),
                    f"upstream `{record['upstream']}` gets requests of route `{route.name}` twice",
                    label="gets a copy, too",
                    help="mirror to another upstream, or take the mirror out",
                )
