"""Amounts: the durations, sizes and counts of a block of settings, in the table's units.

Owns the way from a block's keys to the fields of a table's record. What a value means is said by its format
in the schema; `off` is 0 everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeVar

from gwc.schema.table import (
    ListenerLimits,
    ListenerTimeouts,
    UpstreamConnections,
    UpstreamNames,
    UpstreamTimeouts,
)
from gwc.schema.values.bound import (
    OFF,
    parse_limit,
    parse_part_size,
    parse_period,
    parse_timeout,
)
from gwc.schema.values.share import parse_share

from ..validate.record import Record
from ..validate.shape import Scalar

_PARSERS: Final = {
    "duration": parse_period,
    "timeout": parse_timeout,
    "size-limit": parse_limit,
    "part-size": parse_part_size,
    "share": parse_share,
}

_LISTENER_LIMITS: Final = {
    "target": "target_bytes",
    "fields": "fields",
    "field": "field_bytes",
    "head": "head_bytes",
    "connections": "connections",
    "connections-per-ip": "connections_per_ip",
}
_LISTENER_TIMEOUTS: Final = {
    "head": "head_ms",
    "idle": "idle_ms",
    "body": "body_ms",
    "send": "send_ms",
    "age": "age_ms",
    "body-rate": "body_rate_bytes",
}
_CONNECTIONS: Final = {
    "max": "maximum",
    "pending": "pending",
    "pending-timeout": "pending_ms",
    "idle": "idle",
    "idle-timeout": "idle_ms",
    "age": "age_ms",
}
_UPSTREAM_TIMEOUTS: Final = {
    "connect": "connect_ms",
    "first-byte": "first_byte_ms",
    "idle": "idle_ms",
    "request": "request_ms",
}
_NAMES: Final = {
    "least-ttl": "least_ttl_ms",
    "most-ttl": "most_ttl_ms",
    "timeout": "timeout_ms",
    "family": "family",
}

Settings = TypeVar("Settings", bound=NamedTuple)


def amount_of(record: Record, key: str) -> Any:
    """`record[key]` in the table's unit: milliseconds, bytes, millionths; other values as they are."""
    value = record[key]
    if value == OFF:
        return 0
    shape = record.shape.keys[key].shape
    parse = _PARSERS.get(shape.format or "") if isinstance(shape, Scalar) else None
    return value if parse is None else parse(value)


def filled(base: Settings, record: Record | None, fields: Mapping[str, str]) -> Settings:
    """`base` with what the block says in the fields that its keys have; other keys are others' matter."""
    if record is None:
        return base
    return base._replace(**{fields[key]: amount_of(record, key) for key in record if key in fields})


def listener_limits(record: Record) -> ListenerLimits:
    """The `limits` of a listener."""
    return filled(ListenerLimits(), record.get("limits"), _LISTENER_LIMITS)


def listener_timeouts(record: Record) -> ListenerTimeouts:
    """The `timeouts` of a listener."""
    return filled(ListenerTimeouts(), record.get("timeouts"), _LISTENER_TIMEOUTS)


def upstream_connections(record: Record) -> UpstreamConnections:
    """The `connections` of an upstream."""
    return filled(UpstreamConnections(), record.get("connections"), _CONNECTIONS)


def upstream_timeouts(record: Record) -> UpstreamTimeouts:
    """The `timeouts` of an upstream."""
    return filled(UpstreamTimeouts(), record.get("timeouts"), _UPSTREAM_TIMEOUTS)


def upstream_names(record: Record) -> UpstreamNames:
    """The `names` of an upstream."""
    return filled(UpstreamNames(), record.get("names"), _NAMES)
