"""Comments that silence a finding: `// gwc: allow(GWC401) reason` in KDL, the same after `#` in YAML.

Owns reading the comments, saying what is wrong with them, and taking silenced findings away. The text is
scanned here and not by the front ends, because a comment is no part of a document; which text is a comment
is asked of `comments`.

A comment at the end of a line silences the findings whose primary span starts on that line. A comment on a
line of its own silences those of the next line that is neither blank nor only a comment, and not those
inside a block which that line opens. Errors, and findings about these comments, cannot be silenced.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from gwc.schema.diagnostic import Diagnostic, Severity, in_order, warning
from gwc.schema.span import Span

from .catalogue import codes, nearest_code, page
from .comments import LINE_END, Syntax, comments, is_blank, next_statement

_OWN_CODES: Final = frozenset({"GWC490", "GWC491", "GWC492", "GWC493", "GWC494"})
_FORM: Final = {"kdl": "// gwc: allow(GWC401) reason", "yaml": "# gwc: allow(GWC401) reason"}

_DIRECTIVE: Final = re.compile(r"gwc:[ \t]*allow[ \t]*\(([^()]*)\)[ \t]*(.*)", re.DOTALL)
_LISTED: Final = re.compile(r"[^\s,](?:[^,]*[^\s,])?")


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
    allows: list[Allow] = []
    found: list[Diagnostic] = []
    # Where each line starts; the last entry is one after the end, because a span may begin at the end.
    lines = [0, *(each.end() for each in LINE_END.finditer(text)), len(text) + 1]
    target = 0
    for at, comment in comments(text, syntax):
        if comment is None:
            span = Span(file, at, at + len("gwc:"))
            found.append(_not_understood(span, syntax, "a block comment cannot silence a finding"))
            continue
        line = bisect_right(lines, at) - 1
        if is_blank(text, lines[line], at):
            if target <= line:
                target = next_statement(text, lines, line + 1, syntax)
            line = target
        silenced = (lines[line], lines[line + 1]) if line + 1 < len(lines) else (len(text) + 1,) * 2
        allows.extend(_read(comment[1], comment.start(1), silenced, syntax, file, found))
    return tuple(allows), tuple(found)


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


def _read(
    comment: str, at: int, silenced: tuple[int, int], syntax: Syntax, file: str, found: list[Diagnostic]
) -> Iterator[Allow]:
    """The allows of one comment, which begins with `gwc:` at offset `at`."""
    directive = _DIRECTIVE.fullmatch(comment)
    listed = [] if directive is None else list(_LISTED.finditer(comment, *directive.span(1)))
    if directive is None or len(listed) != directive[1].count(",") + 1:
        span = Span(file, at, at + len(comment.rstrip()))
        found.append(_not_understood(span, syntax, "`gwc:` begins a comment that gwc reads"))
        return
    reason = directive[2].strip()
    if not reason:
        found.append(
            warning(
                "GWC491",
                Span(file, at, at + directive.end(1) + 1),
                "this allow gives no reason",
                help="say after the parenthesis why the finding is no mistake here",
            )
        )
    for each in listed:
        code = each[0]
        span = Span(file, at + each.start(), at + each.end())
        known = page(code)
        if known is None:
            near = nearest_code(code)
            found.append(
                warning(
                    "GWC492",
                    span,
                    f"there is no diagnostic `{code}`",
                    help=f"did you mean `{near}`?" if near else f"codes look like `{codes()[0]}`",
                )
            )
        elif known.severity is Severity.ERROR or code in _OWN_CODES:
            label = (
                "findings about allows stay"
                if code in _OWN_CODES
                else "an error leaves nothing that could run"
            )
            found.append(
                warning(
                    "GWC493",
                    span,
                    f"`{code}` cannot be silenced",
                    label=label,
                    help="mend what it points at, and take it out of the comment",
                )
            )
        else:
            yield Allow(code, span, *silenced, reason)


def _not_understood(span: Span, syntax: Syntax, label: str) -> Diagnostic:
    return warning(
        "GWC494", span, "this comment to gwc is not understood", label=label, help=f"write `{_FORM[syntax]}`"
    )
