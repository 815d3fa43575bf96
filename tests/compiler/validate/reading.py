"""Texts read and judged, for the tests of validation."""

from __future__ import annotations

from gwc.compiler.parse.document import Document
from gwc.compiler.source import source_from_text
from gwc.compiler.validate import Validated, validate
from gwc.compiler.validate.overlay import Entries
from gwc.schema.diagnostic import Diagnostic, Severity
from gwc.schema.span import Span


def document(text: str, syntax: str, file: str = "") -> Document:
    """The tree of a text that has no mistakes of syntax."""
    file = file or f"gwc.{syntax}"
    if syntax == "kdl":
        from gwc.compiler.parse.kdl import parse
    else:
        from gwc.compiler.parse.yaml import parse
    found, diagnostics = parse(text, file)
    assert [each for each in diagnostics if each.severity is Severity.ERROR] == []
    return found


def entries(text: str, syntax: str, file: str = "") -> Entries:
    """The top-level entries of a text."""
    tree = document(text, syntax, file)
    return [(tree, node) for node in tree.nodes]


def read(text: str, syntax: str = "kdl", *, partial: bool = False) -> Validated:
    """A text, judged; spans are exact, because the text is known."""
    source = source_from_text(text, f"gwc.{syntax}")
    return validate(entries(text, syntax), {source.path: source}, partial=partial)


def kdl(text: str) -> Validated:
    """A KDL text, judged."""
    return read(text, "kdl")


def yaml(text: str) -> Validated:
    """A YAML text, judged."""
    return read(text, "yaml")


def codes(validated: Validated) -> list[str]:
    """The codes of what was found, in order."""
    return [each.code for each in validated.diagnostics]


def only(validated: Validated) -> Diagnostic:
    """The one thing that was found."""
    (found,) = validated.diagnostics
    return found


def cut(text: str, span: Span | None) -> str:
    """The text that a span covers."""
    assert span is not None
    return text[span.start : span.end]
