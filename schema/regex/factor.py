"""Alternatives that begin alike, drawn together: `get|give` becomes `g(?:et|ive)`.

Owns a rewriting that keeps what matches. It lets lists of words be deterministic, which is what most
alternatives in a configuration are. Where the result is deterministic there is one way to match at most, so
captures are kept too; where it is not, the tree as written is used. The same alternative twice (`a|a`) stays
two, so it is not deterministic.
"""

from __future__ import annotations

from typing import Final

from .ast import EMPTY, Capture, Either, Node, OneOf, Repeat, Sequence, sequence

_DEPTH: Final = 40
"""How often alternatives are drawn together inside each other: every stage recurses over the result."""


def factor(node: Node) -> Node:
    """The tree with common first bytes of alternatives drawn together. The same object where nothing is."""
    return _factor(node, _DEPTH)


def _factor(node: Node, depth: int) -> Node:
    if isinstance(node, OneOf):
        return node
    if isinstance(node, Either):
        return _either([_factor(branch, depth) for branch in node.branches], node, depth)
    if isinstance(node, Sequence):
        parts = [part if isinstance(part, OneOf) else _factor(part, depth) for part in node.parts]
        if all(new is old for new, old in zip(parts, node.parts, strict=True)):
            return node
        return sequence(parts)
    body = _factor(node.body, depth)
    if body is node.body:
        return node
    if isinstance(node, Repeat):
        return Repeat(body, node.low, node.high, node.lazy)
    return Capture(node.name, body)


def _either(branches: list[Node], old: Either | None, depth: int) -> Node:
    """The alternative of `branches`, grouped by their first set of bytes where they begin with one."""
    groups: dict[object, list[Node]] = {}
    for index, branch in enumerate(branches):
        head = _head(branch)
        key: object = ("alone", index) if head is None else head.set
        groups.setdefault(key, []).append(branch)
    if len(groups) == len(branches) or depth == 0:
        if old is not None and all(new is was for new, was in zip(branches, old.branches, strict=True)):
            return old
        return Either(tuple(branches))
    drawn: list[Node] = []
    for members in groups.values():
        if len(members) == 1:
            drawn.append(members[0])
            continue
        head = _head(members[0])
        assert head is not None
        tails = [_tail(member) for member in members]
        drawn.append(sequence([head, _either(tails, None, depth - 1)]))
    return drawn[0] if len(drawn) == 1 else Either(tuple(drawn))


def _head(node: Node) -> OneOf | None:
    """The set of bytes that `node` begins with, where it begins with one plainly."""
    if isinstance(node, OneOf):
        return node
    if isinstance(node, Sequence) and node.parts and isinstance(node.parts[0], OneOf):
        return node.parts[0]
    return None


def _tail(node: Node) -> Node:
    """What follows the head."""
    return sequence(node.parts[1:]) if isinstance(node, Sequence) else EMPTY
