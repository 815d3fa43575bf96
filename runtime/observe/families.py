"""The metrics there are: the closed list.

Owns names, labels and what a number of each means. Their order is part of the layout of a slab.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

REQUEST_BOUNDS_S: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
)
CONNECT_BOUNDS_S: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

OTHER: Final = "_other"
"""The label of what found no room, and of methods that are not told apart."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Methods told apart; any other token counts as OTHER, or a client could make series at will."""

VARYING: Final = frozenset({"agent", "route", "upstream", "target", "listener"})
"""Labels whose values come from the configuration or from name lookup; the others are closed lists."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric.

    A counter or gauge has one number, a histogram one for each bucket and the sum. `real`: the number (of a
    histogram: only the sum) is a float. `merge`: how the numbers of several slabs become one. `held`: a gauge
    of what a worker has at the moment; it goes when the worker dies. `told`: it is rendered.
    """

    name: str
    help: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    real: bool = False
    merge: Literal["sum", "max"] = "sum"
    held: bool = False
    told: bool = True

    @property
    def numbers(self) -> int:
        """How many 64-bit numbers a series has."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1


FAMILIES: Final = (
    Family(
        "gwc_requests_total",
        "Requests replied to or given up. status: class of the reply, none where there was no reply.",
        "counter",
        ("route", "method", "status"),
    ),
    Family(
        "gwc_request_duration_seconds",
        "From the end of the request's head to the last byte of the reply.",
        "histogram",
        ("route", "upstream"),
        REQUEST_BOUNDS_S,
    ),
    Family("gwc_request_bytes_total", "Bytes of request bodies, without framing.", "counter", ("route",)),
    Family("gwc_response_bytes_total", "Bytes of reply bodies, without framing.", "counter", ("route",)),
    Family(
        "gwc_route_last_hit",
        "Unix time of the last request.",
        "gauge",
        ("route",),
        real=True,
        merge="max",
        told=False,
    ),
    Family("gwc_upstream_connections", "Open connections.", "gauge", ("upstream", "target"), held=True),
    Family(
        "gwc_upstream_attempts_total",
        "Requests sent, repeated ones included.",
        "counter",
        ("upstream", "target"),
    ),
    Family(
        "gwc_upstream_failures_total", "Attempts that failed.", "counter", ("upstream", "target", "reason")
    ),
    Family(
        "gwc_upstream_connect_seconds",
        "Time to connect, TLS included.",
        "histogram",
        ("upstream",),
        CONNECT_BOUNDS_S,
    ),
    Family(
        "gwc_upstream_picks_total",
        "Targets chosen where more than turns decide. by: balance, sticky or panic.",
        "counter",
        ("upstream", "by"),
    ),
    Family(
        "gwc_upstream_target_healthy",
        "1 where a watched target is in service, 0 where it is unhealthy, ejected or its breaker open.",
        "gauge",
        ("upstream", "target"),
        real=True,
        merge="max",
    ),
    Family(
        "gwc_upstream_breaker_state",
        "0 closed, 1 open, 2 half-open. target: empty for the upstream's own.",
        "gauge",
        ("upstream", "target"),
        real=True,
        merge="max",
    ),
    Family(
        "gwc_upstream_ejections_total",
        "Targets taken out of service because of their failures.",
        "counter",
        ("upstream", "target"),
    ),
    Family(
        "gwc_upstream_breaker_changes_total",
        "Breakers that came to a state: open, half-open or closed. target: empty for the upstream's own.",
        "counter",
        ("upstream", "target", "state"),
    ),
    Family(
        "gwc_retries_total",
        "Further tries of requests, by what the try before came to.",
        "counter",
        ("route", "cause"),
    ),
    Family(
        "gwc_retries_withheld_total",
        "Requests not tried again that otherwise would have been, by why.",
        "counter",
        ("route", "why"),
    ),
    Family(
        "gwc_fallback_total",
        "Requests that turned to another upstream. result: attempt, and at their end success or exhausted.",
        "counter",
        ("route", "upstream", "result"),
    ),
    Family(
        "gwc_mirror_total",
        "Copies of requests. result: sent, failed, timeout, or dropped before it was sent.",
        "counter",
        ("route", "upstream", "result"),
    ),
    Family(
        "gwc_refused_total",
        "Requests answered by the gateway itself or given up, by reason.",
        "counter",
        ("reason",),
    ),
    Family(
        "gwc_rate_limited_total",
        "Requests over a rate limit. result: rejected, delayed, logged.",
        "counter",
        ("route", "result"),
    ),
    Family(
        "gwc_schema_mismatches_total",
        "Messages that are not as `api-schema` says. what: request, reply, unknown, unread.",
        "counter",
        ("route", "what"),
    ),
    Family(
        "gwc_agent_calls_total",
        "Events for agents, by what came of them: continue, block, redirect, more, timeout, failed, open "
        "(not sent, its breaker was open), given-up (nobody waited any more).",
        "counter",
        ("agent", "event", "result"),
    ),
    Family(
        "gwc_agent_call_seconds",
        "How long agents took for an event.",
        "histogram",
        ("agent",),
        CONNECT_BOUNDS_S,
    ),
    Family(
        "gwc_agent_breaker_open",
        "1 where a worker leaves an agent alone because of its failures.",
        "gauge",
        ("agent",),
        real=True,
        merge="max",
    ),
    Family("gwc_in_flight", "Requests being served.", "gauge", held=True),
    Family("gwc_connections", "Open connections of clients.", "gauge", ("listener",), held=True),
    Family("gwc_tunnels", "Open WebSockets.", "gauge", ("route",), held=True),
    Family(
        "gwc_tunnel_duration_seconds",
        "How long WebSockets that are over were open.",
        "histogram",
        ("route", "upstream"),
        REQUEST_BOUNDS_S,
    ),
    Family(
        "gwc_tls_handshakes_total",
        "Handshakes by how they ended: ok, name, certificate, version, plain, timeout, gone or failed.",
        "counter",
        ("listener", "result"),
    ),
    Family("gwc_log_lines_dropped_total", "Lines that a log could not take in time.", "counter", ("log",)),
    Family("gwc_spans_dropped_total", "Spans that the collector could not take in time.", "counter"),
    Family("gwc_observe_failures_total", "Requests that could not be told of in full.", "counter"),
    Family("gwc_generation", "The generation that is served.", "gauge", merge="max"),
    Family("gwc_reloads_total", "Reloads by result.", "counter", ("result",)),
    Family(
        "gwc_reload_last_success_timestamp_seconds",
        "Unix time of the last reload that succeeded.",
        "gauge",
        real=True,
        merge="max",
    ),
    Family(
        "gwc_reload_last_result",
        "1 where the last reload succeeded, 0 where it failed.",
        "gauge",
        merge="max",
    ),
    Family("gwc_live_generations", "Generations that still serve something.", "gauge", merge="max"),
    Family(
        "gwc_oldest_generation_age_seconds",
        "Age of the oldest generation that still serves something.",
        "gauge",
        real=True,
        merge="max",
    ),
    Family("gwc_config_stale", "1 where an older table is served than the files say.", "gauge", merge="max"),
    Family("gwc_workers", "Workers that are alive.", "gauge", merge="max"),
    Family("gwc_build_info", "1; the version is the label.", "gauge", ("version",), merge="max"),
)

NUMBER_OF: Final = {family.name: number for number, family in enumerate(FAMILIES)}
