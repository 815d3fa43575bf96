"""Why the gateway answered by itself or gave a request up: the closed list.

Owns the words and their statuses. A reason stands in the access log, in the audit log, in
`gwc_refused_total{reason}` and, where a route asks for it, in `x-gwc-reason`. What normalising refuses has
its words in `gwc.schema.request`; they are part of the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gwc.schema.request import STATUSES

WIRE: Final[Mapping[str, int]] = MappingProxyType(
    {
        "request-line": 400,
        "request-version": 505,
        "line-end": 400,
        "line-length": 414,
        "field-line": 400,
        "field-folded": 400,
        "head-too-long": 431,
        "length-and-coding": 400,
        "length-repeated": 400,
        "length-value": 400,
        "coding-repeated": 400,
        "coding-unknown": 501,
        "coding-version": 400,
        "expectation": 417,
        "chunk": 400,
        "trailer": 400,
        "head-timeout": 408,
        "body-timeout": 408,
        "body-rate": 408,
        "body-length": 413,
        "client-gone": 499,
        "proxy-header": 400,
        "connections": 503,
        "websocket-handshake": 400,
        "http2-frame": 400,
        "http2-head": 400,
        "http2-length": 400,
        "http2-streams": 429,
        "http2-header-list": 431,
        "http2-continuation": 431,
        "http2-resets": 429,
        "http2-settings": 429,
        "http2-pings": 429,
        "http2-priority": 429,
        "http2-window-updates": 429,
        "http2-empty-frames": 429,
        "http2-unknown-frames": 429,
        "http2-control-queue": 429,
        "http2-window-stall": 408,
        "tls-handshake": 400,
        "tls-name": 421,
        "tls-certificate": 401,
        "tls-plain": 400,
        "tls-timeout": 408,
    }
)
"""What the client's connection can be at fault for. 499 is never sent: nobody is there to read it; of those
with `tls-` only `tls-plain`, since what is refused in a handshake gets an alert.
"""

ROUTING: Final[Mapping[str, int]] = MappingProxyType(
    {
        "no-route": 404,
        "split-weights": 500,
        "rewrite-refused": 500,
        "websocket-refused": 403,
        "draining": 503,
        "drained": 503,
    }
)

POLICIES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "address-denied": 403,
        "country-denied": 403,
        "body-coding": 415,
        "no-credentials": 401,
        "bad-credentials": 401,
        "route-closed": 401,
        "not-allowed": 403,
        "auth-unavailable": 503,
        "auth-denied": 403,
        "rate-limited": 429,
        "concurrency": 503,
        "schema-mismatch": 400,
        "agent-blocked": 403,
        "agent-failed": 503,
        "agent-body": 413,
        "file-missing": 404,
        "not-found": 404,
        "not-private": 404,
        "file-denied": 403,
        "file-method": 405,
    }
)
"""What a route's policies refuse."""

FILTERS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "filter-failed": 500,
        "file-failed": 500,
        "not-told": 503,
    }
)
"""What went wrong in a policy: a fault, not a refusal."""

UPSTREAM: Final[Mapping[str, int]] = MappingProxyType(
    {
        "no-target": 503,
        "breaker-open": 503,
        "name-lookup": 503,
        "pending-full": 503,
        "pending-timeout": 503,
        "connect-refused": 503,
        "connect-timeout": 504,
        "tls-failed": 502,
        "protocol-mismatch": 502,
        "egress-refused": 502,
        "egress-credentials": 502,
        "egress-reply": 502,
        "protocol-error": 502,
        "stream-refused": 503,
        "stream-reset": 502,
        "connection-lost": 503,
        "reply-head": 502,
        "reply-framing": 502,
        "reply-too-long": 502,
        "reply-interim": 502,
        "reply-upgrade": 502,
        "reply-body": 502,
        "reply-schema": 502,
        "first-byte-timeout": 504,
        "idle-timeout": 504,
        "request-timeout": 504,
        "try-timeout": 504,
    }
)
"""What happened on the way to a target. Once the reply's head has gone out, its status stands in the log."""

_NORMALISING: Final = {str(word): status for word, status in STATUSES.items()}

REASONS: Final[Mapping[str, int]] = MappingProxyType(
    {**_NORMALISING, **WIRE, **ROUTING, **POLICIES, **FILTERS, **UPSTREAM}
)
"""Every reason with the status of the reply."""

REFUSALS: Final = frozenset(
    {*_NORMALISING, *WIRE, *POLICIES, "no-route", "websocket-refused", "draining"} - {"client-gone"}
)
"""Reasons for which a request was turned away here; each has a line in the audit log. The rest are faults."""
