"""GWC440: what is done with one of several targets, where there is one."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, Label, warning

from ..resolve import Resolution
from ..validate.record import key_span, span_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each key. A name, or a reference, may stand for several targets."""
    for record in resolution.root.get("upstreams", ()):
        targets = record["targets"]
        if len(targets) != 1 or not _is_one(targets[0]["target"]):
            continue
        for key in ("ejection", "slow-start"):
            if key in record:
                yield warning(
                    "GWC440",
                    key_span(record, key),
                    f"`{key}` does nothing with one target",
                    label="is for one of several",
                    secondary=(Label(span_of(targets[0], "target"), "the only one"),),
                    help=f"add a target, or take `{key}` out",
                )


def _is_one(address: str) -> bool:
    """Whether an address is surely one place."""
    host = address.rpartition(":")[0]
    return address.startswith(("unix:", "[")) or (host.replace(".", "").isdigit() and "${" not in address)
