"""Whether output is coloured, and with which escape sequences.

Owns the convention of NO_COLOR, FORCE_COLOR and TERM, and the palette. Knows nothing of what is printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from gwc.schema.diagnostic import Severity

from .snippet import Role

_RESET: Final = "\x1b[0m"
_BLUE: Final = "\x1b[1;34m"
_BOLD: Final = "\x1b[1m"
_OF_SEVERITY: Final = {
    Severity.ERROR: "\x1b[1;31m",
    Severity.WARNING: "\x1b[1;33m",
    Severity.NOTE: "\x1b[1;36m",
}


class Terminal(Protocol):
    """A stream that knows whether somebody looks at it."""

    def isatty(self) -> bool: ...


def want_colour(stream: Terminal, environ: Mapping[str, str]) -> bool:
    """Whether text for `stream` is coloured.

    NO_COLOR, if set to anything but nothing, forbids it. Else FORCE_COLOR demands it (or, being `0`,
    forbids it). Else it takes a terminal, and one that TERM does not call `dumb`.
    """
    if environ.get("NO_COLOR"):
        return False
    forced = environ.get("FORCE_COLOR")
    if forced:
        return forced != "0"
    return environ.get("TERM") != "dumb" and stream.isatty()


def paint(text: str, style: Role, severity: Severity) -> str:
    """Text in the colour of its style; the primary span has its severity's colour."""
    if style == "plain" or not text.strip():
        return text
    if style == "bold":
        start = _BOLD
    else:
        start = _OF_SEVERITY[severity] if style == "primary" else _BLUE
    return f"{start}{text}{_RESET}"
