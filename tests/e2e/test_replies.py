"""Upstreams that misbehave: what the client gets, what the log says, and that nothing stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from . import misbehaving as bad
from .harness import Gateway, gateway, until
from .misbehaving import head, says, says_and_closes, says_and_resets
from .raw import Client, Silence, get, post
from .upstream import Answer, Exchange, Upstream, black_hole, nobody, upstream

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
metrics {{ address "%metrics%" }}
upstreams {{
    upstream "origin" {{
        target "{origin}"
        timeouts {{ connect "300ms"; first-byte "500ms"; idle "500ms"; request "2s" }}
    }}
    upstream "nobody" {{ target "{nobody}" }}
    upstream "hole" {{ target "{hole}"; timeouts {{ connect "300ms" }} }}
}}
routes {{
    route "all" {{ upstream "origin"; reasons #true }}
    route "nobody" {{ matches {{ path-prefix "/nobody" }}; upstream "nobody"; reasons #true }}
    route "hole" {{ matches {{ path-prefix "/hole" }}; upstream "hole"; reasons #true }}
}}
"""

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = head("Transfer-Encoding: chunked")


@dataclass(frozen=True)
class Row:
    """A misbehaviour and its consequences.

    `status` is what the client gets; `reasons` are the words of the access log, any of them. `cut`: the
    reply's head goes out and its body breaks off. `body`: what arrives of a reply that is served. `reused`:
    whether the connection to the upstream may be used again.
    """

    name: str
    answer: Answer
    status: int
    reasons: tuple[str, ...] = ("",)
    cut: bool = False
    body: bytes = b""
    reused: bool = False
    method: str = "GET"


