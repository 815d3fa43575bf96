"""Globs on names of models: `gpt-4*`, `*/llama-*`.

Owns what a glob means: `*` is any run of characters, empty or not, `/` too; everything else stands for
itself, byte for byte. Matching is a search for each piece between stars in turn, so no glob is slow.
"""

from __future__ import annotations

from dataclasses import dataclass

from .values.refusal import ValueRefusal, quoted


@dataclass(frozen=True, slots=True)
class Glob:
    """A glob taken apart at its stars.

    Without a star (`whole`) the text equals `head`. With one it begins with `head`, ends with `tail` and has
    `middle` between them, in order and without overlapping.
    """

    head: str
    middle: tuple[str, ...] = ()
    tail: str = ""
    whole: bool = False

    def matches(self, text: str) -> bool:
        """Whether the glob holds for all of `text`. Linear in the text for each piece."""
        if self.whole:
            return text == self.head
        at = len(self.head)
        end = len(text) - len(self.tail)
        if end < at or not text.startswith(self.head) or not text.endswith(self.tail):
            return False
        for piece in self.middle:
            # The first place is as good as any: what it leaves contains what a later one would leave.
            at = text.find(piece, at, end)
            if at < 0:
                return False
            at += len(piece)
        return True


def parse_glob(text: str) -> Glob | ValueRefusal:
    """The glob that `text` writes. Text and what it is compared with are spelt alike.

    Length is the schema's matter: a glob is read once as written and once as bytes, which are more.
    """
    if not text:
        return ValueRefusal(
            0, 0, "a glob is empty", "write a name, in which `*` stands for any run of characters"
        )
    for offset, char in enumerate(text):
        if char < " " or char == "\x7f":
            return ValueRefusal(
                offset, 1, f"a glob cannot hold the control character {quoted(char)}", "take it out"
            )
    head, *rest = text.split("*")
    if not rest:
        return Glob(head, whole=True)
    return Glob(head, tuple(piece for piece in rest[:-1] if piece), rest[-1])
