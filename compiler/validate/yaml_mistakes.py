"""The words for YAML nodes that are not as they should be.

Owns the findings about mappings, lists and scalars that stand in each other's place. Called by the readers of
`yaml.py` once something was refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gwc.schema.diagnostic import Label, error
from gwc.schema.span import Span

from ..parse.document import Node
from .run import Run
from .scalars import Accept, refuse_null, refuse_scalar, refuse_shape
from .shape import Key, ObjectShape, Scalar, Tagged, Values
from .unknown import refuse_key
from .words import found_node, listed, takes


def refuse_child(
    run: Run, shape: ObjectShape, title: str, child: Node, data: dict[str, Any], known: Iterable[str]
) -> None:
    """Report an entry whose key the mapping does not have."""
    meant = refuse_key(run, shape, title, child.head.name, run.name_at(child), list(known))
    if meant is not None:
        data.setdefault(meant, None)


def refuse_not_mapping(run: Run, shape: ObjectShape, node: Node, title: str) -> None:
    """Report a scalar or a list where a mapping should be."""
    if _is_null(node):
        _refuse_nothing(run, title, node)
    elif node.head.name == "-":
        run.report(
            error(
                "GWC218",
                run.name_at(node),
                f"an item of this list is a mapping, found {found_node(node, 'yaml')}",
                help=f"write its keys: `- {_keys_shown(shape)}`",
            )
        )
    else:
        names = list(shape.keys)
        refuse_shape(run, title, "a mapping", node, f"write its keys below it: {listed(names, 'or', 6)}")


def refuse_missing(run: Run, shape: ObjectShape, node: Node, title: str, data: dict[str, Any]) -> None:
    """Report the required keys that are not there; an overlay needs its names alone."""
    for name in shape.keys:
        if name not in shape.required or name in data or (run.partial and name != shape.tag):
            continue
        if name == shape.tag:
            run.report(
                error(
                    "GWC219",
                    run.name_at(node),
                    f"this item has no `{name}`, which names it",
                    help=f"begin it with `- {name}: …`",
                )
            )
        else:
            tag = data.get(shape.tag) if shape.tag is not None else None
            what = f"`{title}`" if tag is None else f"{title} `{tag}`"
            run.report(
                error(
                    "GWC205",
                    _named_at(run, shape, node),
                    f"{what} has no `{name}`",
                    help=f"add `{_example(shape.keys[name])}`",
                )
            )


def refuse_empty(run: Run, shape: ObjectShape, node: Node, title: str) -> None:
    """Report a mapping with fewer keys than it needs, unless that is told already by what was refused."""
    if len(node.children or ()) >= shape.min_keys or (run.partial and shape.tag is not None):
        return
    names = [name for name in shape.keys if name != shape.tag]
    run.report(
        error(
            "GWC214",
            _named_at(run, shape, node),
            f"`{title}` says nothing" if shape.tag is not None else f"`{title}` is empty",
            help=f"write what it is to hold ({listed(names, 'or', 4)}), or take it away",
        )
    )


def refuse_second(run: Run, child: Node, parent: Node | None) -> bool:
    """Report a key that stands a second time, at the top level of another file or in a tree of no parser.

    False where it does not: its data was only presumed, from another key that was taken for it.
    """
    first = run.first_named(parent, child.head.name)
    if first is None or first[1] is child:
        return False
    file, node = first
    here = run.file
    run.file = file
    first_at = run.name_at(node)
    run.file = here
    run.report(
        error(
            "GWC206",
            run.name_at(child),
            f"`{child.head.name}` stands twice",
            label="the second",
            secondary=(Label(first_at, "the first"),),
            help="keep one of them",
        )
    )
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
    """Report what is wrong with an entry that should be a key and one value."""
    if key.name in data and refuse_second(run, child, parent):
        return
    data[key.name] = None
    args = child.head.args
    if len(args) == 1 and accept(args[0].value):
        data[key.name] = args[0].value
        return
    _refuse_one(run, key.name, scalar, child, takes(scalar, "yaml"))


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
    """Report what is wrong with an entry that should be one value or a list of values."""
    if key.name in data and refuse_second(run, child, parent):
        return
    data[key.name] = None
    read = [value.value for item in child.items or (child,) for value in item.head.args]
    if read and len(read) == len(child.items or (child,)) and all(map(accept, read)):
        data[key.name] = tuple(read)
        return
    if child.items is None:
        _refuse_one(run, key.name, values.item, child, f"{takes(values, 'yaml')}, or a list of it")
    elif not child.items:
        refuse_empty_list(run, key, child)
    else:
        _refuse_items(run, key.name, values.item, accept, child.items)


def refuse_short(run: Run, title: str, scalar: Scalar, node: Node) -> None:
    """Report a value that stands for an object and is not what it should be."""
    _refuse_one(run, title, scalar, node, f"{takes(scalar, 'yaml')} or a mapping")


def refuse_short_list(
    run: Run, shape: ObjectShape, title: str, scalar: Scalar, accept: Accept, node: Node, lists: bool
) -> None:
    """Report a list, or nothing, where an object or its short form should be."""
    if node.items is None:
        _refuse_one(run, title, scalar, node, f"{takes(scalar, 'yaml')} or a mapping")
    elif not lists:
        refuse_shape(
            run, title, f"{takes(scalar, 'yaml')} or a mapping", node, "take one pair of brackets away"
        )
    elif not node.items:
        run.report(
            error(
                "GWC214",
                run.name_at(node),
                f"`{title}` is empty",
                help="write at least one value, or take it away",
            )
        )
    else:
        _refuse_items(run, title, scalar, accept, node.items)


def refuse_empty_list(run: Run, key: Key, node: Node) -> None:
    """Report a list without items."""
    run.report(
        error(
            "GWC214",
            run.name_at(node),
            f"`{key.name}` is empty",
            help="write at least one item, or take the key away",
        )
    )


def refuse_not_list(run: Run, key: Key, tagged: Tagged, node: Node) -> None:
    """Report what stands where a list of named objects should be."""
    tag = next(iter(tagged.objects))
    if _is_null(node):
        _refuse_nothing(run, key.name, node)
        return
    children = node.children or ()
    first = children[0].head.name if children else "…"
    name = "…" if first in tagged.objects else first
    refuse_shape(run, key.name, "a list", node, f"write each as an item: `- {tag}: {name}`")


def refuse_item(run: Run, key: Key, tagged: Tagged, item: Node) -> None:
    """Report an item that is no mapping, of a list that holds several kinds of object."""
    if _is_null(item):
        _refuse_nothing(run, key.name, item)
        return
    first = next(iter(tagged.objects))
    run.report(
        error(
            "GWC218",
            run.name_at(item),
            f"an item of `{key.name}` is a mapping, found {found_node(item, 'yaml')}",
            help=f"write its keys: `- {first}: …`",
        )
    )


def refuse_tags(run: Run, key: Key, tagged: Tagged, item: Node, tags: Sequence[str]) -> None:
    """Report an item that has none of the keys that tell what it is, or two of them."""
    if not tags:
        run.report(
            error(
                "GWC219",
                run.name_at(item),
                f"this item of `{key.name}` does not say what it is",
                help=f"begin it with {listed((f'{tag}: …' for tag in tagged.objects), 'or')}",
            )
        )
        return
    places = [child for child in item.children or () if child.head.name in tagged.objects]
    run.report(
        error(
            "GWC220",
            run.name_at(places[1]),
            f"this item of `{key.name}` is both `{tags[0]}` and `{tags[1]}`",
            label="the second",
            secondary=(Label(run.name_at(places[0]), "the first"),),
            help="make two items of it, each with a `-` of its own",
        )
    )


def _refuse_one(run: Run, name: str, scalar: Scalar, node: Node, wanted: str) -> None:
    """Report a node that is not one scalar of the wanted kind."""
    if _is_null(node):
        _refuse_nothing(run, name, node)
    elif node.children is not None or node.items is not None:
        article = "one value" if node.items is not None else "a value"
        refuse_shape(run, name, wanted, node, f"write {article} behind `{name}:`")
    else:
        refuse_scalar(run, name, scalar, node, node.head.args[0])


def _refuse_items(run: Run, name: str, scalar: Scalar, accept: Accept, items: Iterable[Node]) -> None:
    for item in items:
        args = item.head.args
        if len(args) != 1 or not accept(args[0].value):
            _refuse_one(run, name, scalar, item, takes(scalar, "yaml"))


def _is_null(node: Node) -> bool:
    """Whether nothing, or null, stands behind the key."""
    if node.children is not None or node.items is not None:
        return False
    return not node.head.args or node.head.args[0].value is None


def _refuse_nothing(run: Run, name: str, node: Node) -> None:
    refuse_null(run, name, node, node.head.args[0] if node.head.args else None)


def _named_at(run: Run, shape: ObjectShape, node: Node) -> Span:
    """Where the name of a tagged object stands, else where the object begins."""
    for child in node.children or ():
        if child.head.name == shape.tag and child.head.args:
            return run.value_at(child, child.head.args[0])
    return run.name_at(node)


def _keys_shown(shape: ObjectShape) -> str:
    first = shape.args[0] if shape.args else next(iter(shape.keys))
    return f"{first}: …"


def _example(key: Key) -> str:
    """An entry that fills a key, from the key's first example."""
    from ..format.emit_yaml import example_entry

    return example_entry(key)
