"""Security defaults of what clients send: heads, framing, bodies, chunks, paths, hosts, identity, fields.

A test for each row of the table, named after its topic.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from ..certificates import Authority, TlsClient
from ..harness import Gateway, gateway, until
from ..http2 import Client2, frame
from ..http2 import head as head2
from ..raw import Client, get, post
from ..raw import ask as ask1
from ..upstream import Exchange, Upstream, upstream
from .both import VERSIONS, ask

CONFIG = """
listeners {{
    listener "public" {{ address "%public%" }}
    listener "scoped" {{ address "%scoped%"; host "a.test" "b.test" }}
    listener "trusting" {{ address "%trusting%"; trusted-proxies "127.0.0.1" "10.0.0.0/8" }}
    listener "proxied" {{ address "%proxied%"; proxy-protocol #true }}
    listener "slashes" {{ address "%slashes%"; path-normalisation "keep-encoded-slash" }}
    listener "secure" {{ address "%secure%"; host "a.test"
        tls {{ certificate "{folder}/own.pem" key="{folder}/own.key" }} }}
    listener "secure-too" {{ address "%secure%"; host "b.test"
        tls {{ certificate "{folder}/own.pem" key="{folder}/own.key" }} }}
}}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "socket" {{ matches {{ path "/socket" }}; websocket; authenticate "public"; upstream "origin" }}
    route "sum" {{ matches {{ path "/sum" }}; trailers {{ request "x-sum" }}; authenticate "public"
        upstream "origin" }}
    route "known" {{ matches {{ path-prefix "/known" }}; upstream "origin"
        authenticate {{ identity-header "x-user"
            basic file="users" }} }}
    route "all" {{ authenticate "public"; upstream "origin" }}
}}
"""
WEBSOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who issued the certificate."""
    found = Authority(tmp_path_factory.mktemp("security"))
    found.issue("own", "a.test", "b.test")
    return found


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream, authority: Authority) -> Iterator[Gateway]:
    """A gateway of which nothing is said but what a test needs."""
    text = CONFIG.format(origin=origin.address, folder=authority.folder)
    users = "ann:$2b$04$abcdefghijklmnopqrstuuu5Lq0YkqHqFvYV0bI8XkqGf9bOqyK5W\n"
    with gateway(text, files={"users": users}, options=("--no-watch",)) as running:
        yield running


@pytest.fixture(autouse=True)
def _forget(origin: Upstream) -> Iterator[None]:
    origin.requests.clear()
    yield
    assert not origin.faults
    origin.answers.clear()


# --- request head -----------------------------------------------------------------------------------------


def _padded(fields: int, size: int) -> list[tuple[str, str]]:
    return [(f"x-{number:02}", "v" * (size - 4)) for number in range(fields)]


@VERSIONS
def test_request_head(served: Gateway, version: str) -> None:
    """Each limit to the byte: target 8 KiB, method 32 bytes, 100 fields, 16 KiB a field, 64 KiB in all."""
    place = served.address()

    def status(target: str = "/", *fields: tuple[str, str], method: str = "GET") -> int:
        return ask(place, version, target, *fields, method=method).status

    assert [status("/" + "t" * 8191), status("/" + "t" * 8192)] == [200, 414]
    assert [status(method="M" * 32), status(method="M" * 33)] == [200, 400]
    host = 0 if version == "HTTP/2" else 1
    assert [status("/", *_padded(100 - host, 10)), status("/", *_padded(101 - host, 10))] == [200, 431]
    assert [status("/", ("x-a", "v" * 16380)), status("/", ("x-a", "v" * 16400))] == [200, 431]
    assert [status("/", *_padded(3, 16380)), status("/", *_padded(5, 16380))] == [200, 431]


