"""The head of a request as a target gets it.

Owns which fields pass, which the gateway writes itself (RFC 9110 section 7.6, RFC 7239, W3C Trace Context),
and how the body is said to be framed. Bytes for HTTP/1.1, fields for HTTP/2. Who gets it, and when, is the
exchange's business.
"""

from __future__ import annotations

from typing import Final, Protocol, TypeVar

from gwc.schema.request import RequestHead

from .actions.headers import HeaderChanges, apply_changes
from .observe.record import RequestRecord
from .tls_session import forwarded_certificate

FormT_co = TypeVar("FormT_co", covariant=True)

Fields = list[tuple[str, str]]
"""Names in lower case and values, one byte a character."""


class Form(Protocol[FormT_co]):
    """How a head is written for one version of HTTP: `forwarded_head` or `forwarded_fields`."""

    def __call__(
        self,
        head: RequestHead,
        record: RequestRecord,
        to: tuple[str, str, str | None],
        *,
        length: int,
        peer: str,
        trusted: bool,
        flags: str,
        changes: tuple[HeaderChanges, ...],
        websocket_key: str,
    ) -> FormT_co:
        """See `forwarded_head`."""


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
    "x-forwarded-client-cert",
    "x-correlation-id",
    "forwarded",
    "traceparent",
    "tracestate",
    "http2-settings",
    "proxy-authenticate",
    "proxy-authorization",
}
"""Those, others that do not pass, and those that the gateway writes anew. Host is in no head's fields."""

_HANDSHAKE: Final = frozenset(("sec-websocket-key",))
"""What a WebSocket is asked for with is written anew as well: the answer is judged by it."""

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
    websocket_key: str = "",
) -> bytes:
    """The request's head: what was matched, in the gateway's own framing.

    `to` is host, path and query as they go out; `length` is the body's, negative for chunks. `peer` is who
    the connection is from; where it is `trusted`, what it says of earlier hops stays and is added to. `flags`
    are those of the trace. `changes` are made last, to all fields but Host and those of framing. With a
    `websocket_key` it asks for a WebSocket (RFC 6455 section 4.1).
    """
    if not trusted and not changes and (record.session is None or record.session.client is None):
        # PERF: the usual request; the same fields in the same order as `_fields` has.
        headers = head.headers
        own = _OWN
        connection = headers.get("connection")
        if connection is not None and connection not in ("keep-alive", "close", "Keep-Alive"):
            own = _without_named(connection)
        if websocket_key:
            own = own | _HANDSHAKE
        via = f"{headers['via']}, " if "via" in headers else ""
        trace = f"00-{record.trace_id}-{record.span_id}-{flags}"
        lines = [f"{name}: {value}\r\n" for name, value in head.fields if name not in own]
        lines.append(
            f"x-forwarded-for: {peer}\r\nx-forwarded-proto: {head.scheme}\r\n"
            f"x-forwarded-host: {head.authority}\r\nx-correlation-id: {record.request_id}\r\n"
            f"traceparent: {trace}\r\nvia: {via}{record.protocol[5:]} gwc\r\n"
        )
        return _framed(head, to, lines, length, websocket_key)
    fields = _fields(head, record, peer=peer, trusted=trusted, flags=flags, changes=changes)
    lines = [f"{name}: {value}\r\n" for name, value in fields if not websocket_key or name not in _HANDSHAKE]
    return _framed(head, to, lines, length, websocket_key)


