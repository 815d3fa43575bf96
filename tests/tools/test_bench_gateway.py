"""The benchmarks of the gateway: their client and their figures, and that each of them runs."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.schema.diagnostic import Severity

from tools.bench.backend import json_of
from tools.bench.credentials import credentials
from tools.bench.loads import wrk_script
from tools.bench.openloop import Connection, Lost, OpenLoop, Target, chunks, parse_head
from tools.bench.peers import PEERS, STACK, Scene, proxy_routes
from tools.bench.phase import Histogram, Phase
from tools.bench.policy_table import PLAIN, ROUTES, kdl
from tools.bench.proxy import CASES
from tools.bench.soak import Sample, slope

ROOT = Path(__file__).resolve().parents[2]


def test_a_quantile_is_at_most_two_percent_too_high() -> None:
    """The histogram's buckets are 2 % apart and its greatest value is exact."""
    histogram = Histogram()
    for number in range(1, 1001):
        histogram.add(number / 1000)
    for share in (0.5, 0.9, 0.99):
        assert share <= histogram.quantile(share) <= share * 1.021
    assert histogram.greatest == 1.0
    assert histogram.quantile(1.0) == 1.0
    assert Histogram().quantile(0.99) == 0.0


def test_chunks_come_whole_or_stay() -> None:
    """However a chunked body is cut, its data comes once and in order."""
    raw = b"5\r\nhello\r\n6;x=1\r\n world\r\n0\r\n\r\nnext"
    assert chunks(raw) == (b"hello world", b"next", True)
    for place in range(len(raw) - 4):
        first, rest, ended = chunks(raw[:place])
        assert not ended
        second, left, ended = chunks(rest + raw[place:])
        assert (first + second, left, ended) == (b"hello world", b"next", True)


def test_the_head_of_a_reply() -> None:
    """Names are in lower case, values without the space around them."""
    assert parse_head(b"HTTP/1.1 204 No Content\r\nA: 1 \r\nb:2") == (204, {b"a": b"1", b"b": b"2"})


def test_a_slope_is_that_of_the_later_samples() -> None:
    """What a process allocates at its start is no growth."""
    still = [Sample(float(at), 0, 5000 if at >= 10 else at * 500, 0, 0) for at in range(100)]
    assert math.isclose(slope(still), 0.0, abs_tol=1e-9)
    growing = [Sample(float(at), 0, 5000 + 3 * at, 0, 0) for at in range(100)]
    assert math.isclose(slope(growing), 3.0)


Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def _phase(answer: Answer, seconds: float = 0.5, streams: int = 0) -> Phase:
    """What the open loop tells of a server that answers so."""

    async def run() -> Phase:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        loop = OpenLoop(Target(port, "h", "/echo", "/events"), rate=100, kept_alive=4, streams=streams)
        await loop.start()
        phase = await loop.run_for(seconds)
        await loop.stop()
        server.close()
        await _others()
        return phase

    return asyncio.run(run())


async def _ask(reader: asyncio.StreamReader) -> bytes:
    """A request's head, its body read too."""
    head = await reader.readuntil(b"\r\n\r\n")
    if head.startswith(b"POST"):
        await reader.readexactly(1024)
    return head


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _others() -> None:
    """Until the server's connections have ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), 5)


def _server(reply: Callable[[int], bytes], close_after: int = 1_000_000) -> Answer:
    """Answers with what `reply` makes of the number of the request; closes without notice after some."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for number in range(close_after):
                await _ask(reader)
                writer.write(reply(number))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            await _close(writer)

    return answer


def _marked(header: int, body: int, more: bytes = b"") -> bytes:
    text = b"%d 0" % body
    return b"HTTP/1.1 200 OK\r\n%bx-gwc-generation: %d\r\ncontent-length: %d\r\n\r\n%b" % (
        more,
        header,
        len(text),
        text,
    )


def test_a_server_that_does_all_right_has_no_failures() -> None:
    """Every request that was due is answered, and nothing is held against the server."""
    phase = _phase(_server(lambda number: _marked(number, number)))
    assert phase.latency.count > 10
    assert not (phase.failed)
    assert not (phase.closed)
    assert not (phase.announced)
    assert not (phase.mixed)
    assert not (phase.backwards)


def test_an_unannounced_close_is_noticed() -> None:
    """A kept-alive connection that is closed between two requests counts, though no request was lost."""
    phase = _phase(_server(lambda number: _marked(1, 1), close_after=1))
    assert phase.closed > 0
    assert phase.announced == 0


def test_an_announced_close_counts_by_itself() -> None:
    """`Connection: close` is another count, and costs no request."""
    phase = _phase(_server(lambda number: _marked(1, 1, b"connection: close\r\n"), close_after=1))
    assert phase.announced > 0
    assert phase.closed == phase.failed == 0


def test_a_close_before_the_reply_is_a_failure() -> None:
    """A request that was sent and not answered failed, and the report says how."""
    phase = _phase(_server(lambda number: b"", close_after=1))
    assert phase.failed > 0
    assert phase.latency.count == 0
    assert any("before a reply" in why for why in phase.why)


