"""Which layer gave a value: the file, an overlay, the environment, a flag, or the default.

Owns the walk from a JSON pointer to the place a value was written at. Knows nothing of how layers are laid
over one another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from gwc.schema.span import Span

from .record import NOWHERE, Record, layer_of, span_of

Layer = Literal["default", "file", "overlay", "environment", "flag"]


class Origin(NamedTuple):
    """Where a value comes from.

    `span` is its place in a file (`file`, `overlay`), None for the other layers. `name` is the variable or
    the flag as it was given, the file as shown for a file, empty for a default.
    """

    layer: Layer
    span: Span | None
    name: str


class Found(NamedTuple):
    """How far a pointer led: the record and key (and item) that it ends at.

    `rest` are the steps for which there is nothing. `layer` and `name` are of the innermost layer on the way.
    """

    record: Record
    key: str | None
    item: int | None
    rest: tuple[str, ...]
    layer: Layer
    name: str


def steps_of(pointer: str) -> tuple[str, ...]:
    """The steps of a JSON pointer (RFC 6901). `""` is the whole. Raises ValueError for what is none."""
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise ValueError(f"a JSON pointer begins with `/`: {pointer!r}")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer[1:].split("/"))


def follow(root: Record, pointer: str) -> Found:
    """Follow a pointer as far as there is data."""
    record, key, index = root, None, None
    layer: Layer = "file"
    name = ""
    value: Any = root
    steps = steps_of(pointer)
    for count, step in enumerate(steps):
        inner: Any = None
        if isinstance(value, Record):
            record, key, index = value, step, None
            inner = value.get(step)
            if inner is None:
                return Found(record, None, None, steps[count:], layer, name)
            patch = layer_of(record, step)
            if patch is not None:
                layer, name = patch.layer, patch.name
        elif isinstance(value, tuple) and step.isascii() and step.isdigit() and int(step) < len(value):
            index = int(step)
            inner = value[index]
        else:
            return Found(record, key, index, steps[count:], layer, name)
        value = inner
    if isinstance(value, Record):
        record, key, index = value, None, None
    return Found(record, key, index, (), layer, name)


def locate(root: Record, pointer: str) -> Span:
    """The span of what a pointer leads to; of the nearest thing around it where there is nothing."""
    found = follow(root, pointer)
    return span_of(found.record, found.key, found.item)


def provenance(root: Record, pointer: str) -> Origin:
    """The layer that gave the value at `pointer`. What no layer gives, and the schema does, is a default.

    Raises KeyError where there is neither.
    """
    found = follow(root, pointer)
    if found.rest:
        if len(found.rest) == 1 and found.key is None:
            key = found.record.shape.keys.get(found.rest[0])
            if key is not None and key.default is not None:
                return Origin("default", None, "")
        raise KeyError(pointer)
    if found.layer in ("environment", "flag"):
        return Origin(found.layer, None, found.name)
    span = span_of(found.record, found.key, found.item)
    return Origin(found.layer, None if span is NOWHERE else span, span.file)


def leaves(root: Record) -> Iterator[tuple[str, Any]]:
    """Every scalar of the data with its pointer, in written order."""
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        pointer, value = stack.pop()
        if isinstance(value, Record):
            inner = [(f"{pointer}/{_escaped(key)}", each) for key, each in value.items()]
            stack.extend(reversed(inner))
        elif isinstance(value, tuple):
            stack.extend(reversed([(f"{pointer}/{index}", each) for index, each in enumerate(value)]))
        else:
            yield pointer, value


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
