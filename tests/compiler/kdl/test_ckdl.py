"""A second oracle, where it is installed: ckdl, a parser written in C by other people."""

from __future__ import annotations

from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from gwc.compiler.parse.document import Node, Scalar
from gwc.compiler.parse.kdl import parse_version

from .test_suite import load

ckdl = pytest.importorskip("ckdl")
ROOT = Path(__file__).parents[3]
fuzz = load(ROOT / "tools" / "fuzz" / "kdl_differential.py")

KNOWN = {
    "braces_in_bare_id.kdl": "ckdl takes braces for a part of the word",
    "vertical_tab_whitespace.kdl": "ckdl takes the vertical tab for space; it is a newline",
    "unicode_escaped_too_long_lead0_fail.kdl": "ckdl takes escapes of seven digits",
    "zero_space_before_slashdash_arg.kdl": "ckdl wants a space there",
    "zero_space_before_slashdash_children.kdl": "ckdl wants a space there",
    "zero_space_before_slashdash_prop.kdl": "ckdl wants a space there",
}
"""Cases of the suite that came after ckdl 1.0."""


def ours(node: Node) -> object:
    """A node's data, of two properties with one key the last."""
    head = node.head
    return (
        head.name,
        head.tag,
        [plain(value.value, value.tag) for value in head.args],
        {prop.key: plain(prop.value.value, prop.value.tag) for prop in head.props},
        [ours(child) for child in node.children or ()],
    )


def plain(value: Scalar, tag: str | None) -> str:
    """A value and its annotation as text; other numbers than whole ones are floats to ckdl."""
    return f"{tag} {float(value)!r}" if isinstance(value, Decimal) else f"{tag} {value!r}"


def theirs(node: Any) -> object:
    """The same of a node of ckdl."""
    return (
        node.name,
        node.type_annotation,
        [of_ckdl(value) for value in node.args],
        {key: of_ckdl(value) for key, value in node.properties.items()},
        [theirs(child) for child in node.children],
    )


def of_ckdl(value: Any) -> str:
    """A value of ckdl, which is wrapped where it has an annotation."""
    if isinstance(value, ckdl.Value):
        return f"{value.type_annotation} {value.value!r}"
    return f"None {value!r}"


def both(text: str, version: int) -> tuple[object, object]:
    """What we and ckdl read from a text; None where it is rejected."""
    document, findings = parse_version(text, "f", 2 if version == 2 else 1)
    mine = None if findings else [ours(node) for node in document.nodes]
    try:
        other = ckdl.parse(text, version=str(version))
    except ckdl.ParseError:
        return mine, None
    return mine, [theirs(node) for node in other.nodes]


@pytest.mark.parametrize("version", [1, 2])
def test_the_suite_is_read_alike(version: int) -> None:
    """ckdl and we accept the same cases, but the known ones, and read the same data from them."""
    folder = fuzz.suite_folder(version)
    if folder is None:
        pytest.skip("no KDL suite")
    different = []
    for path in sorted(folder.glob("input/*.kdl")):
        mine, other = both(path.read_bytes().decode("utf-8"), version)
        if mine != other:
            different.append(path.name)
    assert different == (sorted(KNOWN) if version == 2 else [])


def test_what_both_accept_is_the_same_data() -> None:
    """On mutated seeds data is equal wherever both accept; ckdl is kinder to a `;` too many, and the like."""
    accepted = 0
    for text in islice(fuzz.documents(3, fuzz.SEEDS), 500):
        mine, other = both(text, 2)
        if mine is not None and other is not None and "\x0b" not in text:
            accepted += 1
            assert mine == other, text
    assert accepted > 50
