"""KDL nodes: the data they become, and what is said of those that cannot."""

from __future__ import annotations

import pytest

from .reading import codes, cut, kdl, only

WHOLE = """
listeners { listener "public" { address "0.0.0.0:8080" } }
upstreams { upstream "orders" { target "10.0.0.1:8080" weight=3; target "10.0.0.2:8080" } }
matcher "internal" { client-ip "10.0.0.0/8" }
defaults { response-headers { remove "server" } }
routes {
    group "v2" {
        matches { host "api.example.com" "*.example.net" }
        request-headers { set "x-env" "prod" }
        route "orders-read" {
            matches {
                path-prefix "/orders"
                method "GET" "HEAD"
                header "x-version" "2"
                header "x-debug"
                not { query "raw" present=#true }
            }
            matches { path "/o"; use "internal"; use "a" "b" }
            priority "high"
            split {
                upstream "orders" weight=90
                upstream "orders-next" weight=10 { request-headers { set "x-canary" "1" } }
            }
            rewrite { prefix "/v2" }
        }
    }
    route "old" { matches { path-prefix "/old" }; redirect prefix="/new" status=301 }
}
routes {
    route "rest" { respond status=404 { body "no\\n"; header "retry-after" "60" } }
}
"""

DATA = {
    "listeners": ({"listener": "public", "address": ("0.0.0.0:8080",)},),
    "upstreams": (
        {
            "upstream": "orders",
            "targets": ({"target": "10.0.0.1:8080", "weight": 3}, {"target": "10.0.0.2:8080"}),
        },
    ),
    "matchers": ({"matcher": "internal", "client-ip": ("10.0.0.0/8",)},),
    "defaults": {"response-headers": {"remove": ("server",)}},
    "routes": (
        {
            "group": "v2",
            "matches": ({"host": {"name": ("api.example.com", "*.example.net")}},),
            "request-headers": {"set": ({"name": "x-env", "value": "prod"},)},
            "routes": (
                {
                    "route": "orders-read",
                    "matches": (
                        {
                            "path-prefix": ("/orders",),
                            "method": ("GET", "HEAD"),
                            "header": ({"name": "x-version", "value": ("2",)}, {"name": "x-debug"}),
                            "not": ({"query": ({"name": "raw", "present": True},)},),
                        },
                        {"path": ("/o",), "use": ("internal", "a", "b")},
                    ),
                    "priority": "high",
                    "split": (
                        {"upstream": "orders", "weight": 90},
                        {
                            "upstream": "orders-next",
                            "weight": 10,
                            "request-headers": {"set": ({"name": "x-canary", "value": "1"},)},
                        },
                    ),
                    "rewrite": {"prefix": "/v2"},
                },
            ),
        },
        {
            "route": "old",
            "matches": ({"path-prefix": ("/old",)},),
            "redirect": {"prefix": "/new", "status": 301},
        },
        {
            "route": "rest",
            "respond": {
                "status": 404,
                "body": "no\n",
                "headers": ({"header": "retry-after", "value": "60"},),
            },
        },
    ),
}


def test_a_configuration_becomes_plain_data() -> None:
    """Arguments, properties and children fill their keys; lists are tuples; blocks of one name add up."""
    validated = kdl(WHOLE)
    assert validated.diagnostics == ()
    assert validated.data == DATA


def test_keys_stand_in_written_order() -> None:
    """What depends on the order of conditions can rely on it."""
    validated = kdl('matcher "m" { path "/a"; use "x"; host "h"; method "GET"; use "y" }')
    assert list(validated.data["matchers"][0]) == ["matcher", "path", "use", "host", "method"]


def test_lines_of_equal_text_are_judged_where_they_stand() -> None:
    """What was read of a line once does not leak into an object that takes other keys."""
    text = 'matcher "m" { header "x" }\nroutes { route "r" { respond { header "x" } } }'
    assert only(kdl(text)).code == "GWC208"
    text = 'routes { route "r" { upstream "u" }; route "s" { upstream "u" { weight 1 } } }'
    assert only(kdl(text)).code == "GWC204"


