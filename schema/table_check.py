"""The invariants of a route table, checked the slow way.

Owns what must be true of every table that lowering makes: each alternative hangs where its host and path say,
and nowhere else; leaves are in rank order; every best rank is the best there is. For tests and for whoever
changes the layout; nothing at run time asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from . import table as t
from .template import Parameter, PathTemplate, parse_template

Segments: TypeAlias = tuple[str | None, ...]
Place: TypeAlias = tuple[str, object]
"""Where a leaf hangs: ("path", text), ("ends" or "goes on", segments), ("regex", pattern)."""


def check_table(table: t.RouteTable) -> None:
    """Raise AssertionError, with words, if the table breaks an invariant."""
    reached: Counter[int] = Counter()
    for layer in table.layers:
        _check_layer(table, layer, reached)
    assert all(reached[number] == 1 for number in range(len(table.nodes))), "a node has no way or two"
    for listener in table.listeners:
        _check_index(table, listener)
    for switch in table.switches:
        _check_switch(table, switch)
    for number, block in enumerate(table.blocks):
        inner = [test[3][0] for test in block if test[0] == t.NOT]
        assert all(each < number for each in inner), f"block {number} holds a later one"


def _check_index(table: t.RouteTable, listener: t.ListenerRecord) -> None:
    """The layers of a listener hold the alternatives that apply to it, each under its own host."""
    hosts, wildcards, wildcard_best, groups, regex_best, any_host, any_best = table.indexes[listener.indexed]
    found: dict[object, tuple[int, ...]] = {}
    for host, number in hosts.items():
        found["exact", host] = layer_ranks(table, number)
    for suffix, number in wildcards.items():
        found["wildcard", f"*{suffix}"] = layer_ranks(table, number)
    assert wildcard_best == _least(table.layers[number][0] for number in wildcards.values())
    for group in groups:
        length, best, beginnings = table.host_groups[group]
        entries = [entry for each in beginnings.values() for entry in each]
        assert best == _least(table.layers[number][0] for _, number in entries), "a group's best is wrong"
        for program, number in entries:
            found["regex", table.programs[program].pattern] = layer_ranks(table, number)
        assert all(len(beginning) == length for beginning in beginnings), "a beginning has another length"
    assert regex_best == _least(table.host_groups[group][1] for group in groups)
    if any_host != t.NOTHING:
        found[None] = layer_ranks(table, any_host)
    assert any_best == _least(found.get(None, ()))
    wanted: dict[object, list[int]] = {}
    for rank, alternative in enumerate(table.alternatives):
        if all(listener.name in names for names in alternative.listeners):
            wanted.setdefault(alternative.host, []).append(rank)
    assert found == {host: tuple(ranks) for host, ranks in wanted.items()}, "an alternative hangs elsewhere"


def layer_ranks(table: t.RouteTable, number: int) -> tuple[int, ...]:
    """The ranks of all alternatives in a layer, ascending."""
    ranks = {rank for _, leaf in _leaves(table, table.layers[number]) for rank in _ranks(table, leaf)}
    return tuple(sorted(ranks))


def _check_layer(table: t.RouteTable, layer: t.Layer, reached: Counter[int]) -> None:
    """A layer's leaves are where their alternatives' paths say."""
    best, _, root, shapes, segments_best, depth, groups, regex_best = layer
    places: dict[Place, list[int]] = {}
    for place, leaf in _leaves(table, layer, reached):
        assert place not in places, f"two leaves hang at {place}"
        places[place] = _ranks(table, leaf)
        _check_leaf(table, leaf)
        for rank in places[place]:
            assert place_of(table.alternatives[rank]) == place, f"alternative {rank} hangs at {place}"
    ranks = [rank for found in places.values() for rank in found]
    assert len(ranks) == len(set(ranks)), "an alternative hangs at two places"
    assert best == min(ranks), "a layer's best is wrong"
    assert regex_best == _least(table.path_groups[group][1] for group in groups)
    lengths = [table.path_groups[group][0] for group in groups]
    assert lengths == sorted(set(lengths), reverse=True), "groups are out of order"
    by_segments = [place[1] for place in places if place[0] in ("ends", "goes on")]
    assert depth == max((len(each) for each in by_segments if isinstance(each, tuple)), default=0)
    assert segments_best == _least(
        places[kind, each][0] for kind, each in places if kind in ("ends", "goes on")
    ), "the best of prefixes and templates is wrong"
    assert root == t.NOTHING or not shapes, "there are a trie and shapes"
    asked = {number for numbers in shapes for number in numbers}
    assert all(len(numbers) <= t.MOST_SHAPES for numbers in shapes), "a path asks too many shapes"
    for count, numbers in enumerate(shapes):
        bests = [table.shapes[number][2] for number in numbers]
        assert bests == sorted(bests), "shapes are out of order"
        for number in asked:
            kind, length = _shape_kind(table, number)
            assert (number in numbers) == (length == count or (kind == t.GOES_ON and length < count))
    assert not shapes or len(shapes) == depth + 2, "there are shapes for other paths"


def _shape_kind(table: t.RouteTable, number: int) -> tuple[int, int]:
    """The kind of leaves of a shape, and how many segments it has."""
    end, _, _, leaves = table.shapes[number]
    kinds = {leaf[0] for leaf in leaves.values()}
    assert len(kinds) == 1, "a shape has leaves of two kinds"
    return kinds.pop(), end - 1


def _shape_leaves(table: t.RouteTable, number: int) -> Iterator[tuple[Place, t.Leaf]]:
    """The leaves of a shape."""
    end, parameters, best, leaves = table.shapes[number]
    for key, leaf in leaves.items():
        pieces = key.split("/") if end > 1 else []
        assert len(pieces) == end - 1, "a shape has patterns of two lengths"
        assert not any(pieces[at] for at in parameters), "a parameter has a text"
        segments = tuple(None if at in parameters else piece for at, piece in enumerate(pieces))
        yield ("goes on" if leaf[0] == t.GOES_ON else "ends", segments), leaf
    assert best == min(_best(table, leaf) for leaf in leaves.values()), "a shape's best is wrong"


def place_of(alternative: t.Alternative) -> Place:
    """Where an alternative belongs inside its layer."""
    if alternative.path is None:
        return "goes on", ()
    kind, text = alternative.path
    if kind == "exact":
        return "path", text
    if kind == "regex":
        return "regex", text
    if kind == "prefix":
        return "goes on", tuple(text.rstrip("/").split("/")[1:])
    template = parse_template(text)
    assert isinstance(template, PathTemplate)
    segments = tuple(None if isinstance(each, Parameter) else each for each in template.segments)
    return ("goes on", segments[:-1]) if template.has_rest else ("ends", segments)


def _leaves(
    table: t.RouteTable, layer: t.Layer, reached: Counter[int] | None = None
) -> Iterator[tuple[Place, t.Leaf]]:
    """All leaves of a layer with their places."""
    _, paths, root, shapes, _, _, groups, _ = layer
    for number in {number for numbers in shapes for number in numbers}:
        yield from _shape_leaves(table, number)
    yield from ((("path", path), leaf) for path, leaf in paths.items())
    for group in groups:
        length, best, beginnings = table.path_groups[group]
        entries = [entry for each in beginnings.values() for entry in each]
        assert best == _least(_best(table, leaf) for _, leaf in entries), "a group's best is wrong"
        assert all(len(beginning) == length for beginning in beginnings), "a beginning has another length"
        yield from ((("regex", table.programs[program].pattern), leaf) for program, leaf in entries)
    if root != t.NOTHING:
        yield from _trie_leaves(table, root, Counter() if reached is None else reached)


def _trie_leaves(table: t.RouteTable, root: int, reached: Counter[int]) -> Iterator[tuple[Place, t.Leaf]]:
    """The leaves of a trie; counts how often each node is reached."""
    waiting: list[tuple[t.Child, Segments]] = [(root, ())]
    while waiting:
        child, segments = waiting.pop()
        if not isinstance(child, int):
            yield ("goes on" if child[0] == t.GOES_ON else "ends", segments), child
            continue
        reached[child] += 1
        step, children, further, parameter, ends, goes_on, best = table.nodes[child]
        if ends is not None:
            assert ends[0] == t.ENDS, "a leaf has the wrong kind"
            yield ("ends", segments), ends
        if goes_on is not None:
            assert goes_on[0] == t.GOES_ON, "a leaf has the wrong kind"
            yield ("goes on", segments), goes_on
        below: list[tuple[t.Child, Segments]] = []
        if parameter is not None:
            below.append((parameter, (*segments, None)))
        for length, runs in ((step, children or {}), *further):
            for run, found in runs.items():
                pieces = run.split("/")
                assert len(pieces) == length <= t.LONGEST_STEP, "a step has another length"
                below.append((found, (*segments, *pieces)))
        assert (children is None) == (step == 0), "a node without children has a step"
        assert all(found > child for found, _ in below if isinstance(found, int)), "a child comes first"
        bests = [_best_below(table, found) for found, _ in below]
        bests += [_best(table, leaf) for leaf in (ends, goes_on) if leaf is not None]
        assert best == min(bests), f"node {child}: the best is wrong"
        waiting += below


def _check_leaf(table: t.RouteTable, leaf: t.Leaf) -> None:
    """A flat leaf is in rank order and has each alternative's own condition."""
    if leaf[1] < 0:
        assert len(leaf) == 3, "a switch has company"
        return
    ranks = leaf[1::2]
    assert list(ranks) == sorted(set(ranks)), "a leaf is out of order"
    conditions = tuple(table.alternatives[rank].condition for rank in ranks)
    assert leaf[2::2] == conditions, "a leaf has another condition"


