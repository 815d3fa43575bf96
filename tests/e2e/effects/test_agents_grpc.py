"""An agent over gRPC, as `grpcio` serves it."""

from __future__ import annotations

import json
import os
import signal
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
import pytest

from ..harness import Gateway, gateway, until
from ..raw import Client, ask, get, post
from ..upstream import Upstream, upstream
from .keys import shows

CONFIG = """
metrics "%metrics%"
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
agents {{
    agent "heads" {{ grpc "http://127.0.0.1:{port}"; timeout "5s"; response-headers #true
        breaker {{ failures 1000 }} }}
    agent "bodies" {{ grpc "http://127.0.0.1:{port}"; timeout "5s"; request-body "buffer"
        response-body "stream"; breaker {{ failures 1000 }} }}
}}
defaults {{ reasons #true }}
routes {{
    route "heads" {{ matches {{ path-prefix "/heads" }}; agents "heads"; upstream "origin" }}
    route "bodies" {{ matches {{ path-prefix "/bodies" }}; agents "bodies"; upstream "origin" }}
}}
"""

Say = Callable[[dict[str, Any]], "dict[str, Any] | None"]


def _varint(number: int) -> bytes:
    found = b""
    while number >= 0x80:
        found += bytes((number & 0x7F | 0x80,))
        number >>= 7
    return found + bytes((number,))


def _content(message: bytes) -> bytes:
    """Field 1 of a message that has no other."""
    assert message[0] == 0x0A
    at = next(place for place in range(1, 6) if message[place] < 0x80) + 1
    assert message[1:at] == _varint(len(message) - at)
    return message[at:]


class GrpcAgent:
    """A running agent. Mutable: `say` (None ends the stream), events, streams begun and over."""

    def __init__(self, port: int = 0) -> None:
        self.say: Say = lambda event: {}
        self.events: list[dict[str, Any]] = []
        self.begun = self.over = 0
        self._lock = threading.Lock()
        handler = grpc.method_handlers_generic_handler(
            "gwc.agent.v1.Agent", {"Process": grpc.stream_stream_rpc_method_handler(self._process)}
        )
        self._server = grpc.server(futures.ThreadPoolExecutor(32), handlers=(handler,))
        self.port: int = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self._server.start()

    def _process(self, requests: Iterator[bytes], _context: object) -> Iterator[bytes]:
        with self._lock:
            self.begun += 1
        try:
            for message in requests:
                event = json.loads(_content(message))
                event["body"] = b64decode(event.get("body", ""))
                self.events.append(event)
                said = self.say(event)
                if said is None:
                    return
                if "body" in said:
                    said["body"] = b64encode(said["body"]).decode()
                content = json.dumps(said).encode()
                yield b"\x0a" + _varint(len(content)) + content if said else b""
        finally:
            with self._lock:
                self.over += 1

    def close(self) -> None:
        """Listen no more, and end all streams."""
        self._server.stop(0).wait(10)


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def agent() -> Iterator[GrpcAgent]:
    """The agent."""
    running = GrpcAgent()
    yield running
    running.close()


@pytest.fixture(scope="module")
def served(origin: Upstream, agent: GrpcAgent) -> Iterator[Gateway]:
    """A gateway that asks it."""
    with gateway(CONFIG.format(origin=origin.address, port=agent.port)) as running:
        yield running


@pytest.fixture(autouse=True)
def _forget(origin: Upstream, agent: GrpcAgent) -> None:
    origin.requests.clear()
    origin.answers.clear()
    agent.events.clear()
    agent.say = lambda event: {}
    until(lambda: agent.over >= agent.begun, "the end of the last test's streams")
    agent.begun = agent.over = 0


@shows("agent.grpc")
def test_a_stream_for_each_request(served: Gateway, origin: Upstream, agent: GrpcAgent) -> None:
    """Events of one request are in one stream, which is over when the request is."""
    agent.say = lambda event: (
        {"request": {"set": {"x-seen": "1"}}}
        if event["event"] == "request-headers"
        else {"response": {"set": {"x-status": str(event["response"]["status"])}}}
    )
    for _ in range(3):
        reply = ask(served.address(), get("/heads"))
        assert (reply.status, reply.values("x-status")) == (200, [b"200"])
    assert [each.value("x-seen") for each in origin.requests] == ["1"] * 3
    until(lambda: agent.over == 3, "the ends of three streams")
    assert agent.begun == 3
    agent.say = lambda event: {"action": "block", "status": 429, "body": b"no"}
    blocked = ask(served.address(), get("/heads"))
    assert (blocked.status, blocked.body) == (429, b"no")


