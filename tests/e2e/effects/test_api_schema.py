"""Requests as a document says that they are: `api-schema`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from ..harness import Gateway, gateway
from ..raw import ask, get, post
from ..upstream import Upstream, upstream
from .keys import shows

ORDER = {"type": "object", "required": ["sku"]}
DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/orders": {
            "get": {
                "parameters": [{"name": "n", "in": "query", "schema": {"type": "integer"}}],
                "responses": {"200": {"content": {"application/json": {"schema": ORDER}}}},
            },
            "post": {"requestBody": {"content": {"application/json": {"schema": ORDER}}}},
        }
    },
}
CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
defaults {{ api-schema "api.json" }}
routes {{
    route "plain" {{ upstream "origin" }}
    route "off" {{ matches {{ path-prefix "/off" }}; api-schema "off"; upstream "origin" }}
    route "based" {{ matches {{ path-prefix "/v1" }}; upstream "origin"
        api-schema "api.json" {{ base "/v1"; unknown "pass"; status 422; body "256B" }} }}
    route "quiet" {{ matches {{ path-prefix "/v2" }}; upstream "origin"
        api-schema "api.json" {{ base "/v2"; mismatch "report"; replies "report" }} }}
}}
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """A gateway with a route for each."""
    files = {"api.json": json.dumps(DOCUMENT)}
    with gateway(CONFIG.format(origin=origin.address), files=files) as running:
        yield running


@shows("route.api-schema.{,file,base,unknown,mismatch,replies,body,status}")
def test_api_schemas(served: Gateway, origin: Upstream) -> None:
    """Each key is seen in what is refused, with which status, and in what is told."""
    paths = ("/orders?n=1", "/orders?n=x", "/else", "/off", "/v1/orders?n=x", "/v1/else", "/v2/orders?n=x")
    found = [ask(served.address(), get(path)).status for path in paths]
    assert found == [200, 400, 404, 200, 422, 200, 200]
    body = b'{"sku":"' + b"x" * 300 + b'"}'
    for path, status in (("/orders", 200), ("/v1/orders", 413)):
        assert (
            ask(served.address(), post(path, body, "content-type: application/json"), b"POST").status
            == status
        )
    refused = ask(served.address(), post("/orders", b"{}", "content-type: application/json"), b"POST")
    assert json.loads(refused.body)["problems"][0]["in"] == "body"
    origin.answers["/v2/orders"] = lambda exchange: exchange.reply(
        200, b"[]", "content-type: application/json"
    )
    assert ask(served.address(), get("/v2/orders")).body == b"[]"
    assert _told(served, 2) == {"request", "reply"}


def _told(served: Gateway, number: int, within_s: float = 5.0) -> set[str]:
    """What the error log tells of messages that differ, once it tells of so many kinds."""
    until = time.monotonic() + within_s
    while True:
        lines = [line for line in served.error_lines() if line.get("event") == "schema-mismatch"]
        found = {str(line["of"]) for line in lines}
        if len(found) >= number or time.monotonic() > until:
            return found
        time.sleep(0.01)
