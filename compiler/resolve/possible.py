"""Expressions that nothing can match, because of the characters that paths and hosts are made of.

Owns a bound that is cheap and never wrong in one direction: what is called impossible here is impossible. It
looks at single characters and at the first one, not at whole languages.
"""

from __future__ import annotations

from functools import lru_cache

from gwc.schema.regex.ast import Either, Node, OneOf, Repeat, Sequence
from gwc.schema.regex.parse import parse
from gwc.schema.regex.refusal import RegexRefusal


def _set(characters: str) -> int:
    return sum(1 << ord(each) for each in characters)


_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_IN_PATHS = _set(f"{_LOWER}{_LOWER[:26].upper()}-._~!$&'()*+,;=:@%/")
_IN_HOSTS = _set(f"{_LOWER}-_.:[]")


def path_possible(pattern: str) -> bool:
    """Whether an expression (latin-1 text) may match a normalised path."""
    return bool(_first(pattern, _IN_PATHS) & _set("/"))


def host_possible(pattern: str) -> bool:
    """Whether an expression (latin-1 text) may match a normalised host."""
    return bool(_first(pattern, _IN_HOSTS))


@lru_cache(maxsize=4096)
def _first(pattern: str, alphabet: int) -> int:
    """The characters that a match within the alphabet can begin with. A memo: pure, bounded."""
    parsed = parse(pattern)
    if isinstance(parsed, RegexRefusal):
        return alphabet  # validation has told it
    possible, _, first = _facts(parsed.tree, alphabet)
    return first if possible else 0


def _facts(node: Node, alphabet: int) -> tuple[bool, bool, int]:
    """Whether a node can match anything within the alphabet, and the empty text, and what it begins with."""
    if isinstance(node, OneOf):
        members = node.set & alphabet
        return bool(members), False, members
    if isinstance(node, Sequence):
        empty, first = True, 0
        for part in node.parts:
            part_possible, part_empty, part_first = _facts(part, alphabet)
            if not part_possible:
                return False, False, 0
            if empty:
                first |= part_first
            empty = empty and part_empty
        return True, empty, first
    if isinstance(node, Either):
        branches = [_facts(branch, alphabet) for branch in node.branches]
        possible = [each for each in branches if each[0]]
        first = 0
        for each in possible:
            first |= each[2]
        return bool(possible), any(each[1] for each in possible), first
    if isinstance(node, Repeat):
        possible_body, empty_body, first = _facts(node.body, alphabet)
        if node.low == 0:
            return True, True, first if possible_body else 0
        return possible_body, empty_body, first
    return _facts(node.body, alphabet)
