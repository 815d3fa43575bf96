"""What a value says when it is none.

Owns the refusal as data, and the few ways of wording that the values share. The diagnostic that a person
sees is made of it by the compiler.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class ValueRefusal:
    """Text that is no value of its kind.

    `offset` and `length` say where, in code points of the text; a length of 0 is a place where something is
    missing. `message` is a headline that stands alone; `help` says what to write instead, "" where nothing
    general can be said.
    """

    offset: int
    length: int
    message: str
    help: str = ""


def whole(text: str, message: str, help: str = "") -> ValueRefusal:
    """A refusal of all of `text`."""
    return ValueRefusal(0, len(text), message, help)


def quoted(text: str) -> str:
    """`text` between backticks, what cannot be printed escaped, at most 60 characters of it."""
    shown = "".join(char if char.isprintable() else _escaped(char) for char in text[:_LONGEST])
    return f"`{shown}{'…' if len(text) > _LONGEST else ''}`"


def grouped(number: int) -> str:
    """A number as people read it: `10 485 760`."""
    return f"{number:,}".replace(",", " ")


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{{{code:x}}}"
