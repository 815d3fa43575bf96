"""A request as the matcher sees it, and the refusal of one that it never sees.

Owns the types; `normalise` makes them. The matcher, `explain`, the tests' oracle and the proxy all look at
this one form. Text is `str` in which every character is one byte (latin-1): what stands in a route table is
JSON-native text, so the two compare without a conversion; paths and hosts are ASCII by construction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

# A string, so that whoever has no address in hand does not pay for importing ipaddress.
Address: TypeAlias = "IPv4Address | IPv6Address"

Reason = Literal[
    "method-token",
    "method-refused",
    "protocol",
    "target-length",
    "target-form",
    "target-scheme",
    "host-missing",
    "host-repeated",
    "host-userinfo",
    "host-port",
    "host-name",
    "host-address",
    "host-disagreement",
    "options-asterisk",
    "listener-none",
    "misdirected",
    "path-escape",
    "path-control",
    "path-byte",
    "path-backslash",
    "path-encoded-slash",
    "path-overlong",
    "path-dot-parameter",
    "path-above-root",
    "path-changes",
    "query-byte",
    "fields-count",
    "head-length",
    "field-length",
    "field-name",
    "field-value",
]
"""Why a request is answered before matching: the closed list, for logs and metrics."""

STATUSES: Final[Mapping[Reason, int]] = MappingProxyType(
    {
        "method-token": 400,
        "method-refused": 405,
        "protocol": 400,
        "target-length": 414,
        "target-form": 400,
        "target-scheme": 400,
        "host-missing": 400,
        "host-repeated": 400,
        "host-userinfo": 400,
        "host-port": 400,
        "host-name": 400,
        "host-address": 400,
        "host-disagreement": 400,
        "options-asterisk": 204,
        "listener-none": 404,
        "misdirected": 421,
        "path-escape": 400,
        "path-control": 400,
        "path-byte": 400,
        "path-backslash": 400,
        "path-encoded-slash": 400,
        "path-overlong": 400,
        "path-dot-parameter": 400,
        "path-above-root": 400,
        "path-changes": 400,
        "query-byte": 400,
        "fields-count": 431,
        "head-length": 431,
        "field-length": 431,
        "field-name": 400,
        "field-value": 400,
    }
)
"""The status of each reason."""


@dataclass(slots=True)
class RawRequest:
    """What arrived, before any judgement.

    `target` is the request target as sent (HTTP/1) or `:path` (HTTP/2). `authority` is `:authority`, None on
    HTTP/1. `version` is (1, 0), (1, 1) or (2, 0). `fields` are name and value in the order sent. `peer` is
    None on a unix socket. `trace_id` is the gateway's own (16 bytes); a trusted peer's `traceparent`
    replaces it. `protocol` is `:protocol` of an extended CONNECT (RFC 8441), None where there is none.

    Nobody changes one: the fields are `Final`, as in RequestHead and for the same 1 us.
    """

    method: Final[bytes]
    target: Final[bytes]
    version: Final[tuple[int, int]] = (1, 1)
    authority: Final[bytes | None] = None
    fields: Final[tuple[tuple[bytes, bytes], ...]] = ()
    peer: Final[Address | None] = None
    tls: Final[bool] = False
    sni: Final[str | None] = None
    trace_id: Final[bytes] = b"\0" * 16
    protocol: Final[bytes | None] = None


@dataclass(frozen=True, slots=True)
class Late:
    """What only the body can tell. None: no late predicate on it holds, whatever it asks for."""

    model: str | None = None
    stream: bool | None = None
    tools: bool | None = None


@dataclass(slots=True)
class RequestHead:
    """A normalised request head: what is matched is what is forwarded.

    `listener` is the name of the listener that took it. `host` is normalised and without port ("" for
    HTTP/1.0 without Host); `authority` is the same host with the client's port, for forwarding. `path` is
    normalised; `query` is as sent, without `?`, None where there was no `?`. `headers` maps lower-case names
    to trimmed values, repeated ones joined with ", " (Cookie with "; "); `fields` are the same fields apart,
    in order, for forwarding; Host is in neither. `scheme` is "http" or "https". `sni` is None without TLS.
    `sample` is in [0, 1 000 000). `late` is None until somebody has read the body.

    Nobody changes one: the fields are `Final`, which the type checker holds. (`frozen=True` would hold it at
    run time too and costs 1.3 us a request, a quarter of the whole normaliser.)
    """

    listener: Final[str]
    method: Final[str]
    host: Final[str]
    authority: Final[str]
    path: Final[str]
    query: Final[str | None]
    headers: Final[dict[str, str]]
    fields: Final[tuple[tuple[str, str], ...]]
    scheme: Final[Literal["http", "https"]]
    client_ip: Final[Address | None]
    sni: Final[str | None]
    sample: Final[int]
    late: Final[Late | None] = None
    _parsed: Final[dict[str, dict[str, str]]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    """Query parameters and cookies by name, parsed when a predicate first asks (`query_value`,
    `cookie_value`)."""


class Refusal(NamedTuple):
    """One part of a request that cannot be read: `reason` and `detail` as in `Rejection`."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """A request that is answered before matching.

    `status` is what the client gets; `reason` is one word of a closed list, for logs and metrics; `detail`
    says it to a person, without any of the request's bytes but what is quoted and escaped. `listener` is
    known where it had been chosen. A 204 for `OPTIONS *` is a rejection too: it ends before matching.
    """

    status: int
    reason: Reason
    detail: str
    listener: str | None = None
