"""The policies of a route, group or `defaults`: which key is read by whom.

Owns that list. A policy is a record of its own in the route's settings; an inner one replaces an outer one
whole, and it holds whatever the route's action is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from .api_schema import resolve_api_schema
from .compress import resolve_compress, resolve_decompress
from .context import Context, Record
from .cors import resolve_cors
from .error_pages import resolve_error_pages
from .limits import resolve_concurrency, resolve_rate_limits
from .security_headers import resolve_security_headers

Read = Callable[[Context, Any, str], Any]
"""Value of the key and where it was written (`route:orders`, `group:v2`, `defaults`) -> the record."""

POLICIES: Final[Mapping[str, tuple[str, Read]]] = {
    "compress": ("compress", resolve_compress),
    "decompress": ("decompress", resolve_decompress),
    "cors": ("cors", resolve_cors),
    "error-pages": ("error_pages", resolve_error_pages),
    "rate-limit": ("rate_limits", resolve_rate_limits),
    "concurrency": ("concurrency", resolve_concurrency),
    "api-schema": ("api_schema", resolve_api_schema),
    "security-headers": ("security_headers", resolve_security_headers),
}
"""By key: the field of `RouteSettings`, and who reads it."""


def own_policies(context: Context, record: Record) -> dict[str, Any]:
    """The policies that a block writes itself, by the field of `RouteSettings`."""
    if POLICIES.keys().isdisjoint(record):
        return {}
    scope = next((f"{kind}:{record[kind]}" for kind in ("route", "group") if kind in record), "defaults")
    return {
        field: read(context, record[key], scope) for key, (field, read) in POLICIES.items() if key in record
    }
