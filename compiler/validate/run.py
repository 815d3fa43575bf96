"""What the readers share while one configuration is read.

Mutable, and alive for one run of `validate`: the diagnostics that were found, the file that is being read,
what is remembered of lines with the same text, and the lists that are still growing. Nothing keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from gwc.schema.diagnostic import Diagnostic
from gwc.schema.span import Span

from ..diagnostics.nearest import nearest
from ..parse.document import Head, Node, Property, Value
from ..source import SourceFile

MOST_FINDINGS: Final = 10_000
"""Findings that are kept of one run; whoever has more has one cause for most of them."""

_MOST_GUESSES: Final = 500


class Run:
    """One run of `validate`.

    `heads` and `leaves` remember, per object, what heads meant that were read without a finding; the key is
    the identity of a head, which parsers share among lines of equal text, and the documents outlive the run.
    `growing` are lists that become tuples when their object is complete: (the object's data, the key).
    `partial` switches off what only a whole configuration must have. `entries` are the top-level nodes read
    so far, each with its file. `dropped` counts the findings that were not kept.
    """

    __slots__ = (
        "_first_entries",
        "_firsts",
        "_properties",
        "diagnostics",
        "dropped",
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
        self.dropped = 0
        self._first_entries: dict[str, tuple[str, Node]] = {}
        self._firsts: dict[int, dict[str, Node]] = {}
        self._properties: dict[int, dict[str, Property]] = {}
        self.growing: list[tuple[dict[str, Any], str]] = []

    def enter(self, file: str, syntax: Literal["kdl", "yaml"], node: Node) -> None:
        """Go on with the next top-level entry."""
        self.file = file
        self.syntax = syntax
        self.entries.append((file, node))
        self._first_entries.setdefault(node.head.name, (file, node))

    def report(self, diagnostic: Diagnostic) -> None:
        """Collect one finding; reading goes on. Of very many the first are kept."""
        if len(self.diagnostics) < MOST_FINDINGS:
            self.diagnostics.append(diagnostic)
        else:
            self.dropped += 1

    def near(self, word: str, known: Iterable[str]) -> str | None:
        """The known word that was probably meant; not asked any more where everything seems to be wrong."""
        return nearest(word, known) if len(self.diagnostics) < _MOST_GUESSES else None

    def first_named(self, parent: Node | None, name: str) -> tuple[str, Node] | None:
        """The first child of that name (or top-level entry, without a parent), with its file.

        An index for each parent that is asked about, so that many doubles do not take many searches.
        """
        if parent is None:
            return self._first_entries.get(name)
        firsts = self._firsts.get(id(parent))
        if firsts is None:
            firsts = {}
            for child in parent.children or ():
                firsts.setdefault(child.head.name, child)
            self._firsts[id(parent)] = firsts
        found = firsts.get(name)
        return None if found is None else (self.file, found)

    def first_property(self, node: Node, key: str) -> Property | None:
        """The first property of that key on the line of a node."""
        firsts = self._properties.get(id(node.head))
        if firsts is None:
            firsts = {}
            for prop in node.head.props:
                firsts.setdefault(prop.key, prop)
            self._properties[id(node.head)] = firsts
        return firsts.get(key)

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
