"""The words for KDL nodes that are not as they should be.

Owns every finding that only KDL's spelling can give: too many or too few arguments, lines that ran
together, a key given in two ways, a value where a block should be. Called by the readers of `kdl.py` once
something was refused; nothing here is asked while all is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from gwc.schema.diagnostic import Label, error
from gwc.schema.span import Span

from ..parse.document import Node, Property, Value
from .run import Run
from .scalars import Accept, compile_scalar, refuse_annotation, refuse_null, refuse_scalar, refuse_shape
from .shape import ROOT, Key, ObjectShape, Scalar, Tagged, Values, language
from .unknown import index, refuse_item, refuse_key
from .words import counted, listed, literal, plain, takes


@cache
def keys_around(shape: ObjectShape) -> frozenset[str]:
    """The names of nodes that may stand in an object or beside it."""
    objects = language().objects
    around = {name for name, _ in shape.kdl_names()}
    for place in index().places.get(shape.name, ()):
        around.update(name for name, _ in objects[place.parent].kdl_names())
    return frozenset(around)


def is_word(value: Value) -> bool:
    """Whether text was written as a bare word, without quotes."""
    return isinstance(value.value, str) and value.end - value.start == len(value.value)


def begins_a_line(args: Sequence[Value], place: int, keys: frozenset[str]) -> bool:
    """Whether an argument behind the first is a bare word that was meant to begin a line of its own.

    It is a key of the object or beside it, or it is the only bare word among values in quotes and has a value
    behind it, as in `address "x" namespace "y"`.
    """
    value = args[place]
    if place == 0 or not is_word(value):
        return False
    if value.value in keys:
        return True
    return not is_word(args[0]) and place + 1 < len(args) and not is_word(args[place + 1])


def refuse_child(
    run: Run, shape: ObjectShape, node: Node | None, child: Node, data: dict[str, Any], known: Iterable[str]
) -> None:
    """Report a child node of a name that its parent does not know."""
    name = child.head.name
    meant = refuse_key(run, shape, _title_name(shape, node), name, run.name_at(child), list(known))
    if meant is not None:
        data.setdefault(meant, None)


def refuse_property(
    run: Run, shape: ObjectShape, node: Node, prop: Property, data: dict[str, Any], known: Mapping[str, Any]
) -> None:
    """Report a property that its node does not know, that stands twice, or whose value is refused."""
    key = shape.keys.get(prop.key)
    at = run.property_at(node, prop)
    if prop.key in known and prop.key in data and _refuse_twice(run, shape, node, prop, at):
        return
    if prop.key in known:
        assert key is not None
        assert isinstance(key.shape, Scalar | Values)
        scalar = key.shape.item if isinstance(key.shape, Values) else key.shape
        data[prop.key] = None
        if prop.value.tag is not None or not compile_scalar(scalar)(prop.value.value):
            refuse_scalar(run, prop.key, scalar, node, prop.value)
    elif key is not None and prop.key == shape.tag:
        run.report(
            error(
                "GWC207",
                at,
                f"`{node.head.name}` is named by its argument, not by a property",
                help=f"write `{node.head.name} {literal(prop.value.value, 'kdl')}`",
            )
        )
        data.setdefault(prop.key, None)
    elif key is not None:
        run.report(
            error(
                "GWC204",
                at,
                f"`{prop.key}` takes a block, found a property",
                help=f"write it as a node inside `{node.head.name} {{ … }}`",
            )
        )
        data.setdefault(prop.key, None)
    elif prop.key in keys_around(shape):
        _refuse_run_together(run, shape, node, prop)
    else:
        meant = refuse_key(run, shape, _title_name(shape, node), prop.key, at, list(known))
        if meant is not None:
            data.setdefault(meant, None)


def refuse_value(
    run: Run, shape: ObjectShape, name: str, node: Node, value: Value, data: dict[str, Any]
) -> None:
    """Report an argument that cannot fill its key."""
    place = shape.keys[name].shape
    assert isinstance(place, Scalar | Values)
    if value.value is None and value.tag is None:
        refuse_null(run, name, node, value)
    else:
        refuse_scalar(run, name, place.item if isinstance(place, Values) else place, node, value)
    data[name] = None


def refuse_rest(
    run: Run,
    shape: ObjectShape,
    name: str,
    node: Node,
    values: Sequence[Value],
    data: dict[str, Any],
    accept: Accept,
) -> None:
    """Report what is wrong with the arguments that fill a list."""
    data[name] = None
    args = node.head.args
    for place, value in enumerate(values, len(args) - len(values)):
        if begins_a_line(args, place, keys_around(shape)):
            _refuse_run_together(run, shape, node, value)
            return
        if value.tag is not None or not accept(value.value):
            refuse_value(run, shape, name, node, value, data)


def refuse_arguments(
    run: Run, shape: ObjectShape, node: Node, more: Sequence[Value], data: dict[str, Any]
) -> None:
    """Report arguments beyond those that the node takes."""
    first = more[0]
    if first.value in keys_around(shape) or begins_a_line(
        node.head.args, len(shape.args), keys_around(shape)
    ):
        _presume_words(shape, more, data)
        _refuse_run_together(run, shape, node, first)
        return
    _refuse_too_many(run, node, len(shape.args), more, _as_property(shape, node, first))


def refuse_annotated(run: Run, node: Node) -> None:
    """Report a type annotation before a node."""
    refuse_annotation(run, node)


def refuse_missing(run: Run, shape: ObjectShape, node: Node, data: dict[str, Any]) -> None:
    """Report the required keys that are not there; an overlay needs its names alone."""
    for name in shape.keys:
        if name not in shape.required or name in data or (run.partial and name != shape.tag):
            continue
        key = shape.keys[name]
        tag = data.get(shape.tag) if shape.tag is not None else None
        what = f"`{node.head.name}`" if tag is None else f"{node.head.name} `{tag}`"
        if name in shape.args:
            example = literal(key.examples[0], "kdl") if key.examples else '"…"'
            before = " ".join(literal(value.value, "kdl") for value in node.head.args)
            written = f"{node.head.name} {before} {example}" if before else f"{node.head.name} {example}"
            role = "name" if name == shape.tag else name
            run.report(
                error(
                    "GWC208",
                    run.name_at(node),
                    f"{what} has no {role}",
                    label=f"takes {_count_words(shape)}",
                    help=f"write it behind the node's name: `{written}`",
                )
            )
        else:
            run.report(
                error(
                    "GWC205",
                    _head_span(run, node),
                    f"{what} has no `{_child_name(key)}`",
                    help=f"add a line such as `{_example(key)}` inside its braces",
                )
            )


def refuse_empty(run: Run, shape: ObjectShape, node: Node) -> None:
    """Report an object with fewer keys than it needs, unless that is told already by what was refused."""
    if node.children or node.head.props or len(node.head.args) > len(shape.args):
        return
    if run.partial and shape.tag is not None:
        return
    names = [name for name, _ in shape.kdl_names()]
    run.report(
        error(
            "GWC214",
            _head_span(run, node),
            f"`{node.head.name}` is empty" if not node.head.args else f"`{node.head.name}` says nothing",
            help=f"write what it is to hold ({listed(names, 'or', 4)}), or take it away",
        )
    )


def refuse_second(run: Run, owner: ObjectShape, key: Key, child: Node, parent: Node | None) -> bool:
    """Report a key that stands a second time, or in a second way.

    False where it does neither: its data was only presumed, from a mistake that had to be its first place.
    """
    found = run.first_named(parent, child.head.name)
    first: Span | None = None
    if found is not None and found[1] is not child:
        file, node = found
        first = Span(file, node.start + node.head.name_start, node.start + node.head.name_end)
    if first is not None:
        if isinstance(key.shape, Values):
            advice = "write all values behind one of them"
        elif isinstance(key.shape, Tagged):
            advice = "move what is in the second into the first"
        else:
            advice = "keep one of them"
        run.report(
            error(
                "GWC206",
                run.name_at(child),
                f"`{child.head.name}` stands twice",
                label="the second",
                secondary=(Label(first, "the first"),),
                help=advice,
            )
        )
        return True
    if parent is None:
        return False
    head = parent.head
    for prop in head.props:
        if prop.key == key.name:
            _report_two_ways(
                run, key.name, run.name_at(child), "as a node", run.property_at(parent, prop), "as a property"
            )
            return True
    position = owner.args.index(key.name) if key.name in owner.args else len(owner.args)
    if key.name not in (*owner.args, owner.rest) or position >= len(head.args):
        return False
    at = run.value_at(parent, head.args[position])
    _report_two_ways(run, key.name, run.name_at(child), "as a node", at, "as an argument")
    return True


def refuse_scalar_node(
    run: Run,
    owner: ObjectShape,
    key: Key,
    scalar: Scalar,
    accept: Accept,
    child: Node,
    parent: Node | None,
    data: dict[str, Any],
) -> None:
    """Report what is wrong with a node that should be a name and one value."""
    if key.name in data and refuse_second(run, owner, key, child, parent):
        return
    data[key.name] = None
    if not _plain_node(run, owner, key, child):
        return
    args = child.head.args
    if not args:
        _refuse_no_value(run, key, child)
        return
    if len(args) > 1:
        if args[1].value in _siblings(owner) or begins_a_line(args, 1, _siblings(owner)):
            _presume_words(owner, args[1:], data)
            _refuse_run_together(run, owner, child, args[1])
        else:
            _refuse_too_many(run, child, 1, args[1:], f"`{key.name}` takes one value")
    if args[0].tag is not None or not accept(args[0].value):
        refuse_scalar(run, key.name, scalar, child, args[0])
    else:
        data[key.name] = args[0].value


def refuse_values_node(
    run: Run,
    owner: ObjectShape,
    key: Key,
    values: Values,
    accept: Accept,
    child: Node,
    parent: Node | None,
    data: dict[str, Any],
) -> None:
    """Report what is wrong with a node that should be a name and some values."""
    if key.name in data and not values.repeat and refuse_second(run, owner, key, child, parent):
        return
    data.setdefault(key.name, None)
    before = len(run.diagnostics)
    if not _plain_node(run, owner, key, child):
        return
    args = child.head.args
    if not args:
        _refuse_no_value(run, key, child)
    siblings = _siblings(owner)
    for number, value in enumerate(args):
        known = value.value in siblings and not accept(value.value)
        if number and (known or begins_a_line(args, number, siblings)):
            _presume_words(owner, args[number:], data)
            _refuse_run_together(run, owner, child, value)
            return
        if value.tag is not None or not accept(value.value):
            refuse_scalar(run, key.name, values.item, child, value)
    if len(run.diagnostics) == before and data[key.name] is None:
        data[key.name] = tuple(value.value for value in args)


def refuse_list_head(run: Run, key: Key, tagged: Tagged, node: Node) -> None:
    """Report what stands behind the name of a list's own node."""
    head = node.head
    if head.tag is not None:
        refuse_annotation(run, node)
    tag = next(iter(tagged.objects))
    if head.args:
        name = literal(head.args[0].value, "kdl")
        _refuse_too_many(
            run, node, 0, head.args, f"write `{key.name} {{ {tag} {name} {{ … }} }}`: it holds {tag} nodes"
        )
    for prop in head.props:
        run.report(
            error(
                "GWC200",
                run.property_at(node, prop),
                f"`{plain(prop.key)}` is not a key of `{key.name}`",
                help=f"`{key.name}` holds {listed(tagged.objects, 'and')} nodes and takes no properties",
            )
        )


