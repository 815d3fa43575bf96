"""What happens to a request: one test for each kind of answer."""

from __future__ import annotations

from collections import Counter

from gwc.compiler.resolve.resolved import (
    HeaderRules,
    Respond,
    Rewrite,
    Split,
    SplitPart,
    ToUpstream,
)
from gwc.runtime.decide import Decision, decide
from gwc.runtime.match import Match, match
from gwc.schema.table import RouteTable

from ..tables import block, head, route, table


def decided(made: RouteTable, path: str = "/", split_point: int = 0) -> Decision:
    """What happens to a request."""
    request = head(path)
    found = match(made, request)
    assert isinstance(found, Match)
    return decide(made, request, found, port=80, split_point=split_point)


def test_upstream() -> None:
    """A request goes on as it came where nothing is rewritten."""
    decision = decided(table(route("r", action=ToUpstream("two"))), "/a/b?c")
    assert (decision.kind, decision.upstream) == ("upstream", "two")
    assert (decision.host, decision.path, decision.query) == ("a.test", "/a/b", "c")


def test_split_points_are_shared_by_weight() -> None:
    """Over all points each part is taken as often as its weight says; 0 is never taken."""
    parts = (SplitPart("one", 3), SplitPart("two", 0), SplitPart("one", 1), SplitPart("two", 6))
    made = table(route("r", action=Split(parts)))
    taken = Counter(decided(made, split_point=point).upstream for point in range(10))
    assert taken == {"one": 4, "two": 6}
    assert decided(made, split_point=10) == decided(made, split_point=0)
    assert [(each.upstream, each.weight, each.of) for each in decided(made).shares] == [
        ("one", 3, 10),
        ("two", 0, 10),
        ("one", 1, 10),
        ("two", 6, 10),
    ]


def test_all_weights_zero_is_500() -> None:
    """A split whose parts take nothing answers 500."""
    decision = decided(table(route("r", action=Split((SplitPart("one", 0),)))))
    assert (decision.kind, decision.status) == ("rejected", 500)


def test_a_parts_rewrite_stands_for_the_routes() -> None:
    """The part that has a rewrite of its own uses that."""
    made = table(
        route(
            "r",
            block(None, "/a"),
            action=Split((SplitPart("one", 1), SplitPart("two", 1, rewrite=Rewrite(None, "prefix", "/p")))),
            rewrite=Rewrite(None, "full", "/route"),
        )
    )
    assert decided(made, "/a/x", 0).path == "/route"
    assert decided(made, "/a/x", 1).path == "/p/x"


def test_respond() -> None:
    """A fixed reply has its status, headers with variables, and body."""
    reply = Respond(404, (("retry-after", "60"), ("x", "${req.path}")), "nö\n")
    made = table(route("r", action=reply, response=HeaderRules(remove=("server",))))
    decision = decided(made, "/q")
    assert (decision.kind, decision.status, decision.body) == ("respond", 404, "nö\n")
    assert decision.headers == (("retry-after", "60"), ("x", "/q"))
    assert decision.response_headers[0].remove == ("server",)
