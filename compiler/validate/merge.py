"""Laying one record over another.

Owns the rule of merging: scalars and lists of values are replaced, objects are merged key by key, lists of
objects are replaced whole. Where an object can have one of several keys only (the action of a route), the key
laid over takes the place of the other. Every record that changed is a new one; the base is not touched. Who
set a value stays known (`Patch`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from .record import NO_PATCHES, Patch, PatchedRecord, Record, RootRecord, SetLayer, make_record, make_root
from .shape import Block, Tagged

Step = tuple[str, int | None]
"""One step from a record to one below it: a key, and the number of the item where it is a list."""


def merged(base: Record, over: Record, layer: SetLayer, name: str) -> Record:
    """`base` with the keys of `over` in it, except its tag and, of a group, its routes."""
    data: dict[str, Any] = dict(base)
    patches: dict[str, Patch] = dict(base.patches) if isinstance(base, PatchedRecord) else {}
    for key, value in over.items():
        shape = base.shape.keys[key].shape
        if key == base.shape.tag or (isinstance(shape, Tagged) and key == "routes"):
            continue
        for rivals in base.shape.exclusive:
            if key in rivals:
                for rival in rivals:
                    if rival != key:
                        data.pop(rival, None)
                        patches.pop(rival, None)
        present = data.get(key)
        if isinstance(shape, Block) and not shape.short and isinstance(present, Record):
            data[key] = merged(present, value, layer, name)
        else:
            data[key] = value
            patches[key] = Patch(layer, name, over, key)
    return _like(base, data, MappingProxyType(patches))


def replaced(record: Record, data: Mapping[str, Any]) -> Record:
    """The same record with other data: for records of which something inside changed."""
    return _like(record, data, record.patches if isinstance(record, PatchedRecord) else NO_PATCHES)


def _like(base: Record, data: Mapping[str, Any], patches: Mapping[str, Patch]) -> Record:
    """A record of the same node and shape as `base`."""
    if isinstance(base, RootRecord):
        return make_root(data, base.entries, patches)
    if not patches:
        return make_record(data, base.node, base.file, base.shape)
    record = PatchedRecord(data)
    record.node, record.file, record.shape, record.patches = base.node, base.file, base.shape, patches
    return record


def rebuilt(record: Record, steps: Sequence[Step], new: Record) -> Record:
    """`record` with the record that `steps` lead to replaced by `new`."""
    if not steps:
        return new
    (key, index), rest = steps[0], steps[1:]
    inner = record[key]
    if index is None:
        changed: Any = rebuilt(inner, rest, new)
    else:
        changed = (*inner[:index], rebuilt(inner[index], rest, new), *inner[index + 1 :])
    return replaced(record, {**record, key: changed})


def named_below(
    records: Iterable[Record], steps: tuple[Step, ...], key: str
) -> Iterator[tuple[Record, tuple[Step, ...]]]:
    """Every named object of a list and of the groups in it, each with the way to it."""
    for index, record in enumerate(records):
        way = (*steps, (key, index))
        yield record, way
        if record.shape.tag == "group":
            yield from named_below(record.get("routes", ()), way, "routes")
