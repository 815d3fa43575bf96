"""How a route serves WebSockets.

Owns the record that stands in a table.
"""

from __future__ import annotations

from typing import NamedTuple


class WebSocketRecord(NamedTuple):
    """`idle_ms`: a WebSocket on which nothing moves for so long is closed; 0: never."""

    idle_ms: int = 300_000
