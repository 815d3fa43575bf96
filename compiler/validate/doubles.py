"""Keys of a KDL node that are given twice: as two nodes, as two properties, or in two ways.

Owns the telling of both places. `kdl_mistakes.py` asks it where a key is filled already.
"""

from __future__ import annotations

from gwc.schema.diagnostic import Label, error
from gwc.schema.span import Span

from ..parse.document import Node, Property
from .run import Run
from .shape import Key, ObjectShape, Tagged, Values


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


def refuse_twice(run: Run, shape: ObjectShape, node: Node, prop: Property, at: Span) -> bool:
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
