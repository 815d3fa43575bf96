"""Matching: which route takes a request.

Owns the walk from a normalised head to the alternative that wins, docs/semantics.md, "Matching". It decides
by rank alone: rank says which of two alternatives wins, the table says where those that can hold are found,
and a part of the table is visited only if the best rank in it beats what has been found. Pure; tests other
than method and plain header are `predicates.py`'s; what becomes of the request is `decide.py`'s.

Cost: one look-up for each host pattern that applies, one for the whole path, one for each of a few shapes of
patterns or each step of the trie, one for each length of literal text before a regular expression. A path of
10 000 segments is split only as deep as patterns go; in a trie with parameters every node is visited at most
once, since there is one way to each. Nothing here grows with the number of routes but the candidates of one
leaf and the regular expressions that begin with the same text.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from gwc.schema.regex.program import Program
from gwc.schema.request import RequestHead
from gwc.schema.table import (
    GOES_ON,
    NO_RANK,
    NOTHING,
    Alternative,
    Child,
    Index,
    Layer,
    Leaf,
    RouteTable,
)

from .candidates import Candidate, explain_candidates
from .predicates import all_hold

__all__ = [
    "NO_MATCH",
    "Candidate",
    "Match",
    "NeedsBody",
    "NoMatch",
    "explain_candidates",
    "match",
]

_NO_CAPTURES: Final[Mapping[str, str]] = MappingProxyType({})


class Match(NamedTuple):
    """The alternative that wins, and what its captures are made of, should somebody ask for them.

    `path` is the request's where there are captures, else empty; `program` is that of a regular expression
    with named groups.
    """

    rank: int
    alternative: Alternative
    path: str
    program: Program | None

    @property
    def route(self) -> int:
        """The number of its route in `RouteTable.routes`."""
        return self.alternative.route

    @property
    def match(self) -> int:
        """The number of its block in the route, from 1."""
        return self.alternative.match

    @property
    def id(self) -> str:
        """Its id, `route#match.number`."""
        return self.alternative.id

    @property
    def captures(self) -> Mapping[str, str]:
        """The parameters of its template or the named groups of its regular expression, made anew each time.

        They are as they stand in the normalised path; a group that took no part is empty.
        """
        if not self.alternative.captures:
            return _NO_CAPTURES
        if self.program is not None:
            return self.program.fullmatch(self.path) or {}
        return _parameters(self.alternative.captures, self.path)


class NoMatch(NamedTuple):
    """No alternative holds: 404."""


class NeedsBody(NamedTuple):
    """The alternative at `rank` holds but for what the body says, and nothing that holds is better.

    Read the body and ask again with `late` set; it may then be that another wins.
    """

    rank: int


NO_MATCH: Final = NoMatch()


def match(table: RouteTable, head: RequestHead) -> Match | NoMatch | NeedsBody:
    """The winner for one request: among all alternatives that hold, the one of the lowest rank.

    Never raises for a table that was loaded or lowered, never awaits.
    """
    index = table.cache.indexes.get(head.listener)
    if index is None:
        return NO_MATCH
    hosts, _, wildcard_best, _, regex_best, any_host, any_best = index
    best = NO_RANK
    number = hosts.get(head.host)
    if number is not None:
        best = _in_layer(table, table.layers[number], head, best)
    if wildcard_best < best:
        best = _by_suffix(table, index, head, best)
    if regex_best < best:
        best = _by_host_regex(table, index, head, best)
    if any_best < best:
        best = _in_layer(table, table.layers[any_host], head, best)
    if best == NO_RANK:
        return NO_MATCH
    outcome: Match | Alternative | None = table.cache.outcomes[best]
    if isinstance(outcome, Match):
        return outcome
    if outcome is not None:
        # PERF: half the time of calling the class.
        return tuple.__new__(Match, (best, outcome, head.path, None))
    return _outcome(table, best, head)


def _outcome(table: RouteTable, rank: int, head: RequestHead) -> Match | NeedsBody:
    """The answer for a winner. What will be the same for the next request is kept in `outcomes`.

    That is the whole answer of an alternative without captures, and of a template the alternative.
    """
    alternative = table.alternatives[rank]
    late = table.conditions[alternative.condition][4] is not None
    if late and head.late is None:
        return NeedsBody(rank)
    if not alternative.captures:
        outcome = Match(rank, alternative, "", None)
        if not late:
            table.cache.outcomes[rank] = outcome
        return outcome
    if alternative.path_program != NOTHING:
        return Match(rank, alternative, head.path, table.program(alternative.path_program))
    if not late:
        table.cache.outcomes[rank] = alternative
    return Match(rank, alternative, head.path, None)


def _parameters(captures: tuple[tuple[str, int], ...], path: str) -> dict[str, str]:
    """The segments that a template names; the rest is empty where the path ends before it."""
    segments = path.split("/")
    found = {}
    for name, number in captures:
        if number < 0:
            found[name] = "/".join(segments[-number:])
        elif number < len(segments):
            found[name] = segments[number]
    return found


def _by_suffix(table: RouteTable, index: Index, head: RequestHead, best: int) -> int:
    """Through the wildcards that the host is below, the longest suffix first."""
    wildcards = index[1]
    layers = table.layers
    host = head.host
    dot = host.find(".")
    while dot >= 0:
        number = wildcards.get(host[dot:])
        if number is not None and layers[number][0] < best:
            best = _in_layer(table, layers[number], head, best)
        dot = host.find(".", dot + 1)
    return best


def _by_host_regex(table: RouteTable, index: Index, head: RequestHead, best: int) -> int:
    """Through the regular expressions that match the host. None of them takes a request without a host."""
    layers = table.layers
    host = head.host
    if not host:
        return best
    for group in index[3]:
        length, group_best, beginnings = table.host_groups[group]
        if group_best < best:
            for program, number in beginnings.get(host[:length], ()):
                if layers[number][0] < best and table.program(program).matches(host):
                    best = _in_layer(table, layers[number], head, best)
    return best


def _in_layer(table: RouteTable, layer: Layer, head: RequestHead, best: int) -> int:
    """The best rank below `best` that holds in one layer, else `best`."""
    _, paths, root, shapes, segments_best, depth, groups, regex_best = layer
    path = head.path
    leaf = paths.get(path)
    if leaf is not None:
        best = _first(table, leaf, head, best)
    if segments_best < best:
        # Segments deeper than the longest pattern stay in one piece, which no pattern looks at.
        segments = path.split("/", depth + 1)
        if root >= 0:
            best = _in_trie(table, root, segments, head, best)
        else:
            # PERF: a function of its own would cost 0.1 us.
            for number in shapes[len(segments) - 1]:
                end, parameters, shape_best, leaves = table.shapes[number]
                if shape_best >= best:
                    break
                literal = segments[1:end]
                for at in parameters:
                    literal[at] = ""
                leaf = leaves.get("/".join(literal))
                if leaf is not None:
                    for at in parameters:
                        if not segments[at + 1]:
                            break
                    else:
                        best = _first(table, leaf, head, best)
    if regex_best < best:
        best = _by_path_regex(table, groups, head, best)
    return best


def _in_trie(table: RouteTable, root: int, segments: list[str], head: RequestHead, best: int) -> int:
    """Along the path's segments; what a node has for any segment is tried after what it has for this one."""
    nodes = table.nodes
    end = len(segments)
    left: list[tuple[Child, int]] = []
    going_on: list[Leaf] = []
    child: Child = root
    at = 1
    while True:
        if isinstance(child, int):
            step, children, further, parameter, ends, goes_on, best_here = nodes[child]
            if best_here >= best:
                pass
            elif at < end:
                if goes_on is not None:
                    going_on.append(goes_on)
                found: Child | None = None
                if children is not None:
                    found = children.get(segments[at] if step == 1 else "/".join(segments[at : at + step]))
                    if found is None and further:
                        for step, others in further:
                            found = others.get("/".join(segments[at : at + step]))
                            if found is not None:
                                break
                if parameter is not None and segments[at]:
                    if found is None:
                        child = parameter
                        at += 1
                        continue
                    left.append((parameter, at + 1))
                if found is not None:
                    child = found
                    at += step
                    continue
            else:
                if goes_on is not None:
                    going_on.append(goes_on)
                if ends is not None:
                    best = _first(table, ends, head, best)
        elif child[0] == GOES_ON:
            going_on.append(child)
        elif at == end:
            best = _first(table, child, head, best)
        if not left:
            break
        child, at = left.pop()
    while going_on:
        # The deepest first: it is most often the best, and then the others need not be asked.
        best = _first(table, going_on.pop(), head, best)
    return best


