"""Connections of HTTP/2 to upstreams: how many, how long they live, who waits, what a reload does."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest
from h2.settings import SettingCodes

from .harness import gateway, until
from .inside import reload
from .raw import Client, ask, get, post
from .test_http2_upstream import config
from .upstream2 import Http2Upstream, Stream, http2_upstream


class _Slow:
    """An answer that waits for a word."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def __call__(self, stream: Stream) -> None:
        stream.read_body()
        self.go_on.wait(15)
        stream.reply(200, b"ok")


def _many(stack: ExitStack, address: tuple[str, int], number: int) -> list[Client]:
    """So many requests at once, each on a connection of its own."""
    clients = [stack.enter_context(Client(address)) for _ in range(number)]
    for client in clients:
        client.send(post("/slow", b"x"))
    return clients


def test_those_that_come_together_share_the_first_connection() -> None:
    """A hundred and twenty at once on a cold gateway: two connections, because one takes a hundred."""
    slow = _Slow()
    with http2_upstream(usual=slow) as server, gateway(config(server)) as served, ExitStack() as stack:
        clients = _many(stack, served.address(), 120)
        until(lambda: len(server.streams) == 120, "all are there", 10)
        assert len(server.connections) == 2
        slow.go_on.set()
        assert {client.reply().status for client in clients} == {200}


def test_connections_are_limited_not_requests() -> None:
    """One connection for four workers: those in other workers wait for their turn, and none fails."""
    with http2_upstream() as server:
        text = config(server, 'connections { max 1; pending-timeout "15s" }')
        with gateway(text, workers=4) as served, ExitStack() as stack:
            clients = _many(stack, served.address(), 24)
            assert {client.reply(within=20).status for client in clients} == {200}
            assert server.most_open == 1


def test_who_waits_where_a_connection_has_no_room() -> None:
    """The target allows two streams and the upstream one connection: the third waits, the fourth may not."""
    slow = _Slow()
    with http2_upstream(usual=slow, settings={SettingCodes.MAX_CONCURRENT_STREAMS: 2}) as server:
        text = config(server, "connections { max 1; pending 1 }")
        with gateway(text) as served, ExitStack() as stack:
            clients = _many(stack, served.address(), 2)
            until(lambda: len(server.streams) == 2, "two are there")
            third = stack.enter_context(Client(served.address()))
            third.send(get("/third"))
            assert third.is_quiet(0.2)
            assert ask(served.address(), get("/fourth")).status == 503
            assert served.access_line("/fourth")["reason"] == "pending-full"
            slow.go_on.set()
            assert {client.reply().status for client in (*clients, third)} == {200}
            assert len(server.connections) == 1


@pytest.mark.parametrize("key", ['idle "off"', 'idle-timeout "100ms"', 'age "100ms"'])
def test_connections_that_are_not_kept(key: str) -> None:
    """After their last request, after a while without one, or beyond an age: the next goes by another."""
    with http2_upstream() as server, gateway(config(server, f"connections {{ {key} }}")) as served:
        assert ask(served.address(), get("/a")).status == 200
        time.sleep(0.5)
        assert ask(served.address(), get("/b")).status == 200
        first, second = (server.the(path).connection for path in ("/a", "/b"))
        assert first is not second
        assert first.over.wait(5)


def test_an_old_connection_ends_after_its_last_request() -> None:
    """No more requests go there, and the one that it has is not cut."""
    slow = _Slow()
    with http2_upstream() as server, gateway(config(server, 'connections { age "200ms" }')) as served:
        server.answers["/slow"] = slow
        with Client(served.address()) as client:
            client.send(get("/slow"))
            until(lambda: bool(server.seen("/slow")), "it is there")
            time.sleep(0.4)
            assert ask(served.address(), get("/next")).status == 200
            old = server.the("/slow").connection
            assert server.the("/next").connection is not old
            assert not old.closed
            slow.go_on.set()
            assert client.reply().status == 200
            assert old.over.wait(5)


def _with_routes(server: Http2Upstream, generation: int) -> str:
    return config(server).replace('"all"', f'"all-{generation}"')


def test_reloads_keep_connections_and_requests() -> None:
    """Ten reloads with requests under way: the same connection, none cut; it is closed with its upstream."""
    slow = _Slow()
    with http2_upstream() as server, gateway(_with_routes(server, 1), options=["--no-watch"]) as served:
        server.answers["/slow"] = slow
        with ExitStack() as stack:
            clients = _many(stack, served.address(), 8)
            until(lambda: len(server.streams) == 8, "all are there")
            for generation in range(2, 12):
                reload(served, _with_routes(server, generation))
                assert ask(served.address(), get(f"/{generation}")).status == 200
            assert len(server.connections) == 1
            reload(served, _with_routes(server, 12).replace('protocol "http2"', 'protocol "http1"'))
            assert not server.connections[0].closed, "requests are under way"
            slow.go_on.set()
            assert {client.reply().status for client in clients} == {200}
        assert server.connections[0].over.wait(5), "nobody uses it any more"
