"""The diagnostics of one file while it is read: collected, and not without end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gwc.schema.diagnostic import Diagnostic, in_order
from gwc.schema.span import Span

MOST = 100
"""How many findings of one file are told; a generated file can hold a mistake on each of a million lines."""


@dataclass(slots=True)
class Findings:
    """What has been found in `file` so far; `left_out` counts what came after the first `MOST`."""

    file: str
    collected: list[Diagnostic] = field(default_factory=list)
    left_out: int = 0

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep one finding, or count it."""
        if len(self.collected) < MOST:
            self.collected.append(diagnostic)
        else:
            self.left_out += 1

    def enough(self) -> bool:
        """Whether one more finding would only be counted; if so it has been, and needs no words."""
        if len(self.collected) < MOST:
            return False
        self.left_out += 1
        return True

    def span(self, start: int, end: int) -> Span:
        """A span of this file."""
        return Span(self.file, start, end)

    def told(self) -> tuple[Diagnostic, ...]:
        """All in order of place; the last one says how many more there are."""
        ordered = in_order(self.collected)
        if not self.left_out:
            return ordered
        last = ordered[-1]
        more = f"{self.left_out} more mistakes in this file are not shown"
        return (*ordered[:-1], replace(last, help=f"{last.help}; {more}" if last.help else more))
