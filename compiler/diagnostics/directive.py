"""What a comment to gwc says: `gwc: allow(GWC401, GWC402) reason`.

Owns the form of these comments, which line each is about, and what is wrong with one. Where they stand in a
text is asked of `comments`, what their codes are of the catalogue.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from gwc.schema.diagnostic import Diagnostic, Severity, warning
from gwc.schema.span import Span

from .allow import Allow
from .catalogue import codes, nearest_code, page
from .comments import LINE_END, Syntax, comments, is_blank, next_statement

_OWN_CODES: Final = frozenset({"GWC490", "GWC491", "GWC492", "GWC493", "GWC494"})
_FORM: Final = {"kdl": "// gwc: allow(GWC401) reason", "yaml": "# gwc: allow(GWC401) reason"}

_DIRECTIVE: Final = re.compile(r"gwc:[ \t]*allow[ \t]*\(([^()]*)\)[ \t]*(.*)", re.DOTALL)
_LISTED: Final = re.compile(r"[^\s,](?:[^,]*[^\s,])?")


def read_directives(text: str, syntax: Syntax, file: str) -> tuple[tuple[Allow, ...], tuple[Diagnostic, ...]]:
    """What every comment to gwc in one file silences, and what is wrong with them (see `allow.scan_text`)."""
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
