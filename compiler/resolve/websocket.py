"""WebSockets: what a route, group or `defaults` says of them.

Owns the reading of the block, and that one which switches them off says nothing else.
"""

from __future__ import annotations

from gwc.schema.diagnostic import Label, error
from gwc.schema.policies.websocket import WebSocketRecord

from .amounts import amount_of
from .context import Context, Record, key_span


def resolved_websocket(context: Context, record: Record) -> WebSocketRecord | None:
    """The record, None where there are to be none."""
    if not record.get("enabled", True):
        for key in record:
            if key != "enabled":
                context.report(
                    error(
                        "GWC324",
                        key_span(record, key),
                        f"`{key}` has no effect where there are no WebSockets",
                        label="of a WebSocket",
                        secondary=(Label(key_span(record, "enabled"), "switched off here"),),
                        help=f"take `{key}` out, or write `websocket #true`",
                    )
                )
        return None
    usual = WebSocketRecord()
    return WebSocketRecord(idle_ms=amount_of(record, "idle") if "idle" in record else usual.idle_ms)
