"""What is to be told of one request.

Owns the names. Whoever serves a request fills one in; logs, metrics and spans read it when the request is
over. Records that are over do not change: the most recent ones are kept for the admin API, and spans
are made of them later. All text is one byte a character, as in a head.
"""

from __future__ import annotations

from ..tls_session import TlsSession


class RequestRecord:
    """One request, from the end of its head to the last byte of its reply.

    Mutable, and owned by the exchange until it is over. PERF: defaults stand on the class and only what
    differs is set, because making an object with thirty slots costs 2 us.

    Times are in seconds: `began` is Unix time, the durations are None where it did not come to that.
    `request_bytes` and `response_bytes` count bodies as they passed, without framing. `status` 0: no reply.
    `reason` is a word of `reasons.REASONS`, "" where the reply is a target's own and complete. `match` is the
    number of the block, 0 where no route took the request. `grpc_status` is the code that a gRPC reply ends
    with, None for others and where it did not come to that. `span_id` and `parent_span_id` are 16 hexadecimal
    digits, "" where there is none. `sampled`: spans are wanted. `attempts_told`: so
    many attempts are counted already. `session` is None without TLS.
    `identity` is the name of whoever authenticated.
    `original_upstream`: the one that `upstream` stands in for, for `fallback_reason`, both "" for the usual
    request.
    """

    began: float = 0.0
    request_id: str = ""
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    sampled: bool = False
    method: str = ""
    scheme: str = "http"
    host: str = ""
    path: str = ""
    query: str | None = None
    protocol: str = "HTTP/1.1"
    user_agent: str = ""
    referer: str = ""
    client_ip: str = ""
    listener: str = ""
    route: str = ""
    match: int = 0
    upstream: str = ""
    target: str = ""
    attempts: int = 0
    attempts_told: int = 0
    original_upstream: str = ""
    fallback_reason: str = ""
    reused: bool = False
    status: int = 0
    reason: str = ""
    detail: str = ""
    grpc_status: int | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    total_s: float = 0.0
    connect_s: float | None = None
    first_byte_s: float | None = None
    generation: int = 0
    session: TlsSession | None = None
    identity: str = ""
