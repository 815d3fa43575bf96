"""gwc beside nginx and Envoy for clients of HTTP/2 with prior knowledge, one core each.

Prints JSON. The load is h2load on the other core: so many connections, so many streams on each. Contestants
are asked in turn, round after round; a figure is the median. `requests/s of core time` is what counts where
the load is the limit. What the same requests cost over HTTP/1.1 is `tools.bench.proxy`'s.

    python -m tools.bench.http2 [--peers gwc,nginx,Envoy] [--rounds N] [--seconds S]
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .backend import fast
from .peers import PEERS, proxy_routes
from .process import LOAD_CORE, Running, StartFailed, cpu_seconds, free_ports, load_average, program
from .proxy import contestant

PEERS_OF_HTTP2 = ("gwc", "nginx", "Envoy")
"""Those that tell HTTP/2 from HTTP/1.1 on one plain port."""


@dataclass(frozen=True, slots=True)
class Case:
    """Replies of a size over so many connections and streams on each."""

    name: str
    size: str
    connections: int
    streams: int


CASES = (
    Case("small, 4 connections of 8 streams", "small", 4, 8),
    Case("10 KB, 4 connections of 8 streams", "10 KB", 4, 8),
    Case("1 MB, 4 connections of 8 streams", "1 MB", 4, 8),
)

_FINISHED = re.compile(r"finished in ([0-9.]+)(us|ms|s), ([0-9.]+) req/s")
_COUNTS = re.compile(r"([0-9]+) succeeded, ([0-9]+) failed, ([0-9]+) errored, ([0-9]+) timeout")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="http2", description="HTTP/2 beside other gateways")
    parser.add_argument("--cases", help="names of cases, with `;` between them")
    parser.add_argument("--peers", default=",".join(PEERS_OF_HTTP2))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    options = parser.parse_args()
    h2load = program("h2load")
    if h2load is None:
        sys.exit("the benchmark needs h2load: apt-get install nghttp2-client")
    wanted = options.peers.split(",")
    report: dict[str, object] = {"benchmark": "http2", "load average before": load_average()}
    with tempfile.TemporaryDirectory(prefix="gwc-bench-") as name, fast(Path(name) / "backend") as ports:
        cases = [case for case in CASES if options.cases is None or case.name in options.cases.split(";")]
        for number, case in enumerate(cases):
            print(f"{case.name} …", file=sys.stderr, flush=True)
            folder = Path(name) / f"case{number}"
            report[case.name] = _case(
                folder, h2load, case, wanted, ports[case.size], options.rounds, options.seconds
            )
    report["load average after"] = load_average()
    print(json.dumps(report, indent=2))


def _case(
    folder: Path, h2load: str, case: Case, wanted: list[str], upstream: int, rounds: int, seconds: int
) -> dict[str, object]:
    """Figures of every contestant that starts."""
    routes = proxy_routes(1)
    url = f"{routes[0].path}/items/7"
    rates: dict[str, list[tuple[float, float]]] = {}
    failed: dict[str, str] = {}
    with ExitStack() as stack:
        standing: list[tuple[Running, int]] = []
        chosen = [peer for peer in PEERS if peer.name in wanted]
        for peer, port in zip(chosen, free_ports(len(chosen)), strict=True):
            try:
                standing.append(
                    (stack.enter_context(contestant(peer, routes, upstream, port, folder / peer.name)), port)
                )
            except StartFailed as why:
                failed[peer.name] = str(why)
        for round_ in range(rounds + 1):
            for running, port in standing:
                host = routes[0].host
                one = _load(h2load, case, running, port, host, url, seconds if round_ else 1)
                if isinstance(one, str):
                    failed[running.name] = one
                elif round_:  # the first one warms up
                    rates.setdefault(running.name, []).append(one)
    figures: dict[str, object] = {
        name: {
            "requests/s": round(median(rate for rate, _ in ones)),
            "requests/s of core time": round(median(rate / max(busy, 0.001) for rate, busy in ones)),
            "busy": round(median(busy for _, busy in ones), 2),
        }
        for name, ones in rates.items()
    }
    return figures | ({"failed": failed} if failed else {})


def _load(
    h2load: str, case: Case, running: Running, port: int, host: str, path: str, seconds: int
) -> tuple[float, float] | str:
    """Requests/s, and the share of a core that the contestant took; in words what went wrong."""
    before, began = sum(map(cpu_seconds, running.pids())), time.monotonic()
    command = ["taskset", "-c", str(LOAD_CORE), h2load, "-t1", f"-c{case.connections}", f"-m{case.streams}"]
    command += [f"-D{seconds}", "-H", f":authority: {host}"]
    done = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds + 30,
    )
    took = time.monotonic() - began
    busy = sum(map(cpu_seconds, running.pids())) - before
    finished, counts = _FINISHED.search(done.stdout), _COUNTS.search(done.stdout)
    if finished is None or counts is None:
        return (done.stderr or done.stdout)[-300:]
    if int(counts[2]) or int(counts[3]) or not int(counts[1]):
        return counts[0]
    if not re.search(r"status codes: [1-9][0-9]* 2xx, 0 3xx, 0 4xx, 0 5xx", done.stdout):
        return "not every status was 2xx"
    return int(counts[1]) / seconds, busy / took


if __name__ == "__main__":
    main()
