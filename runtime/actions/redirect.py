"""Redirects: the Location of one.

Owns the rules of scheme, host and port: Gateway API, HTTPRequestRedirectFilter, and docs/semantics.md,
"Redirect port".
"""

from __future__ import annotations

from gwc.schema.request import RequestHead
from gwc.schema.table import Alternative, RedirectRecord

from .rewrite import replace_prefix

_WELL_KNOWN = {"http": 80, "https": 443}


def location(record: RedirectRecord, head: RequestHead, alternative: Alternative, port: int | None) -> str:
    """The Location of a redirect. `port` is the one that clients of the listener use, None if it has none."""
    scheme = record.scheme or head.scheme
    if record.port is not None:
        port = record.port
    elif record.scheme is not None:
        port = None
    authority = record.host or head.host
    if authority and port is not None and port != _WELL_KNOWN[scheme]:
        authority = f"{authority}:{port}"
    if record.kind == "full":
        path = record.path
    elif record.kind == "prefix":
        assert alternative.path is not None, "resolving demands a prefix in every alternative"
        path = replace_prefix(head.path, alternative.path[1], record.path)
    else:
        path = head.path
    query = f"?{head.query}" if record.keep_query and head.query is not None else ""
    if authority:
        return f"{scheme}://{authority}{path}{query}"
    # HTTP/1.0 without Host has no authority to name: the Location is relative then. What follows `//` would
    # be read as a host (RFC 3986 section 4.2), which the client could choose.
    return f"/.{path}{query}" if path.startswith("//") else f"{path}{query}"
