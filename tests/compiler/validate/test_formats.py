"""Text types: what is refused, and that the span is of the stretch that is wrong."""

from __future__ import annotations

import pytest

from .reading import cut, kdl, only, yaml

REFUSED = [
    # (what a route has, code, the place)
    ('upstream "a b"', "GWC223", " "),
    ('upstream ""', "GWC223", '""'),
    ('upstream "-a"', "GWC223", "-"),
    ('matches { host "*" }', "GWC225", '"*"'),
    ('matches { host "a.com:80" }', "GWC225", '"a.com:80"'),
    ('matches { host "é.com" }', "GWC225", '"é.com"'),
    ('rewrite { host "*.a.com" }', "GWC225", "*.a.com"),
    ('matches { client-ip "10.0.0.1/8" }', "GWC226", "10.0.0.1/8"),
    ('matches { client-ip "10.0.0.0/33" }', "GWC226", "33"),
    ('matches { path "orders" }', "GWC227", "o"),
    ('matches { path "" }', "GWC227", '""'),
    ('matches { path "/a\\tb" }', "GWC227", '"/a\\tb"'),
    ('rewrite { prefix "v2" }', "GWC227", "v"),
    ('rewrite { template "v2/${path.id}" }', "GWC227", "v"),
    ('matches { path-template "/a/{b}/{b}" }', "GWC228", "{b}"),
    ('matches { path-template "/a/{b" }', "GWC228", "{"),
    ('matches { path-template "/a\\t" }', "GWC227", '"/a\\t"'),
    ('matches { path-regex "/é(?=x)" }', "GWC229", "(?="),
    ('matches { header "x" regex="(" }', "GWC229", "("),
    ('matches { method "GE T" }', "GWC230", "GE T"),
    ('matches { header "x:" }', "GWC230", ":"),
    ('matches { cookie "a=b" }', "GWC230", "="),
    ('request-headers { set "x" "a ${foo} b" }', "GWC231", "${foo}"),
    ('request-headers { set "x" "a ${env:1}" }', "GWC231", "${env:1}"),
    ('request-headers { set "x" "a\\nb" }', "GWC231", '"a\\nb"'),
    ('rewrite { template "/v2/${nope}" }', "GWC231", "${nope}"),
    ('matches { sample "5" }', "GWC232", "5"),
    ('matches { sample "101%" }', "GWC232", "101%"),
    ('matches { model "a\\u{1}" }', "GWC233", '"a\\u{1}"'),
]


@pytest.mark.parametrize(("inside", "code", "place"), REFUSED)
def test_a_text_that_is_not_of_its_type(inside: str, code: str, place: str) -> None:
    """The code is that of the type; the span is of the stretch that is wrong, where it stands verbatim."""
    text = f'routes {{ route "r" {{ {inside} }} }}'
    found = only(kdl(text))
    assert found.code == code
    assert cut(text, found.span) == place
    assert found.help


ACCEPTED = [
    'address "${env:HOST}:8080"',
    'address "${file:/run/address}"',
    'address "unix:/run/x.sock" "[::1]:80"',
    'host "API.example.com" "*.example.net" "192.0.2.7" "[2001:db8::1]"',
]


@pytest.mark.parametrize("inside", ACCEPTED)
def test_a_text_that_is_of_its_type(inside: str) -> None:
    """References stand in addresses; hosts are taken in any case."""
    inside = inside if inside.startswith("address") else f'address "a:1"; {inside}'
    assert kdl(f'listeners {{ listener "l" {{ {inside} }} }}').diagnostics == ()


def test_the_whole_value_is_shown_where_text_and_source_differ() -> None:
    """Escapes and folded lines make offsets in the text mean nothing in the file."""
    text = 'routes: [{route: r, matches: {path-regex: "/\\u00e9(?=x)"}}]'
    assert cut(text, only(yaml(text)).span) == '"/\\u00e9(?=x)"'


def test_only_the_bad_item_of_a_list_is_shown() -> None:
    """A list of ten hosts with one mistake has one finding, at that host."""
    text = 'routes { route "r" { matches { host "a.com" "b.com:1" "c.com" } } }'
    assert cut(text, only(kdl(text)).span) == '"b.com:1"'