def test_bodies_beyond_a_window(served: Gateway, origin: Upstream, agent: GrpcAgent) -> None:
    """More than fits a window goes both ways; what is said of it counts."""
    body = bytes(range(256)) * 2048

    def say(event: dict[str, Any]) -> dict[str, Any]:
        return {"body": event["body"][::-1]} if event["event"] == "request-body" else {}

    agent.say = say
    origin.answers["/bodies"] = lambda exchange: exchange.reply(200, exchange.read_body())
    reply = ask(served.address(), post("/bodies", body), b"POST")
    assert reply.body == body[::-1]
    assert [each["event"] for each in agent.events[:2]] == ["request-headers", "request-body"]
    assert agent.events[-1]["end"] is True
    assert agent.begun == 1


def test_many_at_once(served: Gateway, agent: GrpcAgent) -> None:
    """Streams go side by side over one connection."""
    agent.say = lambda event: {"response": {"set": {"x-path": event["request"]["path"]}}}
    with futures.ThreadPoolExecutor(16) as threads:
        paths = [f"/heads/{number}" for number in range(100)]
        replies = list(threads.map(lambda path: ask(served.address(), get(path)), paths))
    assert [reply.values("x-path") for reply in replies] == [[path.encode()] for path in paths]


def test_a_stream_that_the_agent_ends(served: Gateway, agent: GrpcAgent) -> None:
    """It has failed, with whatever status; so has one that raises."""
    agent.say = lambda event: None
    assert ask(served.address(), get("/heads")).status == 503

    def fault(event: dict[str, Any]) -> dict[str, Any]:
        raise ValueError(event["id"])

    agent.say = fault
    assert ask(served.address(), get("/heads")).status == 503
    agent.say = lambda event: {"action": "perhaps"}
    assert ask(served.address(), get("/heads")).status == 503
    agent.say = lambda event: {}
    assert ask(served.address(), get("/heads")).status == 200


def test_a_client_that_goes_away_ends_the_stream(served: Gateway, agent: GrpcAgent) -> None:
    """The agent notices; others are not disturbed."""
    go = threading.Event()

    def wait(event: dict[str, Any]) -> dict[str, Any]:
        go.wait(10)
        return {}

    agent.say = wait
    with Client(served.address()) as client:
        client.send(get("/heads"))
        until(lambda: bool(agent.events), "the event")
    go.set()
    until(lambda: agent.over == 1, "the end of its stream")
    agent.say = lambda event: {}
    assert ask(served.address(), get("/heads")).status == 200


def test_a_stream_through_reloads(origin: Upstream, agent: GrpcAgent) -> None:
    """A request whose agent thinks while tables change keeps its stream, also into one without agents."""
    go = threading.Event()

    def wait(event: dict[str, Any]) -> dict[str, Any]:
        if event["event"] == "request-headers" and event["request"]["path"] == "/heads/slow":
            go.wait(20)
        return {}

    agent.say = wait
    with (
        gateway(CONFIG.format(origin=origin.address, port=agent.port)) as running,
        futures.ThreadPoolExecutor(1) as threads,
    ):
        slow = threads.submit(ask, running.address(), get("/heads/slow"))
        until(lambda: bool(agent.events), "the event")
        path = running.folder / "config" / "gwc.kdl"
        text = path.read_text("utf-8")
        for status, changed in ((418, 'agents "heads"; respond status=418'), (410, "respond status=410")):
            path.write_text(text.replace('agents "heads"; upstream "origin"', changed), "utf-8")
            os.kill(running.process.pid, signal.SIGHUP)
            until(lambda status=status: _status(running) == status, "the new table", 20)  # type: ignore[misc]  # now
        go.set()
        assert slow.result().status == 200
        assert [each["event"] for each in agent.events if each["id"] == agent.events[0]["id"]] == [
            "request-headers",
            "response-headers",
        ]
        until(lambda: agent.over == agent.begun, "the end of all streams")


def _status(running: Gateway) -> int:
    return ask(running.address(), get("/heads")).status


def test_an_agent_that_comes_back(origin: Upstream) -> None:
    """A new connection is made where the old one is gone."""
    first = GrpcAgent()
    with gateway(CONFIG.format(origin=origin.address, port=first.port)) as running:
        assert ask(running.address(), get("/heads")).status == 200
        first.close()
        until(lambda: ask(running.address(), get("/heads")).status == 503, "a refusal")
        second = GrpcAgent(first.port)
        try:
            until(lambda: ask(running.address(), get("/heads")).status == 200, "the agent", within=10)
        finally:
            second.close()
