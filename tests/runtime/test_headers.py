"""Header rules: their order, and what becomes of the fields."""

from __future__ import annotations

import pytest
from gwc.compiler.resolve.resolved import HeaderRules, Split, SplitPart, ToUpstream
from gwc.runtime.actions.headers import HeaderChanges, apply_changes
from gwc.runtime.decide import decide
from gwc.runtime.match import Match, match

from ..tables import head, route, table

FIELDS = (("a", "1"), ("b", "2"), ("a", "3"), ("c", "4"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (HeaderChanges(), FIELDS),
        (HeaderChanges(set=(("a", "x"),)), (("a", "x"), ("b", "2"), ("c", "4"))),
        (HeaderChanges(set=(("d", "x"),)), (*FIELDS, ("d", "x"))),
        (HeaderChanges(add=(("a", "x"), ("a", "y"))), (*FIELDS, ("a", "x"), ("a", "y"))),
        (HeaderChanges(remove=("a", "z")), (("b", "2"), ("c", "4"))),
        (HeaderChanges(rename=(("a", "z"),)), (("z", "1"), ("b", "2"), ("z", "3"), ("c", "4"))),
        (HeaderChanges(rename=(("z", "a"),)), FIELDS),
        (HeaderChanges(rename=(("a", "b"), ("b", "a"))), (("b", "1"), ("a", "2"), ("b", "3"), ("c", "4"))),
        (
            HeaderChanges((("a", "d"),), (("d", "x"),), (("e", "y"),), ("b",)),
            (("d", "x"), ("c", "4"), ("e", "y")),
        ),
    ],
)
def test_apply(changes: HeaderChanges, expected: tuple[tuple[str, str], ...]) -> None:
    """Rename, set, add, remove, in that order; field lines stay apart and in order."""
    assert apply_changes(FIELDS, changes) == expected


def test_the_parts_rules_come_after_the_routes() -> None:
    """What the chosen part of a split says has the last word."""
    made = table(
        route(
            "r",
            action=Split(
                (SplitPart("one", 1, HeaderRules(set=(("x", "part"),)), HeaderRules(remove=("s",))),)
            ),
            request=HeaderRules(set=(("x", "route"), ("y", "${route}"))),
            response=HeaderRules(set=(("s", "1"),)),
        )
    )
    request = head()
    found = match(made, request)
    assert isinstance(found, Match)
    decision = decide(made, request, found, port=80)
    fields: tuple[tuple[str, str], ...] = ()
    for changes in decision.request_headers:
        fields = apply_changes(fields, changes)
    assert fields == (("x", "part"), ("y", "r"))
    answer: tuple[tuple[str, str], ...] = ()
    for changes in decision.response_headers:
        answer = apply_changes(answer, changes)
    assert answer == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", "plain"),
        ("${req.method} ${req.scheme} ${req.host}", "PUT https a.test"),
        ("${req.path}", "/u/%41"),
        ("${req.query}", "q=1"),
        ("[${req.header.x-id}]", "[7]"),
        ("[${req.header.x-none}]", "[]"),
        ("${client-ip}", "192.0.2.7"),
        ("${trace-id} ${request-id}", "${trace-id} ${request-id}"),
        ("${listener}/${route}", "default/r"),
        ("$${req.host}", "${req.host}"),
        ("Bearer ${env:TOKEN} ${file:/run/x}", "Bearer ${env:TOKEN} ${file:/run/x}"),
    ],
)
def test_variables(value: str, expected: str) -> None:
    """Variables speak of the request before any rewrite; what is missing is empty; references stay."""
    made = table(route("r", action=ToUpstream("one"), request=HeaderRules(set=(("x", value),))))
    request = head("/u/%41?q=1", method="PUT", scheme="https", headers={"x-id": "7"})
    found = match(made, request)
    assert isinstance(found, Match)
    (changes,) = decide(made, request, found, port=80).request_headers
    assert changes.set == (("x", expected),)


def test_what_a_request_lacks_is_empty() -> None:
    """No query, no client address: nothing, not None."""
    rules = HeaderRules(set=(("x", "${req.query}${client-ip}"),))
    made = table(route("r", action=ToUpstream("one"), request=rules))
    request = head(client_ip=None)
    found = match(made, request)
    assert isinstance(found, Match)
    (changes,) = decide(made, request, found, port=80).request_headers
    assert changes.set == (("x", ""),)
