"""How many requests a route takes, in the route table."""

from __future__ import annotations

from typing import Literal, NamedTuple

KeyPart = tuple[Literal["all", "client-ip", "cookie", "header", "identity", "path", "route"], str]
"""One thing of a request, with a name where there are several of its kind."""


class RateLimitRecord(NamedTuple):
    """So many requests in so much time, counted for each value of `key`.

    `scope` is where it is written (`route:orders`, `group:v2`, `defaults`): what stands elsewhere counts for
    itself. `burst` may come at once. `over`: what becomes of requests beyond that; `delay_ms`: how long one
    waits at most where they are delayed. `fields`: replies say how much is left.
    """

    name: str
    scope: str
    requests: int
    per_ms: int
    burst: int
    key: tuple[KeyPart, ...]
    max_keys: int
    over: Literal["reject", "delay", "log"]
    delay_ms: int
    status: int
    message: str | None
    fields: bool


class ConcurrencyRecord(NamedTuple):
    """So many requests at once, for each value of `key`; one more waits up to `wait_ms`."""

    scope: str
    requests: int
    key: tuple[KeyPart, ...]
    max_keys: int
    wait_ms: int
    status: int
    message: str | None
