"""YAML -> nodes: what the tree holds, and where each piece of it stands in the text."""

from __future__ import annotations

from gwc.compiler.parse.document import Node
from gwc.compiler.parse.yaml import parse

ROUTES = """\
# the routes
routes:
  - route: "orders-read"   # a comment
    matches:
      host: [api.example.com, '*.example.net']
      header: {x-team: a, x-level: 3}
    upstream: orders

  -   route: plain
      respond:
        body: |
          hello
            there

# the end
"""


def read(text: str) -> tuple[Node, ...]:
    document, diagnostics = parse(text, "gwc.yaml")
    assert diagnostics == ()
    assert document.file == "gwc.yaml"
    assert document.syntax == "yaml"
    return document.nodes


def source(text: str, node: Node) -> str:
    return text[node.start : node.end]


def name(text: str, node: Node) -> str:
    return text[node.start + node.head.name_start : node.start + node.head.name_end]


def values(text: str, node: Node) -> list[str]:
    return [text[node.start + value.start : node.start + value.end] for value in node.head.args]


def test_a_mapping_becomes_children_a_sequence_items_and_a_scalar_the_one_argument() -> None:
    """The three forms of YAML have one place each in a node."""
    (routes,) = read(ROUTES)
    assert routes.head.name == "routes"
    assert routes.head.args == ()
    assert routes.children is None
    assert routes.items is not None
    first, second = routes.items
    assert [node.head.name for node in first.children or ()] == ["route", "matches", "upstream"]
    assert [node.head.name for node in second.children or ()] == ["route", "respond"]
    assert [value.value for value in (first.children or ())[0].head.args] == ["orders-read"]
    host, header = (first.children or ())[1].children or ()
    assert [item.head.args[0].value for item in host.items or ()] == ["api.example.com", "*.example.net"]
    assert [(entry.head.name, entry.head.args[0].value) for entry in header.children or ()] == [
        ("x-team", "a"),
        ("x-level", 3),
    ]
    assert (second.children or ())[1].children is not None
    assert ((second.children or ())[1].children or ())[0].head.args[0].value == "hello\n  there\n"


def test_an_entry_reaches_from_its_key_to_the_end_of_its_value() -> None:
    """Blank lines and comments after a block collection are no part of it."""
    (routes,) = read(ROUTES)
    assert source(ROUTES, routes).startswith("routes:\n  - route")
    assert source(ROUTES, routes).endswith("            there")
    first, second = routes.items or ()
    assert source(ROUTES, first).startswith("- route:")
    assert source(ROUTES, first).endswith("upstream: orders")
    assert source(ROUTES, second).startswith("-   route: plain")
    route, matches, upstream = first.children or ()
    assert source(ROUTES, route) == 'route: "orders-read"'
    assert source(ROUTES, upstream) == "upstream: orders"
    host, header = matches.children or ()
    assert source(ROUTES, host) == "host: [api.example.com, '*.example.net']"
    assert source(ROUTES, header) == "header: {x-team: a, x-level: 3}"


def test_names_and_values_have_exact_places() -> None:
    """Quotes belong to the place of a key or value, the dash is the name of an item."""
    text = '"a b": \'c\'\nlist:\n- x\n-  "y"\n-\n  z\n- [p, "q"]\n'
    quoted, items = read(text)
    assert name(text, quoted) == '"a b"'
    assert quoted.head.name == "a b"
    assert values(text, quoted) == ["'c'"]
    assert [name(text, item) for item in items.items or ()] == ["-", "-", "-", "-"]
    assert [values(text, item) for item in items.items or ()] == [["x"], ['"y"'], ["z"], []]
    flow = (items.items or ())[3].items or ()
    assert [source(text, item) for item in flow] == ["p", '"q"']
    assert [name(text, item) for item in flow] == ["p", '"q"']


def test_places_count_code_points_of_the_file() -> None:
    """Characters outside ASCII and the basic plane count as one, a byte order mark and CRLF as they are."""
    text = "\ufeffä: ö\r\n𝄞𝄞:\r\n  - ü\r\nend: x\r\n"
    first, second, third = read(text)
    assert source(text, first) == "ä: ö"
    assert source(text, second) == "𝄞𝄞:\r\n  - ü"
    assert values(text, (second.items or ())[0]) == ["ü"]
    assert source(text, third) == "end: x"


def test_an_absent_value_is_null_after_its_colon() -> None:
    """`key:` has the value null, and the place of that is behind the colon."""
    text = "a:\nb: {c: , d: ~}\ne : # nothing\n"
    first, second, third = read(text)
    assert [(value.value, value.start, value.end) for value in first.head.args] == [(None, 2, 2)]
    absent, null = second.children or ()
    assert absent.head.args[0].value is None
    assert source(text, absent) == "c:"
    assert null.head.args[0].value is None
    assert source(text, null) == "d: ~"
    assert source(text, third) == "e :"


def test_empty_collections_are_empty_and_not_absent() -> None:
    """`{}` has no children, `[]` no items; neither is a missing value."""
    first, second = read("a: {}\nb: []\n")
    assert first.children == ()
    assert first.items is None
    assert second.children is None
    assert second.items == ()


def test_dashes_are_found_through_comments_and_blank_lines() -> None:
    """An item starts at its dash, however far its value is from it."""
    text = "a:\n- # - a dash in a comment\n\n  b: c\n\n- # another -\n  - d\n  -\n    - e\n"
    (entry,) = read(text)
    first, second = entry.items or ()
    assert first.start == text.index("- # - a")
    assert second.start == text.index("- # another")
    assert [item.start for item in second.items or ()] == [text.index("- d"), text.index("-\n    - e")]


def test_equal_entries_share_one_head() -> None:
    """A file of many routes repeats itself, and the heads of equal lines are one object."""
    first, second = read("a: {method: GET}\nb: {method: GET}\n")
    assert (first.children or ())[0].head is (second.children or ())[0].head


def test_a_text_of_several_lines_depends_on_where_it_stands() -> None:
    """Two block texts with the same characters but another indentation are two values."""
    first, second = read("a:\n  x: |2\n      b\nc:\n x: |2\n      b\n")
    assert (first.children or ())[0].head.args[0].value == "  b\n"
    assert (second.children or ())[0].head.args[0].value == "   b\n"


def test_a_file_without_entries_has_no_nodes() -> None:
    """Nothing, blank lines, comments and a bare document marker are an empty document and no mistake."""
    for text in ("", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "\ufeff"):
        assert read(text) == ()
