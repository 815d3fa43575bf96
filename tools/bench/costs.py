"""What each policy costs a request over sockets, and that an unused one costs nothing.

Prints JSON, microseconds of the worker's processor time a request (kernel included): of a route with the
policy, and how much more that is than of the same route without it. Both are routes of one table and asked
one right after the other, round after round; a figure is the median, `more` that of the rounds' differences,
and `between` tells where half of these lie. Processor time counts the work and not the waiting, but a machine
that others use makes the work itself slower. What filters take by themselves is `policies.py`'s and
`policy_path.py`'s.

`unused` compares a plain route of a table that has nothing else with the same route in the table that has
every policy on other routes.

    python -m tools.bench.costs [--policies "cors;jwt"] [--rounds N] [--seconds S] [--profile]

`--profile` instead runs the first of the policies and prints where the worker's time goes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Final

from .backend import fast, streaming
from .credentials import credentials
from .loads import h2load, wrk, wrk_script
from .peers import gwc
from .policy_table import HOST, PLAIN, ROUTES, Asked, kdl
from .process import (
    GATEWAY_CORE,
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
from .profiling import profile
from .sockets import echo_for

TOKENS: Final = 5_000
"""More than a worker remembers, so that each of them is new to it when its turn comes again."""

Cost = Callable[[], float]
"""Seconds of the worker's processor time a request, measured now."""


@dataclass(frozen=True, slots=True)
class Gateway:
    """One that serves, its ports (in plain text, over TLS, for known clients), and its worker."""

    running: Running
    ports: tuple[int, int, int]
    worker: int