def test_request_head_lines(served: Gateway) -> None:
    """Two empty lines may come before a request, a third may not; a line of 8 KiB may come, and no more."""
    assert ask1(served.address(), b"\r\n\r\n" + get("/")).status == 200
    assert ask1(served.address(), b"\r\n\r\n\r\n" + get("/")).status == 400
    with Client(served.address()) as client:
        client.send_some(b"G" * 20_000, 1)
        assert client.reply().status in (400, 414)
        client.end()


def _drips(client: Client | Client2, send: Callable[[bytes], object], data: bytes) -> float:
    """Send byte by byte, twice a second, until the other side ends it; how long that took."""
    began = time.monotonic()
    for at in range(len(data)):
        try:
            send(data[at : at + 1])
        except OSError:
            break
        if isinstance(client, Client2):
            client.step(0.5)
            if client.goaways or client.closed:
                break
        elif not client.is_quiet(0.5):
            break
        if time.monotonic() - began > 30:
            break
    return time.monotonic() - began


def test_request_head_deadline(served: Gateway) -> None:
    """A head has ten seconds in all, however lively it drips: 408, and in HTTP/2 the connection's end."""

    def first() -> float:
        with Client(served.address()) as client:
            client.send(b"GET / HTTP/1.1\r\nHost: a.test\r\nx-a: ")
            found = _drips(client, client.send, b"y" * 100)
            assert client.reply().status == 408
            return found

    def second() -> float:
        with Client2(served.address()) as client:
            client.step()
            client.deaf = True
            head = client.http2.encoder.encode(head2("/" + "x" * 200), huffman=False)
            return _drips(client, client.socket.sendall, frame(1, 5, 1, head))

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(first), pool.submit(second)]:
            assert 9 < each.result() < 16


# --- framing ----------------------------------------------------------------------------------------------

