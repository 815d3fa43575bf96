"""What the readers share while one configuration is read.

Mutable, and alive for one run of `validate`: the diagnostics that were found, the file that is being read,
what is remembered of lines with the same text, and the lists that are still growing. Nothing keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gwc.schema.diagnostic import Diagnostic
from gwc.schema.span import Span

from ..parse.document import Head, Node, Property, Value
from ..source import SourceFile


class Run:
    """One run of `validate`.

    `heads` and `leaves` remember, per object, what heads meant that were read without a finding; the key is
    the identity of a head, which parsers share among lines of equal text, and the documents outlive the run.
    `growing` are lists that become tuples when their object is complete: (the object's data, the key).
    `partial` switches off what only a whole configuration must have. `entries` are the top-level nodes read
    so far, each with its file.
    """

    __slots__ = (
        "diagnostics",
        "entries",
        "file",
        "growing",
        "heads",
        "leaves",
        "partial",
        "sources",
        "syntax",
    )

    def __init__(self, objects: int, sources: Mapping[str, SourceFile], partial: bool) -> None:
        self.diagnostics: list[Diagnostic] = []
        self.file = ""
        self.syntax: Literal["kdl", "yaml"] = "kdl"
        self.sources = sources
        self.partial = partial
        # The heads are kept beside what they meant, so that no identity is used twice.
        self.heads: tuple[dict[int, tuple[dict[str, Any], Head]], ...] = tuple({} for _ in range(objects))
        self.leaves: tuple[dict[int, tuple[str, Any, Head]], ...] = tuple({} for _ in range(objects))
        self.entries: list[tuple[str, Node]] = []
        self.growing: list[tuple[dict[str, Any], str]] = []

    def report(self, diagnostic: Diagnostic) -> None:
        """Collect one finding; reading goes on."""
        self.diagnostics.append(diagnostic)

    def at(self, node: Node, start: int, end: int) -> Span:
        """The span of a stretch that is counted from the start of `node`."""
        return Span(self.file, node.start + start, node.start + end)

    def name_at(self, node: Node) -> Span:
        """Where the name of a node stands; of an unnamed item of YAML, what it begins with."""
        head = node.head
        if head.name == "-":
            if head.args:
                return self.value_at(node, head.args[0])
            if node.children:
                return self.name_at(node.children[0])
        return self.at(node, head.name_start, head.name_end)

    def value_at(self, node: Node, value: Value) -> Span:
        """Where a value of `node` stands."""
        return self.at(node, value.start, value.end)

    def property_at(self, node: Node, prop: Property) -> Span:
        """Where the key of a property of `node` stands."""
        return self.at(node, prop.start, prop.end)

    def inside(self, node: Node, value: Value, offset: int, length: int) -> Span:
        """The span of a part of a text value, the whole value where its text does not stand as it is.

        Escapes, line folding and the like make text and source differ; then offsets mean nothing.
        """
        whole = self.value_at(node, value)
        source = self.sources.get(self.file)
        text = value.value
        if source is None or not isinstance(text, str) or length <= 0:
            return whole
        written = source.text[whole.start : whole.end]
        found = written.find(text)
        if found < 0 or offset + length > len(text):
            return whole
        start = whole.start + found + offset
        return Span(self.file, start, start + length)
