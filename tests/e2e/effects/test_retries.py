"""What is said of further tries: how many, after what, when, with which body, and for how many requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate

import pytest

from ..harness import Gateway, gateway, until
from ..inside import number as number_of
from ..raw import Client, Reply, ask, chunked, get, post
from ..upstream import Answer, Exchange, Upstream, nobody, upstream
from .keys import shows

CONFIG = """
metrics "%metrics%"
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "one" {{ target "{one}"; connections {{ idle "off" }} }}
    upstream "kept" {{ target "{one}" }}
    upstream "both" {{ target "{one}"; target "{other}"; connections {{ idle "off" }} }}
    upstream "half-dead" {{ target "{dead}" weight=1000; target "{one}" weight=1 }}
    upstream "dead" {{ target "{dead}" }}
}}
defaults {{ reasons #true }}
routes {{
    route "plain" {{ matches {{ path-prefix "/plain" }}; upstream "one" }}
    route "two" {{ matches {{ path-prefix "/two" }}; upstream "one"; retries 2
        timeouts {{ per-try "200ms" }} }}
    route "none" {{ matches {{ path-prefix "/none" }}; upstream "half-dead"; retries 0 }}
    route "dead" {{ matches {{ path-prefix "/dead" }}; upstream "dead"; retries 2 }}
    route "half" {{ matches {{ path-prefix "/half" }}; upstream "half-dead"
        retries 1 {{ back-off "10s" most="10s" }} }}
    route "on" {{ matches {{ path-prefix "/on" }}; upstream "one"; retries 2 {{ on 503 404 }} }}
    route "on-half" {{ matches {{ path-prefix "/on-half" }}; upstream "half-dead"
        retries 2 {{ on 503 404 }} }}
    route "kept" {{ matches {{ path-prefix "/kept" }}; upstream "kept"; retries 1 {{ on 503 }} }}
    route "kept-none" {{ matches {{ path-prefix "/kept-none" }}; upstream "kept"; retries 0 }}
    route "elsewhere" {{ matches {{ path-prefix "/elsewhere" }}; upstream "both"; retries 3 {{ on 503 }} }}
    route "header" {{ matches {{ path-prefix "/header" }}; upstream "one"
        retries 1 {{ header "X-Again"; header "grpc-status" "14" }} }}
    route "slow" {{ matches {{ path-prefix "/slow" }}; upstream "one"
        retries 3 {{ on 503; back-off "400ms" most="500ms" }} }}
    route "after" {{ matches {{ path-prefix "/after" }}; upstream "one"
        retries 2 {{ on 503; back-off "1ms" most="1ms"; retry-after "2s" }} }}
    route "ended" {{ matches {{ path-prefix "/ended" }}; upstream "one"; timeouts {{ request "500ms" }}
        retries 2 {{ on 503; retry-after "5s" }} }}
    route "body" {{ matches {{ path-prefix "/body" }}; upstream "one"
        retries 2 {{ on "reset" 503; body "1KiB"; method "POST" "PUT" }} }}
    route "no-body" {{ matches {{ path-prefix "/no-body" }}; upstream "one"
        retries 2 {{ on 503; body "off"; method "POST" "GET" }} }}
    route "budget" {{ matches {{ path-prefix "/budget" }}; upstream "one"
        retries 1 {{ on 503; back-off "1ms"; budget "50%" least=2 }} }}
    group "inherited" {{ matches {{ path-prefix "/inherited" }}; retries 2; upstream "one"
        route "inherited-not" {{ matches {{ path "/inherited/not" }}; retries 0 }}
        route "inherited-so" {{ }} }}
}}
"""


def fails(times: int, *fields: str, status: int = 503) -> Answer:
    """A server that fails so often and then serves, each path by itself."""
    lock = threading.Lock()
    failed: dict[str, int] = {}

    def answer(exchange: Exchange) -> None:
        body = exchange.read_body()
        with lock:
            count = failed[exchange.seen.target] = failed.get(exchange.seen.target, 0) + 1
        if count <= times:
            exchange.reply(status, b"failed", *fields, reason="Not So")
        else:
            exchange.reply(200, body)

    return answer


def first(times: int, act: Callable[[Exchange], None]) -> Answer:
    """A server that does something else to the first requests."""
    left = [None] * times

    def answer(exchange: Exchange) -> None:
        exchange.read_body()
        if left:
            left.pop()
            act(exchange)
        else:
            exchange.reply(200, b"at last")

    return answer


@pytest.fixture(scope="module")
def one() -> Iterator[Upstream]:
    """The server behind most routes."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def other() -> Iterator[Upstream]:
    """Another one."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(one: Upstream, other: Upstream) -> Iterator[Gateway]:
    """A gateway with a route for each key."""
    with (
        nobody() as dead,
        gateway(CONFIG.format(one=one.address, other=other.address, dead=dead)) as running,
    ):
        yield running


@pytest.fixture(autouse=True)
def _forget(one: Upstream, other: Upstream) -> None:
    for each in (one, other):
        each.forget()


def _timed(served: Gateway, data: bytes, method: bytes = b"GET") -> tuple[Reply, float]:
    """A reply, and how long it took."""
    began = time.monotonic()
    reply = ask(served.address(), data, method)
    return reply, time.monotonic() - began


@shows("route.retries.{,times}")
@pytest.mark.parametrize(("failing", "status", "tries"), [(0, 200, 1), (2, 200, 3), (3, 503, 3)])
def test_two_more_tries(served: Gateway, one: Upstream, failing: int, status: int, tries: int) -> None:
    """`retries 2` is two more: it serves after two resets, and after three it is over."""
    path = f"/two/{failing}"
    one.answers[path] = first(failing, Exchange.reset)
    reply = ask(served.address(), get(path))
    assert (reply.status, len(one.seen(path))) == (status, tries)
    line = served.access_line(path)
    assert (line["attempts"], line["reason"]) == (tries, "" if status == 200 else "connection-lost")


@shows("route.retries")
def test_without_the_key(served: Gateway, one: Upstream) -> None:
    """A reset is the answer."""
    one.answers["/plain/reset"] = first(1, Exchange.reset)
    assert ask(served.address(), get("/plain/reset")).status == 503
    assert len(one.seen("/plain/reset")) == 1


@shows("route.retries.times")
def test_no_more_tries(served: Gateway) -> None:
    """`retries 0` leaves a connection that cannot be made at that."""
    found = {ask(served.address(), get(f"/none/{number}")).status for number in range(4)}
    assert found == {503}


@shows("route.retries.on")
def test_a_try_that_takes_too_long(served: Gateway, one: Upstream) -> None:
    """`per-try` ends a try and not the request."""
    one.answers["/two/late"] = first(1, lambda exchange: time.sleep(1))
    reply = ask(served.address(), get("/two/late"))
    assert (reply.status, reply.body) == (200, b"at last")
    one.answers["/two/never"] = first(9, lambda exchange: time.sleep(1))
    reply = ask(served.address(), get("/two/never"))
    assert (reply.status, reply.value("x-gwc-reason")) == (504, b"try-timeout")
    assert len(one.seen("/two/never")) == 3


@shows("route.retries.on")
def test_no_connection(served: Gateway) -> None:
    """Whatever the method, and at once where another target is left; the end is 503."""
    reply = ask(served.address(), get("/dead/1"))
    assert (reply.status, reply.value("x-gwc-reason")) == (503, b"connect-refused")
    assert served.access_line("/dead/1")["attempts"] == 3
    for number in range(4):
        reply, seconds = _timed(served, post(f"/half/{number}", b"x" * 100_000), b"POST")
        assert (reply.status, seconds < 5) == (200, True)


@shows("route.retries.on")
@pytest.mark.parametrize(("status", "tries"), [(503, 3), (404, 3), (500, 1)])
def test_statuses(served: Gateway, one: Upstream, status: int, tries: int) -> None:
    """Those that are named; the last reply is passed on as it is."""
    path = f"/on/{status}"
    one.answers[path] = fails(9, f"x-try: {status}", status=status)
    reply = ask(served.address(), get(path))
    assert (reply.status, reply.body, len(one.seen(path))) == (status, b"failed", tries)
    assert reply.value("x-try") == str(status).encode()
    line = served.access_line(path)
    assert (line["attempts"], line["status"], line["reason"]) == (tries, status, "")


@shows("route.retries.on")
def test_only_what_is_named(served: Gateway, one: Upstream) -> None:
    """Where statuses alone are named, neither a reset nor a refused connection is tried again."""
    one.answers["/on/reset"] = first(1, Exchange.reset)
    assert ask(served.address(), get("/on/reset")).status == 503
    assert {ask(served.address(), get(f"/on-half/{number}")).status for number in range(4)} == {503}


@shows("route.retries.times")
@pytest.mark.parametrize(("path", "status"), [("/kept", 200), ("/kept-none", 503)])
def test_a_kept_connection_that_dies(served: Gateway, one: Upstream, path: str, status: int) -> None:
    """It counts as a further try whatever is named, and without further tries it is the end."""
    with Client(served.address()) as client:
        assert client.ask(get(path)).status == 200
        one.answers[path] = first(1, Exchange.reset)
        assert client.ask(get(path)).status == status
    assert one.seen(path)[1].number >= 1


@shows("route.retries")
def test_another_target(served: Gateway, one: Upstream, other: Upstream) -> None:
    """While there is one; then they begin again, the last one last."""
    for each in (one, other):
        each.answers["/elsewhere/1"] = fails(9)
    assert ask(served.address(), get("/elsewhere/1")).status == 503
    assert [len(one.seen("/elsewhere/1")), len(other.seen("/elsewhere/1"))] == [2, 2]
    one.answers["/elsewhere/2"] = fails(9)
    found = [ask(served.address(), get("/elsewhere/2")).status for _ in range(4)]
    assert found == [200] * 4
    assert len(other.seen("/elsewhere/2")) == 4


@shows("route.retries.header.{,name,value}")
@pytest.mark.parametrize(
    ("field", "tries"), [("x-again: no", 2), ("grpc-status: 14", 2), ("grpc-status: 0", 1), ("x-other: 1", 1)]
)
def test_headers(served: Gateway, one: Upstream, field: str, tries: int) -> None:
    """A field that is there, or has a value, is a failure whatever the status."""
    path = f"/header/{field.replace(': ', '-')}"
    one.answers[path] = fails(9, field, status=200)
    assert ask(served.address(), get(path)).status == 200
    assert len(one.seen(path)) == tries


@shows("route.retries.back-off.{,first,most}")
def test_back_off(served: Gateway, one: Upstream) -> None:
    """The waits are spread between nothing and their bounds, and nobody waits longer than for all of them."""
    one.answers["/slow/*"] = fails(3)
    took = [_timed(served, get(f"/slow/{number}"))[1] for number in range(6)]
    assert max(took) < 0.4 + 0.5 + 0.5 + 1
    assert max(took) > 0.2
    assert all(len(one.seen(f"/slow/{number}")) == 4 for number in range(6))


@shows("route.retries.retry-after")
def test_retry_after(served: Gateway, one: Upstream) -> None:
    """Waited for up to the cap, in seconds or as a date; a longer one is the client's to wait for."""
    one.answers["/after/1"] = fails(1, "retry-after: 1")
    reply, seconds = _timed(served, get("/after/1"))
    assert reply.status == 200
    assert 1 <= seconds < 2.5
    one.answers["/after/date"] = fails(1, f"retry-after: {formatdate(time.time() + 1.99, usegmt=True)}")
    reply, seconds = _timed(served, get("/after/date"))
    assert reply.status == 200
    assert 0.5 < seconds < 2.5
    one.answers["/after/3"] = fails(1, "retry-after: 3")
    reply, seconds = _timed(served, get("/after/3"))
    assert (reply.status, reply.value("retry-after"), len(one.seen("/after/3"))) == (503, b"3", 1)
    assert seconds < 1
    one.answers["/on/after"] = fails(1, "retry-after: 3")
    reply, seconds = _timed(served, get("/on/after"))
    assert (reply.status, seconds < 1) == (200, True)


@shows("route.timeouts.request")
def test_no_wait_beyond_the_end(served: Gateway, one: Upstream) -> None:
    """Where the request would be over before the next try, the reply that there is is the answer."""
    one.answers["/ended/1"] = fails(9, "retry-after: 2")
    reply, seconds = _timed(served, get("/ended/1"))
    assert (reply.status, len(one.seen("/ended/1"))) == (503, 1)
    assert seconds < 0.4


@shows("route.retries.{body,method}")
@pytest.mark.parametrize(("size", "tries"), [(0, 3), (1, 3), (1024, 3), (1025, 1), (1 << 20, 1)])
@pytest.mark.parametrize("form", ["length", "chunks"])
def test_bodies(served: Gateway, one: Upstream, size: int, tries: int, form: str) -> None:
    """What is not too long arrives again byte by byte; what is, arrives once."""
    body = bytes(index * 7 % 251 for index in range(size))
    path = f"/body/{form}/{size}"
    one.answers[path] = fails(2)
    pieces = [body[at : at + 500] for at in range(0, size, 500)]
    data = post(path, body) if form == "length" else chunked(path, pieces)
    reply = ask(served.address(), data, b"POST")
    assert reply.status == (200 if tries == 3 else 503)
    assert [each.body for each in one.seen(path)] == [body] * tries
    if tries == 3:
        assert reply.body == body


@shows("route.retries.body")
def test_no_bodies(served: Gateway, one: Upstream) -> None:
    """`off`: what has a body is not sent again, what has none is."""
    one.answers["/no-body/*"] = fails(1)
    assert ask(served.address(), post("/no-body/some", b"x"), b"POST").status == 503
    assert ask(served.address(), get("/no-body/none")).status == 200


@shows("route.retries.body")
def test_a_body_that_still_comes(served: Gateway, one: Upstream) -> None:
    """A target that is lost in the middle of a body: the next one gets all of it, from the beginning."""
    lost = threading.Event()

    def cut(exchange: Exchange) -> None:
        if lost.is_set():
            exchange.reply(200, exchange.read_body())
        else:
            lost.set()
            exchange.reset()

    one.answers["/body/cut"] = cut
    with Client(served.address()) as client:
        client.send(get("/body/cut", "Content-Length: 6", method="PUT") + b"abc")
        assert lost.wait(5)
        until(lambda: len(one.seen("/body/cut")) == 2, "the request is sent again")
        client.send(b"def")
        reply = client.reply(b"PUT")
    assert (reply.status, reply.body) == (200, b"abcdef")


@shows("route.retries.method")
def test_methods(served: Gateway, one: Upstream) -> None:
    """A POST that was sent is not sent again by default, and where others are named, a GET is not."""
    one.answers["/two/post"] = first(1, Exchange.reset)
    assert ask(served.address(), post("/two/post", b"x"), b"POST").status == 503
    one.answers["/body/get"] = first(1, Exchange.reset)
    assert ask(served.address(), get("/body/get")).status == 503
    one.answers["/body/put"] = first(1, Exchange.reset)
    assert ask(served.address(), post("/body/put", b"x", method="PUT"), b"PUT").status == 200


@shows("route.retries.budget.{,share,least}")
def test_budget(served: Gateway, one: Upstream) -> None:
    """Half of the requests may be tried again, and two in any case."""
    one.answers["/budget/*"] = fails(9)
    for number in range(20):
        assert ask(served.address(), get(f"/budget/{number}")).status == 503
    tries = [len(one.seen(f"/budget/{number}")) for number in range(20)]
    assert tries[:2] == [2, 2]
    assert 29 <= sum(tries) <= 31
    withheld = number_of(served, "gwc_retries_withheld_total", route="budget", why="budget")
    assert withheld == 40 - sum(tries)


@shows("route.retries")
def test_inherited(served: Gateway, one: Upstream) -> None:
    """A group's counts for its routes, unless one says otherwise."""
    for path, status in (("/inherited/so", 200), ("/inherited/not", 503)):
        one.answers[path] = first(1, Exchange.reset)
        assert ask(served.address(), get(path)).status == status


@shows("route.retries")
def test_nothing_after_the_head(served: Gateway, one: Upstream) -> None:
    """A reply whose head has gone to the client is its reply, though it is cut."""

    def cut(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123")
        time.sleep(0.1)
        exchange.reset()

    one.answers["/two/cut"] = cut
    with Client(served.address()) as client:
        client.send(get("/two/cut"))
        client.end()
    assert len(one.seen("/two/cut")) == 1
    assert served.access_line("/two/cut")["reason"] == "reply-body"


def test_a_client_that_goes(served: Gateway, one: Upstream) -> None:
    """While a request waits for its next try: there is none."""
    one.answers["/after/gone"] = fails(9, "retry-after: 1")
    client = Client(served.address())
    client.send(get("/after/gone"))
    until(lambda: len(one.seen("/after/gone")) == 1, "the request has arrived")
    client.reset()
    line = served.access_line("/after/gone", within=3)
    assert (line["reason"], line["attempts"]) == ("client-gone", 1)
    time.sleep(1.2)
    assert len(one.seen("/after/gone")) == 1


def test_counted(served: Gateway, one: Upstream) -> None:
    """Further tries are counted by their cause, and each counts for the target that it went to."""
    before = served.metric("gwc_upstream_attempts_total")
    one.answers["/on/counted"] = fails(2)
    assert ask(served.address(), get("/on/counted")).status == 200
    served.access_line("/on/counted")
    assert served.metric("gwc_upstream_attempts_total") - before == 3
    assert number_of(served, "gwc_retries_total", route="on", cause="status") >= 2
