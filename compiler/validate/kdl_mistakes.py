"""The words for KDL nodes that are not as they should be.

Owns the findings that only KDL's spelling can give: too many or too few arguments, a value where a block
should be, a property that is none. Called by the readers of `kdl.py` once something was refused; nothing here
is asked while all is well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gwc.schema.diagnostic import error
from gwc.schema.span import Span

from ..parse.document import Node, Property, Value
from .doubles import refuse_second, refuse_twice
from .run import Run
from .run_together import begins_a_line, keys_around, presume_words, refuse_run_together, siblings
from .scalars import Accept, compile_scalar, refuse_annotation, refuse_null, refuse_scalar, refuse_shape
from .shape import ROOT, Key, ObjectShape, Scalar, Tagged, Values
from .unknown import refuse_item, refuse_key
from .words import counted, listed, literal, plain, takes


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
    if prop.key in known and prop.key in data and refuse_twice(run, shape, node, prop, at):
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
        refuse_run_together(run, shape, node, prop)
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
        # Of a first argument people know the node's name, not that of the key that it stands for.
        shown = node.head.name if name == next(iter((*shape.args, shape.rest))) else name
        refuse_scalar(run, shown, place.item if isinstance(place, Values) else place, node, value)
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
            refuse_run_together(run, shape, node, value)
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
        presume_words(shape, more, data)
        refuse_run_together(run, shape, node, first)
        return
    _refuse_too_many(run, node, len(shape.args), more, _as_property(shape, node, first))


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
        if args[1].value in siblings(owner) or begins_a_line(args, 1, siblings(owner)):
            presume_words(owner, args[1:], data)
            refuse_run_together(run, owner, child, args[1])
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
    beside = siblings(owner)
    for number, value in enumerate(args):
        known = value.value in beside and not accept(value.value)
        if number and (known or begins_a_line(args, number, beside)):
            presume_words(owner, args[number:], data)
            refuse_run_together(run, owner, child, value)
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
        if prop.key in siblings(owner):
            refuse_run_together(run, owner, child, prop)
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


def _title_name(shape: ObjectShape, node: Node | None) -> str:
    return "" if node is None or shape.name == ROOT else node.head.name


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
