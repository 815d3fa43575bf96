"""Groups, defaults, matchers, expansion and names, on small configurations."""

from __future__ import annotations

from gwc.compiler.parse.kdl import parse
from gwc.compiler.resolve import Resolution, resolve
from gwc.compiler.resolve.headers import inherit
from gwc.compiler.resolve.resolved import HeaderRules, ResolvedConfig
from gwc.compiler.validate import validate
from gwc.schema.predicate import HostPattern, Hosts, Methods, PathPattern, Paths


def _resolve(routes: str, rest: str = "", upstream: str = "u") -> Resolution:
    text = (
        f'{rest}\nupstreams {{ upstream "{upstream}" {{ target "127.0.0.1:1" }} }}\nroutes {{\n{routes}\n}}\n'
    )
    document, problems = parse(text, "gwc.kdl")
    validated = validate([(document, node) for node in document.nodes])
    assert not problems
    assert not validated.diagnostics, validated.diagnostics
    return resolve(validated.data, "gwc.kdl")


def _config(routes: str, rest: str = "") -> ResolvedConfig:
    resolution = _resolve(routes, rest)
    assert resolution.config is not None, resolution.diagnostics
    return resolution.config


def _codes(routes: str, rest: str = "") -> list[str]:
    return [each.code for each in _resolve(routes, rest).diagnostics]


def test_hosts_are_outer_and_paths_inner() -> None:
    """Each pair of a host and a path is an alternative, numbered with the hosts outside."""
    config = _config('route "r" { matches { host "a" "b"; path "/x" "/y" }; upstream "u" }')
    by_id = {each.id: (each.host, each.path) for each in config.alternatives}
    a, b = HostPattern("exact", "a"), HostPattern("exact", "b")
    x, y = PathPattern("exact", "/x"), PathPattern("exact", "/y")
    assert by_id == {"r#1.1": (a, x), "r#1.2": (a, y), "r#1.3": (b, x), "r#1.4": (b, y)}


def test_ranks_are_places_in_the_list() -> None:
    """An alternative's rank is its index, whatever the order in the file."""
    config = _config(
        'route "low" { matches { path-prefix "/" }; upstream "u" }\n'
        'route "high" { matches { path "/a" }; upstream "u" }'
    )
    assert [each.rank for each in config.alternatives] == [0, 1]
    assert [config.routes[each.route].name for each in config.alternatives] == ["high", "low"]


def test_a_groups_host_and_path_become_conditions_of_a_route_with_its_own() -> None:
    """The innermost host and path rank; the group's are further conditions, in written order."""
    config = _config(
        'group "g" { matches { host "*.x"; path-prefix "/v1"; method "GET" }\n'
        '  route "r" { matches { path "/v1/a"; host "b.x" }; upstream "u" } }'
    )
    (only,) = config.alternatives
    assert only.host == HostPattern("exact", "b.x")
    assert only.path == PathPattern("exact", "/v1/a")
    assert only.conditions == (
        Hosts((HostPattern("wildcard", "*.x"),)),
        Paths((PathPattern("prefix", "/v1"),)),
        Methods(("GET",)),
        "path",
        "host",
    )


def test_alternatives_of_group_and_route_multiply() -> None:
    """Two blocks of a group and two of a route make four, numbered by the route's block."""
    config = _config(
        'group "g" { matches { host "a" }; matches { host "b" }\n'
        '  route "r" { matches { path "/x" }; matches { path "/y" }; upstream "u" } }'
    )
    assert sorted(each.id for each in config.alternatives) == ["r#1.1", "r#1.2", "r#2.1", "r#2.2"]


def test_use_stands_where_it_is_written() -> None:
    """A matcher's conditions count as if written in place of `use`."""
    written = _config(
        'route "r" { matches { path "/a"; method "GET"; client-ip "10.0.0.0/8" }; upstream "u" }'
    )
    used = _config(
        'route "r" { matches { path "/a"; use "m" }; upstream "u" }',
        'matcher "m" { method "GET"; client-ip "10.0.0.0/8" }',
    )
    assert used.alternatives[0].conditions == written.alternatives[0].conditions


