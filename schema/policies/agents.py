"""External processors, as a table has them.

Owns the record and its defaults. What is said to an agent, and what its answers do, is the
runtime's business.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

BodyMode: TypeAlias = Literal["none", "buffer", "stream", "hybrid"]


class AgentRecord(NamedTuple):
    """A service that is told of requests and replies. `url` may hold references.

    Each event may take `timeout_ms`. After `failures` in a row none is sent for `open_ms`. `sees`: lower-case
    names of fields with secrets that are told. Of a body at most `inspect_bytes` are held; `over` says what
    becomes of one of which more would have to be.
    """

    name: str
    url: str
    timeout_ms: int = 200
    on_failure: Literal["allow", "deny"] = "deny"
    failures: int = 5
    open_ms: int = 10_000
    request_headers: bool = True
    response_headers: bool = False
    sees: tuple[str, ...] = ()
    request_body: BodyMode = "none"
    response_body: BodyMode = "none"
    inspect_bytes: int = 1024 * 1024
    over: Literal["pass", "refuse"] = "refuse"
    transport: Literal["http", "grpc"] = "http"
