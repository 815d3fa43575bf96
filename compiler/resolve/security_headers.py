"""Fields that tell browsers to be careful: the reading of `security-headers`.

Owns the preset: which fields there are, in which order, and what a value stands for.
"""

from __future__ import annotations

from typing import Final

from gwc.schema.policies.security_headers import SecurityHeadersRecord

from ..validate.shape import default_of
from .context import Context, Record

_FIELDS: Final = {
    "content-type-options": "x-content-type-options",
    "frame-options": "x-frame-options",
    "referrer-policy": "referrer-policy",
    "permissions-policy": "permissions-policy",
    "opener-policy": "cross-origin-opener-policy",
    "resource-policy": "cross-origin-resource-policy",
    "content-security-policy": "content-security-policy",
}
_UPPER: Final = frozenset(("frame-options",))
"""Keys whose words are sent in capitals, as they are known."""


def resolve_security_headers(_context: Context, record: Record, _scope: str) -> SecurityHeadersRecord | None:
    """The fields; None where they are switched off."""
    if record.get("state") == "off":
        return None
    fields: list[tuple[str, str]] = []
    for key, name in _FIELDS.items():
        value = record[key] if key in record else default_of("security-headers", key)
        if value is True:
            fields.append((name, "nosniff"))
        elif isinstance(value, str) and value != "off":
            fields.append((name, value.upper() if key in _UPPER else value))
    return SecurityHeadersRecord(tuple(fields), record.get("replace", False))
