"""How many requests a route takes: the reading of `rate-limit` and `concurrency`.

Owns what of their keys goes together, and the order in which the parts of a key stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gwc.schema.diagnostic import Label, error
from gwc.schema.policies.limits import ConcurrencyRecord, KeyPart, RateLimitRecord

from ..validate.shape import default_of
from .amounts import amount_of
from .context import Context, Record, key_span, span_of

_OFF: Final = "off"
_LONGEST_MS: Final = 10 * 365 * 24 * 3600 * 1000
"""A full burst comes back within ten years: what is counted are nanoseconds in 63 bits."""

_OF_REFUSALS: Final = ("status", "message")


def resolve_rate_limits(
    context: Context, records: Sequence[Record], scope: str
) -> tuple[RateLimitRecord, ...] | None:
    """The limits of a block, None where it has `rate-limit "off"`."""
    limits: dict[str, RateLimitRecord] = {}
    written: dict[str, Record] = {}
    for number, record in enumerate(records, 1):
        name = record.get("name", str(number))
        if name == _OFF and len(record) == 1 and len(records) == 1:
            return None
        if name in written:
            context.report(
                error(
                    "GWC377",
                    span_of(record, "name") if "name" in record else span_of(record),
                    f"rate limit `{name}` stands twice",
                    label="the second of this name",
                    secondary=(Label(span_of(written[name]), "the first"),),
                    help="give one of them another name; replies and logs speak of it by its name",
                )
            )
            continue
        written[name] = record
        limit = _rate_limit(context, record, name, scope)
        if limit is not None:
            limits[name] = limit
    return tuple(limits.values()) or None


def resolve_concurrency(context: Context, record: Record, scope: str) -> ConcurrencyRecord | None:
    """The limit, None where it is switched off."""
    if record.get("state") == _OFF:
        return None
    if not _has_requests(context, record, "concurrency", "at once"):
        return None
    key = _key(record, "all")
    if key == (("all", ""),) and "max-keys" in record:
        context.report(
            error(
                "GWC379",
                key_span(record, "max-keys"),
                "`max-keys` has no effect without `key`",
                label="nothing is told apart",
                help="take `max-keys` out, or say with `key` what is counted by",
            )
        )
    return ConcurrencyRecord(
        scope,
        record["requests"],
        key,
        _number(record, "concurrency", "max-keys"),
        amount_of(record, "wait") if "wait" in record else 0,
        _number(record, "concurrency", "status"),
        record.get("message"),
    )


def _rate_limit(context: Context, record: Record, name: str, scope: str) -> RateLimitRecord | None:
    if not _has_requests(context, record, "rate-limit", "in the time that `per` says"):
        return None
    requests = record["requests"]
    per_ms = amount_of(record, "per") if "per" in record else 1_000
    burst = record.get("burst", requests)
    if burst * per_ms // requests > _LONGEST_MS:
        context.report(
            error(
                "GWC378",
                span_of(record, "burst" if "burst" in record else "per"),
                "a burst would take more than ten years to come back",
                label="of so many at this rate",
                help="make it smaller, or the rate higher",
            )
        )
        return None
    over = record.get("over", "reject")
    _judge_over(context, record, over)
    return RateLimitRecord(
        name,
        scope,
        requests,
        per_ms,
        burst,
        _key(record, "client-ip"),
        _number(record, "rate-limit", "max-keys"),
        over,
        (amount_of(record, "delay-at-most") if "delay-at-most" in record else 1_000)
        if over == "delay"
        else 0,
        _number(record, "rate-limit", "status"),
        record.get("message"),
        record.get("fields", True),
    )


def _judge_over(context: Context, record: Record, over: str) -> None:
    """Keys that mean nothing to what becomes of requests over the limit."""
    idle = [] if over == "delay" else ["delay-at-most"]
    idle += _OF_REFUSALS if over == "log" else ()
    for key in idle:
        if key in record:
            wanted = '`over "delay"`' if key == "delay-at-most" else "another `over` than `log`"
            context.report(
                error(
                    "GWC379",
                    key_span(record, key),
                    f"`{key}` has no effect without {wanted}",
                    label="nothing is delayed" if key == "delay-at-most" else "nothing is refused",
                    help=f"take `{key}` out, or write {wanted}",
                )
            )


def _has_requests(context: Context, record: Record, key: str, what: str) -> bool:
    if "requests" in record:
        return True
    context.report(
        error(
            "GWC376",
            span_of(record),
            f"`{key}` does not say how many requests",
            label="limits nothing",
            help=f"add `requests`, the number that may come {what}",
        )
    )
    return False


def _key(record: Record, usual: str) -> tuple[KeyPart, ...]:
    """The parts of a key, in one order; by default one thing."""
    key = record.get("key", {})
    parts = {(word, "") for word in key.get("by", ())}
    parts |= {("header", name.lower()) for name in key.get("header", ())}
    parts |= {("cookie", name) for name in key.get("cookie", ())}
    if len(parts) > 1:
        parts.discard(("all", ""))
    return tuple(sorted(parts)) or ((usual, ""),)  # type: ignore[return-value]  # words of the schema


def _number(record: Record, owner: str, key: str) -> int:
    found = record[key] if key in record else default_of(owner, key)
    assert isinstance(found, int)
    return found
