"""Nothing is left behind: after requests of every kind, everything is where it was before."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.runtime.control.cells import LocalCells
from gwc.runtime.control.serving import Serving
from gwc.runtime.control.worker import loop_factory
from gwc.runtime.exchange import Exchange as Served
from gwc.runtime.observe.observing import Silent
from gwc.runtime.plan import Plan
from gwc.runtime.snapshot import Snapshot
from gwc.runtime.wire.http1.client import ClientConnection
from gwc.runtime.wire.http1.server import ServerConnection

from .harness import gateway, until
from .inside import descriptors, held, number, reload, workers
from .misbehaving import is_silent, says, says_and_closes, says_and_resets
from .raw import Address, Client, Silence, ask, chunked, get, post
from .upstream import Exchange, Upstream, black_hole, nobody, upstream

CONFIG = """
listeners {{
    listener "public" {{
        address "{listen}"
        timeouts {{ head "300ms"; body "300ms"; idle "30s"; send "500ms" }}
    }}
}}
upstreams {{
    upstream "origin" {{ target "{origin}"; timeouts {{ first-byte "300ms"; idle "300ms" }} }}
    upstream "away" {{ target "{away}" }}
    upstream "hole" {{ target "{hole}"; timeouts {{ connect "300ms" }} }}
    upstream "narrow" {{
        target "{origin}"
        connections {{ max 1; pending 3; pending-timeout "200ms" }}
        timeouts {{ first-byte "300ms" }}
    }}
}}
routes {{
    route "all" {{ upstream "origin" }}
    route "limited" {{
        matches {{ path-prefix "/limited" }}
        limits {{ request-body "1KiB" }}
        upstream "origin"
    }}
    route "away" {{ matches {{ path "/away" }}; upstream "away" }}
    route "hole" {{ matches {{ path "/hole" }}; upstream "hole" }}
    route "narrow" {{ matches {{ path-prefix "/narrow" }}; upstream "narrow" }}
    route "fixed" {{ matches {{ path "/fixed" }}; respond {{ body "fixed\\n" }} }}
    route "gone" {{ matches {{ path "/gone" }}; redirect path="/there" status=302 }}
    route "tried" {{ matches {{ path "/tried" }}; timeouts {{ per-try "200ms" }}; upstream "origin" }}
}}
"""


def _sends_much(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.reply(200, b"x" * 3_000_000)


def _reads_late(exchange: Exchange) -> None:
    time.sleep(0.2)
    exchange.read_body()
    exchange.reply(200)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
ANSWERS = {
    "/silent": is_silent,
    "/narrow/silent": is_silent,
    "/tried": is_silent,
    "/reads-late": _reads_late,
    "/closes": says_and_closes(b""),
    "/half-head": says_and_closes(b"HTTP/1.1 20"),
    "/bad-head": says(b"HTTP/1.1 2000 What\r\n\r\n"),
    "/half-body": says_and_closes(HEAD + b"half"),
    "/reset": says_and_resets(b""),
    "/reset-body": says_and_resets(HEAD + b"half"),
    "/stops": says(HEAD + b"half"),
    "/surplus": says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1"),
    "/until-close": says_and_closes(b"HTTP/1.1 200 OK\r\n\r\nthat is all"),
    "/bad-chunk": says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "/large": _sends_much,
}

Kind = Callable[[Address], None]
KINDS: dict[str, Kind] = {}


def _kind(work: Kind) -> Kind:
    KINDS[work.__name__] = work
    return work


def _asks(path: str, status: int, data: bytes = b"", method: bytes = b"GET") -> None:
    def work(address: Address) -> None:
        reply = ask(address, data or get(path), method)
        assert reply.status == status, f"{path}: {reply}"

    work.__name__ = f"{method.decode()} {path} {len(data)}"
    _kind(work)


_asks("/a", 200)
_asks("/a", 200, get("/a", method="HEAD"), b"HEAD")
_asks("/a", 200, post("/a", b"body"), b"POST")
_asks("/a", 200, chunked("/a", [b"one", b"two"]), b"POST")
_asks("/fixed", 200)
_asks("/gone", 302)
_asks("/a", 400, b"GET  /a HTTP/1.1\r\nHost: a\r\n\r\n")
_asks("/a", 400, get("/a", "Content-Length: 1", "Content-Length: 2"))
_asks("/limited", 413, post("/limited", b"x" * 2000), b"POST")
_asks("/limited", 413, chunked("/limited", [b"x" * 2000]), b"POST")
_asks("/a", 417, get("/a", "Expect: something"))
_asks("/away", 503)
_asks("/hole", 504)
_asks("/silent", 504)
_asks("/tried", 504)
_asks("/half-head", 502)
_asks("/bad-head", 502)
_asks("/surplus", 200)
_asks("/until-close", 200)


@_kind
def a_chunk_that_is_none(address: Address) -> None:
    """Refused, or cut where the reply had begun."""
    with Client(address) as client, suppress(Silence, OSError):
        client.ask(get("/a", "Transfer-Encoding: chunked", method="POST") + b"zz\r\n", b"POST")


def _cut(path: str) -> None:
    @_kind
    def work(address: Address) -> None:
        with Client(address) as client, suppress(Silence, OSError, AssertionError):
            client.send(get(path, "Connection: close"))
            client.end()

    KINDS[f"cut {path}"] = KINDS.pop("work")


for _path in ("/closes", "/half-body", "/reset", "/reset-body", "/stops", "/bad-chunk"):
    _cut(_path)


@_kind
def a_pipeline(address: Address) -> None:
    """Ten requests in one go, answered in order."""
    with Client(address) as client:
        client.send(b"".join(get(f"/p{number}") for number in range(10)))
        for number in range(10):
            assert client.reply().body == b"/p%d" % number


@_kind
def a_pipeline_that_is_left(address: Address) -> None:
    """Ten requests in one go, and nobody waits for the replies."""
    with Client(address) as client:
        client.send(b"".join(get(f"/p{number}") for number in range(10)))
        client.reply()


@_kind
def asks_before_it_sends(address: Address) -> None:
    """100-continue, and the body after it."""
    with Client(address) as client:
        client.send(get("/a", "Content-Length: 4", "Expect: 100-continue", method="POST"))
        assert client.receive().startswith(b"HTTP/1.1 100")
        assert client.ask(b"body", b"POST").status == 200


@_kind
def asks_and_leaves(address: Address) -> None:
    """100-continue, and then nobody is there."""
    with Client(address) as client:
        client.send(get("/a", "Content-Length: 4", "Expect: 100-continue", method="POST"))
        client.receive()


@_kind
def asks_and_is_refused(address: Address) -> None:
    """100-continue for a body that is too long."""
    with Client(address) as client:
        client.send(get("/limited", "Content-Length: 4000", "Expect: 100-continue", method="POST"))
        assert client.reply(b"POST").status == 413


def _leaves(name: str, data: bytes, pause: float, *, reset: bool, half: bool = False) -> None:
    @_kind
    def work(address: Address) -> None:
        client = Client(address, receive_buffer=8192)
        try:
            if data:
                client.send(data)
            if half:
                client.half_close()
            time.sleep(pause)
        finally:
            client.reset() if reset else client.close()

    KINDS[f"{name} {reset} {half}"] = KINDS.pop("work")


for _reset in (False, True):
    _leaves("says nothing", b"", 0, reset=_reset)
    _leaves("half a head", b"GET /a HTTP", 0.01, reset=_reset)
    _leaves("a head without its body", get("/a", "Content-Length: 9", method="POST"), 0.01, reset=_reset)
    _leaves("half a body", get("/a", "Content-Length: 9", method="POST") + b"half", 0.01, reset=_reset)
    _leaves(
        "half a chunk", get("/a", "Transfer-Encoding: chunked", method="POST") + b"9\r\nh", 0, reset=_reset
    )
    _leaves("does not wait", get("/a"), 0, reset=_reset)
    _leaves("waits a little", get("/silent"), 0.05, reset=_reset)
    _leaves("waits for a connect", get("/hole"), 0.05, reset=_reset)
    _leaves("waits for its turn", get("/narrow/silent"), 0.05, reset=_reset)
    _leaves("in the middle of a reply", get("/large"), 0.05, reset=_reset)
    _leaves("is done sending", get("/silent"), 0.05, reset=_reset, half=True)
    _leaves("sends what nobody reads", post("/reads-late", b"x" * 300_000), 0.05, reset=_reset)


@_kind
def a_head_that_takes_too_long(address: Address) -> None:
    """408."""
    with Client(address) as client:
        assert client.ask(b"GET /a HT").status == 408


@_kind
def a_body_that_takes_too_long(address: Address) -> None:
    """408."""
    with Client(address) as client:
        assert client.ask(get("/a", "Content-Length: 9", method="POST") + b"half", b"POST").status in (
            408,
            504,
        )


@_kind
def a_reply_that_nobody_takes(address: Address) -> None:
    """The gateway gives up."""
    with Client(address, receive_buffer=4096) as client:
        client.send(get("/large"))
        time.sleep(0.8)


@_kind
def a_place_that_is_not_free(address: Address) -> None:
    """Three wait for the one connection, and one too many does not."""
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(address)) for _ in range(5)]
        for each in clients:
            each.send(get("/narrow/silent"))
        for each in clients:
            assert each.reply().status in (503, 504)


FAST = [
    name
    for name in KINDS
    if not any(
        word in name
        for word in (
            "/hole",
            "/silent",
            "/tried",
            "/stops",
            "too_long",
            "nobody",
            "a_place",
            "connect",
            "reads",
        )
    )
]


@contextmanager
def _servers() -> Iterator[tuple[Upstream, dict[str, str]]]:
    """A server with all its faults, one that refuses, one that does not answer."""
    with upstream() as server, nobody() as away, black_hole() as hole:
        server.answers.update(ANSWERS)
        yield server, {"origin": server.address, "away": away, "hole": hole}


def _round(address: Address, kinds: list[str], threads: int) -> None:
    """One request of each of these kinds, several at once."""
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        begun = {pool.submit(KINDS[name], address): name for name in kinds}
        for done in concurrent.futures.as_completed(begun):
            fault = done.exception()
            assert fault is None, f"{begun[done]}: {fault!r}"


# --- a whole gateway --------------------------------------------------------------------------------------


def test_everything_is_given_back() -> None:
    """Two thousand requests of every kind: connections, requests, descriptors and counters are as before."""
    with _servers() as (server, places):
        text = CONFIG.format(listen="%public%", **places)
        with gateway(text, workers=2) as running:
            pids = workers(running)
            _round(running.address(), list(KINDS), 24)  # what is opened once is open then
            _wait_until_quiet(running, server)
            before = {pid: descriptors(pid) for pid in pids}
            idle_before = held(running)["idle"]
            _round(running.address(), list(KINDS) * 2, 24)
            _round(running.address(), FAST * 20, 8)
            _wait_until_quiet(running, server)
            idle = held(running)["idle"]
            grown = sum(descriptors(pid) for pid in pids) - sum(before.values())
            assert grown <= idle - idle_before, f"{grown} descriptors more for {idle} idle connections"
            memory = running.resident_bytes()
            _round(running.address(), FAST * 20, 8)
            _round(running.address(), FAST * 20, 8)
            _wait_until_quiet(running, server)
            assert running.resident_bytes() - memory < 6 * 1024 * 1024
            assert workers(running) == pids
            assert not server.faults


def _wait_until_quiet(running: Any, server: Upstream) -> None:
    """Nothing is under way any more, and all who count agree."""
    for name in ("gwc_in_flight", "gwc_connections"):
        until(lambda name=name: number(running, name) == 0, f"{name} is 0", 10)  # type: ignore[misc]  # a closure
    until(lambda: held(running)["connections"] == held(running)["in_flight"] == 0, "no request is left", 10)
    until(lambda: held(running)["active"] == 0, "no connection to a target is in use", 10)
    until(lambda: held(running)["open"] == held(running)["idle"], "the others can be used again", 10)
    until(lambda: number(running, "gwc_upstream_connections") == held(running)["open"], "metrics agree", 10)
    until(lambda: server.open_connections() == held(running)["open"], "the server agrees", 25)


@pytest.mark.slow
def test_memory_stays_where_it_is() -> None:
    """Round after round, with reloads in between: no memory follows the number of requests or of tables."""
    with _servers() as (server, places):
        text = CONFIG.format(listen="%public%", **places)
        with gateway(text, workers=2, options=["--no-watch"]) as running:
            sizes = []
            for number_ in range(12):
                _round(running.address(), list(KINDS), 24)
                _round(running.address(), FAST * 20, 8)
                for each in range(5):
                    reload(running, text.replace('body "fixed', f'body "fixed {number_} {each}'))
                _wait_until_quiet(running, server)
                sizes.append(running.resident_bytes())
            assert max(sizes[-3:]) - min(sizes[3:6]) < 8 * 1024 * 1024, sizes


# --- one worker, looked into ------------------------------------------------------------------------------


class _Worker:
    """What a worker serves, on a loop of its own in this process."""

    def __init__(self) -> None:
        factory = loop_factory()
        self.loop = asyncio.new_event_loop() if factory is None else factory()
        self.cells = LocalCells()
        self.serving = Serving(self.loop, Silent(), self.cells)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address: Address = self.socket.getsockname()[:2]
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def do(self, work: Callable[[], Any]) -> Any:
        """Call something on the worker's loop; a coroutine is waited for."""

        async def call() -> Any:
            done = work()
            return await done if asyncio.iscoroutine(done) else done

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(20)

    def serve(self, text: str, generation: int) -> None:
        """Change to this configuration."""
        result = compile_text(text, "kdl")
        assert result.table is not None, result.diagnostics

        async def change() -> None:
            assert result.table is not None
            self.serving.commit(await self.serving.prepare(result.table, generation))

        self.do(change)

    def tasks(self) -> int:
        """How many tasks there are beside the one that asks."""
        return int(self.do(lambda: len(asyncio.all_tasks(self.loop)) - 1))

    def timed(self) -> int:
        """How many things are in the wheel of deadlines."""
        return int(self.do(lambda: sum(len(each) for each in self.serving.timers._slots)))

    def counts(self) -> dict[str, int]:
        """The shared counters that are not zero."""
        return dict(self.do(lambda: {k: v.value for k, v in self.cells._counters.items() if v.value}))

    def close(self) -> None:
        """End it."""
        self.do(lambda: self.serving.drain(2.0))

        def hang_up() -> None:
            for target in self.serving.upstreams.targets():
                for connection in tuple(target.idle):
                    connection.close()
            self.serving.timers.close()

        self.do(hang_up)
        self.do(lambda: asyncio.sleep(0.05))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()
        self.socket.close()


