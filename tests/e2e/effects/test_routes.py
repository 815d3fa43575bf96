"""What is said of a route: its actions, header rules, timeouts, limits and what else it does."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator

import pytest

from ..harness import Gateway, gateway
from ..raw import Client, Reply, ask, chunked, get, post
from ..upstream import Exchange, Seen, Upstream, plain, upstream
from .keys import shows

RULES = 'rename "x-old" "x-new"; set "x-set" "given"; add "x-add" "more"; remove "x-gone"'
VARIABLES = {
    "req.method": "GET",
    "req.scheme": "http",
    "req.host": "a.test",
    "req.path": "/variables/7",
    "req.query": "b=c",
    "req.header.x-some": "some",
    "client-ip": "127.0.0.1",
    "listener": "public",
    "route": "variables",
    "path.id": "7",
}

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }}; listener "inside" {{ address "%inside%"
    trusted-proxies "127.0.0.1" }} }}
upstreams {{
    upstream "origin" {{ target "{origin}" }}
    upstream "second" {{ target "{second}" }}
    upstream "third" {{ target "{second}" }}
}}
defaults {{ response-headers {{ set "x-default" "outer" }} }}
routes {{
    route "usual" {{ matches {{ path-prefix "/" }}; upstream "origin" }}
    route "grouped-not" {{ matches {{ path "/inner" }}; upstream "origin"
        response-headers {{ set "x-default" "inner" }} }}
    group "inner" {{ matches {{ path "/grouped" "/grouped-inner" }}; upstream "origin"
        response-headers {{ set "x-default" "group" }}
        route "grouped" {{ matches {{ path "/grouped" }} }}
        route "grouped-inner" {{ matches {{ path "/grouped-inner" }}
            response-headers {{ set "x-default" "route" }} }} }}
    route "second" {{ matches {{ path-prefix "/second" }}; upstream "second" }}

    route "rules" {{ matches {{ path-prefix "/rules" }}; upstream "origin"
        request-headers {{ {rules} }}; response-headers {{ {rules} }} }}
    route "part-rules" {{ matches {{ path-prefix "/part-rules" }}
        split {{ upstream "origin" {{ request-headers {{ {rules} }}; response-headers {{ {rules} }} }} }} }}
    route "variables" {{ matches {{ path-template "/variables/{{id}}" }}; upstream "origin"
        request-headers {{ {variables}
            set "x-trace" "${{trace-id}}"; set "x-request" "${{request-id}}"
                set "x-plain" "$${{plain}}" }} }}

    route "re-host" {{ matches {{ path-prefix "/re-host" }}; upstream "origin"; rewrite host="inner.test" }}
    route "re-path" {{ matches {{ path-prefix "/re-path" }}; upstream "origin"; rewrite path="/whole" }}
    route "re-prefix" {{ matches {{ path-prefix "/re-prefix" }}; upstream "origin"; rewrite prefix="/v2" }}
    route "re-template" {{ matches {{ path-template "/re-template/{{a}}/{{b...}}" }}
        upstream "origin"; rewrite template="/t/${{path.b}}/${{path.a}}" }}
    route "part-host" {{ matches {{ path-prefix "/part-host" }}
        split {{ upstream "origin" {{ rewrite host="inner.test" }} }} }}
    route "part-path" {{ matches {{ path-prefix "/part-path" }}
        split {{ upstream "origin" {{ rewrite path="/whole" }} }} }}
    route "part-prefix" {{ matches {{ path-prefix "/part-prefix" }}
        split {{ upstream "origin" {{ rewrite prefix="/v2" }} }} }}
    route "part-template" {{ matches {{ path-template "/part-template/{{a}}/{{b...}}" }}
        split {{ upstream "origin" {{ rewrite template="/t/${{path.b}}/${{path.a}}" }} }} }}

    route "split" {{ matches {{ path-prefix "/split" }}; split {{ upstream "origin" weight=1
        upstream "second" weight=3 }} }}
    route "split-none" {{ matches {{ path-prefix "/split-none" }}; split {{ upstream "origin" weight=0
        upstream "second" }} }}
    route "by-ip" {{ matches {{ path-prefix "/by-ip" }}; sticky "client-ip"; {halves} }}
    route "by-header" {{ matches {{ path-prefix "/by-header" }}; sticky header="x-user"; {halves} }}
    route "by-cookie" {{ matches {{ path-prefix "/by-cookie" }}; sticky cookie="sid"; {halves} }}

    route "to" {{ matches {{ path-prefix "/to" }}; redirect host="to.test" }}
    route "to-scheme" {{ matches {{ path-prefix "/to-scheme" }}; redirect scheme="https" }}
    route "to-port" {{ matches {{ path-prefix "/to-port" }}; redirect host="to.test" port=99 }}
    route "to-path" {{ matches {{ path-prefix "/to-path" }}; redirect host="to.test" port=80 path="/x" }}
    route "to-prefix" {{ matches {{ path-prefix "/to-prefix" }}
        redirect host="to.test" port=80 prefix="/x" }}
    route "to-status" {{ matches {{ path-prefix "/to-status" }}; redirect host="to.test" port=80 status=308 }}
    route "to-query" {{ matches {{ path-prefix "/to-query" }}
        redirect host="to.test" port=80 query="strip" }}

    route "respond" {{ matches {{ path "/respond" }}; respond }}
    route "respond-more" {{ matches {{ path "/respond-more" }}
        respond status=418 {{ body "short\\n"; header "x-pot" "${{req.path}}"
            header "content-type" "text/x" }} }}
    route "health" {{ matches {{ path "/health" }}; builtin "health" }}
    route "ready" {{ matches {{ path "/ready" }}; builtin "ready" }}
    route "echo" {{ matches {{ path "/echo" }}; builtin "echo" }}

    route "small-in" {{ matches {{ path-prefix "/small-in" }}; upstream "origin"
        limits {{ request-body "10B" }} }}
    route "small-out" {{ matches {{ path-prefix "/small-out" }}; upstream "origin"
        limits {{ response-body "10B" }} }}
    route "trailing" {{ matches {{ path-prefix "/trailing" }}; upstream "origin"
        trailers {{ request "x-in"; response "x-out" }} }}
    route "telling" {{ matches {{ path-prefix "/telling" }}; upstream "origin"; reasons #true
        limits {{ request-body "10B" }} }}

    route "t-request" {{ matches {{ path-prefix "/t-request" }}; upstream "origin"
        timeouts {{ request "300ms" }}; reasons #true }}
    route "t-try" {{ matches {{ path-prefix "/t-try" }}; upstream "origin"
        timeouts {{ per-try "200ms" }}; reasons #true }}
    route "t-first" {{ matches {{ path-prefix "/t-first" }}; upstream "origin"
        timeouts {{ first-byte "200ms" }}; reasons #true }}
    route "t-idle" {{ matches {{ path-prefix "/t-idle" }}; upstream "origin"
        timeouts {{ idle "200ms" }}; reasons #true }}
}}
"""
HALVES = 'split { upstream "origin"; upstream "second" }'


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server that most routes lead to."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def second() -> Iterator[Upstream]:
    """Another one."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream, second: Upstream) -> Iterator[Gateway]:
    """A gateway with a route for each key."""
    variables = "; ".join(f'set "x-{name.replace(".", "-")}" "<${{{name}}}>"' for name in VARIABLES)
    text = CONFIG.format(
        origin=origin.address, second=second.address, rules=RULES, variables=variables, halves=HALVES
    )
    with gateway(text) as running:
        yield running


@pytest.fixture(autouse=True)
def _forget(origin: Upstream, second: Upstream) -> None:
    for each in (origin, second):
        each.forget()


def _sent(served: Gateway, origin: Upstream, data: bytes) -> tuple[Seen, Reply]:
    """What arrives at the upstream, and the reply."""
    reply = ask(served.address(), data)
    assert reply.status == 200, reply
    return origin.requests[-1], reply


@shows("routes", "route.upstream")
def test_an_upstream(served: Gateway, origin: Upstream, second: Upstream) -> None:
    """Each request arrives where its route says."""
    for path in ("/first", "/second"):
        assert ask(served.address(), get(path)).status == 200
    assert [len(origin.requests), len(second.requests)] == [1, 1]


@shows("defaults", "group.routes")
def test_defaults_and_groups(served: Gateway) -> None:
    """What they say holds for a route that does not say otherwise, the innermost first."""
    paths = ("/outer", "/inner", "/grouped", "/grouped-inner")
    found = [ask(served.address(), get(path)).value("x-default") for path in paths]
    assert found == [b"outer", b"inner", b"group", b"route"]


@shows(
    "route.{,split.}request-headers",
    "route.{,split.}request-headers.{rename,set,add,remove}",
    "route.{,split.}request-headers.rename.{from,to}",
    "route.{,split.}request-headers.{set,add}.{name,value}",
)
@pytest.mark.parametrize(("path", "changed"), [("/usual", False), ("/rules", True), ("/part-rules", True)])
def test_rules_for_requests(served: Gateway, origin: Upstream, path: str, changed: bool) -> None:
    """Fields are renamed, set, added and removed on the way to the upstream, by a route and by a part."""
    fields = ("x-old: 1", "x-set: 2", "x-add: 3", "x-gone: 4")
    seen, _ = _sent(served, origin, get(path, *fields))
    found = [seen.values(name) for name in ("x-old", "x-new", "x-set", "x-add", "x-gone")]
    if changed:
        assert found == [[], ["1"], ["given"], ["3", "more"], []]
    else:
        assert found == [["1"], [], ["2"], ["3"], ["4"]]


@shows(
    "route.{,split.}response-headers",
    "route.{,split.}response-headers.{rename,set,add,remove}",
    "route.{,split.}response-headers.rename.{from,to}",
    "route.{,split.}response-headers.{set,add}.{name,value}",
)
@pytest.mark.parametrize(("path", "changed"), [("/usual", False), ("/rules", True), ("/part-rules", True)])
def test_rules_for_replies(served: Gateway, origin: Upstream, path: str, changed: bool) -> None:
    """Likewise on the way back."""
    origin.answers[path] = lambda exchange: exchange.reply(
        200, b"", "x-old: 1", "x-set: 2", "x-add: 3", "x-gone: 4"
    )
    _, reply = _sent(served, origin, get(path))
    found = [reply.values(name) for name in ("x-old", "x-new", "x-set", "x-add", "x-gone")]
    if changed:
        assert found == [[], [b"1"], [b"given"], [b"3", b"more"], []]
    else:
        assert found == [[b"1"], [], [b"2"], [b"3"], [b"4"]]


@shows("route.request-headers.set.value")
def test_every_variable(served: Gateway, origin: Upstream) -> None:
    """Each is worth what it says of the request; the ids are those of the reply and the trace."""
    seen, reply = _sent(served, origin, get("/variables/7?b=c", "x-some: some"))
    found = {name: seen.value(f"x-{name.replace('.', '-')}") for name in VARIABLES}
    assert found == {name: f"<{value}>" for name, value in VARIABLES.items()}
    assert seen.value("x-plain") == "${plain}"
    assert seen.value("x-request") == (reply.value("x-correlation-id") or b"").decode()
    assert seen.value("x-trace") == (seen.value("traceparent") or "").split("-")[1]
    again, _ = _sent(served, origin, get("/variables/8"))
    assert [again.value(f"x-{name}") for name in ("path-id", "req-query", "req-header-x-some")] == [
        "<8>",
        "<>",
        "<>",
    ]


@shows("route.{,split.}rewrite.{,host,path,prefix,template}")
@pytest.mark.parametrize("kind", ["re", "part"])
@pytest.mark.parametrize(
    ("key", "path", "wanted", "host"),
    [
        ("host", "/x", "/{}-host/x?q=1", "inner.test"),
        ("path", "/x", "/whole?q=1", "a.test"),
        ("prefix", "/x", "/v2/x?q=1", "a.test"),
        ("template", "/1/2/3", "/t/2/3/1?q=1", "a.test"),
    ],
)
def test_rewrites(
    served: Gateway, origin: Upstream, kind: str, key: str, path: str, wanted: str, host: str
) -> None:
    """The upstream sees another host or path, as a route or a part says."""
    seen, _ = _sent(served, origin, get(f"/{kind}-{key}{path}?q=1"))
    assert (seen.target, seen.value("host")) == (wanted.format(kind), host)


def _where(served: Gateway, second: Upstream, data: bytes, number: int, listener: str = "public") -> int:
    """How many of some requests go to the second upstream."""
    before = len(second.requests)
    with Client(served.address(listener)) as client:
        for _ in range(number):
            assert client.ask(data).status == 200
    return len(second.requests) - before


@shows("route.{split,split.weight}")
def test_a_split_by_weight(served: Gateway, second: Upstream) -> None:
    """One to three, as far as chance goes; a weight of 0 takes nothing."""
    assert 55 <= _where(served, second, get("/split"), 100) <= 92
    assert _where(served, second, get("/split-none"), 20) == 20


@shows("route.sticky.{,by,header,cookie}")
@pytest.mark.parametrize(
    ("path", "form", "listener"),
    [
        ("/by-ip", "x-forwarded-for: 192.0.2.{}", "inside"),
        ("/by-header", "x-user: {}", "public"),
        ("/by-cookie", "cookie: sid={}", "public"),
    ],
)
def test_sticky_splits(served: Gateway, second: Upstream, path: str, form: str, listener: str) -> None:
    """What is alike goes to one part; what differs, to both."""
    found = [_where(served, second, get(path, form.format(number)), 4, listener) for number in range(1, 17)]
    assert set(found) == {0, 4}
    assert 0 < _where(served, second, get("/split", form.format(1)), 30, listener) < 30


@shows("route.redirect.{,scheme,host,port,path,prefix,status,query}")
@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/to/a?q=1", 302, "http://to.test:PORT/to/a?q=1"),
        ("/to-scheme/a?q=1", 302, "https://a.test/to-scheme/a?q=1"),
        ("/to-port/a?q=1", 302, "http://to.test:99/to-port/a?q=1"),
        ("/to-path/a?q=1", 302, "http://to.test/x?q=1"),
        ("/to-prefix/a?q=1", 302, "http://to.test/x/a?q=1"),
        ("/to-status/a?q=1", 308, "http://to.test/to-status/a?q=1"),
        ("/to-query/a?q=1", 302, "http://to.test/to-query/a"),
    ],
)
def test_redirects(served: Gateway, path: str, status: int, location: str) -> None:
    """Each key changes its part of the Location, or the status."""
    reply = ask(served.address(), get(path))
    wanted = location.replace("PORT", str(served.ports["public"]))
    assert (reply.status, (reply.value("location") or b"").decode()) == (status, wanted)


@shows("route.respond.{,status,body,headers,header.value}")
def test_fixed_replies(served: Gateway) -> None:
    """With nothing said it is an empty 200; status, body and fields as said."""
    reply = ask(served.address(), get("/respond"))
    assert (reply.status, reply.body, reply.value("x-pot")) == (200, b"", None)
    reply = ask(served.address(), get("/respond-more"))
    assert (reply.status, reply.body) == (418, b"short\n")
    assert [reply.value(name) for name in ("x-pot", "content-type")] == [b"/respond-more", b"text/x"]


@shows("route.builtin")
def test_builtins(served: Gateway) -> None:
    """Two say how the gateway is, one what was asked."""
    for path in ("/health", "/ready"):
        reply = ask(served.address(), get(path))
        assert (reply.status, reply.body) == (200, b'{"status":"ok"}\n')
    assert re.search(rb"(?m)^x-mine: 1\r?$", ask(served.address(), get("/echo", "x-mine: 1")).body)


@shows("route.limits.{,request-body}")
def test_long_requests(served: Gateway, origin: Upstream) -> None:
    """413, by what the request says of itself and by what comes; elsewhere it passes."""
    for path, status in (("/small-in", 413), ("/usual", 200)):
        for data in (post(path, b"x" * 11), chunked(path, [b"x" * 6, b"x" * 6])):
            assert ask(served.address(), data, b"POST").status == status
    assert ask(served.address(), post("/small-in", b"x" * 10), b"POST").status == 200


@shows("route.limits.response-body")
def test_long_replies(served: Gateway, origin: Upstream) -> None:
    """502, or cut off where its head has gone out; elsewhere it passes."""

    def parts(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(4):
            exchange.send(b"5\r\nxxxxx\r\n")
        exchange.send(b"0\r\n\r\n")

    for path in ("/small-out", "/usual"):
        origin.answers[f"{path}/known"] = lambda exchange: exchange.reply(200, b"x" * 11)
        origin.answers[f"{path}/parts"] = parts
    assert ask(served.address(), get("/small-out/known")).status == 502
    assert not ask(served.address(), get("/small-out/parts")).complete
    assert ask(served.address(), get("/usual/known")).body == b"x" * 11
    assert ask(served.address(), get("/usual/parts")).body == b"x" * 20


@shows("route.trailers.{,request,response}")
def test_trailers(served: Gateway, origin: Upstream) -> None:
    """Those that are named pass, in both directions; others, and on other routes all, are dropped."""

    def trailing(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n")
        exchange.send(b"0\r\nx-out: 1\r\nx-other: 2\r\n\r\n")

    data = b"2\r\nhi\r\n0\r\nx-in: 1\r\nx-other: 2\r\n\r\n"
    found = []
    for path in ("/trailing", "/usual"):
        origin.answers[path] = trailing
        head = get(path, "transfer-encoding: chunked", "te: trailers", method="POST")
        reply = ask(served.address(), head + data, b"POST")
        found.append((origin.the(path).trailers, reply.trailers))
    assert found == [((("x-in", "1"),), ((b"x-out", b"1"),)), ((), ())]


@shows("route.reasons")
def test_reasons(served: Gateway) -> None:
    """A reply of the gateway's own says why only where that is asked for."""
    reasons = [
        ask(served.address(), post(path, b"x" * 11), b"POST").value("x-gwc-reason")
        for path in ("/telling", "/small-in")
    ]
    assert reasons == [b"body-length", None]


