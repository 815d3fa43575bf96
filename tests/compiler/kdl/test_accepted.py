"""What KDL 2 is, case by case: a text and its canonical reprint."""

from __future__ import annotations

from decimal import Decimal

import pytest
from gwc.compiler.parse.document import Node, Scalar
from gwc.compiler.parse.kdl import parse
from gwc.compiler.parse.kdl.printer import print_document

CASES = {
    # Documents
    "": "\n",
    "\n\r\n \t": "\n",
    "// nothing": "\n",
    "\ufeffa": "a\n",
    "a": "a\n",
    "a\nb\n\nc": "a\nb\nc\n",
    "a;b;  c": "a\nb\nc\n",
    "a\rb\x0bc\x0cd\u2028e\u2029f\x85g": "a\nb\nc\nd\ne\nf\ng\n",
    "a\u00a0b\u3000c": "a b c\n",
    # Names
    "π": "π\n",
    '"a b" "c"': '"a b" c\n',
    '"" ""': '"" ""\n',
    "-": "-\n",
    "+ - -- .a -a +.b ~ a,b <c> 'd' ?1 r": "+ - -- .a -a +.b ~ a,b <c> 'd' ?1 r\n",
    'n "true" "-inf" "1" ".5" "+1" "a"': 'n "true" "-inf" "1" ".5" "+1" a\n',
    "truest null_ infinite": "truest null_ infinite\n",
    # Values
    "n #true #false #null #inf #-inf #nan": "n #true #false #null #inf #-inf #nan\n",
    "n 0 -0 +1 1_000_ 0012": "n 0 0 1 1000 12\n",
    "n 0xFf -0x1_0 0o17 +0b1_01": "n 255 -16 15 5\n",
    "n 1.5 -0.0 1e10 1.5E-3 2e+1_0_ 1_.0_": "n 1.5 -0.0 1E+10 0.0015 2E+10 1.0\n",
    # Properties: the last one of a key counts, in the order of the keys
    "n b=1 a=2 c=#true": "n a=2 b=1 c=#true\n",
    "n a=1 x a=2": "n x a=2\n",
    'n "a b"="c d" e = f g= h i =j': 'n "a b"="c d" e=f g=h i=j\n',
    # Type annotations
    "(t)n (u8)1 k=(v)2": "(t)n (u8)1 k=(v)2\n",
    '( "t u" ) n ( u8 ) 1 k=( v ) 2': '("t u")n (u8)1 k=(v)2\n',
    "(a)/* b */n": "(a)n\n",
    # Blocks
    "a {\n}": "a\n",
    "a{b}": "a {\n    b\n}\n",
    "a { b; c {d;e}; f }": "a {\n    b\n    c {\n        d\n        e\n    }\n    f\n}\n",
    "a {\n\n b\n\n}\nc": "a {\n    b\n}\nc\n",
    "a 1{b};c": "a 1 {\n    b\n}\nc\n",
    # Comments
    "a // b\nc /* d */ e /* f\ng */ h": "a\nc e h\n",
    "a /* b /* c */ d */ e": "a e\n",
    "/**/a/**/b/***/": "a b\n",
    "a//b": "a\n",
    "a // b\\\nc": "a\nc\n",
    # Continued lines
    "a \\\n  b": "a b\n",
    "a\\\nb": "a b\n",
    "a \\ // c\n b \\ /* d */\n e": "a b e\n",
    "a \\": "a\n",
    "a \\\n\nb": "a\nb\n",
    "\\\na": "a\n",
    "a { \\\n b }": "a {\n    b\n}\n",
    # What is commented out
    "/-a\nb": "b\n",
    "/- a 1 {\n x\n}\nb": "b\n",
    "a /-1 2 /-k=3 l=4": "a 2 l=4\n",
    "a/-1 2": "a 2\n",
    "a /- // why\n 1 2": "a 2\n",
    "a /-{ b } { c } /-{ d }": "a {\n    c\n}\n",
    "a { /-b\n c }": "a {\n    c\n}\n",
    "a { /-b }": "a\n",
    "/-/* c */a": "\n",
    "a /-(t)b c": "a c\n",
    # Quoted strings
    r'n "a\nb\t\"\\/"': 'n "a\\nb\\t\\"\\\\/"\n',
    r'n "\b\f\r\s\u{41}\u{1F600}"': 'n "\\b\\f\\r A😀"\n',
    'n "a \\   b\\\n   \t c"': 'n "a bc"\n',
    'n "\\u{202e}\\u{85}"': 'n "\\u{202e}\\u{85}"\n',
    # Raw strings
    r'n #"a\b"# ##"c"#d"##': 'n "a\\\\b" "c\\"#d"\n',
    'n #""# #"""\n"""#': 'n "" ""\n',
    # Multi-line strings
    'n """\n  a\n    b\n\n  c\n  """': 'n "a\\n  b\\n\\nc"\n',
    'n """\n"""': 'n ""\n',
    'n """\n\t"""': 'n ""\n',
    'n """\r\n a\r\n   \r\n b\r\n """': 'n "a\\n\\nb"\n',
    'n """\n  a \\\n   b\n  """': 'n "a b"\n',
    'n """\n  \\"""\n  ""a""\n  """': 'n "\\"\\"\\"\\n\\"\\"a\\"\\""\n',
    'n """\n  a\\nb\n  """ c': 'n "a\\nb" c\n',
    'n ##"""\n  a\\n"""#\n  """##': 'n "a\\\\n\\"\\"\\"#"\n',
}


