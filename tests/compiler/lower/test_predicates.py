"""Conditions: one order in the body, whatever order they were written in, and the way back."""

from __future__ import annotations

from itertools import permutations

import pytest
from gwc.schema import table as t
from gwc.schema.artifact import digest, notes_of
from gwc.schema.predicate import (
    ClientIp,
    FieldTest,
    Flag,
    HostPattern,
    Hosts,
    Listeners,
    Methods,
    Models,
    Not,
    PathPattern,
    Paths,
    Predicate,
    Sample,
    Schemes,
    Snis,
)
from gwc.schema.table_check import check_table

from ...tables import block, header, route, table

MANY: tuple[Predicate, ...] = (
    FieldTest("query", "q", "regex", ("[a-z]+",)),
    Models(("gpt-*",)),
    ClientIp(("10.0.0.0/8",)),
    header("x-b", "2"),
    header("x-a", "1"),
    Methods(("GET", "HEAD")),
    Not((header("x-c"), Sample(5))),
    Schemes(("https",)),
)


def test_written_order_does_not_show_in_the_body() -> None:
    """Conditions in another order make the same body."""
    digests = {
        digest(table(route("r", block("a.test", "/p", *order))))
        for order in list(permutations(MANY))[:: 40320 // 50]
    }
    assert len(digests) == 1


def test_the_inside_of_not_has_one_order_too() -> None:
    """What stands in a `not` may be written in any order."""
    one = Not((header("x-a", "1"), Sample(5), Not((Flag("tools", True), Schemes(("http",))))))
    other = Not((Not((Schemes(("http",)), Flag("tools", True))), Sample(5), header("x-a", "1")))
    first, second = (table(route("r", block(None, "/", each))) for each in (one, other))
    assert first == second


def test_notes_give_the_written_order_back() -> None:
    """The notes say where in the body each condition went, the host and the path among them."""
    written = (MANY[0], "path", MANY[5], "host", MANY[3], MANY[1])
    made = table(route("r", block("a.test", "/p", *written)))
    tests = t.conditions_of(made, made.alternatives[0])
    marks = notes_of(made).written[0]
    kinds = [mark if mark < 0 else tests[mark][0] for mark in marks]
    assert kinds == [t.QUERY, t.THE_PATH, t.METHODS, t.THE_HOST, t.HEADER, t.MODELS]


def test_cheap_tests_come_first() -> None:
    """Methods and a plain header are looked at first, a regular expression last, the body after that."""
    made = table(route("r", block(None, "/", *MANY)))
    methods, name, value, tests, late = made.conditions[made.alternatives[0].condition]
    assert (methods, name, value) == (("GET", "HEAD"), "x-a", "1")
    assert [test[0] for test in tests or ()] == [t.SCHEMES, t.HEADER, t.CLIENT_IP, t.QUERY, t.NOT]
    assert [test[0] for test in late or ()] == [t.MODELS]


def test_alternatives_that_ask_the_same_share_a_condition() -> None:
    """A hundred routes for GET have one condition beside the one that asks nothing."""
    made = table(*(route(f"r{n}", block(None, f"/{n}", Methods(("GET",)))) for n in range(100)))
    assert made.conditions == ((None, None, None, None, None), (("GET",), None, None, None, None))


def test_inherited_hosts_and_paths_are_conditions() -> None:
    """An outer host and path are tested, not looked up."""
    inherited = (
        Hosts((HostPattern("wildcard", "*.test"),)),
        Paths((PathPattern("regex", "/v[0-9]/.*"),)),
    )
    made = table(route("r", block("a.test", "/v1", *inherited)))
    tests = made.conditions[1][3] or ()
    assert tests[0] == (t.HOSTS, "", ("wildcard", "*.test"), ())
    assert tests[1] == (t.PATHS, "", ("regex", "/v[0-9]/.*"), (0,))
    assert made.programs[0].pattern == "/v[0-9]/.*"


def test_listeners_are_scope() -> None:
    """A listener at the top is no condition; inside `not` it is one."""
    scoped = table(route("r", block(None, "/", Listeners(("default",)))))
    assert scoped.alternatives[0].condition == 0
    assert scoped.alternatives[0].listeners == (("default",),)
    negated = table(route("r", block(None, "/", Not((Listeners(("default",)),)))))
    assert negated.blocks == (((t.LISTENERS, "", ("default",), ()),),)


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (header("x", "a", "b"), (t.HEADER, "x", ("a", "b"), (t.EQUAL, 0))),
        (header("x", "Ab\xc9", ignore_case=True), (t.HEADER, "x", ("ab\xc9",), (t.EQUAL, 1))),
        (FieldTest("cookie", "x", "present", False), (t.COOKIE, "x", (), (t.PRESENT, 0, 0))),
        (FieldTest("query", "x", "prefix", ("a",)), (t.QUERY, "x", ("a",), (t.PREFIX, 0))),
        (FieldTest("query", "x", "suffix", ("a",)), (t.QUERY, "x", ("a",), (t.SUFFIX, 0))),
        (FieldTest("query", "x", "contains", ("a",)), (t.QUERY, "x", ("a",), (t.CONTAINS, 0))),
        (FieldTest("query", "x", "range", (None, -3)), (t.QUERY, "x", (), (t.RANGE, 0, 0, 0, 1, -3))),
        (FieldTest("query", "x", "regex", ("A",), True), (t.QUERY, "x", ("A",), (t.REGEX, 1, 0))),
        (Snis(("*.a.test",)), (t.SNIS, "", ("*.a.test",), ())),
        (Sample(2500), (t.SAMPLE, "", (), (2500,))),
        (ClientIp(("10.0.0.0/8",)), (t.CLIENT_IP, "", (), (0,))),
    ],
)
def test_each_kind(predicate: Predicate, expected: t.Test) -> None:
    """Each predicate becomes one test."""
    made = table(route("r", block(None, "/", predicate)))
    assert made.conditions[1][3] == (expected,)
    check_table(made)


def test_case_is_folded_in_the_program() -> None:
    """A pattern with and without `ignore-case` are two programs."""
    tests = (
        FieldTest("header", "x", "regex", ("ab",)),
        FieldTest("header", "y", "regex", ("ab",), ignore_case=True),
    )
    made = table(route("r", block(None, "/", *tests)))
    assert [record.pattern for record in made.programs] == ["ab", "ab"]
    assert made.program(0).matches("ab")
    assert not made.program(0).matches("AB")
    assert made.program(1).matches("AB")
