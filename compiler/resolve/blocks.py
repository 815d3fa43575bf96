"""One block of conditions: from a record to predicates in written order.

Owns the reading of every predicate key, `use` and `not` included. What a block multiplies into is
`expand.py`'s matter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from gwc.schema.diagnostic import Diagnostic, Label, error
from gwc.schema.listener import PathOptions
from gwc.schema.normalise.host import normalise_configured_host
from gwc.schema.predicate import (
    ClientIp,
    FieldTest,
    Flag,
    HostPattern,
    Hosts,
    Listeners,
    Methods,
    Models,
    Not,
    PathPattern,
    Paths,
    Predicate,
    Sample,
    Schemes,
    Snis,
)
from gwc.schema.span import Span
from gwc.schema.values.cidr import parse_cidr
from gwc.schema.values.share import parse_share

from .context import Context, Record, key_span, span_of, undefined
from .patterns import PATH_KINDS, host_patterns, path_patterns
from .rank import Counts
from .text import as_bytes_text

Step = Predicate | Literal["host", "path"]

MAX_USE_DEPTH = 64
"""How many matchers may use one another in a row, as deep as blocks may nest."""

MAX_WRITTEN_IN = 100_000_000
"""How much text `use` may write into all blocks together: a few lines of matchers that each use the next one
twice would make more than any machine holds."""

_A_USE = 200  # what a `use` costs besides the text that it writes in
_REPEATABLE = frozenset(("header", "query", "cookie", "not"))
_OPERATORS = ("value", "prefix", "suffix", "contains", "regex")
_FORBIDDEN_HEADERS = {
    "host": "write `host`, which knows ports, case and wildcards",
    "cookie": "write `cookie`, which looks at one cookie by its name",
    "content-length": "how a message is framed cannot be matched",
    "transfer-encoding": "how a message is framed cannot be matched",
    "connection": "how a connection is used cannot be matched",
}


class Block(NamedTuple):
    """A block: its conditions in written order, and what expansion and ranking need of them.

    `hosts` and `paths` are the block's own values, None where it has none; "host" and "path" mark their
    places in `steps`. `listeners` is None where the block says nothing of them. `record` is where it was
    written, None for the block of a route that has none.
    """

    steps: tuple[Step, ...] = ()
    hosts: tuple[HostPattern, ...] | None = None
    paths: tuple[PathPattern, ...] | None = None
    counts: Counts = Counts()
    listeners: frozenset[str] | None = None
    record: Record | None = None


class _Use(NamedTuple):
    """One `use` that is being written in: the matcher's name, and its number in the `use` of `record`."""

    name: str
    record: Record
    number: int


_Uses = tuple[_Use, ...]


class _Building:
    """A block while its conditions are gathered; mutable, and gone when the block is made.

    `seen` has, for each condition that stands once in a block, the record and key where it was first met and
    the uses, outermost first, by way of which.
    """

    __slots__ = ("counts", "hosts", "listeners", "paths", "seen", "steps")

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.hosts: tuple[HostPattern, ...] | None = None
        self.paths: tuple[PathPattern, ...] | None = None
        self.listeners: frozenset[str] | None = None
        self.counts = [0, 0, 0, 0]  # as in Counts
        self.seen: dict[str, tuple[Record, str, _Uses]] = {}


_METHODS, _FIELDS, _QUERIES, _OTHERS = range(4)
_COUNTED = {"method": _METHODS, "header": _FIELDS, "cookie": _FIELDS, "query": _QUERIES}


def resolve_block(context: Context, record: Record, outer: frozenset[str] | None) -> Block:
    """The block that `record` describes.

    `outer` are the listeners that enclosing groups leave, None for all: path patterns are judged by the
    normalising of the listeners that can deliver them.
    """
    allowed = outer
    if "listener" in record:
        named = frozenset(record["listener"])
        allowed = named if outer is None else outer & named
    into = _Building()
    _gather(context, record, into, context.path_options(allowed), ())
    return Block(tuple(into.steps), into.hosts, into.paths, Counts(*into.counts), into.listeners, record)


