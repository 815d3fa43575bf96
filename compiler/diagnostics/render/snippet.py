"""The lines of one file with its spans marked: what stands between `-->` and `= help:`.

Owns which lines and which part of a long line are shown, the markers, and where labels stand. Hands back
text in pieces that each have a role; colours are not known here.

A span of several lines is marked on its first line and on its last. Labels: the rightmost stands behind
its marker, the others hang below theirs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final, Literal

from gwc.schema.span import Span

from .source import Source
from .visible import ELLIPSIS, Cells, visible

Role = Literal["plain", "primary", "secondary", "gutter", "bold"]
Row = list[tuple[str, Role]]
"""One row of output, left to right."""

_RIGHT_SHARE: Final = 0.75
"""How much of its room a cut line gives to what begins with the span; the rest stands before it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A span to be marked, and its label (which may be empty)."""

    span: Span
    label: str
    primary: bool


@dataclass(frozen=True, slots=True)
class _OnLine:
    """What a mark covers of one line: code points from 0, `end` may be one after the line's end."""

    start: int
    end: int
    label: str
    primary: bool


@dataclass(frozen=True, slots=True)
class _Drawn:
    """The same in columns of the output."""

    start: int
    end: int
    label: str
    primary: bool

    @property
    def role(self) -> Role:
        return "primary" if self.primary else "secondary"


class Snippet:
    """The marked lines of one file."""

    __slots__ = ("_bridged", "_lines", "_source", "_texts")

    def __init__(self, source: Source, marks: Iterable[Mark]) -> None:
        self._source = source
        self._lines: dict[int, list[_OnLine]] = {}
        # Cache: the text of a line, which may be long, is asked for several times.
        self._texts: dict[int, str] = {}
        # The first and the last line of each span that has several.
        self._bridged: list[tuple[int, int]] = []
        for mark in marks:
            self._place(mark)

    @property
    def last_line(self) -> int:
        """The highest line number, which decides how wide the gutter is."""
        return max(self._lines)

    def rows(self, gutter: int, limit: int) -> Iterator[Row]:
        """The rows; `gutter` is the width of line numbers, `limit` the most columns of source text."""
        bar: tuple[str, Role] = (" " * (gutter + 1) + "|", "gutter")
        yield [bar]
        before = 0
        for line in sorted(self._lines):
            if line > before + 1 and any(low <= before and line <= high for low, high in self._bridged):
                yield [("...", "gutter")]
            before = line
            shown, drawn = _fit(self._text(line), self._lines[line], limit)
            yield [(f"{line:>{gutter}} |", "gutter"), (f" {shown}" if shown else "", "plain")]
            for row in _annotations(drawn):
                yield [bar, (" ", "plain"), *row]

    def _place(self, mark: Mark) -> None:
        first, start = self._source.line_column(mark.span.start)
        last, end = self._source.line_column(max(mark.span.start, mark.span.end - 1))
        length = len(self._text(first))
        start = min(start - 1, length)
        stop = start if mark.span.end == mark.span.start else length if last > first else min(end, length)
        self._mark(first, _OnLine(start, max(stop, start), mark.label, mark.primary))
        if last == first:
            return
        text = self._text(last)
        indent = len(text) - len(text.lstrip(" \t"))
        if indent < min(end, len(text)):
            self._mark(last, _OnLine(indent, min(end, len(text)), "", mark.primary))
            self._bridged.append((first, last))

    def _text(self, line: int) -> str:
        if line not in self._texts:
            self._texts[line] = self._source.line_text(line)
        return self._texts[line]

    def _mark(self, line: int, part: _OnLine) -> None:
        self._lines.setdefault(line, []).append(part)


def _fit(text: str, parts: list[_OnLine], limit: int) -> tuple[str, list[_Drawn]]:
    """The line, cut around its most important span if it has more than `limit` columns, and the marks."""
    low, high = _cut(text, next((each.start for each in parts if each.primary), parts[0].start), limit)
    cells = Cells(text[low:high])
    left = 1 if low > 0 else 0
    width = left + cells.columns[-1]
    right = 1 if high < len(text) else 0

    def column(at: int) -> int:
        """Of the character at an offset; what is not shown stands at the ellipsis on its side."""
        if at < low:
            return 0
        return width if at > high else left + cells.columns[at - low]

    drawn: list[_Drawn] = []
    for part in parts:
        start = column(part.start)
        end = column(part.end) + (1 if part.end > high else 0)
        drawn.append(_Drawn(start, max(end, start + 1), part.label, part.primary))
    return ELLIPSIS * left + cells.shown + ELLIPSIS * right, drawn


def _cut(text: str, focus: int, limit: int) -> tuple[int, int]:
    """Which code points of a line are shown. Looks at no more than about `limit` of them."""
    if len(text) <= limit and Cells(text).columns[-1] <= limit:
        return 0, len(text)
    limit -= 2 * len(ELLIPSIS)
    focus = min(focus, len(text))
    ahead = Cells(text[focus : focus + limit]).columns
    begin = max(0, focus - limit)
    back = Cells(text[begin:focus]).columns
    room = max(limit - ahead[-1], limit - int(limit * _RIGHT_SHARE))
    skipped = bisect_left(back, back[-1] - room)
    low = begin + skipped
    taken = bisect_right(ahead, limit - (back[-1] - back[skipped])) - 1
    return low, min(len(text), focus + max(taken, 1))


def _annotations(marks: list[_Drawn]) -> Iterator[Row]:
    """The rows below a line: the markers, then the labels that do not stand behind them."""
    marks = sorted(marks, key=lambda each: (each.start, each.end))
    row = _marker_row(marks)
    hanging = [each for each in marks if each.label]
    last = marks[-1]
    if last.label and last.end == max(each.end for each in marks):
        row.append((f" {visible(last.label)}", last.role))
        hanging.remove(last)
    yield row
    if hanging:
        yield _stems(hanging)
    while hanging:
        mark = hanging.pop()
        stems = _stems([each for each in hanging if each.start < mark.start])
        gap = mark.start - sum(len(text) for text, _ in stems)
        yield [*stems, (" " * gap, "plain"), (visible(mark.label), mark.role)]


def _marker_row(marks: list[_Drawn]) -> Row:
    """`----^^^---`: the primary span is drawn over the others."""
    roles: list[Role] = ["plain"] * max(each.end for each in marks)
    for mark in sorted(marks, key=lambda each: each.primary):
        roles[mark.start : mark.end] = [mark.role] * (mark.end - mark.start)
    signs: dict[Role, str] = {"plain": " ", "primary": "^", "secondary": "-"}
    return [(signs[role] * len(list(run)), role) for role, run in groupby(roles)]


def _stems(marks: list[_Drawn]) -> Row:
    """`|` below the beginning of each mark."""
    row: Row = []
    column = 0
    for mark in marks:
        if mark.start >= column:
            row += [(" " * (mark.start - column), "plain"), ("|", mark.role)]
            column = mark.start + 1
    return row