HELLO = b"5\r\nhello\r\n0\r\n\r\n"
TWO_WAYS = {
    "length-and-coding": (get("/", "Content-Length: 5", "Transfer-Encoding: chunked") + HELLO, 400),
    "two-lengths": (get("/", "Content-Length: 5", "Content-Length: 5") + b"hello", 400),
    "two-lengths-in-one": (get("/", "Content-Length: 5, 5") + b"hello", 400),
    "length-with-sign": (get("/", "Content-Length: +5") + b"hello", 400),
    "bare-cr": (b"GET / HTTP/1.1\r\nHost: a.test\r\nx-a: b\rc\r\n\r\n", 400),
    "bare-lf": (b"GET / HTTP/1.1\nHost: a.test\n\n", 400),
    "bare-lf-between": (b"GET / HTTP/1.1\r\nHost: a.test\nx-a: b\r\n\r\n", 400),
    "folded": (get("/", "x-a: b", " c"), 400),
    "space-before-colon": (get("/", "Transfer-Encoding : chunked") + HELLO, 400),
    "coding-in-1.0": (
        b"POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n" + HELLO,
        400,
    ),
    "coding-unknown": (get("/", "Transfer-Encoding: gzip, chunked"), 501),
    "coding-unknown-alone": (get("/", "Transfer-Encoding: xchunked"), 501),
    "coding-twice": (get("/", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + HELLO, 400),
}


@pytest.mark.parametrize("name", TWO_WAYS)
def test_framing(served: Gateway, origin: Upstream, name: str) -> None:
    """What two readers could read in two ways is refused, the connection ends, and nothing goes on."""
    data, status = TWO_WAYS[name]
    with Client(served.address()) as client:
        client.send(data + get("/smuggled"))
        assert client.reply().status == status
        assert client.end() == b""
    assert origin.requests == []


@pytest.mark.parametrize(
    "fields",
    [
        [("content-length", "4")],
        [("content-length", "6")],
        [("content-length", "5"), ("content-length", "5")],
        [("transfer-encoding", "chunked")],
        [("connection", "close")],
    ],
    ids=repr,
)
def test_framing_http2(served: Gateway, origin: Upstream, fields: list[tuple[str, str]]) -> None:
    """In HTTP/2 frames alone say where a body ends: what contradicts them resets the stream."""
    said = ask(served.address(), "HTTP/2", "/two-ways", *fields, body=b"hello", method="POST")
    assert said.status in (0, 400)
    assert said.reset == 1 or said.status == 400
    time.sleep(0.05)
    assert all(each.body is None or each.cut for each in origin.seen("/two-ways"))


@VERSIONS
def test_framing_is_the_gateways_own(served: Gateway, origin: Upstream, version: str) -> None:
    """A body goes on in a framing that the gateway writes, without what the client wrote around it."""
    if version == "HTTP/2":
        assert ask(served.address(), version, "/own", body=b"hello", method="POST").status == 200
        seen = origin.the("/own")
        assert (seen.values("transfer-encoding") or seen.values("content-length")) in (["chunked"], ["5"])
    else:
        data = get("/own", "transfer-ENCODING:\tChunked ", method="POST")
        assert ask1(served.address(), data + b"0005;a=b\r\nhello\r\n000\r\n\r\n", b"POST").status == 200
        seen = origin.the("/own")
        assert seen.values("transfer-encoding") == ["chunked"]
        assert b"0005" not in seen.raw
        assert b"a=b" not in seen.raw
    assert seen.body == b"hello"


@VERSIONS
@pytest.mark.parametrize("how", ["early", "extra", "abort"])
def test_framing_of_connections_in_doubt(served: Gateway, origin: Upstream, version: str, how: str) -> None:
    """After an early reply, a byte too many or a client that goes, that connection serves nobody else."""
    began = threading.Event()

    @origin.on(f"/{how}")
    def _(exchange: Exchange) -> None:
        if how == "extra":
            exchange.read_body()
            exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n")
        elif how == "early":
            exchange.reply(200, b"early")
        began.set()
        assert exchange.connection.wait_for_end(8), "the connection is kept"

    place = served.address()
    if how == "extra":
        assert ask(place, version, "/extra").body == b"ok"
    elif version == "HTTP/2":
        with Client2(place) as client:
            number = client.ask(
                head2(f"/{how}", method="POST"),
                ended=False,
            )
            client.http2.send_data(number, b"part")
            client.push()
            assert began.wait(5)
            if how == "early":
                client.until(lambda: client.replies[number].over)
                assert client.replies[number].status == 200
            else:
                client.http2.reset_stream(number, 8)
                client.push()
    else:
        with Client(place) as client1:
            client1.send(get(f"/{how}", "Content-Length: 1000", method="POST") + b"part")
            assert began.wait(5)
            if how == "early":
                assert client1.reply(b"POST").status == 200
    used = origin.the(f"/{how}").connection
    until(lambda: origin.connections[used].ended_by_peer, "it is ended")
    assert ask(place, version, "/after").body == b"/after"
    assert origin.the("/after").connection != used


# --- bodies -----------------------------------------------------------------------------------------------

MOST = 10 * 1024 * 1024


@VERSIONS
def test_body(served: Gateway, origin: Upstream, version: str) -> None:
    """10 MiB, by the length that is said before anything is read, and counted where none is said."""
    place = served.address()
    said = ask(place, version, "/said", ("content-length", str(MOST + 1)), method="POST")
    assert said.status == 413 or (version == "HTTP/2" and said.reset == 1)
    if version == "HTTP/2":
        with Client2(place) as client:
            number = client.ask(
                [
                    (":method", "POST"), (":scheme", "http"), (":path", "/said"), (":authority", "a.test"),
                    ("content-length", str(MOST + 1)),
                ],
                ended=False,
            )  # fmt: skip
            assert client.reply(number).status == 413
    assert origin.seen("/said") == []
    assert ask(place, version, "/counted", body=b"x" * MOST, method="POST", chunked=True).status == 200
    assert len(origin.the("/counted").body or b"") == MOST
    over = ask(place, version, "/over", body=b"x" * (MOST + 65536), method="POST", chunked=True)
    assert over.status == 413
    until(lambda: all(each.over for each in origin.seen("/over")), "it is given up")
    assert all(each.body is None for each in origin.seen("/over"))


@VERSIONS
def test_body_goes_on_as_it_comes(served: Gateway, origin: Upstream, version: str) -> None:
    """The target has the beginning while the client still has the end."""
    first = threading.Event()

    @origin.on("/streamed")
    def _(exchange: Exchange) -> None:
        first.set()
        exchange.reply(200, str(len(exchange.read_body())).encode())

    if version == "HTTP/2":
        with Client2(served.address()) as client:
            number = client.ask(
                head2("/streamed", method="POST"),
                ended=False,
            )
            client.http2.send_data(number, b"beginning")
            client.push()
            assert first.wait(5)
            client.http2.send_data(number, b"end", end_stream=True)
            assert client.reply(number).body == b"12"
    else:
        with Client(served.address()) as client1:
            client1.send(get("/streamed", "Content-Length: 12", method="POST") + b"beginning")
            assert first.wait(5)
            client1.send(b"end")
            assert client1.reply(b"POST").body == b"12"


@VERSIONS
def test_body_is_never_sent_twice(served: Gateway, origin: Upstream, version: str) -> None:
    """A kept connection that ends once it has part of a body: no other target has it, whatever the method."""

    @origin.on("/once")
    def _(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.close()

    for method in ("POST", "PUT"):
        assert ask(served.address(), version, "/warm").status == 200
        assert ask(served.address(), version, "/once", body=b"hello", method=method).status in (502, 503)
    assert len(origin.seen("/once")) == 2


def test_body_rate(served: Gateway) -> None:
    """Slower than 1 KiB a second after ten seconds: 408, in HTTP/2 too."""

    def first() -> tuple[int, float]:
        began = time.monotonic()
        with Client(served.address()) as client:
            client.send(get("/slow", "Content-Length: 100000", method="POST"))
            while client.is_quiet(0.4) and time.monotonic() - began < 30:
                client.send_some(b"y" * 50, 1)
            return client.reply(b"POST").status, time.monotonic() - began

    def second() -> tuple[int, float]:
        began = time.monotonic()
        with Client2(served.address()) as client:
            number = client.ask(
                head2("/slow", method="POST"),
                ended=False,
            )
            client.push()
            reply = client.replies[number]
            while not reply.over and not client.closed and time.monotonic() - began < 30:
                client.http2.send_data(number, b"y" * 50)
                client.push()
                client.step(0.4)
            return reply.status or 408, time.monotonic() - began

    with ThreadPoolExecutor(2) as pool:
        for each in [pool.submit(first), pool.submit(second)]:
            status, took = each.result()
            assert status == 408
            assert 9.5 < took < 20
    assert len(served.access_lines_for(lambda line: line["reason"] == "body-rate", 2)) == 2


# --- chunks -----------------------------------------------------------------------------------------------


def _chunked(body: bytes, path: str) -> bytes:
    return get(path, "Transfer-Encoding: chunked", method="POST") + body


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"%016x\r\nhello\r\n0\r\n\r\n" % 5, 200),
        (b"%017x\r\nhello\r\n0\r\n\r\n" % 5, 400),
        (b"5;" + b"e" * 255 + b"\r\nhello\r\n0\r\n\r\n", 200),
        (b"5;" + b"e" * 256 + b"\r\nhello\r\n0\r\n\r\n", 400),
        ((b"1;" + b"e" * 200 + b"\r\nh\r\n") * 38 + b"0\r\n\r\n", 200),
        ((b"1;" + b"e" * 200 + b"\r\nh\r\n") * 42 + b"0\r\n\r\n", 400),
        (b"0\r\n" + b"x-a: " + b"t" * 8000 + b"\r\n\r\n", 200),
        (b"0\r\n" + (b"x-a: " + b"t" * 4100 + b"\r\n") * 2 + b"\r\n", 400),
        (b"-5\r\nhello\r\n0\r\n\r\n", 400),
        (b"0x5\r\nhello\r\n0\r\n\r\n", 400),
        (b"5\nhello\r\n0\r\n\r\n", 400),
        (b"5\r\nhello0\r\n\r\n", 400),
    ],
    ids=[
        "16-digits", "17-digits", "extension", "long-extension", "extensions", "many-extensions", "trailers",
        "long-trailers", "sign", "prefix", "bare-lf", "no-end",
    ],
)  # fmt: skip
def test_chunks(served: Gateway, origin: Upstream, body: bytes, status: int) -> None:
    """16 digits, extensions of 256 bytes and 8 KiB in all, trailers of 8 KiB; nothing unclear."""
    path = f"/chunks/{zlib.crc32(body)}"
    with Client(served.address()) as client:
        client.send(_chunked(body, path))
        assert client.reply(b"POST").status == status
    for seen in origin.seen(path):
        assert (seen.body is not None) == (status == 200)
        assert b"eee" not in seen.raw
        assert seen.trailers == ()


