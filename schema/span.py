"""Where something stands in the text a person wrote.

Owns the span and nothing else. Offsets are half-open and count code points of the decoded file;
lines and columns are worked out by renderers, from the file's text, when somebody asks.
"""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """A stretch of one file: `file` is its path as shown to people, `start <= end` are code points."""

    file: str
    start: int
    end: int
