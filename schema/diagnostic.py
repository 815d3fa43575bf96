"""The diagnostic: what gwc has to say about a person's configuration.

Owns the data alone. Catalogue, pages and renderers live in `gwc.compiler.diagnostics`; nothing here
knows how a diagnostic is printed.

Style: the headline stands alone, lower case, no full stop, user text in backticks; the primary span is
the smallest that covers the mistake; `help` alone says what to do; a label names what a span is.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

from .span import Span


class Severity(enum.IntEnum):
    """How bad it is, higher is worse. `ERROR`: no table with a defined meaning exists."""

    NOTE = 1
    WARNING = 2
    ERROR = 3

    @property
    def word(self) -> str:
        """The severity as people and machines read it: `error`, `warning`, `note`."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Label:
    """A span and the words that stand beside it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `code` is stable (`GWC` and three digits) and has a page. `span` is None only where no text exists
    (a file that cannot be read). `label` stands at the primary span. `secondary` names the other parties.
    """

    code: str
    severity: Severity
    headline: str
    span: Span | None = None
    label: str = ""
    secondary: tuple[Label, ...] = ()
    help: str = ""


def error(
    code: str,
    span: Span | None,
    headline: str,
    *,
    label: str = "",
    secondary: Iterable[Label] = (),
    help: str = "",
) -> Diagnostic:
    """A finding that leaves no table with a defined meaning."""
    return Diagnostic(code, Severity.ERROR, headline, span, label, tuple(secondary), help)


def warning(
    code: str,
    span: Span | None,
    headline: str,
    *,
    label: str = "",
    secondary: Iterable[Label] = (),
    help: str = "",
) -> Diagnostic:
    """A finding about text that has a meaning, and most likely not the one that was wanted."""
    return Diagnostic(code, Severity.WARNING, headline, span, label, tuple(secondary), help)


def note(
    code: str,
    span: Span | None,
    headline: str,
    *,
    label: str = "",
    secondary: Iterable[Label] = (),
    help: str = "",
) -> Diagnostic:
    """A finding worth knowing, with nothing that has to be mended."""
    return Diagnostic(code, Severity.NOTE, headline, span, label, tuple(secondary), help)


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Sorted by file, place and code; the same finding told twice is told once."""
    unique = dict.fromkeys(diagnostics)
    nowhere = Span("", -1, -1)
    return tuple(sorted(unique, key=lambda d: ((d.span or nowhere), d.code, d.headline)))
