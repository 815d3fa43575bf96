"""Conditions: for each, a request that it lets pass and one that it does not, on one running gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from ..harness import Gateway, gateway
from ..raw import ask, get, post
from .keys import shows


class Row(NamedTuple):
    """A condition, a request that it holds for, and one that it does not. `listener` of each is the row's."""

    condition: str
    passes: tuple[str, ...]
    fails: tuple[str, ...]
    host: tuple[str, str] = ("a.test", "a.test")
    method: tuple[str, str] = ("GET", "GET")
    path: tuple[str, str] = ("/", "/")
    body: tuple[bytes, bytes] | None = None
    listener: str = "public"


def _row(condition: str, passes: str = "", fails: str = "", **more: object) -> Row:
    fields = [tuple(each.split("|")) if each else () for each in (passes, fails)]
    return Row(condition, *fields, **more)  # type: ignore[arg-type]  # as written below


def _trace(number: int) -> str:
    return f"traceparent: 00-{number:032x}-b7ad6b7169203331-01"


HOSTS = [
    _row('host "b.test"', host=("b.test", "c.test")),
    _row('host "*.b.test"', host=("x.b.test", "b.test")),
    _row('host regex="[bc][0-9]+[.]test"', host=("c42.test", "cc.test")),
]
PATHS = [
    _row('path "/abc"', path=("/abc", "/abc/d")),
    _row('path-prefix "/abc"', path=("/abc/d", "/abcd")),
    _row('path-template "/o/{id}/x"', path=("/o/7/x", "/o/7/8/x")),
    _row('path-regex "/r[0-9]+"', path=("/r7", "/r7x")),
]
OTHERS = [
    _row('method "PURGE" "POST"', method=("PURGE", "GET")),
    _row('client-ip "192.0.2.0/24"', "x-forwarded-for: 192.0.2.9", "x-forwarded-for: 192.0.3.9",
         listener="inside"),
    _row('scheme "https"', "x-forwarded-proto: https", "x-forwarded-proto: http", listener="inside"),
    _row('not { header "x-no" }', "", "x-no: 1"),
    _row('use "internal"', "x-internal: yes", "x-internal: no"),
]  # fmt: skip
LATE = [
    _row('model "gpt-*"', body=(b'{"model":"gpt-4"}', b'{"model":"other"}')),
    _row("stream #true", body=(b'{"stream":true}', b'{"stream":false}')),
    _row("tools #true", body=(b'{"tools":[{"type":"function"}]}', b'{"messages":[]}')),
]


def _fields(kind: str) -> list[Row]:
    """Each operator of conditions on `kind`, said by a header, a parameter or a cookie."""
    rows = []
    for operator, passes, fails in (
        ("", "", None),
        ('"one" "two"', "two", "Two"),
        ('prefix="on"', "one", "two"),
        ('suffix="ne"', "one", "two"),
        ('contains="n"', "one", "two"),
        ('regex="[a-z]{3}"', "one", "four"),
        ("min=10", "10", "9"),
        ("max=10", "10", "11"),
        ("present=#false", None, "one"),
        ('"one" ignore-case=#true', "ONE", "two"),
    ):
        said = []
        for value in (passes, fails):
            if value is None:
                said.append(("", "/"))
            elif kind == "query":
                said.append(("", f"/?x-q={value}"))
            else:
                said.append((f"x-q: {value}" if kind == "header" else f"cookie: a=b; x-q={value}", "/"))
        paths = said[0][1], said[1][1]
        rows.append(_row(f'{kind} "x-q" {operator}', said[0][0], said[1][0], path=paths))
    rows.append(
        _row(f'{kind} "x-q" "one"', *_named(kind, "x-q", "x-r"), path=_parameters(kind, "x-q", "x-r")),
    )
    return rows


def _named(kind: str, *names: str) -> list[str]:
    if kind == "query":
        return ["", ""]
    return [f"{name}: one" if kind == "header" else f"cookie: {name}=one" for name in names]


def _parameters(kind: str, *names: str) -> tuple[str, ...]:
    return tuple(f"/?{name}=one" if kind == "query" else "/" for name in names)


ROWS = [*HOSTS, *PATHS, *OTHERS, *LATE, *_fields("header"), *_fields("query"), *_fields("cookie")]


