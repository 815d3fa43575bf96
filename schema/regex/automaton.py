"""What can be told of a pattern from its positions.

Owns the choice between the engines: whether a backtracking engine could ever have to try twice. A position
is one single-byte item of the pattern (Glushkov 1961); what may follow a position is a set of positions and
the end. Must not know: program texts and engines.

A pattern is *deterministic* here when, after every position, each byte leads to at most one position, by one
way through the pattern. That is stronger than "one-unambiguous" (Brüggemann-Klein and Wood 1998): `(a+)+` has
a single position, but two ways from it to itself, and a backtracking engine tries both.

Why it is enough: say the engine has taken some bytes and now fails. It goes back to choices that it made.
Every other branch of such a choice leads to positions that cannot take the byte the first branch took, or to
the end of the pattern before the end of the text, so it fails at once. Each choice is thus reopened once,
for as many attempts as there are ways from a position: at most 256, each to another byte, and the end. The
time is linear in the text.
"""

from __future__ import annotations

from .ast import Either, Node, OneOf, Repeat, Sequence, single

_PREFIX_BYTES = 256
"""The longest literal prefix that is worth comparing before an engine is asked."""


class _Ambiguous(Exception):
    """There are two ways to go on with some byte."""


def is_deterministic(tree: Node) -> bool:
    """Whether each byte of a text leaves one way through the pattern; counts are judged as if written out.

    False is always safe. Takes at most 256 steps for each item of the tree.
    """
    try:
        _analyse(tree, [])
    except _Ambiguous:
        return False
    return True


# What `_analyse` finds of a node: whether it can be empty, the bytes it can begin with, its last positions.
_Facts = tuple[bool, int, list[int]]


def _analyse(node: Node, follow: list[int]) -> _Facts:
    """The facts of a node; `follow[p]` gathers the bytes that may come after position p."""
    if isinstance(node, OneOf):
        follow.append(0)
        return False, node.set, [len(follow) - 1]
    if isinstance(node, Sequence):
        return _analyse_sequence(node, follow)
    if isinstance(node, Either):
        return _analyse_either(node, follow)
    if isinstance(node, Repeat):
        return _analyse_repeat(node, follow)
    return _analyse(node.body, follow)


def _analyse_sequence(node: Sequence, follow: list[int]) -> _Facts:
    empty, first, last = True, 0, list[int]()
    for part in node.parts:
        part_empty, part_first, part_last = _analyse(part, follow)
        for position in last:
            _add(follow, position, part_first)
        if empty:
            if first & part_first:
                raise _Ambiguous
            first |= part_first
        if part_empty:
            last.extend(part_last)
        else:
            empty = False
            last = part_last
    return empty, first, last


def _analyse_either(node: Either, follow: list[int]) -> _Facts:
    empty, first, last = False, 0, list[int]()
    for branch in node.branches:
        branch_empty, branch_first, branch_last = _analyse(branch, follow)
        # Two ways to be empty are two ways to go on: `(?:x(?:|))*y` takes 2^n attempts on x…x.
        if first & branch_first or (empty and branch_empty):
            raise _Ambiguous
        empty = empty or branch_empty
        first |= branch_first
        last.extend(branch_last)
    return empty, first, last


def _analyse_repeat(node: Repeat, follow: list[int]) -> _Facts:
    empty, first, last = _analyse(node.body, follow)
    assert not empty, "the dialect repeats nothing that can be empty"
    if node.high != 1:
        fixed = node.low == node.high
        for position in last:
            if follow[position] & first:
                raise _Ambiguous
            # After a fixed count the way back and the way on are never open at once: the count decides.
            if not fixed:
                follow[position] |= first
    return node.low == 0, first, last


def _add(follow: list[int], position: int, members: int) -> None:
    if follow[position] & members:
        raise _Ambiguous
    follow[position] |= members


def literal_prefix(tree: Node) -> str:
    """The bytes (latin-1) that every match begins with, as many as are plain, at most 256."""
    return _prefix(tree, _PREFIX_BYTES)[0]


def _prefix(node: Node, room: int) -> tuple[str, bool]:
    """The literal beginning of `node`, and whether that is all that ever matches."""
    if isinstance(node, OneOf):
        byte = single(node.set)
        return ("", False) if byte is None or room < 1 else (chr(byte), True)
    if isinstance(node, Sequence):
        text = ""
        for part in node.parts:
            more, whole = _prefix(part, room - len(text))
            text += more
            if not whole:
                return text, False
        return text, True
    if isinstance(node, Either):
        return _common([_prefix(branch, room) for branch in node.branches])
    if isinstance(node, Repeat):
        if node.low == 0:
            return "", False
        text, whole = _prefix(node.body, room)
        if not whole:
            return text, False
        repeated = text * min(node.low, room // len(text))
        return repeated, node.low == node.high and len(repeated) == len(text) * node.low
    return _prefix(node.body, room)


def _common(found: list[tuple[str, bool]]) -> tuple[str, bool]:
    """What several beginnings have in common."""
    texts = [text for text, _ in found]
    low, high = min(texts), max(texts)
    same = 0
    while same < len(low) and low[same] == high[same]:
        same += 1
    return low[:same], all(whole and text == low for text, whole in found)