@pytest.mark.parametrize("text", CASES, ids=repr)
def test_a_text_is_read_as_its_reprint(text: str) -> None:
    """The text has no mistakes, and its data is that of the reprint, which prints as itself."""
    document, findings = parse(text, "f")
    assert findings == ()
    assert print_document(document.nodes) == CASES[text]
    again, findings = parse(CASES[text], "f")
    assert findings == ()
    assert print_document(again.nodes) == CASES[text]


def values(text: str) -> list[Scalar]:
    """The arguments of the one node of a text."""
    document, findings = parse(text, "f")
    assert findings == ()
    (node,) = document.nodes
    return [value.value for value in node.head.args]


def test_numbers_are_exact() -> None:
    """Whole numbers are `int` whatever their size; others are decimals, digit for digit."""
    got = values("n 123456789012345678901234567890 0.1 1.10 1E-400 0xffffffffffffffffffff")
    assert got == [
        123456789012345678901234567890,
        Decimal("0.1"),
        Decimal("1.10"),
        Decimal("1E-400"),
        0xFFFFFFFFFFFFFFFFFFFF,
    ]
    assert [type(value) for value in got] == [int, Decimal, Decimal, Decimal, int]
    assert str(got[2]) == "1.10"


def test_one_is_not_true() -> None:
    """`1`, `1.0` and `#true` are different values, though Python calls them equal."""
    assert [type(value) for value in values('n 1 1.0 #true "1" #inf')] == [int, Decimal, bool, str, float]


def test_all_properties_are_kept() -> None:
    """Duplicates are for the validator to tell of: the tree has them all, as written."""
    document, _ = parse("n a=1 b=2 a=3", "f")
    assert [(prop.key, prop.value.value) for prop in document.nodes[0].head.props] == [
        ("a", 1),
        ("b", 2),
        ("a", 3),
    ]


def test_an_empty_block_is_no_missing_block() -> None:
    """`a {}` has children, namely none; `a` has no block."""
    document, _ = parse("a {}\nb\nc {\n}", "f")
    assert [node.children for node in document.nodes] == [(), None, ()]


def deep(node: Node) -> int:
    """How many blocks stand in one another."""
    return 0 if node.children is None else 1 + max(map(deep, node.children), default=0)


def test_blocks_may_be_nested_64_deep() -> None:
    """The limit itself is allowed."""
    document, findings = parse("a {" * 64 + "}" * 64, "f")
    assert findings == ()
    assert deep(document.nodes[0]) == 64
