"""GWC460: an agent that no route has."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Resolution
from ..validate.record import span_of
from .environment import owners


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each agent that is never named."""
    records = resolution.root.get("agents", ())
    if not records:
        return
    used = {name for owner in owners(resolution.root) for name in owner.get("agents", ())}
    for record in records:
        if record["agent"] not in used:
            yield warning(
                "GWC460",
                span_of(record, "agent"),
                f"agent `{record['agent']}` is not used by any route",
                help="name it in `agents` of a route, a group or `defaults`, or take it out",
            )