@VERSIONS
def test_chunks_and_their_trailers(served: Gateway, origin: Upstream, version: str) -> None:
    """Trailers go on only where a route names them, and never those that mean something in a head."""
    trailers = [("x-sum", "1"), ("x-other", "2"), ("content-length", "9"), ("authorization", "no")]
    if version == "HTTP/2":
        trailers = [each for each in trailers if each[0] != "content-length"]
    for path in ("/sum", "/plain"):
        said = ask(served.address(), version, path, body=b"hello", method="POST", trailers=trailers)
        assert said.status == 200, said
    assert dict(origin.the("/sum").trailers) == {"x-sum": "1"}
    assert origin.the("/plain").trailers == ()


# --- paths ------------------------------------------------------------------------------------------------

BAD_PATHS = [
    "/a%00", "/a%0a", "/a%0D", "/a\\b", "/a%5cb", "/a%5Cb", "/a%2fb", "/a%2Fb", "/caf\xe9", "/a%", "/a%4",
    "/a%zz", "/%c0%af", "/%C0%AE%C0%AE/", "/%e0%80%af", "/%f0%80%80%af", "/..", "/a/../..", "/%2e%2e/",
    "/a/.%2e/..", "/..;/a", "/a/..;x=1/b", "/.;/a", "/a/%2e%2e;/b", "/a%7f", "/a%0d%0aHost:b",
]  # fmt: skip
"""What is refused."""
SAME_PATHS = {
    "/%61bc": "/abc", "/a/./b": "/a/b", "/a/../b": "/b", "/a//b": "/a/b", "/a/%2e/b": "/a/b",
    "/a/%2E%2e/b": "/b", "/%7Eme": "/~me", "/a%2cb": "/a%2Cb", "/a%252fb": "/a%252fb", "/A": "/A",
    "/a/b/..": "/a/", "//a": "/a", "/a%3bb": "/a%3Bb",
}  # fmt: skip
"""What is matched and forwarded instead."""


