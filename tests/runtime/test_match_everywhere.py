"""The index and a look at every alternative agree, on tables and requests made at random."""

from __future__ import annotations

from unittest.mock import patch

from gwc.compiler.lower import shapes
from gwc.runtime.candidates import holding
from gwc.runtime.match import Match, NeedsBody, NoMatch, match
from gwc.schema.artifact import dump, load
from gwc.schema.predicate import FieldTest, Flag, Listeners, Methods, Not, Predicate, Sample
from gwc.schema.request import Late, RequestHead
from gwc.schema.table import MOST_SHAPES, RouteTable
from gwc.schema.table_check import check_table
from hypothesis import given
from hypothesis import strategies as st

from ..tables import Block, Planned, block, head, header, route, settings, table

SEGMENTS = st.sampled_from(["a", "b", "cc", "{x}", "{y}"])
HOSTS = st.sampled_from(
    [None, None, "a.test", "b.a.test", "*.test", "*.a.test", "~[ab]\\.test", "~b\\..*", "~.*t"]
)
NAMES = st.sampled_from(["a.test", "b.test", "b.a.test", "c.b.a.test", "test", ""])
PATHS = st.lists(st.sampled_from(["a", "b", "cc", "d", ""]), max_size=7).map(lambda s: "/" + "/".join(s))
REGEXES = st.sampled_from(["~/a/.*", "~/a.*", "~.*/b", "~/(?P<z>[ab]+)/?.*", "~/cc/[abc]+", "~/a/b"])


@st.composite
def patterns(draw: st.DrawFn) -> str | None:
    """A path pattern of any kind."""
    kind = draw(st.sampled_from(["none", "exact", "prefix", "prefix/", "template", "rest", "regex"]))
    if kind == "none":
        return None
    if kind == "regex":
        return draw(REGEXES)
    if kind == "exact":
        return "=" + draw(PATHS)
    if kind.startswith("prefix"):
        return draw(PATHS).rstrip("/") + kind.removeprefix("prefix") or "/"
    segments = [
        f"{{p{at}}}" if draw(SEGMENTS).startswith("{") else draw(st.sampled_from(["a", "b", "cc"]))
        for at in range(draw(st.integers(1, 6)))
    ]
    return "/" + "/".join(segments + ["{rest...}"] * (kind == "rest"))


CONDITIONS: st.SearchStrategy[Predicate] = st.one_of(
    st.sampled_from([Methods(("GET",)), Methods(("POST", "PUT")), Flag("stream", True), Sample(500_000)]),
    st.builds(header, st.sampled_from(["x-a", "x-b"]), st.sampled_from("0123"), st.sampled_from("0123")),
    st.builds(header, st.sampled_from(["x-a", "x-b"]), st.sampled_from("0123")),
    st.sampled_from(
        [
            header("x-a"),
            Not((header("x-a", "1"), Methods(("GET",)))),
            Not((Flag("stream", False),)),
            Listeners(("default",)),
            Listeners(("other", "third")),
            FieldTest("query", "q", "range", (1, 3)),
        ]
    ),
)
BLOCKS: st.SearchStrategy[Block] = st.builds(
    lambda host, path, conditions: block(host, path, *conditions),
    HOSTS,
    patterns(),
    st.lists(CONDITIONS, max_size=3),
)
ROUTES: st.SearchStrategy[list[Planned]] = st.lists(
    st.builds(
        lambda blocks, priority: route("r", *blocks, priority=priority),
        st.lists(BLOCKS, min_size=1, max_size=12),
        st.sampled_from([0, 0, 0, 100, -100]),
    ),
    max_size=8,
)
HEADS: st.SearchStrategy[RequestHead] = st.builds(
    lambda path, query, host, method, listener, headers, late, sample: head(
        path + query,
        host,
        method,
        listener=listener,
        headers=headers,
        late=late,
        sample=sample,
    ),
    PATHS,
    st.sampled_from(["", "?q=2", "?q=4"]),
    NAMES,
    st.sampled_from(["GET", "POST", "HEAD"]),
    st.sampled_from(["default", "other", "third"]),
    st.dictionaries(st.sampled_from(["x-a", "x-b"]), st.sampled_from("01234")),
    st.sampled_from([None, Late(), Late(stream=True), Late(stream=False)]),
    st.sampled_from([0, 999_999]),
)


def made_of(routes: list[Planned], most_shapes: int) -> RouteTable:
    """A table with three listeners; with 0 shapes one that has tries."""
    listeners = tuple(settings(name, f"{name}:80") for name in ("default", "other", "third"))
    with patch.object(shapes, "MOST_SHAPES", most_shapes):
        return table(*routes, listeners=listeners)


@given(ROUTES, st.sampled_from([MOST_SHAPES, 0]))
def test_tables_keep_their_invariants(routes: list[Planned], most: int) -> None:
    """Every alternative hangs where it should; bytes and back is the same table, whose bytes are the same."""
    made = made_of(routes, most)
    check_table(made)
    data = dump(made)
    again = load(data)
    assert again == made
    assert isinstance(again, RouteTable)
    assert dump(again) == data


@given(ROUTES, st.lists(HEADS, min_size=1, max_size=10), st.sampled_from([MOST_SHAPES, 0]))
def test_the_winner_is_the_first_that_holds(
    routes: list[Planned], heads: list[RequestHead], most: int
) -> None:
    """The walk finds what a look at every alternative finds."""
    made = made_of(routes, most)
    for request in heads:
        found = match(made, request)
        holds = holding(made, request)
        if isinstance(found, NeedsBody):
            assert request.late is None
        elif isinstance(found, NoMatch):
            assert not holds
        else:
            assert isinstance(found, Match)
            assert found.rank == holds[0]
