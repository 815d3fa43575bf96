"""Overlay files, variables and flags: what they change, what they may not, who set what."""

from __future__ import annotations

import pytest
from gwc.compiler.validate import Origin, Validated
from gwc.compiler.validate.overlay import merge_overlays
from gwc.compiler.validate.provenance import leaves
from gwc.compiler.validate.record import span_of

from .reading import codes, cut, entries, kdl, only

BASE = """
listeners { listener "public" { address "0.0.0.0:8080"; protocol "http" } }
upstreams {
    upstream "orders" { target "10.0.0.1:8080" weight=3; target "10.0.0.2:8080" }
    upstream "a-b" { target "x:1" }
    upstream "a.b" { target "x:2" }
}
matcher "internal" { client-ip "10.0.0.0/8"; path "/x" }
defaults { priority "low" }
routes {
    group "v2" {
        matches { host "api.example.com" }
        route "orders-read" {
            matches { path-prefix "/orders" }
            priority "high"
            upstream "orders"
            request-headers { set "x-env" "dev"; remove "a" "b" }
            rewrite { prefix "/v2" }
        }
    }
    route "rest" { respond status=404 { body "no" } }
}
"""


def laid(*overlays: str, flags: tuple[str, ...] = (), variables: dict[str, str] | None = None) -> Validated:
    """The base with everything laid over it."""
    base = kdl(BASE)
    assert base.diagnostics == ()
    files = [entries(text, "kdl", f"overlay{number}.kdl") for number, text in enumerate(overlays)]
    environment = {f"GWC_SET__{name}": value for name, value in (variables or {}).items()}
    return merge_overlays(base, files, settings=flags, environment=environment)


def test_nothing_laid_over_changes_nothing() -> None:
    """The base comes out as it was."""
    result = laid()
    assert result.diagnostics == ()
    assert result.data == kdl(BASE).data


def test_an_overlay_changes_named_things() -> None:
    """Values are replaced, objects merged key by key, lists of objects replaced whole, the rest is kept."""
    result = laid("""
        listeners { listener "public" { address "0.0.0.0:80" "[::]:80" } }
        upstreams { upstream "orders" { target "10.9.9.9:80" } }
        matcher "internal" { client-ip "192.168.0.0/16" }
        defaults { upstream "orders" }
        routes {
            group "v2" {
                route "orders-read" { request-headers { set "x-env" "prod"; add "x-b" "c" } }
            }
            route "rest" { respond { status 503 } }
        }
    """)
    assert result.diagnostics == ()
    data = result.data
    assert data["listeners"][0] == {
        "listener": "public",
        "address": ("0.0.0.0:80", "[::]:80"),
        "protocol": "http",
    }
    assert data["upstreams"][0]["targets"] == ({"target": "10.9.9.9:80"},)
    assert data["upstreams"][1:] == kdl(BASE).data["upstreams"][1:]
    assert data["matchers"][0] == {"matcher": "internal", "client-ip": ("192.168.0.0/16",), "path": ("/x",)}
    assert data["defaults"] == {"priority": "low", "upstream": "orders"}
    route = data["routes"][0]["routes"][0]
    assert route["request-headers"] == {
        "set": ({"name": "x-env", "value": "prod"},),
        "remove": ("a", "b"),
        "add": ({"name": "x-b", "value": "c"},),
    }
    assert route["priority"] == "high"
    assert data["routes"][1]["respond"] == {"status": 503, "body": "no"}


def test_a_route_is_found_at_any_depth() -> None:
    """An overlay need not repeat the groups that a route stands in."""
    result = laid('routes { route "orders-read" { priority 5 } }')
    assert result.data["routes"][0]["routes"][0]["priority"] == 5


def test_an_action_takes_the_place_of_the_action() -> None:
    """A route has one action, so another one replaces it; so do ways to change a path."""
    result = laid(
        'routes { route "orders-read" { respond status=503; rewrite { path "/down" } } }',
        'matcher "internal" { path-prefix "/y" }',
    )
    route = result.data["routes"][0]["routes"][0]
    assert "upstream" not in route
    assert route["rewrite"] == {"path": "/down"}
    assert result.data["matchers"][0] == {
        "matcher": "internal",
        "client-ip": ("10.0.0.0/8",),
        "path-prefix": ("/y",),
    }


def test_later_layers_win() -> None:
    """A flag over a variable, a variable over an overlay, a later overlay over an earlier one."""
    overlays = ('routes { route "rest" { priority 1 } }', 'routes { route "rest" { priority 2 } }')
    assert laid(*overlays).data["routes"][1]["priority"] == 2
    variable = {"ROUTES__REST__PRIORITY": "3"}
    assert laid(*overlays, variables=variable).data["routes"][1]["priority"] == 3
    flags = ("routes.rest.priority=4", "routes.rest.priority=5")
    assert laid(*overlays, flags=flags, variables=variable).data["routes"][1]["priority"] == 5


