"""What requests of an API look like: the reading of `api-schema`.

Owns nothing of the document: it is looked for where the gateway runs, and by `gwc check --env`.
"""

from __future__ import annotations

from typing import Any, Final

from gwc.schema.policies.api_schema import ApiSchemaRecord

from .amounts import amount_of
from .context import Context, Record

_OFF: Final = "off"

_FIELDS: Final = {
    "base": "base",
    "unknown": "unknown",
    "mismatch": "mismatch",
    "replies": "replies",
    "body": "body_bytes",
    "status": "status",
}


def resolve_api_schema(_context: Context, record: Record, _scope: str) -> ApiSchemaRecord | None:
    """The policy; None for `api-schema "off"`."""
    if record["file"] == _OFF:
        return None
    own: dict[str, Any] = {_FIELDS[key]: amount_of(record, key) for key in _FIELDS if key in record}
    if "base" in own:
        own["base"] = own["base"].rstrip("/")
    return ApiSchemaRecord(record["file"], **own)
