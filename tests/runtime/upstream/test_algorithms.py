"""The algorithms: shares by weight, what is under way, latencies, hashes that stay."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from gwc.runtime.upstream.balance import Balancing, NothingToPick, balancing
from gwc.runtime.upstream.balance.latency import observe
from gwc.runtime.upstream.balance.maglev import maglev
from gwc.schema.policies.choosing import Algorithm, Balance
from hypothesis import given, settings
from hypothesis import strategies as st

ALGORITHMS: list[Algorithm] = ["round-robin", "least-requests", "two-choices", "latency", "hash"]
WEIGHTS = st.lists(st.integers(0, 9), min_size=1, max_size=8).filter(any)
NAMES = st.lists(st.integers(1, 9999), min_size=2, max_size=12, unique=True).map(
    lambda ports: [f"10.0.0.1:{port}" for port in ports]
)


@dataclass
class Load:
    """A target's burden."""

    load: int = 0
    latency_s: float = 0.0
    latency_at: float = 0.0


def request(value: int) -> Any:
    """A request whose header `x` is that."""
    return SimpleNamespace(head=SimpleNamespace(headers={"x": str(value)}))


def made(algorithm: Algorithm, weights: Sequence[int], loads: Sequence[Load] | None = None) -> Balancing:
    """The algorithm for targets of these weights."""
    hashed = Balance("hash", "header", "x") if algorithm == "hash" else Balance(algorithm)
    names = [f"10.0.0.1:{number}" for number in range(len(weights))]
    return balancing(hashed, names, weights, loads or [Load() for _ in weights])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_idle_targets_have_shares_by_weight(algorithm: Algorithm) -> None:
    """Nothing under way, nothing known: as often as the weights say, and weight 0 never."""
    weights = (4, 2, 0, 1, 1)
    algo = made(algorithm, weights)
    turns = Counter(algo.pick(request(number)) for number in range(8000))
    assert turns[2] == 0
    for number, weight in enumerate(weights):
        assert abs(turns[number] - weight * 1000) <= 250


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(weights=WEIGHTS, data=st.data())
@settings(max_examples=30)
def test_only_allowed_targets_with_a_weight(
    algorithm: Algorithm, weights: list[int], data: st.DataObject
) -> None:
    """Whatever is allowed, nobody else is picked; where nobody is left there is none."""
    allowed = data.draw(st.lists(st.booleans(), min_size=len(weights), max_size=len(weights)))
    algo = made(algorithm, weights, [Load(number) for number in range(len(weights))])
    may = {number for number, weight in enumerate(weights) if weight and allowed[number]}
    for number in range(10):
        picked = algo.pick_from(allowed, request(number))
        assert picked in may if may else picked is None
        assert weights[algo.pick(request(number))]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("weights", [(), (0,), (0, 0)])
def test_nobody_to_pick(algorithm: Algorithm, weights: tuple[int, ...]) -> None:
    """No target with a weight is told, not a crash."""
    algo = made(algorithm, weights)
    with pytest.raises(NothingToPick):
        algo.pick(request(1))
    assert algo.pick_from([True] * len(weights), request(1)) is None


@pytest.mark.parametrize(("algorithm", "off"), [("least-requests", 1), ("two-choices", 12)])
def test_what_is_under_way_is_spread_by_weight(algorithm: Algorithm, off: int) -> None:
    """Requests that never end come to rest in the proportion of the weights."""
    loads = [Load(), Load(), Load()]
    algo = made(algorithm, (3, 1, 2), loads)
    for _ in range(300):
        loads[algo.pick()].load += 1
    assert all(abs(each.load - wanted) <= off for each, wanted in zip(loads, (150, 50, 100), strict=True))


def test_the_sooner_one_of_two() -> None:
    """The slow target has what is drawn twice alone; after its average has faded it is asked again."""
    loads = [Load(), Load()]
    algo = made("latency", (1, 1), loads)
    now = __import__("time").monotonic()
    observe(loads[0], 1.0, now)
    observe(loads[1], 0.001, now)
    turns = Counter(algo.pick() for _ in range(2000))
    assert 350 < turns[0] < 650
    loads[0].latency_at = loads[1].latency_at = now - 1000
    loads[1].latency_at = now
    assert Counter(algo.pick() for _ in range(2000))[0] > 1300


def test_the_average_goes_up_at_once_and_down_slowly() -> None:
    """A peak counts whole; a second of quick replies takes a tenth of it away."""
    load = Load()
    observe(load, 0.1, 0.0)
    observe(load, 2.0, 0.0)
    assert load.latency_s == 2.0
    observe(load, 0.1, 1.0)
    assert 1.7 < load.latency_s < 1.9


@given(NAMES, st.data())
def test_little_moves_when_a_target_goes(names: list[str], data: st.DataObject) -> None:
    """All places of the one that went are somebody else's, and few others change."""
    table = maglev(tuple(names), (1,) * len(names))
    gone = data.draw(st.integers(0, len(names) - 1))
    left = [name for number, name in enumerate(names) if number != gone]
    after = maglev(tuple(left), (1,) * len(left))
    if len(after) != len(table):
        return  # a smaller table: nothing can be said
    moved = sum(
        names[before] != left[now] for before, now in zip(table, after, strict=True) if before != gone
    )
    assert moved <= len(table) * 0.25


@given(NAMES, st.randoms())
def test_the_order_of_targets_does_not_matter(names: list[str], random: Any) -> None:
    """The same targets in another order lead every hash to the same one."""
    other = list(names)
    random.shuffle(other)
    one, two = maglev(tuple(names), (1,) * len(names)), maglev(tuple(other), (1,) * len(other))
    assert [names[each] for each in one] == [other[each] for each in two]


@given(st.lists(st.integers(0, 20), min_size=1, max_size=10).filter(any))
def test_places_go_by_weight(weights: list[int]) -> None:
    """Each target has its share of the places, to a hundredth of all."""
    table = maglev(tuple(map(str, range(len(weights)))), tuple(weights))
    turns = Counter(table)
    for number, weight in enumerate(weights):
        assert abs(turns[number] / len(table) - weight / sum(weights)) < 0.02


def test_another_process_hashes_alike() -> None:
    """No hash depends on the process: what one worker picks, all do."""
    work = (
        "from gwc.runtime.upstream.balance import balancing\n"
        "from gwc.schema.policies.choosing import Balance\n"
        "from types import SimpleNamespace as N\n"
        "b = balancing(Balance('hash', 'header', 'x'), ['a:1', 'b:1', 'c:1'], (1, 2, 3), [])\n"
        "print(''.join(str(b.pick(N(head=N(headers={'x': str(n)})))) for n in range(64)))"
    )
    found = {
        subprocess.run([sys.executable, "-c", work], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    assert len(found) == 1


def test_who_cannot_be_had_leaves_the_others_alone() -> None:
    """With one target out only its requests go elsewhere, and to several others."""
    algo = made("hash", (1,) * 5)
    allowed = [True, True, False, True, True]
    moved = Counter()  # type: ignore[var-annotated]  # of targets
    for number in range(2000):
        first, second = algo.pick(request(number)), algo.pick_from(allowed, request(number))
        if first == 2:
            moved[second] += 1
        else:
            assert first == second
    assert len(moved) == 4
