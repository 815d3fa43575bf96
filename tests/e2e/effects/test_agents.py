"""What is said of agents: where they are, what they are told, for how long, and what becomes of requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from ..agents import Agent, Event, agent, headers, let_pass, silent_address
from ..harness import Gateway, gateway, until
from ..raw import Client, ask, chunked, get, post
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
    agent "buffer" {{ url "{one}"; timeout "5s"; request-headers #false
        request-body "buffer"; inspect "1KiB" }}
    agent "stream" {{ url "{one}"; timeout "5s"; request-headers #false
        request-body "stream"; inspect "1KiB" }}
    agent "hybrid" {{ url "{one}"; timeout "5s"; request-headers #false
        request-body "hybrid"; inspect "1KiB" }}
    agent "passing" {{ url "{one}"; timeout "5s"; request-headers #false; request-body "buffer"
        response-body "buffer"; inspect "1KiB"; over "pass" }}
    agent "reply-buffer" {{ url "{two}"; timeout "5s"; request-headers #false; response-body "buffer"
        inspect "1KiB" }}
    agent "reply-stream" {{ url "{two}"; timeout "5s"; request-headers #false; response-body "stream" }}
    agent "reply-hybrid" {{ url "{two}"; timeout "5s"; request-headers #false; response-body "hybrid"
        inspect "1KiB" }}
}}
defaults {{ reasons #true; agents "plain" }}
routes {{
    route "plain" {{ upstream "origin" }}
    route "off" {{ matches {{ path-prefix "/off" }}; agents "off"; upstream "origin" }}
    route "both" {{ matches {{ path-prefix "/both" }}; agents "both" "replies"; upstream "origin" }}
    route "slow" {{ matches {{ path-prefix "/slow" }}; agents "slow"; upstream "origin" }}
    route "unneeded" {{ matches {{ path-prefix "/unneeded" }}; agents "unneeded" "plain"; upstream "origin" }}
    route "buffer" {{ matches {{ path-prefix "/buffer" }}; agents "buffer"; upstream "origin" }}
    route "stream" {{ matches {{ path-prefix "/stream" }}; agents "stream"; upstream "origin" }}
    route "hybrid" {{ matches {{ path-prefix "/hybrid" }}; agents "hybrid"; upstream "origin" }}
    route "passing" {{ matches {{ path-prefix "/passing" }}; agents "passing"; upstream "origin" }}
    route "reply-buffer" {{ matches {{ path-prefix "/reply-buffer" }}
        agents "reply-buffer"; upstream "origin" }}
    route "reply-stream" {{ matches {{ path-prefix "/reply-stream" }}
        agents "reply-stream"; upstream "origin" }}
    route "reply-hybrid" {{ matches {{ path-prefix "/reply-hybrid" }}
        agents "reply-hybrid"; upstream "origin" }}
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
    origin.forget()
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


@shows("agent.{request-body,inspect,over}")
def test_bodies_of_requests(served: Gateway, origin: Upstream, one: Agent) -> None:
    """Held as a whole, or up to a part; replaced, refused, let pass."""
    one.say = lambda event: {"body": event["body"].replace(b"card 1234", b"card ****")}
    assert ask(served.address(), post("/buffer", b"my card 1234"), b"POST").status == 200
    assert (origin.requests[-1].body, one.events[-1]["end"]) == (b"my card ****", True)
    assert origin.requests[-1].value("content-length") == "12"
    long = b"x" * 1500 + b" card 1234"
    refused = ask(served.address(), post("/buffer", long), b"POST")
    assert (refused.status, refused.values("x-gwc-reason")) == (413, [b"agent-body"])
    assert ask(served.address(), post("/passing", long), b"POST").status == 200
    assert origin.requests[-1].body == long
    one.events.clear()
    assert ask(served.address(), post("/hybrid", b"my card 1234"), b"POST").status == 200
    assert (origin.requests[-1].body, len(one.events)) == (b"my card ****", 1)
    one.events.clear()
    with Client(served.address()) as client:
        client.send(get("/hybrid", "Transfer-Encoding: chunked", method="POST"))
        for sent in range(1, 4):
            client.send(b"400\r\n" + bytes((48 + sent,)) * 1024 + b"\r\n")
            until(lambda sent=sent: len(one.events) >= sent - 1, "an event")  # type: ignore[misc]  # bound now
        client.send(b"0\r\n\r\n")
        assert client.reply().status == 200
    assert origin.requests[-1].body == b"1" * 1024 + b"2" * 1024 + b"3" * 1024
    assert one.events[0]["body"] == b"1" * 1024 + b"2" * 1024, "what may be held, and what went beyond it"
    assert [each["sequence"] for each in one.events] == list(range(len(one.events)))
    assert [each["end"] for each in one.events] == [False] * (len(one.events) - 1) + [True]
    assert "request" in one.events[0]
    assert "request" not in one.events[1]


def test_pieces_of_a_request(served: Gateway, origin: Upstream, one: Agent) -> None:
    """Each goes on before the next one comes; some are dropped, some held until there are more."""
    came: list[bytes] = []

    def answer(exchange: Exchange) -> None:
        came.append(exchange.read_body())
        exchange.reply(200, b"ok")

    def say(event: Event) -> dict[str, object]:
        body = event["body"]
        if body == b"drop":
            return {"body": b""}
        if body.endswith(b"half") and not event["end"]:
            return {"action": "more"}
        return {"body": body.upper()}

    origin.answers["/stream"] = answer
    one.say = say
    with Client(served.address()) as client:
        client.send(get("/stream", "Transfer-Encoding: chunked", method="POST"))
        for number, piece in enumerate((b"one", b"drop", b"half", b"whole"), 1):
            client.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            until(lambda number=number: len(one.events) == number, "an event")  # type: ignore[misc]  # bound now
        until(lambda: bytes(origin.requests[-1].raw).endswith(b"HALFWHOLE\r\n"), "all of it, before the end")
        client.send(b"0\r\n\r\n")
        assert client.reply().status == 200
    assert came == [b"ONEHALFWHOLE"]
    assert one.events[3]["body"] == b"halfwhole"
    one.say = lambda event: {"action": "more"} if not event["end"] else {}
    refused = ask(served.address(), chunked("/stream", [b"x" * 900] * 3), b"POST")
    assert (refused.status, refused.values("x-gwc-reason")) == (413, [b"agent-body"])
    one.say = lambda event: {"action": "block", "status": 451, "headers": {"x-why": "so"}}
    blocked = ask(served.address(), chunked("/stream", [b"x"]), b"POST")
    assert (blocked.status, blocked.values("x-why")) == (451, [b"so"])


@shows("agent.response-body")
def test_bodies_of_replies(served: Gateway, origin: Upstream, two: Agent) -> None:
    """Held, the reply is another one still; piece by piece, each goes on at once."""
    origin.answers["/reply-buffer"] = lambda exchange: exchange.reply(200, b"card 1234", "X-Old: 1")
    two.say = lambda event: {"body": b"card ****", "response": {"set": {"x-old": "2"}}}
    reply = ask(served.address(), get("/reply-buffer", "Accept-Encoding: gzip"))
    assert (reply.status, reply.body, reply.values("x-old")) == (200, b"card ****", [b"2"])
    assert origin.requests[-1].value("accept-encoding") is None
    two.say = lambda event: {"action": "redirect", "location": "/other"}
    moved = ask(served.address(), get("/reply-buffer"))
    assert (moved.status, moved.values("location"), moved.body) == (302, [b"/other"], b"")
    origin.answers["/reply-buffer"] = lambda exchange: exchange.reply(200, b"x" * 1100)
    assert ask(served.address(), get("/reply-buffer")).status == 502
    origin.answers["/passing"] = lambda exchange: exchange.reply(200, b"x" * 1100)
    assert ask(served.address(), get("/passing")).body == b"x" * 1100
    two.events.clear()
    go = [threading.Event() for _ in range(3)]

    def pieces(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number, each in enumerate(go):
            each.wait(10)
            exchange.send(b"3\r\np-%d\r\n" % number)
        exchange.send(b"0\r\n\r\n")

    origin.answers["/reply-stream"] = pieces
    two.say = lambda event: {"body": event["body"].upper()}
    with Client(served.address()) as client:
        client.send(get("/reply-stream"))
        came = b""
        for number, each in enumerate(go):
            each.set()
            while b"P-%d" % number not in came:
                came += client.receive()
        while not came.endswith(b"0\r\n\r\n"):
            came += client.receive()
    assert [each["end"] for each in two.events] == [False, False, False, True]
    origin.answers["/reply-hybrid"] = lambda exchange: exchange.reply(200, b"x" * 3000)
    two.events.clear()
    assert ask(served.address(), get("/reply-hybrid")).body == b"X" * 3000
    assert len(two.events[0]["body"]) > 1024
