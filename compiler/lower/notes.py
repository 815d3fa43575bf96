"""Notes: where routes and alternatives were written. Not part of the body.

Owns the way from spans to lines. Paths are relative to the main file's directory, so the notes too are the
same on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from gwc.schema.span import Span
from gwc.schema.table import Notes
from gwc.schema.version import VERSION

from ..resolve.resolved import ResolvedConfig
from ..source import SourceFile

Place = tuple[int, int, int]


def lower_notes(
    config: ResolvedConfig, written: Sequence[tuple[int, ...]], sources: Mapping[str, SourceFile], root: str
) -> Notes:
    """The notes of a configuration; `written` is by rank."""
    files: dict[str, int] = {}
    places: dict[Span, Place] = {}

    def place(span: Span) -> Place:
        found = places.get(span)
        if found is None:
            source = sources.get(span.file)
            name = os.path.relpath(span.file, root) if source is None else source.name
            line, column = (1, 1) if source is None else source.line_column(span.start)
            found = places[span] = files.setdefault(name, len(files)), line, column
        return found

    routes = tuple(place(route.span) for route in config.routes)
    alternatives = tuple(place(alternative.span) for alternative in config.alternatives)
    return Notes(VERSION, tuple(files), routes, alternatives, tuple(written))
