"""Ejection and breakers as functions on a row: what is counted, how long, and what changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from gwc.runtime.state.cells import Cells
from gwc.runtime.upstream import standing
from gwc.runtime.upstream.standing import CLOSED, HALF_OPEN, OPEN, LocalRow
from gwc.runtime.upstream.sticky_cookie import StickyCookies
from gwc.runtime.upstream.targets import Place, Target
from gwc.schema.policies.choosing import Breaker, Ejection, StickyCookie
from hypothesis import given
from hypothesis import strategies as st


def test_a_success_ends_a_row_of_failures() -> None:
    """Four failures, a success, five failures: the last one is too many."""
    row, settings = LocalRow(), Ejection(failures=5)
    outcomes = [True] * 4 + [False] + [True] * 5
    assert [standing.count(row, settings, failed, 0) for failed in outcomes] == [False] * 9 + [True]


def test_a_share_counts_within_its_window() -> None:
    """Half of ten; what was before the window does not count, and too few say nothing."""
    settings = Ejection(failures=0, share=500_000, requests=10, over_ms=1000)
    row = LocalRow()
    found = [standing.count(row, settings, bool(number % 2), 10_000) for number in range(10)]
    assert found == [False] * 9 + [True]
    assert not any(standing.count(row, settings, True, 11_000) for _ in range(9))
    assert standing.count(row, settings, True, 11_000)


def test_each_time_twice_as_long() -> None:
    """Up to the longest; a time of service takes one step back."""
    row, settings = LocalRow(), Ejection(time_ms=1000, longest_ms=5000)
    now, lengths = 100_000, []
    for _ in range(5):
        lengths.append(standing.eject(row, settings, now))
        now += lengths[-1]
    assert lengths == [1000, 2000, 4000, 5000, 5000]
    assert standing.eject(row, settings, now + 3000) == 4000
    assert standing.eject(row, settings, now + 3_600_000) == 1000


@pytest.mark.parametrize(
    ("most", "targets", "wanted"),
    [(500_000, 1, 0), (500_000, 2, 1), (100_000, 5, 1), (500_000, 5, 2), (10**6, 5, 5)],
)
def test_how_many_may_be_out(most: int, targets: int, wanted: int) -> None:
    """One may, the only one may not, else the share."""
    assert standing.most_ejected(Ejection(most=most), targets) == wanted


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 40)), max_size=60))
def test_a_breaker_never_leaves_its_states(events: list[tuple[bool, bool, int]]) -> None:
    """Open only after as many failures in a row, half-open only after its time, closed only by trials."""
    row, settings, now = LocalRow(), Breaker(failures=3, open_ms=100, half_open=2), 0
    failures = 0
    for failed, trial, passed in events:
        now += passed
        before = row[standing.BREAKER]
        if standing.half_open(row, now):
            assert before == OPEN
            assert now >= row[standing.OPEN_UNTIL]
            before = HALF_OPEN
        changed = standing.trip(row, settings, failed, trial, now)
        after = row[standing.BREAKER]
        if before == CLOSED and not trial:
            failures = failures + 1 if failed else 0
            assert (changed == "open") == (failures == 3)
        if changed == "open":
            assert after == OPEN
            failures = 0
        elif changed == "closed":
            assert (before, after, trial, failed) == (HALF_OPEN, CLOSED, True, False)
            failures = 0
        else:
            assert before == after


def test_a_row_is_one_for_all_slots_and_outlives_them() -> None:
    """What one slot writes another reads; the death of the writer changes nothing."""
    here = Cells.create(slots=4)
    there = Cells.attach(here.fd, 1)
    with there.row("a"):
        there.row("a")[3] = 7
    there.counter("c").add(2)
    assert here.row("a")[3] == 7
    there.close()
    here.release_slot(1)
    assert here.row("a")[3] == 7
    assert here.counter("c").value == 0


def test_a_row_that_nobody_uses_gives_up_its_place() -> None:
    """And is all zero for whoever gets it."""
    cells = Cells.create(slots=2, room=1)
    cells.row("a")[0] = 7
    cells.keep([])
    assert cells.row("b")[0] == 0
    cells.keep([])
    assert cells.counter("c").value == 0


def _target(address: str) -> Target:
    return Target(Place("u", address, "h", 1))


def _head(cookie: str = "", scheme: str = "https") -> Any:
    return SimpleNamespace(cookies=(("gwc-target", cookie),) if cookie else (), scheme=scheme)


@pytest.fixture
def cookies(monkeypatch: pytest.MonkeyPatch) -> StickyCookies:
    """Those of one upstream with two targets."""
    monkeypatch.setattr(
        "gwc.runtime.upstream.sticky_cookie.cookie_value",
        lambda head, name: dict(head.cookies).get(name),
    )
    found = StickyCookies("u", StickyCookie("x", ttl_ms=60_000), "0123456789abcdef")
    found.refresh([_target("a:1"), _target("b:1")])
    return found


def _given(cookies: StickyCookies, target: Target) -> str:
    line = cookies.line_for(_head(), target)
    assert line is not None
    return line.decode().partition("=")[2].partition(";")[0]


def test_a_cookie_says_nothing_of_the_address(cookies: StickyCookies) -> None:
    """A name, an end and a signature; Secure over https alone."""
    first = next(iter(cookies._names))
    line = (cookies.line_for(_head(), first) or b"").decode()
    assert "a:1" not in line
    assert line.endswith("; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure")
    assert b"Secure" not in (cookies.line_for(_head(scheme="http"), first) or b"")


def test_a_cookie_that_counts(cookies: StickyCookies, monkeypatch: pytest.MonkeyPatch) -> None:
    """It leads to its target until it is over; in its second half it is given anew."""
    first = next(iter(cookies._names))
    value = _given(cookies, first)
    assert cookies.target_of(_head(value)) is first
    assert cookies.line_for(_head(value), first) is None
    later = __import__("time").time() + 40
    monkeypatch.setattr("gwc.runtime.upstream.sticky_cookie.time", lambda: later)
    assert cookies.target_of(_head(value)) is first
    assert cookies.line_for(_head(value), first) is not None
    monkeypatch.setattr("gwc.runtime.upstream.sticky_cookie.time", lambda: later + 40)
    assert cookies.target_of(_head(value)) is None


@given(st.text(st.characters(max_codepoint=255), max_size=140))
def test_any_cookie_is_read(value: str) -> None:
    """Whatever a client sends: no target, and no crash."""
    found = StickyCookies("u", StickyCookie("x"), "0123456789abcdef")
    assert found._read(value) is None
