"""GWC414: a variable or reference where none is filled in, so that its text is taken as it stands.

`rewrite { path "/v2/${path.id}" }` sends just these characters; `template` is what fills them in. A header
that is compared with `${env:KEY}` is compared with that text, which is never what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gwc.schema.diagnostic import Diagnostic, warning

from ..resolve import Item
from ..resolve.resolved import Listener
from ..validate.record import Record, span_of

_VARIABLE = re.compile(
    r"(?<!\$)\$\{(?:env:|file:|req\.|path\.|identity\.|(?:client-ip|listener|route|trace-id|request-id)\})[^}]*\}?"
)
_OPERATORS = ("value", "prefix", "suffix", "contains")
_OF_CONDITIONS = "conditions compare text as it stands; a value for each environment comes with an overlay"


def check(item: Item, listeners: Sequence[Listener]) -> Iterator[Diagnostic]:
    """One finding for each text with such a variable."""
    yield from _in_routes((item.record,))
    for block in item.blocks:
        for place in ("header", "query", "cookie"):
            for test in block.get(place, ()):
                for operator in _OPERATORS:
                    for index, text in enumerate(test.get(operator, ())):
                        if "${" in text:
                            yield from _judge(test, operator, index, text, _OF_CONDITIONS)


def _in_routes(records: tuple[Record, ...]) -> Iterator[Diagnostic]:
    for record in records:
        yield from _in_settings(record)
        if "group" in record:
            yield from _in_routes(record.get("routes", ()))


def _in_settings(record: Record) -> Iterator[Diagnostic]:
    for part in (record, *record.get("split", ())):
        if "rewrite" in part:
            advice = "`template` is filled in: write it instead of this key"
            yield from _in_paths(part["rewrite"], advice)
    if "redirect" in record:
        yield from _in_paths(
            record["redirect"], "a redirect has no variables; `prefix` keeps what follows it"
        )
    if "body" in record.get("respond", {}):
        advice = "a body is sent as it stands; a header of the reply can have variables"
        yield from _judge(record["respond"], "body", None, record["respond"]["body"], advice)


def _in_paths(record: Record, advice: str) -> Iterator[Diagnostic]:
    for key in ("path", "prefix"):
        if key in record:
            yield from _judge(record, key, None, record[key], advice)


def _judge(record: Record, key: str, index: int | None, text: str, advice: str) -> Iterator[Diagnostic]:
    found = _VARIABLE.search(text)
    if found is not None:
        yield warning(
            "GWC414",
            span_of(record, key, index),
            f"`{found[0]}` is not filled in here",
            label="taken as it stands",
            help=advice,
        )
