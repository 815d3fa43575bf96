"""What the data path tells, as an interface, and somebody who does not listen.

Owns the list of occasions. Every method is called on the hot path: none may raise, wait or keep a record.
"""

from __future__ import annotations

from typing import Protocol

from .record import RequestRecord


class Observing(Protocol):
    """Who is told. Times are in seconds; `reason` is a word of `reasons.REASONS`."""

    def request_began(self) -> None:
        """A request's head is whole."""

    def request_done(self, record: RequestRecord) -> None:
        """A request is over, and so is its record."""

    def connection_opened(self, listener: str) -> None:
        """A client has connected; `listener` is the first one of the address."""

    def connection_closed(self, listener: str) -> None:
        """A client's connection is gone."""

    def tunnel(self, route: str, n: int) -> None:
        """A tunnel was opened (1) or is over (-1)."""

    def handshake(self, listener: str, result: str) -> None:
        """A TLS handshake with a client is over; `result` is a word of a closed list (see `families.py`)."""

    def upstream_connected(self, upstream: str, target: str, seconds: float) -> None:
        """A connection to a target stands."""

    def upstream_closed(self, upstream: str, target: str) -> None:
        """A connection to a target is gone."""

    def upstream_failed(self, upstream: str, target: str, reason: str) -> None:
        """A try at a target came to nothing."""

    def upstream_picked(self, upstream: str, how: str) -> None:
        """A target was chosen: by `balance`, a `sticky` cookie, or among all in `panic`."""

    def upstream_ejected(self, upstream: str, target: str, seconds: float) -> None:
        """A target is out of service for so long, because of its failures."""

    def breaker_changed(self, upstream: str, target: str, state: str) -> None:
        """A breaker is `open`, `half-open` or `closed` now; `target` is "" for the upstream's own."""

    def retried(self, record: RequestRecord, cause: str) -> None:
        """A request that is not over is tried again, because of what happened at the target of its record."""

    def mirrored(self, route: str, upstream: str, result: str) -> None:
        """A copy of a request is over: `sent`, `failed`, `timeout`, or `dropped` before it was sent."""

    def agent_called(self, agent: str, event: str, result: str, seconds: float) -> None:
        """An event for an agent is over. Results: an action, `timeout`, `failed`, `open` (its breaker was,
        and it was not sent), `given-up` (nobody waited any more).
        """

    def agent_breaker(self, agent: str, is_open: bool) -> None:
        """An agent is left alone from now on, or not any more."""

    def retry_withheld(self, route: str, why: str) -> None:
        """A request is not tried again that otherwise would be."""

    def counted(self, family: str, labels: tuple[str, ...]) -> None:
        """Something of a policy happened once: a counter of `families.FAMILIES` and its labels."""

    def fell_back(self, record: RequestRecord, upstream: str) -> None:
        """A request that is not over turns from the upstream of its record to this one."""

    def fallback_ended(self, record: RequestRecord, result: str) -> None:
        """A request that turned to another upstream is over: a `success`, or all were `exhausted`."""

    def refused(self, reason: str, client: str, listener: str, detail: str) -> None:
        """Bytes were refused before there was a request to tell of."""

    def error(self, level: str, event: str, **fields: object) -> None:
        """Something for the error log."""


class Silent:
    """Nobody listens."""

    def request_began(self) -> None:
        """See Observing."""

    def request_done(self, record: RequestRecord) -> None:
        """See Observing."""

    def connection_opened(self, listener: str) -> None:
        """See Observing."""

    def connection_closed(self, listener: str) -> None:
        """See Observing."""

    def tunnel(self, route: str, n: int) -> None:
        """See Observing."""

    def handshake(self, listener: str, result: str) -> None:
        """See Observing."""

    def upstream_connected(self, upstream: str, target: str, seconds: float) -> None:
        """See Observing."""

    def upstream_closed(self, upstream: str, target: str) -> None:
        """See Observing."""

    def upstream_failed(self, upstream: str, target: str, reason: str) -> None:
        """See Observing."""

    def upstream_picked(self, upstream: str, how: str) -> None:
        """See Observing."""

    def upstream_ejected(self, upstream: str, target: str, seconds: float) -> None:
        """See Observing."""

    def breaker_changed(self, upstream: str, target: str, state: str) -> None:
        """See Observing."""

    def retried(self, record: RequestRecord, cause: str) -> None:
        """See Observing."""

    def mirrored(self, route: str, upstream: str, result: str) -> None:
        """See Observing."""

    def agent_called(self, agent: str, event: str, result: str, seconds: float) -> None:
        """See Observing."""

    def agent_breaker(self, agent: str, is_open: bool) -> None:
        """See Observing."""

    def retry_withheld(self, route: str, why: str) -> None:
        """See Observing."""

    def counted(self, family: str, labels: tuple[str, ...]) -> None:
        """See Observing."""

    def fell_back(self, record: RequestRecord, upstream: str) -> None:
        """See Observing."""

    def fallback_ended(self, record: RequestRecord, result: str) -> None:
        """See Observing."""

    def refused(self, reason: str, client: str, listener: str, detail: str) -> None:
        """See Observing."""

    def error(self, level: str, event: str, **fields: object) -> None:
        """See Observing."""
