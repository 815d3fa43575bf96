"""Data to YAML: a configuration written anew, as a person would write it.

Owns the spelling that `gwc convert` and `gwc config` print: short forms where the language has them, plain
text where YAML takes it for text in every version, quotes elsewhere. What is written reads back as the same
data, keys in the same order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..validate.shape import ROOT, Block, Key, Nodes, ObjectShape, Scalar, Tagged, Values, language

INDENT: Final = "  "
_NARROW: Final = 100
"""Lists of scalars that make a longer line get a line for each item."""

_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_TAKEN_ELSEWHERE: Final = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n", "none"))
"""Words that some reader of YAML takes for something else than text, in lower case."""

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"}
_ESCAPED = re.compile(
    # Quote and backslash, all controls, line ends of any kind, marks of direction and what is not printable.
    '[\\\\"\x00-\x1f\x7f-\xa0\u061c\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ufff0-\uffff\ud800-\udfff]'
)


def to_yaml(data: Mapping[str, Any]) -> str:
    """A whole configuration (a `Record`, or JSON data of the same form, short forms included) as YAML text.

    Reading the text gives equal data. Ends with a line end; an empty configuration is `{}`.
    """
    if not data:
        return "{}\n"
    lines: list[str] = []
    root = language().objects[ROOT]
    for name, value in data.items():
        if lines:
            lines.append("")
        _write_key(lines, "", root.keys[name], value)
    return "".join(f"{line}\n" for line in lines)


def key_to_yaml(object_name: str, key: str, value: Any) -> str:
    """The entry that gives one key of an object its value, as lines without the last line end."""
    lines: list[str] = []
    _write_key(lines, "", language().objects[object_name].keys[key], value)
    return "\n".join(lines)


def example_entry(key: Key) -> str:
    """A line that fills a key, made from its first example; longer examples are cut at the colon."""
    if not key.examples:
        return f"{key.name}: …"
    lines: list[str] = []
    _write_key(lines, "", key, key.examples[0])
    return lines[0] if len(lines) == 1 else f"{key.name}: …"


def yaml_value(value: str | int | bool) -> str:
    """One scalar as YAML writes it, text in quotes wherever a reader could take it for something else."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        return str(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _TAKEN_ELSEWHERE:
        return value
    return f'"{_ESCAPED.sub(_escape, value)}"'


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    code = ord(character)
    return _ESCAPES.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def _write_key(lines: list[str], indent: str, key: Key, value: Any) -> None:
    """The entry of one key."""
    match key.shape:
        case Scalar():
            lines.append(f"{indent}{key.name}: {yaml_value(value)}")
        case Values():
            _write_values(lines, indent, key.name, _listed(value))
        case Block(object=name, short=short):
            shape = language().objects[name]
            values = _short(shape, value) if short else None
            if values is not None:
                _write_values(lines, indent, key.name, values)
            elif not value:
                lines.append(f"{indent}{key.name}: {{}}")
            else:
                lines.append(f"{indent}{key.name}:")
                _write_entries(lines, indent + INDENT, shape, value)
        case Nodes(object=name, short=short):
            _write_nodes(lines, indent, key, language().objects[name], _listed(value), short)
        case Tagged(objects=objects, short=short):
            lines.append(f"{indent}{key.name}:")
            for each in value:
                _write_item(lines, indent + INDENT, _tagged_shape(objects, each), each, short)


def _write_nodes(
    lines: list[str], indent: str, key: Key, shape: ObjectShape, values: Sequence[Any], short: bool
) -> None:
    """One object as a mapping, several as a list of them."""
    if len(values) > 1:
        lines.append(f"{indent}{key.name}:")
        for each in values:
            _write_item(lines, indent + INDENT, shape, each, short)
        return
    alone = _short(shape, values[0]) if short else None
    if alone is not None and len(alone) == 1:
        lines.append(f"{indent}{key.name}: {yaml_value(alone[0])}")
    else:
        lines.append(f"{indent}{key.name}:")
        _write_entries(lines, indent + INDENT, shape, values[0])


def _write_item(lines: list[str], indent: str, shape: ObjectShape, value: Any, short: bool) -> None:
    """One item of a list of objects."""
    alone = _short(shape, value) if short else None
    if alone is not None and len(alone) == 1:
        lines.append(f"{indent}- {yaml_value(alone[0])}")
        return
    first = len(lines)
    _write_entries(lines, indent + INDENT, shape, value)
    lines[first] = f"{indent}- {lines[first].strip()}"


def _write_entries(lines: list[str], indent: str, shape: ObjectShape, value: Mapping[str, Any]) -> None:
    """The entries of one object, what KDL writes as arguments first."""
    first = [name for name in shape.args if name in value]
    for name in (*first, *(name for name in value if name not in first)):
        _write_key(lines, indent, shape.keys[name], value[name])


def _write_values(lines: list[str], indent: str, name: str, values: Sequence[Any]) -> None:
    """One scalar alone, several in brackets, or a line each where they are long."""
    written = [yaml_value(value) for value in values]
    if len(written) == 1:
        lines.append(f"{indent}{name}: {written[0]}")
        return
    line = f"{indent}{name}: [{', '.join(written)}]"
    if len(line) <= _NARROW:
        lines.append(line)
    else:
        lines.append(f"{indent}{name}:")
        lines.extend(f"{indent}{INDENT}- {each}" for each in written)


def _short(shape: ObjectShape, value: Any) -> Sequence[Any] | None:
    """The scalars that stand for an object with nothing but its first argument, None where it has more."""
    if not isinstance(value, Mapping):
        return _listed(value)
    filled = shape.args[0] if shape.args else shape.rest
    if len(value) != 1 or filled not in value:
        return None
    return _listed(value[filled])


def _tagged_shape(objects: Mapping[str, str], value: Any) -> ObjectShape:
    tag = next(iter(objects))
    if isinstance(value, Mapping) and len(objects) > 1:
        (tag,) = (tag for tag in objects if tag in value)
    return language().objects[objects[tag]]


def _listed(value: Any) -> Sequence[Any]:
    """The items of a list, or the one value that stands for a list of one."""
    return value if isinstance(value, list | tuple) else (value,)
