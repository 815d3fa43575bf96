"""KDL text to a document.

Owns the choice of the version: KDL 2, else KDL 1 for what only that reads. Both versions agree on whatever
both can read (KDL 2.0.0, "Compatibility"), so that trying is safe. Knows nothing of configurations.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gwc.compiler.parse.document import Document, Node
from gwc.schema.diagnostic import Diagnostic

from . import messages
from .characters import ONE_NEWLINE, SPACE
from .lexer import lex
from .lexer_v1 import OnlyV1, lex_v1
from .messages import Version
from .parser import parse_tokens
from .recovery import recover
from .tokens import LIMIT, Findings, Lexed

_MARKER = re.compile(rf"\ufeff?/-[{SPACE}]*+kdl-version[{SPACE}]++([12])[{SPACE}]*+(?:{ONE_NEWLINE}|\Z)")


class Reading(NamedTuple):
    """A document, what is wrong with its text, in the text's order, and the version it was read as."""

    document: Document
    diagnostics: tuple[Diagnostic, ...]
    version: Version


def parse(text: str, file: str) -> tuple[Document, tuple[Diagnostic, ...]]:
    """The document, and what is wrong with its text, in the text's order.

    `file` is the path that spans name. With errors among the diagnostics the document is a best guess. All
    properties are kept as written, also those that a later one of the same key overrides. A file that only
    KDL 1 can read is read so, with a warning. The first line may say `/- kdl-version 2` or `1`.
    """
    reading = read(text, file)
    return reading.document, reading.diagnostics


def read(text: str, file: str) -> Reading:
    """`parse`, and the version of the text."""
    marker = _MARKER.match(text)
    nodes, findings = _parse_v2(text, file)
    if not findings or (marker is not None and marker[1] == "2"):
        return Reading(_document(file, nodes), findings, 2)
    marked = marker is not None
    nodes_v1, findings_v1, only_v1 = _parse_v1(text, file, LIMIT if marked else 1)
    if not findings_v1:
        span, what, advice = only_v1 or _difference(findings[0])
        warning = messages.read_as_v1(span, what, advice, marked=marked)
        return Reading(_document(file, nodes_v1), (warning,), 1)
    if marked:
        return Reading(_document(file, nodes_v1), findings_v1, 1)
    return Reading(_document(file, nodes), findings, 2)


def parse_version(text: str, file: str, version: Version) -> tuple[Document, tuple[Diagnostic, ...]]:
    """The same, for a file whose version is known: never read as the other one."""
    nodes, findings = _parse_v2(text, file) if version == 2 else _parse_v1(text, file, LIMIT)[:2]
    return _document(file, nodes), findings


def _document(file: str, nodes: list[Node]) -> Document:
    return Document(file, "kdl", tuple(nodes))


def _parse_v2(text: str, file: str) -> tuple[list[Node], tuple[Diagnostic, ...]]:
    findings = Findings(file)
    return _parse(text, lex(text, findings), findings)


def _parse_v1(text: str, file: str, limit: int) -> tuple[list[Node], tuple[Diagnostic, ...], OnlyV1 | None]:
    findings = Findings(file, limit)
    lexed, only_v1 = lex_v1(text, findings)
    return *_parse(text, lexed, findings), only_v1


def _parse(text: str, lexed: Lexed, findings: Findings) -> tuple[list[Node], tuple[Diagnostic, ...]]:
    nodes = parse_tokens(lexed.tokens) if lexed.whole else None
    if nodes is None:
        nodes = recover(text, lexed, findings)
    return nodes, findings.sorted()


def _difference(finding: Diagnostic) -> OnlyV1:
    """What KDL 2 has against a file of KDL 1, where that has no name of its own."""
    assert finding.span is not None
    return OnlyV1(finding.span, f"KDL 2: {finding.headline}", finding.help)
