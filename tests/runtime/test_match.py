"""Which alternative takes a request: the walk through hosts, paths and leaves."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from gwc.compiler.lower import shapes
from gwc.runtime.match import NO_MATCH, Match, NeedsBody, NoMatch, match
from gwc.schema.predicate import Flag, HostPattern, Hosts, Listeners, Methods, Models, Not
from gwc.schema.request import Late, RequestHead
from gwc.schema.table import RouteTable

from ..tables import block, head, header, route, settings, table


@pytest.fixture(autouse=True, params=["shapes", "trie"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test runs with tables that look prefixes and templates up by shape, and with tries."""
    if request.param == "trie":
        monkeypatch.setattr(shapes, "MOST_SHAPES", 0)


def winner(of: RouteTable, request: RequestHead) -> str | None:
    """The name of the route that takes a request."""
    found = match(of, request)
    assert not isinstance(found, NeedsBody)
    return None if isinstance(found, NoMatch) else of.routes[found.route].name


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a.test", "exact"),
        ("x.a.test", "below"),
        ("y.x.a.test", "far below"),
        ("z.y.x.a.test", "far below"),
        ("shop-12.test", "regex"),
        ("shop-x.test", "any"),
        ("", "any"),
        ("test", "any"),
    ],
)
def test_host_kinds(host: str, expected: str) -> None:
    """An exact host goes before a longer wildcard, a shorter one, a regular expression and any host."""
    made = table(
        route("any", block(None, "/")),
        route("below", block("*.a.test", "/")),
        route("far below", block("*.x.a.test", "/")),
        route("exact", block("a.test", "/")),
        route("regex", block("~shop-[0-9]+\\.test", "/")),
    )
    assert winner(made, head(host=host)) == expected


def test_no_host() -> None:
    """A request without a host (HTTP/1.0) is for routes that ask for none, whatever a pattern could match."""
    made = table(
        route("regex", block("~.*", "/")),
        route("not", block(None, "/", Not((Hosts((HostPattern("regex", ".*"),)),)))),
    )
    assert winner(made, head(host="")) == "not"
    assert winner(made, head(host="a.test")) == "regex"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/users/me", "exact"),
        ("/users/7", "template"),
        ("/users/7/files", "rest"),
        ("/users/7/files/", "rest"),
        ("/users/7/files/a/b", "rest"),
        ("/users/", "prefix"),
        ("/users", "prefix"),
        ("/users/7/other", "prefix"),
        ("/usersx", "all"),
        ("/v1/x", "regex"),
        ("/v12/x", "regex"),
        ("/v/x", "all"),
        ("/", "all"),
    ],
)
def test_path_kinds(path: str, expected: str) -> None:
    """Each kind of path takes what it should, and the more exact kind goes first."""
    made = table(
        route("all", block(None, "/")),
        route("prefix", block(None, "/users/")),
        route("template", block(None, "/users/{id}")),
        route("rest", block(None, "/users/{id}/files/{rest...}")),
        route("exact", block(None, "=/users/me")),
        route("regex", block(None, "~/v[0-9]+/.*")),
    )
    assert winner(made, head(path)) == expected


def test_backtracks_out_of_a_literal_segment() -> None:
    """A literal segment that leads nowhere does not hide what a parameter in its place leads to."""
    made = table(
        route("literal", block(None, "/a/b/c")),
        route("first", block(None, "/a/{x}/d")),
        route("second", block(None, "/{x}/b/{y}/e")),
    )
    assert winner(made, head("/a/b/c")) == "literal"
    assert winner(made, head("/a/b/d")) == "first"
    assert winner(made, head("/a/b/c/e")) == "second"
    assert winner(made, head("/a/b/z/e")) == "second"


def test_literal_bytes_decide_across_branches() -> None:
    """Of two templates that hold, the one with more literal bytes wins, wherever its parameters stand."""
    made = table(
        route("short", block(None, "/ab/{y}")),
        route("long", block(None, "/{x}/abcdef")),
    )
    assert winner(made, head("/ab/abcdef")) == "long"


def test_a_long_chain_is_walked_in_steps() -> None:
    """Patterns of many segments, some inside others, are all found."""
    deep = [f"/{'/'.join('abcdefghij'[:size])}" for size in range(1, 11)]
    kept = [deep[0], deep[4], deep[9]]
    made = table(*(route(path, block(None, path)) for path in kept))
    for path in deep:
        expected = max((each for each in kept if path.startswith(each)), key=len)
        assert winner(made, head(path)) == expected
        assert winner(made, head(path + "/zz")) == expected
        assert winner(made, head(path + "z")) in (*kept, None)


