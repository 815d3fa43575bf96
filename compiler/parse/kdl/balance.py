"""Which brace is the wrong one, where braces do not balance.

Counting finds the first `{` of a file when the last `}` is missing, however far inside the mistake is. People
indent what they write, so indentation tells better; where it does not, counting does. Knows nothing of the
grammar.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from .characters import ONE_NEWLINE, SPACE
from .tokens import Token

_NEWLINE = re.compile(ONE_NEWLINE)
_SPACE = re.compile(f"[{SPACE}]*+")


class _Brace(NamedTuple):
    """`indent` of its line; `leads`: it is the first on its line."""

    at: int
    opens: bool
    indent: int
    leads: bool


class Braces:
    """The braces of one file, each with its line's indentation."""

    __slots__ = ("_braces",)

    def __init__(self, text: str, tokens: list[Token]) -> None:
        starts = [0, *(match.end() for match in _NEWLINE.finditer(text))]
        indents: dict[int, int] = {}
        self._braces: list[_Brace] = []
        for token in tokens:
            if token.kind in ("OPEN", "LBRACE", "RBRACE"):
                at = token.end - 1
                line = starts[bisect_right(starts, at) - 1]
                if line not in indents:
                    space = _SPACE.match(text, line)
                    indents[line] = 0 if space is None else space.end() - line
                indent = indents[line]
                self._braces.append(_Brace(at, token.kind != "RBRACE", indent, line + indent == at))

    def unclosed(self) -> list[int]:
        """Where each `{` stands that is never closed."""
        counted = self._pairs()[1]
        flagged: list[_Brace] = []
        stack: list[_Brace] = []
        for brace in self._braces:
            if brace.opens:
                stack.append(brace)
                continue
            if brace.leads and len(flagged) < len(counted):
                same = [place for place, opened in enumerate(stack) if opened.indent == brace.indent]
                inner = len(stack) - 1 - same[-1] if same else 0
                if inner and len(flagged) + inner <= len(counted):
                    flagged += stack[-inner:]
                    del stack[-inner:]
            if stack:
                stack.pop()
        flagged += stack
        chosen = flagged if len(flagged) == len(counted) else counted
        return [brace.at for brace in chosen]

    def misfit(self) -> int | None:
        """The first `}` that leads its line and is not indented like the line of the `{` it closes."""
        for opened, closed in self._pairs()[0]:
            if closed.leads and closed.indent != opened.indent:
                return closed.at
        return None

    def _pairs(self) -> tuple[list[tuple[_Brace, _Brace]], list[_Brace]]:
        """By counting: which `{` each `}` closes, and what is open at the end."""
        pairs: list[tuple[_Brace, _Brace]] = []
        stack: list[_Brace] = []
        for brace in self._braces:
            if brace.opens:
                stack.append(brace)
            elif stack:
                pairs.append((stack.pop(), brace))
        return pairs, stack
