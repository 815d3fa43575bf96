"""A regular expression of the dialect, as a tree.

Owns the shapes. Case has been folded and classes have been worked out: what remains are sets of bytes and
the ways to put them together, so that neither emitting nor an analysis has to know how a pattern is spelt.
Must not know: the pattern's text, engines.

A set of bytes is an `int` of 256 bits, bit n for byte n.
"""

from __future__ import annotations

from dataclasses import dataclass

ALL_BYTES = (1 << 256) - 1
"""The set of every byte."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """One byte out of `set`, which is never empty."""

    set: int


@dataclass(frozen=True, slots=True)
class Sequence:
    """`parts`, one after the other; without parts the empty string. No part is a `Sequence`."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """One of two or more `branches`; an earlier one is preferred where that decides what is captured."""

    branches: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`body`, which is never empty, `low` to `high` times (None: any number; high >= 1).

    `lazy` prefers fewer; it decides what is captured, never what matches.
    """

    body: Node
    low: int
    high: int | None
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class Capture:
    """`body`, and what it matched is known by `name`."""

    name: str
    body: Node


Node = OneOf | Sequence | Either | Repeat | Capture

EMPTY = Sequence(())
"""The empty string."""

SINGLE = tuple(OneOf(1 << byte) for byte in range(256))
"""The node of each single byte."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A parsed pattern: its tree, and the names of its captures in the order in which they open."""

    tree: Node
    groups: tuple[str, ...] = ()


def interval_set(low: int, high: int) -> int:
    """The set of the bytes from `low` to `high`, both included."""
    return (1 << (high + 1)) - (1 << low)


def intervals(members: int) -> tuple[tuple[int, int], ...]:
    """A set as ascending intervals, both ends included: the edges that an automaton has for it."""
    found: list[tuple[int, int]] = []
    base = 0
    while members:
        gap = (members & -members).bit_length() - 1
        base += gap
        members >>= gap
        run = (~members & (members + 1)).bit_length() - 1
        found.append((base, base + run - 1))
        base += run
        members >>= run
    return tuple(found)


def single(members: int) -> int | None:
    """The byte of a set that has one, else None."""
    return members.bit_length() - 1 if members & (members - 1) == 0 else None


def sequence(parts: list[Node] | tuple[Node, ...]) -> Node:
    """`parts` one after the other, inner sequences spliced in; one part alone stands for itself."""
    flat: list[Node] = []
    for part in parts:
        if isinstance(part, Sequence):
            flat.extend(part.parts)
        else:
            flat.append(part)
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def nullable(node: Node) -> bool:
    """Whether the empty string matches."""
    if isinstance(node, OneOf):
        return False
    if isinstance(node, Sequence):
        return all(nullable(part) for part in node.parts)
    if isinstance(node, Either):
        return any(nullable(branch) for branch in node.branches)
    if isinstance(node, Repeat):
        return node.low == 0
    return nullable(node.body)