MISTAKES = [
    # (what stands in a route, code, the place, words of the headline, words of the help)
    ('matches { hosts "a.com" }', "GWC200", "hosts", "`hosts` is not a key of `matches`", "`host`?"),
    ('matches { xyzzy "a" }', "GWC200", "xyzzy", "`xyzzy` is not a key of `matches`", "docs/reference.md"),
    ("redirect colour=1", "GWC200", "colour", "`colour` is not a key of `redirect`", "`scheme`, `host`"),
    ('priority "high" x=1', "GWC200", "x", "`x` is not a key of `priority`", "no properties"),
    ('path "/x"', "GWC201", "path", "`path` has no effect in `route`", "`matches`, `redirect` or `rewrite`"),
    ("weight 3", "GWC201", "weight", "`weight` has no effect in `route`", "`upstream` (in `split`)"),
    ('include "x.kdl"', "GWC202", "include", "`include` stands below the top level", "top level"),
    ('target "a:1"', "GWC203", "target", "`target` does not belong in `route`", "`upstream`"),
    ('split { target "a:1" }', "GWC203", "target", "`target` stands in `split`", "`upstream`"),
    (
        'split { request-headers { remove "a" } }',
        "GWC203",
        "request-headers",
        "stands in `split`",
        "belongs in",
    ),
    ('priority "5"', "GWC204", '"5"', "takes `low`, `normal`, `high`, `critical` or a whole number", "`5`"),
    ("upstream 3", "GWC204", "3", "`upstream` takes text, found the number `3`", 'text: `"3"`'),
    ("matches { sample 5 }", "GWC204", "5", "`sample` takes text, found the number `5`", '`"5%"`'),
    ('matches { stream "true" }', "GWC204", '"true"', "takes `#true` or `#false`", "`#true`, without quotes"),
    ('upstream "a" { weight 3 }', "GWC204", "upstream", "takes text and no block", 'upstream "orders"'),
    ("upstream { }", "GWC204", "upstream", "takes text, found a block", 'upstream "orders"'),
    ('upstream "a" "b"', "GWC207", '"b"', "`upstream` takes 1 argument, found 2", "one value"),
    ("respond 404", "GWC207", "404", "`respond` takes no arguments, found 1", "`respond status=404`?"),
    ('redirect "/new"', "GWC207", '"/new"', "`redirect` takes no arguments", '`redirect path="/new"`?'),
    ('split "a" { upstream "u" }', "GWC207", '"a"', "`split` takes no arguments", 'upstream "a"'),
    ('request-headers { rename "a" "b" "c" }', "GWC207", '"c"', "takes 2 arguments, found 3", ""),
    ('split { upstream upstream="u" }', "GWC207", "upstream", "named by its argument", 'upstream "u"'),
    ("upstream", "GWC208", "upstream", "`upstream` has no value", 'upstream "orders"'),
    ("matches { header }", "GWC208", "header", "`header` has no name", 'header "x-version"'),
    ('request-headers { set "a" }', "GWC208", "set", "`set` has no value", 'set "a" "prod"'),
    ("matches { method }", "GWC208", "method", "`method` has no value", 'method "GET" "HEAD"'),
    ('upstream "a" priority "high"', "GWC209", "priority", "on the line of `upstream`", 'priority "high"'),
    (
        'matches { host "a.com" method "GET" }',
        "GWC209",
        "method",
        "on the line of `host`",
        '\n    method "GET"',
    ),
    (
        'matches { host "a.com" method="GET" }',
        "GWC209",
        "method",
        "on the line of `host`",
        '\n    method "GET"',
    ),
    ('matches { header "x" "1" host "b" }', "GWC209", "host", "on the line of `header`", '\n    host "b"'),
    ('redirect path="/" priority="low"', "GWC209", "priority", "of `redirect`", '\n    priority "low"'),
    ('upstream "a" service "b"', "GWC209", "service", "on the line of `upstream`", '\n    service "b"'),
    ("respond status 404", "GWC209", "status", "on the line of `respond`", "`respond { status 404 }`"),
    ("respond status=200 { status 404 }", "GWC210", "status", "`status` is given in two ways", "keep one"),
    ('matches { header "x" "1" value="2" }', "GWC210", "value", "`value` is given in two ways", "keep one"),
    ('matches { header "x" { name "y" } }', "GWC210", "name", "`name` is given in two ways", "keep one"),
    ("respond status=199", "GWC211", "199", "a whole number from 200 to 599, found `199`", "200 to 599"),
    ("redirect port=65536", "GWC211", "65536", "a whole number from 1 to 65535", "1 to 65535"),
    ('priority "hihg"', "GWC212", '"hihg"', "`hihg` is not a value of `priority`", "`high`?"),
    ("redirect status=300", "GWC212", "300", "`300` is not a value of `status`", "`301`"),
    ('matches { header "x" prefix="" }', "GWC213", '""', "at least 1 character", "leave `prefix` out"),
    ("matches { }", "GWC214", "matches", "`matches` is empty", "`host`"),
    ("matches", "GWC214", "matches", "`matches` is empty", "`host`"),
    ('matches { not { }; method "A" }', "GWC214", "not", "`not` is empty", "`host`"),
    ("split { }", "GWC214", "split", "`split` is empty", "`upstream`"),
    ("request-headers { }", "GWC214", "request-headers", "is empty", "`rename`"),
    ("respond status=(u16)200", "GWC215", "(u16)200", "the type annotation `(u16)`", "take it away"),
    ('(x)upstream "a"', "GWC215", "(x)upstream", "the type annotation `(x)`", "take it away"),
    ("(x)respond", "GWC215", "(x)respond", "the type annotation `(x)`", "take it away"),
    ("upstream #null", "GWC216", "#null", "`upstream` has no value", "leave it out"),
    ('respond { headers { header "a" "b" } }', "GWC217", "headers", "how YAML writes", "`header` nodes"),
    ('matches { header "x" min=#nan }', "GWC221", "#nan", "a finite number", "a whole number"),
    ("respond status=404.0", "GWC222", "404.0", "a whole number, found `404.0`", "`404`"),
    ("priority 1e3", "GWC222", "1e3", "found `1E+3`", "`1000`"),
]


