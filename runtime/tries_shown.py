"""What a route says of failure and of copies, for `gwc explain`: as data, and as words of one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gwc.schema.policies.fallback import FallbackRecord
from gwc.schema.policies.mirror import MirrorRecord
from gwc.schema.policies.retries import RetriesRecord
from gwc.schema.values.duration import format_milliseconds
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


def fallback_shown(record: FallbackRecord, upstreams: Sequence[str]) -> dict[str, Any]:
    """Upstreams to turn to, as data; `upstreams` are the names of all, by number."""
    return {
        "upstreams": [upstreams[number] for number in record.upstreams],
        "on": [*record.on, *record.statuses],
        "latency_ms": record.latency_ms or None,
        "attempts": record.attempts or len(record.upstreams),
        "body_bytes": record.body_bytes or None,
        "methods": list(record.methods),
    }


def fallback_line(fallback: Mapping[str, Any]) -> str:
    """The same for people."""
    causes = [*map(str, fallback["on"])]
    if fallback["latency_ms"] is not None:
        causes.append(f"no head within {format_milliseconds(fallback['latency_ms'])}")
    return f"fallback to {', then '.join(fallback['upstreams'])} on {', '.join(causes)}"


def mirror_shown(record: MirrorRecord, upstreams: Sequence[str]) -> dict[str, Any]:
    """Where copies go, as data; `upstreams` are the names of all, by number."""
    return {
        "upstream": upstreams[record.upstream],
        "share": format_share(record.share),
        "headers": [name if value is None else f"{name}: {value}" for name, value in record.headers],
        "body_bytes": record.body_bytes or None,
        "timeout_ms": record.timeout_ms,
        "most": record.most,
    }


def mirrors_line(mirrors: Sequence[Mapping[str, Any]]) -> str:
    """The same for people."""
    words = []
    for each in mirrors:
        which = f" with {' and '.join(f'`{name}`' for name in each['headers'])}" if each["headers"] else ""
        words.append(f"{each['share']} to {each['upstream']}{which}")
    return f"copies: {', '.join(words)}"