def _by_path_regex(table: RouteTable, groups: tuple[int, ...], head: RequestHead, best: int) -> int:
    """Through the regular expressions that match the path, each asked only if one of its leaf would win."""
    path = head.path
    for group in groups:
        length, group_best, beginnings = table.path_groups[group]
        if group_best < best:
            for program, leaf in beginnings.get(path[:length], ()):
                if leaf[1] < best:
                    rank = _first(table, leaf, head, best)
                    if rank < best and table.program(program).matches(path):
                        best = rank
    return best


def _first(table: RouteTable, leaf: Leaf, head: RequestHead, best: int) -> int:
    """The first candidate of a leaf that is below `best` and holds, else `best`."""
    if leaf[1] < 0:
        return _switched(table, leaf[2], head, best)
    # PERF: counting by hand is 0.19 us faster than a `range` for the usual leaf, which has one candidate.
    place = 1
    while True:
        rank = leaf[place]
        if rank >= best:
            return best
        methods, name, value, tests, late = table.conditions[leaf[place + 1]]
        if (
            (methods is None or head.method in methods)
            and (name is None or head.headers.get(name) == value)
            and (tests is None or all_hold(table, tests, head))
            # What the body would decide counts as holding until somebody has read it: see NeedsBody.
            and (late is None or head.late is None or all_hold(table, late, head))
        ):
            return rank
        place += 2
        if place >= len(leaf):
            return best


def _switched(table: RouteTable, switch: int, head: RequestHead, best: int) -> int:
    """The same for a leaf whose candidates are told apart by headers."""
    switch_best, tables, rest = table.switches[switch]
    if switch_best >= best:
        return best
    for name, leaves in tables:
        value = head.headers.get(name)
        if value is not None:
            leaf = leaves.get(value)
            if leaf is not None:
                best = _first(table, leaf, head, best)
    if rest is not None:
        best = _first(table, rest, head, best)
    return best
