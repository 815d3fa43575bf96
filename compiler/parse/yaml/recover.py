"""The driver: read a file from mistake to mistake.

Owns where reading goes on after a syntax error: at the next line that begins an entry of a collection
that stood open, judged by its indentation. What follows is read by itself, as far as it is indented, into
that collection. So each mistake is told once, and the entries around it are still there. Work is bounded:
a file is left after `MOST_SYNTAX_ERRORS`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from gwc.schema.diagnostic import Diagnostic, error
from yaml.error import MarkedYAMLError

from ..document import Document, Node
from .build import MAX_DEPTH, Stop, TooDeep, build, close_inner
from .explain import explain
from .findings import Findings
from .lines import line_end, line_start, next_line
from .mistake import Explained, Mistake
from .nodes import FLOW, Frame, Heads
from .refuse import second_document

MOST_SYNTAX_ERRORS = 20
"""How many syntax errors of one file are told."""

_MOST_CHARACTERS = 10
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_FORBIDDEN_ASCII = bytes([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F])
_STAND_IN = "\ufffd"

_LINE_TABS = re.compile(r"(?:^|(?<=\r))[ \t?:-]*\t", re.MULTILINE)
_ENTRY = re.compile(r"(?:^|(?<=\r))( *)(?:(-)(?=[ \t\r\n]|\Z)|[^\s#\[\]{},:])", re.MULTILINE)
_COLON = re.compile(r":(?=[ \t\r\n]|\Z)")
_ANY_COLON = re.compile(":")
_DOCUMENT = re.compile(r"(?:---|\.\.\.)(?=[ \t\r\n]|\Z)")


def read(text: str, file: str) -> tuple[Document, tuple[Diagnostic, ...]]:
    """Read one file; what `parse` of this package promises."""
    findings = Findings(file)
    start = 1 if text.startswith("\ufeff") else 0
    readable = _without_forbidden(text, start, findings)
    nodes, tabs = _read(readable, text, start, findings)
    if tabs is not None:
        # With each tab as one space, a file that is indented by tabs throughout can be read to its end.
        findings = Findings(file)
        readable = _without_forbidden(text, start, findings)
        findings.add(tabs)
        nodes, _ = _read(_without_tabs(readable), text, start, findings)
    return Document(file, "yaml", nodes), findings.told()


def _read(
    text: str, original: str, start: int, findings: Findings
) -> tuple[tuple[Node, ...], Diagnostic | None]:
    """The entries of the root. The second answer: tabs stand in the way, and this is what to say of them.

    Syntax errors in lines where `text` is not the `original` are not told: they are of our making.
    """
    heads = Heads()
    root = Frame(True, None, start, start)
    frames = [root]
    position, end = start, len(text)
    mistakes = 0
    while True:
        told = len(findings.collected)
        stop = build(text, position, end, frames[-1], len(frames) - 1, heads, findings)
        resume, open_ended = end, False
        if stop is not None:
            mistakes += 1
            frames = [*frames[:-1], *stop.frames]
            diagnostic, spoilt = _explained(text, position, stop, frames, findings)
            if diagnostic.code == "GWC151" and _without_tabs(text) != text:
                return (), diagnostic
            if mistakes == MOST_SYNTAX_ERRORS:
                diagnostic = replace(diagnostic, help=f"{diagnostic.help}; the file is read no further")
            _forget_unfinished(text, stop, diagnostic, told, findings)
            if _untouched(text, original, diagnostic):
                findings.add(diagnostic)
            if mistakes == MOST_SYNTAX_ERRORS:
                break
            resume = max(next_line(text, spoilt), next_line(text, position))
            open_ended = diagnostic.code in ("GWC152", "GWC153")
            if isinstance(stop.cause, TooDeep):
                close_inner(frames, text, heads)
        entry = _next_entry(text, resume, frames, open_ended)
        if entry is None:
            break
        position, index, column = entry
        if _DOCUMENT.match(text, position) and root.nodes:
            findings.add(second_document(text, position, findings))
            break
        close_inner(frames[index:], text, heads)
        del frames[index + 1 :]
        if index:
            frames[index].seen.clear()  # the line that would begin a mapping of its own may be the spoilt one
        nodes = frames[index].nodes
        if nodes and nodes[-1].end > position:
            nodes.pop()  # a quote without end swallowed the lines that are read now
        frames[index].column = column
        end = _end_of_block(text, position, column, frames[index].is_mapping)
    close_inner(frames, text, heads)
    return root.entries(), None


def _explained(text: str, position: int, stop: Stop, frames: list[Frame], findings: Findings) -> Explained:
    """The finding for what stopped the reading of the piece that begins at `position`."""
    cause = stop.cause
    if isinstance(cause, TooDeep):
        return Explained(
            error(
                "GWC167",
                findings.span(cause.at, cause.at + 1),
                f"more than {MAX_DEPTH} mappings and lists stand inside one another",
                label=f"the {MAX_DEPTH + 1}th",
                help="no key of a configuration lies that deep; look for a bracket too many",
            ),
            cause.at,
        )
    at = since = position
    words = str(cause)
    if isinstance(cause, MarkedYAMLError):
        mark = cause.problem_mark or cause.context_mark
        at = since = min(position + mark.index, len(text)) if mark else position
        if cause.context_mark:
            since = min(position + cause.context_mark.index, len(text))
        words = f"{cause.context}: {cause.problem}"
    columns = tuple([frame.column for frame in frames if frame.column not in (None, FLOW)])
    return explain(Mistake(text, at, since, words, columns, frames[-1].column == FLOW, stop.scalar), findings)


def _forget_unfinished(text: str, stop: Stop, diagnostic: Diagnostic, told: int, findings: Findings) -> None:
    """Drop what was found since `told` in the entry that the syntax error cut off: it follows from it."""
    assert diagnostic.span is not None
    cut = min(
        [line_start(text, diagnostic.span.start)]
        + [frame.start for frame in stop.frames if frame.column == FLOW]
    )
    findings.collected[told:] = [
        found for found in findings.collected[told:] if found.span is not None and found.span.start < cut
    ]


def _next_entry(text: str, resume: int, frames: list[Frame], open_ended: bool) -> tuple[int, int, int] | None:
    """The next line from `resume` on that begins an entry of an open block collection.

    The answer is the line's start, the index of the collection's frame and the line's indentation.
    `open_ended`: a quote or a bracket without end is what spoilt the lines above.
    """
    root = frames[0]
    if root.column is None:
        first = _ENTRY.search(text, root.start)
        root.column = len(first[1]) if first else 0
    places = {(frame.column, frame.is_mapping): index for index, frame in enumerate(frames)}
    for found in _ENTRY.finditer(text, resume):
        column, is_item = len(found[1]), found[2] is not None
        index = places.get((column, not is_item))
        if index is None and column < root.column and not is_item:
            index = 0
        if index is None:
            continue
        if not is_item and (open_ended or column > root.column):
            # A line of a text that is not seen as one any more; only what has a colon can be an entry.
            colon = _COLON if open_ended else _ANY_COLON
            if not colon.search(text, found.end(), line_end(text, found.end())):
                continue
        return found.start(), index, column
    return None


def _end_of_block(text: str, position: int, column: int, is_mapping: bool) -> int:
    """Where the entries that begin at `position` end: before the next line that is indented less."""
    less = rf" {{0,{column - 1}}}[^\s#]" if column else r"(?!)"
    sibling = "(?!)" if is_mapping else rf" {{{column}}}(?!-[ \t\r\n]|-\Z)[^\s#]"
    outside = re.compile(rf"(?:^|(?<=\r))(?:{less}|{sibling})", re.MULTILINE)
    found = outside.search(text, next_line(text, position))
    return found.start() if found else len(text)


def _untouched(text: str, original: str, diagnostic: Diagnostic) -> bool:
    if text is original or diagnostic.span is None:
        return True
    start, end = line_start(text, diagnostic.span.start), line_end(text, diagnostic.span.start)
    return text[start:end] == original[start:end]


def _without_forbidden(text: str, start: int, findings: Findings) -> str:
    """The text with a stand-in for each character that YAML forbids; the first of them are told."""
    if text.isascii():
        # PERF: 4 ms for 3.7 MB, against 40 ms for the regular expression.
        data = text.encode()
        if len(data.translate(None, _FORBIDDEN_ASCII)) == len(data):
            return text
    found = _FORBIDDEN.search(text, start)
    if found is None:
        return text
    first = found
    for _ in range(_MOST_CHARACTERS):
        code = ord(found[0])
        findings.add(
            error(
                "GWC150",
                findings.span(found.start(), found.end()),
                f"the character U+{code:04X} ({_name(code)}) stands in the file",
                help="remove it; in double quotes it can be written as "
                + (f"`\\x{code:02X}`" if code < 0x100 else f"`\\u{code:04X}`"),
            )
        )
        later = _FORBIDDEN.search(text, found.end())
        if later is None:
            break
        found = later
    return text[: first.start()] + _FORBIDDEN.sub(_STAND_IN, text[first.start() :])


def _name(code: int) -> str:
    if code == 0:
        return "NUL"
    if code in (0x85, 0x2028, 0x2029):
        return "a line break to some programs only"
    if code == 0xFEFF:
        return "a byte order mark"
    return "a control character" if code < 0xA0 else "no character"


def _without_tabs(text: str) -> str:
    """The text with each tab before the first word of a line as one space."""
    return _LINE_TABS.sub(lambda found: found[0].replace("\t", " "), text)
