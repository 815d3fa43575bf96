"""GWC418: a timeout that is turned off."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.diagnostic import Diagnostic, note
from gwc.schema.values.bound import OFF

from ..resolve import Resolution
from ..validate.record import Record, span_of

_LIVES = ("pending-timeout", "idle-timeout", "age")
"""The timeouts among the `connections` of an upstream."""


def check(resolution: Resolution) -> Iterator[Diagnostic]:
    """One finding for each `off` among timeouts; limits of sizes and numbers are another matter."""
    root = resolution.root
    for listener in root.get("listeners", ()):
        yield from _judge(listener.get("timeouts"))
    for upstream in root.get("upstreams", ()):
        yield from _judge(upstream.get("timeouts"))
        yield from _judge(upstream.get("connections"), _LIVES)
    if "defaults" in root:
        yield from _judge(root["defaults"].get("timeouts"))
    yield from _in_routes(root.get("routes", ()))


def _in_routes(records: tuple[Record, ...]) -> Iterator[Diagnostic]:
    for record in records:
        if "timeouts" in record:
            yield from _judge(record["timeouts"])
        if "group" in record:
            yield from _in_routes(record.get("routes", ()))


def _judge(record: Record | None, keys: tuple[str, ...] | None = None) -> Iterator[Diagnostic]:
    for key, value in (record or {}).items():
        if value == OFF and record is not None and (keys is None or key in keys):
            yield note(
                "GWC418",
                span_of(record, key),
                f"`{key}` is turned off",
                label="whoever says nothing more is waited for without end",
                help="write a long time, such as `24h`: what never ends is never given back",
            )
