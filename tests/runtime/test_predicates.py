"""Whether a predicate holds, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest
from gwc.runtime.match import Match, match
from gwc.schema.predicate import (
    ClientIp,
    FieldTest,
    Flag,
    HostPattern,
    Hosts,
    Listeners,
    Methods,
    Models,
    Not,
    PathPattern,
    Paths,
    Predicate,
    Sample,
    Schemes,
    Snis,
)
from gwc.schema.request import Late

from ..tables import block, head, header, route, settings, table


def holds(predicate: Predicate, path: str = "/", **request: Any) -> bool:
    """Whether a route with just this predicate takes a request."""
    made = table(route("r", block(None, None, predicate)), listeners=(settings(), settings("other", "x:1")))
    return isinstance(match(made, head(path, **request)), Match)


def field(op: str, operand: Any, value: str | None, **more: Any) -> bool:
    """Whether a header predicate holds for a value, and whether a query and a cookie agree."""
    answers = set()
    for place in ("header", "query", "cookie"):
        headers = {}
        query = ""
        if value is not None and place == "header":
            headers["x"] = value
        elif value is not None and place == "cookie":
            headers["cookie"] = f"x={value}"
        elif value is not None:
            query = "?x=" + "".join(f"%{ord(char):02X}" for char in value)
        test = FieldTest(place, "x", op, operand, **more)  # type: ignore[arg-type]  # the words are the rows'
        answers.add(holds(test, "/" + query, headers=headers))
    assert len(answers) == 1, "the three places disagree"
    return answers.pop()


@pytest.mark.parametrize(
    ("op", "operand", "value", "expected"),
    [
        ("equal", ("a", "b"), "b", True),
        ("equal", ("a", "b"), "B", False),
        ("equal", ("",), "", True),
        ("equal", ("",), None, False),
        ("prefix", ("ab", "c"), "abc", True),
        ("prefix", ("ab", "c"), "cab", True),
        ("prefix", ("ab",), "a", False),
        ("suffix", ("bc",), "abc", True),
        ("suffix", ("bc",), "abcd", False),
        ("contains", ("x", "b"), "abc", True),
        ("contains", ("cb",), "abc", False),
        ("regex", ("[0-9]+", "x"), "12", True),
        ("regex", ("[0-9]+",), "12a", False),
        ("regex", ("[0-9]+",), "", False),
        ("present", True, "", True),
        ("present", True, None, False),
        ("present", False, None, True),
        ("present", False, "x", False),
        ("range", (1, 10), "1", True),
        ("range", (1, 10), "10", True),
        ("range", (1, 10), "11", False),
        ("range", (1, None), "999999999999999999", True),
        ("range", (1, None), "1000000000000000000", False),
        ("range", (None, -5), "-7", True),
        ("range", (None, 0), "-0", True),
        ("range", (0, None), "007", True),
        ("range", (0, None), "+7", False),
        ("range", (0, None), " 7", False),
        ("range", (0, None), "7\n", False),
        ("range", (0, None), "\u00b2", False),
        ("range", (0, None), "1.0", False),
        ("range", (0, None), "", False),
        ("range", (0, None), "--1", False),
    ],
)
def test_operators(op: str, operand: Any, value: str | None, expected: bool) -> None:
    """Each operator of header, query and cookie."""
    if value is not None and "\n" in value:
        test = FieldTest("query", "x", op, operand)  # type: ignore[arg-type]  # the words are the rows'
        assert holds(test, "/?x=7%0A") is expected
    elif value is not None and value.strip() != value:
        test = FieldTest("query", "x", op, operand)  # type: ignore[arg-type]  # the words are the rows'
        assert holds(test, "/?x=+7") is expected
    else:
        assert field(op, operand, value) is expected


@pytest.mark.parametrize("op", ["equal", "prefix", "suffix", "contains", "regex"])
def test_ignore_case_is_ascii(op: str) -> None:
    """`ignore-case` folds ASCII letters and nothing else."""
    assert field(op, ("aBc",), "AbC", ignore_case=True)
    assert field(op, ("\xc9",), "\xc9", ignore_case=True)
    assert not field(op, ("\xc9",), "\xe9", ignore_case=True)
    assert not field(op, ("\u212a".encode().decode("latin-1"),), "k", ignore_case=True)


def test_the_first_query_value_counts() -> None:
    """Of a repeated query parameter only the first value is looked at."""
    assert holds(FieldTest("query", "a", "equal", ("1",)), "/?a=1&a=2")
    assert not holds(FieldTest("query", "a", "equal", ("2",)), "/?a=1&a=2")


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("10.0.0.0", True),
        ("10.255.255.255", True),
        ("11.0.0.0", False),
        ("9.255.255.255", False),
        ("192.0.2.1", True),
        ("192.0.2.2", False),
        ("2001:db8::1", True),
        ("2001:db9::", False),
        ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", False),
        ("::", False),
        (None, False),
    ],
)
def test_client_ip(client: str | None, expected: bool) -> None:
    """An address is in a network up to both its ends; a client without an address is in none."""
    networks = ClientIp(("10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32"))
    assert holds(networks, client_ip=client) is expected


def test_everything_of_one_version() -> None:
    """`::/0` is every IPv6 client and no IPv4 one, `0.0.0.0/0` the other way round."""
    assert holds(ClientIp(("::/0",)), client_ip="::1")
    assert not holds(ClientIp(("::/0",)), client_ip="192.0.2.7")
    assert holds(ClientIp(("0.0.0.0/0",)), client_ip="255.255.255.255")
    assert not holds(ClientIp(("0.0.0.0/0",)), client_ip="::1")


@pytest.mark.parametrize(
    ("sni", "expected"),
    [
        ("a.test", True),
        ("x.b.test", True),
        ("y.x.b.test", True),
        ("b.test", False),
        ("xb.test", False),
        (None, False),
    ],
)
def test_sni(sni: str | None, expected: bool) -> None:
    """A server name equals one, or is below one with `*`; without TLS it does not hold."""
    assert holds(Snis(("a.test", "*.b.test")), sni=sni) is expected


def test_sample() -> None:
    """The request's number is below the share, 0 takes none and a million all."""
    assert holds(Sample(500), sample=499)
    assert not holds(Sample(500), sample=500)
    assert not holds(Sample(0), sample=0)
    assert holds(Sample(1_000_000), sample=999_999)