def test_steps_of_several_lengths() -> None:
    """One node has children one, two and five segments away."""
    made = table(
        route("one", block(None, "/x")),
        route("two", block(None, "/y/z")),
        route("five", block(None, "/p/q/r/s/t")),
        route("parameter", block(None, "/p/q/{x}")),
    )
    assert winner(made, head("/x/1")) == "one"
    assert winner(made, head("/y/z")) == "two"
    assert winner(made, head("/y")) is None
    assert winner(made, head("/p/q/r/s/t/u")) == "five"
    assert winner(made, head("/p/q/r")) == "parameter"
    assert winner(made, head("/p/q/r/s")) is None


def test_empty_segments() -> None:
    """Where repeated slashes are kept, an empty segment is a segment, but never a parameter's value."""
    made = table(
        route("empty", block(None, "/a//b")),
        route("parameter", block(None, "/c/{x}/d")),
        route("slash", block(None, "/e/{x}/")),
    )
    assert winner(made, head("/a//b/c")) == "empty"
    assert winner(made, head("/a/b")) is None
    assert winner(made, head("/c//d")) is None
    assert winner(made, head("/e/1/")) == "slash"
    assert winner(made, head("/e/1")) is None


def test_priority_goes_over_host_and_path() -> None:
    """A route of higher priority wins from the least exact place there is."""
    made = table(
        route("exact", block("a.test", "=/x/y")),
        route("urgent", block(None, "/"), priority=100),
        route("regex", block("~.*", "~/x.*"), priority=200),
    )
    assert winner(made, head("/x/y")) == "regex"
    assert winner(made, head("/q")) == "urgent"


def test_the_next_candidate_takes_what_the_first_leaves() -> None:
    """A candidate whose predicates fail leaves the request to the next best, in whatever layer that is."""
    made = table(
        route("post", block("a.test", "=/x", Methods(("POST",)))),
        route("debug", block("a.test", "=/x", header("x-debug", "1"))),
        route("wild", block("*.test", "/x")),
    )
    assert winner(made, head("/x", method="POST")) == "post"
    assert winner(made, head("/x", headers={"x-debug": "1"})) == "debug"
    assert winner(made, head("/x", headers={"x-debug": "2"})) == "wild"
    assert winner(made, head("/x")) == "wild"


def test_listeners_have_their_own_routes() -> None:
    """A route of one listener does not exist for the other; one without is for both."""
    made = table(
        route("inner", block(None, "/x", Listeners(("private",)))),
        route("both", block(None, "/")),
        listeners=(settings("public", "0.0.0.0:80"), settings("private", "10.0.0.1:80")),
    )
    assert winner(made, head("/x", listener="private")) == "inner"
    assert winner(made, head("/x", listener="public")) == "both"
    assert match(made, head("/x", listener="unheard of")) is NO_MATCH


def test_nothing_holds() -> None:
    """Without a route that holds there is no match."""
    assert match(table(route("a", block("a.test", "/x"))), head("/y")) is NO_MATCH


def test_match_says_what_won() -> None:
    """A match carries rank, route, block and id."""
    made = table(route("first", block(None, "=/q")), route("second", block(None, "/r"), block(None, "/s")))
    found = match(made, head("/s/t"))
    assert isinstance(found, Match)
    assert (found.route, found.match, found.id, dict(found.captures)) == (1, 2, "second#2.1", {})
    assert made.alternatives[found.rank].id == found.id
    assert match(made, head("/s")) is found


@pytest.mark.parametrize(
    ("pattern", "path", "captures"),
    [
        ("/u/{id}", "/u/7", {"id": "7"}),
        ("/u/{id}/f/{name}", "/u/7/f/%41", {"id": "7", "name": "%41"}),
        ("/f/{rest...}", "/f/a/b//c/", {"rest": "a/b//c/"}),
        ("/f/{rest...}", "/f/", {"rest": ""}),
        ("/f/{rest...}", "/f", {"rest": ""}),
        ("/{a}/{rest...}", "/x", {"a": "x", "rest": ""}),
        ("/{rest...}", "/", {"rest": ""}),
        ("~/v(?P<version>[0-9]+)/(?P<what>.*)", "/v12/x/y", {"version": "12", "what": "x/y"}),
        ("~/v([0-9]+)", "/v1", {}),
        ("/p", "/p/x", {}),
        ("=/p", "/p", {}),
    ],
)
def test_captures(pattern: str, path: str, captures: dict[str, str]) -> None:
    """Parameters and named groups are captured as they stand in the path."""
    found = match(table(route("r", block(None, pattern))), head(path))
    assert isinstance(found, Match)
    assert dict(found.captures) == captures


