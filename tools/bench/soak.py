"""An hour of everything at once: load, a reload each second, mischief, and a worker killed each minute.

Prints JSON with a verdict, and ends with 1 where it is bad. Memory, descriptors and threads of each process
of the gateway are looked at through /proc. The worker that is
killed is always the youngest, so the others live through the whole run and show whether anything grows.
The verdict: memory flat (less than a MiB for a thousand reloads, by the slope of its later samples), nothing
leaked (descriptors are back where they were when all clients have left), and no failure but those of the
connections that a killed worker held, within three seconds of its end.

    python -m tools.bench.soak [--minutes N] [--rate R] [--routes N] [--workers N] [--kill-every S]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from .backend import streaming
from .mischief import GOOD, KINDS, Place
from .openloop import Connection, Lost, OpenLoop, Target
from .phase import Phase
from .process import (
    CORES,
    LOAD_CORE,
    Running,
    age_order,
    free_ports,
    load_average,
    memory_kib,
    open_files,
    started,
    threads,
    wait_ready,
    workers,
)
from .reload import HOST, Subject, gwc_subject

KILL_WINDOW_S = 3.0
SAMPLE_EVERY_S = 5.0
RELOAD_EVERY_S = 1.0
GAUGES = ("gwc_in_flight", "gwc_connections", "gwc_upstream_connections")
"""Metrics that are zero when nobody is there."""

LEFT_OPEN = 5
"""Descriptors that a worker may have more at the end: its logs, and an upstream connection just made."""

IDLE_WITHIN_S = 90.0
"""Idle connections to the upstream go by themselves within this time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at a process: seconds since the start, KiB, descriptors, threads."""

    at: float
    resident: int
    private: int
    files: int
    threads: int


@dataclass(slots=True)
class Seen:
    """What happened so far. `quiet` and `kills` add up the stretches outside and inside of kill windows."""

    samples: dict[int, list[Sample]] = field(default_factory=dict)
    quiet: list[Phase] = field(default_factory=list)
    kills: list[Phase] = field(default_factory=list)
    replaced_s: list[float] = field(default_factory=list)
    mischief: Counter[str] = field(default_factory=Counter)
    bad_mischief: Counter[str] = field(default_factory=Counter)
    generation: int = 0
    generations_served: set[int] = field(default_factory=set)
    killing: bool = False


def main() -> None:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(prog="soak", description="everything at once, for an hour")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--routes", type=int, default=1_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill-every", type=float, default=60.0, help="seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gwc-soak-") as name, ExitStack() as stack:
        root = Path(name)
        upstream, _ = stack.enter_context(streaming(root))
        port, metrics_port = free_ports(2)
        metrics = f"metrics.address=127.0.0.1:{metrics_port}"
        subject = gwc_subject(root, port, upstream, options.routes, options.workers, "--set", metrics)
        log = root / "gateway.log"
        running = stack.enter_context(started(subject.name, subject.command, log, CORES))
        wait_ready(running, port, "/live/echo", HOST)
        os.sched_setaffinity(0, {LOAD_CORE})
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = runner.run(_soak(options, subject, running, port, metrics_port))
        alive = running.process.poll() is None
        report["gateway alive"] = alive
    print(json.dumps(report, indent=2))
    verdict = report["verdict"]
    assert isinstance(verdict, dict)
    sys.exit(0 if alive and all(verdict.values()) else 1)


async def _soak(
    options: argparse.Namespace, subject: Subject, running: Running, port: int, metrics_port: int
) -> dict[str, object]:
    seen = Seen()
    began = time.monotonic()
    files_before = {pid: open_files(pid) for pid in workers(running, port)}
    loop = OpenLoop(Target(port, HOST, "/live/echo", "/live/events"), options.rate)
    await loop.start()
    loads = [load_average()]
    over = asyncio.Event()
    arrivals = asyncio.create_task(loop.run_until(over))
    await asyncio.sleep(0)
    seen.quiet.append(loop.phase)
    beside = [
        asyncio.create_task(each)
        for each in (
            _reloads(subject, running, port, seen),
            _mischief(Place(port, HOST), seen),
            _kills(loop, running, port, options.workers, options.kill_every, seen),
            _samples(running, began, seen),
        )
    ]
    ended = asyncio.create_task(asyncio.sleep(options.minutes * 60))
    done, _ = await asyncio.wait([ended, *beside], return_when=asyncio.FIRST_COMPLETED)
    broken = [repr(each.exception()) for each in done if each is not ended and each.exception()]
    for each in (ended, *beside):
        each.cancel()
    await asyncio.gather(ended, *beside, return_exceptions=True)
    over.set()
    await arrivals
    loads.append(load_average())
    last_served = await _last_served(port, seen.generation)
    await loop.stop()
    at_rest = await _at_rest(running, port, metrics_port, files_before)
    return _report(options, seen, running, port, loads, last_served, at_rest, broken)


async def _reloads(subject: Subject, running: Running, port: int, seen: Seen) -> None:
    """An edit each second; what serves just before the next one is noted."""
    while True:
        seen.generation += 1
        subject.edit(seen.generation, running)
        await asyncio.sleep(RELOAD_EVERY_S)
        served = await _served(port)
        if served is not None:
            seen.generations_served.add(served)


async def _served(port: int) -> int | None:
    """The generation that answers a new connection; None where none does within five seconds."""
    with contextlib.suppress(Exception):  # a worker was killed: the next look will tell
        async with asyncio.timeout(5):
            _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
            reply = await connection.ask(f"GET /live/echo HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode())
            connection.close()
            return reply.generation
    return None


async def _last_served(port: int, generation: int) -> bool:
    """Whether the last edit serves in the end."""
    for _ in range(40):
        if await _served(port) == generation:
            return True
        await asyncio.sleep(0.25)
    return False


async def _mischief(place: Place, seen: Seen) -> None:
    """Every 300 ms one thing that goes wrong, without waiting for the one before."""
    running: set[asyncio.Task[None]] = set()

    async def one(kind: str) -> None:
        killing = seen.killing
        try:
            how = await KINDS[kind](place)
        except OSError as failed:
            how = type(failed).__name__
        seen.mischief[f"{kind}: {how}"] += 1
        if how not in GOOD[kind] and not killing and not seen.killing:
            seen.bad_mischief[f"{kind}: {how}"] += 1

    kinds = sorted(KINDS)
    random.seed(5)
    try:
        while True:
            task = asyncio.create_task(one(random.choice(kinds)))
            running.add(task)
            task.add_done_callback(running.discard)
            await asyncio.sleep(0.3)
    finally:
        for task in running:
            task.cancel()


async def _kills(loop: OpenLoop, running: Running, port: int, count: int, every: float, seen: Seen) -> None:
    """SIGKILL to the youngest worker; what fails in the next seconds is counted by itself."""
    while True:
        await asyncio.sleep(every)
        youngest = age_order(workers(running, port))[-1]
        if youngest == running.process.pid:
            continue  # everything is one process: nothing would be left
        seen.killing = True
        loop.begin()
        seen.kills.append(loop.phase)
        died = time.monotonic()
        os.kill(youngest, signal.SIGKILL)
        while time.monotonic() - died < KILL_WINDOW_S:
            now = workers(running, port)
            if youngest not in now and len(now) >= count:
                seen.replaced_s.append(time.monotonic() - died)
                break
            await asyncio.sleep(0.02)
        await asyncio.sleep(max(0.0, KILL_WINDOW_S - (time.monotonic() - died)))
        seen.killing = False
        loop.begin()
        seen.quiet.append(loop.phase)


async def _samples(running: Running, began: float, seen: Seen) -> None:
    while True:
        for pid in running.pids():
            memory = memory_kib(pid)
            if memory["Rss"]:
                at = time.monotonic() - began
                sample = Sample(at, memory["Rss"], memory["Private"], open_files(pid), threads(pid))
                seen.samples.setdefault(pid, []).append(sample)
        await asyncio.sleep(SAMPLE_EVERY_S)


async def _at_rest(
    running: Running, port: int, metrics_port: int, before: dict[int, int]
) -> dict[str, object]:
    """Descriptors of the workers and gauges when every client has left, until they are where they were."""
    until = time.monotonic() + IDLE_WITHIN_S
    most = max(before.values(), default=0)
    while True:
        now = {pid: open_files(pid) for pid in workers(running, port)}
        gauges = await _gauges(metrics_port)
        back = all(count <= most + LEFT_OPEN for count in now.values()) and not any(gauges.values())
        if back or time.monotonic() > until:
            return {
                "before": sorted(before.values()),
                "after": sorted(now.values()),
                "metrics": gauges or "not served",
                "back": back,
            }
        await asyncio.sleep(0.5)


async def _gauges(port: int) -> dict[str, float]:
    """What the metrics say is going on, summed over all labels; nothing where they are not served."""
    try:
        _, connection = await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port)
        reply = await connection.ask(b"GET /metrics HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
    except (OSError, Lost):
        return {}
    connection.close()
    found: dict[str, float] = {}
    for line in reply.body.decode().splitlines():
        name, _, value = line.rpartition(" ")
        name = name.partition("{")[0]
        if name in GAUGES:
            found[name] = found.get(name, 0.0) + float(value)
    return found


# --- the verdict -------------------------------------------------------------------------------------------


def slope(samples: Sequence[Sample]) -> float:
    """KiB a second by which private memory grows, over the later three quarters; least squares."""
    later = samples[len(samples) // 4 :]
    if len(later) < 3:
        return 0.0
    mean_at = sum(each.at for each in later) / len(later)
    mean = sum(each.private for each in later) / len(later)
    spread = sum((each.at - mean_at) ** 2 for each in later)
    return sum((each.at - mean_at) * (each.private - mean) for each in later) / spread if spread else 0.0


def _report(
    options: argparse.Namespace,
    seen: Seen,
    running: Running,
    port: int,
    loads: list[float],
    last_served: bool,
    at_rest: dict[str, object],
    broken: list[str],
) -> dict[str, object]:
    length = options.minutes * 60
    serving = workers(running, port)
    lived = {
        pid: samples for pid, samples in seen.samples.items() if samples[-1].at - samples[0].at > length / 2
    }
    growth = {pid: slope(samples) * 1000 * RELOAD_EVERY_S / 1024 for pid, samples in lived.items()}
    unexpected = sum(each.failed + each.cut + each.closed + each.unexpected for each in seen.quiet)
    wrong = sum(each.mixed + each.backwards for each in (*seen.quiet, *seen.kills))
    # In a short run the first allocations are still to come, and a slope says nothing.
    flat = length < 300 or all(each < 1.0 for each in growth.values())
    return {
        "benchmark": "soak",
        "minutes": options.minutes,
        "load average": loads,
        "verdict": {
            "memory flat": flat,
            "nothing leaked": bool(at_rest["back"]),
            "only expected failures": not unexpected and not wrong and not seen.bad_mischief,
            "the last edit serves": last_served,
            "workers replaced": len(seen.replaced_s) == len(seen.kills),
            "the run itself held": not broken,
        },
        "broken": broken,
        "memory, processes that lived through": {
            str(pid): {
                "what": "supervisor"
                if pid == running.process.pid
                else "worker"
                if pid in serving
                else "helper",
                "first MiB": round(samples[0].private / 1024, 1),
                "last MiB": round(samples[-1].private / 1024, 1),
                "most MiB": round(max(each.private for each in samples) / 1024, 1),
                "MiB for 1000 reloads": round(growth[pid], 2),
                "open files, first and last": [samples[0].files, samples[-1].files],
                "threads, first and last": [samples[0].threads, samples[-1].threads],
            }
            for pid, samples in lived.items()
        },
        "open files at rest": at_rest,
        "reloads": {
            "edits": seen.generation,
            "serving within a second": len(seen.generations_served),
        },
        "workers killed": {
            "times": len(seen.kills),
            "replaced after, s": [round(each, 2) for each in seen.replaced_s],
            **_counts(seen.kills),
        },
        "otherwise": _counts(seen.quiet),
        "mischief": dict(sorted(seen.mischief.items())),
        "mischief taken badly": dict(seen.bad_mischief),
        "log": running.tail() if broken or seen.bad_mischief or unexpected else "",
    }


def _counts(phases: Sequence[Phase]) -> dict[str, object]:
    why: Counter[str] = Counter()
    for each in phases:
        why.update(each.why)
    return {
        "replies": sum(each.latency.count for each in phases),
        "failed": sum(each.failed for each in phases),
        "closed unannounced": sum(each.closed for each in phases),
        "closed with notice": sum(each.announced for each in phases),
        "streams cut": sum(each.cut for each in phases),
        "half old half new": sum(each.mixed for each in phases),
        "generation went back": sum(each.backwards for each in phases),
        "other status": sum(each.unexpected for each in phases),
        "p99 ms, worst stretch": round(
            max((e.latency.quantile(0.99) for e in phases), default=0.0) * 1000, 2
        ),
        "max ms": round(max((each.latency.greatest for each in phases), default=0.0) * 1000, 2),
        "why": dict(sorted(why.items())),
    }


if __name__ == "__main__":
    main()
