"""Who is told of everything that happens in a worker.

Owns which log, metric and span hears of what. Called on the hot path: nothing here waits and nothing raises;
what cannot be told is counted. Belongs to the thread of the event loop, but for `error`.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

import orjson
from gwc.schema.table import GatewayRecord, LogRecord, TracingRecord

from .access import AccessLog
from .audit import AuditLog
from .errors import ErrorLog, Level
from .metrics import Metrics
from .reasons import REASONS, REFUSALS
from .record import RequestRecord
from .slab import Slab
from .spans import SpanExporter
from .writer import Sink

RECENT: Final = 128
_COMPLAIN_EVERY_S: Final = 60.0
_NOWHERE: Final = LogRecord(None)


def _nowhere(line: bytes) -> None:
    """A log that goes nowhere."""


class Observer:
    """Logs, metrics and spans of one worker. `slab` is this worker's alone; `instance` names it in lines.

    Mutable: the logs, which `reconfigure` swaps, and the most recent requests.
    """

    def __init__(self, gateway: GatewayRecord, slab: Slab, instance: str) -> None:
        self.metrics = Metrics(slab)
        self._instance = instance
        self._count = self.metrics.done
        self.request_began = self.metrics.began
        """A request's head is complete; `request_done` will follow. PERF: no call in between."""
        self._recent: deque[RequestRecord] = deque(maxlen=RECENT)
        self._form = AccessLog(_NOWHERE, instance, _nowhere)
        self._counting = threading.Lock()
        self._logs: dict[str, LogRecord] = {}
        self._sinks: dict[str, Sink] = {}
        self._tracing: TracingRecord | None = None
        self._spans: SpanExporter | None = None
        self._access: Callable[[RequestRecord], None] | None = None
        self._audit = AuditLog(_NOWHERE, instance, _nowhere)
        self._audited = False
        self._errors = ErrorLog(_NOWHERE, instance, _nowhere)
        self._complained_at = -_COMPLAIN_EVERY_S
        self.reconfigure(gateway)

    # --- requests ---

    def request_done(self, record: RequestRecord) -> None:
        """A request is over; its record does not change any more."""
        try:
            self._count(record)
            self._recent.append(record)
            if self._access is not None:
                self._access(record)
            if record.reason and self._audited and record.reason in REFUSALS:
                self._audit.refused_request(record)
            if record.sampled and self._spans is not None:
                self._spans.take(record)
        except Exception as error:  # a mistake here must not end a connection
            self._failed(error)

    def refused(self, reason: str, client: str, listener: str, detail: str) -> None:
        """Something was refused before there was a request to tell of: bad bytes, too many connections."""
        try:
            self.metrics.refused(reason)
            if self._audited:
                self._audit.refused(reason, client, listener, detail, REASONS.get(reason, 0))
        except Exception as error:
            self._failed(error)

    # --- connections ---

    def connection_opened(self, listener: str) -> None:
        """A client has connected."""
        self.metrics.connection(listener, 1)

    def connection_closed(self, listener: str) -> None:
        """A client's connection is gone."""
        self.metrics.connection(listener, -1)

    def tunnel(self, route: str, n: int) -> None:
        """A tunnel was opened (1) or is over (-1)."""
        self.metrics.tunnel(route, n)

    def handshake(self, listener: str, result: str) -> None:
        """A TLS handshake with a client is over."""
        self.metrics.handshake(listener, result)

    def upstream_connected(self, upstream: str, target: str, seconds: float) -> None:
        """A connection to a target is open; it took `seconds`."""
        self.metrics.upstream_connected(upstream, target, seconds)

    def upstream_closed(self, upstream: str, target: str) -> None:
        """A connection that had been opened is gone."""
        self.metrics.upstream_closed(upstream, target)

    def upstream_failed(self, upstream: str, target: str, reason: str) -> None:
        """An attempt failed."""
        self.metrics.upstream_failed(upstream, target, reason)

    def upstream_picked(self, upstream: str, how: str) -> None:
        """A target was chosen, in one of three ways."""
        self.metrics.upstream_picked(upstream, how)

    def upstream_ejected(self, upstream: str, target: str, seconds: float) -> None:
        """A target is out of service because of its failures."""
        self.metrics.upstream_ejected(upstream, target)
        self.error("warning", "target-ejected", upstream=upstream, target=target, seconds=seconds)

    def breaker_changed(self, upstream: str, target: str, state: str) -> None:
        """A breaker has another state; `target` is "" for the upstream's own."""
        self.metrics.breaker_changed(upstream, target, state)
        level = "warning" if state == "open" else "info"
        self.error(level, f"breaker-{state}", upstream=upstream, target=target)

    def retried(self, record: RequestRecord, cause: str) -> None:
        """A request is tried again."""
        self.metrics.retried(record, cause)

    def mirrored(self, route: str, upstream: str, result: str) -> None:
        """A copy of a request is over."""
        self.metrics.mirrored(route, upstream, result)

    def agent_called(self, agent: str, event: str, result: str, seconds: float) -> None:
        """An event for an agent is over."""
        try:
            self.metrics.agent_called(agent, event, result, seconds)
        except Exception as error:
            self._failed(error)

    def agent_breaker(self, agent: str, is_open: bool) -> None:
        """An agent is left alone, or not any more."""
        try:
            self.metrics.slab.put("gwc_agent_breaker_open", float(is_open), (agent,))
        except Exception as error:
            self._failed(error)

    def retry_withheld(self, route: str, why: str) -> None:
        """A request is not tried again that otherwise would be."""
        self.metrics.retry_withheld(route, why)

    def counted(self, family: str, labels: tuple[str, ...]) -> None:
        """See Observing."""
        try:
            self.metrics.slab.add(family, labels)
        except Exception as error:
            self._failed(error)

    def fell_back(self, record: RequestRecord, upstream: str) -> None:
        """A request turns to another upstream."""
        self.metrics.fell_back(record, upstream)

    def fallback_ended(self, record: RequestRecord, result: str) -> None:
        """A request that turned to another upstream is over."""
        self.metrics.fallback_ended(record, result)

    # --- the gateway itself ---

    def error(self, level: str, event: str, **fields: object) -> None:
        """A line for the error log; from any thread."""
        try:
            self._errors.tell(level, event, fields)
        except Exception as error:
            self._failed(error)

    def changed(self, action: str, client: str, status: int, **fields: object) -> None:
        """A change made, or tried, through the admin API: a line for the audit log."""
        try:
            if self._audited:
                self._audit.changed(action, client, status, fields)
        except Exception as error:
            self._failed(error)

    def set_level(self, level: Level) -> None:
        """The error log's level, until the next table with another one."""
        self._errors.set_level(level)

    def recent(self) -> list[dict[str, object]]:
        """The most recent requests, newest first, as the access log tells of them."""
        return [orjson.loads(self._form.json(record)) for record in reversed(self._recent)]

    def dropped(self) -> dict[str, int]:
        """Lines that the logs in use could not take."""
        return {name: sink.dropped for name, sink in self._sinks.items()}

    def tick(self) -> None:
        """To be called about once a second: what is told after a time without anything happening."""
        try:
            self._audit.tick()
        except Exception as error:
            self._failed(error)

    # --- what changes ---

    def reconfigure(self, gateway: GatewayRecord) -> None:
        """Log and trace as a new table says. What stayed the same goes on; what went is written out."""
        if (write := self._swapped("error", gateway.error_log)) is not None:
            self._errors = ErrorLog(gateway.error_log, self._instance, write)
        if (write := self._swapped("access", gateway.access_log)) is not None:
            told = gateway.access_log.path is not None
            self._access = AccessLog(gateway.access_log, self._instance, write).tell if told else None
        if self._logs.get("audit") != gateway.audit_log:
            self._audit.flush()
        if (write := self._swapped("audit", gateway.audit_log)) is not None:
            self._audited = gateway.audit_log.path is not None
            self._audit = AuditLog(gateway.audit_log, self._instance, write)
        if gateway.tracing != self._tracing:
            if self._spans is not None:
                self._spans.close(0)
            self._tracing = gateway.tracing
            self._spans = None if gateway.tracing is None else self._exporter(gateway.tracing)

    def reopen(self) -> None:
        """Open the files of the logs anew, after a rotation."""
        for sink in self._sinks.values():
            sink.reopen()

    def close(self, timeout_s: float = 2.0) -> bool:
        """Write what is left, within the time; say whether all was written. Tell nothing afterwards."""
        until = time.monotonic() + timeout_s
        self._audit.flush()
        done = self._spans is None or self._spans.close(timeout_s / 2)
        for sink in self._sinks.values():
            sink.close(0)
        for sink in self._sinks.values():
            done = sink.close(max(until - time.monotonic(), 0.01)) and done
        return done

    def _swapped(self, name: str, log: LogRecord) -> Callable[[bytes], None] | None:
        """Where to write from now on; None where nothing changed. A sink whose path stays is kept."""
        before = self._logs.get(name)
        if before == log:
            return None
        self._logs[name] = log
        sink = self._sinks.get(name)
        if sink is not None and sink.path == log.path:
            return sink.write
        if sink is not None:
            sink.close(0)
            del self._sinks[name]
        if log.path is None:
            return _nowhere
        sink = self._sinks[name] = Sink(log.path, self._counter("gwc_log_lines_dropped_total", (name,)))
        return sink.write

    def _exporter(self, tracing: TracingRecord) -> SpanExporter:
        return SpanExporter(
            tracing,
            self._instance,
            lambda event, fields: self.error("warning", event, **fields),
            self._counter("gwc_spans_dropped_total", ()),
        )

    def _counter(self, name: str, values: tuple[str, ...]) -> Callable[[int], None]:
        """Counts up to a total that several threads tell of."""
        slab = self.metrics.slab
        at = slab.at(name, values)
        told = 0

        def up_to(total: int) -> None:
            nonlocal told
            with self._counting:
                if total > told:
                    slab.ints[at] += total - told
                    told = total

        return up_to

    def _failed(self, error: Exception) -> None:
        self.metrics.failed()
        now = time.monotonic()
        if now - self._complained_at >= _COMPLAIN_EVERY_S:
            self._complained_at = now
            at = error.__traceback__
            while at is not None and at.tb_next is not None:
                at = at.tb_next
            place = "" if at is None else f"{at.tb_frame.f_code.co_qualname}:{at.tb_lineno}"
            # Not what the exception says: that may quote the request.
            self._errors.tell("error", "observing-failed", {"error": type(error).__name__, "place": place})
