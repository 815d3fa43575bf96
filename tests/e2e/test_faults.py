"""What breaks around a gateway, and what its users notice of it: as little as can be."""

from __future__ import annotations

import errno
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from .harness import gateway, program_of_gateway, until
from .inside import descriptors, events, held, number, processor_s, worker_of, workers
from .raw import Client, Silence, ask, get, post
from .traffic import Traffic
from .upstream import Exchange, Upstream, upstream

CONFIG = """
listeners {{
    listener "public" {{
        address "%public%"
        timeouts {{ head "2s"; body "2s"; send "2s"; idle "30s" }}
    }}
}}
{more}
upstreams {{
    upstream "origin" {{ target "{origin}" }}
    upstream "pair" {{ target "{origin}"; target "{other}" }}
}}
routes {{
    route "all" {{ upstream "origin" }}
    route "pair" {{ matches {{ path-prefix "/pair" }}; upstream "pair" }}
    route "fixed" {{ matches {{ path "/fixed" }}; respond {{ body "fixed\\n" }} }}
}}
"""


def _config(origin: str, other: str = "127.0.0.1:1", more: str = "") -> str:
    return CONFIG.format(origin=origin, other=other, more=more)


@pytest.fixture
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


# --- descriptors ------------------------------------------------------------------------------------------


def test_descriptors_run_out_and_come_back(origin: Upstream) -> None:
    """New connections wait, open ones are served, nothing spins, and all is well when clients have left."""
    with gateway(_config(origin.address)) as running, ExitStack() as stack:
        (worker,) = workers(running)
        early = stack.enter_context(Client(running.address()))
        assert early.ask(get("/before")).status == 200
        limit = descriptors(worker) + 6
        most = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (limit, most[1]))
        crowd = [stack.enter_context(Client(running.address())) for _ in range(20)]
        for each in crowd:
            each.send(get("/fixed"))
        until(lambda: bool(events(running, "accept-paused")), "the gateway says that it rests")
        began, used = time.monotonic(), processor_s(worker)
        for _ in range(10):
            assert early.ask(get("/during")).status == 200, "on connections that were there"
            time.sleep(0.1)
        assert (processor_s(worker) - used) / (time.monotonic() - began) < 0.4, "it spins"
        served = [each for each in crowd if _answered(each, 0.05)]
        assert 3 <= len(served) <= 8
        for each in served:
            each.close()
        waiting = [each for each in crowd if each not in served]
        until(lambda: any(_answered(each, 0.05) for each in waiting), "the next ones are served")
        resource.prlimit(worker, resource.RLIMIT_NOFILE, most)
        for each in waiting:
            each.close()
        until(lambda: ask(running.address(), get("/after")).status == 200, "all is well again")
        assert len(events(running, "accept-paused")) <= 12, "the log is flooded"
        assert workers(running) == [worker]


def _answered(client: Client, within: float) -> bool:
    try:
        return client.reply(within=within).status == 200
    except (Silence, OSError):
        return False


# --- workers ----------------------------------------------------------------------------------------------


def test_a_worker_is_killed_under_load(origin: Upstream) -> None:
    """The other one's clients notice nothing; the dead one is replaced within a second; counters stay."""
    with gateway(_config(origin.address), workers=2) as running, ExitStack() as stack:
        first, second = workers(running)
        clients: dict[int, list[Client]] = {first: [], second: []}
        while min(map(len, clients.values())) < 4:
            client = stack.enter_context(Client(running.address()))
            assert client.ask(get("/load")).status == 200
            clients[worker_of(running, client.name)].append(client)
        until(lambda: number(running, "gwc_requests_total", route="all") >= 8, "they are counted")
        counted = number(running, "gwc_requests_total", route="all")
        problems: list[str] = []
        over = threading.Event()

        def keep_asking(client: Client) -> None:
            while not over.wait(0.01):
                try:
                    assert client.ask(get("/load")).status == 200
                except Exception as fault:
                    problems.append(repr(fault))
                    return

        threads = [threading.Thread(target=keep_asking, args=(each,)) for each in clients[second]]
        for each in threads:
            each.start()
        held_up = threading.Event()

        @origin.on("/held")
        def _(exchange: Exchange) -> None:
            held_up.wait(10)
            exchange.reply(200)

        clients[first][0].send(get("/held"))
        until(lambda: len(origin.seen("/held")) == 1, "one is under way in the worker that dies")
        os.kill(first, signal.SIGKILL)
        killed = time.monotonic()
        until(lambda: bool(events(running, "worker-started")), "another one is there", 5)
        took = time.monotonic() - killed
        held_up.set()
        time.sleep(0.3)
        over.set()
        for each in threads:
            each.join()
        assert problems == []
        assert took < 2.5, "a second, on a machine that is not busy"
        until(lambda: number(running, "gwc_in_flight") == 0, "what the dead one had is given back")
        assert number(running, "gwc_requests_total", route="all") > counted
        assert second in workers(running)
        assert first not in workers(running)
        for client in (*clients[first], *clients[second]):
            client.close()
        until(lambda: number(running, "gwc_connections") == 0, "and its connections")
        until(
            lambda: held(running)["open"] == number(running, "gwc_upstream_connections"), "and its targets'"
        )


