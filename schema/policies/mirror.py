"""Copies of requests to other upstreams, as a table has them.

Owns the record and its defaults. What is made of it is the runtime's business.
"""

from __future__ import annotations

from typing import NamedTuple

from .retries import KEPT_BYTES, FieldCondition


class MirrorRecord(NamedTuple):
    """Requests of a route are copied to `upstream`, a number: a `share` of them, in millionths, and only
    those that have all of the `headers`. Requests with a body longer than `body_bytes` are not, 0: with any.
    A copy takes at most `timeout_ms`; there are at most `most` at a time in each worker.
    """

    upstream: int
    share: int = 1_000_000
    headers: tuple[FieldCondition, ...] = ()
    body_bytes: int = KEPT_BYTES
    timeout_ms: int = 5_000
    most: int = 100
