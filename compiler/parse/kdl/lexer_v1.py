"""Text to tokens, KDL 1.

Owns what KDL 1 spells in its own way: the tokens that come out are the same as those of KDL 2, for the same
grammar. Notes the first thing that KDL 2 would not read, for the advice to move. Like lexer.py it never
stops at a mistake. Source: KDL 1.0.0, "Full Grammar".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gwc.schema.span import Span

from . import messages
from .characters import (
    DISALLOWED,
    KEYWORDS_V1,
    NEWLINE_V1,
    NUMBER_LIKE,
    ONE_NEWLINE_V1,
    RESERVED,
    SPACE_V1,
    WORD,
    WORD_V1,
)
from .escapes import unescape
from .scanner import CHUNK, Scanner, match_end
from .tokens import Findings, OnlyV1, Token

_LINE_COMMENT = f"//[^{NEWLINE_V1}]*+"
_TOKEN = re.compile(
    f"[{SPACE_V1}]*+(?:"
    + "|".join(
        f"(?P<{name}>{pattern})"
        for name, pattern in (
            ("raw", 'r#*+"'),
            ("word", f"(?![+-]?[0-9]){WORD_V1}++"),
            ("quoted", '"'),
            (
                "term",
                rf"(?:;|{ONE_NEWLINE_V1}|{_LINE_COMMENT}(?:{ONE_NEWLINE_V1}|\Z))"
                rf"(?:[{SPACE_V1}]++|{ONE_NEWLINE_V1}|{_LINE_COMMENT})*+",
            ),
            ("numeral", f"[+-]?[0-9]{WORD_V1}*+"),
            ("open", r"\{"),
            ("close", r"\}"),
            ("slashdash", "/-"),
            ("comment", r"/\*"),
            ("backslash", r"\\"),
            ("left", r"\("),
            ("right", r"\)"),
            ("end", r"\Z"),
            ("other", "."),
        )
    )
    + ")",
    re.DOTALL,
)
_RAW = re.compile(r'r(#*+)"((?:[^"]++|"(?!\1))*+)"\1')
_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_SPACE_AND_LINES = re.compile(rf"(?:[{SPACE_V1}]++|{ONE_NEWLINE_V1}|{_LINE_COMMENT})*+")
_SPACE = re.compile(f"[{SPACE_V1}]*+")
_LINE_END = re.compile(rf"{_LINE_COMMENT}(?:{ONE_NEWLINE_V1}|\Z)|{ONE_NEWLINE_V1}")
_NEWLINE = re.compile(ONE_NEWLINE_V1)
_APART = re.compile(rf"[{SPACE_V1}\\]|/\*")
_WORD_V2 = re.compile(f"(?!{NUMBER_LIKE}){WORD}++")
_DISALLOWED_V2 = re.compile(f"[{DISALLOWED}]")


class LexerV1(Scanner):
    """One run over one text, read as KDL 1. `only_v1`: the first thing in it that KDL 2 does not read.

    Mutable: everything. `_named`: the node of this statement has its name, so that bare words are no longer
    text. `_in_type`: between parentheses. `_glued`: a type annotation ended here, and what it is of must
    begin here.
    """

    __slots__ = ("_glued", "_in_type", "_named", "only_v1")

    def __init__(self, text: str, findings: Findings) -> None:
        super().__init__(text, findings)
        self._named = False
        self._in_type = False
        self._glued = -1
        self.only_v1: OnlyV1 | None = None

    def _chunks(self) -> Iterator[list[Token]]:
        """Token by token."""
        text, tokens = self._text, self._tokens
        pos = self._line_space(0)
        while self.whole:
            if len(tokens) > CHUNK:
                yield self._chunk()
            match = _TOKEN.match(text, pos)
            assert match is not None  # every character is `other`
            kind = match.lastgroup
            assert kind is not None  # one alternative has matched
            start, pos = match.span(kind)
            if self._glued >= 0:
                self._apart_from_type(start, kind)
            if kind == "word":
                pos = self._word(start, pos)
            elif kind == "raw":
                pos = self._string(_RAW, start, pos)
            elif kind == "quoted":
                pos = self._string(_QUOTED, start, pos)
            elif kind == "numeral":
                self._number(start, pos)
            elif kind == "term":
                after = self._line_space(pos) if text.startswith("/", pos) else pos
                tokens.append(Token("TERM", None, start, after))
                pos = after
                self._begin_statement()
            elif kind == "open":
                tokens.append(Token("LBRACE", None, start, pos))
                self._enter(start)
                pos = self._line_space(pos)
                self._begin_statement()
            elif kind == "close":
                tokens.append(Token("RBRACE", None, start, pos))
                self._leave()
                self._begin_statement()
            elif kind == "slashdash":
                tokens.append(Token("SD", None, start, pos))
                pos = self._node_space(pos)
                self._adjacent = -1
            elif kind == "comment":
                pos = self._comment(start)
                self._adjacent = -1
            elif kind == "backslash":
                pos = self._continuation(start)
                self._adjacent = -1
            elif kind == "left":
                self._apart(start, pos)
                tokens.append(Token("LPAR", None, start, pos))
                self._in_type = True
                self._glued = pos
                self._adjacent = -1
            elif kind == "right":
                if self._in_type and start != self._adjacent and tokens[-1].kind == "STR":
                    self._note(messages.space_in_annotation(self._span(tokens[-1].end, start)))
                tokens.append(Token("RPAR", None, start, pos))
                self._in_type = False
                self._glued = pos
                self._adjacent = -1
            elif kind == "end":
                break
            else:
                self._note(messages.must_be_quoted(self._span(start, pos), text[start:pos]))
        yield self._rest()

    def _begin_statement(self) -> None:
        self._named = False
        self._in_type = False
        self._glued = self._adjacent = -1

    def _apart_from_type(self, start: int, kind: str) -> None:
        """KDL 1 has no space, and no comment, inside a type annotation or after it."""
        if start != self._glued or kind == "comment":
            self._note(messages.space_in_annotation(self._span(self._glued, max(start, self._glued + 1))))
        self._glued = -1

    def _text_value(self, value: str, start: int, end: int) -> int:
        """A string: the name of a node or a type, a key with its `=`, or a value."""
        if self._text.startswith("=", end) and self._named and not self._in_type:
            self._value("KEY", (value, end), start, end + 1)
            self._adjacent = -1
            if _APART.match(self._text, end + 1):
                # KDL 1 has no space there: what follows is a value of its own.
                self._note(messages.property_without_value(self._span(start, end + 1), value))
                self._tokens.append(Token("LIT", None, end + 1, end + 1))
            return end + 1
        self._value("STR", value, start, end)
        self._named = self._named or not self._in_type
        return end

    def _word(self, start: int, end: int) -> int:
        word = self._text[start:end]
        names = not self._named or self._in_type or self._text.startswith("=", end)
        span = self._span(start, end)
        if word in KEYWORDS_V1:
            if names:
                self._note(messages.bare_keyword(span, word, name=True))
                return self._text_value(word, start, end)
            self._only_v1(span, f"`{word}` without `#`", f"KDL 2 writes `#{word}`")
            self._value("LIT", KEYWORDS_V1[word], start, end)
            return end
        if not names:
            self._note(messages.bare_value_v1(span, word))
        elif word in RESERVED or not _WORD_V2.fullmatch(word):
            shown = messages.quoted(word)
            self._only_v1(span, f"{shown} without quotes", f"KDL 2 writes {messages.as_string(word)}")
        return self._text_value(word, start, end)

    def _string(self, pattern: re.Pattern[str], start: int, inside: int) -> int:
        match = pattern.match(self._text, start)
        span = self._span(start, inside)
        if match is None:
            self._note(messages.unclosed_string(span, closing='"' + "#" * (inside - start - 2)))
            self.whole = False
            return len(self._text)
        if pattern is _RAW:
            value = match[2]
            self._only_v1(span, "a raw string of KDL 1", f"KDL 2 writes {messages.raw_v2(match[1], value)}")
        else:
            value = unescape(match[1], inside, 1, self._findings)
            if self._findings.full:
                self.whole = False
            if r"\/" in match[1].replace("\\\\", ""):
                self._only_v1(span, r"a string with the escape `\/`", "KDL 2 writes `/`")
            elif _NEWLINE.search(match[1]):
                self._only_v1(
                    span,
                    "a string over several lines",
                    'KDL 2 writes `"""`, the text on lines of its own, and `"""` again',
                )
        if _DISALLOWED_V2.search(match[0]):
            self._only_v1(span, "a string with a control character", "KDL 2 writes it as `\\u{...}`")
        return self._text_value(value, start, match.end())

    def _only_v1(self, span: Span, what: str, advice: str) -> None:
        if self.only_v1 is None:
            self.only_v1 = OnlyV1(span, what, advice)

    def _continuation(self, start: int) -> int:
        """Where the line that the backslash continues goes on."""
        text = self._text
        pos = match_end(_SPACE, text, start + 1)
        while text.startswith("/*", pos):
            pos = match_end(_SPACE, text, self._comment(pos))
        end = _LINE_END.match(text, pos)
        if end is None:
            self._note(messages.idle_backslash(self._span(start, start + 1)))
            return start + 1
        if not self._named:
            self._note(messages.misplaced_continuation(self._span(start, start + 1)))
        return end.end()

    def _line_space(self, pos: int) -> int:
        """After space, newlines and comments."""
        pos = match_end(_SPACE_AND_LINES, self._text, pos)
        while self._text.startswith("/*", pos):
            pos = match_end(_SPACE_AND_LINES, self._text, self._comment(pos))
        return pos

    def _node_space(self, pos: int) -> int:
        """After space, block comments and continued lines."""
        text = self._text
        while True:
            pos = match_end(_SPACE, text, pos)
            if text.startswith("/*", pos):
                pos = self._comment(pos)
            elif text.startswith("\\", pos):
                pos = self._continuation(pos)
            else:
                return pos
