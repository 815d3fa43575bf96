"""Agents that fail, are slow or go away; what is under way when a table changes; several workers."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .agents import Agent, Event, agent, headers, let_pass
from .harness import Gateway, GatewayFailed, gateway, until
from .raw import Client, ask, chunked, get, post
from .upstream import Exchange, Upstream, upstream

CONFIG = """
metrics "%metrics%"
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
agents {{
    agent "closed" {{ url "{url}"; timeout "5s"; response-headers #true; breaker {{ failures 1000 }} }}
    agent "open" {{ url "{url}"; timeout "5s"; on-failure "allow"; breaker {{ failures 1000 }} }}
    agent "bodies" {{ url "{url}"; timeout "5s"; request-headers #false; on-failure "allow"
        request-body "stream"; response-body "stream"; breaker {{ failures 1000 }} }}
    agent "strict" {{ url "{url}"; timeout "5s"; request-headers #false; response-body "stream" }}
    agent "second" {{ url "{url}second"; timeout "5s"; request-headers #false; request-body "stream" }}
}}
defaults {{ reasons #true; authenticate "public" }}
routes {{
    route "closed" {{ matches {{ path-prefix "/closed" }}; agents "closed"; upstream "origin" }}
    route "open" {{ matches {{ path-prefix "/open" }}; agents "open"; upstream "origin" }}
    route "bodies" {{ matches {{ path-prefix "/bodies" }}; agents "bodies"; upstream "origin" }}
    route "strict" {{ matches {{ path-prefix "/strict" }}; agents "strict"; upstream "origin" }}
    route "two" {{ matches {{ path-prefix "/two" }}; agents "bodies" "second"; upstream "origin" }}
    route "known" {{ matches {{ path-prefix "/known" }}; agents "closed"; upstream "origin"
        authenticate {{ api-key header="x-key" {{ key "ann" "{hash}" }} }} }}
    route "version" {{ matches {{ path "/version" }}; respond {{ body "{version}" }} }}
}}
"""
KEY = "k" * 32


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def one() -> Iterator[Agent]:
    """The agent."""
    with agent() as running:
        yield running


def _config(origin: Upstream, one: Agent, version: int = 1) -> str:
    return CONFIG.format(origin=origin.address, url=one.url, version=version, hash=_hash())


def _hash() -> str:
    from hashlib import sha256

    return f"sha256:{sha256(KEY.encode()).hexdigest()}"


@pytest.fixture(scope="module")
def served(origin: Upstream, one: Agent) -> Iterator[Gateway]:
    """One worker."""
    with gateway(_config(origin, one)) as running:
        yield running


@pytest.fixture(autouse=True)
def _forget(origin: Upstream, one: Agent) -> None:
    origin.forget()
    one.events.clear()
    one.say = let_pass
    one.release.clear()


BAD = [
    b"",
    b"{",
    b"[]",
    b'"continue"',
    b"x" * 300_000,
    b'{"action":"allow"}',
    b'{"actions":"block"}',
    b'{"action":"more"}',
    b'{"action":"block","status":100}',
    b'{"action":"redirect"}',
    b'{"body":"eA=="}',
    b'{"request":{"set":{"content-length":"0"}}}',
    b'{"request":{"set":{"x":"a\\r\\ny: b"}}}',
    b'{"request":{"set":{"x y":"a"}}}',
    None,
]


@pytest.mark.parametrize("said", BAD[1:], ids=range(1, len(BAD)))
def test_answers_that_are_none(served: Gateway, origin: Upstream, one: Agent, said: bytes | None) -> None:
    """Whatever is not understood has failed: closed is 503, open goes on."""
    one.say = lambda event: said
    refused = ask(served.address(), get("/closed"))
    assert (refused.status, refused.values("x-gwc-reason")) == (503, [b"agent-failed"])
    assert not origin.requests
    assert ask(served.address(), get("/open")).status == 200


def test_nothing_at_all_is_consent(served: Gateway, one: Agent) -> None:
    """An empty answer is `continue`."""
    one.say = lambda event: b""
    assert ask(served.address(), get("/closed")).status == 200


def test_whoever_is_authenticated_is_told(served: Gateway, one: Agent) -> None:
    """Agents come after it: they see nobody who is refused, and not the key."""
    assert ask(served.address(), get("/known")).status == 401
    assert not one.events
    assert ask(served.address(), get("/known", f"x-key: {KEY}")).status == 200
    told = one.events[0]["request"]
    assert (told["identity"]["kind"], told["identity"]["name"]) == ("api-key", "ann")
    assert "x-key" not in headers(told)


def test_an_agent_that_fails_in_the_middle_of_a_body(served: Gateway, origin: Upstream, one: Agent) -> None:
    """What it was told of goes on as it was, and so does the rest, without asking again."""
    one.say = lambda event: b"{" if event.get("sequence") == 1 else {"body": event["body"].upper()}
    with Client(served.address()) as client:
        client.send(get("/bodies", "Transfer-Encoding: chunked", method="POST"))
        for number, piece in enumerate((b"a", b"b", b"c")):
            client.send(b"1\r\n" + piece + b"\r\n")
            until(lambda number=number: len(one.events) > min(number, 1), "an event")  # type: ignore[misc]  # now
        client.send(b"0\r\n\r\n")
        assert client.reply().status == 200
    assert origin.requests[-1].body == b"Abc"
    assert len(one.told("request-body")) == 2


def test_a_reply_that_is_blocked_too_late_is_cut(served: Gateway, origin: Upstream, one: Agent) -> None:
    """Its head is out: the connection ends without the end of the body."""

    def pieces(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        until(lambda: bool(one.events), "the first event")
        exchange.send(b"3\r\ntwo\r\n0\r\n\r\n")

    origin.answers["/strict"] = pieces
    one.say = lambda event: {"action": "block"} if event["sequence"] else {}
    with Client(served.address()) as client:
        client.send(get("/strict"))
        came = client.end()
    assert b"one" in came
    assert b"two" not in came
    assert not came.endswith(b"0\r\n\r\n")
    line = served.access_line(lambda line: line.get("path") == "/strict")
    assert (line["status"], line["reason"]) == (200, "agent-blocked")


def test_a_target_that_replies_before_the_request_is_whole(
    served: Gateway, origin: Upstream, one: Agent
) -> None:
    """While a piece of the request is at the agent, the reply waits for its turn, and comes whole."""

    def early(exchange: Exchange) -> None:
        exchange.reply(200, b"early")
        exchange.read_body()

    def say(event: Event) -> dict[str, object]:
        if event["event"] == "request-body" and not event["end"]:
            time.sleep(0.05)
        return {}

    origin.answers["/bodies"] = early
    one.say = say
    reply = ask(served.address(), chunked("/bodies", [b"x" * 100] * 5), b"POST")
    assert (reply.status, reply.body) == (200, b"early")


def test_two_agents_see_one_body(served: Gateway, origin: Upstream, one: Agent) -> None:
    """The second gets what the first made of it."""
    one.say = lambda event: {"body": event["body"] + b"+"} if event["event"] == "request-body" else {}
    assert ask(served.address(), post("/two", b"x"), b"POST").status == 200
    body = origin.requests[-1].body
    assert body is not None
    assert body.startswith(b"x++")
    assert {event["id"] for event in one.events} == {one.events[0]["id"]}


def test_a_client_that_goes_away(served: Gateway, one: Agent) -> None:
    """Nobody is waited for any more, and that is no failure of the agent."""
    one.say = one.wait
    with Client(served.address()) as client:
        client.send(get("/closed"))
        until(lambda: bool(one.events), "the event")
    one.release.set()
    one.say = let_pass
    assert ask(served.address(), get("/closed")).status == 200


def test_a_reload_while_an_agent_thinks(origin: Upstream, one: Agent) -> None:
    """The request goes on to be served; connections to the agent, and its breaker, stay."""
    with gateway(_config(origin, one)) as running:
        assert ask(running.address(), get("/open")).status == 200
        before = one.connections
        one.say = one.wait
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(ask, running.address(), get("/closed"))
            until(lambda: len(one.events) > 1, "the event")
            path = running.folder / "config" / "gwc.kdl"
            text = path.read_text("utf-8")
            path.write_text(text.replace('body "1"', 'body "2"'), "utf-8")
            os.kill(running.process.pid, signal.SIGHUP)
            until(lambda: ask(running.address(), get("/version")).body == b"2", "the new table", within=20)
            one.release.set()
            assert slow.result().status == 200
        one.say = let_pass
        assert ask(running.address(), get("/closed")).status == 200
        assert one.connections <= before + 1, "one more for two at a time"


def test_an_agent_that_comes_back(origin: Upstream) -> None:
    """While it is away requests are refused; nothing has to be done when it is there again."""
    first = Agent()
    config = _config(origin, first).replace("failures 1000", 'failures 3; open "50ms"')
    with gateway(config) as running:
        assert ask(running.address(), get("/closed")).status == 200
        first.close()
        # A connection that was kept may be answered still: its thread lives.
        first.say = lambda event: None
        until(lambda: ask(running.address(), get("/closed")).status == 503, "a refusal")
        second = Agent(first.port)
        try:
            until(lambda: ask(running.address(), get("/closed")).status == 200, "the agent", within=10)
        finally:
            second.close()


def test_four_workers(origin: Upstream, one: Agent) -> None:
    """All ask, and the calls are counted together."""
    lock = threading.Lock()
    seen: set[str] = set()

    def say(event: Event) -> dict[str, object]:
        with lock:
            assert event["id"] not in seen
            seen.add(event["id"])
        return {"action": "block"} if "no" in event["request"]["path"] else {}

    one.say = say
    with gateway(_config(origin, one), workers=4) as running:
        with ThreadPoolExecutor(8) as threads:
            wanted = [403 if number % 3 == 0 else 200 for number in range(60)]
            paths = ["/open/no" if status == 403 else "/open/yes" for status in wanted]
            replies = list(threads.map(lambda path: ask(running.address(), get(path)), paths))
        assert [reply.status for reply in replies] == wanted
        assert running.metric("gwc_agent_calls_total") == 60


def test_an_agent_that_is_taken_away(origin: Upstream) -> None:
    """A table without it closes its connections, once nobody is at it any more."""
    with agent() as gone, gateway(_config(origin, gone)) as running:
        assert ask(running.address(), get("/closed")).status == 200
        gone.say = gone.wait
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(ask, running.address(), get("/closed"))
            until(lambda: len(gone.events) == 3, "the event")
            path = running.folder / "config" / "gwc.kdl"
            text = re.sub(r'agents ("[a-z]+" ?)+;', "", path.read_text("utf-8"))
            path.write_text(text.replace('body "1"', 'body "2"'), "utf-8")
            os.kill(running.process.pid, signal.SIGHUP)
            until(lambda: ask(running.address(), get("/version")).body == b"2", "the new table", within=20)
            assert gone.open
            gone.release.set()
            assert slow.result().status == 200
        until(lambda: not gone.open, "the end of all connections")
        assert ask(running.address(), get("/closed")).status == 200
        assert len(gone.events) == 4, "the reply of what was under way was told, and nothing since"


def test_an_address_that_is_none(origin: Upstream, one: Agent) -> None:
    """What a variable makes no URL of refuses the table."""
    config = _config(origin, one).replace(
        f'agent "closed" {{ url "{one.url}"', 'agent "closed" { url "${env:AT}"'
    )
    with pytest.raises(GatewayFailed, match="agent `closed`"), gateway(config, environment={"AT": "nowhere"}):
        pass