UNKNOWN = [
    ('listeners { listener "pubilc" { address "a:1" } }', "there is no listener `pubilc`", "`public`?"),
    (
        'upstreams { upstream "zzz" { target "a:1" } }',
        "there is no upstream `zzz`",
        "`orders`, `a-b` and `a.b`",
    ),
    ('routes { route "v2" { priority 1 } }', "there is no route `v2`", "`orders-read` and `rest`"),
    ('routes { group "v3" { priority 1 } }', "there is no group `v3`", "there is `v2`"),
]


@pytest.mark.parametrize(("text", "headline", "advice"), UNKNOWN)
def test_an_overlay_adds_nothing(text: str, headline: str, advice: str) -> None:
    """A name that does not exist is a mistake, with what there is."""
    found = only(laid(text))
    assert found.code == "GWC240"
    assert headline in found.headline
    assert advice in found.help
    assert found.span is not None
    assert found.span.file == "overlay0.kdl"


def test_a_name_that_two_groups_have() -> None:
    """Nothing says which of them is meant."""
    base = kdl(
        'routes { group "g" { route "a" { upstream "u" } }; group "g" { route "b" { upstream "u" } } }'
    )
    found = only(merge_overlays(base, [entries('routes { group "g" { priority 1 } }', "kdl", "o.kdl")]))
    assert found.code == "GWC241"
    assert len(found.secondary) == 2


def test_an_overlay_is_judged_like_any_configuration() -> None:
    """Unknown keys and wrong values are told, and nothing of that overlay is laid over."""
    result = laid('routes { route "rest" { priority 1; prioritty 2 } }')
    assert codes(result) == ["GWC200"]
    assert "priority" not in result.data["routes"][1]


READ = ("routes", 0, "routes", 0)

FLAGS = [
    ("listeners.public.address=127.0.0.1:80", ("listeners", 0, "address"), ("127.0.0.1:80",)),
    ("listeners.public.address=a:1, b:2", ("listeners", 0, "address"), ("a:1", "b:2")),
    ("upstreams.orders.targets=a:1,b:2", ("upstreams", 0, "targets"), ({"target": "a:1"}, {"target": "b:2"})),
    ("upstreams.a.b.targets=a:1", ("upstreams", 2, "targets"), ({"target": "a:1"},)),
    ("routes.orders-read.priority=high", ("routes", 0, "routes", 0, "priority"), "high"),
    ("routes.orders-read.priority=-7", ("routes", 0, "routes", 0, "priority"), -7),
    ("routes.orders-read.rewrite.host=h.example", ("routes", 0, "routes", 0, "rewrite", "host"), "h.example"),
    ("routes.orders-read.matches.path-regex=/a{1\\,2}", (*READ, "matches", 0, "path-regex"), ("/a{1,2}",)),
    ("routes.v2.matches.host=a.b,c.d", ("routes", 0, "matches", 0, "host"), {"name": ("a.b", "c.d")}),
    ("routes.v2.priority=low", ("routes", 0, "priority"), "low"),
    ("routes.rest.respond.status=410", ("routes", 1, "respond", "status"), 410),
    ("routes.rest.respond.body=a, b=c", ("routes", 1, "respond", "body"), "a, b=c"),
    ("routes.rest.redirect.status=301", ("routes", 1, "redirect"), {"status": 301}),
    ("defaults.priority=7", ("defaults", "priority"), 7),
    ("defaults.respond.status=500", ("defaults", "respond"), {"status": 500}),
    ("matchers.internal.stream=true", ("matchers", 0, "stream"), True),
]  # fmt: skip


@pytest.mark.parametrize(("flag", "way", "value"), FLAGS)
def test_a_flag_sets_a_value(flag: str, way: tuple[str | int, ...], value: object) -> None:
    """A path of keys and names, and a value read as the place's type."""
    result = laid(flags=(flag,))
    assert result.diagnostics == ()
    found: object = result.data
    for step in way:
        found = found[step]  # type: ignore[index]  # the way is through records and tuples
    assert found == value


def test_a_setting_makes_what_is_not_there() -> None:
    """Defaults and blocks need not exist to have a key of theirs set."""
    base = kdl('routes { route "r" { upstream "u" } }')
    result = merge_overlays(base, settings=("defaults.priority=low", "routes.r.rewrite.path=/x"))
    assert result.data["defaults"] == {"priority": "low"}
    assert result.data["routes"][0]["rewrite"] == {"path": "/x"}


VARIABLES = [
    ("LISTENERS__PUBLIC__ADDRESS", "a:1", ("listeners", 0, "address"), ("a:1",)),
    ("routes__Orders_Read__priority", "low", ("routes", 0, "routes", 0, "priority"), "low"),
    ("DEFAULTS__PRIORITY", "1", ("defaults", "priority"), 1),
]


@pytest.mark.parametrize(("name", "value", "way", "expected"), VARIABLES)
def test_a_variable_sets_a_value(name: str, value: str, way: tuple[str | int, ...], expected: object) -> None:
    """Case does not matter, and `_` stands for what a variable's name cannot have."""
    result = laid(variables={name: value})
    assert result.diagnostics == ()
    found: object = result.data
    for step in way:
        found = found[step]  # type: ignore[index]  # the way is through records and tuples
    assert found == expected


