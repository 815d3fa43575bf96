"""Smooth weighted round robin: exact shares, spread out, cheap."""

from __future__ import annotations

from collections import Counter

import pytest
from gwc.runtime.upstream.balance import NothingToPick, Smooth
from hypothesis import example, given
from hypothesis import strategies as st

WEIGHTS = st.lists(st.integers(0, 12), min_size=1, max_size=6).filter(any)


@given(WEIGHTS, st.integers(0, 100), st.integers(0, 100))
@example([5, 1, 1], 0, 0)
@example([4, 2], 1, 0)
def test_shares_are_exact_over_any_window(weights: list[int], phase: int, skipped: int) -> None:
    """Over any as many turns in a row as the weights' sum, each target has its weight in turns."""
    smooth = Smooth(weights, phase)
    for _ in range(skipped):
        smooth.pick()
    turns = Counter(smooth.pick() for _ in range(sum(weights)))
    assert [turns[number] for number in range(len(weights))] == weights


@given(st.lists(st.integers(2000, 5000), min_size=3, max_size=4), st.integers(0, 5))
def test_shares_are_exact_where_the_order_is_too_long_to_keep(weights: list[int], phase: int) -> None:
    """Large weights that share no divisor have exact shares too."""
    weights[0] = weights[0] | 1
    weights[1] = weights[0] + 2
    smooth = Smooth(weights, phase)
    turns = Counter(smooth.pick() for _ in range(sum(weights)))
    assert [turns[number] for number in range(len(weights))] == weights


def test_the_order_is_that_of_nginx() -> None:
    """5, 1, 1 is spread out as nginx's documentation shows it: a a b a c a a."""
    smooth = Smooth((5, 1, 1), 0)
    assert [smooth.pick() for _ in range(14)] == [0, 0, 1, 0, 2, 0, 0] * 2


def test_equal_weights_go_round() -> None:
    """Equal weights are plain round robin, those of weight 0 left out."""
    smooth = Smooth((7, 0, 7, 7), 1)
    assert [smooth.pick() for _ in range(6)] == [2, 3, 0, 2, 3, 0]


@given(WEIGHTS, st.data())
def test_only_the_allowed_are_picked_in_their_shares(weights: list[int], data: st.DataObject) -> None:
    """Among the allowed ones the shares are the weights', and nobody else has a turn."""
    allowed = data.draw(st.lists(st.booleans(), min_size=len(weights), max_size=len(weights)))
    smooth = Smooth(weights, 0)
    left = [weight if may else 0 for weight, may in zip(weights, allowed, strict=True)]
    if not any(left):
        assert smooth.pick_from(allowed) is None
        return
    turns = Counter(smooth.pick_from(allowed) for _ in range(sum(left) * 3))
    assert [turns[number] for number in range(len(weights))] == [weight * 3 for weight in left]


@given(WEIGHTS, st.data())
def test_a_target_that_was_away_does_not_catch_up(weights: list[int], data: st.DataObject) -> None:
    """However targets come and go, whoever is allowed is never more than a round from its share."""
    smooth = Smooth(weights, 0)
    for _ in range(data.draw(st.integers(0, 30))):
        allowed = data.draw(st.lists(st.booleans(), min_size=len(weights), max_size=len(weights)))
        picked = smooth.pick_from(allowed)
        assert picked is None or (allowed[picked] and weights[picked])
    turns = Counter(smooth.pick_from([True] * len(weights)) for _ in range(sum(weights)))
    assert [turns[number] for number in range(len(weights))] == weights


def test_workers_do_not_agree_on_the_first_target() -> None:
    """Many that start together begin at different targets."""
    assert {Smooth((1, 1, 1)).pick() for _ in range(200)} == {0, 1, 2}
    assert {Smooth((9001, 9000, 8999)).pick() for _ in range(60)} == {0, 1, 2}


@pytest.mark.parametrize("weights", [(), (0,), (0, 0)])
def test_nothing_to_pick(weights: tuple[int, ...]) -> None:
    """Without a target that takes anything there is no turn."""
    smooth = Smooth(weights)
    assert smooth.pick_from([True] * len(weights)) is None
    with pytest.raises(NothingToPick):
        smooth.pick()


def test_state_carries_over_with_the_same_weights() -> None:
    """The turns go on where the weights stay, and begin anew where they change."""
    smooth = Smooth((2, 1))
    assert smooth.with_weights([2, 1]) is smooth
    assert smooth.with_weights([1, 2]).weights == (1, 2)


@pytest.mark.parametrize(
    "weights", [(1_000_000, 1), (1_000_000,) * 1000, (999_983, *range(1, 500)), (3,) * 300 + (1,)]
)
def test_extremes_are_made_in_no_time(weights: tuple[int, ...]) -> None:
    """Neither huge weights nor many targets make anybody wait: at most a few thousand steps."""
    smooth = Smooth(weights)
    assert all(0 <= smooth.pick() < len(weights) for _ in range(50))
