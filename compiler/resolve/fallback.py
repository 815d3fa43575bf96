"""`fallback`: from the block to the table's record.

Owns what must hold inside the block and beside its route's action: upstreams are there, each once, and none
is its own fallback.
"""

from __future__ import annotations

from collections.abc import Iterable

from gwc.schema.diagnostic import Label, error
from gwc.schema.policies.fallback import FallbackRecord

from .amounts import amount_of
from .context import Context, Record, key_span, span_of, undefined
from .resolved import Action, ToUpstream
from .retries import causes_and_statuses

_OWN = {"latency": "latency_ms", "attempts": "attempts", "body": "body_bytes"}


def resolve_fallback(context: Context, record: Record) -> FallbackRecord:
    """The record of a `fallback` block, its own rules checked."""
    names = record["upstream"]
    numbers = {name: number for number, name in enumerate(context.upstreams)}
    for index, name in enumerate(names):
        if name not in numbers:
            undefined(context, "upstream", name, record, "upstream", index)
        elif name in names[:index]:
            first = span_of(record, "upstream", names.index(name))
            context.report(
                error(
                    "GWC362",
                    span_of(record, "upstream", index),
                    f"`fallback` has upstream `{name}` twice",
                    label="the second",
                    secondary=(Label(first, "the first"),),
                    help="take one out: what failed a moment ago is not asked again",
                )
            )
    if record.get("attempts", 0) > len(names):
        context.report(
            error(
                "GWC364",
                span_of(record, "attempts"),
                f"`attempts` is more than the {len(names)} upstream{'s' * (len(names) > 1)} that there are",
                label="will not come to that",
                secondary=(Label(key_span(record, "upstream"), "each of these is tried once"),),
                help="take it out: all of them are tried by default",
            )
        )
    own = {field: amount_of(record, key) for key, field in _OWN.items() if key in record}
    found = FallbackRecord(tuple(numbers.get(name, 0) for name in dict.fromkeys(names)), **own)
    if "on" in record:
        causes, statuses = causes_and_statuses(record["on"])
        found = found._replace(on=causes, statuses=statuses)
    if "method" in record:
        found = found._replace(methods=tuple(dict.fromkeys(record["method"])))
    return found


def use_upstreams(context: Context, numbers: Iterable[int]) -> None:
    """Upstreams that a route's settings name are used."""
    names = tuple(context.upstreams)
    context.used_upstreams.update(names[number] for number in numbers if number < len(names))


def check_fallback(context: Context, route: Record, action: Action, at: Label | None) -> None:
    """Report an upstream that a route names as its own fallback. An inherited one is passed over."""
    if not isinstance(action, ToUpstream) or "fallback" not in route:
        return
    record = route["fallback"]
    if action.upstream in record["upstream"]:
        context.report(
            error(
                "GWC363",
                span_of(record, "upstream", record["upstream"].index(action.upstream)),
                f"upstream `{action.upstream}` is its own fallback",
                label="has failed already",
                secondary=() if at is None else (at,),
                help="name another one; `retries` tries the same upstream again",
            )
        )
