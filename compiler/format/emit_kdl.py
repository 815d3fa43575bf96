"""Data to KDL: a configuration written anew, as a person would write it.

Owns the spelling that `gwc convert` and `gwc config` print: which keys are arguments, properties and nodes
is read off the language's shapes. What is written reads back as the same data, keys in the same order.
Comments and the spelling of an existing file are the formatter's matter, not this one's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ..validate.shape import ROOT, Block, Key, Nodes, ObjectShape, Scalar, Tagged, Values, language

INDENT: Final = "    "
_NARROW: Final = 100
"""No line of a block that is written in one line is longer than this."""

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}
_ESCAPED = re.compile(
    # Quote and backslash, all controls, and what KDL takes for a line end or refuses to have unescaped.
    '[\\\\"\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]'
)


def to_kdl(data: Mapping[str, Any]) -> str:
    """A whole configuration (a `Record`, or JSON data of the same form, short forms included) as KDL text.

    Reading the text gives equal data. Ends with a line end; an empty configuration is the empty text.
    """
    lines: list[str] = []
    root = language().objects[ROOT]
    for name, value in data.items():
        if lines:
            lines.append("")
        _write_key(lines, "", root.keys[name], value)
    return "".join(f"{line}\n" for line in lines)


def key_to_kdl(object_name: str, key: str, value: Any) -> str:
    """The nodes that give one key of an object its value, as lines without the last line end."""
    lines: list[str] = []
    _write_key(lines, "", language().objects[object_name].keys[key], value)
    return "\n".join(lines)


def example_node(key: Key) -> str:
    """A line that fills a key, made from its first example; longer examples are cut at the brace."""
    if not key.examples:
        return f"{key.name} …"
    lines: list[str] = []
    _write_key(lines, "", key, key.examples[0])
    return lines[0] if len(lines) == 1 else f"{lines[0]} … }}"


def kdl_value(value: str | int | bool) -> str:
    """One scalar as KDL writes it, text always in quotes."""
    if value is True:
        return "#true"
    if value is False:
        return "#false"
    if isinstance(value, int):
        return str(value)
    return f'"{_ESCAPED.sub(_escape, value)}"'


def _escape(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0]) or f"\\u{{{ord(found[0]):x}}}"


def _write_key(lines: list[str], indent: str, key: Key, value: Any) -> None:
    """The node or nodes of one key."""
    match key.shape:
        case Scalar():
            lines.append(f"{indent}{key.name} {kdl_value(value)}")
        case Values():
            lines.append(f"{indent}{key.name} {_arguments(_listed(value))}")
        case Block(object=name):
            _write_object(lines, indent, key.name, language().objects[name], value)
        case Nodes(object=name):
            for each in _listed(value):
                _write_object(lines, indent, key.name, language().objects[name], each)
        case Tagged(objects=objects, place="inline"):
            for each in value:
                _write_tagged(lines, indent, objects, each)
        case Tagged(objects=objects):
            lines.append(f"{indent}{key.name} {{")
            for each in value:
                _write_tagged(lines, indent + INDENT, objects, each)
            lines.append(f"{indent}}}")


def _write_tagged(lines: list[str], indent: str, objects: Mapping[str, str], value: Any) -> None:
    tag = next(iter(objects))
    if isinstance(value, Mapping) and len(objects) > 1:
        (tag,) = (tag for tag in objects if tag in value)
    _write_object(lines, indent, tag, language().objects[objects[tag]], value)


def _write_object(lines: list[str], indent: str, node: str, shape: ObjectShape, value: Any) -> None:
    """One object as a node: arguments, then properties as long as they come first, then children."""
    head = [node]
    children: list[tuple[Key, Any]] = []
    if not isinstance(value, Mapping):
        head.append(_arguments(_listed(value)))
        value = {}
    head.extend(kdl_value(value[name]) for name in shape.args if name in value)
    if shape.rest is not None and shape.rest in value:
        head.append(_arguments(_listed(value[shape.rest])))
    for name, each in value.items():
        if name in shape.args or name == shape.rest:
            continue
        key = shape.keys[name]
        single = _single(key, each)
        if single is not None and name in shape.props and not children:
            head.append(f"{name}={kdl_value(single)}")
        else:
            children.append((key, each))
    line = indent + " ".join(head)
    if not children:
        lines.append(line)
        return
    inner: list[str] = []
    for key, each in children:
        _write_key(inner, indent + INDENT, key, each)
    short = f"{line} {{ {inner[0].strip()} }}"
    if len(inner) == 1 and len(short) <= _NARROW and _is_leaf(children[0][0]):
        lines.append(short)
    else:
        lines.append(f"{line} {{")
        lines.extend(inner)
        lines.append(f"{indent}}}")


def _is_leaf(key: Key) -> bool:
    """Whether a key is written on one line whatever it holds, so that a block of it alone may be, too."""
    return isinstance(key.shape, Scalar | Values)


def _single(key: Key, value: Any) -> str | int | bool | None:
    """The one scalar that a property could hold, None where it takes more."""
    if isinstance(key.shape, Scalar):
        scalar: str | int | bool = value
        return scalar
    if isinstance(key.shape, Values):
        values = _listed(value)
        return values[0] if len(values) == 1 else None
    return None


def _listed(value: Any) -> Sequence[Any]:
    """The items of a list, or the one value that stands for a list of one."""
    return value if isinstance(value, list | tuple) else (value,)


def _arguments(values: Iterable[str | int | bool]) -> str:
    return " ".join(map(kdl_value, values))
