"""`mirror`: from the blocks to the table's records.

Owns what must hold of them together: each upstream is there, and named once.
"""

from __future__ import annotations

from gwc.schema.diagnostic import Label, error
from gwc.schema.policies.mirror import MirrorRecord

from .amounts import amount_of
from .context import Context, Record, span_of, undefined
from .retries import field_conditions

_OWN = {"share": "share", "body": "body_bytes", "timeout": "timeout_ms", "most": "most"}


def resolve_mirrors(context: Context, records: tuple[Record, ...]) -> tuple[MirrorRecord, ...]:
    """The records of a route's mirrors."""
    numbers = {name: number for number, name in enumerate(context.upstreams)}
    found: dict[str, MirrorRecord] = {}
    first: dict[str, Record] = {}
    for record in records:
        name = record["upstream"]
        if name not in numbers:
            undefined(context, "upstream", name, record, "upstream")
        if name in first:
            context.report(
                error(
                    "GWC362",
                    span_of(record, "upstream"),
                    f"upstream `{name}` gets two copies of one request",
                    label="the second mirror",
                    secondary=(Label(span_of(first[name], "upstream"), "the first"),),
                    help="keep one of the mirrors",
                )
            )
            continue
        first[name] = record
        own = {field: amount_of(record, key) for key, field in _OWN.items() if key in record}
        found[name] = MirrorRecord(numbers.get(name, 0), **own)
        if "header" in record:
            found[name] = found[name]._replace(headers=field_conditions(record["header"]))
    return tuple(found.values())
