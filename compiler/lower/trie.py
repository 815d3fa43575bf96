"""The segment trie of prefixes and templates, where they have many shapes.

Owns how patterns become nodes: which chains of segments are one step, which leaves need no node, how nodes
are numbered. Knows nothing of hosts and of what a leaf holds.
"""

from __future__ import annotations

from gwc.schema.table import LONGEST_STEP, NO_RANK, Child, Leaf, Node, Steps

from .leaves import Leaves
from .shapes import Pattern


class Branch:
    """A node under construction: one segment deeper than its parent."""

    __slots__ = ("best", "children", "ends", "goes_on", "lowered", "parameter")

    def __init__(self) -> None:
        self.children: dict[str, Branch] = {}
        self.parameter: Branch | None = None
        self.ends: list[int] = []
        self.goes_on: list[int] = []
        self.best = NO_RANK
        self.lowered: Child = 0

    @property
    def plain(self) -> bool:
        """Whether all there is to do here is to go on to a child."""
        return not (self.ends or self.goes_on or self.parameter is not None)

    @property
    def needs_node(self) -> bool:
        """Whether a leaf alone would not say what is here."""
        return bool(self.children or self.parameter is not None or (self.ends and self.goes_on))


def insert(root: Branch, pattern: Pattern) -> None:
    """Hang a pattern at its place."""
    branch = root
    for segment in pattern.segments:
        if segment is not None:
            child = branch.children.get(segment)
            if child is None:
                child = branch.children[segment] = Branch()
            branch = child
        else:
            if branch.parameter is None:
                branch.parameter = Branch()
            branch = branch.parameter
    if pattern.goes_on:
        branch.goes_on = pattern.ranks
    else:
        branch.ends = pattern.ranks


def lower_trie(root: Branch, first: int, leaves: Leaves) -> list[Node]:
    """The nodes, the root's first; `first` is its number. `root.best` is known afterwards.

    A parent stands before its children and near them: what one request touches lies together.
    """
    order: list[tuple[Branch, dict[int, dict[str, Branch]]]] = []
    waiting = [root]
    while waiting:
        branch = waiting.pop()
        if branch is not root and not branch.needs_node:
            branch.lowered = leaves.leaf(branch.ends or branch.goes_on, goes_on=bool(branch.goes_on))
            branch.best = leaves.best(branch.lowered)
            continue
        branch.lowered = first + len(order)
        steps = _steps(branch)
        order.append((branch, steps))
        if branch.parameter is not None:
            waiting.append(branch.parameter)
        for length in sorted(steps):
            waiting += (steps[length][run] for run in sorted(steps[length], reverse=True))
    nodes = [_node(branch, steps, leaves) for branch, steps in reversed(order)]
    nodes.reverse()
    return nodes


def _steps(branch: Branch) -> dict[int, dict[str, Branch]]:
    """The nearest branches below that are more than a link of a chain, by segments to go, then by those."""
    steps: dict[int, dict[str, Branch]] = {}
    waiting = [(segment, 1, child) for segment, child in branch.children.items()]
    while waiting:
        run, length, child = waiting.pop()
        if length < LONGEST_STEP and child.plain:
            waiting += (
                (f"{run}/{segment}", length + 1, grandchild) for segment, grandchild in child.children.items()
            )
        else:
            steps.setdefault(length, {})[run] = child
    return steps


def _node(branch: Branch, steps: dict[int, dict[str, Branch]], leaves: Leaves) -> Node:
    """The node of a branch, those below it being lowered."""
    ends = leaves.leaf(branch.ends) if branch.ends else None
    goes_on = leaves.leaf(branch.goes_on, goes_on=True) if branch.goes_on else None
    best = min(_best(ends, leaves), _best(goes_on, leaves))
    parameter: Child | None = None
    if branch.parameter is not None:
        parameter = branch.parameter.lowered
        best = min(best, branch.parameter.best)
    # The most crowded first: it is the likeliest to lead on.
    by_length: list[Steps] = []
    for length in sorted(steps, key=lambda length: (-len(steps[length]), length)):
        runs = steps[length]
        by_length.append((length, {run: runs[run].lowered for run in sorted(runs)}))
        best = min(best, *(child.best for child in runs.values()))
    branch.best = best
    if not by_length:
        return (0, None, (), parameter, ends, goes_on, best)
    (length, children), *further = by_length
    return (length, children, tuple(further), parameter, ends, goes_on, best)


def _best(leaf: Leaf | None, leaves: Leaves) -> int:
    return NO_RANK if leaf is None else leaves.best(leaf)
