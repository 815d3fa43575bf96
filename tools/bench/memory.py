"""What a worker's memory grows by: routes, idle connections, open streams; and what is left afterwards.

Prints JSON, resident MiB of the one worker and KiB for each thing more. Each configuration has a gateway of
its own, all of whose processes are told of, the supervisor first; a connection is idle after one answered
request, a stream has had its reply's head.

    python -m tools.bench.memory [--routes 1000,10000,100000] [--connections 1000,5000] [--streams 250,1000]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvloop

from .backend import streaming
from .openloop import Connection
from .process import (
    GATEWAY_CORE,
    Running,
    free_ports,
    load_average,
    memory_kib,
    open_files,
    started,
    wait_ready,
    workers,
)
from .reload import HOST, gwc_subject

SETTLE_S = 2.0
"""Memory is looked at when it has moved by no more than `STILL_KIB` for so long, or after twenty seconds."""

STILL_KIB = 64


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="memory", description="what a worker's memory grows by")
    parser.add_argument("--routes", type=_numbers, default=[1_000, 10_000, 100_000])
    parser.add_argument("--connections", type=_numbers, default=[1_000, 5_000])
    parser.add_argument("--streams", type=_numbers, default=[250, 1_000])
    options = parser.parse_args()
    report: dict[str, object] = {"benchmark": "memory", "load average": load_average()}
    with tempfile.TemporaryDirectory(prefix="gwc-bench-") as name, ExitStack() as stack:
        root = Path(name)
        upstream, _ = stack.enter_context(streaming(root))
        report["routes"] = _routes(root, upstream, options.routes)
        report["idle connections"] = _clients(root, upstream, "echo", options.connections)
        report["streams"] = _clients(root, upstream, "events", options.streams)
    print(json.dumps(report, indent=2))


def _numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",") if each]


def _routes(root: Path, upstream: int, counts: Sequence[int]) -> dict[str, object]:
    """A gateway for each count, beside one of a hundred routes."""
    figures: dict[str, object] = {}
    least, base = 100, 0
    for count in (least, *counts):
        with _gateway(root / f"routes{count}", upstream, count) as (running, worker, _):
            resident = _settled(worker)
            figures[f"{count} routes"] = {
                "worker MiB": _mib(resident),
                "each process MiB": [_mib(memory_kib(pid)["Pss"]) for pid in running.pids()],
                "KiB a route": round((resident - base) / (count - least), 2) if count != least else None,
            }
            base = base or resident
    return figures


def _clients(root: Path, upstream: int, what: str, counts: Sequence[int]) -> dict[str, object]:
    """One gateway of a hundred routes; more and more clients come and go."""
    with _gateway(root / what, upstream, 100) as (_, worker, port):
        nobody = _settled(worker)
        figures: dict[str, object] = {
            "nobody": {"worker MiB": _mib(nobody), "open files": open_files(worker)}
        }
        last, last_count = nobody, 0
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            for count in counts:
                resident, told = runner.run(_with(count, worker, port, what))
                # The first ones live in what start-up left free, so each is measured against those before.
                each = round((resident - last) / (count - last_count), 2)
                figures[str(count)] = {"KiB each more": each, **told}
                last, last_count = resident, count
        figures["afterwards"] = {"worker MiB": _mib(_settled(worker)), "open files": open_files(worker)}
    return figures


async def _with(count: int, worker: int, port: int, what: str) -> tuple[int, dict[str, object]]:
    """So many clients that have asked for `echo` or `events`: KiB while they are there, and all figures."""
    loop = asyncio.get_running_loop()
    request = f"GET /live/{what} HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode()
    held: list[Connection] = []
    for start in range(0, count, 50):
        some = [
            (await loop.create_connection(Connection, "127.0.0.1", port))[1]
            for _ in range(min(50, count - start))
        ]
        await asyncio.gather(*(each.ask(request, whole=what != "events") for each in some))
        held += some
    resident = await asyncio.to_thread(_settled, worker)
    alive, files = sum(each.open for each in held), open_files(worker)
    for each in held:
        each.close()
    after = await asyncio.to_thread(_settled, worker)
    return resident, {
        "worker MiB": _mib(resident),
        "alive": alive,
        "open files": files,
        "after they left MiB": _mib(after),
        "open files after": open_files(worker),
    }


@contextmanager
def _gateway(root: Path, upstream: int, count: int) -> Iterator[tuple[Running, int, int]]:
    """A started gateway of one worker with so many routes: (it, the worker's id, its port)."""
    root.mkdir()
    (port,) = free_ports(1)
    subject = gwc_subject(root, port, upstream, count, 1)
    with started("gwc", subject.command, root / "gateway.log", [GATEWAY_CORE]) as running:
        wait_ready(running, port, "/live/echo", HOST, 240.0)
        yield running, workers(running, port)[0], port


def _settled(pid: int) -> int:
    """Resident KiB of a process when they stand still."""
    last, since, until = memory_kib(pid)["Rss"], time.monotonic(), time.monotonic() + 20
    while time.monotonic() - since < SETTLE_S and time.monotonic() < until:
        time.sleep(0.25)
        now = memory_kib(pid)["Rss"]
        if abs(now - last) > STILL_KIB:
            last, since = now, time.monotonic()
    return memory_kib(pid)["Rss"]


def _mib(kib: int) -> float:
    return round(kib / 1024, 1)


if __name__ == "__main__":
    main()
