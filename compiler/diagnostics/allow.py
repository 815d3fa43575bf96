"""Comments that silence a finding: `// gwc: allow(GWC401) reason` in KDL, the same after `#` in YAML.

Owns finding the comments, saying what is wrong with them, and taking silenced findings away. The text is
scanned here and not by the front ends, because a comment is no part of a document; what counts as a comment
is still the syntax's own rule, so text inside a string never is one.

A comment at the end of a line silences the findings whose primary span starts on that line. A comment on a
line of its own silences those of the next line that is neither blank nor only a comment, and not those
inside a block which that line opens. Errors, and findings about these comments, cannot be silenced.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from gwc.schema.diagnostic import Diagnostic, Severity, in_order, warning
from gwc.schema.span import Span

from .catalogue import codes, nearest_code, page

Syntax = Literal["kdl", "yaml"]

_DEEPEST: Final = 200
"""Deeper YAML is refused anyway, and its parser is quadratic in the depth."""

_OWN_CODES: Final = frozenset({"GWC490", "GWC491", "GWC492", "GWC493", "GWC494"})
_FORM: Final = {"kdl": "// gwc: allow(GWC401) reason", "yaml": "# gwc: allow(GWC401) reason"}

_LINE_END: Final = re.compile(r"\r\n?|\n")
# Whatever ends a comment in either syntax. Only LF, CR and CRLF end a line that is counted.
_BREAKS: Final = r"\n\r\x0b\x0c\x85\u2028\u2029"
_BLANK: Final = re.compile(rf"[ \t\ufeff\xa0\u1680\u2000-\u200a\u202f\u205f\u3000{_BREAKS}]*+")

# Everything of a KDL file that is neither raw string nor block comment nor a comment of ours. Each
# alternative begins with another character and takes all it can, so the scan is linear. `r"` begins a raw
# string of KDL 1 unless it ends a word; in KDL 2 the same characters are a mistake.
_KDL_ORDINARY: Final = re.compile(
    rf"""
    (?: [^"/\#r]++
      | r (?: (?!") | (?<= [^\s=(){{}};] r ) )
      | \#++ (?!")
      | "(?!"") (?: [^"\\]++ | \\. )*+ "
      | \"{{3}} (?: [^"\\]++ | \\. | "(?!"") )*+ \"{{3}}
      | // (?! [ \t]*gwc: ) [^{_BREAKS}]*+
      | / (?![/*])
    )*+
    """,
    re.VERBOSE | re.DOTALL,
)
_KDL_RAW: Final = re.compile(r'(#+|r)("{3}|")')
_KDL_BLOCK_MARK: Final = re.compile(r"/\*|\*/")
_COMMENT_TEXT: Final = re.compile(rf"[^{_BREAKS}]*+")
_COMMENT: Final = re.compile(rf"(?://|#)[ \t]*+(gwc:[^{_BREAKS}]*+)")
_YAML_SIGN: Final = re.compile(rf"(?<![^ \t\ufeff{_BREAKS}])#")
_YAML_OURS: Final = re.compile(r"#[ \t]*+gwc:")
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
    lines = [0, *(each.end() for each in _LINE_END.finditer(text)), len(text) + 1]
    target = 0
    for at, comment in _kdl_comments(text) if syntax == "kdl" else _yaml_comments(text):
        if comment is None:
            span = Span(file, at, at + len("gwc:"))
            found.append(_not_understood(span, syntax, "a block comment cannot silence a finding"))
            continue
        line = bisect_right(lines, at) - 1
        if _BLANK.fullmatch(text, lines[line], at):
            if target <= line:
                target = _next_statement(text, lines, line + 1, syntax)
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


def _next_statement(text: str, lines: Sequence[int], line: int, syntax: Syntax) -> int:
    """The first line from `line` on that is neither blank nor only a comment; the last one if none is."""
    at = lines[min(line, len(lines) - 1)]
    while at < len(text):
        blank = _BLANK.match(text, at)
        assert blank is not None
        at = blank.end()
        if text.startswith("//" if syntax == "kdl" else "#", at):
            at = _comment_end(text, at)
        elif syntax == "kdl" and text.startswith("/*", at):
            after = _end_of_block(text, at)
            at = len(text) if after < 0 else after
        elif at < len(text):
            return bisect_right(lines, at) - 1
    return len(lines) - 1


def _comment_end(text: str, at: int) -> int:
    rest = _COMMENT_TEXT.match(text, at)
    assert rest is not None
    return rest.end()


_Comment = tuple[int, re.Match[str] | None]
"""Where a comment begins, and its text; None for a block comment, which then begins at its text."""


def _kdl_comments(text: str) -> Iterator[_Comment]:
    """Each comment that begins with `gwc:`.

    Ends at the first string or block comment that is never closed: nobody can say what is a comment there.
    """
    at = 0
    while True:
        ordinary = _KDL_ORDINARY.match(text, at)
        assert ordinary is not None
        at = ordinary.end()
        if text.startswith("//", at):
            comment = _COMMENT.match(text, at)
            assert comment is not None
            yield at, comment
            at = comment.end()
        elif text.startswith("/*", at):
            blank = _BLANK.match(text, at + 2)
            if blank is not None and text.startswith("gwc:", blank.end()):
                yield blank.end(), None
            at = _end_of_block(text, at)
            if at < 0:
                return
        elif raw := _KDL_RAW.match(text, at):
            # In KDL 1 three quotes have no meaning, and `r""` is the empty string.
            quotes, hashes = ('"', "") if raw[1] == "r" else (raw[2], raw[1])
            begin = raw.start(2) + len(quotes)
            closing = text.find(quotes + hashes, begin)
            if closing < 0:
                return
            at = closing + len(quotes + hashes)
        else:
            return


def _end_of_block(text: str, at: int) -> int:
    """The offset after the block comment that begins at `at`, -1 if it is never closed. They nest."""
    depth = 0
    for mark in _KDL_BLOCK_MARK.finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return -1


def _yaml_comments(text: str) -> Iterator[_Comment]:
    """Each comment that begins with `gwc:`, as far as the file is well-formed."""
    if not _YAML_OURS.search(text):
        return
    scalars = _yaml_scalars(text)
    start, end = next(scalars)
    after = 0
    for sign in _YAML_SIGN.finditer(text):
        at = sign.start()
        while end <= at:
            start, end = next(scalars)
        if after <= at < start:
            comment = _COMMENT.match(text, at)
            after = comment.end() if comment else _comment_end(text, at)
            if comment:
                yield at, comment


def _yaml_scalars(text: str) -> Iterator[tuple[int, int]]:
    """The stretches that are no comments for sure, in order; the last one goes beyond the end of the text.

    They are the scalars (but for the line that opens a block scalar), and all that follows the last one
    before a mistake.
    """
    # PERF: PyYAML takes 20 ms to import; a file without a comment of ours has no need of it here.
    from yaml.error import YAMLError
    from yaml.events import CollectionEndEvent, CollectionStartEvent, ScalarEvent

    from ..parse.yaml.events import open_events

    # A byte order mark is not counted in the positions that the library gives.
    skipped = len(text) - len(text.removeprefix("\ufeff"))
    depth = end = 0
    try:
        events = open_events(text[skipped:])
        while depth < _DEEPEST and (event := events.get_event()) is not None:
            if isinstance(event, ScalarEvent):
                assert event.start_mark is not None
                assert event.end_mark is not None
                start, end = event.start_mark.index + skipped, event.end_mark.index + skipped
                if event.style in ("|", ">"):
                    opened = _LINE_END.search(text, start, end)
                    start = opened.end() if opened else end
                yield start, end
            elif isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
    except (YAMLError, UnicodeError):
        depth = _DEEPEST
    yield end if depth else len(text), len(text) + 1