def _refused() -> Iterator[Row]:
    framing = {
        "length-and-coding": head("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        "two-lengths": head("Content-Length: 5", "Content-Length: 6") + b"hello!",
        "two-equal-lengths": head("Content-Length: 5", "Content-Length: 5") + b"hello",
        "list-of-lengths": head("Content-Length: 5, 5") + b"hello",
        "length-plus": head("Content-Length: +5") + b"hello",
        "length-minus": head("Content-Length: -5") + b"hello",
        "length-hexadecimal": head("Content-Length: 0x5") + b"hello",
        "length-underscore": head("Content-Length: 0_5") + b"hello",
        "length-word": head("Content-Length: x") + b"hello",
        "length-empty": head("Content-Length:") + b"hello",
        "length-next-line": head("Content-Length: 5\x85") + b"hello",
        "length-too-long": head("Content-Length: " + "9" * 30) + b"hello",
        "coding-unknown": head("Transfer-Encoding: gzip") + b"hello",
        "coding-gzip-chunked": head("Transfer-Encoding: gzip, chunked") + b"0\r\n\r\n",
        "coding-chunked-gzip": head("Transfer-Encoding: chunked, gzip") + b"0\r\n\r\n",
        "coding-identity": head("Transfer-Encoding: identity") + b"hello",
        "coding-twice": head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
        "coding-in-http-1.0": head("Transfer-Encoding: chunked", status="HTTP/1.0 200 OK") + b"0\r\n\r\n",
        "coding-no-break-space": head("Transfer-Encoding: \xa0chunked") + b"0\r\n\r\n",
    }
    heads = {
        "folded": head("X: y\r\n z", "Content-Length: 0"),
        "folded-with-tab": head("X: y\r\n\tz", "Content-Length: 0"),
        "first-line-folded": head(" X: y", "Content-Length: 0"),
        "space-before-colon": head("X : y", "Content-Length: 0"),
        "no-colon": head("X", "Content-Length: 0"),
        "no-name": head(": y", "Content-Length: 0"),
        "nul": head("X: y\0z", "Content-Length: 0"),
        "nul-in-name": head("X\0: z", "Content-Length: 0"),
        "bare-cr": head("X: y\rz", "Content-Length: 0"),
        "bare-lf": head("X: y\nz", "Content-Length: 0"),
        "all-bare-lf": b"HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "control": head("X: \x01", "Content-Length: 0"),
        "nul-in-reason": head("Content-Length: 0", status="HTTP/1.1 200 O\0K"),
        "status-four-digits": head("Content-Length: 0", status="HTTP/1.1 2000 OK"),
        "status-two-digits": head("Content-Length: 0", status="HTTP/1.1 20 OK"),
        "status-text": head("Content-Length: 0", status="HTTP/1.1 OK OK"),
        "status-fullwidth": head("Content-Length: 0", status="HTTP/1.1 2\xef\xbc\x900 OK"),
        "status-plus": head("Content-Length: 0", status="HTTP/1.1 +20 OK"),
        "status-099": head("Content-Length: 0", status="HTTP/1.1 099 OK"),
        "status-600": head("Content-Length: 0", status="HTTP/1.1 600 OK"),
        "status-999": head("Content-Length: 0", status="HTTP/1.1 999 OK"),
        "status-000": head("Content-Length: 0", status="HTTP/1.1 000 OK"),
        "no-status": head("Content-Length: 0", status="HTTP/1.1"),
        "no-version": head("Content-Length: 0", status="200 OK"),
        "http-2": head("Content-Length: 0", status="HTTP/2.0 200 OK"),
        "http-1.2": head("Content-Length: 0", status="HTTP/1.2 200 OK"),
        "lower-case-version": head("Content-Length: 0", status="http/1.1 200 OK"),
        "two-spaces": head("Content-Length: 0", status="HTTP/1.1  200 OK"),
        "icy": head("Content-Length: 0", status="ICY 200 OK"),
        "blank-first": b" " + head("Content-Length: 0"),
        "empty-line-first": b"\r\n" + head("Content-Length: 0"),
        "tls-alert": b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
    }
    for name, data in framing.items():
        yield Row(name, says(data), 502, ("reply-framing", "reply-head"))
    for name, data in heads.items():
        yield Row(name, says(data), 502, ("reply-head",))
    yield Row("http-0.9", says_and_closes(b"hello"), 502, ("reply-head",))
    yield Row(
        "upgrade-unasked",
        says(head("Upgrade: x", "Connection: upgrade", status="HTTP/1.1 101 Switching")),
        502,
        ("reply-upgrade",),
    )
    yield Row("interim-flood", bad.floods_interim(200), 502, ("reply-interim",))
    yield Row(
        "interim-with-bad-field",
        says(b"HTTP/1.1 103 X\r\nX : y\r\n\r\n" + head("Content-Length: 0")),
        502,
        ("reply-head", "reply-interim"),
    )
    yield Row("head-of-300-kilobytes", says(head("X: " + "y" * 300_000)), 502, ("reply-too-long",))
    many = head(*[f"X-{n}: " + "y" * 1000 for n in range(300)], "Content-Length: 0")
    yield Row("fields-of-300-kilobytes", says(many), 502, ("reply-too-long",))
    # POST, which is never sent a second time, whatever connection it went by.
    lost: tuple[str, ...] = ("connection-lost",)
    yield Row("close-before-the-reply", says_and_closes(b""), 503, lost, method="POST")
    yield Row("reset-before-the-reply", says_and_resets(b""), 503, lost, method="POST")
    lost = ("connection-lost", "reply-head")
    yield Row("close-in-the-head", says_and_closes(b"HTTP/1.1 200 OK\r\nX:"), 502, lost)
    yield Row("reset-in-the-head", says_and_resets(b"HTTP/1.1 200 OK\r\nX:"), 502, lost)
    yield Row("silent", bad.is_silent, 504, ("first-byte-timeout",))
    yield Row(
        "one-byte-of-a-head-at-a-time",
        bad.says_slowly(b"HTTP/1.1 200 OK\r\n"),
        504,
        ("first-byte-timeout", "idle-timeout"),
    )


def _cut() -> Iterator[Row]:
    for name, answer in {
        "length-truncated": says_and_closes(head("Content-Length: 10") + b"hello"),
        "chunks-truncated": says_and_closes(CHUNKED + b"5\r\nhello\r\n"),
        "chunk-truncated": says_and_closes(CHUNKED + b"a\r\nhello"),
        "chunks-without-last-line": says_and_closes(CHUNKED + b"5\r\nhello\r\n0\r\n"),
        "chunk-size-no-number": says(CHUNKED + b"5\r\nhello\r\ng\r\n"),
        "chunk-size-plus": says(CHUNKED + b"5\r\nhello\r\n+5\r\nhello\r\n0\r\n\r\n"),
        "chunk-size-empty": says(CHUNKED + b"5\r\nhello\r\n\r\n"),
        "chunk-size-too-long": says(CHUNKED + b"5\r\nhello\r\n00000000000000005\r\n"),
        "chunk-bare-lf": says(CHUNKED + b"5\r\nhello\r\n5\nhello\r\n0\r\n\r\n"),
        "chunk-too-long": says(CHUNKED + b"5\r\nhello\r\n5\r\nhello!\r\n0\r\n\r\n"),
        "reset-in-the-body": says_and_resets(head("Content-Length: 10") + b"hello"),
        "reset-in-the-chunks": says_and_resets(CHUNKED + b"5\r\nhello\r\n"),
    }.items():
        yield Row(name, answer, 200, ("reply-body", "connection-lost"), cut=True)

    def stops(exchange: Exchange) -> None:
        exchange.send(head("Content-Length: 10") + b"hello")
        exchange.connection.wait_for_end(20)
        exchange.close()

    yield Row("silent-in-the-body", stops, 200, ("idle-timeout",), cut=True)
    yield Row(
        "one-byte-of-a-body-at-a-time",
        bad.says_slowly(head("Content-Length: 900"), 0.0),
        200,
        ("idle-timeout", "request-timeout"),
        cut=True,
    )


def _served() -> Iterator[Row]:
    hello = head("Content-Length: 5") + b"hello"
    yield Row("well-behaved", says(hello), 200, body=b"hello", reused=True)
    yield Row("chunked", says(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"), 200, body=b"hello", reused=True)
    yield Row(
        "one-interim", says(b"HTTP/1.1 103 Early Hints\r\n\r\n" + hello), 200, body=b"hello", reused=True
    )
    yield Row("interim-100", says(b"HTTP/1.1 100 Continue\r\n\r\n" + hello), 200, body=b"hello", reused=True)
    yield Row(
        "no-reason",
        says(head("Content-Length: 5", status="HTTP/1.1 200 ") + b"hello"),
        200,
        body=b"hello",
        reused=True,
    )
    yield Row(
        "unknown-status",
        says(head("Content-Length: 5", status="HTTP/1.1 299 X") + b"hello"),
        299,
        body=b"hello",
        reused=True,
    )
    yield Row(
        "says-close",
        says_and_closes(head("Content-Length: 5", "Connection: close") + b"hello"),
        200,
        body=b"hello",
    )
    yield Row("closes-unannounced", says_and_closes(hello), 200, body=b"hello")
    yield Row("reset-after-the-last-byte", says_and_resets(hello), 200, body=b"hello")
    yield Row("close-delimited", says_and_closes(head() + b"hello"), 200, body=b"hello")
    old = head(status="HTTP/1.0 200 OK") + b"hello"
    yield Row("close-delimited-in-http-1.0", says_and_closes(old), 200, body=b"hello")
    old = head("Content-Length: 5", status="HTTP/1.0 200 OK") + b"hello"
    yield Row("http-1.0", says_and_closes(old), 200, body=b"hello")
    yield Row("surplus-bytes", says(hello + b"surplus"), 200, body=b"hello")
    yield Row("a-second-reply", says(hello + head("Content-Length: 4") + b"evil"), 200, body=b"hello")
    coded = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
    yield Row("surplus-after-chunks", says(coded + head("Content-Length: 4") + b"evil"), 200, body=b"hello")
    none = head(status="HTTP/1.1 204 No Content")
    yield Row("204", says(none), 204, reused=True)
    yield Row("body-on-204", says(none + b"evil"), 204)
    yield Row("length-on-204", says(head("Content-Length: 4", status="HTTP/1.1 204 No") + b"evil"), 204)
    same = head("Content-Length: 4", status="HTTP/1.1 304 Not Modified")
    yield Row("304", says(same), 304, reused=True)
    yield Row("body-on-304", says(same + b"evil"), 304)
    yield Row("body-on-head", says(head("Content-Length: 4") + b"evil"), 200, method="HEAD")
    yield Row("head", says(head("Content-Length: 4")), 200, reused=True, method="HEAD")
    yield Row("chunked-head", says(CHUNKED), 200, reused=True, method="HEAD")
    yield Row(
        "slow-but-steady",
        bad.says_slowly(head("Content-Length: 1") + b"x", 0.005),
        200,
        body=b"x",
        reused=True,
    )


ROWS = [*_refused(), *_cut(), *_served()]


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server that misbehaves, by path."""
    with upstream() as server:
        for row in ROWS:
            server.answers[f"/{row.name}"] = row.answer
        server.answers["/one-byte-of-a-body-at-a-time"] = _drips
        server.answers["/never-reads"] = bad.never_reads
        server.answers["/never-ends"] = bad.never_ends
        server.answers["/dies"] = bad.dies_on_the_second
        server.answers["/dies-reset"] = bad.resets_on_the_second
        server.answers["/begins"] = bad.begins_a_reply_on_the_second
        yield server


def _drips(exchange: Exchange) -> None:
    exchange.send(head("Content-Length: 900"))
    bad.says_slowly(b"x" * 900)(exchange)


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """The gateway in front of it, and of two addresses where nobody is."""
    with ExitStack() as stack:
        config = CONFIG.format(
            origin=origin.address,
            nobody=stack.enter_context(nobody()),
            hole=stack.enter_context(black_hole()),
        )
        yield stack.enter_context(gateway(config))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_misbehaving_upstream(served: Gateway, origin: Upstream, row: Row) -> None:
    """The client gets what the row says, the log says why, and the next request is served."""
    path = f"/{row.name}"
    method = row.method.encode()
    with Client(served.address()) as client:
        length = ("Content-Length: 0",) if row.method == "POST" else ()
        reply = client.ask(get(path, *length, method=row.method), method)
        whole = reply.complete
        if row.cut and reply.status == 502:
            assert whole  # nothing had gone out yet: the better answer
        else:
            assert reply.status == row.status
            assert whole is not row.cut
        if row.cut:
            pass
        elif row.reasons == ("",):
            assert reply.body == row.body
            assert b"evil" not in reply.body
        else:
            _assert_own_error(reply.body, row)
            given = reply.value("x-gwc-reason")
            assert given is not None
            assert given.decode() in row.reasons
        if not row.cut and not reply.closes:
            assert client.ask(get("/after")).body == b"/after"
    line = served.access_line(path)
    assert line["reason"] in row.reasons
    assert line["status"] == reply.status
    assert line["upstream"] == "origin"
    assert line["attempts"] == 1
    seen = origin.the(path)
    until(lambda: seen.over, "the exchange is over")
    later = _next(served, origin)
    if not row.reused:
        assert later != seen.connection
        until(
            lambda: origin.connections[seen.connection].over.is_set(),
            "the connection to the upstream is given up",
        )


def _assert_own_error(body: bytes, row: Row) -> None:
    """An error body of the gateway's own: nothing of the upstream in it."""
    for word in (b"evil", b"hello", b"Traceback", b"origin", b"127.0.0.1"):
        assert word not in body, row


def _next(served: Gateway, origin: Upstream) -> int:
    """Ask for something plain; the connection of the upstream that it came by."""
    with Client(served.address()) as client:
        assert client.ask(get("/plain")).body == b"/plain"
    return origin.seen("/plain")[-1].connection


def test_a_target_that_refuses(served: Gateway) -> None:
    """503 and `connect-refused`."""
    with Client(served.address()) as client:
        reply = client.ask(get("/nobody/1"))
        assert (reply.status, reply.value("x-gwc-reason")) == (503, b"connect-refused")
        assert client.ask(get("/after")).status == 200
    assert served.access_line("/nobody/1")["reason"] == "connect-refused"


def test_a_target_that_neither_takes_nor_refuses(served: Gateway) -> None:
    """504 and `connect-timeout`, in the time the configuration gives."""
    with Client(served.address()) as client:
        reply = client.ask(get("/hole/1"))
        assert (reply.status, reply.value("x-gwc-reason")) == (504, b"connect-timeout")
    line = served.access_line("/hole/1")
    assert line["reason"] == "connect-timeout"
    assert 250 <= line["duration_ms"] <= 1500


def test_a_target_that_never_reads(served: Gateway, origin: Upstream) -> None:
    """A body that nobody takes ends in 504, not in memory."""
    with Client(served.address()) as client:
        client.send(get("/never-reads", "Content-Length: 9000000", method="POST"))
        client.send_some(b"x" * 9_000_000, 1.0)
        try:
            reply = client.reply(b"POST", within=4.0)
        except Silence:
            assert client.was_reset  # the client was still sending: a reply may be lost so
        else:
            assert reply.status == 504
            assert reply.closes
    line = served.access_line("/never-reads")
    assert line["status"] == 504
    assert line["reason"] in ("idle-timeout", "request-timeout", "first-byte-timeout")
    origin.connections[origin.the("/never-reads").connection].close()
    _next(served, origin)


def test_a_body_that_never_ends(served: Gateway, origin: Upstream) -> None:
    """It flows until the client has had enough; then the upstream's connection is ended."""
    with Client(served.address()) as client:
        client.send(get("/never-ends"))
        received = 0
        while received < 2_000_000:
            received += len(client.receive())
    seen = origin.the("/never-ends")
    until(lambda: seen.over, "the upstream's connection is ended")
    line = served.access_line("/never-ends")
    assert (line["status"], line["reason"]) == (200, "client-gone")


@pytest.mark.parametrize("path", ["/dies", "/dies-reset"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_a_kept_connection_that_died_is_tried_once_more(
    served: Gateway, origin: Upstream, path: str, method: str
) -> None:
    """A request without a body and with a safe or idempotent method is sent again on a fresh connection."""
    path = f"{path}-{method}"
    origin.answers[path] = origin.answers["/dies-reset" if "reset" in path else "/dies"]
    with Client(served.address()) as client:
        _keep_one(served, origin, path)
        first = len(origin.seen(path))
        data = get(path, "Content-Length: 0", method="PUT") if method == "PUT" else get(path, method=method)
        reply = client.ask(data, method.encode())
        assert reply.status == 200
        assert len(origin.seen(path)) == first + 2
    line = served.access_lines_for(path, 2)[-1]
    assert (line["attempts"], line["status"], line["reason"]) == (2, 200, "")


def test_a_post_on_a_connection_that_died_is_not_tried_again(served: Gateway, origin: Upstream) -> None:
    """Nobody knows whether it was acted on: 503 and `connection-lost`."""
    origin.answers["/dies-post"] = bad.dies_on_the_second
    with Client(served.address()) as client:
        _keep_one(served, origin, "/dies-post")
        first = len(origin.seen("/dies-post"))
        reply = client.ask(post("/dies-post", b"hello"), b"POST")
        assert (reply.status, reply.value("x-gwc-reason")) == (503, b"connection-lost")
        assert len(origin.seen("/dies-post")) == first + 1
    assert served.access_lines_for("/dies-post", 2)[-1]["attempts"] == 1


def test_a_reply_that_had_begun_is_not_asked_for_again(served: Gateway, origin: Upstream) -> None:
    """Once a byte of a reply has come, there is no second try."""
    with Client(served.address()) as client:
        _keep_one(served, origin, "/begins")
        first = len(origin.seen("/begins"))
        assert client.ask(get("/begins")).status in (502, 503)
        assert len(origin.seen("/begins")) == first + 1


def _keep_one(served: Gateway, origin: Upstream, path: str) -> None:
    """Leave one kept connection to the upstream: one that has carried a request for `path` alone."""
    for connection in list(origin.connections):
        connection.close()
        until(connection.over.is_set, "an old connection is over")
    with Client(served.address()) as client:
        assert client.ask(get(path)).body == b"alive"
    until(lambda: origin.seen(path)[-1].over, "the first request is over")


def test_nothing_is_left_behind(served: Gateway, origin: Upstream) -> None:
    """After all this, no request is in flight, and no connection open but those kept for reuse."""
    assert not origin.faults
    _next(served, origin)
    until(lambda: origin.open_connections() <= 128, "connections are given up")
    until(lambda: served.metric("gwc_in_flight") == 0, "no request is in flight")