def test_repeated_conditions_keep_the_written_order() -> None:
    """`header` lines that stand apart are conditions at the places where they stand."""
    config = _config('route "r" { matches { header "a" "1"; method "GET"; header "b" "2" }; upstream "u" }')
    kinds = [type(each).__name__ for each in config.alternatives[0].conditions]
    assert kinds == ["FieldTest", "Methods", "FieldTest"]


def test_settings_are_inherited_and_replaced() -> None:
    """A route has the priority and action of its group unless it says otherwise."""
    config = _config(
        'group "g" { priority "high"; upstream "u"\n'
        '  route "a" { matches { path "/a" } }\n'
        '  route "b" { matches { path "/b" }; priority 7; respond status=404 } }',
        "defaults { priority 3 }",
    )
    found = {route.name: (route.priority, type(route.action).__name__) for route in config.routes}
    assert found == {"a": (100, "ToUpstream"), "b": (7, "Respond")}


def test_header_rules_add_up_by_name() -> None:
    """An outer rule counts unless an inner one acts on the same name, whatever the kind."""
    outer = HeaderRules(set=(("a", "1"), ("b", "1")), remove=("c",))
    inner = HeaderRules(add=(("b", "2"),), set=(("c", "2"),))
    assert inherit(outer, inner) == HeaderRules(set=(("a", "1"), ("c", "2")), add=(("b", "2"),))


def test_inherited_rewrites_mean_nothing_to_a_reply() -> None:
    """A route that answers by itself leaves an inherited rewrite and request headers out."""
    config = _config(
        'group "g" { rewrite path="/x"; request-headers { set "a" "1" }; response-headers { set "b" "1" }\n'
        '  route "a" { respond } }'
    )
    (route,) = config.routes
    assert route.rewrite is None
    assert route.request_headers == HeaderRules()
    assert route.response_headers.set == (("b", "1"),)


def test_without_listeners_there_is_one_on_loopback() -> None:
    """The implicit listener is `default` on 127.0.0.1:8080."""
    (listener,) = _config('route "a" { respond }').listeners
    assert (listener.settings.name, listener.settings.addresses) == ("default", ("127.0.0.1:8080",))


def test_mistakes_in_a_matcher_that_nobody_uses_are_told() -> None:
    """A matcher is judged whether or not it is used."""
    assert _codes('route "a" { respond }', 'matcher "m" { path "/a//b" }') == ["GWC310"]


def test_an_undefined_name_has_a_nearest_one() -> None:
    """The help of an undefined reference names what was meant."""
    (problem,) = _resolve('route "a" { upstream "order" }', "", "orders").diagnostics
    assert (problem.code, problem.help) == ("GWC302", "did you mean `orders`?")


def test_several_mistakes_are_told_in_one_run() -> None:
    """One mistake does not hide another."""
    assert sorted(
        _codes(
            'route "a" { upstream "nope" }\n'
            'route "a" { matches { path "/x/../y" }; respond }\n'
            'route "c" { matches { header "host" "x" }; respond; rewrite path="/y" }'
        )
    ) == ["GWC301", "GWC302", "GWC307", "GWC310", "GWC324"]


def test_a_path_is_judged_by_the_listeners_it_applies_to() -> None:
    """`/a//b` can be produced on a listener that keeps repeated slashes, and only there."""
    listeners = (
        'listeners { listener "keeps" { address "127.0.0.1:1"; path-normalisation "keep-repeated-slashes" }\n'
        'listener "merges" { address "127.0.0.1:2" } }'
    )
    assert _codes('route "a" { matches { path "/a//b" }; respond }', listeners) == []
    assert _codes('route "a" { matches { path "/a//b"; listener "keeps" }; respond }', listeners) == []
    assert _codes('route "a" { matches { path "/a//b"; listener "merges" }; respond }', listeners) == [
        "GWC310"
    ]


def test_captures_must_be_made_by_every_block() -> None:
    """A capture that one block does not make is an error that names the block."""
    assert _codes(
        'route "a" { matches { path-template "/a/{id}" }\n matches { path "/b" }\n'
        ' rewrite template="/x/${path.id}"; upstream "u" }'
    ) == ["GWC326"]
    assert (
        _codes(
            'route "a" { matches { path-template "/a/{id}" }\n matches { path-regex "/b/(?P<id>[0-9]+)" }\n'
            ' rewrite template="/x/${path.id}"; upstream "u" }'
        )
        == []
    )