def test_method_scheme_listener() -> None:
    """Lists hold for each of their values, and for those only."""
    assert holds(Methods(("GET", "PUT")), method="PUT")
    assert not holds(Methods(("GET",)), method="get")
    assert not holds(Methods(("GET",)), method="HEAD")
    assert holds(Schemes(("https",)), scheme="https")
    assert not holds(Schemes(("https",)), scheme="http")
    assert holds(Not((Listeners(("other",)),)))
    assert not holds(Not((Listeners(("other",)),)), listener="other")


@pytest.mark.parametrize(
    ("late", "expected"),
    [
        (Late(model="gpt-4"), True),
        (Late(model="org/llama/3"), True),
        (Late(model="claude"), False),
        (Late(model=""), False),
        (Late(), False),
    ],
)
def test_models(late: Late, expected: bool) -> None:
    """A star is any run of characters, slashes too; without a model nothing holds."""
    assert holds(Models(("gpt-*", "*/llama/*")), late=late) is expected


def test_flags() -> None:
    """`stream` and `tools` are as said; a body that does not say satisfies neither."""
    assert holds(Flag("stream", True), late=Late(stream=True))
    assert not holds(Flag("stream", True), late=Late(stream=False))
    assert holds(Flag("tools", False), late=Late(tools=False))
    assert not holds(Flag("tools", False), late=Late())
    assert not holds(Flag("stream", False), late=Late(tools=False))


def test_not() -> None:
    """A `not` holds unless everything inside does; blocks stand inside each other."""
    both = Not((header("a"), header("b")))
    assert holds(both, headers={"a": ""})
    assert not holds(both, headers={"a": "", "b": ""})
    assert holds(Not((both,)), headers={"a": "", "b": ""})
    assert not holds(Not((both,)), headers={})


@pytest.mark.parametrize(
    ("host", "expected"),
    [("a.test", True), ("x.b.test", True), ("b.test", False), ("c12.test", True), ("c.test", False)],
)
def test_hosts_as_a_condition(host: str, expected: bool) -> None:
    """An inherited host, or one in `not`, holds as the host of an alternative does."""
    patterns = (
        HostPattern("exact", "a.test"),
        HostPattern("wildcard", "*.b.test"),
        HostPattern("regex", "c[0-9]+\\.test"),
    )
    assert holds(Hosts(patterns), host=host) is expected
    assert holds(Not((Hosts(patterns),)), host=host) is not expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/e", True),
        ("/e/", False),
        ("/p", True),
        ("/p/", True),
        ("/p/x", True),
        ("/px", False),
        ("/t/1", True),
        ("/t/", False),
        ("/t/1/2", False),
        ("/r", True),
        ("/r/1/2", True),
        ("/v12", True),
        ("/v", False),
    ],
)
def test_paths_as_a_condition(path: str, expected: bool) -> None:
    """An inherited path, or one in `not`, holds as the path of an alternative does."""
    patterns = (
        PathPattern("exact", "/e"),
        PathPattern("prefix", "/p/"),
        PathPattern("template", "/t/{x}"),
        PathPattern("template", "/r/{x...}"),
        PathPattern("regex", "/v[0-9]+"),
    )
    assert holds(Paths(patterns), path) is expected
    assert holds(Not((Paths(patterns),)), path) is not expected


def test_the_root_prefix_is_every_path() -> None:
    """`path-prefix "/"` as a condition holds for all."""
    assert holds(Paths((PathPattern("prefix", "/"),)), "/")
    assert holds(Paths((PathPattern("prefix", "/"),)), "/x/y")
