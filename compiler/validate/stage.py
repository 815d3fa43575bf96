"""The stage itself: top-level entries in, validated data out.

Owns the reading of the top level, where nodes of several files meet and lists of the same name add up.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from gwc.schema.diagnostic import Diagnostic, error, in_order
from gwc.schema.span import Span

from ..parse.document import Document, Node
from ..source import SourceFile
from . import kdl, kdl_mistakes, provenance, yaml, yaml_mistakes
from .provenance import Origin
from .record import NO_PATCHES, RootRecord, make_root
from .run import MOST_FINDINGS, Run
from .shape import ROOT, ObjectShape, Tagged, language

_NO_SOURCES: Final[Mapping[str, SourceFile]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Validated:
    """Plain data, and what is to be said about it.

    `data` holds what could be understood; with an error among the diagnostics parts may be missing, required
    ones too. Diagnostics are in order of place.
    """

    data: RootRecord
    diagnostics: tuple[Diagnostic, ...]

    def locate(self, pointer: str) -> Span:
        """The span of what a JSON pointer leads to, of the nearest thing around it where there is nothing."""
        return provenance.locate(self.data, pointer)

    def provenance(self, pointer: str) -> Origin:
        """The layer that gave the value at a JSON pointer. Raises KeyError where nothing gave one."""
        return provenance.provenance(self.data, pointer)


class _Read(NamedTuple):
    """What one top-level node came to. The node is kept so that its identity stays its own."""

    node: Node
    file: str
    data: dict[str, Any]
    diagnostics: tuple[Diagnostic, ...]


class ValidateCache:
    """What an earlier run read from nodes that add up to lists: listeners, upstreams, matchers, routes.

    Mutable: `read` is by the identity of a node, which the parser's cache keeps while a file is the same.
    Nodes that were not met in a run are forgotten after it.
    """

    def __init__(self) -> None:
        self.read: dict[int, _Read] = {}


def validate(
    entries: Iterable[tuple[Document, Node]],
    sources: Mapping[str, SourceFile] = _NO_SOURCES,
    *,
    partial: bool = False,
    cache: ValidateCache | None = None,
) -> Validated:
    """Judge the top-level nodes of a configuration, in document order, includes already in their place.

    `sources` are the files by their paths as shown; with them, the span of a mistake inside a text value is
    exact. `partial` is for overlays: what a configuration must have may be missing, but for names. With
    `cache`, nodes of an earlier run are not read again.
    """
    readers = _readers()
    met: dict[int, _Read] = {}
    run = Run(len(language().objects), sources, partial)
    root = language().root
    data: dict[str, Any] = {}
    for document, node in entries:
        run.enter(document.file, document.syntax, node)
        handlers = (readers.kdl if document.syntax == "kdl" else readers.yaml)[ROOT]
        handler = handlers.get(node.head.name)
        if handler is not None and cache is not None and node.head.name in readers.adding_up:
            known = cache.read.get(id(node))
            if known is None or known.file != document.file:
                known = _read_apart(run, handler, node, document.file)
            met[id(node)] = known
            run.diagnostics += known.diagnostics
            for key, value in known.data.items():
                if value is not None:
                    kdl.grow(run, data, key, value)
        elif handler is not None:
            handler(run, node, None, data)
        elif document.syntax == "kdl":
            kdl_mistakes.refuse_child(run, root, None, node, data, handlers)
        else:
            yaml_mistakes.refuse_child(run, root, "", node, data, handlers)
    if cache is not None:
        cache.read = met
    kdl.settle(run, data)
    if run.dropped:
        run.diagnostics.append(_too_many(run))
    kept = {key: value for key, value in data.items() if value is not None}
    return Validated(make_root(kept, tuple(run.entries), NO_PATCHES), in_order(run.diagnostics))


def _read_apart(run: Run, handler: kdl.Handler, node: Node, file: str) -> _Read:
    """Read one node into data of its own; what is found is taken out of the run again."""
    data: dict[str, Any] = {}
    before = len(run.diagnostics)
    handler(run, node, None, data)
    kdl.settle(run, data)
    found = tuple(run.diagnostics[before:])
    del run.diagnostics[before:]
    return _Read(node, file, data, found)


def _too_many(run: Run) -> Diagnostic:
    """What is said of the findings that are not told, at the last one that is."""
    return error(
        "GWC234",
        run.diagnostics[-1].span,
        f"there are {run.dropped} mistakes more than the {MOST_FINDINGS} that are told",
        help="mend the first ones: most of the others may have the same cause",
    )


def read_entry(run: Run, shape: ObjectShape, node: Node, data: dict[str, Any]) -> None:
    """Read one entry, of the run's syntax, into the data of an object that knows its name."""
    readers = _readers()
    handlers = (readers.kdl if run.syntax == "kdl" else readers.yaml)[shape.name]
    handlers[node.head.name](run, node, None, data)
    kdl.settle(run, data)


class _Readers(NamedTuple):
    """What reads the entries of every object: by the object's name, by the entry's.

    `adding_up` are the top-level entries whose values are lists that several nodes add to.
    """

    kdl: Mapping[str, Mapping[str, kdl.Handler]]
    yaml: Mapping[str, Mapping[str, yaml.Handler]]
    adding_up: frozenset[str]


@functools.cache
def _readers() -> _Readers:
    """The readers of the language, compiled once."""
    tagged = {
        name
        for node_name, key in language().root.kdl_names()
        if isinstance(key.shape, Tagged)
        for name in (node_name, key.name)
    }
    return _Readers(kdl.compile_kdl(language()), yaml.compile_yaml(language()), frozenset(tagged))
