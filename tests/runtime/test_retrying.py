"""What is tried again, after how long, and how often: the decisions by themselves."""

from __future__ import annotations

from calendar import timegm
from time import strptime

import pytest
from gwc.runtime.observe.reasons import REASONS, UPSTREAM
from gwc.runtime.reply import Reply
from gwc.runtime.retrying import Budget, asked_wait_s, back_off_s, cause_of, failed_by, is_left_alone
from gwc.schema.policies.retries import RetriesRecord, RetryBudget
from hypothesis import given
from hypothesis import strategies as st

NOW = timegm(strptime("2026-11-21 12:00:00", "%Y-%m-%d %H:%M:%S"))


def reply(status: int = 200, *lines: str) -> Reply:
    """A reply with these fields."""
    return Reply(status, b"OK", [line.encode("latin-1") for line in lines], 0)


@given(
    first=st.integers(1, 3_600_000),
    more=st.integers(0, 3_600_000),
    number=st.integers(1, 100),
    chance=st.floats(0, 1),
)
def test_the_wait_keeps_its_bounds(first: int, more: int, number: int, chance: float) -> None:
    """Never negative, never longer than `most`, and at first never longer than `first`."""
    retries = RetriesRecord(5, first_ms=first, most_ms=first + more)
    wait_s = back_off_s(retries, number, chance)
    assert 0 <= wait_s <= (first + more) / 1000
    if number == 1:
        assert wait_s <= first / 1000
    assert back_off_s(retries, number + 1, 1) >= back_off_s(retries, number, 1)


@pytest.mark.parametrize(
    ("number", "most"), [(1, 0.025), (2, 0.05), (3, 0.1), (4, 0.2), (5, 0.25), (9, 0.25)]
)
def test_the_wait_doubles(number: int, most: float) -> None:
    """The usual one: 25 ms, twice that, and so on to 250 ms; any part of it is as likely as any other."""
    assert back_off_s(RetriesRecord(9), number, 1) == most
    assert back_off_s(RetriesRecord(9), number, 0.5) == most / 2
    assert back_off_s(RetriesRecord(9), number, 0) == 0


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("0", 0),
        ("120", 120),
        ("999999999", 999_999_999),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("+1", None),
        ("\u00b2", None),
        ("1e3", None),
        ("9999999999", None),
        ("Sat, 21 Nov 2026 12:00:30", None),
        ("Saturday, 21-Nov-26 12:00:30 GMT", None),
        ("Sat, 21 Foo 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after(value: str, wanted: float | None) -> None:
    """Seconds, or a date in its one form; anything else is as if it were not there."""
    assert asked_wait_s(reply(503, f"Retry-After: {value}"), NOW) == wanted
    assert asked_wait_s(reply(503, "x: y"), NOW) is None


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40))
def test_any_retry_after(value: str) -> None:
    """Whatever stands in it, there is an answer that is no negative number."""
    asked = asked_wait_s(reply(503, f"retry-after: {value}"), NOW)
    assert asked is None or asked >= 0


def test_a_failed_reply() -> None:
    """By its status, or by a field that is there or has a value on one of its lines."""
    assert failed_by(reply(503), (502, 503), ()) == "status"
    assert failed_by(reply(200), (502, 503), ()) == ""
    named = (("x-again", None), ("grpc-status", "14"))
    assert failed_by(reply(200, "X-Again: "), (), named) == "header"
    assert failed_by(reply(200, "grpc-status: 0", "grpc-status:14"), (), named) == "header"
    assert failed_by(reply(200, "grpc-status: 140"), (), named) == ""


def test_causes() -> None:
    """Each kind has its reasons; what another try cannot mend has none."""
    assert {cause_of(reason) for reason in UPSTREAM} >= {
        "connect-failure",
        "reset",
        "timeout",
        "overload",
        "",
    }
    assert cause_of("try-timeout") == cause_of("first-byte-timeout") == "timeout"
    for reason in ("request-timeout", "idle-timeout", "reply-body", "reply-too-long", "client-gone"):
        assert reason in REASONS
        assert cause_of(reason) == ""


def test_a_kept_connection() -> None:
    """It may be tried again where nothing came of it, and it does no harm to do it twice."""
    assert is_left_alone("connection-lost", reused=True, length=0, method="GET")
    for other in (
        {"reused": False},
        {"length": 1},
        {"length": -1},
        {"method": "POST"},
        {"reason": "reply-head"},
    ):
        asked = {"reason": "connection-lost", "reused": True, "length": 0, "method": "GET", **other}
        assert not is_left_alone(**asked)  # type: ignore[arg-type]  # a table of arguments


@given(
    share=st.integers(0, 1_000_000),
    least=st.integers(1, 20),
    steps=st.lists(st.tuples(st.floats(0, 3), st.booleans()), max_size=200),
)
def test_a_budget_is_kept(share: int, least: int, steps: list[tuple[float, bool]]) -> None:
    """In no ten seconds are there more further tries than the share of the requests in the same cells allows,
    the least excepted.
    """
    budget = Budget(RetryBudget(share, least))
    now = 1000.0
    asked: list[int] = []
    allowed: list[int] = []
    for pause, tries in steps:
        now += pause
        second = int(now)
        if not tries:
            budget.asked(now)
            asked.append(second)
            continue
        before = sum(each > second - 10 for each in allowed)
        requests = sum(each > second - 10 for each in asked)
        fits = before < least or (before + 1) * 1_000_000 <= share * requests
        assert budget.allows(now) == fits
        if fits:
            allowed.append(second)


def test_a_budget_forgets() -> None:
    """After ten seconds, or a day, it is as new."""
    budget = Budget(RetryBudget(0, 2))
    assert [budget.allows(0) for _ in range(4)] == [True, True, False, False]
    assert not budget.allows(9.9)
    assert budget.allows(10)
    assert [budget.allows(86_400) for _ in range(3)] == [True, True, False]
