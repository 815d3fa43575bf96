"""Counting what one worker does.

Owns which numbers a request, a connection or a failure changes. Everything that can be looked up beforehand
is, by what is the same from request to request; counting is then additions to words of shared memory.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from .families import CONNECT_BOUNDS_S, METHODS, OTHER, REQUEST_BOUNDS_S
from .reasons import REASONS
from .record import RequestRecord
from .slab import Slab

_Places = tuple[int, int, int, int, int, int, int, int]

_PLACES_KEPT: Final = 16_384
"""Combinations looked up beforehand; a client's odd methods must not fill the memory, so they are not."""
_DURATION_SUM: Final = len(REQUEST_BOUNDS_S) + 1
_CONNECT_SUM: Final = len(CONNECT_BOUNDS_S) + 1


class Metrics:
    """Counts into a slab of which this worker is the only writer.

    Mutable: the slab, and caches of places in it.
    """

    def __init__(self, slab: Slab) -> None:
        self.slab = slab
        self._ints = slab.ints
        self._reals = slab.reals
        self._in_flight = slab.at("gwc_in_flight")
        self._places: dict[tuple[str, str, int, str, str, str], _Places] = {}
        self._targets: dict[tuple[str, str], tuple[int, int]] = {}
        self._listeners: dict[str, int] = {}
        self._picks: dict[tuple[str, str], int] = {}

    def began(self) -> None:
        """A request is in flight."""
        self._ints[self._in_flight] += 1

    def done(self, record: RequestRecord) -> None:
        """A request is over."""
        ints = self._ints
        reals = self._reals
        ints[self._in_flight] -= 1
        key = (record.route, record.method, record.status, record.upstream, record.target, record.reason)
        places = self._places.get(key)
        if places is None:
            places = self._look_up(record, key)
        requests, duration, total, received, sent, hit, attempts, refused = places
        seconds = record.total_s
        ints[requests] += 1
        ints[duration + bisect_left(REQUEST_BOUNDS_S, seconds)] += 1
        reals[total] += seconds
        reals[hit] = record.began
        if n := record.request_bytes:
            ints[received] += n
        if n := record.response_bytes:
            ints[sent] += n
        if n := record.attempts - record.attempts_told:
            ints[attempts] += n
        if refused:
            ints[refused] += 1

    def refused(self, reason: str) -> None:
        """Something was refused before it was a request."""
        self.slab.add("gwc_refused_total", (_closed(reason),))

    def connection(self, listener: str, n: int) -> None:
        """A client's connection was opened (1) or closed (-1)."""
        at = self._listeners.get(listener)
        if at is None:
            at = self._listeners[listener] = self.slab.at("gwc_connections", (listener,))
        self._ints[at] += n

    def tunnel(self, route: str, n: int) -> None:
        """A tunnel was opened (1) or is over (-1)."""
        self.slab.add("gwc_tunnels", (route,), n)

    def handshake(self, listener: str, result: str) -> None:
        """A handshake is over."""
        self.slab.add("gwc_tls_handshakes_total", (listener, result))

    def upstream_connected(self, upstream: str, target: str, seconds: float) -> None:
        """A connection to a target is open, `seconds` after it was begun."""
        connections, histogram = self._target(upstream, target)
        self._ints[connections] += 1
        self._ints[histogram + bisect_left(CONNECT_BOUNDS_S, seconds)] += 1
        self._reals[histogram + _CONNECT_SUM] += seconds

    def upstream_closed(self, upstream: str, target: str) -> None:
        """A connection to a target is closed."""
        self._ints[self._target(upstream, target)[0]] -= 1

    def upstream_failed(self, upstream: str, target: str, reason: str) -> None:
        """An attempt failed."""
        self.slab.add("gwc_upstream_failures_total", (upstream, target, _closed(reason)))

    def upstream_picked(self, upstream: str, how: str) -> None:
        """A target was chosen."""
        at = self._picks.get((upstream, how))
        if at is None:
            if len(self._picks) >= _PLACES_KEPT:
                self._picks.clear()
            at = self._picks[upstream, how] = self.slab.at("gwc_upstream_picks_total", (upstream, how))
        self._ints[at] += 1

    def upstream_ejected(self, upstream: str, target: str) -> None:
        """A target is out of service because of its failures."""
        self.slab.add("gwc_upstream_ejections_total", (upstream, target))

    def breaker_changed(self, upstream: str, target: str, state: str) -> None:
        """A breaker has another state."""
        self.slab.add("gwc_upstream_breaker_changes_total", (upstream, target, state))

    def retried(self, record: RequestRecord, cause: str) -> None:
        """A request is tried again. Its try counts for the target that it was sent to, now: later tries go
        elsewhere.
        """
        self.slab.add("gwc_retries_total", (record.route, cause))
        self.slab.add("gwc_upstream_attempts_total", (record.upstream, record.target))
        record.attempts_told += 1

    def fell_back(self, record: RequestRecord, upstream: str) -> None:
        """A request turns to another upstream. Its try counts for the one that it was sent to."""
        self.slab.add("gwc_fallback_total", (record.route, upstream, "attempt"))
        self.slab.add("gwc_upstream_attempts_total", (record.upstream, record.target))
        record.attempts_told += 1

    def fallback_ended(self, record: RequestRecord, result: str) -> None:
        """A request that turned to another upstream is over."""
        self.slab.add("gwc_fallback_total", (record.route, record.upstream, result))

    def mirrored(self, route: str, upstream: str, result: str) -> None:
        """A copy of a request is over."""
        self.slab.add("gwc_mirror_total", (route, upstream, result))

    def agent_called(self, agent: str, event: str, result: str, seconds: float) -> None:
        """An event for an agent is over."""
        self.slab.add("gwc_agent_calls_total", (agent, event, result))
        if result not in ("open", "given-up"):
            at = self.slab.at("gwc_agent_call_seconds", (agent,))
            self._ints[at + bisect_left(CONNECT_BOUNDS_S, seconds)] += 1
            self._reals[at + _CONNECT_SUM] += seconds

    def retry_withheld(self, route: str, why: str) -> None:
        """A request is not tried again."""
        self.slab.add("gwc_retries_withheld_total", (route, why))

    def failed(self) -> None:
        """A request could not be told of in full."""
        self.slab.add("gwc_observe_failures_total")

    def _target(self, upstream: str, target: str) -> tuple[int, int]:
        places = self._targets.get((upstream, target))
        if places is None:
            if len(self._targets) >= _PLACES_KEPT:
                self._targets.clear()
            slab = self.slab
            places = self._targets[upstream, target] = (
                slab.at("gwc_upstream_connections", (upstream, target)),
                slab.at("gwc_upstream_connect_seconds", (upstream,)),
            )
        return places

    def _look_up(self, record: RequestRecord, key: tuple[str, str, int, str, str, str]) -> _Places:
        slab = self.slab
        route, method, status, upstream, target, reason = key
        # An hour of WebSocket is no slow request.
        family = "gwc_tunnel_duration_seconds" if status == 101 else "gwc_request_duration_seconds"
        duration = slab.at(family, (route, upstream))
        places = (
            slab.at("gwc_requests_total", (route, method_class(method), status_class(status))),
            duration,
            duration + _DURATION_SUM,
            slab.at("gwc_request_bytes_total", (route,)),
            slab.at("gwc_response_bytes_total", (route,)),
            slab.at("gwc_route_last_hit", (route,)),
            slab.at("gwc_upstream_attempts_total", (upstream, target)) if upstream else 0,
            slab.at("gwc_refused_total", (_closed(reason),)) if reason else 0,
        )
        if method in METHODS:
            if len(self._places) >= _PLACES_KEPT:
                self._places.clear()
            self._places[key] = places
        return places


def method_class(method: str) -> str:
    """The method, or OTHER."""
    return method if method in METHODS else OTHER


def status_class(status: int) -> str:
    """`2xx` and the like; `none` where there was no reply."""
    return f"{status // 100}xx" if 100 <= status <= 599 else "none" if status == 0 else "other"


def _closed(reason: str) -> str:
    return reason if reason in REASONS else "other"