@pytest.mark.slow
def test_a_worker_stands_still_under_load(origin: Upstream) -> None:
    """SIGSTOP: noticed by its heartbeat and replaced; the others' clients notice nothing."""
    with gateway(_config(origin.address), workers=2) as running, ExitStack() as stack:
        stopped, other = workers(running)
        mine: list[Client] = []
        while len(mine) < 3:
            client = stack.enter_context(Client(running.address()))
            assert client.ask(get("/load")).status == 200
            if worker_of(running, client.name) == other:
                mine.append(client)
        os.kill(stopped, signal.SIGSTOP)
        deadline = time.monotonic() + 12
        while not events(running, "worker-started"):
            for each in mine:
                assert each.ask(get("/load")).status == 200
            assert time.monotonic() < deadline, "it was never replaced"
            time.sleep(0.02)
        assert events(running, "worker-hung")[0]["pid"] == stopped
        until(lambda: ask(running.address(), get("/fixed")).status == 200, "new connections are served")
        assert number(running, "gwc_in_flight") == 0


def test_sigterm_under_load_loses_nothing(origin: Upstream) -> None:
    """What has begun is finished, every end is announced, and the exit code is 0."""

    @origin.on("/slow")
    def _(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        for _ in range(10):
            time.sleep(0.1)
            exchange.send(b"x")

    problems: list[str] = []
    done: list[int] = []
    with gateway(_config(origin.address), workers=2) as running, ExitStack() as stack:
        running.stops_itself = True
        slow = [stack.enter_context(Client(running.address())) for _ in range(4)]
        for each in slow:
            each.send(get("/slow"))
        until(lambda: len(origin.seen("/slow")) == 4, "all have begun")

        def keep_asking() -> None:
            """On one connection until a reply says that it was the last."""
            try:
                with Client(running.address()) as client:
                    while True:
                        reply = client.ask(get("/fixed"))
                        assert reply.status == 200
                        done.append(1)
                        if reply.closes:
                            assert client.end() == b""
                            return
                        time.sleep(0.005)
            except Exception as fault:
                problems.append(repr(fault))

        threads = [threading.Thread(target=keep_asking) for _ in range(8)]
        for thread in threads:
            thread.start()
        until(lambda: len(done) > 50, "there is load")
        running.process.send_signal(signal.SIGTERM)
        for each in slow:
            reply = each.reply()
            assert (reply.complete, reply.body) == (True, b"x" * 10)
        for thread in threads:
            thread.join(10)
        assert problems == []
        assert running.process.wait(10) == 0
        assert events(running, "stopped")[0]["cut"] == 0


def test_whoever_waits_to_be_accepted_is_served_before_the_end(origin: Upstream) -> None:
    """A worker that was busy as SIGTERM came answers every connection that was made before it."""
    with gateway(_config(origin.address)) as running, ExitStack() as stack:
        running.stops_itself = True
        (worker,) = workers(running)
        os.kill(worker, signal.SIGSTOP)
        clients = [stack.enter_context(Client(running.address())) for _ in range(150)]
        for each in clients:
            each.send(get("/fixed"))
        running.process.send_signal(signal.SIGTERM)
        until(lambda: bool(events(running, "draining")), "it drains")
        os.kill(worker, signal.SIGCONT)
        for each in clients:
            assert each.reply().status == 200
        assert running.process.wait(10) == 0


def test_a_drain_does_not_wait_for_who_is_done(origin: Upstream) -> None:
    """A reply that had begun before SIGTERM could not say that it is the last; its connection ends soon."""

    @origin.on("/begun")
    def _(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf"[:-2])
        time.sleep(0.5)
        exchange.send(b"lf")

    with gateway(_config(origin.address), options=["--drain-timeout", "30s"]) as running:
        running.stops_itself = True
        with Client(running.address()) as client:
            client.send(get("/begun"))
            until(lambda: len(origin.seen("/begun")) == 1, "it has begun")
            time.sleep(0.2)  # the reply's head is on its way; nothing tells of that
            running.process.send_signal(signal.SIGTERM)
            assert client.reply().body == b"half"
            assert client.end(4) == b""
            assert running.process.wait(5) == 0


# --- slow clients -----------------------------------------------------------------------------------------


def test_slow_clients_keep_nobody_waiting(origin: Upstream) -> None:
    """Heads and bodies byte by byte, readers that never read: others are served, and these are ended."""

    @origin.on("/large")
    def _(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.reply(200, b"x" * 8_000_000)

    with gateway(_config(origin.address)) as running, ExitStack() as stack:
        (worker,) = workers(running)
        assert ask(running.address(), get("/fixed")).status == 200
        before = running.resident_bytes()
        heads = [stack.enter_context(Client(running.address())) for _ in range(60)]
        bodies = [stack.enter_context(Client(running.address())) for _ in range(20)]
        readers = [stack.enter_context(Client(running.address(), receive_buffer=4096)) for _ in range(10)]
        for each in heads:
            each.send(b"GET /fixed HT")
        for each in bodies:
            each.send(get("/up", "Content-Length: 1000", method="POST"))
        for each in readers:
            each.send(get("/large"))
        used, began = processor_s(worker), time.monotonic()
        slowest = 0.0
        while time.monotonic() - began < 2.0:
            for each in heads:
                _drip(each, b"T")
            for each in bodies:
                _drip(each, b"x")
            asked = time.monotonic()
            assert ask(running.address(), get("/fixed")).status == 200
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.1)
        assert slowest < 1.0
        assert (processor_s(worker) - used) / (time.monotonic() - began) < 0.7
        assert running.resident_bytes() - before < 60 * 1024 * 1024, "eight megabytes a reader were read"
        for each in heads:
            assert each.reply(within=5).status == 408
        until(lambda: number(running, "gwc_refused_total", reason="head-timeout") == 60, "all are told of")
        until(lambda: held(running)["in_flight"] == len(bodies), "the readers are ended", 10)
        for each in bodies:
            each.close()
        for each in heads:
            each.close()
        until(lambda: held(running)["connections"] == held(running)["in_flight"] == 0, "nobody is left", 10)


def _drip(client: Client, data: bytes) -> None:
    try:
        client.send(data)
    except OSError:
        return


# --- logs -------------------------------------------------------------------------------------------------


@contextmanager
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder of 64 KiB, or a skip."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_stops_no_traffic(origin: Upstream, tmp_path: Path) -> None:
    """Lines that find no place are counted; when there is place again, lines are written again, whole."""
    with _small_disk(tmp_path) as disk:
        log = disk / "access.log"
        more = f'access-log {{ path "{log}" }}'
        with gateway(_config(origin.address, more=more)) as running:
            with Client(running.address()) as client:
                for _ in range(400):
                    assert client.ask(get("/fixed", "User-Agent: " + "x" * 400)).status == 200
                until(lambda: number(running, "gwc_log_lines_dropped_total", log="access") > 0, "it is told")
                log.write_bytes(b"")
                assert client.ask(get("/fixed?after")).status == 200
                until(lambda: b"after" in log.read_bytes(), "the log goes on")
            lines = log.read_bytes().split(b"\n")
            assert lines[-1] == b""
            assert all(line.endswith(b"}") for line in lines[:-1] if line)


def test_a_closed_pipe_stops_no_traffic(origin: Upstream, tmp_path: Path) -> None:
    """Whoever read the access log has gone: requests are served, and SIGTERM ends the gateway with 0."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    folder = tmp_path / "config"
    folder.mkdir()
    text = _config(origin.address).replace("%public%", f"127.0.0.1:{port}")
    (folder / "gwc.kdl").write_text(text, "utf-8")
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    command = [*program_of_gateway(), "run", str(folder), "--workers", "2", "--drain-timeout", "2s"]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        until(lambda: _connects(port), "it listens", 15)
        assert ask(("127.0.0.1", port), get("/fixed")).status == 200
        process.stdout.close()
        for _ in range(3):
            with Client(("127.0.0.1", port)) as client:
                for _ in range(50):
                    assert client.ask(get("/fixed")).status == 200
                time.sleep(0.1)
        process.stderr.close()
        for _ in range(20):
            assert ask(("127.0.0.1", port), get("/fixed")).status == 200
            assert ask(("127.0.0.1", port), b"GET  / HTTP/1.1\r\n\r\n").status == 400
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def _connects(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# --- upstreams --------------------------------------------------------------------------------------------


def test_an_upstream_that_comes_and_goes(origin: Upstream) -> None:
    """503 at once while it is away, 200 at once when it is back; nothing has to be waited for."""
    host, port = origin.server.getsockname()
    with gateway(_config(origin.address)) as running, Client(running.address()) as client:
        assert client.ask(get("/a")).status == 200
        origin.stop()
        for _ in range(5):
            began = time.monotonic()
            assert client.ask(get("/a")).status == 503
            assert time.monotonic() - began < 1
            with _at(host, port):
                assert client.ask(get("/a")).status == 200
                assert client.ask(post("/a", b"x"), b"POST").status == 200
        assert held(running)["active"] == 0


@contextmanager
def _at(host: str, port: int) -> Iterator[Upstream]:
    """A server at an address that another one has left."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((host, port))
    server.listen(64)
    running = Upstream(server)
    thread = threading.Thread(target=running._accept, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        running.stop()
        thread.join(5)


def test_one_of_two_targets_is_away(origin: Upstream) -> None:
    """Requests go to the other one: nobody notices; with both away it is 503, with both back all is well."""
    with upstream() as other:
        host, port = other.server.getsockname()
        with gateway(_config(origin.address, other.address)) as running, Client(running.address()) as client:
            for _ in range(4):
                assert client.ask(get("/pair")).status == 200
            other.stop()
            for _ in range(10):
                assert client.ask(get("/pair")).status == 200
            first = origin.server.getsockname()
            origin.stop()
            assert client.ask(get("/pair")).status == 503
            with _at(*first) as back, _at(host, port) as other_back:
                for _ in range(6):
                    assert client.ask(get("/pair")).status == 200
                assert len(back.seen("/pair")) == len(other_back.seen("/pair")) == 3


def test_an_upstream_flaps_under_load(origin: Upstream) -> None:
    """Every request has an answer, whole and of a status that says what happened; nothing is left over."""
    host, port = origin.server.getsockname()

    def judge(reply: object) -> str:
        status = getattr(reply, "status", 0)
        return "" if status in (200, 502, 503) and getattr(reply, "complete", False) else f"{reply}"

    with gateway(_config(origin.address), workers=2) as running:
        traffic = Traffic(running.address())
        for _ in range(4):
            traffic.keep_alive("/flap", judge, pause=0.005)
        origin.stop()
        for _ in range(8):
            time.sleep(0.05)
            with _at(host, port):
                time.sleep(0.1)
        with _at(host, port):
            until(lambda: ask(running.address(), get("/flap")).status == 200, "it is back")
            traffic.stop()
        assert traffic.problems == []
        until(lambda: held(running)["in_flight"] == held(running)["active"] == 0, "nothing is under way")


# --- too much ---------------------------------------------------------------------------------------------


def test_requests_that_would_eat_memory_are_refused(origin: Upstream) -> None:
    """Endless heads, trailers and chunk extensions, a pipeline without end: memory stays flat."""
    endless = [
        b"GET /fixed HTTP/1.1\r\nHost: a.test\r\n" + b"x-a: " + b"y" * 2_000_000,
        b"GET /" + b"y" * 2_000_000,
        b"GET /fixed HTTP/1.1\r\nHost: a.test\r\n" + b"x-a: y\r\n" * 200_000,
        get("/up", "Transfer-Encoding: chunked", method="POST") + b"1;" + b"e" * 2_000_000,
        get("/up", "Transfer-Encoding: chunked", method="POST") + b"0\r\n" + b"t: u\r\n" * 300_000,
        b"\r\n" * 1_000_000,
    ]
    with gateway(_config(origin.address)) as running:
        assert ask(running.address(), get("/fixed")).status == 200
        before = running.resident_bytes()
        for data in endless * 2:
            with Client(running.address()) as client:
                client.send_some(data, 0.5)
                until(lambda client=client: _ended(client), "it is ended")  # type: ignore[misc]  # a closure
        with Client(running.address()) as client:
            taken = client.send_some(get("/large-pipeline") * 200_000, 0.3)
            assert taken < 200_000 * len(get("/large-pipeline")), "everything was taken without being served"
        assert running.resident_bytes() - before < 24 * 1024 * 1024
        assert ask(running.address(), get("/fixed")).status == 200
        until(lambda: held(running)["in_flight"] == 0, "nothing is under way")


def _ended(client: Client) -> bool:
    try:
        client.receive(within=0.1)
    except Silence:
        return False
    except OSError as fault:
        return fault.errno in (errno.ECONNRESET, errno.EPIPE)
    return client.ended
