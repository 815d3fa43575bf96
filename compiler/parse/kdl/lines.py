"""The fast path: one regular expression for a whole simple statement.

Owns the pattern of a simple statement and the decoding of its head. A statement is simple if it is one
line of plain words, plain strings, numbers and keywords, ending in a newline, `;`, `{` or before `}`.
Whatever is not simple is left to the lexer, which must come to the same result: that is held by
tests/compiler/kdl/test_differential.py.

PERF: of 10 000 routes (112 000 lines, 2.9 MB) the lines are matched in 50 ms and become a tree in 0.3 s;
token by token it is 0.8 s. A fifth of the lines are distinct; each is decoded once (`heads` in lexer.py).
"""

from __future__ import annotations

import re

from ..document import Head, Property, Scalar, Value
from .characters import KEYWORDS, NEWLINE, NUMBER_LIKE, RESERVED, WORD
from .numbers import number

_WORD = f"{WORD}++"
_QUOTED = rf'"(?!"")[^"\\{NEWLINE}]*+"'
_KEYWORD = "#-?[a-z]++"
_ENTRY = rf"(?:(?:{_QUOTED}|{_WORD})(?:=(?:{_QUOTED}|{_WORD}|{_KEYWORD}))?+|{_KEYWORD})"
_END = rf"(;|(?://[^{NEWLINE}]*+)?[\r\n])"
_SKIP = rf"(?:[ \t\r\n]++|//[^{NEWLINE}]*+)*+"

STATEMENT = re.compile(
    rf"(?:((?:{_QUOTED}|{_WORD})(?:[ \t]++{_ENTRY})*+)[ \t]*+(?:(\{{)|{_END}|(?=\}}))"
    rf"|(\}})[ \t]*+(?:{_END}|(?=\}})))"
    rf"{_SKIP}"
)
"""Group 1: the head. What the last group to match says of it: see the names below."""

LAST_IN_BLOCK, OPENING, ENDED, CLOSING, CLOSING_ENDED = 1, 2, 3, 4, 5
"""`lastindex` of a match: a head before `}`, before `{`, with its end; a `}` before another, with an end."""

_PIECE = re.compile(
    rf'[ \t]*+(?:"([^"]*+)"|({_WORD})|({_KEYWORD}))(?:(=)(?:"([^"]*+)"|({_WORD})|({_KEYWORD})))?+'
)
_NUMBER_LIKE = re.compile(NUMBER_LIKE)


class _NotSimpleError(ValueError):
    """Raised when a word is no plain string and no keyword, as `number` raises for one that is no number."""


def _scalar(quoted: str | None, word: str | None, keyword: str | None) -> Scalar:
    if quoted is not None:
        return quoted
    if word is not None:
        if word[0] in "+-.0123456789" and _NUMBER_LIKE.match(word):
            return number(word)
        if word in RESERVED:
            raise _NotSimpleError
        return word
    assert keyword is not None  # one of the three groups has matched
    if keyword not in KEYWORDS:
        raise _NotSimpleError
    return KEYWORDS[keyword]


def decode(text: str) -> Head | None:
    """The head that `text`, group 1 of `STATEMENT`, spells; None if it is not simple after all."""
    args: list[Value] = []
    props: list[Property] = []
    pieces = _PIECE.finditer(text)
    try:
        first = next(pieces)
        quoted, word, *_ = first.groups()
        name = _scalar(quoted, word, None)
        if not isinstance(name, str):
            return None
        for piece in pieces:
            quoted, word, keyword, equals, value_quoted, value_word, value_keyword = piece.groups()
            start, end = piece.span(1 if quoted is not None else 2 if word is not None else 3)
            if quoted is not None:
                start, end = start - 1, end + 1
            scalar = _scalar(quoted, word, keyword)
            if equals is None:
                args.append(Value(scalar, None, start, end))
                continue
            if not isinstance(scalar, str):
                return None
            value = _scalar(value_quoted, value_word, value_keyword)
            props.append(Property(scalar, start, end, Value(value, None, end + 1, piece.end())))
    except ValueError:
        return None
    return Head(name, None, 0, first.end(), tuple(args), tuple(props))
