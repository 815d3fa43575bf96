"""Upstreams that a request turns to when its own one fails, as a table has them.

Owns the record and its defaults. What is made of it is the runtime's business.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from .retries import IDEMPOTENT, KEPT_BYTES

FallbackCause: TypeAlias = Literal["no-target", "overload", "connect-failure", "reset", "timeout"]
"""How an upstream can fail without a reply."""


class FallbackRecord(NamedTuple):
    """`upstreams` are numbers, tried in this order, at most `attempts` of them, 0: all. They are turned to
    for one of the causes `on`, for one of the `statuses`, or where no reply's head has come after
    `latency_ms`, 0: that is no reason. Bodies up to `body_bytes` are kept to be sent again, 0: none.
    """

    upstreams: tuple[int, ...]
    on: tuple[FallbackCause, ...] = ("no-target", "connect-failure", "reset", "timeout")
    statuses: tuple[int, ...] = ()
    latency_ms: int = 0
    attempts: int = 0
    body_bytes: int = KEPT_BYTES
    methods: tuple[str, ...] = IDEMPOTENT