def _check_switch(table: t.RouteTable, switch: t.Switch) -> None:
    """Candidates stand under the values they want, under one header only."""
    best, tables, rest = switch
    seen: set[int] = set()
    for name, leaves in tables:
        members: set[int] = set()
        for value, leaf in leaves.items():
            _check_leaf(table, leaf)
            for rank in leaf[1::2]:
                assert value in _wanted(table, rank)[name], f"alternative {rank} does not want {value!r}"
            members.update(leaf[1::2])
        for rank in members:
            values = {value for value, leaf in leaves.items() if rank in leaf[1::2]}
            assert values == set(_wanted(table, rank)[name]), f"alternative {rank} lacks a value"
        assert not members & seen, "an alternative stands under two headers"
        seen |= members
    if rest is not None:
        _check_leaf(table, rest)
        assert not seen & set(rest[1::2]), "an alternative stands under a header and without"
        seen.update(rest[1::2])
    assert best == min(seen), "a switch's best is wrong"


def _wanted(table: t.RouteTable, rank: int) -> Mapping[str, tuple[str, ...]]:
    """The headers that an alternative wants equal; of several tests of one name the first."""
    wanted: dict[str, tuple[str, ...]] = {}
    for kind, name, texts, numbers in t.conditions_of(table, table.alternatives[rank]):
        if kind == t.HEADER and numbers == (t.EQUAL, 0):
            wanted.setdefault(name, texts)
    return wanted


def _ranks(table: t.RouteTable, leaf: t.Leaf) -> list[int]:
    """The alternatives of a leaf, ascending."""
    if leaf[1] >= 0:
        return list(leaf[1::2])
    _, tables, rest = table.switches[leaf[2]]
    found = {rank for _, leaves in tables for each in leaves.values() for rank in each[1::2]}
    return sorted(found.union(() if rest is None else rest[1::2]))


def _best(table: t.RouteTable, leaf: t.Leaf) -> int:
    return leaf[1] if leaf[1] >= 0 else table.switches[leaf[2]][0]


def _best_below(table: t.RouteTable, child: t.Child) -> int:
    return table.nodes[child][6] if isinstance(child, int) else _best(table, child)


def _least(ranks: Iterator[int] | tuple[int, ...]) -> int:
    return min(ranks, default=t.NO_RANK)
