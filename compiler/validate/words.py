"""The words that validation has for values, types and places.

Owns how a value is shown back to its author, in the syntax it was written in, and what a type is called.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Literal

from ..parse.document import Node
from ..parse.document import Scalar as ScalarValue
from .shape import Scalar, Values

Syntax = Literal["kdl", "yaml"]

_LONGEST_SHOWN: Final = 48
_ESCAPES: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}


def plain(text: str) -> str:
    """Text as it may stand in a message: controls escaped, the middle of long text left out."""
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[: _LONGEST_SHOWN - 10]}…{text[-8:]}"
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else _ESCAPES.get(each, f"\\u{{{ord(each):x}}}") for each in text
    )


def literal(value: ScalarValue, syntax: Syntax) -> str:
    """A value as one would write it, text in quotes."""
    mark = "#" if syntax == "kdl" else ""
    if isinstance(value, str):
        return f'"{plain(value)}"'
    if value is None:
        return f"{mark}null"
    if isinstance(value, bool):
        return f"{mark}{'true' if value else 'false'}"
    if isinstance(value, float):
        name = "nan" if value != value else "inf" if value > 0 else "-inf"
        return f"{mark}{name}" if syntax == "kdl" else f".{name}" if value != value or value > 0 else "-.inf"
    return (
        plain(str(value)) if isinstance(value, Decimal) or abs(value) < 10**60 else "a number of many digits"
    )


def found(value: ScalarValue, syntax: Syntax) -> str:
    """What was found instead of something else: `the text "3"`, `the number 1.5`."""
    shown = f"`{literal(value, syntax)}`"
    if isinstance(value, str):
        return f"the text {shown}"
    if value is None or isinstance(value, bool):
        return shown
    return f"the number {shown}"


def found_node(node: Node, syntax: Syntax) -> str:
    """What stands where a value was expected."""
    if node.items is not None:
        return "a list"
    if node.children is not None:
        return "a block" if syntax == "kdl" else "a mapping"
    if node.head.args:
        return found(node.head.args[0].value, syntax)
    return "nothing"


def takes(shape: Scalar | Values, syntax: Syntax) -> str:
    """What a scalar place takes: `a whole number`, `text`, `` `keep` or `strip` ``."""
    scalar = shape.item if isinstance(shape, Values) else shape
    kinds = [f"`{choice}`" for choice in scalar.choices]
    if scalar.text:
        kinds.append("text")
    if scalar.integer:
        kinds.append("a whole number")
    if scalar.flag:
        kinds += [f"`{literal(True, syntax)}`", f"`{literal(False, syntax)}`"]
    return kinds[0] if len(kinds) == 1 else f"{', '.join(kinds[:-1])} or {kinds[-1]}"


def listed(words: Iterable[str], joint: str, most: int = 12) -> str:
    """Words in backticks: `` `a`, `b` and `c` ``, the number of the rest where there are too many."""
    shown = [f"`{word}`" for word in words]
    if len(shown) > most:
        return f"{', '.join(shown[:most])} and {len(shown) - most} more"
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {joint} {shown[-1]}"


def counted(number: int, word: str) -> str:
    """`1 argument`, `2 arguments`."""
    return f"{number} {word}{'' if number == 1 else 's'}"
