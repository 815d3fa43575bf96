"""A request as the matcher sees it, and the refusal of one that it never sees.

Owns the types; `normalise` makes them. The matcher, `explain`, the tests' oracle and the proxy all look at
this one form. Text is `str` in which every character is one byte (latin-1): what stands in a route table is
JSON-native text, so the two compare without a conversion; paths and hosts are ASCII by construction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class RawRequest:
    """What arrived, before any judgement.

    `target` is the request target as sent (HTTP/1) or `:path` (HTTP/2). `authority` is `:authority`, None on
    HTTP/1. `version` is (1, 0), (1, 1) or (2, 0). `fields` are name and value in the order sent. `peer` is
    None on a unix socket. `trace_id` is the gateway's own (16 bytes); a trusted peer's `traceparent`
    replaces it.
    """

    method: bytes
    target: bytes
    version: tuple[int, int] = (1, 1)
    authority: bytes | None = None
    fields: tuple[tuple[bytes, bytes], ...] = ()
    peer: Address | None = None
    tls: bool = False
    sni: str | None = None
    trace_id: bytes = b"\0" * 16


@dataclass(frozen=True, slots=True)
class Late:
    """What only the body can tell: `model` is None where the body names none, the flags likewise."""

    model: str | None = None
    stream: bool | None = None
    tools: bool | None = None


@dataclass(frozen=True, slots=True)
class RequestHead:
    """A normalised request head: what is matched is what is forwarded.

    `listener` is the name of the listener that took it. `host` is normalised and without port ("" for
    HTTP/1.0 without Host); `authority` is the client's, with its port, for forwarding. `path` is normalised;
    `query` is as sent, without `?`, None where there was no `?`. `headers` maps lower-case names to trimmed
    values, repeated ones joined with ", "; `fields` are the same fields apart, in order, for forwarding.
    `scheme` is "http" or "https". `sni` is None without TLS. `sample` is in [0, 1 000 000). `late` is None
    until somebody has read the body.
    """

    listener: str
    method: str
    host: str
    authority: str
    path: str
    query: str | None
    headers: dict[str, str]
    fields: tuple[tuple[str, str], ...]
    scheme: Literal["http", "https"]
    client_ip: Address | None
    sni: str | None
    sample: int
    late: Late | None = None
    _parsed: dict[str, dict[str, str]] = field(default_factory=dict, compare=False, repr=False)
    """Query parameters and cookies by name, parsed when a predicate first asks (`query_values`, `cookies`)."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A request that is answered before matching.

    `status` is what the client gets; `reason` is one word of a closed list, for logs and metrics; `detail`
    says it to a person, without any of the request's bytes but what is quoted and escaped. `listener` is
    known where it had been chosen. A 204 for `OPTIONS *` is a rejection too: it ends before matching.
    """

    status: int
    reason: str
    detail: str
    listener: str | None = None
