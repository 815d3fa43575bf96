"""Rates and what is under way: exact against a slow account, over processes, deaths, swaps and full sets."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from gwc.runtime.state.buckets import NO_ROOM, WAYS, Buckets
from hypothesis import given
from hypothesis import strategies as st

SECOND = 1_000_000_000


class Account:
    """The slow way: a bucket of tokens for each key, in whole nanoseconds of credit, nothing forgotten."""

    def __init__(self, interval: int, burst: int) -> None:
        self.interval, self.burst = interval, burst
        self.credit: dict[bytes, tuple[int, int]] = {}

    def take(self, key: bytes, now: int, patience: int) -> bool:
        """Whether one more is admitted; credit may go below zero by what somebody waits for."""
        full = self.burst * self.interval
        credit, at = self.credit.get(key, (full, now))
        credit = min(full, credit + now - at)
        admitted = credit - self.interval >= -patience
        self.credit[key] = (credit - self.interval if admitted else credit, now)
        return admitted


STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.one_of(st.integers(0, 50), st.integers(0, 5000))), min_size=1, max_size=80
)


@given(STEPS, st.integers(1, 400), st.integers(1, 8), st.sampled_from([0, 0, 100, 1000]), st.booleans())
def test_rates_are_those_of_a_slow_account(
    steps: list[tuple[int, int]], interval: int, burst: int, patience: int, shared: bool
) -> None:
    """Each request is admitted where an account says so, and no window has more than burst and rate allow."""
    buckets = Buckets.create() if shared else Buckets()
    table, account = buckets.rates("x", 100), Account(interval, burst)
    passed: dict[bytes, list[int]] = defaultdict(list)
    now = 10**15
    for number, later in steps:
        now += later
        key = buckets.tag(b"%d" % number)
        taken = table.take(key, now, interval, burst, patience)
        assert taken.admitted == account.take(key, now, patience)
        if taken.admitted:
            passed[key].append(now + taken.wait)
            left = account.credit[key][0] // interval
            assert max(burst * interval - taken.full, 0) // interval == max(left, 0)
    for times in passed.values():
        assert times == sorted(times)
        for first in range(len(times)):
            for last in range(first, len(times)):
                assert last - first + 1 <= burst + (times[last] - times[first]) // interval


@given(st.lists(st.integers(0, 5), max_size=60), st.integers(1, 4))
def test_what_is_given_back_counts_no_more(keys: list[int], burst: int) -> None:
    """A request that another limit refused leaves everything as it was."""
    buckets = Buckets()
    one, other = buckets.rates("one", 100), buckets.rates("other", 100)
    now = 10**15
    for number in keys:
        tag = buckets.tag(b"%d" % number)
        assert one.take(tag, now, SECOND, burst) == other.take(tag, now, SECOND, burst)
        if one.take(tag, now, SECOND, burst + 1).admitted:
            one.give_back(tag, SECOND)


@pytest.mark.parametrize("keys", [1, 3, WAYS])
def test_what_is_nearest_to_being_forgotten_gives_its_place(keys: int) -> None:
    """With room for so many keys, one more takes the place of the one that counts least."""
    buckets = Buckets()
    table = buckets.rates("x", keys)
    now = 10**15
    tags = [buckets.tag(b"%d" % number) for number in range(keys + 1)]
    for number, tag in enumerate(tags[:-1]):
        for _ in range(5 if number else 1):
            assert table.take(tag, now, SECOND, 5).admitted
    assert table.take(tags[-1], now, SECOND, 5).admitted
    assert [table.take(tag, now, SECOND, 5).admitted for tag in tags[1:-1]] == [False] * (keys - 1)
    if keys > 1:
        assert table.take(tags[1], now + 2 * SECOND, SECOND, 5).admitted


def test_many_keys_are_kept_apart() -> None:
    """As many keys as were asked for are all remembered, but for few whose sets are full."""
    buckets = Buckets()
    table = buckets.rates("x", 4000)
    now = 10**15
    tags = [buckets.tag(b"%d" % number) for number in range(4000)]
    assert all(table.take(tag, now, SECOND, 1).admitted for tag in tags)
    forgotten = sum(table.take(tag, now, SECOND, 1).admitted for tag in tags)
    assert forgotten < 40


def test_regions_are_found_by_what_they_are() -> None:
    """The same limit has its counts, whoever asks; another one begins anew; so does one whose place was
    given away.
    """
    first = Buckets.create(seat=0)
    assert first.fd is not None
    second = Buckets(first.fd, seat=1)
    tag = first.tag(b"a")
    assert tag == second.tag(b"a")
    now = 10**15
    mine, theirs = first.rates("x", 100), second.rates("x", 100)
    assert mine.take(tag, now, SECOND, 1).admitted
    assert not theirs.take(tag, now, SECOND, 1).admitted
    assert first.rates("y", 100).take(tag, now, SECOND, 1).admitted
    assert first.rates("x", 101).take(tag, now, SECOND, 1).admitted
    mine.close()
    assert not second.rates("x", 100).take(tag, now, SECOND, 1).admitted, "somebody uses it"
    theirs.close()
    size = os.fstat(first.fd).st_size
    assert first.rates("z", 100).take(tag, now, SECOND, 1).admitted, "its place is empty"
    assert os.fstat(first.fd).st_size == size, "and is where the unused one was"
    assert second.rates("x", 100).take(tag, now, SECOND, 1).admitted


def test_what_is_under_way() -> None:
    """So many at once for each key, over seats; leaving makes room; a dead seat's are given back."""
    owner = Buckets.create(seat=0)
    assert owner.fd is not None
    one, two = Buckets(owner.fd, seat=1), Buckets(owner.fd, seat=2)
    a, b = one.holds("x", 100), two.holds("x", 100)
    tag, other = one.tag(b"a"), one.tag(b"b")
    places = [a.take(tag, 3), b.take(tag, 3), b.take(tag, 3)]
    assert min(places) >= 0
    assert [a.take(tag, 3), b.take(tag, 3)] == [-1, -1]
    assert a.take(other, 3) >= 0
    a.leave(places[0])
    assert b.take(tag, 3) >= 0
    owner.release_seat(2)
    assert [a.take(tag, 3) >= 0 for _ in range(4)] == [True, True, True, False]
    assert [a.take(other, 2) >= 0 for _ in range(2)] == [True, False], "another seat's stay"


