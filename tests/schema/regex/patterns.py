"""Random patterns of the dialect, texts that they match often, and a matcher that knows no engine."""

from __future__ import annotations

from collections.abc import Iterator

from gwc.schema.regex.ast import Capture, Either, Node, OneOf, Repeat, Sequence, intervals
from gwc.schema.regex.ast import nullable as can_be_empty
from gwc.schema.regex.parse import parse
from gwc.schema.regex.refusal import RegexRefusal
from hypothesis import strategies as st

ALPHABET = "abAB1_/.- \n\x0b\xe9"
"""Few enough for two pieces of a pattern to take the same bytes; with every kind of special case."""

_PLAIN = r"a b ab A 1 / \. \- . \x61 \xe9 \n \x20"
_CLASSES = r"\d \w \s \D \W \S [ab] [^a] [^\w] [a-c1] [\d_] [^\n/] [\x00-\xff] [b-]"
_ATOMS = st.sampled_from(_PLAIN.split() + _CLASSES.split())
_REPEATS = st.sampled_from(
    ["", "", "", "*", "+", "?", "*?", "+?", "??", "{2}", "{1,3}", "{0,2}?", "{2,}", "{1}"]
)


def _extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sequence = st.lists(inner, min_size=1, max_size=4).map("".join)
    either = st.lists(st.one_of(inner, st.just("")), min_size=2, max_size=3).map("|".join)
    group = st.tuples(st.sampled_from(["(", "(?:", "(?P<?>"]), st.one_of(sequence, either), _REPEATS)
    return st.one_of(sequence, group.map(lambda parts: f"{parts[0]}{parts[1]}){parts[2]}"))


_RAW = st.recursive(st.tuples(_ATOMS, _REPEATS).map("".join), _extend, max_leaves=12)


def _named(pattern: str) -> str:
    """Each named group with a name of its own."""
    pieces = pattern.split("(?P<?>")
    return pieces[0] + "".join(f"(?P<g{index}>{piece}" for index, piece in enumerate(pieces[1:]))


def patterns() -> st.SearchStrategy[str]:
    """Patterns that the dialect has: repeats of what can be empty are the only thing left out."""
    flags = st.sampled_from(["", "", "", "(?i)", "^"])
    written = st.tuples(flags, _RAW).map(lambda parts: _named("".join(parts)))
    return written.filter(lambda pattern: not isinstance(parse(pattern), RegexRefusal))


def texts_of(node: Node) -> st.SearchStrategy[str]:
    """Texts that the tree matches."""

    @st.composite
    def draw_text(draw: st.DrawFn) -> str:
        return _sample(node, draw)

    return draw_text()


def _sample(node: Node, draw: st.DrawFn) -> str:
    if isinstance(node, OneOf):
        known = [char for char in ALPHABET if node.set >> ord(char) & 1]
        return draw(st.sampled_from(known)) if known else chr(intervals(node.set)[0][0])
    if isinstance(node, Sequence):
        return "".join(_sample(part, draw) for part in node.parts)
    if isinstance(node, Either):
        return _sample(draw(st.sampled_from(node.branches)), draw)
    if isinstance(node, Repeat):
        most = node.low + 2 if node.high is None else min(node.high, node.low + 2)
        return "".join(_sample(node.body, draw) for _ in range(draw(st.integers(node.low, most))))
    return _sample(node.body, draw)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str]:
    """A pattern and a text: one it matches, one nearly so, or any."""
    pattern = draw(patterns())
    parsed = parse(pattern)
    assert not isinstance(parsed, RegexRefusal)
    anything = st.text(ALPHABET, max_size=12)
    kind = draw(st.sampled_from(["match", "match", "near", "any"]))
    if kind == "any":
        return pattern, draw(anything)
    text = draw(texts_of(parsed.tree))
    if kind == "near":
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.text(ALPHABET, max_size=2)) + text[at + draw(st.integers(0, 2)) :]
    return pattern, text


def holds(node: Node, text: str) -> bool:
    """Whether the tree matches the whole text, worked out without engine and without backtracking."""
    return len(text) in _ends(node, text, frozenset((0,)))


def _ends(node: Node, text: str, starts: frozenset[int]) -> frozenset[int]:
    """Where a match that begins at one of `starts` can end."""
    if isinstance(node, OneOf):
        return frozenset(at + 1 for at in starts if at < len(text) and node.set >> ord(text[at]) & 1)
    if isinstance(node, Sequence):
        for part in node.parts:
            starts = _ends(part, text, starts)
        return starts
    if isinstance(node, Either):
        return frozenset().union(*(_ends(branch, text, starts) for branch in node.branches))
    if isinstance(node, Capture):
        return _ends(node.body, text, starts)
    found = starts if node.low == 0 else frozenset[int]()
    reached, count = starts, 0
    while reached and (node.high is None or count < node.high):
        reached = _ends(node.body, text, reached)
        count += 1
        if count >= node.low:
            if reached <= found and count > node.low:
                break
            found |= reached
    return found


class TooManySteps(Exception):
    """The backtracking matcher has tried more often than it may."""


def steps_to_decide(node: Node, text: str, limit: int) -> int:
    """How many single bytes a backtracking matcher compares until it knows; `TooManySteps` beyond `limit`.

    It goes the ways that `re` goes, in its order, and knows none of its shortcuts.
    """
    steps = 0

    def walk(node: Node, at: int) -> Iterator[int]:
        nonlocal steps
        if isinstance(node, OneOf):
            steps += 1
            if steps > limit:
                raise TooManySteps
            if at < len(text) and node.set >> ord(text[at]) & 1:
                yield at + 1
        elif isinstance(node, Sequence):
            yield from chain(node.parts, 0, at)
        elif isinstance(node, Either):
            for branch in node.branches:
                yield from walk(branch, at)
        elif isinstance(node, Capture):
            yield from walk(node.body, at)
        else:
            yield from loop(node, 0, at)

    def chain(parts: tuple[Node, ...], index: int, at: int) -> Iterator[int]:
        if index == len(parts):
            yield at
        else:
            for end in walk(parts[index], at):
                yield from chain(parts, index + 1, end)

    def loop(node: Repeat, count: int, at: int) -> Iterator[int]:
        def more() -> Iterator[int]:
            for end in walk(node.body, at):
                yield from loop(node, count + 1, end)

        may = node.high is None or count < node.high
        if node.lazy and count >= node.low:
            yield at
        if may:
            yield from more()
        if not node.lazy and count >= node.low:
            yield at

    for end in walk(node, 0):
        if end == len(text):
            break
    return steps


def size_of(node: Node) -> int:
    """How many single-byte items the tree has as it is written."""
    if isinstance(node, OneOf):
        return 1
    if isinstance(node, Sequence):
        return sum(size_of(part) for part in node.parts)
    if isinstance(node, Either):
        return sum(size_of(branch) for branch in node.branches)
    return size_of(node.body)


__all__ = [
    "ALPHABET",
    "TooManySteps",
    "can_be_empty",
    "cases",
    "holds",
    "patterns",
    "size_of",
    "steps_to_decide",
]
