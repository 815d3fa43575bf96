"""The shapes of the configuration language, read off its schema.

Owns the one reading of `config.schema.json`: what may stand under a key, and how KDL spells it. Readers,
emitters, the reference and overlays are driven by these values and never look at the JSON themselves.
Knows nothing of nodes, files or diagnostics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple

from gwc.schema.config_schema import config_schema

ROOT: Final = "config"
"""The name of the whole configuration among the objects; the others are named as in the schema's `$defs`."""

_NO_DEFAULT: Final = object()


class Scalar(NamedTuple):
    """One value. It is any of `choices`, or text, a whole number or a truth value where those are allowed.

    The bounds are inclusive and belong to the number (`minimum`, `maximum`) or to the text's length in code
    points. `format` names a rule of `formats.py` for the text. `name` is the schema's name of the type, where
    it has one.
    """

    name: str | None
    choices: tuple[str | int, ...] = ()
    text: bool = False
    integer: bool = False
    flag: bool = False
    minimum: int | None = None
    maximum: int | None = None
    min_length: int | None = None
    max_length: int | None = None
    format: str | None = None


class Values(NamedTuple):
    """One or more scalars. In KDL the arguments of one node, or of several where `repeat`."""

    item: Scalar
    repeat: bool


class Block(NamedTuple):
    """One object. `short`: a scalar, or a list of them, may stand for an object with just its arguments."""

    object: str
    short: bool


class Nodes(NamedTuple):
    """One or more objects of one kind, in KDL a repeated node. `short` as in `Block`, for a single scalar."""

    object: str
    short: bool


class Tagged(NamedTuple):
    """One or more objects, each of the kind that its tag says: `objects` by tag, which is the node's name.

    `place` `block`: KDL writes them inside the list's own node; `inline`: among the parent's children.
    """

    objects: Mapping[str, str]
    place: Literal["block", "inline"]
    short: bool


Shape = Scalar | Values | Block | Nodes | Tagged


@dataclass(frozen=True, slots=True, eq=False)
class Key:
    """One key of an object: what may stand there, and what people are told of it.

    `examples` are JSON data. `default` is None where there is none (no default is null).
    """

    name: str
    shape: Shape
    description: str
    examples: tuple[Any, ...]
    default: str | int | bool | None


@dataclass(frozen=True, slots=True, eq=False)
class ObjectShape:
    """An object: its keys, and how a KDL node spells it.

    `args` are the keys that the node's arguments fill in order, the tag first; further ones go to the list
    key `rest`. `props` are the keys that are usually written as properties. Of each list in `exclusive` at
    most one key makes sense. `min_keys` counts the tag.
    """

    name: str
    description: str
    keys: Mapping[str, Key]
    args: tuple[str, ...]
    rest: str | None
    tag: str | None
    required: frozenset[str]
    min_keys: int
    props: frozenset[str]
    exclusive: tuple[tuple[str, ...], ...]

    def kdl_names(self) -> Iterator[tuple[str, Key]]:
        """The names that children of a KDL node may have, each with the key it fills."""
        for key in self.keys.values():
            if isinstance(key.shape, Tagged) and key.shape.place == "inline":
                for tag in key.shape.objects:
                    yield tag, key
            elif key.name != self.tag:
                yield key.name, key


class Language(NamedTuple):
    """Every object of the language by name; `objects[ROOT]` is the whole configuration."""

    objects: Mapping[str, ObjectShape]

    @property
    def root(self) -> ObjectShape:
        """The whole configuration."""
        return self.objects[ROOT]


@cache
def language() -> Language:
    """The language that the schema describes, worked out once."""
    schema = config_schema()
    defs: dict[str, Any] = schema["$defs"]
    objects = {ROOT: _object(ROOT, schema, defs)}
    for name, definition in defs.items():
        if definition.get("type") == "object":
            objects[name] = _object(name, definition, defs)
    return Language(MappingProxyType(objects))


def default_of(object_name: str, key: str) -> str | int | bool | None:
    """The default of a key, None where it has none. Objects are named as in the schema's `$defs`."""
    return language().objects[object_name].keys[key].default


def _object(name: str, definition: Mapping[str, Any], defs: Mapping[str, Any]) -> ObjectShape:
    kdl = definition.get("x-kdl", {})
    tag = kdl.get("tag")
    return ObjectShape(
        name=name,
        description=definition["description"],
        keys=MappingProxyType(
            {key: _key(key, written, defs) for key, written in definition["properties"].items()}
        ),
        args=tuple(kdl.get("args", () if tag is None else (tag,))),
        rest=kdl.get("rest"),
        tag=tag,
        required=frozenset(definition.get("required", ())),
        min_keys=definition.get("minProperties", 0),
        props=frozenset(kdl.get("props", ())),
        exclusive=tuple(tuple(keys) for keys in definition.get("x-exclusive", ())),
    )


def _key(name: str, written: Mapping[str, Any], defs: Mapping[str, Any]) -> Key:
    default = written.get("default", _NO_DEFAULT)
    return Key(
        name=name,
        shape=_shape(written, defs),
        description=written["description"],
        examples=tuple(written.get("examples", ())),
        default=None if default is _NO_DEFAULT else default,
    )


def _shape(written: Mapping[str, Any], defs: Mapping[str, Any]) -> Shape:
    kdl = written.get("x-kdl", {})
    branches = written.get("anyOf", (written,))
    objects = [name for name in map(_reference, branches) if name and _is_object(defs[name])]
    arrays = [branch for branch in branches if branch.get("type") == "array"]
    match kdl.get("list"):
        case "values":
            item = arrays[0]["items"]
            return Values(_scalar(item.get("anyOf", [item]), defs), bool(kdl.get("repeat")))
        case "nodes":
            items = arrays[0]["items"].get("anyOf", (arrays[0]["items"],))
            (object_name,) = objects
            return Nodes(object_name, short=len(items) > 1)
        case "tagged":
            items = arrays[0]["items"].get("anyOf", (arrays[0]["items"],))
            names = [name for name in map(_reference, items) if name and _is_object(defs[name])]
            tags = {defs[name]["x-kdl"]["tag"]: name for name in names}
            return Tagged(MappingProxyType(tags), kdl["place"], short=len(items) > len(names))
    if objects:
        return Block(objects[0], short=len(branches) > 1)
    return _scalar(branches, defs)


def _scalar(branches: Any, defs: Mapping[str, Any]) -> Scalar:
    """One scalar type out of its alternatives; of text and of number there is at most one each."""
    name: str | None = None
    choices: list[str | int] = []
    found: dict[str, Any] = {}
    for branch in branches:
        reference = _reference(branch)
        if reference is not None:
            name = reference
        definition = branch if reference is None else defs[reference]
        if "enum" in definition:
            choices += definition["enum"]
        elif definition["type"] == "string":
            found |= {
                "text": True,
                "min_length": definition.get("minLength"),
                "max_length": definition.get("maxLength"),
                "format": definition.get("format"),
            }
        elif definition["type"] == "integer":
            found |= {
                "integer": True,
                "minimum": definition.get("minimum"),
                "maximum": definition.get("maximum"),
            }
        else:
            assert definition["type"] == "boolean", definition
            found["flag"] = True
    return Scalar(name, tuple(choices), **found)


def _reference(written: Mapping[str, Any]) -> str | None:
    reference = written.get("$ref")
    return None if reference is None else str(reference).removeprefix("#/$defs/")


def _is_object(definition: Mapping[str, Any]) -> bool:
    return definition.get("type") == "object"
