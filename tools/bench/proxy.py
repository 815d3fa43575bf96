"""gwc beside nginx, Envoy, Caddy and HAProxy as reverse proxies, one core each.

Prints JSON: requests/s and latencies (ms, as wrk sees them: a closed loop, so they are not those of a user)
and what share of each peer's requests/s gwc reaches. All contestants of a case stand at the same time and are
asked in turn, round after round; a figure is the median. `busy` is how much of its core a contestant used:
far below 1, its figure is the load's limit or somebody else's; requests/s of core time (requests over the
processor time that the contestant used) then say more. A round with errors is thrown out and told of;
one in which other programs took much of the machine is made again, and counts only where none is quiet.
The contestant has one core, the load (wrk) and the backend the other. A peer that is not installed is named.

    python -m tools.bench.proxy [--cases "small;1 MB"] [--peers gwc,…] [--rounds N] [--seconds S] [--profile]

`--profile` instead runs gwc alone under the load of the first case and prints where its time goes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .backend import fast
from .peers import PEERS, Peer, ProxyRoute, Scene, proxy_routes
from .process import (
    GATEWAY_CORE,
    LOAD_CORE,
    Others,
    Running,
    StartFailed,
    cpu_seconds,
    free_ports,
    load_average,
    program,
    started,
    wait_ready,
    workers,
)

CONNECTIONS = 32

DISTURBED = 0.15
"""A round in which others took more than this of a core is made again, as long as there is patience."""

PATIENCE = 3
"""How many times the wanted rounds are made at most."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked: replies of a size, over so many routes, with a body of so many bytes."""

    name: str
    size: str
    routes: int
    body_bytes: int = 0


CASES = (
    Case("small", "small", 1),
    Case("10 KB", "10 KB", 1),
    Case("1 MB", "1 MB", 1),
    Case("POST 1 KB", "small", 1, 1024),
    Case("small, 1 000 routes", "small", 1_000),
    Case("small, 10 000 routes", "small", 10_000),
)


@dataclass(frozen=True, slots=True)
class Round:
    """One run of wrk. Latencies are milliseconds; `busy` is the share of a core that the contestant took,
    `others` that of programs which have nothing to do with the benchmark.
    """

    rate: float
    p50: float
    p99: float
    busy: float
    others: float
    errors: Mapping[str, int]


