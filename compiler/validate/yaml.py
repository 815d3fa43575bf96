"""YAML nodes to plain data, by readers compiled from the schema.

Owns the same reading as `kdl.py` for trees that came from YAML: a mapping's entries are child nodes, a
sequence is a node's items. The data is the same; what differs is how a tree spells it. Findings that only
YAML can give are worded in `yaml_mistakes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..parse.document import Node
from . import yaml_mistakes as mistakes
from .kdl import grow, settle
from .record import Record, make_record
from .run import Run
from .scalars import compile_scalar
from .shape import Block, Key, Language, Nodes, ObjectShape, Scalar, Tagged, Values

Reader = Callable[[Run, Node, str], Record | None]
"""A node to the record of an object; the name is what the object is called. None where it is no object."""

Handler = Callable[[Run, Node, Node | None, dict[str, Any]], None]
"""A child node, read into the data of its parent, which is None for the top level."""


def compile_yaml(language: Language) -> Mapping[str, Mapping[str, Handler]]:
    """The handlers of every object's keys: by the object's name, by the key."""
    readers: dict[str, Reader] = {}
    handlers: dict[str, dict[str, Handler]] = {name: {} for name in language.objects}
    for name, shape in language.objects.items():
        readers[name] = _object_reader(shape, handlers[name])
        for key in shape.keys.values():
            handlers[name][key.name] = _handler(shape, key, readers, name == language.root.name)
    return handlers


def _object_reader(shape: ObjectShape, handlers: Mapping[str, Handler]) -> Reader:
    required = shape.required
    min_keys = shape.min_keys

    def read(run: Run, node: Node, title: str) -> Record | None:
        children = node.children
        if children is None:
            mistakes.refuse_not_mapping(run, shape, node, title)
            return None
        data: dict[str, Any] = {}
        for child in children:
            handler = handlers.get(child.head.name)
            if handler is None:
                mistakes.refuse_child(run, shape, title, child, data, handlers)
            else:
                handler(run, child, node, data)
        if run.growing:
            settle(run, data)
        if not required <= data.keys():
            mistakes.refuse_missing(run, shape, node, title, data)
        if len(data) < min_keys:
            mistakes.refuse_empty(run, shape, node, title)
        if run.diagnostics and None in data.values():
            data = {key: value for key, value in data.items() if value is not None}
        return make_record(data, node, run.file, shape)

    return read


def _handler(owner: ObjectShape, key: Key, readers: Mapping[str, Reader], at_top: bool) -> Handler:
    shape = key.shape
    match shape:
        case Scalar():
            return _scalar_handler(owner, key, shape)
        case Values():
            return _values_handler(owner, key, shape, at_top)
        case Block(object=name, short=short):
            return _block_handler(owner, key, readers, name, short)
        case Nodes(object=name, short=short):
            return _nodes_handler(owner, key, readers, name, short)
        case Tagged():
            return _list_handler(owner, key, shape, readers, at_top)


def _scalar_handler(owner: ObjectShape, key: Key, scalar: Scalar) -> Handler:
    name = key.name
    accept = compile_scalar(scalar)

    def handle(run: Run, child: Node, parent: Node | None, data: dict[str, Any]) -> None:
        args = child.head.args
        if len(args) == 1 and name not in data and accept(args[0].value):
            data[name] = args[0].value
        else:
            mistakes.refuse_scalar_node(run, owner, key, scalar, accept, child, parent, data)

    return handle


def _values_handler(owner: ObjectShape, key: Key, values: Values, at_top: bool) -> Handler:
    name = key.name
    accept = compile_scalar(values.item)

    def handle(run: Run, child: Node, parent: Node | None, data: dict[str, Any]) -> None:
        if name not in data or at_top:
            if child.items is None:
                args = child.head.args
                if len(args) == 1 and accept(args[0].value):
                    grow(run, data, name, (args[0].value,))
                    return
            else:
                read = [value.value for item in child.items for value in item.head.args]
                if read and len(read) == len(child.items) and all(map(accept, read)):
                    grow(run, data, name, tuple(read))
                    return
        mistakes.refuse_values_node(run, owner, key, values, accept, child, parent, data)

    return handle


def _short(readers: Mapping[str, Reader], object_name: str) -> Callable[[Run, Node, str], Record | None]:
    """Reads an object that may be written as the value of its first argument alone."""
    from .shape import language

    shape = language().objects[object_name]
    filled = shape.args[0] if shape.args else shape.rest
    assert filled is not None
    place = shape.keys[filled].shape
    assert isinstance(place, Scalar | Values)
    scalar = place.item if isinstance(place, Values) else place
    accept = compile_scalar(scalar)
    listed = isinstance(place, Values)

    def read(run: Run, node: Node, title: str) -> Record | None:
        args = node.head.args
        if node.children is not None:
            return readers[object_name](run, node, title)
        if node.items is None and len(args) == 1:
            value = args[0].value
            if accept(value):
                return make_record({filled: (value,) if listed else value}, node, run.file, shape)
            mistakes.refuse_short(run, title, scalar, node)
            return None
        if node.items and listed:
            read = [value.value for item in node.items for value in item.head.args]
            if len(read) == len(node.items) and all(map(accept, read)):
                return make_record({filled: tuple(read)}, node, run.file, shape)
        mistakes.refuse_short_list(run, shape, title, scalar, accept, node, listed)
        return None

    return read


def _block_handler(
    owner: ObjectShape, key: Key, readers: Mapping[str, Reader], object_name: str, short: bool
) -> Handler:
    name = key.name
    reader = _short(readers, object_name) if short else None

    def handle(run: Run, child: Node, parent: Node | None, data: dict[str, Any]) -> None:
        record = (reader or readers[object_name])(run, child, name)
        if name not in data or not mistakes.refuse_second(run, child, parent):
            data[name] = record

    return handle


def _nodes_handler(
    owner: ObjectShape, key: Key, readers: Mapping[str, Reader], object_name: str, short: bool
) -> Handler:
    name = key.name
    reader = _short(readers, object_name) if short else None

    def handle(run: Run, child: Node, parent: Node | None, data: dict[str, Any]) -> None:
        if name in data and mistakes.refuse_second(run, child, parent):
            return
        read = reader or readers[object_name]
        if child.items is None:
            found = [read(run, child, name)]
        else:
            if not child.items:
                mistakes.refuse_empty_list(run, key, child)
            found = [read(run, item, name) for item in child.items]
        records = tuple([record for record in found if record is not None])
        data[name] = records or None

    return handle


def _list_handler(
    owner: ObjectShape, key: Key, tagged: Tagged, readers: Mapping[str, Reader], at_top: bool
) -> Handler:
    name = key.name
    objects = tagged.objects
    only = next(iter(objects.items())) if len(objects) == 1 else None
    short = _short(readers, only[1]) if only is not None and tagged.short else None

    def read_item(run: Run, item: Node) -> Record | None:
        if only is not None:
            return (short or readers[only[1]])(run, item, only[0])
        if item.children is None:
            mistakes.refuse_item(run, key, tagged, item)
            return None
        tags = [child.head.name for child in item.children if child.head.name in objects]
        if len(tags) != 1:
            mistakes.refuse_tags(run, key, tagged, item, tags)
            return None
        return readers[objects[tags[0]]](run, item, tags[0])

    def handle(run: Run, child: Node, parent: Node | None, data: dict[str, Any]) -> None:
        if name in data and not at_top and mistakes.refuse_second(run, child, parent):
            return
        data.setdefault(name, None)
        if child.items is None:
            mistakes.refuse_not_list(run, key, tagged, child)
            return
        if not child.items:
            mistakes.refuse_empty_list(run, key, child)
            return
        found = [read_item(run, item) for item in child.items]
        records = tuple([record for record in found if record is not None])
        if records:
            grow(run, data, name, records)

    return handle
