"""Rewrites: the prefix table row by row, templates, and results that the gateway refuses."""

from __future__ import annotations

from typing import Any

import pytest
from gwc.compiler.resolve.resolved import Rewrite, ToUpstream
from gwc.runtime.actions.rewrite import replace_prefix
from gwc.runtime.decide import Decision, decide
from gwc.runtime.match import Match, match
from gwc.schema.listener import PathOptions

from ..tables import block, head, route, settings, table

# Gateway API, HTTPPathModifier: request path, prefix match, replacement -> path.
ROWS = [
    ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
    ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
    ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
    ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
    ("/foo", "/foo", "/xyz", "/xyz"),
    ("/foo/", "/foo", "/xyz", "/xyz/"),
    ("/foo/bar", "/foo", "", "/bar"),
    ("/foo/", "/foo", "", "/"),
    ("/foo", "/foo", "", "/"),
    ("/foo/", "/foo", "/", "/"),
    ("/foo", "/foo", "/", "/"),
]


def decided(pattern: str, path: str, rewrite: Rewrite, **more: Any) -> Decision:
    """What becomes of a request to a route with one pattern and a rewrite."""
    made = table(
        route("r", block(None, pattern), action=ToUpstream("one"), rewrite=rewrite),
        listeners=(settings(**more),),
    )
    request = head(path)
    found = match(made, request)
    assert isinstance(found, Match)
    return decide(made, request, found, port=8080)


@pytest.mark.parametrize(("path", "prefix", "replacement", "expected"), ROWS)
def test_the_prefix_table(path: str, prefix: str, replacement: str, expected: str) -> None:
    """Each row of the Gateway API's table."""
    assert replace_prefix(path, prefix, replacement) == expected
    assert decided(prefix, path, Rewrite(None, "prefix", replacement)).path == expected


@pytest.mark.parametrize(
    ("path", "prefix", "replacement", "expected"),
    [
        ("/", "/", "/xyz", "/xyz/"),
        ("/bar", "/", "/xyz", "/xyz/bar"),
        ("/foo/foo/x", "/foo", "/a/b", "/a/b/foo/x"),
        ("/%2e/foo", "/%2e", "/x", "/x/foo"),
    ],
)
def test_more_prefixes(path: str, prefix: str, replacement: str, expected: str) -> None:
    """The root is a prefix too; only the beginning is replaced."""
    assert replace_prefix(path, prefix, replacement) == expected


def test_the_prefix_that_won_is_replaced() -> None:
    """Of several prefixes of a route the one of the winning alternative counts."""
    made = table(
        route(
            "r",
            block(None, "/a"),
            block(None, "/a/b"),
            action=ToUpstream("one"),
            rewrite=Rewrite(None, "prefix", "/z"),
        )
    )
    for path, expected in (("/a/x", "/z/x"), ("/a/b/x", "/z/x")):
        request = head(path)
        found = match(made, request)
        assert isinstance(found, Match)
        assert decide(made, request, found, port=80).path == expected


def test_the_whole_path() -> None:
    """`path` replaces all of it; the query goes on as it came."""
    decision = decided("/a", "/a/b/c?q=1", Rewrite(None, "full", "/x/y"))
    assert (decision.kind, decision.path, decision.query) == ("upstream", "/x/y", "q=1")


def test_a_template() -> None:
    """Captures and other variables are filled in as they stand in the normalised path."""
    rewrite = Rewrite(None, "template", "/v2/${path.id}/${req.method}/${path.rest}")
    assert decided("/u/{id}/{rest...}", "/u/%C3%A9/a/b", rewrite).path == "/v2/%C3%A9/GET/a/b"


@pytest.mark.parametrize("path", ["/a/../../b", "/a\\b", "/a/%2F", "/a\x00b", "x"])
def test_a_result_that_is_refused_is_500(path: str) -> None:
    """A rewritten path goes through the normaliser; what it refuses is never sent."""
    decision = decided("/a", "/a", Rewrite(None, "full", path))
    assert (decision.kind, decision.status, decision.reason) == ("rejected", 500, "rewrite-refused")


def test_the_listeners_options_count() -> None:
    """The result is normalised as the listener's requests are."""
    rewrite = Rewrite(None, "full", "/a/%2F")
    options = PathOptions(keep_encoded_slash=True)
    assert decided("/a", "/a", rewrite, path_options=options).path == "/a/%2F"
    assert decided("/a", "/a", Rewrite(None, "full", "/a//b/./c")).path == "/a/b/c"


def test_a_variable_cannot_add_a_query() -> None:
    """A question mark that a variable brings along does not end the path."""
    rewrite = Rewrite(None, "template", "/x/${req.header.x}")
    made = table(route("r", block(None, "/"), action=ToUpstream("one"), rewrite=rewrite))
    request = head("/", headers={"x": "a?b=c"})
    found = match(made, request)
    assert isinstance(found, Match)
    assert decide(made, request, found, port=80).status == 500


def test_host() -> None:
    """A rewritten host goes without the client's port; without a rewrite the client's goes on."""
    assert decided("/", "/", Rewrite("b.test")).host == "b.test"
    made = table(route("r", action=ToUpstream("one")))
    request = head(authority="a.test:8443")
    found = match(made, request)
    assert isinstance(found, Match)
    assert decide(made, request, found, port=80).host == "a.test:8443"