def main() -> None:
    """Measure and print."""
    options = _options()
    wrk = program("wrk")
    if wrk is None:
        sys.exit("the benchmark needs wrk: apt-get install wrk")
    wanted = None if options.peers is None else options.peers.split(",")
    peers = [peer for peer in PEERS if wanted is None or peer.name in wanted]
    cases = [case for case in CASES if options.cases is None or case.name in options.cases.split(";")]
    with tempfile.TemporaryDirectory(prefix="gwc-bench-") as name, fast(Path(name) / "backend") as ports:
        root = Path(name)
        if options.profile:
            _profile(root, wrk, cases[0], ports, options.seconds)
            return
        missing = [peer.name for peer in peers if program(peer.program) is None]
        report: dict[str, object] = {
            "benchmark": "proxy",
            "connections": CONNECTIONS,
            "rounds": options.rounds,
            "seconds": options.seconds,
            "load average before": load_average(),
            "not installed": missing,
        }
        for number, case in enumerate(cases):
            print(f"{case.name} …", file=sys.stderr, flush=True)
            folder = root / f"case{number}"
            present = [peer for peer in peers if peer.name not in missing]
            report[case.name] = _case(folder, wrk, case, present, ports, options.rounds, options.seconds)
            shutil.rmtree(folder, ignore_errors=True)  # access logs grow
        report["load average after"] = load_average()
    print(json.dumps(report, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="proxy", description="gwc beside other gateways")
    parser.add_argument("--cases", help="names of cases, with `;` between them")
    parser.add_argument("--peers", help="names of contestants, with commas between them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def _case(
    folder: Path,
    wrk: str,
    case: Case,
    peers: Sequence[Peer],
    ports: Mapping[str, int],
    rounds: int,
    seconds: int,
) -> dict[str, object]:
    """Figures of every contestant that starts, and the ratios to gwc."""
    routes = proxy_routes(case.routes)
    good: dict[str, list[Round]] = {}
    thrown: dict[str, list[Mapping[str, int]]] = {}
    failed: dict[str, str] = {}
    memory: dict[str, int] = {}
    with ExitStack() as stack:
        standing: list[tuple[Running, int]] = []
        for peer, port in zip(peers, free_ports(len(peers)), strict=True):
            try:
                running = stack.enter_context(
                    contestant(peer, routes, ports[case.size], port, folder / peer.name)
                )
            except StartFailed as why:
                failed[peer.name] = str(why)
            else:
                standing.append((running, port))
        script = folder / "load.lua"
        script.write_text(_script(routes, case.body_bytes))
        for running, port in standing:
            load(wrk, script, running, port, 1)
        for _ in range(rounds * PATIENCE):
            if all(len(_quiet(good.get(each.name, ()))) >= rounds for each, _ in standing):
                break
            for running, port in standing:
                one = load(wrk, script, running, port, seconds)
                if any(one.errors.values()):
                    thrown.setdefault(running.name, []).append(one.errors)
                else:
                    good.setdefault(running.name, []).append(one)
        for running, _port in standing:
            memory[running.name] = running.resident_kib()
    figures: dict[str, object] = {}
    rates: dict[str, float] = {}
    per_core: dict[str, float] = {}
    for name, all_ones in good.items():
        quiet = _quiet(all_ones)
        ones = quiet if len(quiet) >= 2 else all_ones
        rates[name] = median(one.rate for one in ones)
        per_core[name] = median(one.rate / max(one.busy, 0.001) for one in ones)
        figures[name] = {
            "requests/s": round(rates[name]),
            "spread": [round(min(one.rate for one in ones)), round(max(one.rate for one in ones))],
            "requests/s of core time": round(per_core[name]),
            "p50 ms": round(median(one.p50 for one in ones), 2),
            "p99 ms": round(median(one.p99 for one in ones), 2),
            "busy": round(median(one.busy for one in ones), 2),
            "memory MiB": round(memory[name] / 1024, 1),
            "rounds": len(ones),
            "disturbed rounds": len(all_ones) - len(quiet),
            "others, cores": round(median(one.others for one in ones), 2),
        }
    if "gwc" in rates:
        figures["gwc over"] = {
            name: round(rates["gwc"] / rate, 3) for name, rate in rates.items() if name != "gwc"
        }
        figures["gwc over, by core time"] = {
            name: round(per_core["gwc"] / rate, 3) for name, rate in per_core.items() if name != "gwc"
        }
    if thrown:
        figures["thrown out"] = thrown
    if failed:
        figures["did not start"] = failed
    figures["load average"] = load_average()
    return figures


def _quiet(rounds: Sequence[Round]) -> list[Round]:
    """Those in which nobody else took much of the machine."""
    return [one for one in rounds if one.others <= DISTURBED]


@contextmanager
def contestant(
    peer: Peer, routes: tuple[ProxyRoute, ...], upstream_port: int, port: int, folder: Path
) -> Iterator[Running]:
    """A contestant that serves, on the core of contestants; StartFailed where it does not come up."""
    found = program(peer.program)
    if found is None:
        raise StartFailed(f"{peer.name} is not installed")
    folder.mkdir(parents=True)
    command = peer.write(Scene(routes, upstream_port, port, folder), found)
    with started(peer.name, command, folder / "log", [GATEWAY_CORE], dict(peer.environment)) as running:
        wait_ready(running, port, f"{routes[-1].path}/x", routes[-1].host)
        yield running


def load(
    wrk: str, script: Path, running: Running, port: int, seconds: int, connections: int = CONNECTIONS
) -> Round:
    """One run of wrk against a contestant's port on the loopback."""
    others = Others()
    before, began = sum(map(cpu_seconds, running.pids())), time.monotonic()
    done = subprocess.run(
        [
            *("taskset", "-c", str(LOAD_CORE)),
            *(wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script)),
            f"http://127.0.0.1:{port}/",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    took, busy = time.monotonic() - began, sum(map(cpu_seconds, running.pids())) - before
    told = json.loads(done.stdout[done.stdout.index("{") :])
    return Round(
        rate=told["requests"] / (told["duration_us"] / 1e6),
        p50=told["p50_us"] / 1000,
        p99=told["p99_us"] / 1000,
        busy=busy / took,
        others=others.cores(),
        errors=told["errors"],
    )


def _script(routes: Sequence[ProxyRoute], body_bytes: int) -> str:
    """wrk's script: requests for at most a hundred of the routes in turn, made before; figures as JSON."""
    step = max(1, len(routes) // 100)
    wanted = "\n".join(
        f'  add("{route.host}", "{route.path}/items/{number}?page=2")'
        for number, route in enumerate(routes[::step])
    )
    method = "POST" if body_bytes else "GET"
    body = f'string.rep("x", {body_bytes})' if body_bytes else "nil"
    return f"""
local requests, turn = {{}}, 0
local body = {body}
local function add(host, path)
  local headers = {{ Host = host, Accept = "*/*", ["User-Agent"] = "bench/1", ["Accept-Encoding"] = "gzip" }}
  if body then headers["Content-Type"] = "application/octet-stream" end
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


# --- where the time goes -----------------------------------------------------------------------------------


def _profile(root: Path, wrk: str, case: Case, ports: Mapping[str, int], seconds: int) -> None:
    """gwc under one case's load: stacks by py-spy where it is installed, else by perf."""
    routes = proxy_routes(case.routes)
    (port,) = free_ports(1)
    peer = next(each for each in PEERS if each.name == "gwc")
    with contestant(peer, routes, ports[case.size], port, root / "profiled") as running:
        script = root / "load.lua"
        script.write_text(_script(routes, case.body_bytes))
        load(wrk, script, running, port, 1)
        (pid, *_) = workers(running, port)
        alone = load(wrk, script, running, port, seconds)
        print(f"pid {pid}, {case.name}: {alone.rate:.0f} requests/s without the profiler\n")
        under = subprocess.Popen(
            _profiler(pid, seconds, root), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        load(wrk, script, running, port, seconds + 1)
        _, wrong = under.communicate()
        raw = root / "stacks.txt"
        if raw.exists():
            print(_hottest(raw.read_text()))
        elif (root / "perf.data").exists():
            shown = subprocess.run(
                ["perf", "report", "-i", str(root / "perf.data"), "--stdio", "--no-children", "-g", "none"],
                capture_output=True,
                text=True,
                check=False,
            )
            lines = [line for line in shown.stdout.splitlines() if line and not line.startswith("#")]
            print("\n".join(lines[:60]))
        else:
            sys.exit(f"no profiler could look at the worker: {wrong.decode('utf-8', 'replace')[-500:]}")


def _profiler(pid: int, seconds: int, root: Path) -> list[str]:
    spy = program("py-spy")
    if spy is not None:
        raw = str(root / "stacks.txt")
        return [spy, "record", "-p", str(pid), "-d", str(seconds), "-r", "500", "-f", "raw", "-o", raw]
    perf = program("perf")
    if perf is None:
        sys.exit("profiling needs py-spy (pip install py-spy) or perf")
    data = str(root / "perf.data")
    return [perf, "record", "-q", "-p", str(pid), "-F", "999", "-o", data, "--", "sleep", str(seconds)]


def _hottest(stacks: str) -> str:
    """From stacks with counts: lines and functions by own time, functions by time with all they call."""
    lines: Counter[str] = Counter()
    own: Counter[str] = Counter()
    within: Counter[str] = Counter()
    for stack in stacks.splitlines():
        frames, _, count = stack.rpartition(" ")
        if frames.rpartition(";")[2].startswith("Condition.wait "):
            continue  # a thread that waits
        names = [frame.rpartition(":")[0] + ")" for frame in frames.split(";")]
        lines[frames.rpartition(";")[2]] += int(count)
        own[names[-1]] += int(count)
        for name in set(names):
            within[name] += int(count)
    whole = own.total()
    shown = []
    for title, figures in (("lines", lines), ("functions", own), ("functions with all they call", within)):
        shown.append(f"{title}, of {whole} samples")
        shown += [f"  {100 * count / whole:5.1f} %  {name}" for name, count in figures.most_common(35)]
        shown.append("")
    return "\n".join(shown)


if __name__ == "__main__":
    main()