def test_regexes_behind_their_beginnings() -> None:
    """Many regular expressions on one host: the one that matches is found, the best of two that do."""
    made = table(
        *(route(f"r{number}", block(None, f"~/s{number}/[a-z]+")) for number in range(50)),
        route("any", block(None, "~.*/last")),
        route("later", block(None, "~/s7/[a-z]+")),
    )
    assert winner(made, head("/s7/abc")) == "r7"
    assert winner(made, head("/s49/abc")) == "r49"
    assert winner(made, head("/s7/ABC/last")) == "any"
    assert winner(made, head("/s50/abc")) is None


def test_a_header_tells_many_candidates_apart() -> None:
    """With a hundred tenants on one path, each request finds its own, and the others the one without."""
    made = table(
        route("none", block(None, "=/x")),
        *(route(f"t{number}", block(None, "=/x", header("x-tenant", f"t{number}"))) for number in range(100)),
        route("two", block(None, "=/x", header("x-tenant", "a", "b"))),
        route("post", block(None, "=/x", Methods(("POST",)))),
    )
    assert len(made.switches) == 1
    assert winner(made, head("/x", headers={"x-tenant": "t42"})) == "t42"
    assert winner(made, head("/x", headers={"x-tenant": "b"})) == "two"
    assert winner(made, head("/x", headers={"x-tenant": "T42"})) == "none"
    assert winner(made, head("/x")) == "none"
    # Line 5 stands over line 6: a method decides before a header does.
    assert winner(made, head("/x", method="POST", headers={"x-tenant": "t42"})) == "post"


def test_late_predicates_ask_for_the_body_only_if_it_matters() -> None:
    """The body is wanted if a candidate that could win depends on it, and not otherwise."""
    made = table(
        route("model", block(None, "/v1", Models(("gpt-*",)))),
        route("plain", block(None, "/v1")),
        route("exact", block(None, "=/v1/health")),
    )
    assert isinstance(match(made, head("/v1/chat")), NeedsBody)
    assert winner(made, head("/v1/health")) == "exact"
    assert winner(made, head("/v1/chat", late=Late(model="gpt-4"))) == "model"
    assert winner(made, head("/v1/chat", late=Late(model="llama"))) == "plain"
    assert winner(made, head("/v1/chat", late=Late())) == "plain"


def test_a_late_candidate_whose_other_predicates_fail_does_not_ask() -> None:
    """What a late candidate asks beside the body is looked at first."""
    made = table(
        route("late", block(None, "/v1", Methods(("POST",)), Flag("stream", True))),
        route("plain", block(None, "/v1")),
    )
    assert winner(made, head("/v1")) == "plain"
    assert isinstance(match(made, head("/v1", method="POST")), NeedsBody)


def test_late_inside_not() -> None:
    """`not { stream #true }` waits for the body too, and holds for one that says nothing."""
    made = table(route("calm", block(None, "/", Not((Flag("stream", True),)))))
    assert isinstance(match(made, head()), NeedsBody)
    assert winner(made, head(late=Late(stream=True))) is None
    assert winner(made, head(late=Late(stream=False))) == "calm"
    assert winner(made, head(late=Late())) == "calm"


def test_a_match_after_the_body_is_not_kept_for_others() -> None:
    """An alternative that depends on the body asks each request anew."""
    made = table(route("model", block(None, "/{x}", Models(("*",)))))
    assert winner(made, head("/a", late=Late(model="m"))) == "model"
    assert isinstance(match(made, head("/a")), NeedsBody)


def test_hostile_paths_cost_little() -> None:
    """A path of 10 000 segments is answered in about the time that its bytes take to look at."""
    made = table(
        *(
            route(f"r{n}", block(None, "/" + "/".join(["{a}", "x", "{b}", "y", "{c}"][: n + 1])))
            for n in range(5)
        ),
        route("deep", block(None, "/" + "/".join(["x"] * 40))),
        route("all", block(None, "/")),
    )
    for path in ("/" + "x/" * 10_000, "/" + "x/y/" * 5_000, "/" * 20_000):
        request = head(path)
        started = time.perf_counter()
        for _ in range(20):
            match(made, request)
        assert (time.perf_counter() - started) / 20 < 0.005


def test_a_trie_of_parameters_is_walked_once() -> None:
    """Two to the tenth templates: every node is visited at most once, whatever the path."""
    templates = [
        "/".join(f"{{p{at}}}" if number >> at & 1 else "x" for at in range(10)) for number in range(1024)
    ]
    made = table(*(route(each, block(None, f"/{each}/end")) for each in templates))
    request = head("/" + "x/" * 10 + "none")
    started = time.perf_counter()
    assert winner(made, request) is None
    assert time.perf_counter() - started < 0.1
    assert winner(made, head("/" + "x/" * 10 + "end")) == templates[1]


def test_late_changes_only_what_it_says() -> None:
    """The same head with the body read is the same head otherwise."""
    made = table(route("a", block(None, "/v1/{id}")))
    request = head("/v1/7")
    assert match(made, request) == match(made, replace(request, late=Late(model="x")))
