"""Overlay files: what an environment changes of a configuration.

Owns the order of the layers and what an overlay may do: it is a partial configuration in the same language,
and changes things that exist and have names (listeners, upstreams, matchers, routes, groups), `defaults`, and
what is said of the gateway as a whole; it adds no named thing. How one value is laid over another is
`merge.py`'s matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from gwc.schema.diagnostic import Diagnostic, Label, Severity, error, in_order

from ..diagnostics.nearest import nearest
from ..parse.document import Document, Node
from ..source import SourceFile
from .merge import merged, named_below, replaced
from .record import NO_PATCHES, Record, RootRecord, make_record, make_root, span_of
from .setting import PREFIX, apply_settings
from .shape import Block, Tagged
from .stage import Validated, validate
from .words import listed

_NO_SOURCES: Final[Mapping[str, SourceFile]] = MappingProxyType({})
_NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})


Entries = Sequence[tuple[Document, Node]]
"""The top-level nodes of a configuration or overlay, each with its document, includes in their place."""


def merge_overlays(
    base: Validated,
    overlays: Sequence[Entries] = (),
    *,
    sources: Mapping[str, SourceFile] = _NO_SOURCES,
    settings: Sequence[str] = (),
    environment: Mapping[str, str] = _NO_VARIABLES,
) -> Validated:
    """The configuration with everything laid over it; precedence: flag, environment, overlay, file.

    `overlays` are the top-level entries of each overlay file, later ones over earlier ones. `environment` is
    searched for variables that begin with `GWC_SET__`. `settings` are `PATH=VALUE` texts, later ones over
    earlier ones. The diagnostics are those of the overlaying alone; what was in error is not laid over.
    """
    found: list[Diagnostic] = []
    root = base.data
    for entries in overlays:
        overlay = validate(entries, sources, partial=True)
        found += overlay.diagnostics
        if not any(each.severity is Severity.ERROR for each in overlay.diagnostics):
            root = _lay_over(root, overlay.data, found)
    root = apply_settings(root, environment, settings, found)
    found += _incomplete(root)
    return Validated(root, in_order(found))


def _incomplete(root: RootRecord) -> Iterator[Diagnostic]:
    """A finding for each object of which only a part was laid over, where nothing was to lay it over."""
    pending: list[Record] = [root]
    while pending:
        record = pending.pop()
        shape = record.shape
        for name in () if shape.required <= record.keys() else shape.keys:
            if name in shape.required and name not in record:
                by_value = record.file.startswith((PREFIX, "--set "))
                what = record.node.head.name if record.node.head.name not in ("", "-") else shape.name
                yield error(
                    "GWC246",
                    None if by_value else span_of(record),
                    f"`{what}` is laid over nothing, and says no `{name}`",
                    help=f"write `{name}` too, or see to it that the configuration has one",
                )
        for value in record.values():
            if isinstance(value, Record):
                pending.append(value)
            elif type(value) is tuple and value and isinstance(value[0], Record):
                pending += value


def _lay_over(root: RootRecord, overlay: RootRecord, found: list[Diagnostic]) -> RootRecord:
    changed: Record = root
    for key, value in overlay.items():
        shape = root.shape.keys[key].shape
        if isinstance(shape, Tagged):
            changes = _find_all(root, key, value, found)
            if changes:
                items = _changed_items(changed.get(key, ()), changes)
                changed = replaced(changed, {**changed, key: items})
        elif isinstance(shape, Block) and not shape.short:
            base = changed.get(key) or make_record({}, value.node, value.file, value.shape)
            changed = replaced(changed, {**changed, key: merged(base, value, "overlay", "")})
        else:
            changed = merged(changed, make_root({key: value}, overlay.entries, NO_PATCHES), "overlay", "")
    assert isinstance(changed, RootRecord)
    return changed


def _find_all(
    root: RootRecord, key: str, records: Sequence[Record], found: list[Diagnostic]
) -> dict[tuple[str, str], list[Record]]:
    """What an overlay's list changes, by kind and name; what names nothing that exists is reported."""
    known: dict[tuple[str, str], list[Record]] = {}
    for record, _ in named_below(root.get(key, ()), (), key):
        tag = record.shape.tag
        assert tag is not None
        known.setdefault((tag, record[tag]), []).append(record)
    changes: dict[tuple[str, str], list[Record]] = {}
    for record, _ in named_below(records, (), key):
        tag = record.shape.tag
        assert tag is not None
        name = record[tag]
        present = known.get((tag, name), [])
        if not present:
            found.append(_unknown_name(record, tag, name, known))
        elif len(present) > 1:
            found.append(_two_of_a_name(record, tag, name, present))
        else:
            changes.setdefault((tag, name), []).append(record)
    return changes


def _changed_items(
    records: Sequence[Record], changes: Mapping[tuple[str, str], Sequence[Record]]
) -> tuple[Record, ...]:
    items = []
    for record in records:
        tag = record.shape.tag
        assert tag is not None
        item = record
        for over in changes.get((tag, record[tag]), ()):
            item = merged(item, over, "overlay", "")
        if tag == "group" and "routes" in item:
            inner = _changed_items(item["routes"], changes)
            if any(new is not old for new, old in zip(inner, item["routes"], strict=True)):
                item = replaced(item, {**item, "routes": inner})
        items.append(item)
    return tuple(items)


def _unknown_name(record: Record, tag: str, name: str, known: Mapping[tuple[str, str], object]) -> Diagnostic:
    names = [each for kind, each in known if kind == tag]
    near = nearest(name, names)
    if near is not None:
        advice = f"did you mean `{near}`?"
    elif names:
        advice = f"an overlay changes what exists, and there is {listed(names, 'and', 8)}"
    else:
        advice = f"an overlay changes what exists; the configuration has no {tag}"
    return error(
        "GWC240",
        span_of(record, tag),
        f"there is no {tag} `{name}` to lay this over",
        label="an overlay adds nothing",
        help=advice,
    )


def _two_of_a_name(record: Record, tag: str, name: str, present: Sequence[Record]) -> Diagnostic:
    return error(
        "GWC241",
        span_of(record, tag),
        f"there are {len(present)} {tag}s `{name}`, and this says not which",
        secondary=[Label(span_of(each, tag), f"{tag} `{name}`") for each in present[:4]],
        help="give them different names",
    )
