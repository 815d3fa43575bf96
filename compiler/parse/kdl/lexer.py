"""Text to tokens, KDL 2.

Owns where a token begins and ends and what it stands for. Never stops at a mistake: it is noted, and a
token that stands for what was most likely meant goes on, so that one mistake has no consequences. Knows
nothing of which tokens may follow each other (that is kdl.lark). Source: KDL 2.0.0, "Full Grammar".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from ..document import Head, Node
from . import messages
from .characters import (
    DISALLOWED,
    KEYWORDS,
    NEWLINE,
    NUMBER_LIKE,
    ONE_NEWLINE,
    RESERVED,
    SPACE,
    WORD,
)
from .lines import CLOSING, CLOSING_ENDED, OPENING, STATEMENT, decode
from .scanner import CHUNK, Scanner, match_end
from .tokens import Findings, Token

if TYPE_CHECKING:
    from .strings import Lexeme

_LINE_COMMENT = f"//[^{NEWLINE}]*+"
_TOKENS = (
    ("word", f"(?!{NUMBER_LIKE}){WORD}++"),
    ("plain", rf'"(?!"")[^"\\{NEWLINE}]*+"'),
    (
        "term",
        rf"(?:;|{ONE_NEWLINE}|{_LINE_COMMENT}(?:{ONE_NEWLINE}|\Z))"
        rf"(?:[{SPACE}]++|{ONE_NEWLINE}|{_LINE_COMMENT})*+",
    ),
    ("numeral", f"{NUMBER_LIKE}{WORD}*+"),
    ("equals", "="),
    ("open", r"\{"),
    ("close", r"\}"),
    ("slashdash", "/-"),
    ("string", r'#*+"'),
    ("keyword", f"#++{WORD}*+"),
    ("comment", r"/\*"),
    ("backslash", r"\\"),
    ("left", r"\("),
    ("right", r"\)"),
    ("end", r"\Z"),
    ("other", "."),
)
_SPACE_AND_LINES = re.compile(rf"(?:[{SPACE}]++|{ONE_NEWLINE}|{_LINE_COMMENT})*+")
_SPACE = re.compile(f"[{SPACE}]*+")
_LINE_END = re.compile(rf"(?:{_LINE_COMMENT})?(?:{ONE_NEWLINE}|\Z)")
_TO_LINE_END = re.compile(f"[^{NEWLINE}]*+")
_LOOSE = re.compile(
    rf"(?:[^{SPACE}{NEWLINE}{DISALLOWED}\"(){{}};#/\\]++|#++(?!\")|/(?![/*-])"
    rf"|\\(?![{SPACE}{NEWLINE}]|//|/\*|\Z)|\{{[^{SPACE}{NEWLINE}{{}}\";]*+\}})++"
)
"""What a person would write without quotes, such as a path, though KDL takes it for no word."""
_DISALLOWED = re.compile(f"[{DISALLOWED}]")


@cache
def _token() -> re.Pattern[str]:
    """Space and one token; compiled only when a statement is not a simple line."""
    alternatives = "|".join(f"(?P<{name}>{pattern})" for name, pattern in _TOKENS)
    return re.compile(f"[{SPACE}]*+(?:{alternatives})", re.DOTALL)


class Lexer(Scanner):
    """One run over one text. Without `by_line` the fast path is off: the tree will be the same.

    Mutable: everything. `_bracketed`: a `[` has been told of in this statement, so that its commas and `]`
    are no news.
    """

    __slots__ = ("_bracketed", "_by_line")

    def __init__(self, text: str, findings: Findings, *, by_line: bool = True) -> None:
        super().__init__(_clean(text, findings), findings)
        self._bracketed = False
        self._by_line = by_line

    def _chunks(self) -> Iterator[list[Token]]:
        """Statement by statement, in one match where it is a simple one."""
        text, tokens, end_of_text = self._text, self._tokens, len(self._text)
        match_statement = STATEMENT.match
        by_line = self._by_line
        heads: dict[str, Head | None] = {}
        run: list[Node] = []
        pos = self._line_space(1 if text.startswith("\ufeff") else 0)
        while pos < end_of_text and self.whole:
            if len(tokens) > CHUNK:
                yield self._chunk()
            if self._inside:
                pos = self._statement(pos)
                continue
            match = match_statement(text, pos) if by_line else None
            if match is not None:
                last = match.lastindex
                written = match[1]
                if written is None:
                    run = self._flush(run)
                    brace, after = match.span(CLOSING)
                    tokens.append(Token("RBRACE", None, brace, after))
                    pos = match.end()
                    if last == CLOSING_ENDED:
                        tokens.append(Token("TERM", None, after, pos))
                    self._leave()
                    continue
                head = heads.get(written)
                if head is None and written not in heads:
                    head = heads[written] = decode(written)
                if head is not None:
                    start, end = match.span(1)
                    pos = match.end()
                    if last == OPENING:
                        run = self._flush(run)
                        brace, after = match.span(OPENING)
                        tokens.append(Token("OPEN", head, start, after))
                        self._enter(brace)
                    else:
                        run.append(Node(head, None, None, start, end))
                    continue
            run = self._flush(run)
            # After a statement that was matched whole there may be more space than its pattern knows.
            start = self._line_space(pos)
            pos = start if start != pos else self._statement(pos)
        self._flush(run)
        yield self._rest()

    def _flush(self, run: list[Node]) -> list[Node]:
        """Hand on the simple statements met so far; returns the list for the next ones."""
        if not run:
            return run
        self._tokens.append(Token("RUN", run, run[0].start, run[-1].end))
        return []

    def _statement(self, pos: int) -> int:
        """Token by token up to the end of a statement or the beginning of a block; returns where that is.

        After many tokens it returns, too, to be called again: then the statement is still `_inside`.
        """
        text, tokens = self._text, self._tokens
        match_token = _token().match
        if not self._inside:
            self._inside = True
            self._adjacent = -1
            self._bracketed = False
        while self.whole:
            if len(tokens) > CHUNK:
                return pos
            match = match_token(text, pos)
            assert match is not None  # every character is `other`
            kind = match.lastgroup
            assert kind is not None  # one alternative has matched
            start, pos = match.span(kind)
            if kind == "word":
                pos = self._word(start, pos)
            elif kind == "plain":
                self._value("STR", text[start + 1 : pos - 1], start, pos)
            elif kind == "term":
                after = self._line_space(pos) if text.startswith(("/", "\\"), pos) else pos
                tokens.append(Token("TERM", None, start, after))
                self._inside = False
                return after
            elif kind == "numeral":
                pos = self._numeral(start, pos)
            elif kind == "equals":
                self._equals(start)
            elif kind == "open":
                tokens.append(Token("LBRACE", None, start, pos))
                self._enter(start)
                self._inside = False
                return self._line_space(pos)
            elif kind == "close":
                tokens.append(Token("RBRACE", None, start, pos))
                self._leave()
                self._adjacent = -1
            elif kind == "slashdash":
                tokens.append(Token("SD", None, start, pos))
                self._adjacent = -1
                pos = self._line_space(pos)
            elif kind == "string":
                pos = self._string(start)
            elif kind == "keyword":
                pos = self._keyword(start, pos)
            elif kind == "comment":
                pos = self._comment(start)
                self._adjacent = -1
            elif kind == "backslash":
                pos = self._backslash(start)
                self._adjacent = -1
            elif kind == "left":
                self._apart(start, pos)
                tokens.append(Token("LPAR", None, start, pos))
                self._adjacent = -1
            elif kind == "right":
                tokens.append(Token("RPAR", None, start, pos))
                self._adjacent = -1
            elif kind == "end":
                return pos
            else:
                pos = self._other(start)
                self._adjacent = -1
        return len(text)

    def _word(self, start: int, end: int) -> int:
        text = self._text
        word = text[start:end]
        following = text[end : end + 1]
        if following and following in '/[]\\#"':
            if word == "r" and following in '"#':
                from .strings import raw_string_v1

                lexeme = raw_string_v1(text, start, self._findings)
                if lexeme is not None:
                    return self._lexeme(lexeme, start)
            after = self._loose(start, end)
            if after is not None:
                return after
        if word in RESERVED:
            name = self._names_something(end)
            self._note(messages.bare_keyword(self._span(start, end), word, name=name))
        elif word in (",", ":") and start == self._adjacent:
            if not self._bracketed:
                self._apart(start, end)
            self._adjacent = -1
            return end
        self._value("STR", word, start, end)
        return end

    def _names_something(self, end: int) -> bool:
        """Whether the word that ends there stands where only text can: as a name, a key or a type."""
        last = self._tokens[-1].kind if self._tokens else "TERM"
        if last in ("TERM", "RUN", "OPEN", "LBRACE", "LPAR", "RBRACE"):
            return True
        return self._text.startswith("=", match_end(_SPACE, self._text, end))

    def _numeral(self, start: int, end: int) -> int:
        text = self._text
        after = self._loose(start, end) if text.startswith(("/", "[", "]", "\\", "#"), end) else None
        if after is not None:
            return after
        self._number(start, end)
        return end

    def _loose(self, start: int, end: int) -> int | None:
        """A word that goes on at `end` with characters that need quotes: noted, taken whole."""
        match = _LOOSE.match(self._text, end)
        if match is None:
            return None
        word = self._text[start : match.end()]
        if not (self._bracketed and match[0].strip("[],") == ""):
            self._note(messages.must_be_quoted(self._span(start, match.end()), word))
        self._value("STR", word, start, match.end())
        return match.end()

    def _equals(self, start: int) -> None:
        """Turn the string before it into a key."""
        tokens = self._tokens
        last = tokens[-1] if tokens else None
        if last is not None and last.kind == "STR":
            tokens[-1] = Token("KEY", (last.value, last.end), last.start, start + 1)
        else:
            before = self._text[last.start : last.end] if last is not None and last.kind == "LIT" else ""
            self._note(messages.equals_without_key(self._span(start, start + 1), before))
        self._adjacent = -1

    def _string(self, start: int) -> int:
        from .strings import string  # only now: most files have none but plain strings

        return self._lexeme(string(self._text, start, self._findings), start)

    def _lexeme(self, lexeme: Lexeme, start: int) -> int:
        self._value("STR", lexeme.value, start, lexeme.end)
        if lexeme.rest_lost or self._findings.full:
            self.whole = False
        if lexeme.line_lost:
            self._odd_quote(start, lexeme.end)
        return lexeme.end

    def _odd_quote(self, start: int, end: int) -> None:
        """A quote is missing on this line: what its other quotes enclose may be the wrong halves.

        So missing spaces beside them are no news, and braces inside them may be missed outside.
        """
        text = self._text
        line = max(text.rfind(newline, 0, start) for newline in NEWLINE) + 1
        self._findings.withdraw("GWC110", line, start + 1)
        taken = [text[start:end]]
        for token in reversed(self._tokens):
            if token.end <= line:
                break
            if token.kind == "STR":
                taken.append(text[token.start : token.end])
        if any(part.count("{") != part.count("}") for part in taken):
            self.braces_doubtful = True

    def _keyword(self, start: int, end: int) -> int:
        text = self._text
        word = text[start:end]
        if word.strip("#") == "":
            self._note(messages.hash_comment(self._span(start, end)))
            return match_end(_TO_LINE_END, text, end)
        after = self._loose(start, end) if text.startswith(("/", "[", "]", "\\", "#"), end) else None
        if after is not None:
            return after
        if word in KEYWORDS:
            self._value("LIT", KEYWORDS[word], start, end)
        else:
            self._note(messages.unknown_keyword(self._span(start, end), word))
            self._value("STR", word, start, end)
        return end

    def _other(self, start: int) -> int:
        """A character that begins nothing: a bracket, a slash."""
        text = self._text
        if text[start] not in "[]":
            after = self._loose(start, start)
            assert after is not None  # a slash that begins no comment is loose
            return after
        match = _LOOSE.match(text, start)
        assert match is not None  # brackets are loose
        if not self._bracketed:
            self._bracketed = True
            self._note(messages.bracket(self._span(start, start + 1), text[start]))
        if match[0].strip("[],"):
            self._tokens.append(Token("STR", match[0], start, match.end()))
        return match.end()

    def _backslash(self, start: int) -> int:
        after = self._continuation(start)
        if after is None:
            after = self._loose(start, start)
        if after is None:
            self._note(messages.idle_backslash(self._span(start, start + 1)))
            return start + 1
        return after

    def _continuation(self, start: int) -> int | None:
        """Where the line that the backslash continues goes on; None if the line does not end here."""
        text = self._text
        pos = match_end(_SPACE, text, start + 1)
        while text.startswith("/*", pos):
            pos = match_end(_SPACE, text, self._comment(pos))
        end = _LINE_END.match(text, pos)
        return None if end is None else end.end()

    def _line_space(self, start: int) -> int:
        """After space, newlines, comments and continued lines: where something stands."""
        text = self._text
        pos = start
        while True:
            pos = match_end(_SPACE_AND_LINES, text, pos)
            if text.startswith("/*", pos):
                pos = self._comment(pos)
            elif text.startswith("\\", pos):
                after = self._continuation(pos)
                if after is None:
                    return pos
                pos = after
            else:
                return pos


def _clean(text: str, findings: Findings) -> str:
    """The text with a space for every disallowed code point, which are noted, each kind once."""
    start = 1 if text.startswith("\ufeff") else 0
    while (match := _DISALLOWED.search(text, start)) is not None:
        character, at = match[0], match.start()
        times = text.count(character, at)
        findings.add(messages.disallowed(findings.span(at, at + 1), character, times))
        if findings.full:
            return text[:start] + _DISALLOWED.sub(" ", text[start:])
        text = text[:start] + text[start:].replace(character, " ")
    return text
