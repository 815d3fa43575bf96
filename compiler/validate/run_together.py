"""Lines of KDL that ran together: `address "x" protocol "y"` is one node with four arguments.

Owns the recognising of a key that stands on the line of another node, and the words that show the lines as
they should be.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from gwc.schema.diagnostic import error

from ..parse.document import Node, Property, Value
from .run import Run
from .shape import ObjectShape, language
from .unknown import index
from .words import counted, literal, plain


@cache
def keys_around(shape: ObjectShape) -> frozenset[str]:
    """The names of nodes that may stand in an object or beside it."""
    objects = language().objects
    around = {name for name, _ in shape.kdl_names()}
    for place in index().places.get(shape.name, ()):
        around.update(name for name, _ in objects[place.parent].kdl_names())
    return frozenset(around)


@cache
def siblings(owner: ObjectShape) -> frozenset[str]:
    """The names of nodes that may stand in an object."""
    return frozenset(name for name, _ in owner.kdl_names())


def is_word(value: Value) -> bool:
    """Whether text was written as a bare word, without quotes."""
    return isinstance(value.value, str) and value.end - value.start == len(value.value)


def begins_a_line(args: Sequence[Value], place: int, keys: frozenset[str]) -> bool:
    """Whether an argument behind the first is a bare word that was meant to begin a line of its own.

    It is a key of the object or beside it, or it is the only bare word among values in quotes and has a value
    behind it, as in `address "x" namespace "y"`.
    """
    value = args[place]
    if place == 0 or not is_word(value):
        return False
    if value.value in keys:
        return True
    return not is_word(args[0]) and place + 1 < len(args) and not is_word(args[place + 1])


def presume_words(shape: ObjectShape, values: Sequence[Value], data: dict[str, Any]) -> None:
    """Take the keys on a line that ran together as given, so that they are not reported as missing too."""
    words = {value.value for value in values}
    for name, key in shape.kdl_names():
        if name in words:
            data.setdefault(key.name, None)


def refuse_run_together(run: Run, shape: ObjectShape, node: Node, second: Value | Property) -> None:
    """Report a key that stands on the line of another node, with the lines as they should be."""
    known = siblings(shape) | keys_around(shape)
    word = plain(second.key if isinstance(second, Property) else str(second.value))
    first, *rest = _lines(node, second, known)
    name = node.head.name
    if word in siblings(shape) and name not in siblings(shape):
        advice = f"put braces around what belongs to it: `{first} {{ {'; '.join(rest)} }}`"
    else:
        shown = "".join(f"\n    {line}" for line in (first, *rest))
        advice = f"write {counted(1 + len(rest), 'line')}, or `;` between them:{shown}"
    run.report(
        error(
            "GWC209",
            run.at(node, second.start, second.end),
            f"`{word}` stands on the line of `{name}`",
            label="a node ends with its line",
            help=advice,
        )
    )


def _lines(node: Node, second: Value | Property, known: frozenset[str]) -> list[str]:
    """The head of a node as the lines it was meant to be: each key begins one, from `second` on."""
    head = node.head
    lines = [[head.name]]
    pieces: list[Value | Property] = sorted((*head.args, *head.props), key=lambda piece: piece.start)
    for piece in pieces:
        word = piece.key if isinstance(piece, Property) else str(piece.value)
        begins = piece is second or (piece.start > second.start and word in known)
        if isinstance(piece, Property):
            written = literal(piece.value.value, "kdl")
            lines.append([word, written]) if begins else lines[-1].append(f"{word}={written}")
        elif begins:
            lines.append([plain(word)])
        else:
            lines[-1].append(literal(piece.value, "kdl"))
    return [" ".join(line) for line in lines]
