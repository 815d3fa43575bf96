"""Diagnostics as workflow commands, which GitHub's runner turns into annotations of a pull request.

    ::error file=gwc.kdl,line=7,endLine=7,col=14,endColumn=22,title=GWC301 a name stands twice::upstream …

Owns the commands' spelling and GitHub's limit of ten annotations of each level and step. The title is the
code's, the message is the finding's. What a configuration holds cannot become a command of its own: line
ends are escaped, and so is everything else that is not printable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gwc.schema.diagnostic import Diagnostic, Severity

from ..catalogue import page
from .source import Sources
from .visible import visible

_LEVEL: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_MOST_OF_A_LEVEL: Final = 10


def render_github(diagnostics: Sequence[Diagnostic], sources: Sources) -> str:
    """The commands: errors first, then warnings, then notes, each in the order given.

    Of each severity the first ten, then a line for the log that says how many more there are. A span of
    several lines has no columns, because GitHub takes them for one line.
    """
    lines: list[str] = []
    for severity, level in _LEVEL.items():
        found = [each for each in diagnostics if each.severity is severity]
        lines.extend(_command(level, each, sources) for each in found[:_MOST_OF_A_LEVEL])
        more = len(found) - _MOST_OF_A_LEVEL
        if more > 0:
            plural = "" if more == 1 else "s"
            lines.append(f"{more} more {severity.word}{plural}; GitHub shows {_MOST_OF_A_LEVEL} of a kind")
    return "".join(f"{line}\n" for line in lines)


def _command(level: str, diagnostic: Diagnostic, sources: Sources) -> str:
    properties: dict[str, str | int] = {}
    span = diagnostic.span
    if span is not None:
        properties["file"] = span.file
        source = sources.get(span.file)
        if source is not None:
            line, column = source.line_column(span.start)
            last, end = source.line_column(max(span.start, span.end - 1))
            properties |= {"line": line, "endLine": last}
            if line == last:
                properties |= {"col": column, "endColumn": end + (span.end > span.start)}
    found = page(diagnostic.code)
    properties["title"] = f"{diagnostic.code} {found.title}" if found else diagnostic.code
    listed = ",".join(f"{name}={_property(str(value))}" for name, value in properties.items())
    return f"::{level} {listed}::{_message(diagnostic)}"


def _message(diagnostic: Diagnostic) -> str:
    parts = [diagnostic.headline, diagnostic.label]
    if diagnostic.help:
        first, *more = diagnostic.help.split("\n")
        parts += [f"help: {first}", *more]
    return "%0A".join(_escaped(part) for part in parts if part)


def _escaped(text: str) -> str:
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
