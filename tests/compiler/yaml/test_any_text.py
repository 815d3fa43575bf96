"""Any text: diagnostics and nothing else, places inside the file, the same from both parsers, in time."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from gwc.compiler.parse.document import Document, Node
from gwc.compiler.parse.yaml import build, parse
from gwc.compiler.parse.yaml.events import PureEvents
from gwc.schema.diagnostic import Diagnostic, Severity
from hypothesis import example, given
from hypothesis import strategies as st

SEED = """\
# a comment
listeners:
  - listener: "public"   # x
    address: '0.0.0.0:8080'
routes:
- route: a
  matches:
    - host: [a.example.com, "*.example.com"]
      path-prefix: /v1
      header: {x-a: "b", y: 1.5}
  respond:
    body: |
      hello
        there

    text: >-
      fold
      ed
-   route: b
    x:
    - - 1
      - 2
    -
      k: v
"""
PIECES = [
    "- ", ": ", ":", '"', "'", "[", "]", "{", "}", ",", "\n", "\n  ", "\n- ", "  ", "\t", "#", " #", "|", ">",
    "&a", "*a", "!x", "%", "@", "`", "---\n", "...\n", "<<", "? ", "\\", "\r\n", "\r", "é", "𝄞", "\u2028",
    "\x85", "\x00", "\ufeff", "~", "1", "|2\n", ">-\n", "-\n", "?", "=", "a: b\n", "\ud800", "\\x", "\\u12",
    "%YAML 1.2\n", "\n\n",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A configuration with a few random edits, or pieces of YAML in any order."""
    if draw(st.booleans()):
        return "".join(draw(st.lists(st.sampled_from(PIECES), max_size=25)))
    text = SEED
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(text)))
        gone = draw(st.sampled_from([0, 0, 1, 1, 3, 20]))
        text = text[:at] + draw(st.sampled_from(["", *PIECES])) + text[at + gone :]
    return text


def nodes_of(nodes: tuple[Node, ...] | None) -> Iterator[Node]:
    for node in nodes or ():
        yield node
        yield from nodes_of(node.children)
        yield from nodes_of(node.items)


def assert_places(text: str, document: Document, diagnostics: tuple[Diagnostic, ...]) -> None:
    for diagnostic in diagnostics:
        assert diagnostic.span is not None
        for span in (diagnostic.span, *[label.span for label in diagnostic.secondary]):
            assert 0 <= span.start <= span.end <= len(text)
    for node in nodes_of(document.nodes):
        assert 0 <= node.start <= node.end <= len(text)
        length = node.end - node.start
        assert 0 <= node.head.name_start <= node.head.name_end <= length
        for value in node.head.args:
            assert 0 <= value.start <= value.end <= length
        for inner in (*(node.children or ()), *(node.items or ())):
            assert node.start <= inner.start <= inner.end <= node.end


@given(mutated() | st.text())
@example("a: [!xb] c\n")
@example("a: ['\ud800\tb'# 'c']\n")
@example("a: [b:\n   ]\n")
def test_any_text_gives_a_document_and_diagnostics(text: str) -> None:
    """No exception, every place inside the file, every node inside the one around it, the same twice."""
    document, diagnostics = parse(text, "gwc.yaml")
    assert_places(text, document, diagnostics)
    assert repr(parse(text, "gwc.yaml")) == repr((document, diagnostics))


@given(mutated())
def test_both_parsers_of_pyyaml_read_the_same(text: str) -> None:
    """They refuse the same files, and what they accept has the same tree."""
    found, said = parse(text, "gwc.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(build, "open_events", PureEvents)
        pure_found, pure_said = parse(text, "gwc.yaml")
    refused = any(each.severity is Severity.ERROR for each in said)
    assert any(each.severity is Severity.ERROR for each in pure_said) == refused
    if not refused:
        assert repr(pure_found) == repr(found)
        assert pure_said == said


@pytest.mark.parametrize("opener", ["[", "{", "[{a: ", "- ", "? ", "{a: ", "[\n"])
@pytest.mark.parametrize("levels", [65, 100_000])
def test_too_many_levels_are_one_error(opener: str, levels: int) -> None:
    """However deep: no recursion error, no crash, no waiting."""
    text = "a: " + opener * levels if opener[0] in "[{" else "a:\n" + opener * levels + "x"
    _, diagnostics = parse(text, "gwc.yaml")
    assert [found.code for found in diagnostics] == ["GWC167"]


def test_levels_are_counted_by_indentation_as_well() -> None:
    """64 are read, 65 are not, and entries after them are."""

    def nested(levels: int) -> str:
        return (
            "".join(f"{' ' * level}k:\n" for level in range(levels - 1)) + f"{' ' * (levels - 1)}k: v\nz: 1\n"
        )

    assert parse(nested(64), "gwc.yaml")[1] == ()
    document, diagnostics = parse(nested(65), "gwc.yaml")
    assert [found.code for found in diagnostics] == ["GWC167"]
    assert [node.head.name for node in document.nodes] == ["k", "z"]


SIZE = 300_000
LARGE = {
    "one long text": "a: " + "x" * SIZE,
    "one long quoted text": 'a: "' + "x" * SIZE + '"',
    "one long key": "x" * SIZE + ": a",
    "one long list": "a: [" + "b, " * (SIZE // 3) + "]",
    "one long broken list": "a: [" + "b, " * (SIZE // 3) + "'c' 'd']",
    "a quote that opens again and again": "a: '\n" * (SIZE // 50),
    "one long number": "a: " + "1" * SIZE,
    "brackets only": "[" * SIZE,
    "closing brackets only": "]" * SIZE,
    "colons only": ":" * SIZE,
    "colons and spaces": ": " * (SIZE // 2),
    "dashes on a line": "- " * (SIZE // 2),
    "quotes only": "'" * SIZE,
    "tabs only": "\t" * SIZE,
    "lines of tabs": "a:\n" + "\tb: 1\n" * (SIZE // 6),
    "empty lines": "a:" + "\n" * SIZE + "b",
    "comments before a mistake": "a:\n" + "# x\n" * (SIZE // 4) + " b: 1\nc\n",
    "texts that go on": "a: x\n  y\n" * (SIZE // 9),
    "broken lines": "a: @\n" * (SIZE // 5),
    "equal keys": "a: 1\n" * (SIZE // 5),
    "documents": "---\n" * (SIZE // 4),
    "anchors": "a: &b c\n" * (SIZE // 8),
    "control characters": "\x01" * SIZE,
}


@pytest.mark.parametrize("name", LARGE)
def test_large_and_strange_files_take_linear_time(name: str) -> None:
    """Hundreds of kilobytes of anything take a second or less; in quadratic time they would take hours."""
    text = LARGE[name]
    started = time.perf_counter()
    document, diagnostics = parse(text, "gwc.yaml")
    assert time.perf_counter() - started < 15
    assert_places(text, document, diagnostics)
    assert len(diagnostics) <= 100


def test_yaml_is_imported_only_when_a_yaml_file_is_read() -> None:
    """PyYAML costs 20 ms, which a check of KDL files does not pay."""
    program = (
        "import sys, gwc.compiler.parse.yaml, gwc.compiler.include\n"
        "assert 'yaml' not in sys.modules\n"
        "gwc.compiler.parse.yaml.parse('a: b', 'gwc.yaml')\n"
        "assert 'yaml' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parent)
