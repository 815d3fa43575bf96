"""Diagnostics for people: a headline, where it is, the source with its spans marked, and what to do.

    error[GWC301]: upstream `orders` stands twice
      --> gwc.kdl:7:14
       |
     3 |     upstream "orders" { target "10.0.0.1:8080" }
       |              -------- the first
     7 |     upstream "orders" { target "10.0.0.2:8080" }
       |              ^^^^^^^^ the second of this name
       = help: give one of them another name

Owns the order of these parts. Nothing that stands in a file or a message reaches the terminal unseen: what
is not printable is spelt out (see `visible`). No library for terminals: start-up counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from gwc.schema.diagnostic import Diagnostic

from ..verdict import count
from .colour import paint, want_colour
from .snippet import Mark, Row, Snippet
from .source import Sources
from .visible import visible

__all__ = ["render_text", "summary", "want_colour"]

_MOST_SECONDARY: Final = 20
_UNLIMITED_WIDTH: Final = 160
_LEAST_WIDTH: Final = 40


def render_text(
    diagnostics: Iterable[Diagnostic], sources: Sources, *, colour: bool, width: int | None = None
) -> str:
    """All diagnostics in the order given, a blank line between two, a line end after the last.

    `width` is the terminal's, in columns: source lines are cut around their spans to fit into it (messages
    are not). None: lines are cut at 160 columns. Empty for no diagnostics. Never raises, whatever the
    texts hold; a span whose file is not in `sources` is shown without its text.
    """
    return "\n".join(_rendered(each, sources, colour, width) for each in diagnostics)


def summary(diagnostics: Iterable[Diagnostic]) -> str:
    """How many there are: `2 errors, 1 warning`; `no findings`."""
    counts = count(diagnostics)
    told = [f"{n} {severity.word}{'' if n == 1 else 's'}" for severity, n in counts.items() if n]
    return ", ".join(told) or "no findings"


def _rendered(diagnostic: Diagnostic, sources: Sources, colour: bool, width: int | None) -> str:
    lines: list[str] = []
    for row in _rows(diagnostic, sources, width):
        if colour:
            line = "".join(paint(text, style, diagnostic.severity) for text, style in row)
        else:
            line = "".join([text for text, _ in row]).rstrip()
        lines.append(line)
    return "\n".join(lines) + "\n"


def _rows(diagnostic: Diagnostic, sources: Sources, width: int | None) -> Iterator[Row]:
    yield [
        (f"{diagnostic.severity.word}[{diagnostic.code}]", "primary"),
        (f": {visible(diagnostic.headline)}", "bold"),
    ]
    marks: dict[str, list[Mark]] = {}
    if diagnostic.span is not None:
        marks[diagnostic.span.file] = [Mark(diagnostic.span, diagnostic.label, True)]
    for label in diagnostic.secondary[:_MOST_SECONDARY]:
        marks.setdefault(label.span.file, []).append(Mark(label.span, label.text, False))
    snippets = {file: Snippet(sources[file], group) for file, group in marks.items() if file in sources}
    gutter = max((len(str(each.last_line)) for each in snippets.values()), default=1)
    limit = max(_UNLIMITED_WIDTH if width is None else width, _LEAST_WIDTH) - gutter - len(" | ")
    arrow = "-->"
    for file, group in marks.items():
        place = visible(file)
        if file in sources:
            line, column = sources[file].line_column(group[0].span.start)
            place += f":{line}:{column}"
        yield [(" " * gutter + arrow, "gutter"), (f" {place}", "plain")]
        arrow = ":::"
        if file in snippets:
            yield from snippets[file].rows(gutter, limit)
        else:
            for mark in group:
                if mark.label:
                    yield from _remark(gutter, "note", mark.label)
    if diagnostic.span is None and diagnostic.label:
        yield from _remark(gutter, "note", diagnostic.label)
    if len(diagnostic.secondary) > _MOST_SECONDARY:
        yield from _remark(gutter, "note", f"and {len(diagnostic.secondary) - _MOST_SECONDARY} more places")
    if diagnostic.help:
        yield from _remark(gutter, "help", diagnostic.help)


def _remark(gutter: int, kind: str, text: str) -> Iterator[Row]:
    """`= help: …`; the lines after the first stand below its text."""
    first, *more = text.split("\n")
    margin = " " * (gutter + 1)
    yield [(f"{margin}=", "gutter"), (f" {kind}", "bold"), (f": {visible(first)}", "plain")]
    for line in more:
        yield [(f"{margin}  {' ' * len(kind)}  {visible(line)}", "plain")]
