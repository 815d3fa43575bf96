"""Probes: what each key of `health` asks, of servers that are well or not on command."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ..harness import Gateway, gateway, until
from ..inside import admin, number
from ..upstream import Exchange, Upstream
from .keys import shows
from .test_choosing import bodies, config, says, servers

OFTEN = 'interval "60ms"; unhealthy 2; healthy 2'

UPSTREAMS = {
    "unwatched": "",
    "usual": f'health "http" path="/usual-health?x=1" {{ {OFTEN} }}',
    "root": f"health {{ {OFTEN} }}",
    "named": f'health path="/named-health" {{ host "Probe.Example"; method "HEAD"; {OFTEN} }}',
    "status": f'health path="/status-health" {{ status 204 "3xx"; {OFTEN} }}',
    "body": f'health path="/body-health" {{ body "all well"; {OFTEN} }}',
    "patient": 'health path="/patient-health" { interval "60ms"; unhealthy 1000 }',
    "slow-back": 'health path="/slow-back-health" { interval "60ms"; unhealthy 1; healthy 1000 }',
    "rare": 'health path="/rare-health" { interval "1h"; unhealthy 1 }',
    "hurried": f'health path="/hurried-health" {{ timeout "100ms"; {OFTEN} }}',
    "tcp": f'health "tcp" {{ {OFTEN} }}',
}


@pytest.fixture(scope="module")
def pair() -> Iterator[list[Upstream]]:
    """The servers behind all upstreams."""
    with servers("a", "b") as found:
        yield found


@pytest.fixture(scope="module")
def served(pair: list[Upstream]) -> Iterator[Gateway]:
    """A gateway of two workers, of which one could not know alone."""
    addresses = [each.address for each in pair]
    pair[0].answers["/status-health"] = pair[1].answers["/status-health"] = says("", 302)
    for each in pair:
        each.answers["/body-health"] = says('{"state":"all well"}')
    with gateway(config(UPSTREAMS, addresses), workers=2) as running:
        yield running


def target_of(served: Gateway, name: str, server: Upstream | str) -> dict[str, Any]:
    """What the admin API tells of a target."""
    address = server if isinstance(server, str) else server.address
    found = json.loads(admin(served, "/v1/upstreams")[1])["upstreams"]
    (mine,) = [each for each in found if each["name"] == name]
    target: dict[str, Any] = next(each for each in mine["targets"] if each["target"] == address)
    return target


def _is(served: Gateway, name: str, server: Upstream | str, state: str) -> bool:
    return bool(target_of(served, name, server)["state"] == state)


def _only(served: Gateway, name: str, wanted: set[str]) -> None:
    """Within a few probes requests go to these alone, in whichever worker they arrive."""
    until(lambda: all(set(bodies(served, f"/{name}", 4)) == wanted for _ in range(6)), f"{name}: {wanted}")


@shows("upstream.health.{,path,interval,unhealthy,healthy}")
def test_a_target_that_is_not_well(served: Gateway, pair: list[Upstream]) -> None:
    """It has no requests after two failures, and again after two successes."""
    a = pair[0]
    _only(served, "usual", {"a", "b"})
    a.answers["/usual-health"] = says("", 500)
    _only(served, "usual", {"b"})
    target = target_of(served, "usual", a)
    assert (target["state"], target["health"]["state"], target["health"]["reason"]) == (
        "unhealthy",
        "unhealthy",
        "status 500",
    )
    until(lambda: number(served, "gwc_upstream_target_healthy", upstream="usual", target=a.address) == 0, "0")
    a.answers["/usual-health"] = says("")
    _only(served, "usual", {"a", "b"})
    assert target_of(served, "unwatched", a)["health"] is None
    until(lambda: _events(served) == ["target-unhealthy", "target-healthy"], "it is told")
    assert a.seen("/usual-health")[0].target == "/usual-health?x=1"
    assert a.seen("/"), "the root is asked by default"


def _events(served: Gateway) -> list[object]:
    return [each["event"] for each in served.error_lines() if each.get("upstream") == "usual"]


@shows("upstream.health.{host,method}")
def test_what_is_asked(served: Gateway, pair: list[Upstream]) -> None:
    """The method and the Host that are said, else GET and the target's address."""
    until(lambda: bool(pair[0].seen("/named-health")), "it is probed")
    probe = pair[0].seen("/named-health")[0]
    assert (probe.method, probe.value("host")) == ("HEAD", "probe.example")
    until(lambda: bool(pair[0].seen("/patient-health")), "it is probed")
    usual = pair[0].seen("/patient-health")[0]
    assert (usual.method, usual.value("host")) == ("GET", pair[0].address)


