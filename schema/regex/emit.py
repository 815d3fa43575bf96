"""From a tree to a program text that every engine reads alike.

Owns the spelling: no flags, no `.`, no class names, sets as ranges, every byte that is not a letter, digit or
one of a few plain marks as an escape. The text is ASCII; `re` takes it for `str` of latin-1 characters as
well as for bytes, google-re2 in LATIN1. Groups without a name do not capture.
"""

from __future__ import annotations

from typing import Final

from .ast import ALL_BYTES, Capture, Either, Node, OneOf, Repeat, Sequence, intervals, single

_PLAIN: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_,:;=@%~!'\"<> ")


def _spell(byte: int, escaped: str) -> str:
    """A byte as text; `escaped` are the characters that a backslash makes plain there."""
    char = chr(byte)
    if char in _PLAIN:
        return char
    return f"\\{char}" if char in escaped else f"\\x{byte:02x}"


_OUTSIDE: Final = tuple(_spell(byte, ".-*+?()[]{}|^$\\") for byte in range(256))
_INSIDE: Final = tuple(_spell(byte, ".-^[]\\") for byte in range(256))


def emit(tree: Node) -> str:
    """The program text of a tree."""
    if isinstance(tree, Either):
        return "|".join(map(_emit, tree.branches))
    return _emit(tree)


def _emit(node: Node) -> str:
    """The text of a node where others may stand beside it."""
    if isinstance(node, OneOf):
        return _emit_set(node.set)
    if isinstance(node, Sequence):
        return "".join([_emit(part) for part in node.parts])
    if isinstance(node, Either):
        return f"(?:{emit(node)})"
    if isinstance(node, Capture):
        return f"(?P<{node.name}>{emit(node.body)})"
    return _emit_repeat(node)


def _emit_set(members: int) -> str:
    byte = single(members)
    if byte is not None:
        return _OUTSIDE[byte]
    if members == ALL_BYTES:
        return "[\\x00-\\xff]"
    # A set with the last byte reads better, and means the same, as what is left out.
    negated = members >> 255 == 1
    parts = ["[^" if negated else "["]
    for low, high in intervals(ALL_BYTES & ~members if negated else members):
        parts.append(_INSIDE[low])
        if high > low:
            parts.append(("-" if high > low + 1 else "") + _INSIDE[high])
    parts.append("]")
    return "".join(parts)


def _emit_repeat(node: Repeat) -> str:
    body = _emit(node.body)
    if isinstance(node.body, Sequence | Repeat):
        body = f"(?:{body})"
    low, high = node.low, node.high
    if high is None:
        mark = "*" if low == 0 else "+" if low == 1 else f"{{{low},}}"
    elif high == low:
        mark = f"{{{low}}}"
    else:
        mark = "?" if (low, high) == (0, 1) else f"{{{low},{high}}}"
    return f"{body}{mark}{'?' if node.lazy else ''}"