@VERSIONS
def test_paths(served: Gateway, origin: Upstream, version: str) -> None:
    """What others read in another way is refused; the rest has one form, matched and forwarded alike."""
    for path in BAD_PATHS:
        assert ask(served.address(), version, path).status == 400, path
    assert origin.requests == []
    for path, wanted in SAME_PATHS.items():
        assert ask(served.address(), version, f"{path}?q=%2F..").status == 200, path
        assert origin.requests.pop().target == f"{wanted}?q=%2F..", path
    assert ask(served.address("slashes"), version, "/a%2fb%252f").status == 200
    assert origin.requests.pop().target == "/a%2Fb%252f", "kept, never decoded"
    for path in ("/known/x", "/%6bnown/x", "/x/../known", "//known/", "/./known"):
        assert ask(served.address(), version, path).status == 401, "no spelling gets round a route"
    assert ask(served.address(), version, "/Known").status == 200, "case counts"


# --- host and SNI -----------------------------------------------------------------------------------------


@VERSIONS
def test_host_and_sni(served: Gateway, origin: Upstream, version: str) -> None:
    """One valid Host; where nobody takes it, nobody answers for it; it goes on in one spelling."""
    scoped = served.address("scoped")
    assert [ask(scoped, version, host=host).status for host in ("a.test", "c.test", "127.0.0.1")] == [
        200, 404, 404,
    ]  # fmt: skip
    for host in ("", "a b", "a.test:x", "a.test:99999", "u@a.test", "a..test", "[::1", "a.test/x", "a,b"):
        assert ask(served.address(), version, host=host).status == 400, host
    origin.requests.clear()
    for host, wanted in (("A.TeSt", "a.test"), ("a.test.", "a.test"), ("a.test:081", "a.test:81")):
        assert ask(served.address(), version, "/spelled", host=host).status == 200
        assert origin.requests.pop().value("host") == wanted


