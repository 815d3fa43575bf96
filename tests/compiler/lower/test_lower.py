"""The table as a whole: sections, sharing, notes, order."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from gwc.compiler.lower import lower
from gwc.compiler.resolve.resolved import (
    HeaderRules,
    Redirect,
    Respond,
    Rewrite,
    Split,
    SplitPart,
    ToUpstream,
)
from gwc.schema.artifact import notes_of
from gwc.schema.listener import PathOptions
from gwc.schema.predicate import Listeners, Methods
from gwc.schema.table import (
    ENDS,
    GOES_ON,
    NO_RANK,
    NOTHING,
    RedirectRecord,
    RespondRecord,
    RewriteRecord,
    RouteTable,
)
from gwc.schema.table import (
    HeaderRules as LoweredRules,
)
from gwc.schema.table_check import check_table
from gwc.schema.version import VERSION

from ...tables import block, config, header, route, settings, table


def test_an_empty_configuration() -> None:
    """Without routes there is a table, in which nothing is found."""
    made = table()
    assert made.indexes == (({}, {}, NO_RANK, (), NO_RANK, NOTHING, NO_RANK),)
    check_table(made)


def test_actions() -> None:
    """Each action is a record of its own section; header rules that are alike are one."""
    rules = HeaderRules(rename=(("a", "b"),), set=(("x-h", "${req.host}"),), add=(("y", "1"),), remove=("z",))
    made = table(
        route("to", action=ToUpstream("two"), request=rules, response=rules),
        route(
            "split",
            action=Split((SplitPart("one", 9), SplitPart("two", 1, rules, rewrite=Rewrite("h.test")))),
            rewrite=Rewrite(None, "template", "/x/${req.method}"),
        ),
        route("away", action=Redirect("https", None, 8443, "full", "/y", 301, True)),
        route("says", action=Respond(404, (("retry-after", "60"),), "café\n")),
    )
    to, split, away, says = made.routes
    assert (to.action, made.upstreams[to.target].name) == ("upstream", "two")
    assert to.request_rules == to.response_rules == 1
    assert made.rules == (
        LoweredRules((), (), (), ()),
        LoweredRules((("a", "b"),), (("x-h", ("", "req.host", "")),), (("y", ("1",)),), ("z",)),
    )
    first, second = made.splits[split.target]
    assert (first.upstream, first.weight, first.request_rules, first.rewrite) == (0, 9, 0, None)
    assert (second.upstream, second.weight, second.request_rules) == (1, 1, 1)
    assert second.rewrite == RewriteRecord("h.test", None, ("",))
    assert split.rewrite == RewriteRecord(None, "template", ("/x/", "req.method", ""))
    assert made.redirects[away.target] == RedirectRecord("https", None, 8443, "full", "/y", 301, True)
    assert made.responds[says.target] == RespondRecord(404, (("retry-after", ("60",)),), "café\n")


def test_a_dollar_in_a_plain_path_stays() -> None:
    """Only templates have variables: a replaced prefix or path is text."""
    made = table(
        route("r", block(None, "/a"), action=ToUpstream("one"), rewrite=Rewrite(None, "full", "/$${x}"))
    )
    assert made.routes[0].rewrite == RewriteRecord(None, "full", ("/$${x}",))


def test_listeners_come_back_as_they_were() -> None:
    """Settings survive the table, scopes, networks and path options included."""
    listeners = (
        settings("a", "0.0.0.0:80", "[::]:80", hosts=("a.test", "*.b.test"), public_port=8443, tls=True),
        settings(
            "b",
            "0.0.0.0:80",
            trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")),
            path_options=PathOptions(keep_encoded_slash=True, reject_changes=True),
        ),
        settings("c", "unix:/run/gwc.sock"),
    )
    made = table(listeners=listeners)
    assert made.settings() == listeners
    assert made.entry("0.0.0.0:80") == listeners[:2]
    assert made.entry("[::]:80") == listeners[:1]
    assert made.entry("unix:/run/gwc.sock") == listeners[2:]
    assert made.entry("0.0.0.0:81") == ()


def test_listeners_with_the_same_routes_share_an_index() -> None:
    """Two of three listeners have the same alternatives; the third shares the layers that are alike."""
    made = table(
        route("all", block("a.test", "/")),
        route("one", block("b.test", "/", Listeners(("z",)))),
        listeners=(settings("x", "a:1"), settings("y", "a:2"), settings("z", "a:3")),
    )
    assert [listener.indexed for listener in made.listeners] == [0, 0, 1]
    assert made.indexes[0][0]["a.test"] == made.indexes[1][0]["a.test"]
    assert "b.test" not in made.indexes[0][0]
    check_table(made)


def test_the_layers_of_a_table() -> None:
    """Exact paths are in a map, prefixes and templates in a trie, expressions behind their beginnings."""
    made = table(
        route("exact", block("a.test", "=/x/y")),
        route("prefix", block("a.test", "/x/y/z")),
        route("regex", block("a.test", "~/x/[0-9]+")),
    )
    (layer,) = made.layers
    assert layer == (0, {"/x/y": (ENDS, 0, 0)}, NOTHING, ((), (), (), (0,), (0,)), 2, 3, (0,), 1)
    assert made.shapes == ((4, (), 2, {"x/y/z": (GOES_ON, 2, 0)}),)
    assert made.path_groups == ((3, 1, {"/x/": ((0, (ENDS, 1, 0)),)}),)


def test_notes_say_where_things_stand() -> None:
    """Routes and alternatives have a file, a line and a column, from 1."""
    notes = notes_of(table(route("r", block(None, "/"))))
    assert notes.gwc == VERSION
    assert notes.files == ("gwc.kdl",)
    assert notes.routes == ((0, 2, 1),)
    assert notes.alternatives == ((0, 3, 1),)


def test_a_file_that_is_not_among_the_sources_is_still_named() -> None:
    """A span of an unknown file gives its path from the root."""
    made = lower(config(route("r", block(None, "/"))), {}, "/etc/gwc")
    assert notes_of(made).files[0].endswith("gwc.kdl")


def test_the_same_configuration_gives_the_same_table() -> None:
    """Nothing but the configuration counts."""

    def make() -> RouteTable:
        return table(
            route("a", block("~x[0-9]*", "~/a|/b"), block("*.test", "/{q}/r", Methods(("GET",)))),
            route("b", *(block(None, "=/h", header("x-t", str(n))) for n in range(20))),
        )

    assert make() == make()


@pytest.mark.parametrize("count", [7, 8])
def test_few_candidates_need_no_switch(count: int) -> None:
    """From eight candidates on, a header's value is looked up."""
    made = table(*(route(f"r{n}", block(None, "=/h", header("x-t", str(n)))) for n in range(count)))
    assert len(made.switches) == (count >= 8)
    check_table(made)


def test_switches_of_several_headers() -> None:
    """Candidates are told apart by the header most of them have, then by the next; few are left to scan."""
    made = table(
        *(route(f"a{n}", block(None, "/h", header("x-a", str(n), f"{n}b"))) for n in range(20)),
        *(route(f"b{n}", block(None, "/h", header("x-b", str(n)))) for n in range(10)),
        *(route(f"c{n}", block(None, "/h", header("x-c", "same"))) for n in range(10)),
        route("none", block(None, "/h")),
    )
    ((best, tables, rest),) = made.switches
    assert best == 0
    assert [name for name, _ in tables] == ["x-a", "x-b"]
    assert len(tables[0][1]) == 40
    assert rest is not None
    assert len(rest) == 1 + 2 * 11
    check_table(made)
