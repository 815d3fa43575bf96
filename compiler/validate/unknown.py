"""Keys that do not belong where they stand.

Owns the search for what was meant: a key of nearly the same name, a place where the key does belong, a list
that a node should stand in, the other syntax's spelling. The index of places is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from gwc.schema.diagnostic import error
from gwc.schema.span import Span

from .foreign import absent, meaning, spelt_our_way
from .run import Run
from .shape import ROOT, Block, Key, Nodes, ObjectShape, Tagged, language
from .words import Syntax, listed, plain

_FEW_KEYS = 12


class Place(NamedTuple):
    """One way to reach an object: the key of another object that holds it, and the KDL node's name."""

    parent: str
    key: Key
    node: str


class Index(NamedTuple):
    """Where objects and keys stand. `places` by object, shortest way first; `owners` of a key's name."""

    places: Mapping[str, tuple[Place, ...]]
    owners: Mapping[str, tuple[str, ...]]
    tags: Mapping[str, tuple[Place, ...]]


@cache
def index() -> Index:
    """The index of the language, worked out once."""
    objects = language().objects
    places: dict[str, list[Place]] = {ROOT: []}
    owners: dict[str, list[str]] = {}
    tags: dict[str, list[Place]] = {}
    queue = [ROOT]
    for name in queue:
        for key in objects[name].keys.values():
            if key.name != objects[name].tag:
                owners.setdefault(key.name, []).append(name)
            for held, node in _held(key):
                if held not in places:
                    places[held] = []
                    queue.append(held)
                place = Place(name, key, node)
                places[held].append(place)
                if isinstance(key.shape, Tagged):
                    tags.setdefault(node, []).append(place)
    return Index(
        {name: tuple(found) for name, found in places.items()},
        {name: tuple(found) for name, found in owners.items()},
        {name: tuple(found) for name, found in tags.items()},
    )


def _held(key: Key) -> Iterator[tuple[str, str]]:
    """The objects under a key, each with the name of its KDL node."""
    match key.shape:
        case Block(object=name) | Nodes(object=name):
            yield name, key.name
        case Tagged(objects=by_tag):
            for tag, name in by_tag.items():
                yield name, tag


def title(shape: ObjectShape, node: str) -> str:
    """What an object is called in a message: its node's name in backticks, or the top level."""
    return "the top level" if shape.name == ROOT else f"`{node}`"


def place_words(name: str, syntax: Syntax) -> str:
    """Where the keys of an object go: a node, a node in another, in YAML also the item of a list."""
    if name == ROOT:
        return "the top level"
    first = index().places[name][0]
    if syntax == "yaml" and isinstance(first.key.shape, Tagged):
        return f"an item of `{first.key.name}`"
    same = [other for other, found in index().places.items() if found and found[0].node == first.node]
    if len(same) == 1:
        return f"`{first.node}`"
    holder = (
        first.key.name if isinstance(first.key.shape, Tagged) and first.key.shape.place == "block" else ""
    )
    if not holder:
        holder = index().places[first.parent][0].node if first.parent != ROOT else ""
    return f"`{first.node}` (in `{holder}`)" if holder else f"`{first.node}`"


def refuse_key(
    run: Run, shape: ObjectShape, node_name: str, written: str, at: Span, known: list[str]
) -> str | None:
    """Report a key that `shape` does not have. Gives the key that was most likely meant, if one is known.

    `known` are the names that may stand there. `node_name` is what the object is called where it stands.
    """
    if written == "include":
        run.report(
            error(
                "GWC202",
                at,
                "`include` stands below the top level",
                label=f"inside {title(shape, node_name)}",
                help="put it at the top level: what it reads takes its place there, "
                "and blocks of the same name add up",
            )
        )
        return None
    spelt = _other_spelling(run, shape, written, at)
    if spelt is not None:
        return spelt
    foreign = meaning(shape, written, run.syntax)
    if foreign is not None:
        run.report(error("GWC200", at, _no_key(shape, node_name, written), help=foreign.advice))
        return foreign.key
    if _outside_its_list(run, shape, node_name, written, at):
        return None
    missing = absent(written)
    if missing is not None:
        run.report(error("GWC200", at, _no_key(shape, node_name, written), help=missing))
        return None
    elsewhere = _elsewhere(shape, written, run.syntax)
    if elsewhere and not _in_the_other_number(written, known):
        key = written if written in index().owners else spelt_our_way(written)
        run.report(
            error(
                "GWC201",
                at,
                f"`{plain(written)}` has no effect in {title(shape, node_name)}",
                label=f"not a key of {title(shape, node_name)}",
                help=f"`{plain(key)}` belongs in {elsewhere}",
            )
        )
        return None
    near = run.near(written, known)
    if near is not None:
        advice = f"did you mean `{near}`?"
    elif not known:
        advice = f"{title(shape, node_name)} takes no keys"
    elif len(known) <= _FEW_KEYS:
        advice = f"{title(shape, node_name)} takes {listed(known, 'and')}"
    else:
        advice = f"docs/reference.md lists the keys of {title(shape, node_name)}"
    run.report(error("GWC200", at, _no_key(shape, node_name, written), help=advice))
    return (
        near if near in shape.keys else next((k.name for name, k in shape.kdl_names() if name == near), None)
    )


