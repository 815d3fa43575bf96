"""CORS by the rules of the Gateway API's filter, one row a rule, and which route a preflight is for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.schema.values.origin import normal_origin, parse_origin
from gwc.schema.values.refusal import ValueRefusal

from .serving import HEAD, World, asked, served

ALLOW = "access-control-allow-"


def route(said: str) -> str:
    """One route with this policy."""
    return f'routes {{ route "r" {{ cors {{ {said} }}; upstream "u" }} }}'


def fields_of(said: str, method: str, *fields: str, status: int = 0) -> dict[str, str]:
    """The fields of CORS on one reply, without `access-control-`, and Vary."""
    (answer,) = asked(route(said), [(method, "/", *fields)])
    assert answer.status == (status or (204 if method == "OPTIONS" else 200))
    wanted = {name.removeprefix("access-control-"): value for name, value in answer.fields}
    return {
        name: value
        for name, value in wanted.items()
        if name.startswith(("allow-", "expose-", "max-age", "vary"))
    }


ORIGINS = [
    ('"https://a.test"', "https://a.test", True),
    ('"https://a.test"', "https://A.test", True),
    ('"https://a.test"', "https://a.test:443", True),
    ('"https://a.test:443"', "https://a.test", True),
    ('"http://a.test:80"', "http://a.test", True),
    ('"https://a.test"', "http://a.test", False),
    ('"https://a.test"', "https://a.test:8443", False),
    ('"https://a.test:8443"', "https://a.test:8443", True),
    ('"https://a.test"', "https://b.a.test", False),
    ('"https://a.test"', "https://a.test.evil", False),
    ('"https://*.bar.test"', "https://x.bar.test", True),
    ('"https://*.bar.test"', "https://xpto.www.bar.test", True),
    ('"https://*.bar.test"', "https://bar.test", False),
    ('"https://*.bar.test"', "https://evilbar.test", False),
    ('"https://*.bar.test"', "http://x.bar.test", False),
    ('"https://*.bar.test"', "https://x.bar.test:8443", False),
    ('"https://*.bar.test:8443"', "https://x.bar.test:8443", True),
    ('"https://*.bar.test"', "https://evil.test/x.bar.test", False),
    ('"https://a.test" "http://localhost:3000"', "http://localhost:3000", True),
    ('"capacitor://localhost"', "capacitor://localhost", True),
    ('"https://a.test"', "null", False),
]


@pytest.mark.parametrize(("origins", "origin", "allowed"), ORIGINS)
def test_origins(origins: str, origin: str, allowed: bool) -> None:
    """A listed origin is echoed as it was sent; another gets nothing, and is served all the same."""
    found = fields_of(f"origins {origins}", "GET", f"origin: {origin}")
    assert found == ({"allow-origin": origin} if allowed else {}) | {"vary": "origin"}


def test_any_origin() -> None:
    """`*` is said to everybody, so that caches need not tell them apart."""
    for fields in (("origin: https://a.test",), ()):
        assert fields_of('origins "*"', "GET", *fields) == {"allow-origin": "*"}


ROWS = [
    # policy, fields asked for beside origin and method, what is answered beside allow-origin and max-age
    ("", (), {}),
    ('methods "PUT" "DELETE"', (), {"allow-methods": "PUT, DELETE"}),
    ('methods "*"', (), {"allow-methods": "*"}),
    ('methods "*"; credentials #true', (), {"allow-methods": "PATCH", "allow-credentials": "true"}),
    ('headers "X-A" "x-b"', ("x-c",), {"allow-headers": "x-a, x-b"}),
    ('headers "*"', ("authorization,x-c",), {"allow-headers": "authorization,x-c"}),
    ('headers "*"', (), {}),
    ('headers "*"; credentials #true', ("x-c",), {"allow-headers": "x-c", "allow-credentials": "true"}),
    ('headers "*"; credentials #true', (), {"allow-credentials": "true"}),
    ('expose "x-d" "X-E"', (), {"expose-headers": "x-d, x-e"}),
    ("credentials #false", (), {}),
    ("private-network #true", (), {}),
]


@pytest.mark.parametrize(("said", "headers", "wanted"), ROWS)
def test_preflights(said: str, headers: tuple[str, ...], wanted: dict[str, str]) -> None:
    """What a preflight is told; the age is always there, 5 s unless it is said."""
    asks = [f"access-control-request-headers: {each}" for each in headers]
    found = fields_of(
        f'origins "https://a.test"; {said}',
        "OPTIONS",
        "origin: https://a.test",
        "access-control-request-method: PATCH",
        *asks,
    )
    assert found.pop("vary") == "origin, access-control-request-method, access-control-request-headers"
    assert found == {"allow-origin": "https://a.test", "max-age": "5", **wanted}


def test_the_age_of_preflights() -> None:
    """In seconds."""
    found = fields_of(
        'origins "*"; max-age "1h"', "OPTIONS", "origin: https://a.test", "access-control-request-method: GET"
    )
    assert found["max-age"] == "3600"


def test_private_networks() -> None:
    """A page of a public network is let in where it asks and may."""
    asks = ("origin: https://a", "access-control-request-method: GET")
    network = "access-control-request-private-network: true"
    assert (
        fields_of('origins "*"; private-network #true', "OPTIONS", *asks, network)["allow-private-network"]
        == "true"
    )
    assert "allow-private-network" not in fields_of('origins "*"', "OPTIONS", *asks, network)


def test_preflights_of_others() -> None:
    """An origin that is not listed is answered by the gateway too, and told nothing."""

    async def talk(world: World) -> None:
        answer = await world.ask(
            "OPTIONS", "/", "origin: https://evil.test", "access-control-request-method: GET"
        )
        assert answer.status == 204
        assert not [name for name, _ in answer.fields if name.startswith("access-control-")]
        assert world.seen == []

    served(route('origins "https://a.test"'), talk)


def test_actual_requests() -> None:
    """Credentials and exposed fields are told; what the target says of CORS is dropped, its Vary kept."""
    (answer,) = asked(
        route('origins "https://a.test"; credentials #true; expose "x-d"; methods "PUT"'),
        [("GET", "/", "origin: https://a.test")],
        "Access-Control-Allow-Origin: *",
        "access-control-allow-methods: TRACE",
        "vary: accept-encoding",
    )
    found = [(name, value) for name, value in answer.fields if name.startswith("access-control")]
    assert found == [
        ("access-control-allow-origin", "https://a.test"),
        ("access-control-allow-credentials", "true"),
        ("access-control-expose-headers", "x-d"),
    ]
    assert answer.value("vary") == "accept-encoding, origin"


@pytest.mark.parametrize(("theirs", "wanted"), [("Origin", "Origin"), ("*", "*"), ("a,origin", "a,origin")])
def test_vary_is_said_once(theirs: str, wanted: str) -> None:
    """A target that says it already has said it."""
    (answer,) = asked(route('origins "https://a.test"'), [("GET", "/")], f"Vary: {theirs}")
    assert answer.value("vary") == wanted


def test_without_origin() -> None:
    """A request that no page sent gets no fields but Vary; OPTIONS without asking goes on to the target."""
    assert fields_of('origins "https://a.test"', "GET") == {"vary": "origin"}
    assert fields_of('origins "https://a.test"', "OPTIONS", "origin: https://a.test", status=200)


def test_own_errors_have_the_fields() -> None:
    """A page may read why it was refused."""
    said = 'limits { request-body "1B" }; cors { origins "https://a.test" }; upstream "u"'
    config = f'routes {{ route "r" {{ {said} }} }}'

    async def talk(world: World) -> None:
        answer = await world.ask("POST", "/", "origin: https://a.test", body=b"long")
        assert answer.status == 413
        assert answer.value("access-control-allow-origin") == "https://a.test"

    served(config, talk)


MATCHING = """
routes {
    route "put" { matches { path "/a"; method "PUT" }; cors { origins "*"; methods "PUT" }; upstream "u" }
    route "get" { matches { path "/a"; method "GET" }; respond }
    route "options" { matches { path "/a"; method "OPTIONS" }; respond status=203 }
    route "own" { matches { path "/b"; method "OPTIONS" }; cors { origins "*" }; respond status=203 }
    route "model" { matches { path "/c"; model "x" }; cors { origins "*" }; respond }
    route "late" { matches { path "/c" }; respond status=203 }
}
"""


@pytest.mark.parametrize(
    ("path", "method", "status", "says"),
    [
        ("/a", "PUT", 204, True),  # the winner for PUT has `cors`
        ("/a", "GET", 203, False),  # the winner for GET has none: as sent
        ("/a", "POST", 203, False),  # nothing takes POST: as sent
        ("/a", "not a method", 203, False),
        ("/b", "PUT", 204, True),  # nothing takes PUT; as sent it is a route that answers preflights
        ("/c", "PUT", 203, False),  # a preflight has no body that could say a model
        ("/d", "PUT", 404, False),
    ],
)
def test_which_route_a_preflight_is_for(path: str, method: str, status: int, says: bool) -> None:
    """It is matched with the method that it asks for, then as it was sent."""
    fields = ("origin: https://a.test", f"access-control-request-method: {method}")
    (answer,) = asked(MATCHING, [("OPTIONS", path, *fields)])
    assert (answer.status, answer.value("access-control-allow-origin")) == (status, "*" if says else None)


def _told(said: str) -> Iterator[tuple[str, str]]:
    text = f"{HEAD}{route(said)}\n".replace("%listen%", "127.0.0.1:1").replace("%upstream%", "h:1")
    for each in compile_text(text, "kdl").diagnostics:
        assert each.span is not None
        yield each.code, text[each.span.start : each.span.end]


MISTAKES = [
    ('origins "*"; credentials #true', [("GWC372", '"*"')]),
    ('origins "https://a"; expose "*"; credentials #true', [("GWC372", '"*"')]),
    ('origins "*" "https://a"', [("GWC373", '"*"')]),
    ('origins "*"; methods "PUT" "*"', [("GWC373", '"*"')]),
    ('origins "*"; headers "*" "x-a"', [("GWC373", '"*"')]),
    ('methods "PUT"', [("GWC374", "cors")]),
    ('origins "null"', [("GWC375", "null")]),
    ('origins "https://a.test/x"', [("GWC375", "/x")]),
    ('origins "a.test"', [("GWC375", "a.test")]),
    ('origins "https://*"', [("GWC375", "*")]),
    ('origins "https://a.*.test"', [("GWC375", "a.*.test")]),
    ('origins "https://a:70000"', [("GWC375", "70000")]),
    ('origins "https://u@a.test"', [("GWC375", "https://u@a.test")]),
]


@pytest.mark.parametrize(("said", "wanted"), MISTAKES)
def test_mistakes(said: str, wanted: list[tuple[str, str]]) -> None:
    """What no browser would take, or nobody can have meant, is an error at its place."""
    assert list(_told(said)) == wanted


def test_forms_of_origins() -> None:
    """One form for what is the same; what a request says is never taken for a pattern."""
    assert parse_origin("HTTP://LocalHost:080") == "http://localhost"
    assert parse_origin("https://[::1]:3000") == "https://[::1]:3000"
    assert normal_origin("https://[::1]:3000") == "https://[::1]:3000"
    assert normal_origin("https://*.a.test") is None
    assert isinstance(parse_origin(""), ValueRefusal)