WRONG = [
    ("listeners.public.address", "GWC242", "is not PATH=VALUE", "--set listeners"),
    ("=x", "GWC242", "is not PATH=VALUE", "--set listeners"),
    ("listners.public.address=a:1", "GWC243", "there is no `listners`", "`listeners`?"),
    ("listeners.pubilc.address=a:1", "GWC243", "there is no `pubilc`", "`public`?"),
    ("listeners.public.adress=a:1", "GWC243", "there is no `adress`", "`address`?"),
    ("listeners.public.address.x=a:1", "GWC243", "nothing below `address`", "take away"),
    ("routes.rest.listener=x", "GWC243", "there is no `listener`", ""),
    ("x=1", "GWC243", "there is no `x`", "`listeners`"),
    (".=1", "GWC243", "leads nowhere", ""),
    ("routes.orders-read.rewrite=/x", "GWC244", "names a block", "`routes.orders-read.rewrite.host`"),
    ("routes.rest.split=a", "GWC244", "names a block", "overlay file"),
    ("routes=a", "GWC244", "names a block", "overlay file"),
    ("routes.rest=a", "GWC244", "`rest` is a block", "overlay file"),
    ("Routes.rest.priority=1", "GWC243", "there is no `Routes`", "`routes`?"),
    ("routes.rest.priority=hihg", "GWC212", "`hihg` is not a value of `priority`", "`high`?"),
    ("routes.rest.respond.status=9", "GWC211", "a whole number from 200 to 599", "200 to 599"),
    ("routes.rest.respond.status=x", "GWC204", "takes a whole number", ""),
    ("listeners.public.address=a", "GWC224", "has no port", "a:8080"),
    ("listeners.public.address=", "GWC224", "empty", ""),
]


@pytest.mark.parametrize(("flag", "code", "headline", "advice"), WRONG)
def test_a_mistake_in_a_flag_names_the_flag(flag: str, code: str, headline: str, advice: str) -> None:
    """There is no text to point at, so the headline says which flag it was."""
    found = only(laid(flags=(flag,)))
    assert found.code == code
    assert found.span is None
    assert f"`--set {flag.partition('=')[0]}" in found.headline
    assert headline in found.headline
    assert advice in found.help


def test_a_variable_that_fits_two_names() -> None:
    """`a-b` and `a.b` are one in the name of a variable."""
    found = only(laid(variables={"UPSTREAMS__A_B__TARGETS": "x:3"}))
    assert found.code == "GWC245"
    assert "the upstream `a-b` and the upstream `a.b`" in found.help


def test_a_variable_that_leads_nowhere_is_told() -> None:
    """The words are those of the variable."""
    found = only(laid(variables={"LISTENERS__PUBILC__ADDRESS": "x:3"}))
    assert found.code == "GWC243"
    assert "`GWC_SET__LISTENERS__PUBILC__ADDRESS`" in found.headline
    assert "`public`?" in found.help


def test_every_value_knows_its_layer() -> None:
    """File and line, variable or flag: who set it last."""
    result = laid(
        'routes { route "orders-read" { priority 5; request-headers { add "x-b" "c" } } }',
        flags=("routes.rest.respond.status=410",),
        variables={"LISTENERS__PUBLIC__ADDRESS": "a:1"},
    )

    def origin(pointer: str) -> Origin:
        return result.provenance(pointer)

    overlaid = origin("/routes/0/routes/0/priority")
    assert (overlaid.layer, overlaid.name) == ("overlay", "overlay0.kdl")
    assert overlaid.span is not None
    assert origin("/routes/0/routes/0/request-headers/add/0/value").layer == "overlay"
    kept = origin("/routes/0/routes/0/request-headers/set/0/value")
    assert (kept.layer, kept.name) == ("file", "gwc.kdl")
    assert cut(BASE, kept.span) == '"dev"'
    assert origin("/listeners/0/address/0") == Origin(
        "environment", None, "GWC_SET__LISTENERS__PUBLIC__ADDRESS"
    )
    assert origin("/routes/1/respond/status") == Origin("flag", None, "--set routes.rest.respond.status")
    assert origin("/routes/1/respond/body").layer == "file"
    assert origin("/upstreams/0/targets/1/weight") == Origin("default", None, "")
    with pytest.raises(KeyError):
        origin("/upstreams/0/nothing")
    for pointer, _ in leaves(result.data):
        assert origin(pointer).layer != "default"


def test_spans_lead_to_the_layer_that_counts() -> None:
    """What later stages say of a value stands where the value does."""
    text = 'routes { route "orders-read" { upstream "nowhere" } }'
    result = laid(text, flags=("routes.rest.respond.status=410",))
    route = result.data["routes"][0]["routes"][0]
    assert span_of(route, "upstream").file == "overlay0.kdl"
    assert cut(text, span_of(route, "upstream")) == '"nowhere"'
    assert cut(BASE, span_of(route, "route")) == '"orders-read"'
    assert span_of(result.data["routes"][1]["respond"], "status").file == "--set routes.rest.respond.status"
