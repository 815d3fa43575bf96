"""Allows: comments that silence a finding.

    route "a" { … }  // gwc: allow(GWC401) reason

Owns the allow, which findings it silences, and taking those away. The text is scanned for them here and not
by the front ends, because a comment is no part of a document; what a comment says is read by `directive`.

A comment at the end of a line silences the findings whose primary span starts on that line. A comment on a
line of its own silences those of the next line that is neither blank nor only a comment, and not those
inside a block which that line opens. Errors, and findings about these comments, cannot be silenced.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from gwc.schema.diagnostic import Diagnostic, Severity, in_order, warning
from gwc.schema.span import Span

if TYPE_CHECKING:
    from .comments import Syntax


@dataclass(frozen=True, slots=True)
class Allow:
    """One code of one comment.

    `span` is the code in the comment. The findings that it silences start at `start` or after it and before
    `end`, in the same file.
    """

    code: str
    span: Span
    start: int
    end: int
    reason: str


class Text(Protocol):
    """What is asked of a source file."""

    @property
    def text(self) -> str: ...


def scan_allows(
    sources: Mapping[str, Text], syntaxes: Mapping[str, Syntax] | None = None
) -> tuple[tuple[Allow, ...], tuple[Diagnostic, ...]]:
    """`scan_text` of every file, by the name that spans give it.

    A file's syntax is what `syntaxes` says, else what its name ends in: `.yaml` and `.yml` are YAML, all else
    is KDL.
    """
    allows: list[Allow] = []
    found: list[Diagnostic] = []
    for file, source in sources.items():
        by_name: Syntax = "yaml" if file.endswith((".yaml", ".yml")) else "kdl"
        of_file, about_file = scan_text(source.text, (syntaxes or {}).get(file, by_name), file)
        allows += of_file
        found += about_file
    return tuple(allows), tuple(found)


def scan_text(text: str, syntax: Syntax, file: str) -> tuple[tuple[Allow, ...], tuple[Diagnostic, ...]]:
    """The comments of one file that silence findings, and what is wrong with them.

    `file` is the path as spans of this file have it. A comment without a reason is reported and still
    silences. O(len(text)), and next to nothing for a text without `gwc:`. Never raises: a text with syntax
    errors is scanned as far as it can be told what is a comment.
    """
    if "gwc:" not in text:
        return (), ()
    # PERF: patterns and pages take 5 ms to load, and most configurations have no such comment.
    from .directive import read_directives

    return read_directives(text, syntax, file)


def apply_allows(diagnostics: Iterable[Diagnostic], allows: Iterable[Allow]) -> tuple[Diagnostic, ...]:
    """The diagnostics that are left, with one more for each allow that silenced nothing; in order.

    Of two allows of one code at one line, the first does the work. With an error among the diagnostics an
    allow may be waiting for a stage that did not run, so none is called useless then. With k findings
    and n allows O((k + n) log(k + n)).
    """
    waiting: dict[tuple[str, str], list[Allow]] = {}
    for allow in allows:
        waiting.setdefault((allow.span.file, allow.code), []).append(allow)
    if not waiting:
        return tuple(diagnostics)
    starts: dict[tuple[str, str], list[int]] = {}
    for key, group in waiting.items():
        group.sort(key=lambda each: (each.start, each.span))
        starts[key] = [each.start for each in group]
    left: list[Diagnostic] = []
    used: set[Allow] = set()
    errors = False
    for diagnostic in diagnostics:
        errors |= diagnostic.severity is Severity.ERROR
        by = _allow_for(diagnostic, waiting, starts)
        if by is None:
            left.append(diagnostic)
        else:
            used.add(by)
    if not errors:
        left.extend(_useless(allow) for group in waiting.values() for allow in group if allow not in used)
    return in_order(left)


def _allow_for(
    diagnostic: Diagnostic,
    waiting: dict[tuple[str, str], list[Allow]],
    starts: dict[tuple[str, str], list[int]],
) -> Allow | None:
    if diagnostic.span is None or diagnostic.severity is Severity.ERROR:
        return None
    key = (diagnostic.span.file, diagnostic.code)
    group = waiting.get(key)
    if group is None:
        return None
    last = bisect_right(starts[key], diagnostic.span.start) - 1
    if last < 0 or diagnostic.span.start >= group[last].end:
        return None
    return group[bisect_left(starts[key], group[last].start)]


def _useless(allow: Allow) -> Diagnostic:
    return warning(
        "GWC490",
        allow.span,
        f"nothing is silenced by this allow of `{allow.code}`",
        label="no such finding on its line" if allow.start < allow.end else "no line follows it",
        help="take it away, or move it to the end of the line that the finding points at",
    )