@pytest.fixture
def worker() -> Iterator[_Worker]:
    """A worker in this process."""
    made = _Worker()
    try:
        yield made
    finally:
        made.close()


def _alive(*kinds: type) -> dict[str, int]:
    """How many objects of these kinds there are."""
    gc.collect()
    found = dict.fromkeys((kind.__name__ for kind in kinds), 0)
    for each in gc.get_objects():
        if type(each) in kinds:
            found[type(each).__name__] += 1
    return found


def _serve_at(worker: _Worker, text: str) -> None:
    worker.serve(text, 1)
    written = f"127.0.0.1:{worker.address[1]}"
    worker.do(lambda: worker.serving.listen(written, worker.socket.dup()))


def test_no_object_outlives_its_request(worker: _Worker) -> None:
    """After every kind: no exchange, no connection, no task, no deadline, and every counter is zero."""
    with _servers() as (_, places):
        before = _alive(Served, ServerConnection, ClientConnection)
        _serve_at(worker, CONFIG.format(listen=f"127.0.0.1:{worker.address[1]}", **places))
        _round(worker.address, list(KINDS), 24)
        _round(worker.address, FAST * 3, 8)
        until(
            lambda: worker.do(lambda: worker.serving.status())["connections"] == 0,
            "no connection is left",
            10,
        )
        until(lambda: worker.do(lambda: worker.serving.in_flight) == 0, "no request is left", 10)

        def hang_up() -> None:
            for target in worker.serving.upstreams.targets():
                for connection in tuple(target.idle):
                    connection.close()

        worker.do(hang_up)
        until(lambda: worker.counts() == {}, "all counters are zero", 5)
        until(lambda: worker.tasks() == 0, "no task is left", 5)
        until(lambda: worker.timed() == 0, "no deadline is left", 5)
        for target in worker.serving.upstreams.targets():
            assert (target.open, target.active, target.idle) == (0, 0, [])
        for each in worker.serving.upstreams:
            assert not each._waiting
            assert not each._connecting
        until(lambda: _alive(Served, ServerConnection, ClientConnection) == before, "no object is left", 10)


