"""What a limit counts by: one or several things of a request, as bytes.

Owns the meaning of each. What a request does not have counts as empty, so all requests without a header
share one count. An IPv6 client is its network of 64 bits, which is what one customer gets: with single
addresses anybody could have as many counts as wanted.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from gwc.schema.normalise.cookie import cookie_value
from gwc.schema.policies.limits import KeyPart

from ..filter import FilterContext

Key = Callable[[FilterContext], bytes]

_BETWEEN: Final = "\0"
"""No header, cookie, path or name has it."""


def key_of(parts: tuple[KeyPart, ...]) -> Key:
    """The function that gives a request's key."""
    found = [partial(_PARTS[kind], name) for kind, name in parts]
    if len(found) == 1:
        (only,) = found
        return lambda context: only(context).encode("latin-1", "replace")
    return lambda context: _BETWEEN.join(part(context) for part in found).encode("latin-1", "replace")


def _all(_name: str, _context: FilterContext) -> str:
    return ""


def _client_ip(_name: str, context: FilterContext) -> str:
    text = context.record.client_ip
    if ":" not in text:  # PERF: IPv4, or a unix peer, as it stands in the log
        return text
    address = context.head.client_ip
    if address is None:
        return ""
    packed = address.packed
    if len(packed) == 4:
        return str(address)
    if packed[:12] == b"\0" * 10 + b"\xff\xff":
        return ".".join(map(str, packed[12:]))
    return packed[:8].hex()


def _header(name: str, context: FilterContext) -> str:
    return context.head.headers.get(name, "")


def _cookie(name: str, context: FilterContext) -> str:
    return cookie_value(context.head, name) or ""


def _path(_name: str, context: FilterContext) -> str:
    return context.head.path


def _route(_name: str, context: FilterContext) -> str:
    return context.plan.route


def _identity(_name: str, context: FilterContext) -> str:
    identity = context.identity
    return "" if identity is None else f"{identity.kind}:{identity.name}".encode().decode("latin-1")


_PARTS: Final = {
    "all": _all,
    "client-ip": _client_ip,
    "header": _header,
    "cookie": _cookie,
    "path": _path,
    "route": _route,
    "identity": _identity,
}
