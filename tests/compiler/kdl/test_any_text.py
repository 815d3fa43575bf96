"""Any text at all: a document and diagnostics, never an exception, every span inside the text."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest
from gwc.compiler.parse.document import Node
from gwc.compiler.parse.kdl import parse, parse_version
from gwc.compiler.parse.kdl.printer import print_document
from gwc.compiler.parse.kdl.tokens import MAX_DEPTH
from gwc.schema.diagnostic import Diagnostic, Severity
from hypothesis import given
from hypothesis import strategies as st

PIECES = st.sampled_from(
    [
        *'abr"#{}()[]\\/-=;:,.+ \t\n\r\0\ufeff\u2028\x0b1e_',
        "true", "#true", "/*", "*/", "//", "/-", '"""', '"""\n', '\n"""', "\\u{", "\\\n", "r#", "0x", "(t)",
        "k=", "a {\n", "\n}\n", "a b\n", '"a"', "-1.5",
    ]
)  # fmt: skip


def problems(text: str, findings: tuple[Diagnostic, ...]) -> Iterator[str]:
    """Spans that are empty or lie outside, words that are missing."""
    for finding in findings:
        for span in (finding.span, *(label.span for label in finding.secondary)):
            if span is None or not 0 <= span.start < span.end <= len(text):
                yield f"{finding}: its place is no part of the text"
        if not finding.headline or not finding.help:
            yield f"{finding}: has nothing to say"


def depth(nodes: tuple[Node, ...]) -> int:
    """How many nodes stand in one another."""
    return max((1 + depth(node.children or ()) for node in nodes), default=0)


def check(text: str) -> None:
    """The text is read, as either version, to a document and diagnostics that are sound."""
    for version in (1, 2, None):
        document, findings = parse(text, "f") if version is None else parse_version(text, "f", version)
        assert list(problems(text, findings)) == []
        assert depth(document.nodes) <= MAX_DEPTH + 1
        assert [finding.span for finding in findings] == sorted(
            finding.span for finding in findings if finding.span
        )


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    """Random characters."""
    check(text)


@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_pieces_of_kdl_are_read_or_refused(text: str) -> None:
    """Random pieces of KDL, which come much closer to mistakes that people make."""
    check(text)


@given(st.lists(PIECES, max_size=20).map("".join))
def test_a_reprint_is_read_as_the_same_data(text: str) -> None:
    """What is accepted is printed as what it is, and the print prints as itself."""
    document, findings = parse_version(text, "f", 2)
    if not findings:
        printed = print_document(document.nodes)
        again, findings = parse_version(printed, "f", 2)
        assert findings == ()
        assert print_document(again.nodes) == printed


LONG = {
    "words": "a " * 50_000,
    "one word": "a" * 100_000,
    "quotes": "n " + '"' * 100_000,
    "strings": "n " + '" ' * 50_000,
    "odd quotes": 'n "b\n' * 20_000,
    "raw": "n " + '#" ' * 33_000,
    "hashes": "n " + "#" * 100_000,
    "raw of KDL 1": "n " + 'r#" ' * 25_000,
    "openings": "a {" * 33_000,
    "closings": "}" * 100_000,
    "parentheses": "n " + "(" * 100_000,
    "semicolons": ";" * 100_000,
    "equals": "n " + "a=" * 50_000,
    "slashdashes": "n " + "/-" * 50_000,
    "comments": "/*" * 50_000,
    "closed comments": "n " + "/**/" * 25_000,
    "backslashes": "n " + "\\ " * 50_000,
    "continued": "n " + "\\\n" * 50_000,
    "escapes": 'n "' + "\\q" * 50_000 + '"',
    "digits": "n " + "1" * 100_000,
    "open multi-line": 'n """x\n' * 13_000,
    "multi-line": 'n """\n' + "a\n" * 50_000 + '"""',
    "brackets": "n " + "[ " * 50_000,
    "slashes": "n " + "/x " * 33_000,
    "NULs": "\0" * 100_000,
    "indented braces": (" " * 33_000 + "a {{}}}\n") * 3,
    "nested": "a{" * 60 + "b;" * 33_000,
}


@pytest.mark.parametrize("name", LONG)
def test_a_long_line_takes_no_quadratic_time(name: str) -> None:
    """100 000 characters of one kind are read or refused at once; in quadratic time they would not be."""
    start = time.monotonic()
    _, findings = parse(LONG[name], "f")
    assert list(problems(LONG[name], findings)) == []
    assert time.monotonic() - start < 20


def test_depth_needs_no_recursion() -> None:
    """Whatever nests, nests without a limit of Python: blocks end at 64, comments never."""
    limit = sys.getrecursionlimit()
    document, findings = parse("a {\n" * limit * 2 + "}\n" * limit * 2, "f")
    assert [finding.code for finding in findings] == ["GWC128"]
    assert depth(document.nodes) <= MAX_DEPTH + 1
    document, findings = parse("/*" * limit * 2 + "*/" * limit * 2 + "a", "f")
    assert findings == ()
    assert [node.head.name for node in document.nodes] == ["a"]


def test_an_error_is_an_error() -> None:
    """Whatever is found in KDL is an error, but that a file is of KDL 1."""
    for text in ("a {", "a b true", "a \0"):
        assert {finding.severity for finding in parse(text, "f")[1]} == {Severity.ERROR}
