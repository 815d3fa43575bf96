"""KDL text to a document.

Owns the choice of the version: KDL 2, else KDL 1 for what only that reads. Both versions agree on whatever
both can read (KDL 2.0.0, "Compatibility"), so that trying is safe. Knows nothing of configurations.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gwc.compiler.parse.document import Document
from gwc.schema.diagnostic import Diagnostic

from . import messages
from .characters import ONE_NEWLINE, SPACE
from .lexer import Lexer
from .messages import Version
from .parser import parse_tokens
from .tokens import Findings, OnlyV1

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
    reading = _read_v2(text, file)
    if not reading.diagnostics or (marker is not None and marker[1] == "2"):
        return reading
    if marker is None and not _is_v1(text):
        return reading
    older, only_v1 = _read_v1(text, file)
    if older.diagnostics:
        return older
    span, what, advice = only_v1 or _difference(reading.diagnostics[0])
    return older._replace(diagnostics=(messages.read_as_v1(span, what, advice, marked=marker is not None),))


def parse_version(text: str, file: str, version: Version) -> tuple[Document, tuple[Diagnostic, ...]]:
    """`parse` for a file whose version is known: it is never read as the other one."""
    reading = _read_v2(text, file) if version == 2 else _read_v1(text, file)[0]
    return reading.document, reading.diagnostics


def _read_v2(text: str, file: str) -> Reading:
    findings = Findings(file)
    nodes = parse_tokens(Lexer(text, findings).tokens())
    if nodes is not None and not findings:
        return Reading(Document(file, "kdl", tuple(nodes)), (), 2)
    from .recovery import recover  # only now: most files have no mistakes

    findings = Findings(file)
    nodes = recover(text, Lexer(text, findings), findings)
    return Reading(Document(file, "kdl", tuple(nodes)), findings.sorted(), 2)


def _read_v1(text: str, file: str) -> tuple[Reading, OnlyV1 | None]:
    from .lexer_v1 import LexerV1  # only now: few files are KDL 1
    from .recovery import recover

    findings = Findings(file)
    lexer = LexerV1(text, findings)
    nodes = recover(text, lexer, findings)
    return Reading(Document(file, "kdl", tuple(nodes)), findings.sorted(), 1), lexer.only_v1


def _is_v1(text: str) -> bool:
    """Whether the text is without a mistake as KDL 1; stops at the first one."""
    from .lexer_v1 import LexerV1

    findings = Findings("", limit=1)
    return parse_tokens(LexerV1(text, findings).tokens()) is not None and not findings


def _difference(finding: Diagnostic) -> OnlyV1:
    """What KDL 2 has against a file of KDL 1, where that has no name of its own."""
    assert finding.span is not None
    return OnlyV1(finding.span, f"KDL 2: {finding.headline}", finding.help)