def main() -> None:
    """Measure and print."""
    options = _options()
    tool = program("wrk")
    if tool is None:
        sys.exit("the benchmark needs wrk: apt-get install wrk")
    names = None if options.policies is None else options.policies.split(";")
    chosen = [
        each for each in ROUTES if each.base and (names is None or any(map(each.name.startswith, names)))
    ]
    with tempfile.TemporaryDirectory(prefix="gwc-bench-") as name, ExitStack() as stack:
        root = Path(name)
        ports = dict(stack.enter_context(fast(root / "backend")))
        ports["echo"], _ = stack.enter_context(streaming(root))
        proof = credentials(root / "credentials", TOKENS)
        full = _gateway(stack, root / "full", lambda own: kdl(root, ports, own, proof, ROUTES))
        costs = _Costs(root, tool, program("h2load"), proof.tokens, options.seconds)
        if options.profile:
            costs.profile(full, chosen[0])
            return
        bare = _gateway(stack, root / "bare", lambda own: kdl(root, ports, own, proof, (PLAIN,)))
        others, load = Others(), [load_average()]
        by_name = {each.name: each for each in ROUTES}
        pairs = {each.name: (costs.of(full, by_name[each.base]), costs.of(full, each)) for each in chosen}
        pairs["unused"] = costs.of(bare, PLAIN), costs.of(full, PLAIN)
        figures = _figures(pairs, options.rounds)
        unused = figures.pop("unused")
        echo = _echo(full, options.rounds, options.seconds) if names is None else None
        report = {
            "benchmark": "costs",
            "unit": "us of the worker's processor time a request",
            "rounds": options.rounds,
            "load average": [*load, load_average()],
            "others took, cores": round(others.cores(), 2),
            "policies": {each.name: {"beside": each.base, **figures[each.name]} for each in chosen},
            "unused": {
                "plain, in a table of one route": unused["without"],
                "plain, in a table with every policy": unused["with"],
                "ratio": unused["ratio"],
            },
            "websocket": echo,
        }
    print(json.dumps(report, indent=2))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="costs", description="what policies cost")
    parser.add_argument("--policies", help="names of policies or their beginnings, with `;` between them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


def _gateway(stack: ExitStack, folder: Path, text: Callable[[tuple[int, int, int]], str]) -> Gateway:
    found = program("gwc")
    if found is None:
        raise StartFailed("gwc is not installed")
    folder.mkdir()
    first, second, third = free_ports(3)
    ports = first, second, third
    (folder / "gwc.kdl").write_text(text(ports))
    command = gwc.command(found, str(folder / "gwc.kdl"), str(folder / "state"), "--no-watch")
    running = stack.enter_context(started("gwc", command, folder / "log", [GATEWAY_CORE]))
    wait_ready(running, first, PLAIN.path, HOST)
    return Gateway(running, ports, workers(running, first)[0])


class _Costs:
    """How the routes are asked."""

    def __init__(
        self, root: Path, wrk_tool: str, h2load_tool: str | None, tokens: Sequence[str], seconds: int
    ) -> None:
        self._root = root
        self._wrk, self._h2load = wrk_tool, h2load_tool
        self._tokens = tokens
        self._seconds = seconds
        self._scripts = 0

    def of(self, gateway: Gateway, asked: Asked) -> Cost:
        """The cost of a route."""
        run = self._load(gateway, asked)

        def cost() -> float:
            before = cpu_seconds(gateway.worker)
            requests = run(self._seconds)
            return (cpu_seconds(gateway.worker) - before) / requests

        return cost

    def profile(self, gateway: Gateway, asked: Asked) -> None:
        """Where the time goes."""
        run, seconds = self._load(gateway, asked), 4
        run(1)
        print(profile(gateway.worker, seconds, self._root, lambda: run(seconds + 1)))

    def _load(self, gateway: Gateway, asked: Asked) -> Callable[[int], int]:
        port = gateway.ports[1 if asked.tls else 2 if asked.asks_who else 0]
        if asked.http2:
            if self._h2load is None:
                raise StartFailed("h2load is not installed: apt-get install nghttp2-client")
            load = h2load(self._h2load, HOST, asked.path, self._root, tls=asked.tls)
        else:
            self._scripts += 1
            script = self._root / f"load{self._scripts}.lua"
            requests = [(HOST, asked.path, fields) for fields in asked.fields(self._tokens)]
            script.write_text(wrk_script(requests, asked.body, fresh=asked.fresh))
            load = wrk(self._wrk, script, tls=asked.tls)

        def run(seconds: int) -> int:
            began = time.monotonic()
            one = load(gateway.running, port, seconds)
            if any(one.errors.values()):
                raise RuntimeError(f"{asked.name}: {dict(one.errors)} after {time.monotonic() - began:.1f} s")
            return max(1, round(one.rate * seconds))

        return run


def _figures(pairs: Mapping[str, tuple[Cost, Cost]], rounds: int) -> dict[str, dict[str, object]]:
    """Each pair's costs, its one right after the other, in turn first."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in pairs}
    for round_ in range(rounds + 1):
        for name, (without, having) in pairs.items():
            print(f"round {round_}: {name} …", file=sys.stderr, flush=True)
            if round_ % 2:
                first = without()
                one = first, having()
            else:
                second = having()
                one = without(), second
            if round_:  # the first one warms up
                taken[name].append(one)
    figures: dict[str, dict[str, object]] = {}
    for name, ones in taken.items():
        more = sorted((having - without) * 1e6 for without, having in ones)
        low, _, high = quantiles(more, n=4) if len(more) > 1 else more * 3
        figures[name] = {
            "without": round(median(without for without, _ in ones) * 1e6, 1),
            "with": round(median(having for _, having in ones) * 1e6, 1),
            "more": round(median(more), 1),
            "between": [round(low, 1), round(high, 1)],
            "ratio": round(median(having / without for without, having in ones), 3),
        }
    return figures


def _echo(gateway: Gateway, rounds: int, seconds: int) -> dict[str, object]:
    """WebSockets whose messages of 128 bytes come back, 32 at once: what one message there and back costs."""
    rates, costs = [], []
    for _ in range(rounds):
        before = cpu_seconds(gateway.worker)
        echoes = asyncio.run(echo_for(gateway.ports[0], HOST, "/websocket/socket", 32, seconds))
        costs.append((cpu_seconds(gateway.worker) - before) / max(1, echoes))
        rates.append(echoes / seconds)
    return {
        "messages there and back/s": round(median(rates)),
        "us of the worker's processor time": round(median(costs) * 1e6, 1),
    }


if __name__ == "__main__":
    main()
