"""The timeouts and limits that a forwarded request has, of its route and its upstream together.

Owns which of the two counts, as data for `gwc explain` and as one line of its text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gwc.schema.table import RouteTable
from gwc.schema.values.duration import format_milliseconds
from gwc.schema.values.size import format_size

from .choosing_shown import choosing_line, choosing_shown
from .tries_shown import (
    fallback_line,
    fallback_shown,
    mirror_shown,
    mirrors_line,
    retries_line,
    retries_shown,
)

_TIMES = {
    "request_ms": "request",
    "per_try_ms": "try",
    "connect_ms": "connect",
    "first_byte_ms": "first byte",
    "idle_ms": "idle",
}


_SPOKEN = {"http2": "HTTP/2 to targets", "auto": "HTTP/2 to targets where TLS agrees on it"}


def settings_shown(table: RouteTable, route: int, upstream: str | None) -> dict[str, Any]:
    """What is in force: milliseconds and bytes, null for what has no limit."""
    own = table.settings_of_routes[table.routes[route].settings]
    served_by = next(each for each in table.upstreams if each.name == upstream)
    theirs = served_by.timeouts
    times = {
        "request_ms": theirs.request_ms if own.request_ms is None else own.request_ms,
        "per_try_ms": own.per_try_ms or 0,
        "connect_ms": theirs.connect_ms,
        "first_byte_ms": theirs.first_byte_ms if own.first_byte_ms is None else own.first_byte_ms,
        "idle_ms": theirs.idle_ms if own.idle_ms is None else own.idle_ms,
        "stream_idle_ms": own.stream_idle_ms,
        "drain_streams_ms": own.drain_streams_ms,
    }
    shown: dict[str, Any] = {
        "protocol": served_by.protocol,
        "egress_proxy": None if served_by.egress is None else served_by.egress.url,
        **{key: value or None for key, value in times.items()},
        "request_body_bytes": own.request_body_bytes or None,
        "response_body_bytes": own.response_body_bytes or None,
        "request_trailers": list(own.request_trailers),
        "response_trailers": list(own.response_trailers),
        "sticky": None if own.sticky is None else " ".join(filter(None, own.sticky)),
        "websocket": None if own.websocket is None else {"idle_ms": own.websocket.idle_ms or None},
    }
    if own.retries is not None:
        shown["retries"] = retries_shown(own.retries)
    if own.mirrors:
        names = [each.name for each in table.upstreams]
        shown["mirrors"] = [mirror_shown(each, names) for each in own.mirrors]
    if own.fallback is not None:
        shown["fallback"] = fallback_shown(own.fallback, [each.name for each in table.upstreams])
    if served_by.choosing is not None:
        shown["choosing"] = choosing_shown(served_by.choosing)
    return shown


def settings_line(settings: Mapping[str, Any]) -> str:
    """The same for people; what has no limit is left out, a body's excepted."""
    times = [f"{word} {format_milliseconds(settings[key])}" for key, word in _TIMES.items() if settings[key]]
    bodies = [
        f"{whose} body {_size(settings[key])}"
        for whose, key in (("request", "request_body_bytes"), ("reply", "response_body_bytes"))
    ]
    line = f"timeouts: {', '.join(times) or 'none'}; {', '.join(bodies)}"
    if settings["egress_proxy"] is not None:
        line += f"; by the proxy {settings['egress_proxy']}"
    if settings["protocol"] != "http1":
        line += f"; {_SPOKEN[settings['protocol']]}"
    if settings["sticky"] is not None:
        line = f"{line}; sticky by {settings['sticky']}"
    drains = settings["drain_streams_ms"]
    if drains:
        line += f"; streams end {format_milliseconds(drains)} after a change"
    websocket = settings["websocket"]
    if websocket is not None:
        idle = websocket["idle_ms"]
        line += f"; WebSockets, idle {format_milliseconds(idle)}" if idle else "; WebSockets"
    if "retries" in settings:
        line += f"; {retries_line(settings['retries'])}"
    if "mirrors" in settings:
        line += f"; {mirrors_line(settings['mirrors'])}"
    if "fallback" in settings:
        line += f"; {fallback_line(settings['fallback'])}"
    if "choosing" in settings:
        line += f"; {choosing_line(settings['choosing'])}"
    return line


def _size(size: int | None) -> str:
    return "of any size" if size is None else f"up to {format_size(size)}"
