"""The order of alternatives, line by line: each row is a pair of which the first wins."""

from __future__ import annotations

import pytest
from gwc.compiler.resolve.rank import Counts, rank_key
from gwc.schema.predicate import HostPattern, PathPattern

EXACT, WILD, LONGER, REGEX = (
    HostPattern("exact", "a.b.c"),
    HostPattern("wildcard", "*.c"),
    HostPattern("wildcard", "*.b.c"),
    HostPattern("regex", ".*"),
)


def _path(kind: str, text: str) -> PathPattern:
    return PathPattern(kind, text)  # type: ignore[arg-type]  # the rows use the four kinds


NONE = Counts()
ROWS = [
    ("priority over host", (1, None, None, NONE), (0, EXACT, _path("exact", "/a"), NONE)),
    ("exact host over wildcard", (0, EXACT, None, NONE), (0, LONGER, _path("exact", "/a"), NONE)),
    ("longer wildcard over shorter", (0, LONGER, None, NONE), (0, WILD, _path("exact", "/a"), NONE)),
    ("wildcard over regex", (0, WILD, None, NONE), (0, REGEX, _path("exact", "/a"), NONE)),
    ("regex host over none", (0, REGEX, None, NONE), (0, None, _path("exact", "/a"), NONE)),
    (
        "exact path over template",
        (0, None, _path("exact", "/a"), NONE),
        (0, None, _path("template", "/a/b/{x}"), NONE),
    ),
    (
        "template over regex",
        (0, None, _path("template", "/{x}"), NONE),
        (0, None, _path("regex", "/a/b"), NONE),
    ),
    ("regex over prefix", (0, None, _path("regex", "/.*"), NONE), (0, None, _path("prefix", "/a/b/c"), NONE)),
    (
        "template without rest over one with",
        (0, None, _path("template", "/{x}"), NONE),
        (0, None, _path("template", "/a/b/{x...}"), NONE),
    ),
    (
        "longer prefix",
        (0, None, _path("prefix", "/a/b"), NONE),
        (0, None, _path("prefix", "/a"), Counts(1, 9, 9, 9)),
    ),
    (
        "a rest counts as a prefix by its literal bytes",
        (0, None, _path("template", "/a/bc/{x...}"), NONE),
        (0, None, _path("prefix", "/a/b"), NONE),
    ),
    ("method", (0, None, None, Counts(methods=1)), (0, None, None, Counts(fields=9, queries=9, others=9))),
    ("headers and cookies", (0, None, None, Counts(fields=2)), (0, None, None, Counts(fields=1, queries=9))),
    ("queries", (0, None, None, Counts(queries=2)), (0, None, None, Counts(queries=1, others=9))),
    ("others", (0, None, None, Counts(others=2)), (0, None, None, Counts(others=1))),
]


@pytest.mark.parametrize(("first", "second"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_the_first_of_each_row_wins(first: tuple[object, ...], second: tuple[object, ...]) -> None:
    """The first alternative has the lower key, though the second may be better on every later line."""
    assert rank_key(*first) < rank_key(*second)  # type: ignore[arg-type]  # rows hold the four arguments


def test_a_trailing_slash_of_a_prefix_does_not_count() -> None:
    """`/a/` and `/a` have the same literal bytes."""
    assert rank_key(0, None, _path("prefix", "/a/"), NONE) == rank_key(0, None, _path("prefix", "/a"), NONE)


def test_more_methods_do_not_rank_higher() -> None:
    """Line 5 asks whether there is a method predicate, not how many there are."""
    assert rank_key(0, None, None, Counts(methods=1)) == rank_key(0, None, None, Counts(methods=2))
