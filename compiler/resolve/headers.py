"""Header rules: what a route may do to the fields of a message.

Owns the reading of `request-headers` and `response-headers`: one rule for a name, no rule for a field that is
the gateway's own, and how rules of groups and routes add up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from gwc.schema.diagnostic import Label, error

from .context import Context, Record, span_of
from .resolved import HeaderRules
from .text import as_bytes_text

_FRAMING = "how a message is framed is worked out by the gateway"
_HOP = "it speaks of one connection alone; the gateway writes its own on each side"

_WHY = {
    "connection": _HOP,
    "content-length": _FRAMING,
    "keep-alive": _HOP,
    "proxy-connection": _HOP,
    "te": _HOP,
    "trailer": _FRAMING,
    "transfer-encoding": _FRAMING,
    "upgrade": _HOP,
    "host": 'write `rewrite { host "…" }`',
}
"""Fields that no rule changes, each with what to say of it (RFC 9110 section 7.6.1, RFC 9112 section 6)."""

UNCHANGEABLE_IN_REQUESTS = frozenset(_WHY)
UNCHANGEABLE = UNCHANGEABLE_IN_REQUESTS - {"host"}

Place = tuple[Record, str, int | None]
"""Where a name stands: record, key, and number in a list."""


def refuse_unchangeable(context: Context, name: str, place: Place) -> None:
    """Report a rule, or a field of a reply, for one of the names above."""
    context.report(
        error(
            "GWC328",
            span_of(*place),
            f"header `{name}` is not for rules to change",
            help=_WHY[name],
        )
    )


def header_rules(
    context: Context, record: Record | None, message: Literal["request", "reply"]
) -> HeaderRules:
    """The header rules of one block; two rules for one name are reported, and any for a fixed one."""
    if record is None:
        return HeaderRules()
    rules = HeaderRules(
        rename=tuple([(each["from"].lower(), each["to"].lower()) for each in record.get("rename", ())]),
        set=tuple([(each["name"].lower(), as_bytes_text(each["value"])) for each in record.get("set", ())]),
        add=tuple([(each["name"].lower(), as_bytes_text(each["value"])) for each in record.get("add", ())]),
        remove=tuple([name.lower() for name in record.get("remove", ())]),
    )
    names = [old for old, _ in rules.rename] + [name for name, _ in rules.set]
    names += [*{name for name, _ in rules.add}, *rules.remove]
    if len(set(names)) != len(names):
        _refuse_repeats(context, record)
    fixed = UNCHANGEABLE if message == "reply" else UNCHANGEABLE_IN_REQUESTS
    if not fixed.isdisjoint(names) or any(new in fixed for _, new in rules.rename):
        for _, name, place in (*_places(record), *_new_names(record)):
            if name in fixed:
                refuse_unchangeable(context, name, place)
    return rules


def _refuse_repeats(context: Context, record: Record) -> None:
    """Report each name that a second rule acts on; several `add` lines of one name are fine."""
    seen: dict[str, tuple[str, Place]] = {}
    for kind, name, place in _places(record):
        first_kind, first = seen.setdefault(name, (kind, place))
        if first is place or first_kind == kind == "add":
            continue
        context.report(
            error(
                "GWC322",
                span_of(*place),
                f"two rules speak of header `{name}`",
                label="the second",
                secondary=(Label(span_of(*first), "the first"),),
                help="keep one; `set` replaces what is there, `add` appends, `remove` takes away",
            )
        )


def _places(record: Record) -> Iterator[tuple[str, str, Place]]:
    """Kind, name and place of every rule; a rename acts on the name that it takes away."""
    for each in record.get("rename", ()):
        yield "rename", each["from"].lower(), (each, "from", None)
    for kind in ("set", "add"):
        for each in record.get(kind, ()):
            yield kind, each["name"].lower(), (each, "name", None)
    for index, name in enumerate(record.get("remove", ())):
        yield "remove", name.lower(), (record, "remove", index)


def _new_names(record: Record) -> Iterator[tuple[str, str, Place]]:
    """As `_places`, the names that a rename gives."""
    for each in record.get("rename", ()):
        yield "rename", each["to"].lower(), (each, "to", None)


def inherit(outer: HeaderRules, inner: HeaderRules) -> HeaderRules:
    """Header rules add up by name: an outer rule counts unless an inner one acts on the same name."""
    if outer == HeaderRules():
        return inner
    own = (
        {old for old, _ in inner.rename}
        | {name for name, _ in inner.set}
        | {name for name, _ in inner.add}
        | set(inner.remove)
    )
    return HeaderRules(
        rename=tuple(rule for rule in outer.rename if rule[0] not in own) + inner.rename,
        set=tuple(rule for rule in outer.set if rule[0] not in own) + inner.set,
        add=tuple(rule for rule in outer.add if rule[0] not in own) + inner.add,
        remove=tuple(name for name in outer.remove if name not in own) + inner.remove,
    )
