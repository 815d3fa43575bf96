"""Values of parameters: from text to what a schema speaks of.

Owns the styles that OpenAPI has for lists and objects, and which text is a number. What a text cannot be
stays text, so that the schema says what is wrong with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from .document import Documents

Reader = Callable[[Mapping[str, list[str]], str], Any]
"""(values by name, the parameter's name) -> the value, MISSING where there is none."""

MISSING: Final = object()

_INTEGER: Final = re.compile(r"-?[0-9]{1,300}")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,300})(?:\.[0-9]{1,300})?(?:[eE][+-]?[0-9]{1,3})?")
_BETWEEN: Final = {"spaceDelimited": " ", "pipeDelimited": "|"}
_DEEPEST: Final = 16


def reader_of(
    schema: Any, documents: Documents, uri: str, style: str, explode: bool, as_json: bool
) -> Reader:
    """How a parameter is read, by its schema's types and its style."""
    if as_json:
        return _json
    types = _types(schema, documents, uri, _DEEPEST)
    between = _BETWEEN.get(style, ",")
    if "array" in types:
        inner = schema.get("items", {}) if isinstance(schema, Mapping) else {}
        within = _types(inner, documents, uri, _DEEPEST)
        repeated = explode and style == "form"

        def array(values: Mapping[str, list[str]], name: str) -> Any:
            found = values.get(name)
            if found is None:
                return MISSING
            texts = found if repeated else (found[0].split(between) if found[0] else [])
            return [scalar(text, within) for text in texts]

        return array
    if "object" in types:
        members = _members(schema, documents, uri)

        def members_of(values: Mapping[str, list[str]], name: str) -> Any:
            pairs: dict[str, str]
            if style == "deepObject":
                pairs = {
                    key[len(name) + 1 : -1]: found[0]
                    for key, found in values.items()
                    if key.startswith(f"{name}[") and key.endswith("]")
                }
            elif style == "form" and explode:
                pairs = {key: values[key][0] for key in members if key in values}
            elif name not in values:
                return MISSING
            elif explode:
                pairs = dict(_pair(each) for each in values[name][0].split(","))
            else:
                texts = values[name][0].split(between)
                pairs = dict(zip(texts[::2], texts[1::2], strict=False))
            if not pairs and style in ("deepObject", "form"):
                return MISSING
            return {key: scalar(text, members.get(key, frozenset())) for key, text in pairs.items()}

        return members_of

    def one(values: Mapping[str, list[str]], name: str) -> Any:
        found = values.get(name)
        return MISSING if found is None else scalar(found[0], types)

    return one


def scalar(text: str, types: frozenset[str]) -> Any:
    """The value that a text is, among the types that it may have."""
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types and _NUMBER.fullmatch(text):
        return float(text) if not _INTEGER.fullmatch(text) else int(text)
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    if "null" in types and text in ("", "null") and "string" not in types:
        return None
    return text


def _json(values: Mapping[str, list[str]], name: str) -> Any:
    found = values.get(name)
    if found is None:
        return MISSING
    try:
        return json.loads(found[0])
    except (ValueError, RecursionError):
        return found[0]


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _types(schema: Any, documents: Documents, uri: str, depth: int) -> frozenset[str]:
    """The types that a value may have; none where the schema does not say."""
    schema, uri, _ = documents.resolved(schema, uri)
    if not isinstance(schema, Mapping) or not depth:
        return frozenset()
    written = schema.get("type", ())
    found = {written} if isinstance(written, str) else set(written)
    for key in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(key, ()):
            found |= _types(each, documents, uri, depth - 1)
    for each in (*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())):
        kind = {bool: "boolean", int: "integer", float: "number", str: "string"}.get(type(each))
        found |= {kind} if kind else set()
    return frozenset(found)


def _members(schema: Any, documents: Documents, uri: str) -> dict[str, frozenset[str]]:
    schema, uri, _ = documents.resolved(schema, uri)
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    return {name: _types(each, documents, uri, _DEEPEST) for name, each in properties.items()}
