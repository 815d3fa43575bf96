"""What the inside of a string stands for: escapes resolved, multi-line strings without their indentation.

Owns the decoding of one string, given its text and where it stands. Knows nothing of quotes; mistakes go to
the findings, and a best guess is returned. Source: KDL 2.0.0, "String".
"""

from __future__ import annotations

import re
from typing import NamedTuple

from . import messages
from .characters import NEWLINE, ONE_NEWLINE, SPACE
from .messages import Version
from .tokens import Findings

_CHARACTERS = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "b": "\b", "f": "\f"}
_CHARACTERS_BY_VERSION: dict[Version, dict[str, str]] = {
    1: _CHARACTERS | {"/": "/"},
    2: _CHARACTERS | {"s": " "},
}
_ESCAPE = re.compile(rf"\\(?:u\{{([0-9a-fA-F]{{1,6}})\}}|([{SPACE}{NEWLINE}]++)|(.)|\Z)", re.DOTALL)
_LINE_PIECE = re.compile(rf"({ONE_NEWLINE})|(\\[{SPACE}{NEWLINE}]++)|(\\.|[^\\{NEWLINE}]++)", re.DOTALL)
_BLANK = re.compile(f"[{SPACE}]*+")


def unescape(body: str, offset: int, version: Version, findings: Findings) -> str:
    """The text between the quotes with its escapes resolved; it stands at `offset` in the file."""
    characters = _CHARACTERS_BY_VERSION[version]

    def replace(match: re.Match[str]) -> str:
        digits, space, character = match.groups()
        start, end = offset + match.start(), offset + match.end()
        if digits is not None:
            number = int(digits, 16)
            # KDL 1 has no word on surrogates; half a pair cannot be written as UTF-8 by anyone.
            if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
                findings.add(messages.no_code_point(findings.span(start, end), match[0]))
                return "\ufffd"
            return chr(number)
        if findings.full:
            return match[0]
        if space is not None and version == 2:
            return ""
        written = characters.get(character or "")
        if written is None:
            end = min(end, start + 2)
            findings.add(messages.unknown_escape(findings.span(start, end), match[0][:2], version))
            return match[0]
        return written

    return _ESCAPE.sub(replace, body)


class _Line(NamedTuple):
    """A line of a multi-line string: where it begins in the file, its text without escaped space."""

    start: int
    text: str


def _lines(body: str, offset: int, raw: bool) -> list[_Line]:
    """Split at newlines, after escaped space, which may hold newlines, has been taken out."""
    lines: list[_Line] = []
    if raw:
        start = 0
        for match in re.finditer(ONE_NEWLINE, body):
            lines.append(_Line(offset + start, body[start : match.start()]))
            start = match.end()
        lines.append(_Line(offset + start, body[start:]))
        return lines
    pieces: list[str] = []
    start = 0
    for match in _LINE_PIECE.finditer(body):
        newline, _, piece = match.groups()
        if newline is not None:
            lines.append(_Line(offset + start, "".join(pieces)))
            pieces, start = [], match.end()
        elif piece is not None:
            pieces.append(piece)
    lines.append(_Line(offset + start, "".join(pieces)))
    return lines


def dedent(body: str, offset: int, findings: Findings, *, raw: bool) -> str:
    """The value of a multi-line string; `body` stands between the triple quotes, at `offset`.

    `body` begins with a newline. Escaped space is resolved first, then the closing line's indentation is
    taken from every line, then the other escapes are resolved: KDL 2.0.0, "Interaction with Whitespace
    Escapes".
    """
    if not raw:
        unescape(body, offset, 2, findings)  # reports at the right places; the lines below have lost them
    _, *lines, last = _lines(body, offset, raw)
    prefix = last.text
    end = offset + len(body)
    if not _BLANK.fullmatch(prefix):
        findings.add(messages.text_before_closing_quotes(findings.span(end, end + 3)))
        return body
    out: list[str] = []
    wrong = False
    for line in lines:
        if line.text.startswith(prefix):
            text = line.text[len(prefix) :]
            out.append("" if _BLANK.fullmatch(text) else text)
        elif _BLANK.fullmatch(line.text):
            out.append("")
        elif not wrong:
            wrong = True
            indent = _BLANK.match(line.text)
            assert indent is not None  # an empty match is one
            at = findings.span(line.start, line.start + max(indent.end(), 1))
            findings.add(messages.wrong_indent(at, findings.span(last.start, end + 3)))
    value = "\n".join(out)
    return value if raw else unescape(value, 0, 2, Findings(findings.file))
