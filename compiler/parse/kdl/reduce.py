"""What each reduction of kdl.lark makes: statements become nodes.

Owns one function a name after `->` in the grammar; each takes the list of its symbols' values. Knows nothing
of automata and characters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from ..document import Head, Node, Property, Scalar, Value
from .tables import RULES
from .tokens import Token


class Tag(NamedTuple):
    """A type annotation; `start` of its parenthesis."""

    text: str
    start: int


class Statement:
    """The head of a node as it grows. Mutable, and gone once the head is made."""

    __slots__ = ("args", "end", "name", "name_end", "name_start", "props", "start", "tag")

    def __init__(self, tag: Tag | None, name: Token) -> None:
        self.start = name.start if tag is None else tag.start
        self.tag = None if tag is None else tag.text
        self.name: str = name.value
        self.name_start = name.start - self.start
        self.name_end = name.end - self.start
        self.end = name.end
        self.args: list[Value] = []
        self.props: list[Property] = []

    def value(self, tag: Tag | None, token: Token) -> Value:
        """A value of this node, placed relative to it."""
        scalar: Scalar = token.value
        self.end = token.end
        if tag is None:
            return Value(scalar, None, token.start - self.start, token.end - self.start)
        return Value(scalar, tag.text, tag.start - self.start, token.end - self.start)

    def property(self, key: Token, tag: Tag | None, token: Token) -> None:
        """Add `key=value`."""
        name, key_end = key.value
        value = self.value(tag, token)
        self.props.append(Property(name, key.start - self.start, key_end - self.start, value))

    def head(self) -> Head:
        """The finished head."""
        return Head(self.name, self.tag, self.name_start, self.name_end, tuple(self.args), tuple(self.props))


def first(parts: list[Any]) -> Any:
    """All but the first symbol say nothing of the tree: marks, and what is commented out."""
    return parts[0]


def dropped(parts: list[Any]) -> None:
    """Commented out: nothing is made of it."""


def nothing(parts: list[Any]) -> list[Node]:
    """No statements yet."""
    return []


def simple_statements(parts: list[Any]) -> list[Node]:
    """Statements, and more that the lexer has read whole."""
    nodes: list[Node] = parts[0]
    nodes += parts[1].value
    return nodes


def statement(parts: list[Any]) -> list[Node]:
    """Statements, and one more."""
    nodes: list[Node] = parts[0]
    nodes.append(parts[1])
    return nodes


last_statement = statement


def leaf(parts: list[Any]) -> Node:
    """A node without a block."""
    head: Statement = parts[0]
    return Node(head.head(), None, None, head.start, head.end)


def block(parts: list[Any]) -> Node:
    """A node with its block."""
    opened: Token = parts[0]
    return Node(opened.value, tuple(parts[1]), None, opened.start, parts[2].end)


def opening(parts: list[Any]) -> Token:
    """The same as the lexer makes of a simple line: an OPEN, whose value is the head."""
    head: Statement = parts[0]
    return Token("OPEN", head.head(), head.start, head.end)


def name(parts: list[Any]) -> Statement:
    """The beginning of a node."""
    return Statement(None, parts[0])


def tagged_name(parts: list[Any]) -> Statement:
    """`(tag)name`."""
    return Statement(parts[0], parts[1])


def argument(parts: list[Any]) -> Statement:
    """A node, and one argument more."""
    head: Statement = parts[0]
    head.args.append(head.value(None, parts[1]))
    return head


def tagged_argument(parts: list[Any]) -> Statement:
    """A node, and `(tag)value`."""
    head: Statement = parts[0]
    head.args.append(head.value(parts[1], parts[2]))
    return head


def property(parts: list[Any]) -> Statement:
    """A node, and `key=value`."""
    head: Statement = parts[0]
    head.property(parts[1], None, parts[2])
    return head


def tagged_property(parts: list[Any]) -> Statement:
    """A node, and `key=(tag)value`."""
    head: Statement = parts[0]
    head.property(parts[1], parts[2], parts[3])
    return head


def tag(parts: list[Any]) -> Tag:
    """`(tag)`."""
    return Tag(parts[1].value, parts[0].start)


Reduction = tuple[int, str, Callable[[list[Any]], Any] | None]

REDUCTIONS: tuple[Reduction, ...] = tuple(
    (length, symbol, None if (length, function) == (1, "first") else globals()[function])
    for length, symbol, function in RULES
)
"""By the number of the rule: how many values it takes, what symbol they become, the function.

There is no function where one value only changes its symbol.
"""