def test_keys_under_way_are_never_forgotten() -> None:
    """Where every place is in use, a further key is refused until one is free."""
    buckets = Buckets()
    table = buckets.holds("x", 2)
    places = [table.take(buckets.tag(key), 1) for key in (b"a", b"b", b"c")]
    assert places[2] == NO_ROOM
    table.leave(places[0])
    assert table.take(buckets.tag(b"c"), 1) >= 0


WORKER = """
import sys
from gwc.runtime.state.buckets import Buckets
buckets = Buckets(int(sys.argv[1]), seat=int(sys.argv[2]))
rates, holds = buckets.rates("x", 100), buckets.holds("x", 100)
tags = [buckets.tag(b"%d" % number) for number in range(7)]
sys.stdin.readline()
print(sum(rates.take(tags[n % 7], 10**15, 10**9, 500).admitted for n in range(3500)),
      sum(holds.take(tags[n % 7], 300) >= 0 for n in range(3500)))
"""


def test_exact_over_processes() -> None:
    """Four at once admit together exactly what is allowed, of rates and of what is under way."""
    buckets = Buckets.create(seat=0)
    assert buckets.fd is not None
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(buckets.fd), str(seat)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[buckets.fd],
            env=environment,
            cwd=Path(__file__).parent,
        )
        for seat in range(1, 5)
    ]
    for each in workers:
        assert each.stdin is not None
        each.stdin.write(b"\n")
        each.stdin.flush()
    counts = [tuple(map(int, each.communicate(timeout=60)[0].split())) for each in workers]
    assert [sum(column) for column in zip(*counts, strict=True)] == [7 * 500, 7 * 300]
    for seat in range(1, 5):
        buckets.release_seat(seat)
    assert buckets.holds("x", 100).take(buckets.tag(b"1"), 1) >= 0
