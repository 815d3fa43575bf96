"""KDL text as what a layout is made of: statements, comments and blank lines, block in block.

Owns the reading of a text into items, so that nothing a person wrote is lost: literals as they are spelled,
comments where they belong. Knows nothing of how items are printed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..parse.kdl.lexer import Lexer
from ..parse.kdl.lexer_v1 import LexerV1
from ..parse.kdl.messages import Version
from ..parse.kdl.tokens import Findings, Token
from .trivia import Piece, Trivia


@dataclass(slots=True)
class Block:
    """What stands between braces, or in a whole file. `opening`: the comments behind the `{`."""

    opening: list[str] = field(default_factory=list)
    items: list[Blank | Comment | Statement] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Blank:
    """One blank line, or several."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a line of its own."""

    text: str


@dataclass(slots=True)
class Statement:
    """A node with its comments: block comments before it on its line, comments behind it."""

    before: list[str] = field(default_factory=list)
    parts: list[Part | Block] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a statement as it is spelled.

    `multi-line`: a literal of KDL 2 over several lines. `key`: without its `=`. `line`: a comment that the
    line ends with, though the statement goes on (after `/-`). `continued`: the line ends with a backslash;
    its text is the comments behind that.
    """

    kind: Literal["word", "multi-line", "key", "(", ")", "/-", "comment", "line", "continued"]
    text: str


def read_items(text: str, version: Version) -> Block:
    """The items of a text that has no errors in that version."""
    return _Reader(text, tokens_of(text, version), version).file()


def tokens_of(text: str, version: Version) -> list[Token]:
    """The tokens of a text that has no errors in that version, one for each literal and mark."""
    findings = Findings("")
    lexer = Lexer(text, findings, by_line=False) if version == 2 else LexerV1(text, findings)
    tokens = list(lexer.tokens())
    assert not findings  # the caller has parsed the text
    return tokens


class _Reader:
    """One run over the tokens. Mutable: `_at`, number of the next one; `_pos`, where the last one ended."""

    __slots__ = ("_at", "_pos", "_text", "_tokens", "_trivia", "_version")

    def __init__(self, text: str, tokens: list[Token], version: Version) -> None:
        self._text = text
        self._tokens = tokens
        self._version = version
        self._trivia = Trivia(version)
        self._at = 0
        self._pos = 1 if text.startswith("\ufeff") else 0

    def file(self) -> Block:
        """All there is."""
        return self._block(Block(), None)

    def _block(self, block: Block, behind: list[str] | None) -> Block:
        """Items up to the `}` or the end of the file, which stays the next token.

        `behind`: where comments go that stand on the line on which the block begins.
        """
        while True:
            before = self._between(block, behind)
            if self._ends_block():
                if block.items and isinstance(block.items[-1], Blank):
                    block.items.pop()
                return block
            statement = Statement(before)
            block.items.append(statement)
            self._statement(statement)
            behind = statement.behind

    def _ends_block(self) -> bool:
        return self._tokens[self._at].kind in ("RBRACE", "$END")

    def _gap(self) -> list[Piece]:
        """What stands before the next token that is no TERM; a TERM is all gap."""
        pieces: list[Piece] = []
        while True:
            token = self._tokens[self._at]
            ended = token.kind == "TERM"
            end = token.end if ended else token.start
            pieces += self._trivia.pieces(self._text, self._pos, end)
            self._pos = end
            if not ended:
                return pieces
            self._at += 1

    def _between(self, block: Block, behind: list[str] | None) -> list[str]:
        """Sort what stands between two statements; returns the comments before the next one on its line."""
        pending: list[str] = []
        newlines = 0
        for piece in self._gap():
            if piece.kind in ("line", "block"):
                pending.append(piece.text)
            elif piece.kind == ";":
                if behind is not None:
                    behind += pending
                    pending = []
            elif piece.kind in ("newline", "resumed"):
                if pending and behind is None:
                    self._blank(block, newlines)
                    block.items += map(Comment, pending)
                elif behind is not None:
                    behind += pending
                newlines = 1 if pending else newlines + 1
                pending, behind = [], None
        if self._ends_block() and behind is not None:
            behind += pending
            pending = []
        self._blank(block, newlines)
        if self._ends_block():
            block.items += map(Comment, pending)
            return []
        return pending

    def _blank(self, block: Block, newlines: int) -> None:
        """Keep one blank line of several, none where the block begins."""
        if newlines > 1 and block.items:
            block.items.append(Blank())

    def _statement(self, statement: Statement) -> None:
        """The parts of a statement, up to its end; what stands behind them is left for `_between`."""
        parts = statement.parts
        while (token := self._tokens[self._at]).kind not in ("TERM", "RBRACE", "$END"):
            self._comments(parts, self._pos, token.start)
            spelling = self._text[token.start : token.end]
            self._at += 1
            self._pos = token.end
            if token.kind == "LBRACE":
                block = Block()
                parts.append(self._block(block, block.opening))
                self._pos = self._tokens[self._at].end
                self._at += 1
            elif token.kind == "KEY":
                _, end = token.value
                parts.append(Part("key", self._text[token.start : end]))
                self._comments(parts, end, token.end)
            elif token.kind == "STR" and self._version == 2 and spelling.lstrip("#").startswith('"""'):
                parts.append(Part("multi-line", spelling))
            else:
                kinds: dict[str, Literal["(", ")", "/-"]] = {"LPAR": "(", "RPAR": ")", "SD": "/-"}
                parts.append(Part(kinds.get(token.kind, "word"), spelling))

    def _comments(self, parts: list[Part | Block], start: int, end: int) -> None:
        """The comments and continued lines of a gap inside a statement."""
        last = parts[-1] if parts else None
        # KDL 2 needs no backslash there: a line break after `/-` is space.
        lines_go_on = self._version == 2 and isinstance(last, Part) and last.kind == "/-"
        behind: list[str] | None = None
        for piece in self._trivia.pieces(self._text, start, end):
            if piece.kind == "continued" and not lines_go_on:
                behind = []
            elif piece.kind == "resumed" and behind is not None:
                parts.append(Part("continued", " ".join(behind)))
                behind = None
            elif piece.kind in ("line", "block"):
                if behind is not None:
                    behind.append(piece.text)
                else:
                    parts.append(Part("line" if piece.kind == "line" else "comment", piece.text))
