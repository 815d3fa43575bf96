"""GWC404: redirects that come back, in their variants, and those that only look like it."""

from __future__ import annotations

import pytest

from .judging import BOTH, HTTP, UPSTREAM, findings

COMES_BACK = {
    "scheme on both listeners": (BOTH, 'matches { path-prefix "/a" }; redirect scheme="https"'),
    "scheme without a block": (BOTH, 'redirect scheme="https"'),
    "nothing said": (HTTP, 'matches { path "/a" }; redirect'),
    "the same path": (HTTP, 'matches { path "/a" }; redirect path="/a"'),
    "the same path and host": (HTTP, 'matches { host "a.b"; path "/a" }; redirect host="A.b." path="/a"'),
    "a path below its prefix": (HTTP, 'matches { path-prefix "/a" }; redirect path="/a/new"'),
    "a path that its template takes": (HTTP, 'matches { path-template "/a/{x}" }; redirect path="/a/1"'),
    "a path that its expression takes": (HTTP, 'matches { path-regex "/a.*" }; redirect path="/ab"'),
    "a prefix for itself": (HTTP, 'matches { path-prefix "/a" }; redirect prefix="/a/"'),
    "a prefix that grows": (HTTP, 'matches { path-prefix "/a" }; redirect prefix="/a/v2"'),
    "the root under itself": (HTTP, 'redirect prefix="/v2"; matches { path-prefix "/" }'),
    "a host in its wildcard": (HTTP, 'matches { host "*.b" }; redirect host="www.b"'),
    "a host that its expression takes": (
        HTTP,
        'matches { host regex="[a-z]+\\\\.b" }; redirect host="www.b"',
    ),
    "the port it came by": (HTTP, 'matches { path "/a" }; redirect port=80'),
    "one of several blocks": (HTTP, 'matches { path "/a" }; matches { path "/b" }; redirect path="/b"'),
    "fields are sent again": (HTTP, 'matches { path "/a"; header "x" "1" }; redirect path="/a"'),
    "the method is kept": (HTTP, 'matches { path "/a"; method "POST" }; redirect status=308'),
    "GET stays GET": (HTTP, 'matches { path "/a"; method "GET" "POST" }; redirect'),
    "a query that was not there": (
        HTTP,
        'matches { path "/a"; query "q" present=#false }; redirect query="strip"',
    ),
    "behind a proxy that speaks TLS": (
        'listeners { listener "h" { address "0.0.0.0:8080"; trusted-proxies "10.0.0.0/8" } }\n',
        'redirect scheme="https"',
    ),
    "a host of the listener": (
        'listeners { listener "h" { address "0.0.0.0:80"; host "*.b" } }\n',
        'matches { path-prefix "/docs" }; redirect host="docs.b"',
    ),
    "one listener of two": (BOTH, 'matches { listener "s" }; redirect scheme="https"'),
    "an inherited prefix holds again": (
        HTTP,
        'matches { path-prefix "/a/b" }; redirect path="/a/b/c"',
    ),
}

MOVES_ON = {
    "scheme for http only": (BOTH, 'matches { scheme "http" }; redirect scheme="https"'),
    "scheme for the plain listener": (BOTH, 'matches { listener "h" }; redirect scheme="https"'),
    "scheme without a TLS listener": (HTTP, 'redirect scheme="https"'),
    "another path": (HTTP, 'matches { path "/a" }; redirect path="/b"'),
    "another prefix": (HTTP, 'matches { path-prefix "/a" }; redirect prefix="/b"'),
    "a prefix that only begins alike": (HTTP, 'matches { path-prefix "/a" }; redirect prefix="/ab"'),
    "up from a prefix": (HTTP, 'matches { path-prefix "/a/b" }; redirect prefix="/a"'),
    "another host": (HTTP, 'matches { host "a.b" }; redirect host="www.b"'),
    "the name below which a wildcard stands": (HTTP, 'matches { host "*.b" }; redirect host="b"'),
    "another port": (HTTP, "redirect port=8080"),
    "a host that nobody here speaks of": (
        HTTP,
        'matches { path-prefix "/docs" }; redirect host="docs.b"',
    ),
    "TLS on another port": (
        'listeners { listener "s" { address "0.0.0.0:8443"; tls { certificate "c.pem" } } }\n',
        'redirect scheme="https"',
    ),
    "post, redirect, get": (HTTP, 'matches { path "/a"; method "POST" }; redirect status=303'),
    "a query that is stripped": (HTTP, 'matches { path "/a"; query "q" }; redirect query="strip"'),
    "a share of the requests": (HTTP, 'matches { path "/a"; sample "50%" }; redirect'),
    "what a body says": (HTTP, 'matches { path "/a"; model "m" }; redirect'),
    "not the new path": (
        HTTP,
        'matches { path-prefix "/a"; not { path "/a/new" } }; redirect path="/a/new"',
    ),
    "not the new host": (HTTP, 'matches { host "*.b"; not { host "www.b" } }; redirect host="www.b"'),
    "a host of another listener": (
        'listeners { listener "a" { address "0.0.0.0:80"; host "a.b" }\n'
        'listener "w" { address "0.0.0.0:80"; host "www.b" } }\n',
        'matches { listener "a" }; redirect host="www.b"',
    ),
}

