"""Where things stand: every span of the tree is the text that it was read from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gwc.compiler.parse.document import Document, Node
from gwc.compiler.parse.kdl import parse, read

TEXTS = (
    'route "orders" {\n    matches { host "example.com"; path-prefix "/v1" }\n    upstream "u" weight=3\n}\n',
    '(t)"n" (u8)12 k=(v)"w" "k k" = #true \\\n  """\n  text\n  """ {\n\n  (x)child /-gone #"raw"# // c\n}\n',
    "  a 1 /-2 3 /-{ b } { c } /-{ d } // e\n\tf/* g */h;i{j;k}\n",
    "\ufeffπ ключ=значение\r\nb 'x'\u2028c -0x1F",
    'r "a" r#"b"# k=true {\n  (t)c "x\ny"\n}\n',
)


def written(document: Document, text: str) -> Iterator[tuple[str, str]]:
    """Each part of each node: what it is and the text at its place."""

    def walk(node: Node) -> Iterator[tuple[str, str]]:
        head, at = node.head, node.start
        yield "node", text[at : node.end]
        yield "name", text[at + head.name_start : at + head.name_end]
        for value in head.args:
            yield "value", text[at + value.start : at + value.end]
        for prop in head.props:
            yield "key", text[at + prop.start : at + prop.end]
            yield "value", text[at + prop.value.start : at + prop.value.end]
        for child in node.children or ():
            yield from walk(child)

    for node in document.nodes:
        yield from walk(node)


def test_spans_are_the_text_they_name() -> None:
    """A node goes from its annotation or name to its last entry or brace; a value has its annotation."""
    document, _ = parse(TEXTS[1], "f")
    assert list(written(document, TEXTS[1])) == [
        ("node", TEXTS[1][:-1]),
        ("name", '"n"'),
        ("value", "(u8)12"),
        ("value", '"""\n  text\n  """'),
        ("key", "k"),
        ("value", '(v)"w"'),
        ("key", '"k k"'),
        ("value", "#true"),
        ("node", '(x)child /-gone #"raw"#'),
        ("name", "child"),
        ("value", '#"raw"#'),
    ]


@pytest.mark.parametrize("text", TEXTS)
def test_a_part_read_alone_is_the_same(text: str) -> None:
    """The text at a value's place, read as the value of another node, is that value."""
    document, _, version = read(text, "f")
    marker = f"/- kdl-version {version}\n"

    def check(node: Node) -> None:
        for value in (*node.head.args, *(prop.value for prop in node.head.props)):
            spelling = text[node.start + value.start : node.start + value.end]
            alone, _ = parse(f"{marker}n {spelling}", "f")
            assert [(v.tag, repr(v.value)) for v in alone.nodes[0].head.args] == [
                (value.tag, repr(value.value))
            ]
        for child in node.children or ():
            check(child)

    for node in document.nodes:
        check(node)
        again, _ = parse(f"{marker}{text[node.start : node.end]}", "f")
        assert again.nodes[0].head == node.head


def test_nodes_stand_at_absolute_places_and_share_heads() -> None:
    """Statements of equal text have one head, since its places count from the node."""
    text = 'a {\n  upstream "u" weight=1\n}\nb { upstream "u" weight=1; x; }\n'
    document, _ = parse(text, "f")
    first, second = (node.children[0] for node in document.nodes if node.children)
    assert first.head is second.head
    assert text[first.start : first.end] == text[second.start : second.end] == 'upstream "u" weight=1'
    assert first.start != second.start
    assert [node.end for node in document.nodes] == [text.index("}") + 1, text.rindex("}") + 1]
