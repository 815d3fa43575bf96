"""Block comments: `/* ... */`, which nest.

Owns where such a comment ends; both versions of KDL have the same ones. Nesting is no matter for a regular
expression, so the marks are counted.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_MARK = re.compile(r"/\*|\*/")


class Unclosed(NamedTuple):
    """A comment without an end: where it begins, and where the last one nested in it does, if any."""

    start: int
    nested: int | None


def block_comment_end(text: str, start: int) -> int | Unclosed:
    """Where the comment that begins at `start` ends, after its `*/`."""
    opened: list[int] = []
    for mark in _MARK.finditer(text, start):
        if mark[0] == "/*":
            opened.append(mark.start())
        else:
            opened.pop()
            if not opened:
                return mark.end()
    return Unclosed(start, opened[-1] if len(opened) > 1 else None)