OTHERS = {
    "the host has a route of its own": 'route "w" { matches { host "www.b" }; upstream "u" }\n'
    'route "r" { matches { host "*.b" }; redirect host="www.b" }',
    "any host goes to one with a route of its own": 'route "w" { matches { host "www.b" }; upstream "u" }\n'
    'route "r" { redirect host="www.b" }',
    "a wildcard takes the new host": 'route "w" { matches { host "*.w.b" }; upstream "u" }\n'
    'route "r" { matches { host "*.b" }; redirect host="x.w.b" }',
    "an expression takes the new host": 'route "w" { matches { host regex="w+\\\\.b" }; upstream "u" }\n'
    'route "r" { redirect host="www.b" }',
    "a longer prefix takes the new path": 'route "w" { matches { path-prefix "/app" }; upstream "u" }\n'
    'route "r" { matches { path-prefix "/" }; redirect prefix="/app" }',
    "an exact path takes it": 'route "w" { matches { path "/a/new" }; upstream "u" }\n'
    'route "r" { matches { path-prefix "/a" }; redirect path="/a/new" }',
    "the other listener has a route of its own": 'route "w" { matches { listener "s" }; upstream "u" }\n'
    'route "r" { redirect scheme="https" }',
    "the other scheme has one": 'route "w" { matches { scheme "https" }; upstream "u" }\n'
    'route "r" { redirect scheme="https" }',
    "GET has one": 'route "w" { matches { path "/a"; method "GET" }; upstream "u" }\n'
    'route "r" { matches { path "/a" }; redirect }',
}


def _text(listeners: str, route: str) -> str:
    return f'{listeners}routes {{ route "r" {{ {route} }} }}\n'


@pytest.mark.parametrize("case", COMES_BACK)
def test_a_redirect_that_comes_back_is_told(case: str) -> None:
    """One warning, at the redirect."""
    text = _text(*COMES_BACK[case])
    (only,) = findings("GWC404", text)
    assert only.span is not None
    assert text[only.span.start : only.span.end] == "redirect"


@pytest.mark.parametrize("case", MOVES_ON)
def test_a_redirect_that_moves_on_is_not(case: str) -> None:
    """The new request is another one, or may be."""
    assert findings("GWC404", _text(*MOVES_ON[case])) == ()


@pytest.mark.parametrize("case", OTHERS)
def test_a_route_that_takes_the_new_request_ends_it(case: str) -> None:
    """Where a better-ranked route may take what the Location leads to, nothing is said."""
    assert findings("GWC404", f"{BOTH}{UPSTREAM}routes {{ {OTHERS[case]} }}\n") == ()


def test_a_route_of_less_rank_does_not_end_it() -> None:
    """A route that would never be asked is no way out; nor is one with a condition that need not hold."""
    less = 'route "w" { upstream "u" }\nroute "r" { matches { host "*.b" }; redirect host="www.b" }'
    assert len(findings("GWC404", f"{HTTP}{UPSTREAM}routes {{ {less} }}\n")) == 1
    other = (
        'route "w" { matches { path "/a"; header "x" }; upstream "u" }\n'
        'route "r" { matches { path "/a" }; redirect }'
    )
    assert len(findings("GWC404", f"{HTTP}{UPSTREAM}routes {{ {other} }}\n")) == 1


def test_an_inherited_host_may_end_it() -> None:
    """Conditions of a group hold for the new request too, or do not."""
    inner = 'route "r" { matches { host "*.b" }; redirect host="www.b" }'
    one = f'{HTTP}routes {{ group "g" {{ matches {{ host "a.b" }}; {inner} }} }}\n'
    assert findings("GWC404", one) == ()
    all_of_them = f'{HTTP}routes {{ group "g" {{ matches {{ host "*.b" }}; {inner} }} }}\n'
    assert len(findings("GWC404", all_of_them)) == 1


def test_a_route_is_told_once() -> None:
    """Many hosts and paths of one route are one finding, and a group's redirect is one a route."""
    route = 'route "r" { matches { host "a" "b"; path "/a" "/b" }; redirect }'
    assert len(findings("GWC404", f"{HTTP}routes {{ {route} }}\n")) == 1


def test_the_advice_fits_a_scheme() -> None:
    """Whoever redirects to https is told which condition is missing."""
    (only,) = findings("GWC404", f'{BOTH}routes {{ route "r" {{ redirect scheme="https" }} }}\n')
    assert only.help == 'add `scheme "http"` to the route\'s `matches`'
