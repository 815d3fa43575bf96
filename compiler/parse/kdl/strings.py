"""Strings in quotes, KDL 2: quoted, raw, and both over several lines.

Owns where a string ends, what it says, and what is most likely meant by one that is never closed. Plain
strings without a backslash do not come here: the lexer's pattern takes them.
Source: KDL 2.0.0, "String".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from . import messages
from .characters import NEWLINE, ONE_NEWLINE, SPACE
from .escapes import dedent, unescape
from .tokens import Findings

_QUOTED = re.compile(rf'"((?:[^"\\{NEWLINE}]++|\\[{SPACE}{NEWLINE}]++|\\[^{SPACE}{NEWLINE}])*+)"')
_RAW = re.compile(rf'(#++)"((?:[^"{NEWLINE}]++|"(?!\1))*+)"\1')
_MULTI = re.compile(r'"""((?:[^"\\]++|\\.|"(?!""))*+)"""', re.DOTALL)
_MULTI_RAW = re.compile(r'(#++)"""((?:[^"]++|"(?!""\1))*+)"""\1')
_ONE_LINE_MULTI = re.compile(rf'(#*+)"""((?:[^"{NEWLINE}]++|"(?!""\1))*+)"""\1')
_OPENING = re.compile('(#*+)("(?:"")?+)')
_OVER_LINES = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_NEWLINE = re.compile(ONE_NEWLINE)
_LINE = re.compile(f"[^{NEWLINE}]*+")
_BLOCK_AT_END = re.compile(rf"[{SPACE}]++\{{[{SPACE}]*+\Z")
_RAW_V1 = re.compile(r'r(#*+)"((?:[^"]++|"(?!\1))*+)"\1')

_FAR = 4096
"""No further than this a closing quote is looked for on later lines."""


class Lexeme(NamedTuple):
    """A string: its value and its end.

    `rest_lost`: it is never closed and takes the rest of the file. `line_lost`: its line does not close it,
    and it takes the rest of the line.
    """

    value: str
    end: int
    rest_lost: bool = False
    line_lost: bool = False


def string(text: str, start: int, findings: Findings) -> Lexeme:
    """The string whose opening quotes, or the `#` before them, stand at `start`."""
    opening = _OPENING.match(text, start)
    assert opening is not None  # the caller has seen the quote
    hashes, quotes = opening.groups()
    if quotes == '"""':
        return _multi_line(text, start, hashes, findings)
    match = (_RAW if hashes else _QUOTED).match(text, start)
    if match is None:
        return _unclosed(text, start, opening.end(), hashes, findings)
    if hashes:
        return Lexeme(match[2], match.end())
    return Lexeme(unescape(match[1], start + 1, 2, findings), match.end())


def _multi_line(text: str, start: int, hashes: str, findings: Findings) -> Lexeme:
    inside = start + len(hashes) + 3
    if _NEWLINE.match(text, inside) is None:
        findings.add(messages.text_after_opening_quotes(findings.span(start, inside)))
        one_line = _ONE_LINE_MULTI.match(text, start)
        if one_line is not None:
            return Lexeme(one_line[2], one_line.end())
        whole = (_MULTI_RAW if hashes else _MULTI).match(text, start)
        if whole is not None and _alone(text, whole.end() - len(hashes) - 3):
            return Lexeme(text[inside : whole.end()], whole.end())
        line = _LINE.match(text, inside)
        assert line is not None  # an empty match is one
        return Lexeme(line[0], line.end())
    match = (_MULTI_RAW if hashes else _MULTI).match(text, start)
    if match is None:
        closing = '"""' + hashes
        findings.add(messages.unclosed_string(findings.span(start, inside), closing=closing))
        return Lexeme("", len(text), rest_lost=True)
    body = match[2] if hashes else match[1]
    return Lexeme(dedent(body, inside, findings, raw=bool(hashes)), match.end())


def _unclosed(text: str, start: int, inside: int, hashes: str, findings: Findings) -> Lexeme:
    """A string of one line that its line does not close."""
    if not hashes:
        over = _OVER_LINES.match(text, start, start + _FAR)
        if over is not None and _looks_closing(text, over.end() - 1):
            findings.add(messages.string_over_lines(findings.span(start, inside)))
            return Lexeme(text[inside : over.end() - 1], over.end())
    findings.add(messages.unclosed_string(findings.span(start, inside), closing='"' + hashes))
    line = _LINE.match(text, inside)
    assert line is not None  # an empty match is one
    rest = line[0]
    block = _BLOCK_AT_END.search(rest)
    rest = (rest if block is None else rest[: block.start()]).rstrip(SPACE)
    return Lexeme(rest, inside + len(rest), line_lost=True)


def _looks_closing(text: str, quote: int) -> bool:
    """Whether the quote rather ends a string than begins one, by what stands beside it."""
    after = text[quote + 1 : quote + 2]
    if after and after not in SPACE + NEWLINE + ";})":
        return False
    before = text[quote - 1]
    if before not in SPACE + NEWLINE + "=(":
        return True
    return _alone(text, quote) and (not after or after in NEWLINE)


def _alone(text: str, quote: int) -> bool:
    """Whether only space stands before the quote on its line."""
    before = text[max(0, quote - _FAR) : quote].rstrip(SPACE)
    return before[-1:] != "" and before[-1] in NEWLINE


def raw_string_v1(text: str, start: int, findings: Findings) -> Lexeme | None:
    """The raw string of KDL 1 (`r"..."`) that begins at `start`, if one does: a mistake in KDL 2."""
    match = _RAW_V1.match(text, start)
    if match is None:
        return None
    findings.add(messages.raw_string_v1(findings.span(start, match.end()), match[1], match[2]))
    return Lexeme(match[2], match.end())
