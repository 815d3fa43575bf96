"""The canonical printer: the one spelling of every value."""

from __future__ import annotations

from decimal import Decimal

import pytest
from gwc.compiler.parse.document import Head, Node, Property, Scalar, Value
from gwc.compiler.parse.kdl import parse_version
from gwc.compiler.parse.kdl.printer import print_document, print_name, print_scalar
from hypothesis import given
from hypothesis import strategies as st

SCALARS: list[tuple[Scalar, str, str]] = [
    (None, "#null", "null"),
    (True, "#true", "true"),
    (False, "#false", "false"),
    (12, "12", "12"),
    (Decimal("1.50"), "1.50", "1.50"),
    (Decimal("1E+10"), "1E+10", "1E+10"),
    ("word", "word", '"word"'),
    ("two words", '"two words"', '"two words"'),
    ("", '""', '""'),
    ("true", '"true"', '"true"'),
    ("1", '"1"', '"1"'),
    ('"\\\n\t\b\f\r', '"\\"\\\\\\n\\t\\b\\f\\r"', '"\\"\\\\\\n\\t\\b\\f\\r"'),
]


@pytest.mark.parametrize(("scalar", "second", "first"), SCALARS)
def test_a_value_has_one_spelling_a_version(scalar: Scalar, second: str, first: str) -> None:
    """KDL 2 has bare words and keywords with `#`, KDL 1 has neither."""
    assert print_scalar(scalar) == second
    assert print_scalar(scalar, 1) == first


def test_infinity_is_a_keyword() -> None:
    """The three keywords for numbers print as such."""
    infinity = float("inf")
    assert [print_scalar(value) for value in (infinity, -infinity, float("nan"))] == ["#inf", "#-inf", "#nan"]


def test_a_name_that_is_no_word_is_quoted() -> None:
    """Names follow each version's words."""
    assert [print_name(name) for name in ("a", "a b", ".5", "#x", "null")] == [
        "a",
        '"a b"',
        '".5"',
        '"#x"',
        '"null"',
    ]
    assert [print_name(name, 1) for name in ("a", ".5", "#x", "inf", "<a>", "null")] == [
        "a",
        ".5",
        "#x",
        "inf",
        '"<a>"',
        '"null"',
    ]


SCALAR = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False, places=3),
    st.booleans(),
    st.none(),
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUE = st.builds(Value, SCALAR, st.none() | TEXT, st.just(0), st.just(0))


def make(
    name: str, tag: str | None, args: list[Value], props: dict[str, Value], children: list[Node]
) -> Node:
    """A node as a reader makes it, without its places."""
    properties = tuple(Property(key, 0, 0, props[key]) for key in sorted(props))
    return Node(Head(name, tag, 0, 0, tuple(args), properties), tuple(children) or None, None, 0, 0)


NODE = st.recursive(
    st.builds(
        make,
        TEXT,
        st.none() | TEXT,
        st.lists(VALUE, max_size=3),
        st.dictionaries(TEXT, VALUE, max_size=2),
        st.just([]),
    ),
    lambda nodes: st.builds(make, TEXT, st.none(), st.just([]), st.just({}), st.lists(nodes, max_size=3)),
    max_leaves=8,
)


def bare(node: Node) -> object:
    """A node's data, with each number's type."""
    return (
        node.head.name,
        node.head.tag,
        [(value.tag, repr(value.value)) for value in node.head.args],
        [(prop.key, prop.value.tag, repr(prop.value.value)) for prop in node.head.props],
        [bare(child) for child in node.children or ()],
    )


@given(st.lists(NODE, max_size=4))
def test_what_is_printed_is_read_back(nodes: list[Node]) -> None:
    """Any tree survives printing and reading."""
    document, findings = parse_version(print_document(nodes), "f", 2)
    assert findings == ()
    assert [bare(node) for node in document.nodes] == [bare(node) for node in nodes]
