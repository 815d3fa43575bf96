"""Syntax errors: each in words that name what was written wrong, at the smallest place, once."""

from __future__ import annotations

import pytest
from gwc.compiler.parse.yaml import build, parse
from gwc.compiler.parse.yaml.events import PureEvents
from gwc.compiler.parse.yaml.recover import MOST_SYNTAX_ERRORS
from gwc.schema.diagnostic import Diagnostic

# Text, code, the place, and a piece of what headline, label or help say.
MISTAKES = [
    ("a:\n\tb: 1\n", "GWC151", "\t", "indent with spaces"),
    ("a:\n  b: 1\n\tc: 2\n", "GWC151", "\t", "indent with spaces"),
    ("a:\n  -\tb: 1\n    c: 2\n", "GWC151", "\t", "indent with spaces"),
    ("a: |\n  b\n\tc\nd: 1\n", "GWC151", "\t", "indent with spaces"),
    ('a: "b\nc: 1\n', "GWC152", '"', "never closed"),
    ("a: 'b\n", "GWC152", "'", "never closed"),
    ('a: "b\nc: "d"\n', "GWC152", '"', 'opens `"b`'),
    ('"a: b\nc: d\n', "GWC152", '"', "never closed"),
    ("a: [b, c\nd: 1\n", "GWC153", "[", "`]` is missing"),
    ("a: {b: c\n", "GWC153", "{", "`}` is missing"),
    ("a:\n  b: [\n    c,\n  d: e\nf: g\n", "GWC153", "[", "never closed"),
    ("a: [b, c}\nd: 1\n", "GWC154", "}", "`]` was expected"),
    ("a: }\n", "GWC154", "}", "closes nothing"),
    ("a: []]\n", "GWC154", "]", "closes nothing"),
    ("a: b\n]\n", "GWC154", "]", "closes nothing"),
    ("a:\n    b: 1\n  c: 2\n", "GWC155", "c", "0 or 4"),
    ("a: 1\n  b: 2\n", "GWC155", "b", "has a value"),
    ("a:\n  - b\n - c\n", "GWC155", "- c", "0 or 2"),
    ("  a: 1\nb: 2\n", "GWC155", "b", "indent it by 2"),
    ("a: b: c\n", "GWC156", ":", 'write "b: c"'),
    ("x:\n- a: b: c\n", "GWC156", ":", 'write "b: c"'),
    ("a: [b: c: d]\n", "GWC156", ":", "quotes"),
    ("a: {b:, c: d}\n", "GWC156", ":", "quotes"),
    ("a: 1\nfoo\n", "GWC157", "foo", "write `foo: value`"),
    ("foo\na: 1\n", "GWC157", "foo", "write `foo: value`"),
    ("a: 1\nfoo bar # baz\nc: 2\n", "GWC157", "foo bar", "no `:` follows"),
    ("a:\n  x: 1\n  -b\n", "GWC157", "-b", "write `- b`"),
    ("x" * 1100 + ": a\n", "GWC157", "x" * 1100, "at most 1024"),
    ("a:1\nb: 2\n", "GWC158", ":", "write `a: value`"),
    ("r:\n  x: 1\n  a:1\n", "GWC158", ":", "write `a: value`"),
    ("host: *.example.com\n", "GWC159", "*", 'write "*.example.com"'),
    ("a: @b # c\n", "GWC159", "@", 'write "@b"'),
    ("a: `b`\n", "GWC159", "`", 'write "`b`"'),
    ("a: %b\n", "GWC159", "%", 'write "%b"'),
    ("a: & b\n", "GWC159", "&", 'write "& b"'),
    ("a: ? b\n", "GWC159", "?", "quotes"),
    ("a: ,b\n", "GWC159", ",", "quotes"),
    ('a: @x "y"\n', "GWC159", "@", "write '@x \"y\"'"),
    ("a: [@b, c]\n", "GWC159", "@", 'write "@b"'),
    ("a: [/x/{id}, b]\n", "GWC159", "{", "quotes"),
    ('a: "\\d+"\n', "GWC160", "\\d", "single quotes"),
    ('a: "\\x4"\n', "GWC160", "\\x4", "two hexadecimal"),
    ('a: "\\ud800"\n', "GWC160", "\\ud800", "four hexadecimal"),
    ('a: "\\UFFFFFFFF"\n', "GWC160", "\\UFFFFFFFF", "eight hexadecimal"),
    ("a: !e!x b\n", "GWC162", "!e!x", "not read"),
    ("%YAML 1.2\na: 1\n", "GWC169", "%YAML 1.2", "not read"),
    ("a: {b: c,: d}\n", "GWC170", ": d}", "cannot stand here"),
    ("a: |foo\n  x\n", "GWC171", "|foo", "on the next line"),
    ("a: |0\n  x\n", "GWC171", "|0", "on the next line"),
    ("a: >-x\n", "GWC171", ">-x", "on the next line"),
    ("a: ['b' 'c']\n", "GWC172", "'c'", "separate"),
    ("a: [,]\n", "GWC172", ",", "before this comma"),
    ("a: [b,,c]\n", "GWC172", ",", "before this comma"),
    ('a: "b" c\n', "GWC173", "c", "quotes"),
    ("a: 'it's'\n", "GWC173", "s'", "write ''"),
    ("a: [b] c\n", "GWC173", "c", "closed"),
    ("a: - b\n", "GWC175", "-", "lines of their own"),
    ("a:\n  b: 1\n  - c\n", "GWC175", "-", "among keys"),
    ("a:\n  - c\n  b: 1\n", "GWC175", "b", "among list items"),
]  # fmt: skip