@shows("route.timeouts.{,request,per-try,first-byte}")
@pytest.mark.parametrize(
    ("path", "reason"),
    [("/t-request", b"request-timeout"), ("/t-try", b"try-timeout"), ("/t-first", b"first-byte-timeout")],
)
def test_no_reply_in_time(served: Gateway, origin: Upstream, path: str, reason: bytes) -> None:
    """504 for the reason that is said; without a timeout of its own a route still waits."""
    over = threading.Event()

    def silent(exchange: Exchange) -> None:
        over.wait(5)
        plain(exchange)

    origin.answers = {path: silent, "/usual": silent}
    with Client(served.address()) as usual:
        usual.send(get("/usual"))
        reply = ask(served.address(), get(path))
        assert (reply.status, reply.value("x-gwc-reason")) == (504, reason)
        assert usual.is_quiet(0.02)
        over.set()
        assert usual.reply().status == 200


@shows("route.timeouts.{idle,request,per-try}")
def test_replies_that_stop(served: Gateway, origin: Upstream) -> None:
    """A reply that stops is cut by `idle`; one that drips by `request`; neither by `per-try`."""
    over = threading.Event()

    def slow(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        while not over.wait(0.05):
            if exchange.seen.path != "/t-idle":
                exchange.send(b"x")
        exchange.close()

    paths = ("/t-idle", "/t-request", "/t-try")
    origin.answers = dict.fromkeys(paths, slow)
    with Client(served.address()) as trying:
        trying.send(get("/t-try"))
        for path in paths[:2]:
            assert not ask(served.address(), get(path)).complete
        assert [served.access_line(path)["reason"] for path in paths[:2]] == [
            "idle-timeout",
            "request-timeout",
        ]
        assert not [
            line for line in served.access_lines() if line["path"] == "/t-try" and line["status"] == 200
        ]
        over.set()


def test_nothing_else_went_wrong(origin: Upstream, second: Upstream) -> None:
    """What arrived at the servers was well formed."""
    assert Counter(origin.faults + second.faults) == {}
