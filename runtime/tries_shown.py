"""What a route says of failure, for `gwc explain`: as data, and as words of one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gwc.schema.policies.retries import RetriesRecord
from gwc.schema.values.share import format_share


def retries_shown(record: RetriesRecord) -> dict[str, Any]:
    """Further tries, as data."""
    return {
        "times": record.times,
        "on": [*record.on, *record.statuses],
        "headers": [name if value is None else f"{name}: {value}" for name, value in record.headers],
        "first_ms": record.first_ms,
        "most_ms": record.most_ms,
        "retry_after_ms": record.retry_after_ms or None,
        "body_bytes": record.body_bytes or None,
        "methods": list(record.methods),
        "budget": None
        if record.budget is None
        else {"share": format_share(record.budget.share), "least": record.budget.least},
    }


def retries_line(retries: Mapping[str, Any]) -> str:
    """The same for people."""
    if not retries["times"]:
        return "no more tries"
    tries = "one more try" if retries["times"] == 1 else f"{retries['times']} more tries"
    causes = [*map(str, retries["on"]), *(f"`{each}`" for each in retries["headers"])]
    return f"{tries} on {', '.join(causes)}"
