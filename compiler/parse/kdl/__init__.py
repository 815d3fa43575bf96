"""KDL text to a document.

Owns the choice of the version: KDL 2, else KDL 1 for what only that reads. Both versions agree on whatever
both can read (KDL 2.0.0, "Compatibility"), so that trying is safe. Knows nothing of configurations.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gwc.schema.diagnostic import Diagnostic

from ..document import Document, Node
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
    nodes = _try_v2(text, file)
    if nodes is not None:
        return Reading(Document(file, "kdl", tuple(nodes)), (), 2)
    marker = _MARKER.match(text)
    if marker is not None and marker[1] == "2":
        return _recover_v2(text, file)
    older = _try_v1(text, file)
    if older is not None:
        nodes, only_v1 = older
        span, what, advice = only_v1 or _difference(_recover_v2(text, file))
        warning = messages.read_as_v1(span, what, advice, marked=marker is not None)
        return Reading(Document(file, "kdl", tuple(nodes)), (warning,), 1)
    return _recover_v2(text, file) if marker is None else _recover_v1(text, file)


def parse_version(text: str, file: str, version: Version) -> tuple[Document, tuple[Diagnostic, ...]]:
    """`parse` for a file whose version is known: it is never read as the other one."""
    reading = _recover_v2(text, file) if version == 2 else _recover_v1(text, file)
    return reading.document, reading.diagnostics


def _try_v2(text: str, file: str) -> list[Node] | None:
    """The nodes of a text without mistakes; None at the first one."""
    findings = Findings(file, limit=1)
    nodes = parse_tokens(Lexer(text, findings).tokens())
    return None if findings else nodes


def _try_v1(text: str, file: str) -> tuple[list[Node], OnlyV1 | None] | None:
    """The text read as KDL 1, and what KDL 2 would not read in it; None at the first mistake."""
    from .lexer_v1 import LexerV1  # only now: few files are KDL 1

    findings = Findings(file, limit=1)
    lexer = LexerV1(text, findings)
    nodes = parse_tokens(lexer.tokens())
    return None if nodes is None or findings else (nodes, lexer.only_v1)


def _recover_v2(text: str, file: str) -> Reading:
    """All mistakes of a text."""
    from .recovery import recover  # only now: most files have no mistakes

    findings = Findings(file)
    nodes = recover(text, Lexer(text, findings), findings)
    return Reading(Document(file, "kdl", tuple(nodes)), findings.sorted(), 2)


def _recover_v1(text: str, file: str) -> Reading:
    """All mistakes of a text as KDL 1."""
    from .lexer_v1 import LexerV1
    from .recovery import recover

    findings = Findings(file)
    nodes = recover(text, LexerV1(text, findings), findings)
    return Reading(Document(file, "kdl", tuple(nodes)), findings.sorted(), 1)


def _difference(reading: Reading) -> OnlyV1:
    """What KDL 2 has against a file of KDL 1, where that has no name of its own."""
    finding = reading.diagnostics[0]
    assert finding.span is not None
    return OnlyV1(finding.span, f"KDL 2: {finding.headline}", finding.help)
