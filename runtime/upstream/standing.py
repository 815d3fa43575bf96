"""How a target, or an upstream as a whole, stands: failures in a row, ejection, breaker.

Owns the numbers that all workers share of it and how they change. Plain functions on a row of numbers, whose
lock the caller holds. Times are milliseconds of the monotonic clock, which is the same in all processes.
"""

from __future__ import annotations

from time import monotonic
from typing import Final, Literal, Protocol

from gwc.schema.policies.choosing import Breaker, Ejection, Statuses

(
    EPOCH,
    FAILURES,
    EJECTED_UNTIL,
    EJECTIONS,
    WINDOW_BEGAN,
    WINDOW_REQUESTS,
    WINDOW_FAILURES,
    BREAKER,
    OPEN_UNTIL,
    BREAKER_FAILURES,
    SUCCEEDED,
    SINCE,
) = range(12)
"""The numbers of a row. EPOCH is the upstream's alone: it changes whenever one of its targets stands
otherwise than before. SINCE is when a target came or came back, 0 where that is not known."""

CLOSED, OPEN, HALF_OPEN = range(3)
BREAKER_WORDS: Final = ("closed", "open", "half-open")

_MILLION: Final = 1_000_000


class Row(Protocol):
    """Numbers under a lock: `cells.Row`."""

    def __getitem__(self, number: int) -> int: ...
    def __setitem__(self, number: int, value: int) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *fault: object) -> None: ...


class LocalRow:
    """A row of one process."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers = [0] * (SINCE + 1)

    def __getitem__(self, number: int) -> int:
        return self._numbers[number]

    def __setitem__(self, number: int, value: int) -> None:
        self._numbers[number] = value

    def __enter__(self) -> None:
        pass

    def __exit__(self, *fault: object) -> None:
        pass


def now_ms() -> int:
    """The time that rows speak of."""
    return int(monotonic() * 1000)


def is_among(status: int, statuses: Statuses) -> bool:
    """Whether a status is in one of the ranges."""
    return any(first <= status <= last for first, last in statuses)


# --- ejection ----------------------------------------------------------------------------------------------


def is_quiet(row: Row, settings: Ejection) -> bool:
    """Whether a success would change nothing. PERF: the usual case, which takes no lock."""
    return not settings.share and not row[FAILURES]


def count(row: Row, settings: Ejection, failed: bool, now: int) -> bool:
    """Count one outcome; whether the target has failed too often now."""
    too_often = False
    if settings.share:
        if now - row[WINDOW_BEGAN] >= settings.over_ms:
            row[WINDOW_BEGAN], row[WINDOW_REQUESTS], row[WINDOW_FAILURES] = now, 0, 0
        row[WINDOW_REQUESTS] += 1
        row[WINDOW_FAILURES] += failed
        requests = row[WINDOW_REQUESTS]
        too_often = (
            requests >= settings.requests and row[WINDOW_FAILURES] * _MILLION >= settings.share * requests
        )
    row[FAILURES] = row[FAILURES] + 1 if failed else 0
    return failed and (too_often or 0 < settings.failures <= row[FAILURES])


def eject(row: Row, settings: Ejection, now: int) -> int:
    """Take the target out; for how many milliseconds.

    Each time twice as long as before; for each `time_ms` that it was in service since, one step back.
    """
    served = now - row[EJECTED_UNTIL]
    times = max(row[EJECTIONS] - served // settings.time_ms, 0)
    length = min(settings.time_ms << min(times, 30), max(settings.longest_ms, settings.time_ms))
    row[EJECTIONS] = times + 1
    row[EJECTED_UNTIL] = now + length
    row[FAILURES] = row[WINDOW_BEGAN] = row[WINDOW_REQUESTS] = row[WINDOW_FAILURES] = 0
    return length


def most_ejected(settings: Ejection, targets: int) -> int:
    """How many of so many targets may be out at once: one at least, and never the only one."""
    return max(1, settings.most * targets // _MILLION) if targets > 1 else 0


# --- breakers ----------------------------------------------------------------------------------------------


def half_open(row: Row, now: int) -> bool:
    """Let an open breaker be half-open where its time is over; whether it changed."""
    if row[BREAKER] != OPEN or now < row[OPEN_UNTIL]:
        return False
    row[BREAKER], row[SUCCEEDED] = HALF_OPEN, 0
    return True


def trip(
    row: Row, settings: Breaker, failed: bool, trial: bool, now: int
) -> Literal["open", "closed"] | None:
    """Count one outcome; what the breaker changed to. `trial`: the request was let through a half-open one.

    Once it is open, only trials count: what was under way says nothing new.
    """
    state = row[BREAKER]
    if state == CLOSED and not trial:
        row[BREAKER_FAILURES] = row[BREAKER_FAILURES] + 1 if failed else 0
        if row[BREAKER_FAILURES] < settings.failures:
            return None
    elif state != HALF_OPEN or not trial:
        return None
    elif not failed:
        row[SUCCEEDED] += 1
        if row[SUCCEEDED] < settings.half_open:
            return None
        row[BREAKER] = row[BREAKER_FAILURES] = 0
        return "closed"
    row[BREAKER], row[BREAKER_FAILURES] = OPEN, 0
    row[OPEN_UNTIL] = now + settings.open_ms
    return "open"