def only(text: str) -> Diagnostic:
    _, diagnostics = parse(text, "gwc.yaml")
    assert len(diagnostics) == 1, diagnostics
    return diagnostics[0]


@pytest.mark.parametrize("pure", [False, True], ids=["libyaml", "pure"])
@pytest.mark.parametrize(("text", "code", "place", "words"), MISTAKES)
def test_each_mistake_is_told_once_in_words(
    text: str, code: str, place: str, words: str, pure: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One error with its code, its place and a hint; the same from both of PyYAML's parsers."""
    if pure:
        monkeypatch.setattr(build, "open_events", PureEvents)
    found = only(text)
    assert found.code == code
    assert found.span is not None
    assert text[found.span.start : found.span.end] == place
    said = " ".join([found.headline, found.label, found.help, *[label.text for label in found.secondary]])
    assert words in said
    for jargon in ("scalar", "token", "block end", "simple key", "node content"):
        assert jargon not in said


def test_two_mistakes_in_different_entries_are_both_told() -> None:
    """Top-level entries and the items under one are read each for itself."""
    text = (
        "listeners:\n"
        "  - listener: public\n"
        "    address: @x\n"
        "upstreams:\n"
        "  - upstream: a\n"
        "    targets: ['10.0.0.1:80'\n"
        "  - upstream: b\n"
        '    targets: "\\d"\n'
        "routes:\n"
        "  - route: one\n"
        "    path: a: b\n"
        "  - route: two\n"
        "    path: 'x\n"
        "  - route: three\n"
        "    path: /fine\n"
    )
    document, diagnostics = parse(text, "gwc.yaml")
    assert [found.code for found in diagnostics] == ["GWC159", "GWC153", "GWC160", "GWC156", "GWC152"]
    assert [node.head.name for node in document.nodes] == ["listeners", "upstreams", "routes"]
    routes = document.nodes[2].items or ()
    assert [(route.children or ())[0].head.args[0].value for route in routes] == ["one", "two", "three"]
    assert [entry.head.name for entry in routes[2].children or ()] == ["route", "path"]


def test_entries_after_a_mistake_belong_where_they_stand() -> None:
    """Reading goes on in the collection that the indentation names, at any depth."""
    text = "a:\n  b:\n    c: @x\n    d: 1\n  e: 2\nf: 3\n"
    document, diagnostics = parse(text, "gwc.yaml")
    assert [found.code for found in diagnostics] == ["GWC159"]
    first, last = document.nodes
    assert last.head.name == "f"
    assert [node.head.name for node in first.children or ()] == ["b", "e"]
    assert [node.head.name for node in (first.children or ())[0].children or ()] == ["d"]


def test_lists_on_the_column_of_their_key_are_read_on() -> None:
    """`- ` items need no indentation of their own."""
    text = "a:\n- x: @1\n- x: 2\nb:\n- [c\n- d\n"
    document, diagnostics = parse(text, "gwc.yaml")
    assert [found.code for found in diagnostics] == ["GWC159", "GWC153"]
    assert [node.head.name for node in document.nodes] == ["a", "b"]


def test_a_file_indented_by_tabs_is_told_once_and_its_other_mistakes_as_well() -> None:
    """The tabs are one mistake, counted; they hide no other."""
    text = "a:\n\tb: 1\n\tc:\n\t\td: 2\ne: @x\n"
    _, diagnostics = parse(text, "gwc.yaml")
    assert [found.code for found in diagnostics] == ["GWC151", "GWC159"]
    assert "2 more lines" in diagnostics[0].help


def test_what_follows_from_a_syntax_error_is_not_told_again() -> None:
    """An entry that is cut off is not searched for further mistakes."""
    for text in ("a: {b, c: 'd'\ne: f\n", "a: {b: 1, b: 2\ne: f\n", "a:\n  b: 1\n   c: 2\n"):
        only(text)


def test_the_number_of_syntax_errors_is_bounded() -> None:
    """After twenty the reader stops, and says so."""
    _, diagnostics = parse("a: @\n" * 50, "gwc.yaml")
    assert len(diagnostics) == MOST_SYNTAX_ERRORS
    assert "no further" in diagnostics[-1].help


def test_places_are_right_after_a_byte_order_mark_and_with_crlf() -> None:
    """The offsets of a mistake count what the file holds, line ends included."""
    text = "\ufeffa: 1\r\nb: @x\r\nc: `y\r\n"
    _, diagnostics = parse(text, "gwc.yaml")
    assert [found.span and text[found.span.start] for found in diagnostics] == ["@", "`"]
