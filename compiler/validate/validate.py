"""The stage itself: top-level entries in, validated data out.

Owns the reading of the top level, where nodes of several files meet and lists of the same name add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from gwc.schema.diagnostic import Diagnostic, in_order
from gwc.schema.span import Span

from ..parse.document import Document, Node
from ..source import SourceFile
from . import kdl, kdl_mistakes, provenance, yaml, yaml_mistakes
from .provenance import Origin
from .record import NO_PATCHES, RootRecord, make_root
from .run import Run
from .shape import ROOT, ObjectShape, language

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


def validate(
    entries: Iterable[tuple[Document, Node]],
    sources: Mapping[str, SourceFile] = _NO_SOURCES,
    *,
    partial: bool = False,
) -> Validated:
    """Judge the top-level nodes of a configuration, in document order, includes already in their place.

    `sources` are the files by their paths as shown; with them, the span of a mistake inside a text value is
    exact. `partial` is for overlays: what a configuration must have may be missing, but for names.
    """
    readers = _readers()
    run = Run(len(language().objects), sources, partial)
    root = language().root
    data: dict[str, Any] = {}
    for document, node in entries:
        run.file = document.file
        run.syntax = document.syntax
        run.entries.append((document.file, node))
        handlers = (readers.kdl if document.syntax == "kdl" else readers.yaml)[ROOT]
        handler = handlers.get(node.head.name)
        if handler is not None:
            handler(run, node, None, data)
        elif document.syntax == "kdl":
            kdl_mistakes.refuse_child(run, root, None, node, data, handlers)
        else:
            yaml_mistakes.refuse_child(run, root, "", node, data, handlers)
    kdl.settle(run, data)
    kept = {key: value for key, value in data.items() if value is not None}
    return Validated(make_root(kept, tuple(run.entries), NO_PATCHES), in_order(run.diagnostics))


def read_entry(run: Run, shape: ObjectShape, node: Node, data: dict[str, Any]) -> None:
    """Read one entry, of the run's syntax, into the data of an object that knows its name."""
    readers = _readers()
    handlers = (readers.kdl if run.syntax == "kdl" else readers.yaml)[shape.name]
    handlers[node.head.name](run, node, None, data)
    kdl.settle(run, data)


@dataclass(frozen=True, slots=True)
class _Readers:
    """What reads the entries of every object: by the object's name, by the entry's."""

    kdl: Mapping[str, Mapping[str, kdl.Handler]]
    yaml: Mapping[str, Mapping[str, yaml.Handler]]


@cache
def _readers() -> _Readers:
    """The readers of the language, compiled once."""
    return _Readers(kdl.compile_kdl(language()), yaml.compile_yaml(language()))
