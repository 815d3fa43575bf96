"""Validated data, and the way back from a value to the text it was written in.

Owns the record: a read-only mapping with the node it came from. Nothing is measured while data is read; a
span is worked out when somebody asks, from the node and from how its object is spelt. Knows nothing of how
nodes are judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, NoReturn

from gwc.schema.span import Span

from ..parse.document import Head, Node, Value
from .shape import ObjectShape, Tagged, Values, language


class Record(dict[str, Any]):
    """An object of the configuration: keys in written order, values plain data, no defaults filled in.

    A value is a scalar (text, whole number, truth value), a `Record`, or a tuple of either. Lists are tuples
    even where one value was written, and short forms are written out.

    It is a dict, so reading costs nothing extra, but every method that would change it refuses. `node` is
    what it was read from, `file` the file of that node, `shape` what kind of object it is.
    """

    __slots__ = ("file", "node", "shape")

    node: Node
    file: str
    shape: ObjectShape

    def _refuse(self, *_args: object, **_named: object) -> NoReturn:
        raise TypeError("a record does not change")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse


SetLayer = Literal["overlay", "environment", "flag"]
"""What can be laid over a file."""


class Patch(NamedTuple):
    """Where a value that was laid over another comes from: `record[key]` is where it was written.

    `name` is the variable or flag, empty for a file.
    """

    layer: SetLayer
    name: str
    record: Record
    key: str


NO_PATCHES: Final[Mapping[str, Patch]] = MappingProxyType({})


class PatchedRecord(Record):
    """A record of which some values were laid over: `patches` has those keys."""

    __slots__ = ("patches",)

    patches: Mapping[str, Patch]


class RootRecord(PatchedRecord):
    """The whole configuration: `entries` are its top-level nodes, each with its file, in document order."""

    __slots__ = ("entries",)

    entries: tuple[tuple[str, Node], ...]


_NO_NODE: Final = Node(Head("", None, 0, 0, (), ()), (), None, 0, 0)

NOWHERE: Final = Span("", 0, 0)
"""The place of what has no text at all: an empty configuration."""


def make_record(data: Mapping[str, Any], node: Node, file: str, shape: ObjectShape) -> Record:
    """A record of `data`, which is copied."""
    record = Record(data)
    record.node = node
    record.file = file
    record.shape = shape
    return record


def make_root(
    data: Mapping[str, Any], entries: tuple[tuple[str, Node], ...], patches: Mapping[str, Patch]
) -> RootRecord:
    """The record of a whole configuration, which has top-level entries instead of a node."""
    record = RootRecord(data)
    record.node = _NO_NODE
    record.file = entries[0][0] if entries else ""
    record.shape = language().root
    record.entries = entries
    record.patches = patches
    return record


def span_of(record: Record, key: str | None = None, index: int | None = None) -> Span:
    """Where a value stands: `record[key]`, one item of it with `index`, or the record itself.

    A list without `index` reaches from its first to its last item where they stand in one place, and is the
    first item otherwise. A tagged object is where its name stands, any other its first line.
    """
    if key is None:
        return _own_span(record)
    # PERF: what is asked most is the name of a route, which is its node's first argument.
    if type(record) is Record and record.node.head.args and record.shape.args[:1] == (key,):
        node, first = record.node, record.node.head.args[0]
        return Span(record.file, node.start + first.start, node.start + first.end)
    owner, key = _written(record, key)
    value = owner.get(key)
    if isinstance(value, Record):
        return _own_span(value)
    if isinstance(value, tuple) and value and isinstance(value[0], Record):
        return _own_span(value[index or 0])
    places = _value_places(owner, key)
    if not places:
        return _own_span(record)
    if index is not None:
        node, at = places[min(index, len(places) - 1)]
        return Span(owner.file, node.start + at.start, node.start + at.end)
    node, first = places[0]
    last_node, last = places[-1]
    if last_node is not node and not _is_item(node):
        # Values of several nodes: those of the first one.
        last_node, last = [place for place in places if place[0] is node][-1]
    return Span(owner.file, node.start + first.start, last_node.start + last.end)


def key_span(record: Record, key: str) -> Span:
    """Where the key of `record[key]` stands: a node's or property's name, or the argument that fills it."""
    owner, key = _written(record, key)
    for file, child in _children(owner, key):
        return Span(file, child.start + child.head.name_start, child.start + child.head.name_end)
    node = _node(owner)
    if node is None:
        return NOWHERE
    for prop in node.head.props:
        if prop.key == key:
            return Span(owner.file, node.start + prop.start, node.start + prop.end)
    return span_of(owner, key)


def layer_of(record: Record, key: str) -> Patch | None:
    """The patch that gave `record[key]` its value, None where it stands as its file has it."""
    if isinstance(record, PatchedRecord):
        return record.patches.get(key)
    return None


def _written(record: Record, key: str) -> tuple[Record, str]:
    """The record and key that a value was written as, patches followed."""
    while True:
        patch = layer_of(record, key)
        if patch is None:
            return record, key
        record, key = patch.record, patch.key


def _node(record: Record) -> Node | None:
    """The node of a record, None for the root, which has many."""
    return None if isinstance(record, RootRecord) else record.node


def _own_span(record: Record) -> Span:
    node = _node(record)
    if node is None:
        for file, entry in record.entries if isinstance(record, RootRecord) else ():
            return Span(file, entry.start + entry.head.name_start, entry.start + entry.head.name_end)
        return NOWHERE
    tag = record.shape.tag
    if tag is not None and tag in record:
        owner, key = _written(record, tag)
        for at_node, value in _value_places(owner, key):
            return Span(owner.file, at_node.start + value.start, at_node.start + value.end)
    return first_line(record.file, node)


def first_line(file: str, node: Node) -> Span:
    """The head of a node: its name, arguments and properties; of an unnamed item, that of its first key."""
    head = node.head
    if _is_item(node) and node.children:
        return first_line(file, node.children[0])
    end = head.name_end
    if head.args:
        end = max(end, head.args[-1].end)
    if head.props:
        end = max(end, head.props[-1].value.end)
    start = head.args[0].start if _is_item(node) and head.args else head.name_start
    return Span(file, node.start + start, node.start + end)


def _is_item(node: Node) -> bool:
    """Whether the node is an item of a YAML sequence."""
    return node.head.name == "-"


def _children(record: Record, key: str) -> Iterable[tuple[str, Node]]:
    """The child nodes that fill a key, each with its file."""
    shape = record.shape
    if isinstance(record, RootRecord):
        entries: Iterable[tuple[str, Node]] = record.entries
    elif key == shape.tag and record.node.head.args:
        return ()
    else:
        entries = [(record.file, child) for child in record.node.children or ()]
    # YAML writes a list under its own key; KDL may have its nodes stand in the object itself.
    own = [(file, child) for file, child in entries if child.head.name == key]
    place = shape.keys.get(key)
    if own or place is None or not isinstance(place.shape, Tagged) or place.shape.place == "block":
        return own
    return [(file, child) for file, child in entries if child.head.name in place.shape.objects]


def _value_places(record: Record, key: str) -> list[tuple[Node, Value]]:
    """Every scalar that fills a key, each with the node that its position is relative to."""
    shape = record.shape
    node = _node(record)
    found: list[tuple[Node, Value]] = []
    if node is not None:
        args = node.head.args
        if key in shape.args and shape.args.index(key) < len(args):
            return [(node, args[shape.args.index(key)])]
        if key == shape.rest:
            found += ((node, value) for value in args[len(shape.args) :])
            if node.items:
                found += ((item, value) for item in node.items for value in item.head.args)
        found += ((node, prop.value) for prop in node.head.props if prop.key == key)
    place = shape.keys.get(key)
    for _, child in _children(record, key):
        if child.items is not None:
            found += ((item, value) for item in child.items for value in item.head.args)
        elif place is not None and isinstance(place.shape, Values):
            found += ((child, value) for value in child.head.args)
        else:
            found += ((child, value) for value in child.head.args[:1])
    return found
