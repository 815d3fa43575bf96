"""The wheel of deadlines, on a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from gwc.runtime.timers import NEVER, TICK_S, Timers, age_share
from hypothesis import given
from hypothesis import strategies as st


class FakeLoop:
    """Time that passes when it is told to; one call is waited for at a time."""

    def __init__(self) -> None:
        self.clock = 100.0
        self.call: Callable[[], None] | None = None

    def time(self) -> float:
        """The clock."""
        return self.clock

    def call_later(self, _delay: float, callback: Callable[[], None]) -> None:
        """The next tick."""
        self.call = callback

    def pass_time(self, seconds: float, step: float = TICK_S) -> None:
        """Let time pass; a step longer than a tick is a loop that was held up."""
        end = self.clock + seconds
        while self.clock < end:
            self.clock += step
            assert self.call is not None
            self.call()


class Thing:
    """Something with a deadline; `told` are the times at which it was told."""

    def __init__(self, loop: FakeLoop, deadline: float) -> None:
        self.loop = loop
        self.deadline = deadline
        self.slot = -1
        self.due = 0.0
        self.told: list[float] = []

    def expired(self) -> None:
        """See Timed."""
        self.told.append(self.loop.clock)


@given(st.lists(st.floats(0.01, 200), min_size=1, max_size=20), st.sampled_from((0.05, TICK_S, 0.35, 7.0)))
def test_deadlines_are_met(delays: list[float], step: float) -> None:
    """Each is told once, not early, and late by no more than two ticks and what the loop was held up."""
    loop = FakeLoop()
    timers = Timers(cast(asyncio.AbstractEventLoop, loop))
    things = [Thing(loop, loop.clock + delay) for delay in delays]
    for thing in things:
        timers.watch(thing)
    loop.pass_time(220, step)
    for thing in things:
        assert len(thing.told) == 1
        assert thing.deadline <= thing.told[0] <= thing.deadline + 2 * TICK_S + step + 0.001


def test_a_deadline_that_moves() -> None:
    """One that is put off is told at its new time, one that comes nearer too, one that is forgotten never."""
    loop = FakeLoop()
    timers = Timers(cast(asyncio.AbstractEventLoop, loop))
    later, nearer, gone, never = (Thing(loop, loop.clock + 5) for _ in range(4))
    for thing in (later, nearer, gone, never):
        timers.watch(thing)
    later.deadline += 10
    nearer.deadline -= 4
    timers.watch(nearer)
    timers.forget(gone)
    never.deadline = NEVER
    loop.pass_time(60)
    assert [round(thing.told[0] - 100) for thing in (later, nearer)] == [15, 1]
    assert not gone.told
    assert not never.told


def test_ages_are_spread() -> None:
    """Connections that may become equally old end at different ages, each in the last tenth."""
    shares = [age_share() for _ in range(200)]
    assert 0.9 <= min(shares) < 0.93
    assert 0.97 < max(shares) <= 1
