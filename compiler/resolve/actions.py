"""What a route does: its one action, its rewrite, its header rules.

Owns the reading of the settings of a route, group or split part, and the rules inside them: one action, one
way to rewrite the path, one rule for a header name. Whether captures and prefixes exist is judged in
`effects.py`, once the route's alternatives are known.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gwc.schema.diagnostic import Label, error
from gwc.schema.normalise.host import normalise_configured_host

from .context import Context, Record, key_span, span_of, undefined
from .resolved import Action, HeaderRules, Redirect, Respond, Rewrite, Split, SplitPart, ToUpstream
from .text import as_bytes_text

ACTIONS = ("upstream", "split", "redirect", "respond")
PRIORITIES = {"low": -100, "normal": 0, "high": 100, "critical": 1000}


def priority_of(value: str | int) -> int:
    """A priority as a number."""
    return PRIORITIES[value] if isinstance(value, str) else value


def action_key(context: Context, record: Record, kind: str) -> str | None:
    """The key of the one action that `record` has, None without one; two are reported, the first counts."""
    present = [key for key in ACTIONS if key in record]
    if len(present) < 2:
        return present[0] if present else None
    present.sort(key=lambda key: key_span(record, key).start)
    first, second = present[:2]
    what = f"{kind} `{record[kind]}`" if kind in record else f"`{kind}`"
    context.report(
        error(
            "GWC320",
            key_span(record, second),
            f"{what} has two actions, `{first}` and `{second}`",
            label="the second",
            secondary=(Label(key_span(record, first), "the first"),),
            help="keep one; `split` shares requests among several upstreams",
        )
    )
    return first


def resolve_action(context: Context, record: Record, key: str) -> Action:
    """The action that stands under `key` of `record`."""
    value = record[key]
    if key == "upstream":
        _bind_upstream(context, record, "upstream")
        return ToUpstream(value)
    if key == "split":
        return Split(tuple(_part(context, part) for part in value))
    if key == "redirect":
        return _redirect(context, value)
    return _respond(value)


def _bind_upstream(context: Context, record: Record, key: str) -> None:
    name = record[key]
    if name in context.upstreams:
        context.used_upstreams.add(name)
    else:
        undefined(context, "upstream", name, record, key)


def _part(context: Context, record: Record) -> SplitPart:
    _bind_upstream(context, record, "upstream")
    return SplitPart(
        upstream=record["upstream"],
        weight=record.get("weight", 1),
        request_headers=header_rules(context, record.get("request-headers")),
        response_headers=header_rules(context, record.get("response-headers")),
        rewrite=resolve_rewrite(context, record["rewrite"]) if "rewrite" in record else None,
    )


def _redirect(context: Context, record: Record) -> Redirect:
    kind, path = _path_change(context, record, ("path", "prefix"))
    return Redirect(
        scheme=record.get("scheme"),
        host=_host(record),
        port=record.get("port"),
        kind=kind,
        path=path,
        status=record.get("status", 302),
        keep_query=record.get("query", "keep") == "keep",
    )


def _respond(record: Record) -> Respond:
    return Respond(
        status=record.get("status", 200),
        headers=tuple(
            (header["header"].lower(), as_bytes_text(header["value"])) for header in record.get("headers", ())
        ),
        body=record.get("body", ""),
    )


def resolve_rewrite(context: Context, record: Record) -> Rewrite:
    """A rewrite; at most one of `path`, `prefix` and `template`."""
    kind, path = _path_change(context, record, ("path", "prefix", "template"))
    return Rewrite(host=_host(record), kind=kind, path=path)


def _path_change(context: Context, record: Record, keys: tuple[str, ...]) -> tuple[Any, str]:
    present = sorted((key for key in keys if key in record), key=lambda key: key_span(record, key).start)
    if len(present) > 1:
        context.report(
            error(
                "GWC321",
                key_span(record, present[1]),
                f"`{present[0]}` and `{present[1]}` both say what becomes of the path",
                label="the second",
                secondary=(Label(key_span(record, present[0]), "the first"),),
                help="keep one of them",
            )
        )
    if not present:
        return None, ""
    key = present[0]
    return {"path": "full"}.get(key, key), as_bytes_text(record[key])


def _host(record: Record) -> str | None:
    host = record.get("host")
    return None if host is None else str(normalise_configured_host(host))


def header_rules(context: Context, record: Record | None) -> HeaderRules:
    """The header rules of one block; a name that two rules speak of is reported."""
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
    return rules


def _refuse_repeats(context: Context, record: Record) -> None:
    """Report each name that a second rule acts on; several `add` lines of one name are fine."""
    seen: dict[str, tuple[str, tuple[Record, str, int | None]]] = {}
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


def _places(record: Record) -> Iterator[tuple[str, str, tuple[Record, str, int | None]]]:
    """Kind, name and place of every rule; a rename acts on the name that it takes away."""
    for each in record.get("rename", ()):
        yield "rename", each["from"].lower(), (each, "from", None)
    for kind in ("set", "add"):
        for each in record.get(kind, ()):
            yield kind, each["name"].lower(), (each, "name", None)
    for index, name in enumerate(record.get("remove", ())):
        yield "remove", name.lower(), (record, "remove", index)


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
