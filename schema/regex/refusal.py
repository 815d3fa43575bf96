"""What the dialect says to a pattern that is not in it.

Owns the refusal as data. The diagnostic that a person sees is made of it by the compiler.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class RegexRefusal:
    """A pattern, or a part of one, that the dialect has no meaning for.

    `offset` and `length` say where, in the latin-1 text that was parsed (so they count bytes of UTF-8).
    `construct` names the kind of mistake in a word or two (`lookahead`, `back-reference`, `count` …) and is
    stable; `message` is a headline; `help` says what to write instead, "" where nothing general can be said.
    """

    offset: int
    length: int
    construct: str
    message: str
    help: str = ""

    def in_characters(self, pattern: str) -> RegexRefusal:
        """The same refusal with its place counted in code points; `pattern` is the text that was parsed."""
        start = _characters(pattern[: self.offset])
        end = _characters(pattern[: self.offset + self.length])
        return replace(self, offset=start, length=end - start)


def _characters(text: str) -> int:
    """How many code points begin in `text`, which is UTF-8 spelt in latin-1."""
    return sum(1 for char in text if not "\x80" <= char <= "\xbf")


def shown(piece: str) -> str:
    """A piece of a pattern as a person wrote it: unprintable characters escaped, 40 at most."""
    text = piece.encode("latin-1").decode("utf-8", "backslashreplace")
    text = "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)
    return text if len(text) <= 40 else text[:39] + "…"


class Refused(Exception):
    """Carries a refusal out of the depth of the parser; `parse` catches it, callers never see it."""

    def __init__(self, refusal: RegexRefusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def refuse(offset: int, length: int, construct: str, message: str, help: str = "") -> Refused:
    """The exception that carries such a refusal."""
    return Refused(RegexRefusal(offset, length, construct, message, help))
