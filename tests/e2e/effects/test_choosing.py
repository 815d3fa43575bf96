"""What decides which target of an upstream a request goes to: a key each, by one gateway with many upstreams.

Each upstream has its own route, `/name`; the servers behind them answer with their names, or fail.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from ..harness import Gateway, gateway, until
from ..inside import number, reload
from ..raw import Client, Reply, ask, get
from ..upstream import Answer, Exchange, Upstream, upstream
from .keys import shows

SECRET = "a secret of many bytes"

UPSTREAMS = {
    "turns": "",
    "least": 'balance "least-requests"',
    "two": 'balance "two-choices"',
    "latency": 'balance "latency"',
    "by-ip": 'balance "hash" "client-ip"',
    "by-path": 'balance "hash" "path"',
    "by-header": 'balance "hash" header="X-User"',
    "by-cookie": 'balance "hash" cookie="sid"',
    "by-query": 'balance "hash" query="user"',
    "stuck": 'sticky-cookie { secret "${env:STICKY}" }',
    "stuck-otherwise": f'sticky-cookie {{ secret "{SECRET} more"; name "lead"; ttl "1h" }}',
    "in-a-row": 'ejection { consecutive-failures 2; time "30s" }',
    "never": 'ejection { consecutive-failures "off"; error-share "100%"; requests 1000 }',
    "share": 'ejection { consecutive-failures "off"; error-share "50%"; requests 10; over "1m" }',
    "short-window": 'ejection { consecutive-failures "off"; error-share "50%"; requests 10; over "50ms" }',
    "missing": 'ejection { consecutive-failures 1; status 404 "410-419" }',
    "shortly": 'ejection { consecutive-failures 1; time "200ms" }',
    "longest": 'ejection { consecutive-failures 1; time "100ms"; longest "100ms" }',
    "most": 'ejection { consecutive-failures 1; most "100%" }',
    "panic": 'ejection { consecutive-failures 1; most "100%" }; panic "60%"',
    "breaks": 'breaker { failures 2; open "300ms"; half-open 1 }',
    "breaks-late": 'breaker { failures 4; open "1m" }',
    "breaks-at-404": "breaker { failures 1; status 404 }",
    "breaks-whole": 'breaker { failures 2; scope "upstream" }',
}
"""By their names, which are paths too."""


def config(upstreams: dict[str, str], addresses: list[str]) -> str:
    """A configuration with a route for each upstream."""
    targets = "; ".join(f'target "{each}"' for each in addresses)
    blocks = "".join(f'    upstream "{name}" {{ {targets}; {said} }}\n' for name, said in upstreams.items())
    routes = "".join(
        f'    route "{name}" {{ matches {{ path-prefix "/{name}" }}; upstream "{name}" }}\n'
        for name in upstreams
    )
    return (
        'listeners { listener "public" { address "%public%" } }\n'
        f"upstreams {{\n{blocks}}}\ndefaults {{ reasons #true }}\nroutes {{\n{routes}}}\n"
    )


@contextmanager
def servers(*names: str) -> Iterator[list[Upstream]]:
    """Servers that answer with their names."""
    with ExitStack() as stack:
        found = []
        for name in names:
            server = stack.enter_context(upstream())
            server.otherwise = says(name)
            found.append(server)
        yield found


def says(body: str, status: int = 200) -> Answer:
    """An answer."""

    def answer(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.reply(status, body.encode())

    return answer


@pytest.fixture(scope="module")
def pair() -> Iterator[list[Upstream]]:
    """The servers behind all upstreams."""
    with servers("a", "b") as found:
        yield found


@pytest.fixture(scope="module")
def served(pair: list[Upstream]) -> Iterator[Gateway]:
    """A gateway of one worker."""
    text = config(UPSTREAMS, [each.address for each in pair])
    with gateway(text, environment={"STICKY": SECRET}) as running:
        yield running


def bodies(served: Gateway, path: str, count: int, *fields: str) -> Counter[str]:
    """What so many requests one after the other are answered; a refusal as its status and reason."""
    with Client(served.address()) as client:
        return Counter(_said(client.ask(get(path, *fields))) for _ in range(count))


def _said(reply: Reply) -> str:
    if reply.status == 200:
        return reply.body.decode()
    reason = reply.value("x-gwc-reason")
    return f"{reply.status} {reason.decode()}" if reason else str(reply.status)


@contextmanager
def held(served: Gateway, server: Upstream, path: str) -> Iterator[None]:
    """A request that `server` has and does not answer meanwhile; others may get one too, which are let go."""
    go_on = threading.Event()
    kept = threading.Event()

    def slow(exchange: Exchange) -> None:
        kept.set()
        go_on.wait(10)
        exchange.reply(200, b"late")

    server.answers[path] = slow
    try:
        with ExitStack() as stack:
            for _ in range(50):
                client = stack.enter_context(Client(served.address()))
                client.send(get(path))
                until(lambda client=client: kept.is_set() or not client.is_quiet(0.01), "it arrived")  # type: ignore[misc]  # bound now
                if kept.is_set():
                    break
            yield
            go_on.set()
    finally:
        go_on.set()
        del server.answers[path]


@shows("upstream.balance.{,algorithm}")
@pytest.mark.parametrize(("name", "most"), [("turns", 10), ("least", 0), ("two", 10)])
def test_where_requests_are_under_way(served: Gateway, pair: list[Upstream], name: str, most: int) -> None:
    """Turns know nothing of what is under way; the least avoids it, of two drawn the other is taken."""
    with held(served, pair[0], f"/{name}/held"):
        found = bodies(served, f"/{name}", 20)
    assert found["a"] <= most
    assert found["b"] >= 10


@shows("upstream.balance.algorithm")
def test_where_replies_come_sooner(served: Gateway, pair: list[Upstream]) -> None:
    """A target that was slow is drawn twice at most: in a quarter of the cases."""

    def slow(exchange: Exchange) -> None:
        time.sleep(0.1)
        exchange.reply(200, b"a")

    pair[0].answers["/latency"] = slow
    assert bodies(served, "/latency", 60)["b"] >= 30


@shows("upstream.balance.{by,header,cookie,query}")
@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/by-path/{0}", ""),
        ("/by-header", "X-User: {0}"),
        ("/by-cookie", "Cookie: x=y; sid={0}"),
        ("/by-query?user={0}", ""),
    ],
)
def test_what_is_alike_stays_together(served: Gateway, path: str, field: str) -> None:
    """Each value has its target, and both targets have values."""
    found: list[str] = []
    for value in range(16):
        fields = [field.format(value)] if field else []
        bodies_of_value = bodies(served, path.format(value), 4, *fields)
        assert len(bodies_of_value) == 1
        found += bodies_of_value
    assert set(found) == {"a", "b"}


@shows("upstream.balance.by")
def test_a_client_stays(served: Gateway) -> None:
    """All requests of one address go to one target."""
    assert len(bodies(served, "/by-ip", 10)) == 1


def _cookie(reply: Reply) -> str:
    line = reply.value("set-cookie")
    assert line is not None
    return line.decode()


@shows("upstream.sticky-cookie.{,name,ttl,secret}")
def test_a_cookie_leads_back(served: Gateway) -> None:
    """The cookie of a reply leads to that reply's target; a forged one, or another upstream's, does not."""
    for path, name, age in (("/stuck", "gwc-target", ""), ("/stuck-otherwise", "lead", "; Max-Age=3600")):
        first = ask(served.address(), get(path))
        line = _cookie(first)
        cookie, _, attributes = line.partition(";")
        assert cookie.startswith(f"{name}=")
        assert attributes == f" Path=/; HttpOnly; SameSite=Lax{age}"
        with Client(served.address()) as client:
            replies = [client.ask(get(path, f"Cookie: {cookie}")) for _ in range(6)]
        assert {each.body for each in replies} == {first.body}
        assert not any(each.value("set-cookie") for each in replies)
        forged = cookie[:-4] + ("AAAA" if not cookie.endswith("AAAA") else "BBBB")
        assert len(bodies(served, path, 6, f"Cookie: {forged}")) == 2
    stuck = _cookie(ask(served.address(), get("/stuck"))).partition(";")[0]
    assert len(bodies(served, "/stuck-otherwise", 6, f"Cookie: {stuck}")) == 2


@shows("upstream.ejection.{,consecutive-failures}")
def test_failures_in_a_row(served: Gateway, pair: list[Upstream]) -> None:
    """After two failures the target has no more requests, and only then; it has them where nobody counts."""
    pair[0].answers["/in-a-row"] = pair[0].answers["/never"] = pair[0].answers["/turns"] = says("", 500)
    assert bodies(served, "/in-a-row", 20)["500"] == 2
    assert bodies(served, "/never", 20)["500"] == 10
    assert bodies(served, "/turns", 20)["500"] == 10
    assert number(served, "gwc_upstream_ejections_total", upstream="in-a-row", target=pair[0].address) == 1
    until(lambda: bool(_events(served, "in-a-row")), "it is told")
    assert _events(served, "in-a-row") == {"target-ejected": 1}


def _events(served: Gateway, name: str) -> Counter[str]:
    """What the error log tells of an upstream."""
    return Counter(str(each["event"]) for each in served.error_lines() if each.get("upstream") == name)


@shows("upstream.ejection.{error-share,over,requests}")
def test_a_share_of_failures(served: Gateway, pair: list[Upstream]) -> None:
    """Half of at least ten requests in the window; a window that is over counts no more."""

    def second() -> Answer:
        turn = iter(range(1000))
        return lambda exchange: says("", 500 if next(turn) % 2 else 200)(exchange)

    pair[0].answers["/share"] = second()
    assert bodies(served, "/share", 60)["500"] == 5
    slow = second()

    def slowly(exchange: Exchange) -> None:
        time.sleep(0.02)
        slow(exchange)

    pair[0].answers["/short-window"] = slowly
    assert bodies(served, "/short-window", 40)["500"] == 10


@shows("upstream.ejection.status")
def test_which_statuses_are_failures(served: Gateway, pair: list[Upstream]) -> None:
    """Those that are named, and no others."""
    pair[0].answers["/missing"] = says("", 500)
    assert bodies(served, "/missing", 10)["500"] == 5
    for status in (404, 415):
        pair[0].answers["/missing"] = says("", status)
        if status == 404:
            assert bodies(served, "/missing", 10)["404"] == 1
        else:
            pair[1].answers["/missing"] = says("", status)
            assert bodies(served, "/missing", 10)["415"] == 10  # the last one stays


def _comes_back(served: Gateway, path: str, within: float) -> float:
    began = time.monotonic()
    until(lambda: "a" in bodies(served, path, 2), "it is back", within)
    return time.monotonic() - began


@shows("upstream.ejection.{time,longest}")
@pytest.mark.parametrize(("name", "least"), [("shortly", 0.35), ("longest", 0.05)])
def test_how_long_it_is_out(served: Gateway, pair: list[Upstream], name: str, least: float) -> None:
    """For its time; the second time for twice as long, but not longer than the longest."""
    for _ in range(2):
        pair[0].answers[f"/{name}"] = says("", 500)
        assert bodies(served, f"/{name}", 4)["500"] == 1
        pair[0].answers[f"/{name}"] = says("a")
        took = _comes_back(served, f"/{name}", 3)
    assert least < took < least + 0.3


@shows("upstream.ejection.most", "upstream.panic")
def test_all_are_out(served: Gateway, pair: list[Upstream]) -> None:
    """All may be out where that is said; in panic all are used nevertheless."""
    for each in pair:
        each.answers["/most"] = each.answers["/panic"] = says("", 500)
    assert bodies(served, "/most", 10) == {"500": 2, "503 no-target": 8}
    assert bodies(served, "/panic", 10) == {"500": 10}
    assert number(served, "gwc_upstream_picks_total", upstream="panic", by="panic") > 0


@shows("upstream.breaker.{,failures,open,half-open}")
def test_a_breaker_opens_and_closes(served: Gateway, pair: list[Upstream]) -> None:
    """Open after two failures of each target, half-open after its time, closed after a success."""
    for each in pair:
        each.answers["/breaks"] = each.answers["/breaks-late"] = says("", 500)
    assert bodies(served, "/breaks", 10) == {"500": 4, "503 breaker-open": 6}
    assert bodies(served, "/breaks-late", 10) == {"500": 8, "503 breaker-open": 2}
    refused = ask(served.address(), get("/breaks-late"))
    assert 50 < int(refused.value("retry-after") or b"0") <= 60
    time.sleep(0.35)
    assert bodies(served, "/breaks", 10) == {"500": 2, "503 breaker-open": 8}  # one trial each
    for each, name in zip(pair, "ab", strict=True):
        each.answers["/breaks"] = says(name)
    time.sleep(0.35)
    assert bodies(served, "/breaks", 10) == {"a": 5, "b": 5}
    changes = {"breaker-open": 4, "breaker-half-open": 4, "breaker-closed": 2}
    until(lambda: _events(served, "breaks") == changes, "all is told")
    assert number(served, "gwc_upstream_breaker_changes_total", upstream="breaks", state="open") == 4


@shows("upstream.breaker.half-open")
def test_few_requests_are_a_trial(served: Gateway, pair: list[Upstream]) -> None:
    """While the one trial of a half-open breaker is under way no other request is let through."""
    for each in pair:
        each.answers["/breaks/x"] = says("", 500)
    until(lambda: set(bodies(served, "/breaks/x", 2)) == {"503 breaker-open"}, "both are open")
    time.sleep(0.35)
    go_on = threading.Event()

    def slow(exchange: Exchange) -> None:
        go_on.wait(10)
        exchange.reply(200, b"slow")

    for each in pair:
        each.answers["/breaks/x"] = slow
    with Client(served.address()) as one, Client(served.address()) as other:
        one.send(get("/breaks/x"))
        other.send(get("/breaks/x"))
        until(lambda: not _quiet(pair, "/breaks/x"), "both trials are there")
        assert bodies(served, "/breaks/x", 3) == {"503 breaker-open": 3}
        go_on.set()
        assert [each.reply().body for each in (one, other)] == [b"slow", b"slow"]


def _quiet(pair: list[Upstream], path: str) -> bool:
    return any(not any(not seen.over for seen in each.seen(path)) for each in pair)


@shows("upstream.breaker.{status,scope}")
def test_what_opens_a_breaker(served: Gateway, pair: list[Upstream]) -> None:
    """The statuses that are named; failures of any target where the upstream as a whole is watched."""
    for each in pair:
        each.answers["/breaks-at-404"] = says("", 500)
        each.answers["/breaks-whole"] = says("", 503)
    assert bodies(served, "/breaks-at-404", 10) == {"500": 10}
    pair[0].answers["/breaks-at-404"] = says("", 404)
    assert bodies(served, "/breaks-at-404", 10) == {"404": 1, "500": 9}
    assert bodies(served, "/breaks-whole", 10) == {"503": 2, "503 breaker-open": 8}


@shows("upstream.slow-start")
def test_a_new_target_begins_slowly() -> None:
    """One that a reload brings has a tenth of its share at first, a whole one where nothing is said."""
    said = {"slow": 'slow-start "1h"', "fast": 'balance "round-robin"'}
    with servers("a", "b") as (a, b), gateway(config(said, [a.address])) as running:
        assert bodies(running, "/slow", 4) == {"a": 4}
        file = running.folder / "config" / "gwc.kdl"
        text = file.read_text("utf-8")
        more = f'target "{a.address}"; target "{b.address}"'
        reload(running, text.replace(f'target "{a.address}"', more))
        assert bodies(running, "/fast", 22) == {"a": 11, "b": 11}
        assert bodies(running, "/slow", 22) == {"a": 20, "b": 2}
