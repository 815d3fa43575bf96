"""What the lexers of both versions have in common.

Owns the state of a run over a text, and the rules that are the same in KDL 1 and 2: values stand apart,
comments nest, blocks are not nested too deep. Knows no characters but those of comments.
"""

from __future__ import annotations

import re

from gwc.schema.diagnostic import Diagnostic
from gwc.schema.span import Span

from . import messages
from .comments import Unclosed, block_comment_end
from .tokens import MAX_DEPTH, Findings, Kind, Lexed, Token


class Scanner:
    """One run over one text. Mutable: everything.

    `_adjacent` is where the last value ended, so that the next one must not begin there; `_whole` and
    `_braces_doubtful` are told in `Lexed`.
    """

    __slots__ = ("_adjacent", "_braces_doubtful", "_depth", "_findings", "_text", "_tokens", "_whole")

    def __init__(self, text: str, findings: Findings) -> None:
        self._text = text
        self._findings = findings
        self._tokens: list[Token] = []
        self._whole = True
        self._braces_doubtful = False
        self._depth = 0
        self._adjacent = -1

    def _lexed(self) -> Lexed:
        """The tokens so far, and `$END`."""
        end = len(self._text)
        self._tokens.append(Token("$END", None, end, end))
        return Lexed(self._tokens, self._whole, self._braces_doubtful)

    def _span(self, start: int, end: int) -> Span:
        return self._findings.span(start, end)

    def _note(self, finding: Diagnostic) -> None:
        self._findings.add(finding)
        if self._findings.full:
            self._whole = False

    def _enter(self, brace: int) -> None:
        """One block deeper, at that `{`."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._note(messages.too_deep(self._span(brace, brace + 1)))
            self._whole = False

    def _leave(self) -> None:
        """One block less deep; a `}` too many is the parser's matter."""
        self._depth -= self._depth > 0

    def _value(self, kind: Kind, value: object, start: int, end: int) -> None:
        """A token that has to stand apart from the value before it."""
        self._apart(start, end)
        self._tokens.append(Token(kind, value, start, end))
        self._adjacent = end

    def _apart(self, start: int, end: int) -> None:
        """Note it if no space stands before what begins at `start`."""
        if start == self._adjacent:
            self._note(messages.missing_space(self._span(start, end), self._text[start:end]))

    def _comment(self, start: int) -> int:
        """After the block comment that begins at `start`."""
        end = block_comment_end(self._text, start)
        if not isinstance(end, Unclosed):
            return end
        nested = None if end.nested is None else self._span(end.nested, end.nested + 2)
        self._note(messages.unclosed_comment(self._span(start, start + 2), nested))
        self._whole = False
        return len(self._text)


def match_end(pattern: re.Pattern[str], text: str, pos: int) -> int:
    """Where the match of a pattern that always matches ends."""
    match = pattern.match(text, pos)
    assert match is not None
    return match.end()
