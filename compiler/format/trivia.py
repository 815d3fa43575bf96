"""What stands between the tokens of KDL: line breaks, comments, continued lines.

Owns the taking apart of a gap between two tokens. Knows nothing of layout. The lexer keeps no trivia, and
need not: its tokens say where the gaps are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from ..parse.kdl.characters import NEWLINE, NEWLINE_V1, ONE_NEWLINE, ONE_NEWLINE_V1, SPACE_V1
from ..parse.kdl.comments import Unclosed, block_comment_end
from ..parse.kdl.messages import Version

_NEWLINE = re.compile(ONE_NEWLINE)


class Piece(NamedTuple):
    """`line` and `block` comments with their text; `;`; `newline`.

    `continued` is a backslash, `resumed` the line break that it takes away.
    """

    kind: Literal["newline", "line", "block", ";", "continued", "resumed"]
    text: str = ""


class Trivia:
    """The pieces of gaps, by the rules of one version."""

    __slots__ = ("_piece",)

    def __init__(self, version: Version) -> None:
        newline, characters = (ONE_NEWLINE, NEWLINE) if version == 2 else (ONE_NEWLINE_V1, NEWLINE_V1)
        self._piece = re.compile(
            rf"(?P<newline>{newline})|(?P<line>//[^{characters}]*+)|(?P<block>/\*)|(?P<continued>\\)"
            rf"|(?P<end>;)|[{SPACE_V1}=]++"
        )

    def pieces(self, text: str, start: int, end: int) -> Iterator[Piece]:
        """What stands in the gap, in order; space and `=` are no pieces."""
        pos = start
        continued = False
        while pos < end:
            match = self._piece.match(text, pos)
            assert match is not None  # a gap holds nothing else
            pos = match.end()
            if match.lastgroup == "newline":
                yield Piece("resumed" if continued else "newline")
                continued = False
            elif match.lastgroup == "line":
                yield Piece("line", match[0].rstrip(SPACE_V1))
            elif match.lastgroup == "block":
                comment_end = block_comment_end(text, match.start())
                assert not isinstance(comment_end, Unclosed)  # the text has been parsed
                pos = comment_end
                yield Piece("block", _NEWLINE.sub("\n", text[match.start() : pos]))
            elif match.lastgroup == "continued":
                continued = True
                yield Piece("continued")
            elif match.lastgroup == "end":
                yield Piece(";")
