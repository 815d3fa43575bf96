"""Well-formed YAML that is no configuration: refused once, at the smallest place, with a way out."""

from __future__ import annotations

import pytest
from gwc.compiler.parse.yaml import parse
from gwc.schema.diagnostic import Diagnostic, Severity

REFUSED = [
    ("a: 1\nb: 2\na: 3\n", "GWC161", "a"),
    ('a: {"b": 1, b: 2}\n', "GWC161", "b"),
    ("a: !!str 1\n", "GWC162", "!!str"),
    ("a: ! 1\n", "GWC162", "!"),
    ("a: !local\n  b: c\n", "GWC162", "!local"),
    ("!x\na: b\n", "GWC162", "!x"),
    ("!k a: b\n", "GWC162", "!k"),
    ("- &x a\n", "GWC166", "-"),
    ("a: &anchor b\n", "GWC163", "&anchor"),
    ("a: &anchor\n  b: c\n", "GWC163", "&anchor"),
    ("a: *name\n", "GWC163", "*name"),
    ("a: [*name]\n", "GWC163", "*name"),
    ("*name : b\n", "GWC163", "*name"),
    ("a:\n  <<: {b: c}\n", "GWC164", "<<"),
    ("a: 1\n---\nb: 2\n", "GWC165", "---"),
    ("a: 1\n...\n---\nb: 2\n", "GWC165", "---"),
    ("a: 1\n...\nb: 2\n", "GWC165", "b"),
    ("- a\n- b\n", "GWC166", "-"),
    ("[a, b]\n", "GWC166", "["),
    ("just words\n", "GWC166", "just words"),
    ("~\n", "GWC166", "~"),
    ('"text"\n', "GWC166", '"text"'),
    ("404: a\n", "GWC168", "404"),
    ("a: {true: b}\n", "GWC168", "true"),
    ("null: a\n", "GWC168", "null"),
    ("1.5: a\n", "GWC168", "1.5"),
    ("[a, b]: c\n", "GWC168", "[a, b]"),
    ("? {a: b}\n: c\n", "GWC168", "{a: b}"),
    ("? - a\n: c\n", "GWC168", "- a"),
    (": a\n", "GWC168", ":"),
    ("%YAML 3.0\n---\na: b\n", "GWC169", "%YAML 3.0"),
    ("%HELLO\n---\na: b\n", "GWC169", "%HELLO"),
    ("a: {b}\n", "GWC157", "b"),
    ("a: {b, c, d}\n", "GWC157", "b"),
    ("a: {b:1}\n", "GWC158", ":"),
    ("? a\n", "GWC157", "a"),
    ("a:1\n", "GWC158", ":"),
]


def only(text: str) -> Diagnostic:
    _, diagnostics = parse(text, "gwc.yaml")
    assert len(diagnostics) == 1, diagnostics
    return diagnostics[0]


@pytest.mark.parametrize(("text", "code", "place"), REFUSED)
def test_each_is_told_once_at_its_place(text: str, code: str, place: str) -> None:
    """One error, its span the mistake and nothing else, with help that says what to do."""
    found = only(text)
    assert found.code == code
    assert found.severity is Severity.ERROR
    assert found.span is not None
    assert text[found.span.start : found.span.end] == place
    assert found.help


def test_a_duplicate_shows_both_places() -> None:
    """The second is the mistake, the first is labelled."""
    text = 'a: 1\nb: 2\n"a": 3\n'
    found = only(text)
    assert found.span is not None
    assert found.span.start == text.index('"a"')
    (first,) = found.secondary
    assert text[first.span.start : first.span.end] == "a"
    assert first.span.start == 0


def test_only_one_of_two_equal_keys_is_in_the_tree() -> None:
    """The later stages are not told of the second, so they do not say it again."""
    document, _ = parse("a: 1\na: {b: c}\nd: 4\n", "gwc.yaml")
    assert [(node.head.name, node.children) for node in document.nodes] == [("a", None), ("d", None)]


def test_equal_keys_of_two_mappings_are_none() -> None:
    """Only keys of one mapping can be equal."""
    _, diagnostics = parse("a: {x: 1}\nb: {x: 1}\nc:\n- x: 1\n- x: 1\n", "gwc.yaml")
    assert diagnostics == ()


def test_an_anchor_and_a_tag_of_one_value_are_both_told() -> None:
    """Each of the two has its own place."""
    _, diagnostics = parse("a: &x !!map\n  b: c\n", "gwc.yaml")
    assert [found.code for found in diagnostics] == ["GWC163", "GWC162"]


def test_an_alias_bomb_is_refused_and_costs_nothing() -> None:
    """Nothing is ever copied, so a bomb is a few short errors."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 10)]
    document, diagnostics = parse("\n".join(lines), "gwc.yaml")
    assert {found.code for found in diagnostics} == {"GWC163"}
    assert len(diagnostics) == 91
    assert len(document.nodes) == 10


def test_quoted_indicators_are_texts() -> None:
    """What would be a tag, an alias, a merge key or a comment without quotes."""
    document, diagnostics = parse("'<<': '*a'\nb: \"!x\"\nc: '# no comment'\n", "gwc.yaml")
    assert diagnostics == ()
    assert [node.head.args[0].value for node in document.nodes] == ["*a", "!x", "# no comment"]


def test_a_text_that_goes_on_in_the_next_line_is_a_warning() -> None:
    """It has a meaning, and most likely another one than was wanted."""
    text = "name: x\n  path:/foo\n"
    found = only(text)
    assert found.code == "GWC174"
    assert found.severity is Severity.WARNING
    assert found.span is not None
    assert text[found.span.start : found.span.end] == "path:/foo"
    document, _ = parse(text, "gwc.yaml")
    assert document.nodes[0].head.args[0].value == "x path:/foo"


def test_a_version_directive_and_a_single_marker_are_let_pass() -> None:
    """`%YAML 1.2` and one `---` change nothing."""
    document, diagnostics = parse("%YAML 1.2\n---\na: b\n...\n", "gwc.yaml")
    assert diagnostics == ()
    assert [node.head.name for node in document.nodes] == ["a"]


@pytest.mark.parametrize(
    "character", ["\x00", "\x07", "\x1b", "\x7f", "\x85", "\x9f", "\u2028", "\ufeff", "\uffff"]
)
@pytest.mark.parametrize("template", ["a: x{}y\n", "a: 'x{}y'\n", "a: b # {}\nc: d\n", "a{}: b\n"])
def test_a_forbidden_character_is_named_by_its_number(template: str, character: str) -> None:
    """People cannot see it, so the message says which it is, and the span where."""
    text = template.format(character)
    found = only(text)
    assert found.code == "GWC150"
    assert f"U+{ord(character):04X}" in found.headline
    assert found.span is not None
    assert text[found.span.start : found.span.end] == character


def test_of_many_forbidden_characters_the_first_ten_are_told() -> None:
    """A binary file is not told byte by byte."""
    _, diagnostics = parse("a: " + "\x01" * 500, "gwc.yaml")
    assert [found.code for found in diagnostics] == ["GWC150"] * 10


def test_the_number_of_findings_is_bounded_and_the_rest_is_counted() -> None:
    """A hundred of a thousand, and the last one says how many more there are."""
    _, diagnostics = parse("a: 1\n" * 1001, "gwc.yaml")
    assert len(diagnostics) == 100
    assert "900 more mistakes" in diagnostics[-1].help