def _in_the_other_number(written: str, known: list[str]) -> bool:
    """Whether it is a known word but for the `s` at its end: then that was meant, whoever else has it."""
    return f"{written}s" in known or (written.endswith("s") and written[:-1] in known)


def _no_key(shape: ObjectShape, node_name: str, written: str) -> str:
    if shape.name == ROOT:
        return f"there is no `{plain(written)}` at the top level"
    return f"`{plain(written)}` is not a key of {title(shape, node_name)}"


def refuse_item(run: Run, list_key: Key, tags: Mapping[str, str], written: str, at: Span) -> None:
    """Report a KDL node that is none of the tagged nodes of the list it stands in."""
    near = run.near(written, list(tags))
    expected = listed(tags, "and")
    if near is not None:
        advice = f"did you mean `{near}`?"
    else:
        owners = [name for name in tags.values() if written in language().objects[name].keys]
        inside = listed((tag for tag, name in tags.items() if name in owners), "or")
        lists = [place.key.name for place in index().tags.get(written, ()) if place.parent == ROOT]
        advice = f"write {expected} nodes here"
        if owners:
            advice = f"`{plain(written)}` belongs in {inside}"
        elif lists:
            advice = f"put it in `{lists[0]} {{ … }}`"
    run.report(
        error(
            "GWC203",
            at,
            f"`{plain(written)}` stands in `{list_key.name}`, which holds {expected} nodes",
            help=advice,
        )
    )


def _other_spelling(run: Run, shape: ObjectShape, written: str, at: Span) -> str | None:
    """Report a list's own key in KDL where its nodes stand in the parent, or a node's name in YAML.

    Gives the list's key.
    """
    for key in shape.keys.values():
        if not isinstance(key.shape, Tagged):
            continue
        tags = listed(key.shape.objects, "and")
        if run.syntax == "kdl" and key.name == written and key.shape.place == "inline":
            where = "at the top level" if shape.name == ROOT else "right here"
            run.report(
                error(
                    "GWC217",
                    at,
                    f"`{written}` is how YAML writes this list",
                    help=f"in KDL write the {tags} nodes {where}, without `{written}` around them",
                )
            )
            return key.name
        if run.syntax == "yaml" and written in key.shape.objects and key.shape.place == "inline":
            run.report(
                error(
                    "GWC217",
                    at,
                    f"`{written}` is how KDL writes an item of `{key.name}`",
                    help=f"in YAML write a list: `{key.name}:` and below it `- {written}: …`",
                )
            )
            return key.name
    return None


def _outside_its_list(run: Run, shape: ObjectShape, node_name: str, written: str, at: Span) -> bool:
    """A tagged node that stands somewhere else than in its list."""
    places = index().tags.get(written, ())
    own = any(place.parent == shape.name for place in places)
    if not places or (not own and _owned_elsewhere(shape, written)):
        return False
    best = min(places, key=lambda place: _distance(shape.name, place.parent))
    key = best.key
    holder = place_words(best.parent, run.syntax)
    if run.syntax == "yaml":
        advice = f"put it in the list `{key.name}` of {holder}, as `- {written}: …`"
        if best.parent == ROOT:
            advice = f"put it in the list `{key.name}` at the top level, as `- {written}: …`"
    elif isinstance(key.shape, Tagged) and key.shape.place == "block":
        advice = f"put it in `{key.name} {{ … }}`"
    else:
        advice = f"put it in {holder}" if best.parent != ROOT else "put it at the top level"
    run.report(
        error(
            "GWC203",
            at,
            f"`{written}` stands outside `{key.name}`"
            if run.syntax == "yaml" or (isinstance(key.shape, Tagged) and key.shape.place == "block")
            else f"`{written}` does not belong in {title(shape, node_name)}",
            label=f"inside {title(shape, node_name)}" if shape.name != ROOT else "at the top level",
            help=advice,
        )
    )
    return True


def _owned_elsewhere(shape: ObjectShape, written: str) -> bool:
    """Whether a child object of `shape` has a key of that name: then that is more likely meant."""
    objects = language().objects
    return any(
        written in objects[held].keys and written != objects[held].tag
        for key in shape.keys.values()
        for held, _ in _held(key)
    )


def _elsewhere(shape: ObjectShape, written: str, syntax: Syntax) -> str:
    """The places where a key belongs, nearest first, in words; empty where nothing has it."""
    owners = index().owners.get(written) or index().owners.get(spelt_our_way(written), ())
    inside = [
        held for key in shape.keys.values() for held, _ in _held(key) if held in owners and held != shape.name
    ]
    ranked = inside or sorted(owners, key=lambda name: _distance(shape.name, name))
    words = list(dict.fromkeys(place_words(name, syntax) for name in ranked))[:3]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}" if words else ""


@cache
def _distance(start: str, goal: str) -> int:
    """How far apart two objects stand: 1 for one that `start` holds, more for its holders and beyond."""
    objects = language().objects
    seen = {start: 0}
    queue = [start]
    for name in queue:
        held = {each for key in objects[name].keys.values() for each, _ in _held(key)}
        for each in sorted(held):
            if each not in seen:
                seen[each] = seen[name] + 1
                queue.append(each)
    if goal in seen:
        return seen[goal]
    holders = {place.parent for place in index().places[start]} - {start}
    upwards = [_distance(holder, goal) for holder in sorted(holders) if holder != goal]
    if goal in holders:
        return 2
    return 3 + min(upwards, default=20)
