"""Loads that a contestant is put under, each for some seconds: wrk over HTTP/1.1, h2load over HTTP/2.

Owns how the tools are called and what of their output counts. Both run on the core of the load; what the
contestant used of its own is taken from the kernel meanwhile.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from .process import LOAD_CORE, Others, Running, cpu_seconds

CONNECTIONS = 32


@dataclass(frozen=True, slots=True)
class Round:
    """One run of a load. Latencies are milliseconds; `busy` is the share of a core that the contestant took,
    `others` that of programs which have nothing to do with the benchmark.
    """

    rate: float
    p50: float
    p99: float
    busy: float
    others: float
    errors: Mapping[str, int]


Load: TypeAlias = Callable[[Running, int, int], Round]
"""A load on a contestant's port for so many seconds."""

Fields: TypeAlias = Sequence[tuple[str, str]]
"""More fields of every request."""

_USUAL: Fields = (("Accept", "*/*"), ("User-Agent", "bench/1"), ("Accept-Encoding", "gzip"))


def wrk(
    tool: str, script: Path, *, connections: int = CONNECTIONS, tls: bool = False, threads: int = 1
) -> Load:
    """A closed loop over HTTP/1.1. With `tls` the name of the server is `localhost`."""
    base = "https://localhost" if tls else "http://127.0.0.1"

    def run(running: Running, port: int, seconds: int) -> Round:
        command = [tool, f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "-s", str(script)]
        done, busy, others = _measured([*command, f"{base}:{port}/"], running)
        told = json.loads(done.stdout[done.stdout.index("{") :])
        rate = told["requests"] / (told["duration_us"] / 1e6)
        return Round(rate, told["p50_us"] / 1000, told["p99_us"] / 1000, busy, others, told["errors"])

    return run


def wrk_script(requests: Sequence[tuple[str, str, Fields]], body: str = "", *, fresh: bool = False) -> str:
    """wrk's script: requests (host, path, more fields) in turn, made before; figures as JSON. With a body
    they are POSTs; `fresh`: each on a connection of its own.
    """
    usual = (*_USUAL, *((("Connection", "close"),) if fresh else ()))
    wanted = "\n".join(
        f"  add({json.dumps(host)}, {json.dumps(path)}, {_lua((*usual, *fields))})"
        for host, path, fields in requests
    )
    method = "POST" if body else "GET"
    return f"""
local requests, turn = {{}}, 0
local body = {json.dumps(body) if body else "nil"}
local function add(host, path, headers)
  headers["Host"] = host
  if body then headers["Content-Type"] = headers["Content-Type"] or "application/octet-stream" end
  requests[#requests + 1] = wrk.format("{method}", path, headers, body)
end
function init(args)
{wanted}
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{{"requests": %d, "duration_us": %d, "p50_us": %f, "p99_us": %f, '
    .. '"errors": {{"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}}}}\\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect, e.read, e.write, e.status, e.timeout))
end
"""


def _lua(fields: Fields) -> str:
    return "{" + ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in fields) + "}"


_COUNTS = re.compile(r"([0-9]+) succeeded, ([0-9]+) failed, ([0-9]+) errored, ([0-9]+) timeout")
_STATUSES = re.compile(r"status codes: ([0-9]+) 2xx, ([0-9]+) 3xx, ([0-9]+) 4xx, ([0-9]+) 5xx")
_LOG = "h2load.log"


def h2load(
    tool: str,
    host: str,
    path: str,
    folder: Path,
    *,
    connections: int = 4,
    streams: int = 8,
    tls: bool = False,
    fields: Fields = (),
    body: bytes = b"",
) -> Load:
    """A closed loop over HTTP/2: so many connections, so many streams on each. `folder` is for its files."""
    base = "https://localhost" if tls else "http://127.0.0.1"
    command = [tool, "-t1", f"-c{connections}", f"-m{streams}", "-H", f":authority: {host}"]
    for name, value in (*_USUAL, *fields):
        command += ["-H", f"{name.lower()}: {value}"]
    if body:
        (folder / "body").write_bytes(body)
        command += ["-d", str(folder / "body")]
    log = folder / _LOG

    def run(running: Running, port: int, seconds: int) -> Round:
        log.unlink(missing_ok=True)
        more = [f"-D{seconds}", f"--log-file={log}", f"{base}:{port}{path}"]
        done, busy, others = _measured([*command, *more], running)
        counts, statuses = _COUNTS.search(done.stdout), _STATUSES.search(done.stdout)
        if counts is None or statuses is None or not int(counts[1]):
            raise RuntimeError((done.stderr or done.stdout)[-300:])
        times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines() if line)
        return Round(
            rate=int(counts[1]) / seconds,
            p50=_share(times, 0.5),
            p99=_share(times, 0.99),
            busy=busy,
            others=others,
            errors={
                "failed": int(counts[2]),
                "errored": int(counts[3]),
                "timeout": int(counts[4]),
                "status": int(statuses[3]) + int(statuses[4]),
            },
        )

    return run


def _share(times_us: Sequence[int], share: float) -> float:
    """Milliseconds that this share of the requests did not exceed."""
    return times_us[min(len(times_us) - 1, int(share * len(times_us)))] / 1000 if times_us else 0.0


def _measured(
    command: Sequence[str], running: Running
) -> tuple[subprocess.CompletedProcess[str], float, float]:
    """The tool's run, the share of a core that the contestant took in it, and how many others did."""
    others = Others()
    before, began = sum(map(cpu_seconds, running.pids())), time.monotonic()
    done = subprocess.run(
        ["taskset", "-c", str(LOAD_CORE), *command], capture_output=True, text=True, check=True, timeout=300
    )
    took, busy = time.monotonic() - began, sum(map(cpu_seconds, running.pids())) - before
    return done, busy / took, others.cores()