@pytest.mark.parametrize(("inside", "code", "place", "headline", "advice"), MISTAKES)
def test_a_mistake_in_a_route(inside: str, code: str, place: str, headline: str, advice: str) -> None:
    """One mistake is told once, at its smallest place, with what to do."""
    text = f'routes {{\n    route "r" {{\n        {inside}\n    }}\n}}'
    found = only(kdl(text))
    assert found.code == code
    assert cut(text, found.span) == place
    assert headline in found.headline
    assert advice in found.help


TOP = [
    ('rotues { route "r" }', "GWC200", "there is no `rotues` at the top level", "`routes`?"),
    ('route "r"', "GWC203", "`route` stands outside `routes`", "`routes { … }`"),
    (
        'listener "r" { address "a:1" }',
        "GWC203",
        "`listener` stands outside `listeners`",
        "`listeners { … }`",
    ),
    ('upstream "r" { target "a:1" }', "GWC203", "`upstream` stands outside `upstreams`", "`upstreams { … }`"),
    ('matchers { matcher "m" { use "a" } }', "GWC217", "`matchers` is how YAML writes", "at the top level"),
    ('listeners { route "r" }', "GWC203", "`route` stands in `listeners`", "`routes { … }`"),
    ('listeners { lisetner "r" }', "GWC203", "`lisetner` stands in `listeners`", "`listener`?"),
    ('listeners "r" { listener "a" { address "a:1" } }', "GWC207", "takes no arguments", 'listener "r"'),
    ('listeners x=1 { listener "a" { address "a:1" } }', "GWC200", "`x` is not a key", "no properties"),
    ('listeners { listener "a" }', "GWC205", "listener `a` has no `address`", "address"),
    ('listeners { listener { address "a:1" } }', "GWC208", "`listener` has no name", 'listener "public"'),
    ('upstreams { upstream "a" }', "GWC205", "upstream `a` has no `target`", "target"),
    ('routes { group "g" }', "GWC205", "group `g` has no `route`", "route"),
    ('matcher "m"', "GWC214", "`matcher` says nothing", "`host`"),
    ("defaults { }", "GWC214", "`defaults` is empty", "`priority`"),
    ("routes", "GWC214", "`routes` is empty", "`route` or `group`"),
    (
        'upstreams { upstream "a" { targets { target "a:1" } } }',
        "GWC217",
        "how YAML writes",
        "`target` nodes",
    ),
    ("defaults { matches }", "GWC201", "`matches` has no effect in `defaults`", "`route` or `group`"),
    (
        'listeners { listener "a" { address "a:1" namespace "y" } }',
        "GWC209",
        "of `address`",
        '\n    namespace "y"',
    ),
    (
        'listeners { listener "a" address "a:1" protocol "https" }',
        "GWC209",
        "of `listener`",
        'address "a:1"; protocol',
    ),
]


