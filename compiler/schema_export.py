"""The schema for others: what `gwc schema` prints for editors and CI.

Owns the two published forms. `2020-12` is the schema without what only gwc reads. `draft-07` is for
yaml-language-server and other tools of that age, which ignore whatever stands beside a `$ref`. Both are for
the YAML spelling: KDL has the same tree, and gwc itself as its checker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from gwc.schema.config_schema import config_schema

Draft = Literal["2020-12", "draft-07"]

_META_SCHEMA: Final[Mapping[Draft, str]] = {
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft-07": "http://json-schema.org/draft-07/schema#",
}
_NAMED: Final = ("properties", "$defs", "definitions")
"""Keywords whose values are schemas by name."""

_DATA: Final = ("examples", "default", "enum", "required", "const")
"""Keywords whose values are data, not schemas."""


def export(draft: Draft) -> dict[str, Any]:
    """The schema in a published form, as JSON data that the caller may change.

    Formats are left out: they are gwc's own, and some tools take `regex` for another dialect than gwc's.
    """
    exported: dict[str, Any] = _exported(config_schema(), draft)
    exported["$schema"] = _META_SCHEMA[draft]
    exported["$id"] = f"{exported['$id']}:{draft}"
    # What it says of itself comes first, as people expect to find it.
    return {key: exported[key] for key in ("$schema", "$id", *exported)}


def _exported(schema: Any, draft: Draft) -> Any:
    if isinstance(schema, list):
        return [_exported(each, draft) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for keyword, value in schema.items():
        if keyword.startswith("x-") or keyword == "format":
            continue
        name = "definitions" if keyword == "$defs" and draft == "draft-07" else keyword
        if keyword in _NAMED:
            found[name] = {key: _exported(each, draft) for key, each in value.items()}
        elif keyword in _DATA:
            found[name] = _copied(value)
        elif keyword == "$ref" and draft == "draft-07":
            found[name] = value.replace("#/$defs/", "#/definitions/")
        else:
            found[name] = _exported(value, draft)
    return _for_draft_07(found) if draft == "draft-07" else found


def _for_draft_07(schema: dict[str, Any]) -> dict[str, Any]:
    """The same with nothing beside a `$ref`, and with descriptions where editors look for markdown."""
    if "$ref" in schema and len(schema) > 1:
        schema = {"allOf": [{"$ref": schema.pop("$ref")}], **schema}
    description = schema.get("description")
    if isinstance(description, str):
        schema["markdownDescription"] = description
    return schema


def _copied(value: Any) -> Any:
    if isinstance(value, list):
        return [_copied(each) for each in value]
    if isinstance(value, dict):
        return {key: _copied(each) for key, each in value.items()}
    return value
