"""Which pages of other origins may use a route, in the route table."""

from __future__ import annotations

from typing import NamedTuple


class CorsRecord(NamedTuple):
    """Cross-origin requests. `origins` in their one form, ("*",) for all; `methods` and `headers` ("*",) for
    whatever is asked for. `max_age_ms`: how long a browser may keep the answer to a preflight.
    """

    origins: tuple[str, ...]
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    expose: tuple[str, ...] = ()
    credentials: bool = False
    max_age_ms: int = 5_000
    private_network: bool = False