def test_host_and_sni_in_heads(served: Gateway, origin: Upstream) -> None:
    """None, two, or a target that names another one: 400. In HTTP/2 :authority and Host are the same."""
    place = served.address()
    assert ask1(place, b"GET / HTTP/1.1\r\n\r\n").status == 400
    assert ask1(place, get("/", "Host: a.test")).status == 400
    assert ask1(place, get("/", "Host: b.test")).status == 400
    assert ask1(place, get("http://b.test/")).status == 400
    assert ask1(place, get("http://a.test:80/absolute")).status == 200
    assert origin.requests.pop().target == "/absolute"
    with Client2(place) as client:
        for fields, status in (
            ([(":authority", "a.test"), ("host", "a.test")], 200),
            ([(":authority", "a.test"), ("host", "b.test")], 400),
            ([("host", "a.test")], 200),
            ([], 400),
        ):
            head = [(":method", "GET"), (":scheme", "http"), (":path", "/"), *fields]
            reply = client.reply(client.ask(head))
            assert (reply.status or 400) == status, fields
            assert origin.requests.pop().values("host") == ["a.test"] if status == 200 else True


def test_host_and_sni_with_tls(served: Gateway, authority: Authority) -> None:
    """A host of another listener than the name of the handshake: 421, and a name that nobody has: refused."""
    place = served.address("secure")
    with TlsClient(place, authority.ca, "a.test") as client:
        assert client.ask(get("/", host="a.test")).status == 200
        assert client.ask(get("/", host="b.test")).status == 421
    with Client2(place, ca=authority.ca, name="b.test") as client2:
        head = [(":method", "GET"), (":scheme", "https"), (":path", "/")]
        assert client2.reply(client2.ask([*head, (":authority", "a.test")])).status == 421
        assert client2.reply(client2.ask([*head, (":authority", "b.test")])).status == 200
    with pytest.raises(OSError, match=r"(?i)unrecognized|alert"):
        TlsClient(place, None, "c.test")


# --- identity ---------------------------------------------------------------------------------------------


@VERSIONS
def test_client_identity(served: Gateway, origin: Upstream, version: str) -> None:
    """What a stranger says of itself is replaced; a trusted peer's word counts from the right."""
    lies = [
        ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.test"),
        ("x-forwarded-port", "1"), ("x-forwarded-prefix", "/x"), ("x-forwarded-user", "root"),
        ("forwarded", "for=192.0.2.1"), ("x-real-ip", "192.0.2.1"), ("x-user", "root"),
    ]  # fmt: skip
    assert ask(served.address(), version, "/stranger", *lies).status == 200
    seen = origin.the("/stranger")
    assert seen.values("x-forwarded-for") == ["127.0.0.1"]
    assert (seen.values("x-forwarded-proto"), seen.values("x-forwarded-host")) == (["http"], ["a.test"])
    for name in ("forwarded", "x-real-ip", "x-forwarded-port", "x-forwarded-prefix", "x-forwarded-user"):
        assert seen.values(name) == [], name
    assert seen.values("x-user") == [], "the field of who was let in is the gateway's alone"
    said = ("x-forwarded-for", "192.0.2.66, 192.0.2.1, 10.1.1.1")
    assert ask(served.address("trusting"), version, "/trusted", said).status == 200
    assert served.access_line("/trusted")["client_ip"] == "192.0.2.1"
    assert served.access_line("/stranger")["client_ip"] == "127.0.0.1"


