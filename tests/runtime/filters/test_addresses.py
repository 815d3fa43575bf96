"""`allow` and `deny` by address."""

from __future__ import annotations

from ipaddress import ip_address
from types import SimpleNamespace
from typing import cast

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.runtime.filter import FilterContext, Refuse
from gwc.runtime.filters.addresses import Addresses

LISTS = [
    # lists, who is let in, who is refused
    ('allow "10.0.0.0/8"', ["10.9.9.9"], ["11.0.0.1", "::1", None]),
    ('deny "10.0.0.0/8"', ["11.0.0.1", "::1", None], ["10.9.9.9"]),
    ('allow "10.0.0.0/8"; deny "10.1.0.0/16"', ["10.2.0.1"], ["10.1.0.1", "192.0.2.1"]),
    ('allow "2001:db8::/32" "::ffff:10.0.0.0/104"', ["2001:db8::1", "10.0.0.1"], ["::1"]),
    ('allow "0.0.0.0/0" "::/0"', ["10.0.0.1", "::1"], [None]),
]


def _filter(words: str) -> Addresses:
    compiled = compile_text(f'routes {{ route "r" {{ respond; {words} }} }}', "kdl")
    assert compiled.table is not None, compiled.diagnostics
    rules = compiled.table.settings_of_routes[compiled.table.routes[0].settings].addresses
    assert rules is not None
    return Addresses(rules)


def _asked(policy: Addresses, client: str | None) -> Refuse | None:
    address = None if client is None else ip_address(client)
    return policy.on_request(cast(FilterContext, SimpleNamespace(head=SimpleNamespace(client_ip=address))))


@pytest.mark.parametrize(("words", "in_", "out"), LISTS)
def test_who_is_let_in(words: str, in_: list[str | None], out: list[str | None]) -> None:
    """`deny` counts before `allow`; who has no address is in no network."""
    policy = _filter(words)
    assert [each for each in in_ if _asked(policy, each) is not None] == []
    assert [each for each in out if _asked(policy, each) is None] == []


def test_the_rule_is_named() -> None:
    """A refusal says which network it was."""
    refused = _asked(_filter('deny "192.0.2.0/24" "10.0.0.0/8" "::ffff:11.0.0.0/104"'), "10.1.1.1")
    assert refused is not None
    assert (refused.reason, refused.detail) == ("address-denied", "deny 10.0.0.0/8")
    refused = _asked(_filter('deny "::ffff:11.0.0.0/104"'), "11.1.1.1")
    assert refused is not None
    assert refused.detail == "deny 11.0.0.0/8"


SCOPES = """
defaults { deny "10.0.0.0/8" }
routes {
    route "a" { matches { path "/a" }; allow "11.0.0.0/8"; respond }
    group "g" { allow "12.0.0.0/8"; deny "13.0.0.0/8"
        route "b" { matches { path "/b" }; redirect path="/x" }
        route "c" { matches { path "/c" }; allow "14.0.0.1"; builtin "echo" } }
    route "d" { matches { path "/d" }; respond }
}
"""


def test_inner_lists_replace_outer_ones() -> None:
    """Each of the two by itself, for whatever action."""
    table = compile_text(SCOPES, "kdl").table
    assert table is not None
    found = {}
    for route in table.routes:
        rules = table.settings_of_routes[route.settings].addresses
        assert rules is not None
        found[route.name] = [each and each.written for each in rules]
    assert found == {
        "a": [("11.0.0.0/8",), ("10.0.0.0/8",)],
        "b": [("12.0.0.0/8",), ("13.0.0.0/8",)],
        "c": [("14.0.0.1/32",), ("13.0.0.0/8",)],
        "d": [None, ("10.0.0.0/8",)],
    }


@pytest.mark.parametrize(
    ("words", "at"),
    [
        ('allow "10.0.0.0/33"', "33"),
        ('deny "10.0.0.1/8"', "10.0.0.1/8"),
        ("allow 10", "10"),
        ('alow "10.0.0.0/8"', "alow"),
    ],
)
def test_bad_values_are_refused(words: str, at: str) -> None:
    """With the smallest span."""
    text = f'routes {{ route "r" {{ respond; {words} }} }}'
    found = [each for each in compile_text(text, "kdl").diagnostics if each.severity.name == "ERROR"]
    assert [text[each.span.start : each.span.end].strip('"') for each in found if each.span] == [at]
