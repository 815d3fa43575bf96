"""A tree to canonical KDL text, as the official test suite prints it.

Owns the spelling of names and values. Knows nothing of the text that a tree was read from: comments and the
order of properties are gone. The layout that keeps them is `gwc.compiler.format`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..document import Node, Scalar, Value
from .characters import (
    DISALLOWED,
    KEYWORDS_V1,
    NEWLINE,
    NUMBER_LIKE,
    RESERVED,
    WORD,
    WORD_V1,
)
from .messages import Version

_INDENT = "    "
_BARE: dict[Version, re.Pattern[str]] = {
    1: re.compile(f"(?![+-]?[0-9]){WORD_V1}++"),
    2: re.compile(f"(?!{NUMBER_LIKE}){WORD}++"),
}
_NO_NAMES: dict[Version, frozenset[str]] = {1: frozenset(KEYWORDS_V1), 2: RESERVED}
_ESCAPED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_TO_ESCAPE = re.compile(rf'[\\"{NEWLINE}\t{DISALLOWED}]')


def print_document(nodes: Iterable[Node], version: Version = 2) -> str:
    """The nodes as a whole file: of two properties with one key the last, in the order of their keys.

    `version` 1 prints what a reader of KDL 1 takes. Nodes that come from YAML and have items are no KDL.
    """
    lines: list[str] = []
    _print_nodes(nodes, version, "", lines)
    return "".join(lines) or "\n"


def _print_nodes(nodes: Iterable[Node], version: Version, indent: str, lines: list[str]) -> None:
    for node in nodes:
        assert node.items is None
        head = node.head
        parts = [_tag(head.tag, version) + print_name(head.name, version)]
        parts += [print_value(value, version) for value in head.args]
        props = {prop.key: prop.value for prop in head.props}
        parts += [f"{print_name(key, version)}={print_value(props[key], version)}" for key in sorted(props)]
        lines.append(indent + " ".join(parts))
        if node.children:
            lines.append(" {\n")
            _print_nodes(node.children, version, indent + _INDENT, lines)
            lines.append(indent + "}")
        lines.append("\n")


def print_value(value: Value, version: Version = 2) -> str:
    """A value with its type annotation. KDL 1 has no words for infinity and no number: they are no values."""
    return _tag(value.tag, version) + print_scalar(value.value, version)


def print_scalar(scalar: Scalar, version: Version = 2) -> str:
    """A value without annotation."""
    if isinstance(scalar, str):
        return print_string(scalar) if version == 1 else print_name(scalar, version)
    hash = "" if version == 1 else "#"
    if scalar is None:
        return hash + "null"
    if isinstance(scalar, bool):
        return hash + ("true" if scalar else "false")
    if isinstance(scalar, float):
        assert version == 2
        return "#nan" if scalar != scalar else "#inf" if scalar > 0 else "#-inf"
    return str(scalar)


def print_name(text: str, version: Version = 2) -> str:
    """Text as a bare word if it can be one, else in quotes."""
    if _BARE[version].fullmatch(text) and text not in _NO_NAMES[version]:
        return text
    return print_string(text)


def print_string(text: str) -> str:
    """Text in quotes, on one line."""
    return '"' + _TO_ESCAPE.sub(lambda match: _escape(match[0]), text) + '"'


def _escape(character: str) -> str:
    return _ESCAPED.get(character) or f"\\u{{{ord(character):x}}}"


def _tag(tag: str | None, version: Version) -> str:
    return "" if tag is None else f"({print_name(tag, version)})"
