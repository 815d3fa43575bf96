"""Diagnostics for programs: one JSON object, described by `schema/diagnostics.schema.json`.

Owns that form. `schema_version` changes when something is removed or means something else; something new may
come without. Every diagnostic stands on a line of its own, so that the output can be searched by line.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from gwc.schema.diagnostic import Diagnostic
from gwc.schema.span import Span

from ..verdict import count
from .source import Sources

SCHEMA_VERSION: Final = 1


def render_json(diagnostics: Sequence[Diagnostic], sources: Sources) -> str:
    """All diagnostics in the order given, as ASCII with a line end after the last line.

    Offsets count code points from 0, lines and columns from 1 (columns in code points); ends are exclusive.
    Lines and columns are null for a span whose file is not in `sources`.
    """
    counts = {severity.word: number for severity, number in count(diagnostics).items()}
    entries = ",\n".join(_dumps(_diagnostic(each, sources)) for each in diagnostics)
    listed = f"[\n{entries}\n]" if entries else "[]"
    return f'{{"schema_version": {SCHEMA_VERSION}, "counts": {_dumps(counts)}, "diagnostics": {listed}}}\n'


def _dumps(value: object) -> str:
    """ASCII without control characters: DEL is the only one that `json` leaves."""
    return json.dumps(value).replace("\x7f", "\\u007f")


def _diagnostic(diagnostic: Diagnostic, sources: Sources) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.word,
        "headline": diagnostic.headline,
        "file": diagnostic.span.file if diagnostic.span else None,
        "span": _span(diagnostic.span, sources) if diagnostic.span else None,
        "label": diagnostic.label,
        "secondary": [
            {"file": each.span.file, "span": _span(each.span, sources), "label": each.text}
            for each in diagnostic.secondary
        ],
        "help": diagnostic.help,
    }


def _span(span: Span, sources: Sources) -> dict[str, dict[str, int | None]]:
    return {"start": _place(span.file, span.start, sources), "end": _place(span.file, span.end, sources)}


def _place(file: str, offset: int, sources: Sources) -> dict[str, int | None]:
    source = sources.get(file)
    line, column = source.line_column(offset) if source else (None, None)
    return {"offset": offset, "line": line, "column": column}
