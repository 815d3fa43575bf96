"""`retries`: from the block to the table's record.

Owns what must hold inside the block: bounds do not cross, and what is said of replies
has replies to speak of.
"""

from __future__ import annotations

from typing import Any

from gwc.schema.diagnostic import Label, error
from gwc.schema.policies.retries import FieldCondition, RetriesRecord, RetryBudget

from .amounts import amount_of, filled
from .context import Context, Record, key_span, span_of

_BACK_OFF = {"first": "first_ms", "most": "most_ms"}
_OWN = {"times": "times", "body": "body_bytes", "retry-after": "retry_after_ms"}


def resolve_retries(context: Context, record: Record) -> RetriesRecord:
    """The record of a `retries` block, its own rules checked."""
    own = {field: amount_of(record, key) for key, field in _OWN.items() if key in record}
    found = RetriesRecord(**own)
    found = filled(found, record.get("back-off"), _BACK_OFF)
    if found.first_ms > found.most_ms:
        _refuse_crossing(context, record["back-off"])
    if "on" in record:
        causes, statuses = causes_and_statuses(record["on"])
        found = found._replace(on=causes, statuses=statuses)
    if "header" in record:
        found = found._replace(headers=field_conditions(record["header"]))
    if "method" in record:
        found = found._replace(methods=tuple(dict.fromkeys(record["method"])))
    if "budget" in record:
        budget = record["budget"]
        share = amount_of(budget, "share")
        found = found._replace(
            budget=filled(RetryBudget(share), budget, {"share": "share", "least": "least"})
        )
    if found.retry_after_ms and not (found.statuses or found.headers):
        context.report(
            error(
                "GWC361",
                key_span(record, "retry-after"),
                "`retry-after` has no effect where no reply counts as failed",
                label="is read off a reply that is not passed on",
                help="name statuses in `on`, as in `on 503`, or a `header`; or take `retry-after` out",
            )
        )
    return found


def causes_and_statuses(written: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[int, ...]]:
    """The words and the statuses of an `on`, each once."""
    words = tuple(dict.fromkeys(each for each in written if isinstance(each, str)))
    return words, tuple(sorted({each for each in written if isinstance(each, int)}))


def field_conditions(records: tuple[Record, ...]) -> tuple[FieldCondition, ...]:
    """Fields that have to be there, or to have a value."""
    return tuple(dict.fromkeys((each["name"].lower(), each.get("value")) for each in records))


def _refuse_crossing(context: Context, record: Record) -> None:
    """Report a first wait that is longer than any may be, one of them a default perhaps."""
    at, *others = [key for key in ("first", "most") if key in record]
    context.report(
        error(
            "GWC360",
            span_of(record, at),
            "the first wait is longer than `most`, the longest",
            label=f"this is `{at}`",
            secondary=tuple(Label(span_of(record, other), f"this is `{other}`") for other in others),
            help="make `first` shorter (`25ms` by default) or `most` longer (`250ms` by default)",
        )
    )
