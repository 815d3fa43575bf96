"""GWC502: metrics that others than this machine can read."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, note

from ..resolve import Resolution
from ..resolve.gateway import is_local
from ..validate.record import span_of


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding where the address of `metrics` is not a loopback one."""
    assert resolution.config is not None
    address = resolution.config.gateway.metrics
    if address is not None and not is_local(address):
        yield note(
            "GWC502",
            span_of(resolution.root["metrics"], "address"),
            f"metrics on `{address}` can be read from elsewhere",
            label="not a loopback address",
            help="they name every route and upstream; let a firewall leave through who is to read them",
        )
