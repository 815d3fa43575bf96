"""Rows on the order of alternatives: the nine lines, expansion, and what the Gateway API says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gwc.schema.request import Late

from .build import ADDRESS, DEFAULT, GOOD, Row, ask, config, duel, group, route, route_of, with_header
from .strategies import TLS

# Line -> (better, worse): what a block says to differ on that line and on no other, all true of `NINE_ASKED`.
NINE: Mapping[int, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    1: ({"priority": 1}, {}),
    2: ({"host": "a.test"}, {"host": "*.test"}),
    3: ({"path-regex": ".*"}, {"path-prefix": "/"}),
    4: ({"path-prefix": "/a"}, {"path-prefix": "/"}),
    5: ({"method": "GET"}, {}),
    6: ({"header": "x-a"}, {}),
    7: ({"query": "q"}, {}),
    8: ({"client-ip": "192.0.2.7"}, {}),
    9: ({}, {}),
}
NINE_ASKED = ask("/a/b?q=1", headers=(("x-a", "1"),))


def nine_lines() -> Iterator[Row]:
    """Every pair of lines: what is better on the earlier line wins against what is better on the later."""
    for early in range(1, 9):
        for late in range(early + 1, 10):
            better = {**NINE[late][1], **NINE[early][0]}
            worse = {**NINE[early][1], **NINE[late][0]}
            if (early, late) == (3, 4):
                better, worse = {"path-regex": ".*"}, {"path-prefix": "/a"}
            # The better one stands second, so that line 9 alone would choose the other.
            routes = [route_of("worse", worse), route_of("better", better)]
            yield Row(f"line {early} before line {late}", config(*routes), NINE_ASKED, "better")


def order_rows() -> Iterator[Row]:
    """What each line says in words."""
    yield duel("priority: high is 100", {"priority": "high"}, {"priority": 99, "path": "/a/b"})
    yield duel("priority: above high", {"priority": 101}, {"priority": "high", "path": "/a/b"})
    yield duel("priority: critical is 1000", {"priority": "critical"}, {"priority": 999})
    yield duel("priority: low is -100", {"priority": -99}, {"priority": "low", "path": "/a/b"})
    yield duel("priority: normal is 0", {"priority": 0, "path": "/a/b"}, {"priority": "normal"})
    yield duel("host: exact before wildcard", {"host": "a.test"}, {"host": "*.test"})
    deep = ask("/a/b", host="x.a.test")
    yield duel("host: longer wildcard first", {"host": "*.a.test"}, {"host": "*.test"}, deep)
    yield duel("host: wildcard before regex", {"host": "*.test"}, {"host": {"regex": "a\\.test"}})
    yield duel("host: regex before none", {"host": {"regex": ".*"}}, {})
    yield duel("host: before path", {"host": "*.test"}, {"path": "/a/b"})
    yield duel(
        "host: longer suffix before method", {"host": "*.a.test"}, {"host": "*.test", "method": "GET"}, deep
    )
    yield duel("path: exact before template", {"path": "/a/b"}, {"path-template": "/a/{x}", "method": "GET"})
    yield duel(
        "path: template before regex", {"path-template": "/{x}/{y}"}, {"path-regex": "/a/b", "method": "GET"}
    )
    yield duel("path: regex before prefix", {"path-regex": "/.*"}, {"path-prefix": "/a/b"})
    yield duel(
        "path: regex before template with a rest", {"path-regex": "/.*"}, {"path-template": "/a/{rest...}"}
    )
    yield duel(
        "path: template with a rest ranks as a prefix",
        {"path-prefix": "/a/b"},
        {"path-template": "/a/{rest...}"},
    )
    yield duel(
        "path: template without a rest before the longer prefix",
        {"path-template": "/{x}/{y}"},
        {"path-prefix": "/a/b"},
    )
    yield duel("path: no path ranks as prefix `/`", {"method": "GET"}, {"path-prefix": "/"})
    yield duel("path: prefix `/` is no better than no path", {"path-prefix": "/", "method": "GET"}, {})
    yield duel("literal bytes: longer prefix", {"path-prefix": "/a/b"}, {"path-prefix": "/a"})
    yield duel(
        "literal bytes: a trailing slash of a prefix is none",
        {"path-prefix": "/a", "method": "GET"},
        {"path-prefix": "/a/"},
    )
    yield duel(
        "literal bytes: of a template all but its parameters",
        {"path-template": "/long/{y}"},
        {"path-template": "/{x}/b", "method": "GET"},
        ask("/long/b"),
    )
    yield duel(
        "literal bytes: a parameter's name is none",
        {"path-template": "/a/{y}", "method": "GET"},
        {"path-template": "/a/{a-very-long-name}"},
    )
    yield duel(
        "literal bytes: the slash before a rest is none",
        {"path-prefix": "/a", "method": "GET"},
        {"path-template": "/a/{rest...}"},
    )
    yield duel(
        "literal bytes: the same, the other way round",
        {"path-template": "/a/{rest...}", "method": "GET"},
        {"path-prefix": "/a"},
    )
    yield duel(
        "literal bytes: 0 for a regex",
        {"path-regex": "/.*", "method": "GET"},
        {"path-regex": "/a/b"},
    )
    yield duel("method: with before without", {"method": "GET"}, {"header": ["x-a", "x-b"], "query": "q"})
    yield duel(
        "method: one method is no better than two",
        {"method": ["GET", "POST"], "header": "x-a"},
        {"method": "GET"},
    )
    yield duel("headers: two before one", {"header": ["x-a", "x-b"]}, {"header": "x-a", "query": ["q", "r"]})
    cookie = ask("/a/b?q=1", headers=(("x-a", "1"), ("cookie", "c=1")))
    yield duel(
        "headers: a cookie counts as a header", {"header": "x-a", "cookie": "c"}, {"header": "x-a"}, cookie
    )
    yield duel("headers: cookie before query", {"cookie": "c"}, {"query": "q"}, cookie)
    yield duel("queries: two before one", {"query": ["q", "r"]}, {"query": "q", "client-ip": "192.0.2.7"})
    yield duel(
        "others: two before one", {"client-ip": "192.0.2.7", "scheme": "http"}, {"client-ip": "192.0.2.7"}
    )
    yield duel("others: a `not` counts", {"not": {"method": "POST"}}, {})
    yield duel(
        "others: a `not` of two predicates counts once",
        {"not": {"method": "POST"}, "scheme": "http"},
        {"not": {"method": "POST", "header": "x-z"}},
    )
    yield duel(
        "others: two `not` count twice",
        {"not": [{"method": "POST"}, {"header": "x-z"}]},
        {"not": {"method": "POST", "header": "x-z", "query": "z"}},
    )
    yield duel(
        "others: a method in a `not` is no method predicate", {"header": "x-a"}, {"not": {"method": "POST"}}
    )
    yield duel(
        "others: a header in a `not` is no header predicate", {"query": "q"}, {"not": {"header": "x-z"}}
    )
    yield duel("others: `sample` counts", {"sample": "100%"}, {})
    yield duel("others: `scheme` counts", {"scheme": "http"}, {})
    late = ask("/a/b", late=Late("m", True, True))
    for key, value in {"model": "m", "stream": True, "tools": True}.items():
        yield duel(f"others: `{key}` counts", {key: value}, {}, late)
    yield Row(
        "others: `sni` counts",
        config(
            route_of("bad", {}),
            route_of(GOOD, {"sni": "a.test"}),
            listeners=[{"listener": "s", "address": ADDRESS, "protocol": "https", "tls": TLS}],
        ),
        ask(tls=True, sni="a.test"),
        GOOD,
    )
    yield Row(
        "others: `listener` never counts",
        config(route_of(GOOD, {"path-prefix": "/"}), route_of("bad", {"listener": "default"}), **DEFAULT),
        ask(),
        GOOD,
    )
    yield Row("position: the first of two equals", config(route(GOOD), route("bad")), ask(), GOOD)
    two = config(route("r", {"header": "x-a"}, {"header": "x-b"}))
    both = ask(headers=(("x-a", "1"), ("x-b", "1")))
    yield Row("position: the first of two equal blocks", two, both, "r#1")
    yield Row("position: the block that holds", two, ask(headers=(("x-b", "1"),)), "r#2")
    yield Row(
        "position: a block's rank is its own, not its route's",
        config(route("bad", {"path-prefix": "/"}, {"path": "/other"}), route(GOOD, {"path-prefix": "/a"})),
        ask(),
        GOOD,
    )


def expansion_rows() -> Iterator[Row]:
    """Expansion and inheritance."""
    yield Row(
        "groups: an inherited host must hold",
        config(group("g", [route("r", {"path": "/a"})], matches={"host": "b.test"})),
        ask(),
        None,
    )
    yield Row(
        "groups: an inherited host ranks where the route has none",
        config(
            route("bad", {"host": "*.test", "path": "/a"}),
            group("g", [route(GOOD, {"path-prefix": "/"})], matches={"host": "a.test"}),
        ),
        ask(),
        GOOD,
    )
    yield Row(
        "groups: the innermost host ranks",
        config(
            route(GOOD, {"host": "a.test"}),
            group("g", [route("bad", {"host": "*.test"})], matches={"host": "a.test"}),
        ),
        ask(),
        GOOD,
    )
    yield Row(
        "groups: an outer host is a further condition",
        config(group("g", [route("r", {"host": "*.test"})], matches={"host": "b.test"})),
        ask(),
        None,
    )
    yield Row(
        "groups: an outer host counts on line 8",
        config(
            route("bad", {"host": "a.test"}),
            group("g", [route(GOOD, {"host": "a.test"})], matches={"host": "*.test"}),
        ),
        ask(),
        GOOD,
    )
    yield Row(
        "groups: an outer path counts on line 8",
        config(
            route("bad", {"path-prefix": "/a"}),
            group("g", [route(GOOD, {"path-prefix": "/a"})], matches={"path-prefix": "/"}),
        ),
        ask(),
        GOOD,
    )
    yield Row(
        "groups: the only host counts on line 2, not on line 8",
        config(
            route("bad", {"host": "a.test", "path-prefix": "/"}),
            group("g", [route("worse", {"path-prefix": "/"})], matches={"host": "a.test"}),
        ),
        ask(),
        "bad",
    )
    yield Row(
        "groups: prefixes are not concatenated",
        config(group("g", [route("r", {"path-prefix": "/b"})], matches={"path-prefix": "/a"})),
        ask("/a/b"),
        None,
    )
    yield Row(
        "groups: an outer path is a further condition",
        config(group("g", [route("r", {"path-prefix": "/a/b"})], matches={"path-prefix": "/a"})),
        ask("/a/b/c"),
        "r",
    )
    yield Row(
        "groups: an outer prefix ends where a segment does",
        config(group("g", [route("r", {"path-prefix": "/"})], matches={"path-prefix": "/a"})),
        ask("/ab"),
        None,
    )
    yield Row(
        "groups: what a `not` says of a prefix ends where a segment does",
        config(route("r", {"not": {"path-prefix": "/a"}})),
        ask("/ab"),
        "r",
    )
    yield Row(
        "groups: inherited predicates count like own ones",
        config(
            route("bad", {"header": "x-a"}),
            group("g", [route(GOOD, {"header": "x-a"})], matches={"header": "x-b"}),
        ),
        ask(headers=(("x-a", "1"), ("x-b", "1"))),
        GOOD,
    )
    yield Row(
        "groups: a route without blocks takes what its group leaves",
        config(group("g", [route("r")], matches={"path-prefix": "/a"})),
        ask("/b"),
        None,
    )
    yield Row(
        "groups: any of a group's blocks",
        config(group("g", [route("r")], matches=[{"path": "/a"}, {"path": "/b"}])),
        ask("/b"),
        "r",
    )
    yield Row(
        "groups: nested twice, all hold",
        config(
            group(
                "o",
                [group("i", [route("r", {"method": "GET"})], matches={"path-prefix": "/a"})],
                matches={"host": "a.test"},
            )
        ),
        ask("/a/x"),
        "r",
    )
    yield Row(
        "groups: nested twice, the outermost fails",
        config(
            group(
                "o",
                [group("i", [route("r", {"method": "GET"})], matches={"path-prefix": "/a"})],
                matches={"host": "b.test"},
            )
        ),
        ask("/a/x"),
        None,
    )
    yield Row(
        "groups: priority is inherited",
        config(route("bad", {"path": "/a"}), group("g", [route(GOOD)], priority="high")),
        ask(),
        GOOD,
    )
    yield Row(
        "groups: the inner priority counts",
        config(route(GOOD, {"path": "/a"}), group("g", [route("bad", priority="low")], priority="high")),
        ask(),
        GOOD,
    )
    yield Row(
        "defaults: priority",
        config(route("bad", {"path": "/a"}, priority=5), route(GOOD), defaults={"priority": 6}),
        ask(),
        GOOD,
    )
    yield Row(
        "expansion: each host has a rank of its own",
        config(
            route("both", {"host": ["a.test", "*.test"]}),
            route("middle", {"host": "*.a.test"}),
        ),
        ask(host="x.a.test"),
        "middle",
    )
    yield Row(
        "expansion: each path has a rank of its own",
        config(
            route("both", {"path-prefix": ["/", "/a/b/c"]}),
            route("middle", {"path-prefix": "/a"}),
        ),
        ask("/a/b"),
        "middle",
    )
    yield Row(
        "expansion: every host goes with every path",
        config(route("r", {"host": ["a.test", "b.test"], "path": ["/a", "/b"]})),
        ask("/b", host="b.test"),
        "r",
    )
    hosts_outer = config(
        route("r", {"host": {"regex": ["a.*", ".*t"]}, "path-template": ["/{one}/b", "/a/{two}"]})
    )
    yield Row("expansion: the first path of the first host", hosts_outer, ask("/a/b"), "r#1", {"one": "a"})
    yield Row("expansion: the path that holds", hosts_outer, ask("/a/c"), "r#1", {"two": "c"})
    used = {"matchers": [{"matcher": "m", "header": "x-a", "query": "q"}]}
    yield Row(
        "use: counts as if written in place",
        config(route("bad", {"header": "x-a"}), route(GOOD, {"use": "m"}), **used),
        ask("/a?q", headers=(("x-a", "1"),)),
        GOOD,
    )
    yield Row(
        "use: must hold",
        config(route("r", {"use": "m"}), **used),
        ask("/a?q"),
        None,
    )
    yield Row(
        "use: in a `not` counts once and is negated as a whole",
        config(route("r", {"not": {"use": "m"}}), **used),
        ask("/a?q"),
        "r",
    )
    yield Row(
        "use: a matcher's host ranks",
        config(
            route("bad", {"host": "*.test"}),
            route(GOOD, {"use": "h"}),
            matchers=[{"matcher": "h", "host": "a.test"}],
        ),
        ask(),
        GOOD,
    )
    yield Row(
        "use: a matcher may use another",
        config(
            route("r", {"use": "o"}),
            matchers=[{"matcher": "o", "use": "i"}, {"matcher": "i", "method": "POST"}],
        ),
        ask(),
        None,
    )


def peer_rows() -> Iterator[Row]:
    """The precedence of the Gateway API where it speaks, and six semantics that its suite leaves open."""
    deep = ask("/foo/bar", host="x.a.test")
    yield duel(
        "gateway api: the longest non-wildcard host",
        {"host": "x.a.test", "path-prefix": "/"},
        {"host": "*.a.test", "path": "/foo/bar"},
        deep,
    )
    yield duel(
        "gateway api: then the longest host",
        {"host": "*.a.test", "path-prefix": "/"},
        {"host": "*.test", "path": "/foo/bar"},
        deep,
    )
    yield duel(
        "gateway api: exact path", {"path": "/foo/bar"}, {"path-prefix": "/foo/bar", "method": "GET"}, deep
    )
    yield duel(
        "gateway api: the longest prefix",
        {"path-prefix": "/foo/bar"},
        {"path-prefix": "/foo", "method": "GET"},
        deep,
    )
    yield duel("gateway api: a method", {"method": "GET"}, {"header": ["x-a", "x-b"], "query": ["q", "r"]})
    yield duel(
        "gateway api: most headers", {"header": ["x-a", "x-b"]}, {"header": "x-a", "query": ["q", "r"]}
    )
    yield duel("gateway api: most queries", {"query": ["q", "r"]}, {"query": "q"})
    yield Row(
        "gateway api: the first in list order",
        config(route(GOOD, {"path-prefix": "/a"}), route("bad", {"path-prefix": "/a"})),
        ask(),
        GOOD,
    )
    yield duel("unpinned: host precedence across routes", {"host": "x.a.test"}, {"host": "*.a.test"}, deep)
    yield duel("unpinned: host precedence before path", {"host": "*.a.test"}, {"path": "/foo/bar"}, deep)
    header, query = {"name": "x-v", "value": "Blue"}, {"name": "Animal", "value": "Whale"}
    yield Row(
        "unpinned: a header's value is case-sensitive",
        config(route("r", {"header": header})),
        with_header("blue"),
        None,
    )
    yield Row(
        "unpinned: a query's name is case-sensitive",
        config(route("r", {"query": query})),
        ask("/a?animal=Whale"),
        None,
    )
    yield Row(
        "unpinned: a query's value is case-sensitive",
        config(route("r", {"query": query})),
        ask("/a?Animal=whale"),
        None,
    )
    yield Row(
        "unpinned: the first value of a repeated query",
        config(
            route("bad", {"query": {"name": "q", "value": "last"}}),
            route(GOOD, {"query": {"name": "q", "value": "first"}}),
        ),
        ask("/a?q=first&q=last"),
        GOOD,
    )