@shows("upstream.health.{status,body}")
def test_what_is_well(served: Gateway, pair: list[Upstream]) -> None:
    """The statuses that are said and no others; the text that is said."""
    _only(served, "status", {"a", "b"})
    pair[0].answers["/status-health"] = says("", 200)
    _only(served, "status", {"b"})
    assert target_of(served, "status", pair[0])["health"]["reason"] == "status 200"
    _only(served, "body", {"a", "b"})
    pair[1].answers["/body-health"] = says('{"state":"not so well"}')
    _only(served, "body", {"a"})


@shows("upstream.health.{unhealthy,healthy}")
def test_thresholds(served: Gateway, pair: list[Upstream]) -> None:
    """Few failures out of a thousand change nothing, and few successes bring nobody back."""
    a = pair[0]
    a.answers["/patient-health"] = a.answers["/slow-back-health"] = says("", 500)
    _only(served, "slow-back", {"b"})
    seen = len(a.seen("/patient-health")), len(a.seen("/slow-back-health"))
    a.answers["/slow-back-health"] = says("")
    until(lambda: len(a.seen("/patient-health")) > seen[0] + 4, "it is probed further")
    until(lambda: len(a.seen("/slow-back-health")) > seen[1] + 4, "it is probed further")
    _only(served, "patient", {"a", "b"})
    _only(served, "slow-back", {"b"})


@shows("upstream.health.timeout")
def test_a_probe_that_is_late(served: Gateway, pair: list[Upstream]) -> None:
    """A target that does not answer in time is not well."""
    go_on = threading.Event()

    def silent(exchange: Exchange) -> None:
        go_on.wait(3)
        exchange.reply(200)

    pair[0].answers["/hurried-health"] = pair[0].answers["/patient-health"] = silent
    _only(served, "hurried", {"b"})
    assert target_of(served, "hurried", pair[0])["health"]["reason"] == "no answer within 100 ms"
    go_on.set()


@shows("upstream.health.interval")
def test_probes_on_demand(served: Gateway, pair: list[Upstream]) -> None:
    """A start probes at once, whatever the interval; a cancel forgets what was found until the next start."""
    a, b = pair
    until(lambda: bool(b.seen("/rare-health")), "the first probe comes soon")
    until(lambda: target_of(served, "rare", a)["health"]["checked"] is not None, "and is known")
    a.answers["/rare-health"] = says("", 503)
    code, body = admin(served, "/v1/upstreams/rare/probes/start", "POST")
    assert code == 200
    said = json.loads(body)
    states = {each["target"]: each["health"]["state"] for each in said["targets"]}
    assert said["probing"]
    assert states[a.address] == "unhealthy"
    _only(served, "rare", {"b"})
    asked = len(a.seen("/rare-health"))
    code, body = admin(served, "/v1/upstreams/rare/probes/cancel", "POST")
    assert (code, json.loads(body)["probing"]) == (200, False)
    _only(served, "rare", {"a", "b"})
    time.sleep(1.2)
    assert len(a.seen("/rare-health")) == asked
    assert admin(served, "/v1/upstreams/rare/probes/start", "POST")[0] == 200
    _only(served, "rare", {"b"})
    assert admin(served, "/v1/upstreams/unwatched/probes/start", "POST")[0] == 404


@shows("upstream.health.{kind,port,service}")
def test_other_ways_to_ask() -> None:
    """A connection alone; another port; the gRPC health protocol, about a service."""
    grpc: Any = pytest.importorskip("grpc")
    from concurrent.futures import ThreadPoolExecutor

    asked: Counter[bytes] = Counter()
    well = threading.Event()

    def check(request: bytes, _context: object) -> bytes:
        asked[request] += 1
        return b"\x08\x01" if well.is_set() else b"\x08\x02"

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types here
        def service(self, details: Any) -> Any:
            if details.method != "/grpc.health.v1.Health/Check":
                return None
            return grpc.unary_unary_rpc_method_handler(check)

    server = grpc.server(ThreadPoolExecutor(2), handlers=(Handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with servers("a", "b") as (a, b):
            said = {
                "grpc": f'health "grpc" {{ port {port}; service "shop.Orders"; {OFTEN} }}',
                "other": f'health path="/x" {{ port {b.server.getsockname()[1]}; {OFTEN} }}',
                "tcp": f'health "tcp" {{ {OFTEN} }}',
            }
            with gateway(config(said, [a.address])) as running:
                until(lambda: _is(running, "grpc", a, "unhealthy"), "it is not well")
                assert target_of(running, "grpc", a)["health"]["reason"] == "NOT_SERVING"
                assert set(asked) == {b"\x0a\x0bshop.Orders"}
                assert bodies(running, "/grpc", 2) == {"503 no-target": 2}
                well.set()
                until(lambda: _is(running, "grpc", a, "ready"), "it is well")
                until(lambda: bool(b.seen("/x")), "the other port is asked")
                assert not a.seen("/x")
                assert target_of(running, "tcp", a)["state"] == "ready"
                address = a.address
                a.stop()
                until(lambda: _is(running, "tcp", address, "unhealthy"), "nobody listens")
    finally:
        server.stop(None)
