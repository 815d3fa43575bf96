"""Why the other routes did not take a request, and in which words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from gwc.runtime.match import explain_candidates
from gwc.runtime.words import quoted
from gwc.runtime.words import test_words as words_of
from gwc.schema.artifact import dump, load
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
from gwc.schema.table import RouteTable, conditions_of

from ..tables import block, head, header, route, settings, table


def told(
    made: RouteTable, *, limit: int = 10, path: str = "/x", **request: Any
) -> list[tuple[str, str | None]]:
    """The runners-up and what failed in each."""
    found = explain_candidates(made, head(path, **request), limit)
    assert [each.holds for each in found] == [each.failed is None for each in found]
    return [(each.route, each.failed) for each in found]


def test_the_winner_is_no_candidate() -> None:
    """Those that hold and lose are told to hold; the winner is not told."""
    made = table(route("second", block(None, "/")), route("winner", block(None, "/x")))
    assert told(made) == [("second", None)]


def test_those_in_place_come_before_misses() -> None:
    """First whose host and path hold, by rank; then the misses, by rank."""
    made = table(
        route("other host", block("b.test", "=/x")),
        route("post", block("a.test", "=/x", Methods(("POST",)))),
        route("other path", block("a.test", "=/xyz")),
        route("debug", block("a.test", "/x", header("x-debug", "1"))),
        route("winner", block(None, "/")),
    )
    assert told(made) == [
        ("post", 'method "POST"'),
        ("debug", 'header "x-debug" "1"'),
        ("other path", 'path "/xyz"'),
        ("other host", 'host "b.test"'),
    ]


def test_the_nearest_misses_are_shown() -> None:
    """Of many misses those with the fewest failures, and among them those whose path begins alike."""
    made = table(
        route("far", block("b.test", "/y")),
        route("near", block("a.test", "/orders/a")),
        route("less near", block("a.test", "/o/q")),
        *(route(f"r{n}", block("a.test", f"/z{n}", Methods(("PUT",)))) for n in range(20)),
    )
    assert [name for name, _ in told(made, path="/orders/1", limit=2)] == ["near", "less near"]
    assert len(told(made, path="/orders/1")) == 10
    assert told(made, path="/orders/1", limit=0) == []


def test_the_first_failure_in_written_order() -> None:
    """Of several failures the one written first is told, whatever order the table tests in."""
    conditions = (header("x-late"), Methods(("POST",)), "path", "host")
    made = table(route("r", block("b.test", "/q", *conditions)))
    assert told(made) == [("r", 'header "x-late"')]
    again = load(dump(made))
    assert isinstance(again, RouteTable)
    assert told(again) == [("r", 'header "x-late"')]


def test_without_notes_the_bodys_order_counts() -> None:
    """A table whose notes are lost still explains."""
    conditions = (header("x-late"), Methods(("POST",)), "path", "host")
    made = replace(table(route("r", block("b.test", "/q", *conditions))), notes=b"?")
    assert told(made) == [("r", 'host "b.test"')]


def test_other_listeners_are_explained() -> None:
    """A route of another listener fails by that."""
    made = table(
        route("r", block(None, "/", Listeners(("b",)))),
        listeners=(settings("a", "x:1"), settings("b", "x:2")),
    )
    assert told(made, listener="a") == [("r", 'listener "b"')]
    assert told(made, listener="b") == []


def test_a_body_that_nobody_read() -> None:
    """A predicate on the body counts as failed until it is known."""
    made = table(route("r", block(None, "/", Models(("gpt-*",)))))
    assert told(made) == [("r", 'model "gpt-*"')]


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("b.test", "/", 'host "b.test"'),
        ("*.b.test", "/", 'host "*.b.test"'),
        ("~b+", "/", 'host regex="b+"'),
        (None, "=/a", 'path "/a"'),
        (None, "/a/", 'path-prefix "/a/"'),
        (None, "/a/{b}", 'path-template "/a/{b}"'),
        (None, "~/[0-9]", 'path-regex "/[0-9]"'),
    ],
)
def test_places_in_words(host: str | None, path: str, expected: str) -> None:
    """Hosts and paths are told as they were written."""
    assert told(table(route("r", block(host, path)))) == [("r", expected)]


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        (Methods(("GET", "HEAD")), 'method "GET" "HEAD"'),
        (header("x", "1", "2"), 'header "x" "1" "2"'),
        (header("x"), 'header "x"'),
        (FieldTest("header", "x", "present", False), 'header "x" present=#false'),
        (FieldTest("query", "x", "prefix", ("a",)), 'query "x" prefix="a"'),
        (FieldTest("query", "x", "suffix", ("a", "b")), 'query "x" { suffix "a" "b" }'),
        (FieldTest("cookie", "x", "contains", ("a",), True), 'cookie "x" contains="a" ignore-case=#true'),
        (FieldTest("cookie", "x", "regex", ("a+",)), 'cookie "x" regex="a+"'),
        (FieldTest("query", "x", "range", (1, None)), 'query "x" min=1'),
        (FieldTest("query", "x", "range", (-1, 5)), 'query "x" min=-1 max=5'),
        (ClientIp(("10.0.0.0/8", "::1/128")), 'client-ip "10.0.0.0/8" "::1/128"'),
        (Schemes(("https",)), 'scheme "https"'),
        (Snis(("*.x",)), 'sni "*.x"'),
        (Sample(2500), 'sample "0.25%"'),
        (Sample(1_000_000), 'sample "100%"'),
        (Sample(1), 'sample "0.0001%"'),
        (Models(("a*", "b")), 'model "a*" "b"'),
        (Flag("stream", True), "stream #true"),
        (Flag("tools", False), "tools #false"),
        (Not((header("x"), Methods(("GET",)))), 'not { method "GET"; header "x" }'),
        (
            Hosts((HostPattern("exact", "a"), HostPattern("regex", "b"))),
            'host "a" regex="b"',
        ),
        (Paths((PathPattern("prefix", "/a"), PathPattern("prefix", "/b"))), 'path-prefix "/a" "/b"'),
    ],
)
def test_predicates_in_words(predicate: Predicate, expected: str) -> None:
    """Every predicate is told as KDL would write it."""
    made = table(route("r", block(None, "/", predicate)))
    (test,) = conditions_of(made, made.alternatives[0])
    assert words_of(made, test) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("café".encode().decode("latin-1"), '"café"'),
        ("a\nb", '"a\\u{a}b"'),
        ("\xff", '"\\\\xff"'),
    ],
)
def test_quoting(text: str, expected: str) -> None:
    """Text is readable UTF-8 in quotes; nothing in it can move a terminal's cursor."""
    assert quoted(text) == expected