def test_no_table_outlives_its_requests(worker: _Worker) -> None:
    """After fifty tables one is alive, though a stream that began with the first one still goes on."""
    over = threading.Event()

    def streams(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while not over.wait(0.05):
            exchange.send(b"data: 1\n\n")
        exchange.close()

    with _servers() as (server, places), ExitStack() as stack:
        server.answers["/stream"] = streams
        places["listen"] = f"127.0.0.1:{worker.address[1]}"
        text = CONFIG.format(**places)
        _serve_at(worker, text)
        before = _alive(Snapshot, Plan)
        stream = stack.enter_context(Client(worker.address))
        kept = stack.enter_context(Client(worker.address))
        stream.send(get("/stream"))
        assert b"200 OK" in stream.receive()
        for generation in range(2, 52):
            worker.serve(text.replace('route "all"', f'route "all-{generation}"'), generation)
            assert kept.ask(get("/a")).status == 200
        assert stream.receive()
        alive = _alive(Snapshot, Plan)
        assert alive["Snapshot"] == before["Snapshot"] == 1
        assert alive["Plan"] <= before["Plan"] + 1, "the stream keeps the one that it began with"
        assert len(server.connections) == 2, "the pool is the same one"
        over.set()
        until(lambda: b"0\r\n\r\n" in stream.receive(), "the stream ends")
        assert _alive(Snapshot, Plan) == before
