"""gwc beside nginx, Envoy, Caddy and HAProxy as reverse proxies, one core each.

Prints JSON: requests/s and latencies (ms, as the load sees them: a closed loop, so they are not those of a
user) and what share of each peer's requests/s gwc reaches. All contestants of a case stand at the same time
and are asked in turn, round after round; a figure is the median. `busy` is how much of its core a contestant
used: far below 1, its figure is the load's limit or somebody else's; requests/s of core time (requests over
the processor time that the contestant used) then say more. A round with errors is thrown out and told of;
one in which other programs took much of the machine is made again, and counts only where none is quiet.
The contestant has one core, the load (wrk; h2load for HTTP/2) and the backend the other. A peer that is not
installed is named, and so is one that has not what the case needs, without modules of others.

    python -m tools.bench.proxy [--cases "small;1 MB"] [--peers gwc,…] [--rounds N] [--seconds S]
        [--patience N] [--profile]

`--profile` instead runs gwc alone under the load of the first case and prints where its time goes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from .backend import GRPC, HTTP2, JSON, fast
from .credentials import Credentials, credentials
from .loads import CONNECTIONS, Fields, Load, Round, h2load, wrk, wrk_script
from .peers import PEERS, STACK, Peer, Scene, proxy_routes
from .process import (
    GATEWAY_CORE,
    Running,
    StartFailed,
    free_ports,
    load_average,
    program,
    started,
    wait_listening,
    wait_ready,
    workers,
)
from .profiling import profile

DISTURBED = 0.15
"""A round in which others took more than this of a core is made again, as long as there is patience."""

PATIENCE = 3
"""How many times the wanted rounds are made at most, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked: replies of a kind of the backend's, over so many routes, with a body of so many bytes.

    `tls` and `http2` are the client's side, `http2_upstream` and `grpc` the other; `fresh`: a connection for
    each request. `policies`: so many of the stack's, from the first.
    """

    name: str
    backend: str
    routes: int = 1
    body_bytes: int = 0
    tls: bool = False
    http2: bool = False
    fresh: bool = False
    http2_upstream: bool = False
    grpc: bool = False
    policies: int = 0

    def lacking(self, peer: Peer) -> frozenset[str]:
        """What the case needs and the peer does not have."""
        needs = {*STACK[: self.policies]}
        needs |= {"upstream http2"} if self.http2_upstream else set()
        needs |= {"grpc"} if self.grpc else set()
        needs |= {"http2 in plain text"} if self.http2 and not self.tls else set()
        return peer.lacks & needs


CASES = (
    Case("small", "small"),
    Case("10 KB", "10 KB"),
    Case("1 MB", "1 MB"),
    Case("POST 1 KB", "small", body_bytes=1024),
    Case("small, 1 000 routes", "small", 1_000),
    Case("small, 10 000 routes", "small", 10_000),
    Case("TLS, small", "small", tls=True),
    Case("TLS, 10 KB", "10 KB", tls=True),
    Case("TLS, a handshake each", "small", tls=True, fresh=True),
    Case("HTTP/2, small", "small", http2=True),
    Case("HTTP/2 over TLS, small", "small", tls=True, http2=True),
    Case("HTTP/2 over TLS, 10 KB", "10 KB", tls=True, http2=True),
    Case("HTTP/2 upstream", HTTP2, http2_upstream=True),
    Case("gRPC over TLS", GRPC, body_bytes=105, tls=True, http2=True, http2_upstream=True, grpc=True),
    *(
        Case(f"stack: TLS, {', '.join(STACK[:count])}", JSON, tls=True, policies=count)
        for count in range(2, len(STACK) + 1)
    ),
    Case("stack: all of it, HTTP/2", JSON, tls=True, http2=True, policies=len(STACK)),
)


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs that make load, and what clients prove themselves with."""

    wrk: str
    h2load: str | None
    credentials: Credentials

    def fields(self, case: Case) -> Fields:
        """What the requests of a case carry."""
        token = (("Authorization", f"Bearer {self.credentials.tokens[0]}"),)
        return token if "jwt" in STACK[: case.policies] else ()

    def load(self, case: Case, scene: Scene, folder: Path) -> Load:
        """The load of a case: at most a hundred of the routes in turn."""
        fields, route = self.fields(case), scene.routes[0]
        if case.http2:
            assert self.h2load is not None
            size = max(0, case.body_bytes - 5)
            body = b"\0" + size.to_bytes(4) + b"x" * size
            said = (("Content-Type", "application/grpc"), ("TE", "trailers")) if case.grpc else ()
            return h2load(
                self.h2load,
                route.host,
                f"{route.path}/items/7",
                folder,
                tls=case.tls,
                fields=(*fields, *said),
                body=body if case.body_bytes else b"",
            )
        step = max(1, len(scene.routes) // 100)
        requests = [
            (each.host, f"{each.path}/items/{number}?page=2", fields)
            for number, each in enumerate(scene.routes[::step])
        ]
        script = folder / "load.lua"
        script.write_text(wrk_script(requests, "x" * case.body_bytes, fresh=case.fresh))
        return wrk(self.wrk, script, tls=case.tls)


def main() -> None:
    """Measure and print."""
    options = _options()
    tool = program("wrk")
    if tool is None:
        sys.exit("the benchmark needs wrk: apt-get install wrk")
    wanted = None if options.peers is None else options.peers.split(",")
    peers = [peer for peer in PEERS if wanted is None or peer.name in wanted]
    names = None if options.cases is None else options.cases.split(";")
    cases = [case for case in CASES if names is None or any(map(case.name.startswith, names))]
    with tempfile.TemporaryDirectory(prefix="gwc-bench-") as name, fast(Path(name) / "backend") as ports:
        root = Path(name)
        tools = Tools(tool, program("h2load"), credentials(root / "credentials"))
        if options.profile:
            _profile(root, tools, cases[0], ports, options.seconds)
            return
        missing = [peer.name for peer in peers if program(peer.program) is None]
        if tools.h2load is None:
            missing.append("h2load")
            cases = [case for case in cases if not case.http2]
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
            report[case.name] = _case(folder, tools, case, present, ports, options)
            shutil.rmtree(folder, ignore_errors=True)  # access logs grow
        report["load average after"] = load_average()
    print(json.dumps(report, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="proxy", description="gwc beside other gateways")
    parser.add_argument("--cases", help="names of cases or their beginnings, with `;` between them")
    parser.add_argument("--peers", help="names of contestants, with commas between them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--patience", type=int, default=PATIENCE)
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def _scene(case: Case, tools: Tools, ports: Mapping[str, int], port: int, folder: Path) -> Scene:
    return Scene(
        proxy_routes(case.routes),
        ports[case.backend],
        port,
        folder,
        credentials=tools.credentials,
        tls=case.tls,
        upstream_http2=case.http2_upstream,
        grpc=case.grpc,
        policies=frozenset(STACK[: case.policies]),
    )


def _case(
    folder: Path,
    tools: Tools,
    case: Case,
    peers: Sequence[Peer],
    ports: Mapping[str, int],
    options: argparse.Namespace,
) -> dict[str, object]:
    """Figures of every contestant that starts, and the ratios to gwc."""
    rounds, seconds = options.rounds, options.seconds
    good: dict[str, list[Round]] = {}
    thrown: dict[str, list[Mapping[str, int]]] = {}
    failed: dict[str, str] = {}
    memory: dict[str, int] = {}
    lacking = {peer.name: sorted(case.lacking(peer)) for peer in peers if case.lacking(peer)}
    able = [peer for peer in peers if peer.name not in lacking]
    folder.mkdir()
    scene = _scene(case, tools, ports, 0, folder)
    load = tools.load(case, scene, folder)
    with ExitStack() as stack:
        standing: list[tuple[Running, int]] = []
        for peer, port in zip(able, free_ports(len(able)), strict=True):
            one_scene = _scene(case, tools, ports, port, folder / peer.name)
            try:
                running = stack.enter_context(contestant(peer, one_scene, tools.fields(case)))
                load(running, port, 1)
            except (StartFailed, RuntimeError) as why:
                failed[peer.name] = str(why)
            else:
                standing.append((running, port))
        for _ in range(rounds * options.patience):
            if all(len(_quiet(good.get(each.name, ()))) >= rounds for each, _ in standing):
                break
            for running, port in standing:
                one = load(running, port, seconds)
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
    if lacking:
        figures["have not"] = lacking
    if failed:
        figures["did not start"] = failed
    figures["load average"] = load_average()
    return figures


def _quiet(rounds: Sequence[Round]) -> list[Round]:
    """Those in which nobody else took much of the machine."""
    return [one for one in rounds if one.others <= DISTURBED]


@contextmanager
def contestant(peer: Peer, scene: Scene, fields: Fields = ()) -> Iterator[Running]:
    """A contestant that serves, on the core of contestants; StartFailed where it does not come up."""
    found = program(peer.program)
    if found is None:
        raise StartFailed(f"{peer.name} is not installed")
    scene.folder.mkdir(parents=True)
    command, route = peer.write(scene, found), scene.routes[-1]
    log = scene.folder / "log"
    with started(peer.name, command, log, [GATEWAY_CORE], dict(peer.environment)) as running:
        path = f"{route.path}/x"
        if scene.grpc:
            wait_listening(running, scene.port)
        else:
            wait_ready(running, scene.port, path, route.host, tls=scene.tls, headers=dict(fields))
        yield running


def _profile(root: Path, tools: Tools, case: Case, ports: Mapping[str, int], seconds: int) -> None:
    """gwc under one case's load: where its time goes."""
    (port,) = free_ports(1)
    peer = next(each for each in PEERS if each.name == "gwc")
    scene = _scene(case, tools, ports, port, root / "profiled")
    load = tools.load(case, scene, root)
    with contestant(peer, scene, tools.fields(case)) as running:
        load(running, port, 1)
        (pid, *_) = workers(running, port)
        alone = load(running, port, seconds)
        print(f"pid {pid}, {case.name}: {alone.rate:.0f} requests/s without the profiler\n")
        print(profile(pid, seconds, root, lambda: load(running, port, seconds + 1)))


if __name__ == "__main__":
    main()
