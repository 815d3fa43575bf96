"""Deadlines: who is to be told when time is up.

Owns a wheel of coarse ticks. A deadline is met no earlier than it says and at most two ticks later; that is
what time-outs of seconds need, and it costs two set operations a request where a timer of the loop costs a
heap. Knows nothing of what times out.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Final, Protocol

TICK_S: Final = 0.1
_SLOTS: Final = 512
"""The wheel reaches 51 s; what is later comes round again."""

NEVER: Final = float("inf")


def age_share() -> float:
    """Which part of the age that it may reach a connection does reach: nine tenths at least, by chance, so
    that connections that came together, after a restart or a failure, do not all leave together.
    """
    return 1 - random.random() / 10


class Timed(Protocol):
    """Something with a deadline. `deadline` is in the loop's time, NEVER for none. `slot` and `due` are the
    wheel's own: -1 where it is not in it, and when it is looked at next.
    """

    deadline: float
    slot: int
    due: float

    def expired(self) -> None:
        """Called once the deadline has passed; the thing is out of the wheel then."""


class Timers:
    """The wheel. Mutable: the slots, the tick that is next, and `now`, the time of the last tick."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: list[set[Timed]] = [set() for _ in range(_SLOTS)]
        self._tick = 0
        self._began = self.now = loop.time()
        self._handle: asyncio.TimerHandle | None = loop.call_later(TICK_S, self._advance)

    def watch(self, thing: Timed) -> None:
        """Have `thing` told once its deadline has passed.

        PERF: one that is in the wheel already and is looked at before its deadline stays where it is; then it
        is put further. A deadline that moves on with every request costs one comparison.
        """
        if thing.slot >= 0:
            if thing.due <= thing.deadline:
                return
            self._slots[thing.slot].discard(thing)
        ticks = _SLOTS
        if thing.deadline < NEVER:
            ticks = int((thing.deadline - self._began) / TICK_S) + 1 - self._tick
        tick = self._tick + min(max(ticks, 1), _SLOTS - 1)
        thing.slot = slot = tick % _SLOTS
        thing.due = self._began + (tick - 1) * TICK_S
        self._slots[slot].add(thing)

    def forget(self, thing: Timed) -> None:
        """Take `thing` out of the wheel."""
        if thing.slot >= 0:
            self._slots[thing.slot].discard(thing)
            thing.slot = -1

    def close(self) -> None:
        """Stop; nobody is told of anything any more."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _advance(self) -> None:
        """One tick, or as many as the loop was late."""
        self.now = self._loop.time()
        last = int((self.now - self._began) / TICK_S)
        while self._tick < last:
            self._tick += 1
            place = self._tick % _SLOTS
            due = self._slots[place]
            if due:
                self._slots[place] = set()
                for thing in due:
                    thing.slot = -1
                    if thing.deadline <= self.now:
                        thing.expired()
                    elif thing.deadline < NEVER:
                        self.watch(thing)
        if self._handle is not None:
            self._handle = self._loop.call_later(TICK_S, self._advance)


class Alarm:
    """One deadline of somebody who has several. `action` is called once it has passed."""

    __slots__ = ("_action", "_timers", "deadline", "due", "slot")

    def __init__(self, timers: Timers, action: Callable[[], None]) -> None:
        self._timers = timers
        self._action = action
        self.deadline = NEVER
        self.slot = -1
        self.due = 0.0

    def set(self, seconds: float) -> None:
        """It rings after so many seconds; 0: never."""
        self.deadline = deadline = self._timers.now + seconds if seconds else NEVER
        if seconds and (self.slot < 0 or deadline < self.due):
            self._timers.watch(self)

    def stop(self) -> None:
        """It does not ring."""
        self.deadline = NEVER

    def forget(self) -> None:
        """It is done with."""
        self.deadline = NEVER
        self._timers.forget(self)

    def expired(self) -> None:
        """See Timed."""
        self._action()
