"""PyYAML's parser as a stream of events: libyaml's where it is present, else the pure one.

Owns the choice of the parser and the places where the two differ: the pure one is brought to libyaml's
behaviour (tabs between tokens, `?` and `:` in plain scalars of flow collections, escapes that are no
character), so that a file means the same on every machine.

Events and not `compose`: composing takes as long, loses the place of an alias, recurses in C as deep as
the file says, and throws away everything that stood before a syntax error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from yaml.events import Event
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError
from yaml.tokens import ScalarToken

if TYPE_CHECKING:
    from yaml.error import Mark

_BREAKS = "\r\n"
_ENDS = "\0 \t\r\n"


class Events(Protocol):
    """A parser in mid-file. Raises `yaml.YAMLError` at a syntax error; None follows the last event."""

    def get_event(self) -> Event | None: ...


def open_events(text: str) -> Events:
    """The events of `text`, which holds no character that YAML forbids and no byte order mark."""
    try:
        from yaml import CBaseLoader
    except ImportError:
        return PureEvents(text)
    return CBaseLoader(text)


class PureEvents(Reader, Scanner, Parser):
    """The pure parser with libyaml's reading of what the two read differently."""

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_to_next_token(self) -> None:
        """Skip blanks, comments and line ends; a tab may stand wherever no block entry can begin."""
        while True:
            while self.peek() == " " or (
                self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)
            ):
                self.forward()
            self._skip_comment()
            if not self._took_line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_directive_name(self, start_mark: Mark) -> str:
        """The name of a directive; one that YAML does not know is refused."""
        name: str = super().scan_directive_name(start_mark)  # type: ignore[no-untyped-call] # as above
        if name not in ("YAML", "TAG"):
            raise ScannerError(
                "while scanning a directive", start_mark, "found unknown directive name", self.get_mark()
            )
        return name

    def scan_block_scalar_indicators(self, start_mark: Mark) -> tuple[bool | None, int | None]:
        """The chomping and the indentation that follow `|` or `>`; a tab may follow them."""
        chomping: bool | None = None
        increment: int | None = None
        for _ in range(2):
            character = self.peek()
            if chomping is None and character in "+-":
                chomping = character == "+"
            elif increment is None and character in "123456789":
                increment = int(character)
            else:
                break
            self.forward()
        if self.peek() == "0" and increment is None:
            raise ScannerError(
                "while scanning a block scalar",
                start_mark,
                "found an indentation indicator equal to 0",
                self.get_mark(),
            )
        return chomping, increment

    def scan_block_scalar_ignored_line(self, start_mark: Mark) -> None:
        """Skip what may follow the indicators of a block scalar: blanks and a comment."""
        while self.peek() in " \t":
            self.forward()
        self._skip_comment()
        if self.peek() not in "\0" + _BREAKS:
            raise ScannerError(
                "while scanning a block scalar",
                start_mark,
                "did not find expected comment or line break",
                self.get_mark(),
            )
        self._took_line_break()

    def scan_block_scalar_indentation(self) -> tuple[list[str], int, Mark]:
        """The empty lines before a block scalar's text, and the indentation of that text."""
        breaks, indentation, end = super().scan_block_scalar_indentation()
        self._refuse_tab(self.column + 1)  # the first line of text tells the indentation: no tab before it
        return breaks, indentation, end

    def scan_block_scalar_breaks(self, indent: int) -> tuple[list[str], Mark]:
        """The empty lines inside a block scalar."""
        breaks, end = super().scan_block_scalar_breaks(indent)
        self._refuse_tab(indent)
        return breaks, end

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Mark) -> list[str]:
        """A run of a quoted scalar; an escape for what is no character is refused."""
        try:
            pieces: list[str] = super().scan_flow_scalar_non_spaces(double, start_mark)
        except (ValueError, OverflowError):
            pieces = ["\ud800"]
        if any("\ud800" <= character <= "\udfff" for piece in pieces for character in piece):
            raise ScannerError(
                "while parsing a quoted scalar",
                start_mark,
                "found invalid Unicode character escape code",
                self.get_mark(),
            )
        return pieces

    def scan_plain(self) -> ScalarToken:
        """A plain scalar, as libyaml scans it."""
        start = end = self.get_mark()
        indent = self.indent + 1
        chunks: list[str] = []
        gap, broken = "", False
        while not (self._document_indicator() or self.peek() == "#"):
            length = self._plain_run(start)
            if not length:
                break
            chunks += (gap, self.prefix(length))
            self.forward(length)
            end = self.get_mark()
            gap, broken = self._plain_gap(indent, start)
            if not gap or (not self.flow_level and self.column < indent):
                break
        self.allow_simple_key = broken
        return ScalarToken("".join(chunks), True, start, end)

    def _plain_run(self, start: Mark) -> int:
        """How many characters of a plain scalar stand here without a blank."""
        length = 0
        while (character := self.peek(length)) not in _ENDS:
            following = self.peek(length + 1)
            if character == ":":
                if self.flow_level and following in ",?[]{}":
                    self.forward(length)
                    raise ScannerError(
                        "while scanning a plain scalar", start, "found unexpected ':'", self.get_mark()
                    )
                if following in _ENDS:
                    break
            elif self.flow_level and character in ",[]{}":
                break
            length += 1
        return length

    def _plain_gap(self, indent: int, start: Mark) -> tuple[str, bool]:
        """The blanks after a run: the text they stand for, and whether a line ends in them."""
        blanks, breaks = "", 0
        while (character := self.peek()) in " \t" + _BREAKS:
            if character in _BREAKS:
                self._took_line_break()
                breaks += 1
                continue
            if breaks and character == "\t" and self.column < indent:
                raise ScannerError(
                    "while scanning a plain scalar",
                    start,
                    "found a tab character that violates indentation",
                    self.get_mark(),
                )
            blanks += character
            self.forward()
        if breaks:
            return "\n" * (breaks - 1) or " ", True
        return blanks, False

    def _document_indicator(self) -> bool:
        return self.column == 0 and self.prefix(3) in ("---", "...") and self.peek(3) in _ENDS

    def _took_line_break(self) -> bool:
        return bool(super().scan_line_break())  # type: ignore[no-untyped-call] # the stubs leave it out

    def _skip_comment(self) -> None:
        if self.peek() == "#":
            while self.peek() not in "\0" + _BREAKS:
                self.forward()

    def _refuse_tab(self, indent: int) -> None:
        if self.column < indent and self.peek() == "\t":
            raise ScannerError(
                "while scanning a block scalar",
                self.get_mark(),
                "found a tab character where an indentation space is expected",
                self.get_mark(),
            )
