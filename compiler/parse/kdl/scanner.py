"""What the lexers of both versions have in common.

Owns the state of a run over a text, and the rules that are the same in KDL 1 and 2: values stand apart,
comments nest, blocks are not nested too deep. Knows no characters but those of comments.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain

from gwc.schema.diagnostic import Diagnostic
from gwc.schema.span import Span

from . import messages
from .comments import Unclosed, block_comment_end
from .numbers import HugeNumberError, NotANumberError, number
from .tokens import MAX_DEPTH, Findings, Kind, Token

CHUNK = 4096
"""After so many tokens the parser has its turn, so that a hopeless file is given up early."""


class Scanner(ABC):
    """One run over one text. Mutable: everything.

    `whole` becomes False where lexing ends early (a comment never closed, too many findings, too deep); then
    blocks that are open at the end mean nothing. `braces_doubtful`: a string that is never closed may have
    taken a brace with it, so that unbalanced braces mean nothing either. `_adjacent` is where the last value
    ended, so that the next one must not begin there. `_inside`: a statement has begun and not ended.
    """

    __slots__ = (
        "_adjacent",
        "_depth",
        "_findings",
        "_inside",
        "_text",
        "_tokens",
        "braces_doubtful",
        "whole",
    )

    def __init__(self, text: str, findings: Findings) -> None:
        self._text = text
        self._findings = findings
        self._tokens: list[Token] = []
        self.whole = True
        self.braces_doubtful = False
        self._depth = 0
        self._adjacent = -1
        self._inside = False

    def tokens(self) -> Iterator[Token]:
        """The tokens of the text, `$END` last; to be asked for once. Lexing goes on as they are taken."""
        return chain.from_iterable(self._chunks())

    @abstractmethod
    def _chunks(self) -> Iterator[list[Token]]:
        """The tokens in order, some thousand at a time."""

    def _chunk(self) -> list[Token]:
        """Hand out all tokens but the last one, at which the next may still look."""
        chunk = self._tokens[:-1]
        del self._tokens[:-1]
        return chunk

    def _rest(self) -> list[Token]:
        """The last tokens, with `$END`."""
        end = len(self._text)
        return [*self._tokens, Token("$END", None, end, end)]

    def _span(self, start: int, end: int) -> Span:
        return self._findings.span(start, end)

    def _note(self, finding: Diagnostic) -> None:
        self._findings.add(finding)
        if self._findings.full:
            self.whole = False

    def _enter(self, brace: int) -> None:
        """One block deeper, at that `{`."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._note(messages.too_deep(self._span(brace, brace + 1)))
            self.whole = False

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

    def _number(self, start: int, end: int) -> None:
        """What begins like a number."""
        written = self._text[start:end]
        try:
            value: int | Decimal | None = number(written)
        except NotANumberError:
            self._note(messages.bad_number(self._span(start, end), written))
            self._value("STR", written, start, end)
            return
        except HugeNumberError:
            self._note(messages.huge_number(self._span(start, end)))
            value = None
        self._value("LIT", value, start, end)

    def _comment(self, start: int) -> int:
        """After the block comment that begins at `start`."""
        end = block_comment_end(self._text, start)
        if not isinstance(end, Unclosed):
            return end
        nested = None if end.nested is None else self._span(end.nested, end.nested + 2)
        self._note(messages.unclosed_comment(self._span(start, start + 2), nested))
        self.whole = False
        return len(self._text)


def match_end(pattern: re.Pattern[str], text: str, pos: int) -> int:
    """Where the match of a pattern that always matches ends."""
    match = pattern.match(text, pos)
    assert match is not None
    return match.end()