def test_client_identity_by_proxy_header(served: Gateway) -> None:
    """A PROXY header counts where it is declared, is asked for there, and is no request elsewhere."""
    second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x01\x15\xb3\0\x50"
    assert ask1(served.address("proxied"), second + get("/by-proxy")).status == 200
    assert served.access_line("/by-proxy")["client_ip"] == "192.0.2.7"
    assert ask1(served.address(), second + get("/")).status == 400
    with Client(served.address("proxied")) as client:
        client.send(get("/"))
        assert client.end() == b""


# --- dangerous fields -------------------------------------------------------------------------------------


@VERSIONS
def test_dangerous_fields(served: Gateway, origin: Upstream, version: str) -> None:
    """What makes others do something else than what was matched does not go on."""
    fields = [
        ("proxy", "http://evil.test"), ("x-original-url", "/admin"), ("x-rewrite-url", "/admin"),
        ("x-http-method-override", "DELETE"), ("x-http-method", "DELETE"), ("x-method-override", "DELETE"),
        ("x_forwarded_for", "192.0.2.1"), ("content_length", "5"), ("x-kept", "yes"), ("cookie", "a=b"),
        ("authorization", "Basic x"),
    ]  # fmt: skip
    assert ask(served.address(), version, "/fields", *fields, ("te", "trailers")).status == 200
    names = {name for name, _ in origin.the("/fields").fields}
    assert {"x-kept", "cookie", "authorization"} <= names
    assert not {name for name, _ in fields[:8]} & names
    for method in ("TRACE", "CONNECT"):
        if version == "HTTP/2" and method == "CONNECT":
            with Client2(served.address()) as client:
                reply = client.reply(client.ask([(":method", method), (":authority", "a.test:80")]))
                assert reply.status == 405 or reply.reset is not None
        else:
            target = "a.test:80" if method == "CONNECT" else "/"
            assert ask(served.address(), version, target, method=method).status == 405
    assert len(origin.requests) == 1


def test_dangerous_fields_of_a_connection(served: Gateway, origin: Upstream) -> None:
    """They end here; Connection may not take away what others rely on; nobody is upgraded unasked."""
    held = ("Authorization: a", "Cookie: b=c", "x-gone: d", "Keep-Alive: 5", "Proxy-Connection: close")
    names = "Connection: close, x-gone, Host, Content-Length, TE, Authorization, Cookie, X-Forwarded-For"
    place = served.address()
    assert ask1(place, post("/named", b"hello", *held, names, "TE: trailers, gzip"), b"POST").status == 200
    seen = origin.the("/named")
    assert (seen.value("authorization"), seen.value("cookie"), seen.value("host")) == ("a", "b=c", "a.test")
    assert (seen.body, seen.values("x-forwarded-for")) == (b"hello", ["127.0.0.1"])
    for name in ("x-gone", "keep-alive", "proxy-connection"):
        assert seen.values(name) == []
    assert seen.values("te") in ([], ["trailers"])
    h2c = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
    assert ask1(place, get("/h2c", *h2c)).status == 200
    seen = origin.the("/h2c")
    assert seen.values("upgrade") == seen.values("http2-settings") == []
    assert ask1(place, get("/elsewhere", *WEBSOCKET)).status == 403
    assert ask1(place, get("/socket", "Connection: Upgrade", "Upgrade: other")).status == 200
    assert origin.the("/socket").values("upgrade") == []
