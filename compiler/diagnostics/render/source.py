"""What renderers ask of a file's text. Owns the contract and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Source(Protocol):
    """The text of one file, asked for by place."""

    def line_column(self, offset: int) -> tuple[int, int]:
        """The line and the column of an offset in code points, both from 1; outside the text, the nearest."""
        ...

    def line_text(self, line: int) -> str:
        """A line without its line end; empty where there is no such line."""
        ...


Sources = Mapping[str, Source]
"""Sources by the name that spans give them. A span of a file that is missing here is shown without text."""