def _config() -> str:
    groups = "".join(
        f'group "g{number}" {{ matches {{ header "x-row" "{number}" }}\n'
        f'route "r{number}" {{ matches {{ {row.condition} }}; respond {{ body "held" }} }} }}\n'
        for number, row in enumerate(ROWS)
    )
    return f"""
    listeners {{
        listener "public" {{ address "%public%" }}
        listener "inside" {{ address "%inside%"; trusted-proxies "127.0.0.1" }}
    }}
    matcher "internal" {{ header "x-internal" "yes" }}
    routes {{
        {groups}
        group "picky" {{ matches {{ host "picky.test" }}
            route "low" {{ matches {{ path "/priority/x" }}; priority "low"; respond {{ body "low" }} }}
            route "high" {{ matches {{ path-prefix "/priority" }}; respond {{ body "high" }} }}
            route "here" {{ matches {{ listener "inside"; path "/here" }}; respond {{ body "inside" }} }}
            route "any" {{ matches {{ path "/one" }}; matches {{ path "/two" }}; respond {{ body "any" }} }}
            route "sni" {{ matches {{ path "/sni"; sni "picky.test" }}; respond {{ body "sni" }} }}
            route "no-sni" {{ matches {{ path "/no-sni"; not {{ sni "picky.test" }} }}
                respond {{ body "no sni" }} }}
            route "half" {{ matches {{ path "/half"; sample "50%" }}; respond {{ body "half" }} }}
        }}
    }}
    """


@pytest.fixture(scope="module")
def served() -> Iterator[Gateway]:
    """A gateway with a group for each row."""
    with gateway(_config()) as running:
        yield running


def _status(served: Gateway, row: Row, which: int) -> int:
    fields = (f"x-row: {ROWS.index(row)}", *(row.fails if which else row.passes))
    method, path, host = row.method[which], row.path[which], row.host[which]
    if row.body is None:
        data = get(path, *fields, host=host, method=method)
    else:
        data = post(path, row.body[which], "content-type: application/json", *fields, host=host)
        method = "POST"
    return ask(served.address(row.listener), data, method.encode()).status


@shows(
    "route.matches.host.{,name,regex}",
    "route.matches.{path,path-prefix,path-template,path-regex,method,client-ip,scheme,model,stream,tools,not,use}",
    "route.matches.{header,query,cookie}.{,name,value,prefix,suffix,contains,regex,min,max,present,ignore-case}",
    "matchers",
    "group.{matches,routes}",
)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.condition)
def test_a_condition(served: Gateway, row: Row) -> None:
    """The route answers the request that its condition holds for, and leaves the other."""
    assert [_status(served, row, which) for which in (0, 1)] == [200, 404]


def _body(served: Gateway, data: bytes, listener: str = "public") -> bytes:
    reply = ask(served.address(listener), data)
    return reply.body if reply.status == 200 else b"%d" % reply.status


@shows("route.matches.sni")
def test_without_tls_there_is_no_name(served: Gateway) -> None:
    """A condition on the handshake's name holds for no request in plain text, so `not` holds for each."""
    found = [_body(served, get(path, host="picky.test")) for path in ("/sni", "/no-sni")]
    assert found == [b"404", b"no sni"]


@shows("route.priority")
def test_priority_comes_before_the_longer_path(served: Gateway) -> None:
    """The exact path would win, but its priority is lower."""
    assert _body(served, get("/priority/x", host="picky.test")) == b"high"


@shows("route.matches.listener")
def test_a_listener_of_its_own(served: Gateway) -> None:
    """The same request by another listener is not the route's."""
    data = get("/here", host="picky.test")
    assert [_body(served, data, name) for name in ("inside", "public")] == [b"inside", b"404"]


@shows("route.matches")
def test_any_of_several_blocks(served: Gateway) -> None:
    """Either block lets a request pass; neither, and it is not the route's."""
    found = [_body(served, get(path, host="picky.test")) for path in ("/one", "/two", "/three")]
    assert found == [b"any", b"any", b"404"]


@shows("route.matches.sample")
def test_a_share_of_traces(served: Gateway) -> None:
    """Half of the traces, and the same trace always the same way."""
    sent = [get("/half", _trace(number), host="picky.test") for number in range(1, 61)]
    found = [_body(served, data, "inside") for data in sent]
    assert 10 < found.count(b"half") < 50
    assert [_body(served, data, "inside") for data in sent[:20]] == found[:20]
