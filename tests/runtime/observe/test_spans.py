"""Spans, as a collector of ours receives them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest
from gwc.runtime.observe import spans as spans_module
from gwc.runtime.observe.spans import QUEUE, SpanExporter, endpoint_of, wanted
from gwc.schema.table import TracingRecord

from .telling import eventually, record_of


class Collector(BaseHTTPRequestHandler):
    """Keeps what is posted; replies with the statuses in `replies`, then 200."""

    got: ClassVar[list[tuple[str, Any]]] = []
    replies: ClassVar[list[int]] = []
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """One export."""
        body = self.rfile.read(int(self.headers["content-length"]))
        assert self.headers["content-type"] == "application/json"
        status = self.replies.pop(0) if self.replies else 200
        if status == 200:
            self.got.append((self.path, json.loads(body)))
        self.send_response(status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Not on the terminal."""


@pytest.fixture
def collector() -> Iterator[str]:
    """A collector's address."""
    Collector.got = []
    Collector.replies = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def exporter(endpoint: str, reports: list[dict[str, object]] | None = None) -> SpanExporter:
    """An exporter that does not wait long."""
    told: list[dict[str, object]] = [] if reports is None else reports
    return SpanExporter(
        TracingRecord(endpoint, service="shop"),
        "gw:1",
        lambda event, fields: told.append({"event": event, **fields}),
        lambda dropped: None,
        flush_s=0.02,
    )


def received() -> list[dict[str, Any]]:
    """All spans the collector has, with attributes as a mapping."""
    found: list[dict[str, Any]] = []
    for _, document in Collector.got:
        for of_resource in document["resourceSpans"]:
            for scope in of_resource["scopeSpans"]:
                for span in scope["spans"]:
                    told = {item["key"]: next(iter(item["value"].values())) for item in span["attributes"]}
                    found.append({**span, "attributes": told})
    return found


def test_a_span_arrives_as_the_conventions_have_it(collector: str) -> None:
    """Ids, kind, times, and attributes by their names; no secret among them."""
    spans = exporter(collector)
    spans.take(record_of(parent_span_id="00f067aa0ba902b7", query="a=1&token=CANARY", path="/a;key=CANARY"))
    assert spans.close(5)
    path, document = Collector.got[0]
    assert path == "/v1/traces"
    assert "CANARY" not in json.dumps(document)
    attributes_of_resource = document["resourceSpans"][0]["resource"]["attributes"]
    assert {"key": "service.name", "value": {"stringValue": "shop"}} in attributes_of_resource
    (span,) = received()
    attributes = span.pop("attributes")
    assert span == {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": "b7ad6b7169203331",
        "parentSpanId": "00f067aa0ba902b7",
        "name": "GET orders",
        "kind": 2,
        "startTimeUnixNano": "1760000000250000000",
        "endTimeUnixNano": "1760000000254000000",
        "status": {},
    }
    assert attributes["http.request.method"] == "GET"
    assert attributes["http.response.status_code"] == "200"
    assert attributes["http.route"] == "orders"
    assert attributes["url.path"] == "/a;key=***"
    assert attributes["url.query"] == "a=1&token=***"
    assert attributes["server.address"] == "api.example.com"
    assert attributes["client.address"] == "203.0.113.7"
    assert attributes["user_agent.original"] == "curl/8"
    assert "error.type" not in attributes


def test_a_failure_is_an_error(collector: str) -> None:
    """The reason is the type; only what the gateway answers for has an error status."""
    spans = exporter(collector)
    spans.take(record_of(status=504, reason="request-timeout"))
    spans.take(record_of(status=404, reason="no-route", route=""))
    spans.take(record_of(status=500))
    assert spans.close(5)
    told = [(span["attributes"]["error.type"], span["status"]) for span in received()]
    assert told == [("request-timeout", {"code": 2}), ("no-route", {}), ("500", {"code": 2})]


def test_a_collector_that_is_busy_is_asked_again(collector: str) -> None:
    """503 is not the end of a batch; 400 is, and is told of."""
    reports: list[dict[str, object]] = []
    Collector.replies = [503]
    spans = exporter(collector, reports)
    spans.take(record_of())
    eventually(lambda: Collector.got)
    Collector.replies = [400]
    spans.take(record_of())
    eventually(lambda: reports)
    assert (reports[0]["event"], reports[0]["spans"], reports[0]["cause"]) == (
        "spans-dropped",
        1,
        "status 400",
    )
    assert spans.close(5)
    assert spans.dropped == 1


def test_a_collector_that_is_gone_costs_only_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: the queue is bounded, what is lost is counted, one report a minute."""
    reports: list[dict[str, object]] = []
    monkeypatch.setattr(spans_module, "_TRIES", 1)
    spans = exporter("http://127.0.0.1:9", reports)
    for _ in range(QUEUE * 2):
        spans.take(record_of())
    assert len(spans._queue) <= QUEUE
    assert spans.close(20)
    assert spans.dropped == QUEUE * 2
    assert len(reports) == 1


def test_who_is_sampled() -> None:
    """The parent's decision is kept; else the share decides, the same way for the same trace."""
    tracing = TracingRecord("http://h", sample=100_000)
    assert wanted("1" * 32, True, tracing)
    assert not wanted("1" * 32, False, tracing)
    assert not wanted("1" * 32, True, None)
    assert 200 < sum(wanted(f"{number * 7919:032x}", None, tracing) for number in range(3000)) < 400
    assert not wanted("1" * 32, None, tracing._replace(sample=0))
    assert wanted("1" * 32, None, tracing._replace(sample=1_000_000))


def test_the_endpoint_gets_its_path() -> None:
    """As OTLP says, unless there is one already."""
    assert endpoint_of("http://h:4318") == "http://h:4318/v1/traces"
    assert endpoint_of("http://h:4318/") == "http://h:4318/v1/traces"
    assert endpoint_of("http://h/x/traces") == "http://h/x/traces"
