"""Spans: one for each sampled request, sent to a collector over OTLP/HTTP in JSON.

Owns the form of a span (OpenTelemetry semantic conventions for HTTP servers) and its way to the collector.
One thread encodes and sends; a request costs an append. What the collector does not take in time is dropped
and counted, and told of once a minute. Plain JSON over `httpcore`; no SDK.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import orjson
from gwc.schema.table import TracingRecord

from .masking import masked_path, masked_query
from .record import RequestRecord

if TYPE_CHECKING:
    import httpcore

QUEUE: Final = 4096
BATCH: Final = 512
FLUSH_S: Final = 1.0
_TIMEOUT_S: Final = 5.0
_TELL_EVERY_S: Final = 60.0
_WHOLE: Final = 1_000_000
_AGAIN: Final = frozenset({429, 502, 503, 504})
"""Statuses after which OTLP wants the same batch sent again."""
_TRIES: Final = 3


def wanted(trace_id: str, parent_sampled: bool | None, tracing: TracingRecord | None) -> bool:
    """Whether spans of a request are wanted: as its parent decided, else the share of traces, by their id."""
    if tracing is None:
        return False
    if parent_sampled is not None:
        return parent_sampled
    return zlib.crc32(trace_id.encode("utf-8", "replace")) % _WHOLE < tracing.sample


class SpanExporter:
    """Takes records and sends their spans. `dropped` is called with the number of spans lost so far.

    `report` is called at most once a minute, from the thread, with an event and its fields.

    Mutable: the queue; `_overflowed` by whoever takes, the rest by the thread.
    """

    def __init__(
        self,
        tracing: TracingRecord,
        instance: str,
        report: Callable[[str, dict[str, object]], None],
        dropped: Callable[[int], None],
        *,
        flush_s: float = FLUSH_S,
    ) -> None:
        self.endpoint = endpoint_of(tracing.endpoint)
        self._resource = resource(tracing.service, instance)
        self._report = report
        self._tell = dropped
        self._flush_s = flush_s
        self._queue: deque[RequestRecord] = deque()
        self._overflowed = 0
        self._failed = 0
        self._told = 0
        self._told_at = -_TELL_EVERY_S
        self._why = ""
        self._closing = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Spans that never reached the collector."""
        return self._overflowed + self._failed

    def take(self, record: RequestRecord) -> None:
        """Queue the span of a request that is over. Never waits."""
        queue = self._queue
        if len(queue) >= QUEUE:
            self._overflowed += 1
            self._tell(self.dropped)
            return
        queue.append(record)
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="spans", daemon=True)
            try:
                thread.start()
            except RuntimeError:  # no more threads to be had: the next span asks again
                return
            self._thread = thread
        if len(queue) == BATCH:
            self._wake.set()

    def close(self, timeout_s: float = 1.0) -> bool:
        """Send what is left, within the time; say whether the thread has ended."""
        self._closing.set()
        self._wake.set()
        if self._thread is None:
            return True
        if timeout_s <= 0:
            return False
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        import httpcore  # 50 ms, which no request is to wait for

        with httpcore.ConnectionPool(max_connections=1, keepalive_expiry=30) as pool:
            while not (self._closing.is_set() and not self._queue):
                self._wake.wait(self._flush_s)
                if not self._closing.is_set():
                    self._wake.clear()
                while self._queue:
                    self._send_batch(pool)
                self._complain()

    def _send_batch(self, pool: httpcore.ConnectionPool) -> None:
        queue = self._queue
        batch = [queue.popleft() for _ in range(min(len(queue), BATCH))]
        why = ""
        for attempt in range(_TRIES):
            if attempt and self._closing.wait(2.0**attempt / 4):
                break
            try:
                body = orjson.dumps(document([span(record) for record in batch], self._resource))
                reply = pool.request(
                    "POST",
                    self.endpoint,
                    headers={"content-type": "application/json", "user-agent": "gwc"},
                    content=body,
                    extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), _TIMEOUT_S)},
                )
            except Exception as error:  # whatever it is, the thread must live on
                why = f"{type(error).__name__}: {error}"[:200]
                continue
            if 200 <= reply.status < 300:
                return
            why = f"status {reply.status}"
            if reply.status not in _AGAIN:
                break
        self._why = why
        self._failed += len(batch)
        self._tell(self.dropped)

    def _complain(self) -> None:
        lost = self.dropped - self._told
        now = time.monotonic()
        if lost and now - self._told_at >= _TELL_EVERY_S:
            self._told += lost
            self._told_at = now
            place = urlsplit(self.endpoint)
            self._report(
                "spans-dropped",
                {"collector": place.hostname or "", "spans": lost, "cause": self._why or "queue full"},
            )


def endpoint_of(text: str) -> str:
    """The address to post to: `/v1/traces` where the endpoint has no path (OTLP 1.0, OTLP/HTTP request)."""
    return text.rstrip("/") + "/v1/traces" if urlsplit(text).path in ("", "/") else text


def resource(service: str, instance: str) -> dict[str, object]:
    """Who sends the spans."""
    return {
        "attributes": [
            _text("service.name", service),
            _text("service.instance.id", instance),
        ]
    }


def document(spans: Sequence[dict[str, object]], of: dict[str, object]) -> dict[str, object]:
    """An ExportTraceServiceRequest."""
    return {"resourceSpans": [{"resource": of, "scopeSpans": [{"scope": {"name": "gwc"}, "spans": spans}]}]}


def span(record: RequestRecord) -> dict[str, object]:
    """One span in OTLP/JSON: ids in hexadecimal, 64-bit numbers as text, enumerations as numbers."""
    began = round(record.began * 1e6) * 1000  # a float of today holds no more than microseconds
    attributes = [
        _text("http.request.method", record.method),
        _text("url.scheme", record.scheme),
        _text("url.path", masked_path(record.path)),
        _text("server.address", record.host),
        _text("client.address", record.client_ip),
        _text("user_agent.original", record.user_agent),
        _text("network.protocol.version", record.protocol.removeprefix("HTTP/")),
        _text("gwc.request_id", record.request_id),
        _text("gwc.listener", record.listener),
        _number("http.request.body.size", record.request_bytes),
        _number("http.response.body.size", record.response_bytes),
    ]
    if record.status:
        attributes.append(_number("http.response.status_code", record.status))
    if record.grpc_status is not None:
        attributes.append(_number("rpc.grpc.status_code", record.grpc_status))
    if record.query is not None:
        attributes.append(_text("url.query", masked_query(record.query)))
    if record.route:
        attributes.append(_text("http.route", record.route))
    if record.upstream:
        attributes.append(_text("gwc.upstream", record.upstream))
        attributes.append(_text("gwc.target", record.target))
        attributes.append(_number("gwc.attempts", record.attempts))
    failed = record.status >= 500 or record.status == 0
    if record.reason:
        attributes.append(_text("error.type", record.reason))
    elif failed:
        attributes.append(_text("error.type", str(record.status)))
    told: dict[str, object] = {
        "traceId": record.trace_id,
        "spanId": record.span_id,
        "name": _clean(f"{record.method} {record.route}".strip()),
        "kind": 2,  # SERVER
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(began + round(record.total_s * 1e9)),
        "attributes": attributes,
        "status": {"code": 2} if failed else {},
    }
    if record.parent_span_id:
        told["parentSpanId"] = record.parent_span_id
    return told


def _text(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": _clean(value)}}


def _number(key: str, value: int) -> dict[str, object]:
    return {"key": key, "value": {"intValue": str(value)}}


def _clean(text: str) -> str:
    return text[:512].encode("utf-8", "replace").decode()
