"""What choosing a target costs: each algorithm alone, and the choice with all that belongs to it.

Prints JSON, microseconds of CPU time, medians of several rounds. `alone` is the algorithm's pick among idle
targets; `chosen` a whole try: how targets stand, the pick, what is under way, an outcome, the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from statistics import median
from time import process_time
from types import SimpleNamespace
from typing import Any, Final

from gwc.runtime.observe.observer import Observer
from gwc.runtime.observe.slab import Slab
from gwc.runtime.reply import Reply
from gwc.runtime.state.cells import Cells
from gwc.runtime.upstream.balance import balancing
from gwc.runtime.upstream.balance.maglev import maglev
from gwc.runtime.upstream.choice import Choice
from gwc.runtime.upstream.targets import Place, Target
from gwc.schema.policies.choosing import Algorithm, Balance, Breaker, Choosing, Ejection, Health, StickyCookie
from gwc.schema.table import GatewayRecord, LogRecord

SIZES: Final = (2, 10, 100)
_ALGORITHMS: Final[tuple[Algorithm, ...]] = (
    "round-robin",
    "least-requests",
    "two-choices",
    "latency",
    "hash",
)
_TURNS: Final = 20_000
_ROUNDS: Final = 7


def main() -> None:
    """Measure and print."""
    alone: dict[str, dict[str, float]] = {}
    chosen: dict[str, dict[str, float]] = {}
    for algorithm in _ALGORITHMS:
        alone[algorithm] = {str(size): _alone(algorithm, size) for size in SIZES}
        chosen[algorithm] = {str(size): _chosen(Choosing(_balance(algorithm)), size) for size in SIZES}
    policies = {
        "health": Choosing(health=Health()),
        "ejection": Choosing(ejection=Ejection()),
        "ejection by share": Choosing(ejection=Ejection(share=500_000)),
        "breaker": Choosing(breaker=Breaker(of="both")),
        "slow start": Choosing(slow_start_ms=30_000),
        "sticky cookie": Choosing(sticky_cookie=StickyCookie("")),
        "health, ejection, breaker, slow start, panic": Choosing(
            Balance(), None, 30_000, Health(), Ejection(), Breaker(), 500_000
        ),
    }
    report = {
        "benchmark": "balance",
        "unit": "us",
        "alone": alone,
        "chosen": chosen,
        "policies, 10 targets": {name: _chosen(each, 10) for name, each in policies.items()},
        "maglev table": {str(size): _table(size) for size in SIZES},
    }
    print(json.dumps(report, indent=2))


def _balance(algorithm: Algorithm) -> Balance:
    return Balance("hash", "header", "x-user") if algorithm == "hash" else Balance(algorithm)


def _targets(size: int) -> tuple[Target, ...]:
    return tuple(Target(Place("u", f"10.0.0.{n}:80", f"10.0.0.{n}", 80)) for n in range(size))


def _request() -> Any:
    head = SimpleNamespace(headers={"x-user": "somebody"}, cookies={}, scheme="http")
    return SimpleNamespace(head=head, record=SimpleNamespace(client_ip="10.9.8.7"), tried=(), chosen=None)


def _us(turn: Callable[[], object], turns: int = _TURNS) -> float:
    times = []
    for _ in range(_ROUNDS):
        began = process_time()
        for _ in range(turns):
            turn()
        times.append((process_time() - began) / turns * 1e6)
    return round(median(times), 3)


def _alone(algorithm: Algorithm, size: int) -> float:
    targets, request = _targets(size), _request()
    names = [each.address for each in targets]
    pick = balancing(_balance(algorithm), names, (1,) * size, targets).pick
    return _us(lambda: pick(request))


def _chosen(settings: Choosing, size: int) -> float:
    nothing = LogRecord(None)
    observer = Observer(
        GatewayRecord(access_log=nothing, error_log=nothing, audit_log=nothing), Slab.create(), "bench"
    )
    choice = Choice("u", Cells.create(), observer)
    choice.configure(settings, "a secret of many bytes", "")
    targets, request = _targets(size), _request()
    choice.refresh(targets, (1,) * size)
    if settings.sticky_cookie is not None:
        import gwc.runtime.upstream.sticky_cookie as module

        assert choice.sticky is not None
        line = choice.sticky.line_for(request.head, targets[0]) if _no_cookie(module) else None
        assert line is not None
        value = line.decode().partition("=")[2].partition(";")[0]
        module.cookie_value = lambda head, name: value  # type: ignore[attr-defined]  # of the request below

    reply = Reply(200, b"OK", [], 0)

    def turn() -> None:
        choice.pick(request)
        request.chosen.answered(request.head, reply)
        request.chosen.left()
        request.chosen = None

    return _us(turn)


def _no_cookie(module: Any) -> bool:
    module.cookie_value = lambda head, name: None
    return True


def _table(size: int) -> float:
    names, weights = tuple(f"10.0.0.{n}:80" for n in range(size)), (1,) * size
    return _us(lambda: maglev.__wrapped__(names, weights), 3)


if __name__ == "__main__":
    main()
