"""A syntax error and its explanation: the values between `recover` and the rules that explain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gwc.schema.diagnostic import Diagnostic

from .findings import Findings


@dataclass(frozen=True, slots=True)
class Mistake:
    """Where PyYAML stopped (`at`), where it says the construct around it began (`since`), and its words.

    `columns` are the indentations of the block collections that stood open, outermost first; `in_flow`
    says whether the innermost one had brackets; `scalar` is the place of the last scalar before `at`.
    """

    text: str
    at: int
    since: int
    words: str
    columns: tuple[int, ...]
    in_flow: bool
    scalar: tuple[int, int]

    def character(self) -> str:
        """The character where PyYAML stopped, empty at the end of the text."""
        return self.text[self.at : self.at + 1]


class Explained(NamedTuple):
    """A finding, and an offset in the last line that it spoils: reading can go on in the next one."""

    diagnostic: Diagnostic
    spoilt: int


Rule = Callable[[Mistake, Findings], Explained | None]
"""Explains the syntax errors that it knows; None for any other."""
