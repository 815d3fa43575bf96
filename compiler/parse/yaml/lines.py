"""Lines of a text around an offset: where they start and end, how far they are indented.

LF, CR and CRLF end a line. Every function looks at the lines it is asked about and no further.
"""

from __future__ import annotations

import re

_BREAK = re.compile(r"[\r\n]")
_SPACES = re.compile(r" *")
_BLANK = re.compile(r"[ \t]*")


def line_start(text: str, at: int) -> int:
    """The offset where the line of `at` starts."""
    feed = text.rfind("\n", 0, at)
    return max(feed, text.rfind("\r", feed + 1, at)) + 1


def line_end(text: str, at: int) -> int:
    """The offset where the line of `at` ends, before its line break."""
    found = _BREAK.search(text, at)
    return found.start() if found else len(text)


def next_line(text: str, at: int) -> int:
    """The offset where the line after that of `at` starts; the text's end if there is none."""
    end = line_end(text, at)
    return end + (2 if text.startswith("\r\n", end) else 1) if end < len(text) else end


def first_character(text: str, at: int) -> int:
    """The offset of the first character that is no blank in the line of `at`, or the line's end."""
    found = _BLANK.match(text, line_start(text, at))
    assert found is not None
    return found.end()


def indentation(text: str, at: int) -> int:
    """How many spaces the line of `at` starts with."""
    found = _SPACES.match(text, line_start(text, at))
    assert found is not None
    return found.end() - found.start()


def line_above(text: str, at: int) -> int | None:
    """The first character of the nearest line above that of `at` with more than blanks and a comment."""
    start = line_start(text, at)
    while start > 0:
        start = line_start(text, start - 1)
        first = first_character(text, start)
        if first < len(text) and text[first] not in "#\r\n":
            return first
    return None


def content_end(text: str, at: int) -> int:
    """The end of what is written in the line of `at` from there on: without a comment and blanks."""
    piece = text[at : line_end(text, at)]
    comment = re.search(r"(?:\A|[ \t])#", piece)
    return at + len((piece[: comment.start()] if comment else piece).rstrip(" \t"))