def forwarded_fields(
    head: RequestHead,
    record: RequestRecord,
    to: tuple[str, str, str | None],
    *,
    length: int,
    peer: str,
    trusted: bool,
    flags: str,
    changes: tuple[HeaderChanges, ...] = (),
    websocket_key: str = "",
) -> Fields:
    """The same as fields of HTTP/2, pseudo fields first; `:scheme` is the connection's and added by it. For a
    WebSocket it is an extended CONNECT (RFC 8441), which needs no key.

    `te: trailers` goes on (RFC 9113 section 8.2.2): who speaks gRPC asks for it.
    """
    host, path, query = to
    target = path if query is None else f"{path}?{query}"
    fields = [(":method", "CONNECT" if websocket_key else head.method)]
    if websocket_key:
        fields.append((":protocol", "websocket"))
    fields += [(":authority", host), (":path", target)]
    passing = _fields(head, record, peer=peer, trusted=trusted, flags=flags, changes=changes)
    if websocket_key:
        passing = [(name, value) for name, value in passing if name not in _HANDSHAKE]
        if "sec-websocket-version" not in head.headers:
            passing.append(("sec-websocket-version", "13"))
    fields += passing
    said = head.headers.get("te")
    if said is not None and any(each.strip(" \t").lower() == "trailers" for each in said.split(",")):
        fields.append(("te", "trailers"))
    if length > 0:
        fields.append(("content-length", str(length)))
    elif not length and _says_empty(head):
        fields.append(("content-length", "0"))
    return fields


def _without_named(connection: str) -> frozenset[str]:
    """Names of fields that do not pass as they came, those that a Connection field names too."""
    named = {each.strip(" \t") for each in connection.lower().split(",")}
    return _OWN | {each for each in named if each not in _NOT_NAMED and not each.startswith("x-forwarded-")}


def _fields(
    head: RequestHead,
    record: RequestRecord,
    *,
    peer: str,
    trusted: bool,
    flags: str,
    changes: tuple[HeaderChanges, ...],
) -> Fields:
    """All fields but Host and those of framing, in their order."""
    headers = head.headers
    own = _without_named(headers["connection"]) if "connection" in headers else _OWN
    via = f"{headers['via']}, " if "via" in headers else ""
    before = headers.get("x-forwarded-for") if trusted else None
    written = [
        ("x-forwarded-for", f"{before}, {peer}" if before else peer),
        ("x-forwarded-proto", head.scheme),
        ("x-forwarded-host", (trusted and headers.get("x-forwarded-host")) or head.authority),
        ("x-correlation-id", record.request_id),
        ("traceparent", f"00-{record.trace_id}-{record.span_id}-{flags}"),
        ("via", f"{via}{record.protocol[5:]} gwc"),
    ]
    if trusted and "forwarded" in headers:
        written.append(("forwarded", f"{headers['forwarded']}, {_element(head, peer)}"))
    if trusted and "tracestate" in headers:
        written.append(("tracestate", headers["tracestate"]))
    client = None if record.session is None else record.session.client
    if client is not None:
        written.append(("x-forwarded-client-cert", forwarded_certificate(client)))
    elif trusted and "x-forwarded-client-cert" in headers:
        written.append(("x-forwarded-client-cert", headers["x-forwarded-client-cert"]))
    fields = (*((name, value) for name, value in head.fields if name not in own), *written)
    for each in changes:
        fields = apply_changes(fields, each)
    return [(name, value) for name, value in fields if name not in _FRAMING]


def _framed(
    head: RequestHead, to: tuple[str, str, str | None], lines: list[str], length: int, websocket_key: str
) -> bytes:
    """The head's bytes: the request line, Host, the other fields, and how the body is framed."""
    host, path, query = to
    if length:
        lines.append(f"content-length: {length}\r\n" if length > 0 else "transfer-encoding: chunked\r\n")
    elif _says_empty(head):
        lines.append("content-length: 0\r\n")
    if websocket_key:
        lines.append(f"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: {websocket_key}\r\n")
        if "sec-websocket-version" not in head.headers:
            lines.append("sec-websocket-version: 13\r\n")
    target = path if query is None else f"{path}?{query}"
    return f"{head.method} {target} HTTP/1.1\r\nhost: {host}\r\n{''.join(lines)}\r\n".encode("latin-1")


def _says_empty(head: RequestHead) -> bool:
    """Whether a request without a body says so."""
    return "content-length" in head.headers or head.method in ("POST", "PUT", "PATCH")


def _element(head: RequestHead, peer: str) -> str:
    """The next element of a Forwarded field (RFC 7239 section 4)."""
    node = f'"[{peer}]"' if ":" in peer else peer
    return f'for={node};host="{head.authority}";proto={head.scheme}'
