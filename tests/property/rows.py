"""Hand-written rows: one small configuration, one request, the route that takes it.

Owns the list: docs/semantics.md a row at a time, so that a wrong answer names its rule. Every row is asked of
the oracle and of the compiled table alike.
"""

from __future__ import annotations

from .build import Row
from .rows_crowds import crowd_rows
from .rows_order import expansion_rows, nine_lines, order_rows, peer_rows
from .rows_predicates import capture_rows, predicate_rows
from .rows_requests import listener_rows, refusal_rows

ROWS: tuple[Row, ...] = (
    *nine_lines(),
    *order_rows(),
    *expansion_rows(),
    *predicate_rows(),
    *capture_rows(),
    *listener_rows(),
    *refusal_rows(),
    *peer_rows(),
    *crowd_rows(),
)
