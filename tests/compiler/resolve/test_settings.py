"""Actions and header rules: what is refused, and where it is told."""

from __future__ import annotations

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.schema.diagnostic import Severity

HEAD = """\
listeners { listener "a" { address "0.0.0.0:80" } }
upstreams { upstream "u" { target "127.0.0.1:1" } }
"""


def _told(text: str) -> list[tuple[str, str, str]]:
    """Code, text at the span, and help of each error."""
    result = compile_text(text, "kdl")
    return [
        (each.code, text[each.span.start : each.span.end] if each.span else "", each.help)
        for each in result.diagnostics
        if each.severity is Severity.ERROR
    ]


def _codes(routes: str) -> list[str]:
    return [code for code, *_ in _told(f"{HEAD}routes {{ {routes} }}\n")]


UNCHANGEABLE = [
    'request-headers { set "Host" "b" }',
    'request-headers { remove "connection" }',
    'request-headers { add "te" "trailers" }',
    'request-headers { rename "x" "upgrade" }',
    'request-headers { rename "keep-alive" "x" }',
    'response-headers { set "content-length" "5" }',
    'response-headers { set "Transfer-Encoding" "chunked" }',
]


@pytest.mark.parametrize("rules", UNCHANGEABLE)
def test_fields_of_the_gateway_are_not_for_rules(rules: str) -> None:
    """Framing, what belongs to one connection, and the Host of a request; once each."""
    assert _codes(f'route "r" {{ upstream "u"; {rules} }}') == ["GWC328"]
    assert _codes(f'group "g" {{ {rules}; route "r" {{ upstream "u" }} }}') == ["GWC328"]
    split = f'split {{ upstream "u" {{ {rules} }} }}'
    assert _codes(f'route "r" {{ {split} }}') == ["GWC328"]


def test_other_fields_are() -> None:
    """A reply may name a host; what is the client's and the upstream's is free."""
    rules = 'request-headers { set "cookie" "a=b"; remove "x-forwarded-for"; set "authorization" "x" }'
    assert _codes(f'route "r" {{ upstream "u"; {rules}; response-headers {{ set "host" "a" }} }}') == []


def test_a_fixed_reply_writes_no_framing() -> None:
    """The length of a reply is the gateway's too."""
    assert _codes('route "r" { respond { header "Content-Length" "3"; body "abc" } }') == ["GWC328"]


@pytest.mark.parametrize("status", [204, 205, 304])
def test_a_status_without_a_body_takes_none(status: int) -> None:
    """The error stands at the body."""
    (only,) = _told(f'{HEAD}routes {{ route "r" {{ respond status={status} {{ body "x" }} }} }}')
    assert only[:2] == ("GWC329", "body")
    assert _codes(f'route "r" {{ respond status={status} {{ header "x" "y" }} }}') == []


def test_an_action_that_no_route_inherits_is_looked_at() -> None:
    """A mistyped upstream of a group or of the defaults is told where every route has its own action."""
    text = HEAD + 'defaults { upstream "us" }\nroutes { group "g" { upstream "v"; route "r" { respond } } }\n'
    assert [each[:2] for each in _told(text)] == [("GWC302", '"us"'), ("GWC302", '"v"')]
    assert [each[:2] for each in _told(HEAD + 'defaults { upstream "us" }\n')] == [("GWC302", '"us"')]


def test_an_upstream_that_no_route_inherits_is_unused() -> None:
    """Being named where nobody inherits it makes no use of it."""
    text = HEAD + 'defaults { upstream "u" }\nroutes { route "r" { respond } }\n'
    assert "GWC401" in [each.code for each in compile_text(text, "kdl").diagnostics]


def test_two_ways_to_change_the_path_are_one_mistake() -> None:
    """Which of the two cannot be done is not asked while there are two."""
    route = 'route "r" { matches { path "/a" }; upstream "u"; rewrite { prefix "/b"; path "/c" } }'
    assert _codes(route) == ["GWC321"]


def test_a_mistyped_capture_names_the_near_one() -> None:
    """What the match captures is known, so the nearest is said."""
    block = 'matches { path-template "/{user}/{id}" }'
    route = f'route "r" {{ {block}; upstream "u"; rewrite {{ template "/${{path.usr}}" }} }}'
    (only,) = _told(f"{HEAD}routes {{ {route} }}\n")
    assert only == ("GWC326", '"/${path.usr}"', "did you mean `${path.user}`?")


def test_tls_and_plain_text_on_one_address_are_one_mistake() -> None:
    """That both take every host is no second one: another port mends it."""
    text = (
        'listeners { listener "a" { address "0.0.0.0:80" }\n'
        'listener "b" { address "0.0.0.0:80"; tls { certificate "tls.pem" key="tls.key" } } }\n'
    )
    assert [code for code, *_ in _told(text)] == ["GWC313"]


def test_a_reference_is_no_part_of_a_path() -> None:
    """What an environment variable holds is not known, so it does not get into a path."""
    route = 'route "r" { upstream "u"; rewrite { template "/${env:STAGE}/${req.host}" } }'
    assert _codes(route) == ["GWC332"]


def test_the_path_of_a_redirect_is_written_as_a_url() -> None:
    """A Location holds no character that a URL cannot hold."""
    text = HEAD + 'routes { route "r" { redirect path="/a/{b}//%7e" } }\n'
    table = compile_text(text, "kdl").table
    assert table is not None
    assert table.redirects[0].path == "/a/%7Bb%7D/~"


@pytest.mark.parametrize(("one", "other"), [("[::1]:80", "[0:0::1]:80"), ("LOCALHOST:80", "localhost.:80")])
def test_two_spellings_of_an_address_are_one(one: str, other: str) -> None:
    """Listeners on one address conflict however it is written."""
    text = (
        f'listeners {{ listener "a" {{ address "{one}" }}\n'
        f'listener "b" {{ address "10.0.0.1:80" "{other}" }} }}\n'
    )
    assert [each[:2] for each in _told(text)] == [("GWC312", f'"{other}"')]
