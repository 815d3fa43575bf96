"""Where the comments to gwc stand in a text: those that begin with `gwc:`.

Owns telling a comment from what only looks like one, by the rule of the syntax: text in strings, in block
comments and in the middle of another comment is none. Knows nothing of what the comments say. Every scan is
linear in the text, whatever the text is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, Literal

Syntax = Literal["kdl", "yaml"]

Comment = tuple[int, re.Match[str] | None]
"""Where a comment begins, and its text; None for a block comment, which then begins at its text."""

_DEEPEST: Final = 200
"""Deeper YAML is refused anyway, and its parser is quadratic in the depth."""

LINE_END: Final = re.compile(r"\r\n?|\n")
# Whatever ends a comment in either syntax. Only LF, CR and CRLF end a line that is counted.
_BREAKS: Final = r"\n\r\x0b\x0c\x85\u2028\u2029"
_BLANK: Final = re.compile(rf"[ \t\ufeff\xa0\u1680\u2000-\u200a\u202f\u205f\u3000{_BREAKS}]*+")

# Everything of a KDL file that is neither raw string nor block comment nor a comment of ours. Each
# alternative begins with another character and takes all it can, so the scan is linear. `r"` begins a raw
# string of KDL 1 unless it ends a word; in KDL 2 the same characters are a mistake.
_KDL_ORDINARY: Final = re.compile(
    rf"""
    (?: [^"/\#r]++
      | r (?: (?!") | (?<= [^\s=(){{}};] r ) )
      | \#++ (?!")
      | "(?!"") (?: [^"\\]++ | \\. )*+ "
      | \"{{3}} (?: [^"\\]++ | \\. | "(?!"") )*+ \"{{3}}
      | // (?! [ \t]*gwc: ) [^{_BREAKS}]*+
      | / (?![/*])
    )*+
    """,
    re.VERBOSE | re.DOTALL,
)
_KDL_RAW: Final = re.compile(r'(#+|r)("{3}|")')
_KDL_BLOCK_MARK: Final = re.compile(r"/\*|\*/")
_COMMENT_TEXT: Final = re.compile(rf"[^{_BREAKS}]*+")
_COMMENT: Final = re.compile(rf"(?://|#)[ \t]*+(gwc:[^{_BREAKS}]*+)")
_YAML_SIGN: Final = re.compile(rf"(?<![^ \t\ufeff{_BREAKS}])#")
_YAML_OURS: Final = re.compile(r"#[ \t]*+gwc:")


def comments(text: str, syntax: Syntax) -> Iterator[Comment]:
    """Each comment that begins with `gwc:`, in order, as far as it can be told what is a comment.

    Group 1 of a match is the comment's text from `gwc:` on.
    """
    return _kdl_comments(text) if syntax == "kdl" else _yaml_comments(text)


def is_blank(text: str, start: int, end: int) -> bool:
    """Whether nothing but blanks stands between two offsets."""
    return _BLANK.fullmatch(text, start, end) is not None


def next_statement(text: str, lines: Sequence[int], line: int, syntax: Syntax) -> int:
    """The first line from `line` on that is neither blank nor only a comment; the last one if none is."""
    at = lines[min(line, len(lines) - 1)]
    while at < len(text):
        blank = _BLANK.match(text, at)
        assert blank is not None
        at = blank.end()
        if text.startswith("//" if syntax == "kdl" else "#", at):
            at = _comment_end(text, at)
        elif syntax == "kdl" and text.startswith("/*", at):
            after = _end_of_block(text, at)
            at = len(text) if after < 0 else after
        elif at < len(text):
            return bisect_right(lines, at) - 1
    return len(lines) - 1


def _comment_end(text: str, at: int) -> int:
    rest = _COMMENT_TEXT.match(text, at)
    assert rest is not None
    return rest.end()


def _kdl_comments(text: str) -> Iterator[Comment]:
    """Each comment that begins with `gwc:`.

    Ends at the first string or block comment that is never closed: nobody can say what is a comment there.
    """
    at = 0
    while True:
        ordinary = _KDL_ORDINARY.match(text, at)
        assert ordinary is not None
        at = ordinary.end()
        if text.startswith("//", at):
            comment = _COMMENT.match(text, at)
            assert comment is not None
            yield at, comment
            at = comment.end()
        elif text.startswith("/*", at):
            blank = _BLANK.match(text, at + 2)
            if blank is not None and text.startswith("gwc:", blank.end()):
                yield blank.end(), None
            at = _end_of_block(text, at)
            if at < 0:
                return
        elif raw := _KDL_RAW.match(text, at):
            # In KDL 1 three quotes have no meaning, and `r""` is the empty string.
            quotes, hashes = ('"', "") if raw[1] == "r" else (raw[2], raw[1])
            begin = raw.start(2) + len(quotes)
            closing = text.find(quotes + hashes, begin)
            if closing < 0:
                return
            at = closing + len(quotes + hashes)
        else:
            return


def _end_of_block(text: str, at: int) -> int:
    """The offset after the block comment that begins at `at`, -1 if it is never closed. They nest."""
    depth = 0
    for mark in _KDL_BLOCK_MARK.finditer(text, at):
        depth += 1 if mark[0] == "/*" else -1
        if depth == 0:
            return mark.end()
    return -1


def _yaml_comments(text: str) -> Iterator[Comment]:
    """Each comment that begins with `gwc:`, as far as the file is well-formed."""
    if not _YAML_OURS.search(text):
        return
    scalars = _yaml_scalars(text)
    start, end = next(scalars)
    after = 0
    for sign in _YAML_SIGN.finditer(text):
        at = sign.start()
        while end <= at:
            start, end = next(scalars)
        if after <= at < start:
            comment = _COMMENT.match(text, at)
            after = comment.end() if comment else _comment_end(text, at)
            if comment:
                yield at, comment


def _yaml_scalars(text: str) -> Iterator[tuple[int, int]]:
    """The stretches that are no comments for sure, in order; the last one goes beyond the end of the text.

    They are the scalars (but for the line that opens a block scalar), and all that follows the last one
    before a mistake.
    """
    # PERF: PyYAML takes 20 ms to import; a file without a comment of ours has no need of it here.
    from yaml.error import YAMLError
    from yaml.events import CollectionEndEvent, CollectionStartEvent, ScalarEvent

    from ..parse.yaml.events import open_events

    # A byte order mark is not counted in the positions that the library gives.
    skipped = len(text) - len(text.removeprefix("\ufeff"))
    depth = end = 0
    try:
        events = open_events(text[skipped:])
        while depth < _DEEPEST and (event := events.get_event()) is not None:
            if isinstance(event, ScalarEvent):
                assert event.start_mark is not None
                assert event.end_mark is not None
                start, end = event.start_mark.index + skipped, event.end_mark.index + skipped
                if event.style in ("|", ">"):
                    opened = LINE_END.search(text, start, end)
                    start = opened.end() if opened else end
                yield start, end
            elif isinstance(event, CollectionStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
    except (YAMLError, UnicodeError):
        depth = _DEEPEST
    yield end if depth else len(text), len(text) + 1
