"""What passes between lexer and parser: tokens, and the list of what is wrong.

Owns the token and the collector of diagnostics. Knows neither the characters of a
token nor the grammar.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from gwc.schema.diagnostic import Diagnostic, in_order
from gwc.schema.span import Span

Kind = Literal[
    "STR",  # a string of any flavour; value: its text
    "LIT",  # a number or keyword; value: what it stands for
    "KEY",  # a string and the `=` after it; value: the string's text, where the string ends; end: after `=`
    "LPAR",
    "RPAR",
    "LBRACE",
    "RBRACE",
    "TERM",  # a newline or `;`, with the space, newlines and comments after it
    "SD",  # `/-`
    "RUN",  # simple statements without children, one after the other; value: list[Node]
    "OPEN",  # the line of a simple statement and its `{`; value: Head
    "$END",
]
"""The terminals of kdl.lark."""

LIMIT = 100
"""So many findings are kept of one file. Nobody mends more in one go, and the work stays bounded."""

MAX_DEPTH = 64
"""So many blocks may stand in one another. What walks the tree may then be recursive."""


class Token(NamedTuple):
    """One terminal, at `start` to `end` in code points of the file."""

    kind: Kind
    value: Any
    start: int
    end: int


class OnlyV1(NamedTuple):
    """Something that KDL 2 spells otherwise: where, what it is, what to write instead."""

    span: Span
    what: str
    advice: str


class Findings:
    """What is wrong with one file, up to `limit`. Mutable: `_found`, in the order of meeting."""

    __slots__ = ("_found", "_limit", "file")

    def __init__(self, file: str, limit: int = LIMIT) -> None:
        self.file = file
        self._limit = limit
        self._found: list[Diagnostic] = []

    @property
    def full(self) -> bool:
        """Whether there is no room for more; then the work can end."""
        return len(self._found) >= self._limit

    def __len__(self) -> int:
        return len(self._found)

    def span(self, start: int, end: int) -> Span:
        """A stretch of this file."""
        return Span(self.file, start, end)

    def add(self, finding: Diagnostic) -> None:
        """Keep the finding; beyond the limit it is dropped."""
        if not self.full:
            self._found.append(finding)

    def withdraw(self, code: str, start: int, end: int) -> None:
        """Take back findings of that code that begin in the stretch: a consequence of another mistake."""
        self._found = [
            d for d in self._found if not (d.code == code and d.span and start <= d.span.start < end)
        ]

    def sorted(self) -> tuple[Diagnostic, ...]:
        """All findings in the order of the text."""
        return in_order(self._found)
