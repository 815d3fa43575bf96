"""The head of a request as a target gets it.

Owns which fields pass, which the gateway writes itself (RFC 9110 section 7.6, RFC 7239, W3C Trace Context),
and how the body is said to be framed. Text for HTTP/1.1. Who gets it, and when, is the exchange's business.
"""

from __future__ import annotations

from typing import Final

from gwc.schema.request import RequestHead

from .actions.headers import HeaderChanges, apply_changes
from .observe.record import RequestRecord

_FRAMING: Final = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "expect",
        "host",
    )
)
"""Fields of one connection or one message (RFC 9110 section 7.6.1): no header rule can bring them back."""

_OWN: Final = _FRAMING | {
    "via",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-correlation-id",
    "forwarded",
    "traceparent",
    "tracestate",
    "http2-settings",
    "proxy-authenticate",
    "proxy-authorization",
}
"""Those, others that do not pass, and those that the gateway writes anew. Host is in no head's fields."""

_NOT_NAMED: Final = frozenset(
    ("host", "content-length", "transfer-encoding", "authorization", "cookie", "via", "expect")
)
"""Fields that a Connection field cannot take out."""


def forwarded_head(
    head: RequestHead,
    record: RequestRecord,
    to: tuple[str, str, str | None],
    *,
    length: int,
    peer: str,
    trusted: bool,
    flags: str,
    changes: tuple[HeaderChanges, ...] = (),
) -> bytes:
    """The request's head: what was matched, in the gateway's own framing.

    `to` is host, path and query as they go out; `length` is the body's, negative for chunks. `peer` is who
    the connection is from; where it is `trusted`, what it says of earlier hops stays and is added to. `flags`
    are those of the trace. `changes` are made last, to all fields but Host and those of framing.
    """
    headers = head.headers
    own = _OWN
    connection = headers.get("connection")
    if connection is not None and connection not in ("keep-alive", "close", "Keep-Alive"):
        named = {each.strip(" \t") for each in connection.lower().split(",")}
        own = own | {each for each in named if each not in _NOT_NAMED and not each.startswith("x-forwarded-")}
    via = f"{headers['via']}, " if "via" in headers else ""
    trace = f"00-{record.trace_id}-{record.span_id}-{flags}"
    if not trusted and not changes:
        # PERF: the usual request; the same fields in the same order as below.
        lines = [f"{name}: {value}\r\n" for name, value in head.fields if name not in own]
        lines.append(
            f"x-forwarded-for: {peer}\r\nx-forwarded-proto: {head.scheme}\r\n"
            f"x-forwarded-host: {head.authority}\r\nx-correlation-id: {record.request_id}\r\n"
            f"traceparent: {trace}\r\nvia: {via}{record.protocol[5:]} gwc\r\n"
        )
        return _framed(head, to, lines, length)
    before = headers.get("x-forwarded-for") if trusted else None
    written = [
        ("x-forwarded-for", f"{before}, {peer}" if before else peer),
        ("x-forwarded-proto", head.scheme),
        ("x-forwarded-host", (trusted and headers.get("x-forwarded-host")) or head.authority),
        ("x-correlation-id", record.request_id),
        ("traceparent", trace),
        ("via", f"{via}{record.protocol[5:]} gwc"),
    ]
    if trusted and "forwarded" in headers:
        written.append(("forwarded", f"{headers['forwarded']}, {_element(head, peer)}"))
    if trusted and "tracestate" in headers:
        written.append(("tracestate", headers["tracestate"]))
    fields = (*((name, value) for name, value in head.fields if name not in own), *written)
    for each in changes:
        fields = apply_changes(fields, each)
    lines = [f"{name}: {value}\r\n" for name, value in fields if name not in _FRAMING]
    return _framed(head, to, lines, length)


def _framed(head: RequestHead, to: tuple[str, str, str | None], lines: list[str], length: int) -> bytes:
    """The head's bytes: the request line, Host, the other fields, and how the body is framed."""
    host, path, query = to
    if length:
        lines.append(f"content-length: {length}\r\n" if length > 0 else "transfer-encoding: chunked\r\n")
    elif "content-length" in head.headers or head.method in ("POST", "PUT", "PATCH"):
        lines.append("content-length: 0\r\n")
    target = path if query is None else f"{path}?{query}"
    return f"{head.method} {target} HTTP/1.1\r\nhost: {host}\r\n{''.join(lines)}\r\n".encode("latin-1")


def _element(head: RequestHead, peer: str) -> str:
    """The next element of a Forwarded field (RFC 7239 section 4)."""
    node = f'"[{peer}]"' if ":" in peer else peer
    return f'for={node};host="{head.authority}";proto={head.scheme}'