def refuse_empty_list(run: Run, key: Key, tagged: Tagged, node: Node) -> None:
    """Report a list's own node without items."""
    run.report(
        error(
            "GWC214",
            _head_span(run, node),
            f"`{key.name}` is empty",
            help=f"write {listed(tagged.objects, 'or')} nodes inside its braces, or take it away",
        )
    )


def refuse_list_item(run: Run, key: Key, tagged: Tagged, item: Node) -> None:
    """Report a node that the list it stands in does not hold."""
    refuse_item(run, key, tagged.objects, item.head.name, run.name_at(item))


def _plain_node(run: Run, owner: ObjectShape, key: Key, child: Node) -> bool:
    """Whether a node is a name and arguments; anything else is reported."""
    head = child.head
    shape = key.shape
    assert isinstance(shape, Scalar | Values)
    good = True
    if head.tag is not None:
        refuse_annotation(run, child)
    if child.children is not None and not head.args:
        refuse_shape(run, key.name, takes(shape, "kdl"), child, f"write `{_example(key)}`")
        good = False
    elif child.children is not None:
        run.report(
            error(
                "GWC204",
                run.name_at(child),
                f"`{key.name}` takes {takes(shape, 'kdl')} and no block",
                help=f"write `{_example(key)}`",
            )
        )
    for prop in head.props:
        at = run.property_at(child, prop)
        if prop.key in _siblings(owner):
            _refuse_run_together(run, owner, child, prop)
        else:
            run.report(
                error(
                    "GWC200",
                    at,
                    f"`{plain(prop.key)}` is not a key of `{key.name}`",
                    help=f"`{key.name}` takes {takes(shape, 'kdl')} and no properties",
                )
            )
    return good


