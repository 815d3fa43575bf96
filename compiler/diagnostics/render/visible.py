"""Text of unknown origin, made fit for a terminal.

Owns which characters are shown as they are, how wide they are, and how the others are spelt. A file can
hold escape sequences, text direction marks or invisible letters; nothing of that reaches a terminal: it is
spelt `\\u{1b}`, so that it does no harm and can be seen. Knows nothing of diagnostics.
"""

from __future__ import annotations

from functools import cache
from typing import Final

TAB_WIDTH: Final = 4
ELLIPSIS: Final = "…"

_LONGEST: Final = 1000
_TAIL: Final = 200
# Letters of Hangul and braille that look like nothing. Whatever else is invisible is not printable.
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u2800\u3164\uffa0\u034f")


def visible(text: str) -> str:
    """One line of text with nothing in it that a terminal would act on or not show.

    Text of more than 1000 characters is shortened in its middle.
    """
    if len(text) > _LONGEST:
        text = text[: _LONGEST - _TAIL] + ELLIPSIS + text[-_TAIL:]
    if text.isprintable() and text.isascii():
        return text
    return "".join(map(spelling, text))


def spelling(character: str) -> str:
    """How a character is shown: as it is, or as `\\u{...}`."""
    if character.isprintable() and character not in _BLANK_LETTERS:
        return character
    return f"\\u{{{ord(character):x}}}"


class Cells:
    """A piece of a line as it is shown: `shown`, and at which column each of its characters begins.

    `columns[i]` is the column of character i from 0, `columns[-1]` the width of all.
    """

    __slots__ = ("columns", "shown")

    def __init__(self, text: str) -> None:
        self.shown: str
        self.columns: list[int] | range
        if text.isascii() and text.isprintable():
            self.shown, self.columns = text, range(len(text) + 1)
            return
        pieces: list[str] = []
        columns = [0]
        column = 0
        for character in text:
            if character == "\t":
                piece = " " * (TAB_WIDTH - column % TAB_WIDTH)
                column += len(piece)
            else:
                piece = spelling(character)
                column += len(piece) if len(piece) > 1 else width(character)
            pieces.append(piece)
            columns.append(column)
        self.shown, self.columns = "".join(pieces), columns


@cache
def width(character: str) -> int:
    """How many columns a printable character takes: 2 for East Asian wide ones, 0 for combining ones.

    (The cache is of a pure function on single characters.)
    """
    if character.isascii():
        return 1
    import unicodedata

    if unicodedata.category(character) in ("Mn", "Me") or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1
