"""What is said of agents: where they are, what they are told, for how long, and what becomes of requests."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from ..agents import Agent, Event, agent, headers, let_pass, silent_address
from ..harness import Gateway, gateway, until
from ..raw import ask, get
from ..upstream import Exchange, Upstream, upstream
from .keys import shows

CONFIG = """
metrics "%metrics%"
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
agents {{
    agent "plain" {{ url "{one}"; timeout "5s" }}
    agent "both" {{ url "{one}first"; timeout "5s"; response-headers #true; sees "cookie" }}
    agent "replies" {{ url "{two}"; timeout "5s"
        request-headers #false; response-headers #true; sees "set-cookie" }}
    agent "slow" {{ url "http://{silent}/"; timeout "150ms"; breaker {{ failures 100 }} }}
    agent "unneeded" {{ url "http://{silent}/"; timeout "150ms"; on-failure "allow"
        breaker {{ failures 100 }} }}
    agent "broken" {{ url "{two}"; timeout "2s"; breaker {{ failures 2; open "300ms" }} }}
}}
defaults {{ reasons #true; agents "plain" }}
routes {{
    route "plain" {{ upstream "origin" }}
    route "off" {{ matches {{ path-prefix "/off" }}; agents "off"; upstream "origin" }}
    route "both" {{ matches {{ path-prefix "/both" }}; agents "both" "replies"; upstream "origin" }}
    route "slow" {{ matches {{ path-prefix "/slow" }}; agents "slow"; upstream "origin" }}
    route "unneeded" {{ matches {{ path-prefix "/unneeded" }}; agents "unneeded" "plain"; upstream "origin" }}
    route "broken" {{ matches {{ path-prefix "/broken" }}; agents "broken"; upstream "origin" }}
}}
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def one() -> Iterator[Agent]:
    """An agent."""
    with agent() as running:
        yield running


@pytest.fixture(scope="module")
def two() -> Iterator[Agent]:
    """Another one."""
    with agent() as running:
        yield running


@pytest.fixture(scope="module")
def served(origin: Upstream, one: Agent, two: Agent) -> Iterator[Gateway]:
    """A gateway with a route for each."""
    with silent_address() as silent:
        config = CONFIG.format(origin=origin.address, one=one.url, two=two.url, silent=silent)
        with gateway(config) as running:
            yield running


@pytest.fixture(autouse=True)
def _forget(origin: Upstream, one: Agent, two: Agent) -> None:
    origin.requests.clear()
    origin.answers.clear()
    for each in (one, two):
        each.events.clear()
        each.say = let_pass


@shows("agents", "agent.url", "route.agents")
def test_an_agent_sees_requests_and_blocks_some(served: Gateway, origin: Upstream, one: Agent) -> None:
    """Each is told with its head; what it blocks never reaches the upstream, and `off` asks nobody."""
    one.say = lambda event: (
        {"action": "block", "reason": "looks like SQL"} if "drop" in (event["request"]["query"] or "") else {}
    )
    assert ask(served.address(), get("/a?q=1", "X-A: 1", "Authorization: Basic eA==")).status == 200
    blocked = ask(served.address(), get("/a?q=drop"))
    assert (blocked.status, blocked.values("x-gwc-reason")) == (403, [b"agent-blocked"])
    assert ask(served.address(), get("/off?q=drop")).status == 200
    assert [each.target for each in origin.requests] == ["/a?q=1", "/off?q=drop"]
    first, second = one.told("request-headers")
    told = first["request"]
    assert (told["method"], told["path"], told["query"], told["route"]) == ("GET", "/a", "q=1", "plain")
    assert headers(told)["x-a"] == "1"
    assert "authorization" not in headers(told)
    assert first["id"] != second["id"]
    assert served.access_line(lambda line: line.get("status") == 403)["reason"] == "agent-blocked"

    def rules() -> list[str]:
        return [line["rule"] for line in served.error_lines() if line.get("reason") == "agent-blocked"]

    until(lambda: rules() == ["plain: looks like SQL"], "a line of the audit log")


@shows("agent.{request-headers,response-headers,sees}")
def test_an_agent_sees_what_it_is_said_to(served: Gateway, origin: Upstream, one: Agent, two: Agent) -> None:
    """Heads of requests, of replies, or both; secrets only where they are named. Changes reach both sides."""

    def answer(exchange: Exchange) -> None:
        exchange.reply(200, b"ok", "Set-Cookie: a=b", "X-Drop: 1", "X-Old: 1")

    def first(event: Event) -> dict[str, object]:
        if event["event"] == "request-headers":
            changes = {"set": {"X-Set": "1"}, "add": {"x-add": ["1", "2"]}, "remove": ["x-gone"]}
            return {"request": changes, "response": {"set": {"x-early": "1"}}}
        return {"response": {"set": {"x-old": "2"}, "remove": ["x-drop"]}}

    origin.answers["/both"] = answer
    one.say = first
    two.say = lambda event: {"response": {"add": {"x-second": "1"}}}
    reply = ask(served.address(), get("/both", "Cookie: c=d", "X-Gone: 1"))
    assert reply.status == 200
    for name, wanted in (("x-old", [b"2"]), ("x-early", [b"1"]), ("x-second", [b"1"]), ("x-drop", [])):
        assert reply.values(name) == wanted
    seen = origin.requests[0]
    assert (seen.values("x-set"), seen.values("x-add"), seen.values("x-gone")) == (["1"], ["1", "2"], [])
    request, response = one.events
    assert headers(request["request"])["cookie"] == "c=d"
    assert response["response"]["status"] == 200
    assert "set-cookie" not in headers(response["response"])
    assert headers(response["response"])["x-second"] == "1", "replies meet agents in reverse order"
    (other,) = two.events
    assert other["event"] == "response-headers"
    assert headers(other["response"])["set-cookie"] == "a=b"
    assert "cookie" not in headers(other["request"])
    assert request["id"] == response["id"] == other["id"]


@shows("agent.{timeout,on-failure}")
def test_an_agent_that_does_not_answer(served: Gateway, origin: Upstream, one: Agent) -> None:
    """Nobody waits longer than `timeout`; then the request is refused, or goes on to the next agent."""
    began = time.monotonic()
    refused = ask(served.address(), get("/slow"))
    assert 0.14 < time.monotonic() - began < 1.5
    assert (refused.status, refused.values("x-gwc-reason")) == (503, [b"agent-failed"])
    assert not origin.requests
    assert ask(served.address(), get("/unneeded")).status == 200
    assert len(one.events) == 1
    assert served.metric("gwc_agent_calls_total") > 0


@shows("agent.breaker.{,failures,open}")
def test_a_breaker(served: Gateway, two: Agent) -> None:
    """After so many failures it is not asked for so long; one answer then closes it."""
    two.say = lambda event: b"no JSON"
    assert [ask(served.address(), get("/broken")).status for _ in range(4)] == [503] * 4
    assert len(two.events) == 2
    assert served.metric("gwc_agent_breaker_open") == 1
    two.say = let_pass
    time.sleep(0.35)
    assert [ask(served.address(), get("/broken")).status for _ in range(2)] == [200] * 2
    assert served.metric("gwc_agent_breaker_open") == 0