def _refuse_no_value(run: Run, key: Key, node: Node) -> None:
    assert isinstance(key.shape, Scalar | Values)
    run.report(
        error(
            "GWC208",
            run.name_at(node),
            f"`{key.name}` has no value",
            label=f"takes {takes(key.shape, 'kdl')}",
            help=f"write it behind the node's name: `{_example(key)}`",
        )
    )


def _refuse_too_many(run: Run, node: Node, most: int, more: Sequence[Value], advice: str) -> None:
    takes_words = f"takes {counted(most, 'argument')}" if most else "takes no arguments"
    given = most + len(more)
    run.report(
        error(
            "GWC207",
            run.at(node, more[0].start, more[-1].end),
            f"`{node.head.name}` {takes_words}, found {given}",
            label="too many" if most else "not taken",
            help=advice,
        )
    )


def _refuse_run_together(run: Run, shape: ObjectShape, node: Node, second: Value | Property) -> None:
    """Report a key that stands on the line of another node, with the lines as they should be."""
    known = _siblings(shape) | keys_around(shape)
    word = plain(second.key if isinstance(second, Property) else str(second.value))
    first, *rest = _lines(node, second, known)
    name = node.head.name
    if word in _siblings(shape) and name not in _siblings(shape):
        advice = f"put braces around what belongs to it: `{first} {{ {'; '.join(rest)} }}`"
    else:
        shown = "".join(f"\n    {line}" for line in (first, *rest))
        advice = f"write {counted(1 + len(rest), 'line')}, or `;` between them:{shown}"
    run.report(
        error(
            "GWC209",
            run.at(node, second.start, second.end),
            f"`{word}` stands on the line of `{name}`",
            label="a node ends with its line",
            help=advice,
        )
    )


