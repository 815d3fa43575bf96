"""Builtins that tell of the whole gateway: to whom, and what."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ..harness import Gateway, gateway
from ..raw import Reply, ask, get, post
from .keys import shows

NAMES = ("status", "metrics", "config", "upstreams")
ROUTES = "".join(f'route "{name}" {{ matches {{ path "/{name}" }}; builtin "{name}" }}\n' for name in NAMES)
CONFIG = f"""
listeners {{
    listener "public" {{ address "%public%" }}
    listener "inside" {{ address "%inside%"; private #true }}
}}
upstreams {{ upstream "u" {{ target "127.0.0.1:1" }} }}
routes {{ {ROUTES} route "none" {{ builtin "not-found" }} }}
"""


@pytest.fixture(scope="module")
def served() -> Iterator[Gateway]:
    """A gateway with two workers and a private listener."""
    with gateway(CONFIG, workers=2) as running:
        yield running


def asked(running: Gateway, path: str, listener: str = "inside", method: str = "GET") -> Reply:
    """The reply to one request."""
    return ask(running.address(listener), get(path, method=method), method.encode())


@shows("listener.private", "route.builtin")
def test_what_is_told_inside(served: Gateway) -> None:
    """The state, the numbers, the configuration and the upstreams of all workers together."""
    status = json.loads(asked(served, "/status").body)
    assert len(status["workers"]) == 2
    config = json.loads(asked(served, "/config").body)
    assert [each["route"] for each in config["routes"]][:2] == ["status", "metrics"]
    upstreams = json.loads(asked(served, "/upstreams").body)
    assert [each["name"] for each in upstreams["upstreams"]] == ["u"]
    reply = asked(served, "/metrics")
    families = {each.name for each in text_string_to_metric_families(reply.body.decode())}
    assert "gwc_requests" in families
    assert (reply.value("content-type") or b"").startswith(b"text/plain")
    assert asked(served, "/status", method="HEAD").body == b""


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_told_to_others(served: Gateway, name: str) -> None:
    """On a listener that is not private they are not there; nowhere do they take anything."""
    reply = asked(served, f"/{name}", "public")
    assert reply.status == 404
    assert b"127.0.0.1" not in reply.body
    posted = ask(served.address("inside"), post(f"/{name}", b"x"), b"POST")
    assert (posted.status, posted.value("allow")) == (405, b"GET, HEAD")


def test_not_found(served: Gateway) -> None:
    """A route may say that there is nothing."""
    assert asked(served, "/any", "public").status == 404
    assert served.access_line("/any")["reason"] == "not-found"