def _gather(
    context: Context,
    record: Record,
    into: _Building,
    options: tuple[PathOptions, ...],
    using: _Uses,
) -> None:
    """Add the conditions of `record` in written order; `using` are the matchers being written in."""
    steps, counts = into.steps, into.counts
    for key, value, _ in _in_written_order(record):
        if key in _REPEATABLE:
            predicate = (
                _negation(context, value, options, using)
                if key == "not"
                else _field_test(context, key, value)
            )
            if predicate is not None:
                steps.append(predicate)
                counts[_COUNTED.get(key, _OTHERS)] += 1
            continue
        if key == "use":
            for number, name in enumerate(value):
                _use(context, record, number, name, into, options, using)
            continue
        once = "path" if key in PATH_KINDS else key
        if once not in _ONCE:
            continue  # the matcher's own name
        this = (record, key, using)
        first = into.seen.setdefault(once, this)
        if first is not this:
            _refuse_second(context, this, first)
        elif once == "path":
            into.paths = path_patterns(context, record, key, options)
            steps.append("path")
        elif key == "host":
            into.hosts = host_patterns(value)
            steps.append("host")
        else:
            steps.append(_SIMPLE[key](context, record, value))
            if key == "listener":
                into.listeners = frozenset(value)
            else:
                counts[_COUNTED.get(key, _OTHERS)] += 1


def _in_written_order(record: Record) -> list[tuple[str, Any, int | None]]:
    """Key, value and index of each condition. Keys stand in written order; what repeats may stand apart."""
    flat: list[tuple[str, Any, int | None]] = []
    apart = False
    for key, value in record.items():
        if key in _REPEATABLE:
            apart = apart or len(value) > 1
            flat += [(key, each, index) for index, each in enumerate(value)]
        else:
            flat.append((key, value, None))
    if apart:
        flat.sort(key=lambda each: span_of(record, each[0], each[2]).start)
    return flat


def _refuse_second(
    context: Context, second: tuple[Record, str, _Uses], first: tuple[Record, str, _Uses]
) -> None:
    """A condition that stands once came again: two kinds of path, or by way of `use`."""
    key, first_key = second[1], first[1]
    if first[0] is second[0] and first[2] is second[2]:
        context.report(
            error(
                "GWC304",
                key_span(second[0], key),
                f"`{first_key}` and `{key}` stand in one block",
                label="a second kind of path",
                secondary=(Label(key_span(first[0], first_key), "the first kind"),),
                help="keep one kind in a block; write another `matches` block for the other",
            )
        )
        return
    # The innermost block that has both: what stands in it, a key or a `use`, is what has to change.
    depth = 0
    while depth < min(len(second[2]), len(first[2])) and second[2][depth] is first[2][depth]:
        depth += 1
    at, label = _brought(second, depth)
    first_at, first_label = _brought(first, depth)
    twice = f"`{key}` stands twice" if key == first_key else f"`{first_key}` and `{key}` stand"
    context.report(
        error(
            "GWC306",
            at,
            f"{twice} in one block by way of `use`",
            label=label or "the second",
            secondary=(Label(first_at, first_label or "the first"),),
            help="conditions of a matcher count as if written in the block; keep one of the two",
        )
    )


def _brought(condition: tuple[Record, str, _Uses], depth: int) -> tuple[Span, str]:
    """Where a block got a condition from: the `use` of this depth, and words for it, or the key itself."""
    record, key, using = condition
    if depth == len(using):
        return key_span(record, key), ""
    use = using[depth]
    return span_of(use.record, "use", use.number), f"matcher `{use.name}` brings `{key}`"


def _use(
    context: Context,
    record: Record,
    index: int,
    name: str,
    into: _Building,
    options: tuple[PathOptions, ...],
    using: _Uses,
) -> None:
    """Write the matcher's conditions in place; an unknown one and a circle are reported."""
    matcher = context.matchers.get(name)
    if matcher is None:
        undefined(context, "matcher", name, record, "use", index)
        return
    context.used_matchers.add(name)
    if context.written_in > MAX_WRITTEN_IN:
        return  # told where it came to that
    outer = [each.name for each in using]
    if name in outer:
        chain = " -> ".join(f"`{each}`" for each in (*outer[outer.index(name) :], name))
        context.report(
            error(
                "GWC305",
                span_of(record, "use", index),
                f"matcher `{name}` uses itself: {chain}",
                label="closes the circle",
                help="take one `use` out of the circle",
            )
        )
        return
    context.written_in += _A_USE + matcher.node.end - matcher.node.start
    if context.written_in > MAX_WRITTEN_IN:
        context.report(written_in_too_much(span_of(record, "use", index)))
    elif len(using) < MAX_USE_DEPTH:
        _gather(context, matcher, into, options, (*using, _Use(name, record, index)))
    elif not context.told_depth:
        context.told_depth = True
        context.report(
            error(
                "GWC331",
                span_of(record, "use", index),
                f"matchers use one another more than {MAX_USE_DEPTH} deep",
                label="here it is too deep",
                help="write the conditions in fewer matchers, or once, on a group",
            )
        )


