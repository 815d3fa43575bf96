"""HTTP/2 of a listener: from the block to the record.

Owns the block's units and what its keys say to each other.
"""

from __future__ import annotations

from typing import Final

from gwc.schema.diagnostic import Diagnostic, Label, error, warning
from gwc.schema.policies.http2 import ListenerHttp2

from .amounts import filled
from .context import Record, key_span

LEAST_CONNECTION_WINDOW: Final = 65_535
"""What a connection has from its first byte on; nothing takes it back (RFC 9113 section 6.9.2)."""

_FIELDS: Final = {
    "enabled": "enabled",
    "streams": "streams",
    "header-list": "header_list_bytes",
    "window": "window_bytes",
    "connection-window": "connection_window_bytes",
    "resets": "resets",
}


def listener_http2(record: Record, found: list[Diagnostic]) -> ListenerHttp2:
    """The `http2` of a listener."""
    block = record.get("http2")
    http2 = filled(ListenerHttp2(), block, _FIELDS)
    if block is None:
        return http2
    if not http2.enabled:
        idle = [key for key in block if key != "enabled"]
        if idle:
            found.append(
                warning(
                    "GWC346",
                    key_span(block, idle[0]),
                    f"`{idle[0]}` has no effect where HTTP/2 is not spoken",
                    secondary=(Label(key_span(block, "enabled"), "off here"),),
                    help=f"leave `{idle[0]}` out, or `enabled #false`",
                )
            )
        return http2._replace(**{_FIELDS[key]: getattr(ListenerHttp2(), _FIELDS[key]) for key in idle})
    if http2.connection_window_bytes < LEAST_CONNECTION_WINDOW:
        found.append(
            error(
                "GWC345",
                key_span(block, "connection-window"),
                "`connection-window` is smaller than every connection of HTTP/2 begins with",
                help="write at least `64KiB`, or bound one request by `window`",
            )
        )
    elif http2.window_bytes > http2.connection_window_bytes:
        key = "window" if "window" in block else "connection-window"
        found.append(
            error(
                "GWC347",
                key_span(block, key),
                "one request may send more than its whole connection",
                help="write a `connection-window` that is larger than `window`, best by several times",
            )
        )
    return http2