def _lines(node: Node, second: Value | Property, known: frozenset[str]) -> list[str]:
    """The head of a node as the lines it was meant to be: each key begins one, from `second` on."""
    head = node.head
    lines = [[head.name]]
    pieces: list[Value | Property] = sorted((*head.args, *head.props), key=lambda piece: piece.start)
    for piece in pieces:
        word = piece.key if isinstance(piece, Property) else str(piece.value)
        begins = piece is second or (piece.start > second.start and word in known)
        if isinstance(piece, Property):
            written = literal(piece.value.value, "kdl")
            lines.append([word, written]) if begins else lines[-1].append(f"{word}={written}")
        elif begins:
            lines.append([plain(word)])
        else:
            lines[-1].append(literal(piece.value, "kdl"))
    return [" ".join(line) for line in lines]


def _refuse_twice(run: Run, shape: ObjectShape, node: Node, prop: Property, at: Span) -> bool:
    """Report a property whose key is filled already, by a property or an argument. False where it is not."""
    first = run.first_property(node, prop.key)
    if first is not None and first is not prop:
        run.report(
            error(
                "GWC206",
                at,
                f"`{prop.key}` stands twice",
                label="the second",
                secondary=(Label(run.property_at(node, first), "the first"),),
                help="keep one of them",
            )
        )
        return True
    position = shape.args.index(prop.key) if prop.key in shape.args else len(shape.args)
    if prop.key not in (*shape.args, shape.rest) or position >= len(node.head.args):
        return False
    argument = run.value_at(node, node.head.args[position])
    _report_two_ways(run, prop.key, at, "as a property", argument, "as an argument")
    return True


def _report_two_ways(run: Run, key: str, at: Span, way: str, first: Span, first_way: str) -> None:
    run.report(
        error(
            "GWC210",
            at,
            f"`{key}` is given in two ways",
            label=way,
            secondary=(Label(first, first_way),),
            help="keep one of them",
        )
    )


def _as_property(shape: ObjectShape, node: Node, value: Value) -> str:
    """What to write instead of an argument: the first key that would take its value."""
    for key in shape.keys.values():
        if isinstance(key.shape, Scalar | Values) and key.name not in (*shape.args, shape.rest):
            scalar = key.shape.item if isinstance(key.shape, Values) else key.shape
            if compile_scalar(scalar)(value.value):
                written = literal(value.value, "kdl")
                if key.name in shape.props:
                    return f"did you mean `{node.head.name} {key.name}={written}`?"
                return f"did you mean `{node.head.name} {{ {key.name} {written} }}`?"
    names = [name for name, _ in shape.kdl_names()]
    return f"`{node.head.name}` takes {listed(names, 'and', 6)} inside braces" if names else "take it away"


@cache
def _siblings(owner: ObjectShape) -> frozenset[str]:
    return frozenset(name for name, _ in owner.kdl_names())


def _title_name(shape: ObjectShape, node: Node | None) -> str:
    return "" if node is None or shape.name == ROOT else node.head.name


def _presume_words(shape: ObjectShape, values: Sequence[Value], data: dict[str, Any]) -> None:
    """Take the keys on a line that ran together as given, so that they are not reported as missing too."""
    words = {value.value for value in values}
    for name, key in shape.kdl_names():
        if name in words:
            data.setdefault(key.name, None)


def _head_span(run: Run, node: Node) -> Span:
    """The name and arguments of a node."""
    head = node.head
    return run.at(node, head.name_start, max(head.name_end, head.args[-1].end if head.args else 0))


def _count_words(shape: ObjectShape) -> str:
    words = ["its name" if name == shape.tag else f"`{name}`" for name in shape.args]
    return " and ".join(words)


def _child_name(key: Key) -> str:
    shape = key.shape
    if isinstance(shape, Tagged) and shape.place == "inline":
        return next(iter(shape.objects))
    return key.name


def _example(key: Key) -> str:
    """A node that fills a key, from the key's first example."""
    from ..format.emit_kdl import example_node

    return example_node(key)