def written_in_too_much(at: Span) -> Diagnostic:
    """That matchers write in more than `MAX_WRITTEN_IN`; `at` is where that was reached."""
    return error(
        "GWC331",
        at,
        f"`use` writes more than {MAX_WRITTEN_IN // 1_000_000} MB into the blocks",
        label="here it is too much",
        help="write the conditions in fewer matchers, or once, on a group",
    )


def _negation(
    context: Context, record: Record, options: tuple[PathOptions, ...], using: _Uses
) -> Predicate | None:
    """A `not` block: what is inside does not all hold."""
    inside = _Building()
    _gather(context, record, inside, options, using)
    if not inside.steps:
        return None  # what stood there was refused
    predicates: list[Predicate] = []
    for step in inside.steps:
        if step == "host":
            predicates.append(Hosts(inside.hosts or ()))
        elif step == "path":
            predicates.append(Paths(inside.paths or ()))
        else:
            predicates.append(step)
    return Not(tuple(predicates))


def _field_test(context: Context, place: str, record: Record) -> Predicate | None:
    """A `header`, `query` or `cookie` predicate with its one operator."""
    name = record["name"]
    if place == "header":
        name = name.lower()
        better = _FORBIDDEN_HEADERS.get(name)
        if better is not None:
            context.report(
                error(
                    "GWC307",
                    span_of(record, "name"),
                    f"header `{name}` cannot be matched",
                    help=better,
                )
            )
            return None
    name = as_bytes_text(name)
    if len(record) == 1:
        return FieldTest(place, name, "present", True)  # type: ignore[arg-type]  # one of the three keys
    operators = [key for key in _OPERATORS if key in record]
    if "min" in record or "max" in record:
        operators.append("min" if "min" in record else "max")
    if "present" in record:
        operators.append("present")
    if len(operators) > 1:
        second = max(operators, key=lambda key: key_span(record, key).start)
        first = min(operators, key=lambda key: key_span(record, key).start)
        context.report(
            error(
                "GWC308",
                key_span(record, second),
                f"{place} `{record['name']}` has two operators, {_operator(first)} and {_operator(second)}",
                label="the second",
                secondary=(Label(key_span(record, first), "the first"),),
                help=f"write one `{place}` line for each; all of them must hold",
            )
        )
        return None
    operator = operators[0] if operators else "present"
    fold = record.get("ignore-case", False)
    if "ignore-case" in record and operator in ("min", "max", "present"):
        context.report(
            error(
                "GWC309",
                key_span(record, "ignore-case"),
                "`ignore-case` has no effect here",
                label="there is no text to compare",
                help="take it out",
            )
        )
    if operator in ("min", "max"):
        low, high = record.get("min"), record.get("max")
        if low is not None and high is not None and low > high:
            context.report(
                error(
                    "GWC311",
                    span_of(record, "max"),
                    f"no number is at least {low} and at most {high}",
                    secondary=(Label(span_of(record, "min"), "`min` is greater than `max`"),),
                    help="swap the two",
                )
            )
        return FieldTest(place, name, "range", (low, high))  # type: ignore[arg-type]  # one of the three keys
    if operator == "present":
        return FieldTest(place, name, "present", record.get("present", True))  # type: ignore[arg-type]  # as above
    values = tuple(as_bytes_text(value) for value in record[operator])
    op = "equal" if operator == "value" else operator
    return FieldTest(place, name, op, values, fold)  # type: ignore[arg-type]  # as above


def _operator(key: str) -> str:
    return "a value" if key == "value" else f"`{key}`"


def _client_ip(context: Context, record: Record, value: tuple[str, ...]) -> Predicate:
    return ClientIp(tuple(str(parse_cidr(text)) for text in value))


def _listener(context: Context, record: Record, value: tuple[str, ...]) -> Predicate:
    for index, name in enumerate(value):
        if name not in context.settings:
            undefined(context, "listener", name, record, "listener", index)
    return Listeners(value)


def _sample(context: Context, record: Record, value: str) -> Predicate:
    share = parse_share(value)
    return Sample(share if isinstance(share, int) else 0)


_SIMPLE: dict[str, Callable[[Context, Record, Any], Predicate]] = {
    "method": lambda _c, _r, value: Methods(value),
    "client-ip": _client_ip,
    "scheme": lambda _c, _r, value: Schemes(value),
    "listener": _listener,
    "sni": lambda _c, _r, value: Snis(tuple(str(normalise_configured_host(text)) for text in value)),
    "sample": _sample,
    "model": lambda _c, _r, value: Models(tuple(as_bytes_text(text) for text in value)),
    "stream": lambda _c, _r, value: Flag("stream", value),
    "tools": lambda _c, _r, value: Flag("tools", value),
}
"""The predicates besides host and path that stand once in a block."""

_ONCE = frozenset(("path", "host", *_SIMPLE))