def test_half_old_and_half_new_is_noticed() -> None:
    """Header and body of one reply tell of one generation."""
    assert _phase(_server(lambda number: _marked(2, 1))).mixed > 0


def test_a_generation_that_goes_back_is_noticed() -> None:
    """On one connection the generation never falls."""
    assert _phase(_server(lambda number: _marked(9 - number % 9, 9 - number % 9))).backwards > 0


def test_a_stream_that_ends_is_a_cut() -> None:
    """An event stream lasts; its end, and a missing event, are cuts."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await _ask(reader)
                if b"/events" not in head:
                    writer.write(_marked(1, 1))
                    continue
                writer.write(
                    b"HTTP/1.1 200 OK\r\nx-gwc-generation: 1\r\nx-seen-generation: 1\r\n"
                    b"transfer-encoding: chunked\r\n\r\n9\r\ndata: 0\n\n\r\n"
                )
                break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            await _close(writer)

    phase = _phase(answer, streams=2)
    assert phase.cut >= 2
    assert phase.why["stream: closed"] >= 2


def test_a_lost_connection_says_when() -> None:
    """A connection that ends in the middle of a reply is told apart from one that ends before."""

    async def run() -> None:
        server = await asyncio.start_server(
            _server(lambda number: b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc", close_after=1),
            "127.0.0.1",
            0,
        )
        port = server.sockets[0].getsockname()[1]
        _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
        with pytest.raises(Lost, match="in the middle of a reply"):
            await connection.ask(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n")
        server.close()
        await _others()

    asyncio.run(run())


def test_every_policy_has_a_route_of_its_own(tmp_path: Path) -> None:
    """The table of all policies compiles without mistakes, and no two of its routes share a path."""
    ports = dict.fromkeys(("small", "10 KB JSON", "small, HTTP/2", "echo"), 1)
    proof = credentials(tmp_path)
    text = kdl(tmp_path, ports, (8080, 8443, 8081), proof, ROUTES)
    told = [each for each in compile_text(text, "kdl").diagnostics if each.severity is Severity.ERROR]
    assert told == []
    paths = [each.path for each in ROUTES if not each.like]
    assert len(set(paths)) == len(paths)
    assert {each.base for each in ROUTES} - {""} <= {each.name for each in ROUTES}
    assert PLAIN.path in {each.path for each in ROUTES if each.name == "TLS"}


def test_the_stack_of_gwc_compiles(tmp_path: Path) -> None:
    """Whatever part of the stack a case asks for, gwc's file of it has no mistakes."""
    proof = credentials(tmp_path)
    peer = next(each for each in PEERS if each.name == "gwc")
    assert not peer.lacks
    for count in range(len(STACK) + 1):
        folder = tmp_path / str(count)
        folder.mkdir()
        scene = Scene(
            proxy_routes(2), 1, 2, folder, credentials=proof, tls=True, policies=frozenset(STACK[:count])
        )
        peer.write(scene, sys.executable)
        found = compile_text((folder / "gwc.kdl").read_text(), "kdl").diagnostics
        assert [each for each in found if each.severity is Severity.ERROR] == []


def test_a_peer_is_left_out_where_it_lacks_something() -> None:
    """nginx has no tokens, so it is not in the whole stack; where there are none it is."""
    peer = next(each for each in PEERS if each.name == "nginx")
    whole = next(each for each in CASES if each.policies == len(STACK))
    part = next(each for each in CASES if each.policies == len(STACK) - 1)
    assert whole.lacking(peer) == {"jwt"}
    assert not part.lacking(peer)


def test_requests_of_wrk() -> None:
    """Each request has its host, path and fields; with a body it is a POST."""
    script = wrk_script([("h", "/a?b", (("X-Key", 'say "k"'),))])
    assert 'add("h", "/a?b", ' in script
    assert '["X-Key"] = "say \\"k\\""' in script
    assert 'wrk.format("GET"' in script
    assert 'wrk.format("POST"' in wrk_script([("h", "/", ())], "{}")


def test_the_json_of_the_backend() -> None:
    """It is JSON, and about as long as asked."""
    text = json_of(10_240)
    assert 10_000 < len(text) < 10_500
    assert all(each["id"] >= 0 for each in json.loads(text))


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["proxy", "--rounds", "1", "--seconds", "1", "--cases", "small", "--peers", "gwc"],
        ["proxy", "--rounds", "1", "--seconds", "1", "--patience", "1", "--cases", "stack", "--peers", "gwc"],
        ["costs", "--rounds", "1", "--policies", "cors;HTTP/2;TLS"],
        ["reload", "--reloads", "3", "--before", "2", "--after", "0", "--routes", "200", "--streams", "2"],
        ["memory", "--routes", "200", "--connections", "20", "--streams", "5"],
        ["soak", "--minutes", "0.33", "--routes", "200", "--kill-every", "8"],
    ],
    ids=["proxy", "stack", "costs", "reload", "memory", "soak"],
)
def test_each_benchmark_runs(arguments: list[str]) -> None:
    """A small run of each ends well and prints one JSON document."""
    done = subprocess.run(
        [sys.executable, "-m", f"tools.bench.{arguments[0]}", *arguments[1:]],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["benchmark"] == arguments[0]