@pytest.mark.parametrize(("text", "code", "headline", "advice"), TOP)
def test_a_mistake_at_the_top(text: str, code: str, headline: str, advice: str) -> None:
    """Lists, names and required keys are asked for in words."""
    found = only(kdl(text))
    assert found.code == code
    assert headline in found.headline
    assert advice in found.help


def test_a_key_that_stands_twice_shows_both_places() -> None:
    """The second is the mistake, the first stands beside it."""
    text = 'routes { route "r" { priority "low"; upstream "u"; priority "high" } }'
    found = only(kdl(text))
    assert found.code == "GWC206"
    assert found.span is not None
    assert found.span.start == text.rindex("priority")
    assert [label.span.start for label in found.secondary] == [text.index("priority")]


def test_defaults_stand_once() -> None:
    """Named lists add up over files, defaults do not."""
    text = 'defaults { priority "low" }\ndefaults { upstream "u" }'
    found = only(kdl(text))
    assert found.code == "GWC206"
    assert len(found.secondary) == 1


def test_a_property_that_stands_twice() -> None:
    """KDL lets the last one win; here it is a mistake."""
    text = 'upstreams { upstream "u" { target "a:1" weight=1 weight=2 } }'
    found = only(kdl(text))
    assert found.code == "GWC206"
    assert cut(text, found.secondary[0].span) == "weight"


def test_all_mistakes_are_told_in_one_run() -> None:
    """Reading goes on behind a mistake, and no mistake is told twice."""
    text = """
    listeners { listener "a" { adress "x:1" }; listener "b" { address "nope"; protocol "htps" } }
    routes {
        route "r" { matches { methods "GET"; path "x" }; upstream "u"; upstream "v" }
        rout "s" { }
    }
    """
    assert codes(kdl(text)) == [
        "GWC200", "GWC224", "GWC212", "GWC200", "GWC227", "GWC206", "GWC203",
    ]  # fmt: skip


def test_bare_words_are_values() -> None:
    """Values need no quotes, and a list of bare words is not taken for lines that ran together."""
    validated = kdl("matcher m { method GET HEAD; host a.com b.com; header x-a b c }")
    assert validated.diagnostics == ()
    assert validated.data["matchers"][0]["header"] == ({"name": "x-a", "value": ("b", "c")},)


def test_a_word_in_quotes_is_a_value_even_if_it_is_a_key() -> None:
    """Quotes tell that a value is meant."""
    validated = kdl('matcher "m" { use "a" "host"; header "x" "1" "method" }')
    assert validated.diagnostics == ()


def test_every_key_can_be_a_node_or_a_property() -> None:
    """Arguments are a short way to write keys."""
    short = kdl('matcher "m" { header "x" "2" ignore-case=#true; host "a" regex="b" }')
    long = kdl(
        'matcher "m" { header { name "x"; value "2"; ignore-case #true }; host { name "a"; regex "b" } }'
    )
    assert short.diagnostics == long.diagnostics == ()
    assert short.data == long.data


def test_a_partial_configuration_needs_only_names() -> None:
    """An overlay says what it changes and nothing else."""
    from .reading import read

    text = 'listeners { listener "a" { protocol "https" } }\nmatcher "m"\nroutes { group "g"; route "r" }'
    assert read(text, partial=True).diagnostics == ()
    assert codes(read("listeners { listener { } }", partial=True)) == ["GWC208"]
