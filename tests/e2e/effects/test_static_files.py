"""Files of a directory: which ones, which bytes of them, and none outside of it."""

from __future__ import annotations

import gzip
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..harness import Gateway, gateway
from ..raw import Client, Reply, ask, get, post
from .keys import shows

BIG = bytes(range(256)) * 4_000

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
routes {{
    route "public" {{ static-files "{root}" }}
    group "more" {{ matches {{ path-prefix "/more" }}; rewrite prefix="/"
        route "index" {{ matches {{ path-prefix "/more/index" }}; rewrite prefix="/"
            static-files "{root}" {{ index "home.txt" "index.html" }} }}
        route "app" {{ matches {{ path-prefix "/more/app" }}; rewrite prefix="/"
            static-files "{root}" {{ fallback "index.html" }} }}
        route "packed" {{ matches {{ path-prefix "/more/packed" }}; rewrite prefix="/"
            static-files "{root}" {{ precompressed "br" "gzip" }} }}
        route "cached" {{ matches {{ path-prefix "/more/cached" }}; rewrite prefix="/"
            static-files "{root}" {{ cache-control "max-age=60" }} }}
        route "listed" {{ matches {{ path-prefix "/more/listed" }}; rewrite prefix="/"
            static-files "{root}" {{ index "no"; listing #true }} }}
        route "hidden" {{ matches {{ path-prefix "/more/hidden" }}; rewrite prefix="/"
            static-files "{root}" {{ hidden #true }} }}
    }}
}}
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with one thing of each kind, and a secret beside it."""
    above = tmp_path_factory.mktemp("files")
    (above / "secret.txt").write_text("secret")
    root = above / "public"
    for directory in ("empty", "sub", ".git", ".well-known"):
        (root / directory).mkdir(parents=True)
    (root / "index.html").write_text("<h1>home</h1>")
    (root / "home.txt").write_text("home")
    (root / "sub" / "index.html").write_text("sub")
    (root / "big").write_bytes(BIG)
    (root / "none.css").write_bytes(b"")
    (root / "a b%ü.txt").write_text("odd")
    (root / "x.js").write_text("plain")
    (root / "x.js.gz").write_bytes(gzip.compress(b"packed"))
    (root / "old.js.gz").write_bytes(gzip.compress(b"old"))
    os.utime(root / "old.js.gz", (1, 1))
    (root / "old.js").write_text("new")
    (root / ".git" / "config").write_text("hidden")
    (root / ".env").write_text("hidden")
    (root / ".well-known" / "security.txt").write_text("known")
    (root / "inside").symlink_to("sub/index.html")
    (root / "outside").symlink_to(above / "secret.txt")
    (root / "up").symlink_to(above)
    os.mkfifo(root / "pipe")
    (root / "unreadable").write_text("x")
    (root / "unreadable").chmod(0)
    return root


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Gateway]:
    """A gateway that serves it."""
    with gateway(CONFIG.format(root=root)) as running:
        yield running


def asked(running: Gateway, path: str, *fields: str, method: str = "GET") -> Reply:
    """The reply to one request."""
    return ask(running.address(), get(path, *fields, method=method), method.encode())


@shows("route.static-files", "route.static-files.{root,index}")
def test_what_a_path_leads_to(served: Gateway) -> None:
    """A file is its bytes and its type; a directory its index, by the path with its slash."""
    reply = asked(served, "/index.html")
    assert (reply.status, reply.body) == (200, b"<h1>home</h1>")
    assert reply.value("content-type") == b"text/html; charset=utf-8"
    assert asked(served, "/").body == b"<h1>home</h1>"
    assert asked(served, "/sub/").body == b"sub"
    reply = asked(served, "/sub?a=b")
    assert (reply.status, reply.value("location")) == (301, b"/sub/?a=b")
    assert asked(served, "/inside").body == b"sub"
    assert asked(served, "/a%20b%25%C3%BC.txt").body == b"odd"
    assert asked(served, "/none.css").body == b""
    assert asked(served, "/.well-known/security.txt").body == b"known"
    assert asked(served, "/more/index").body == b"home"
    assert asked(served, "/more/index/").body == b"home"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/index.html/",
        "/index.html/x",
        "/empty/",
        "/outside",
        "/up/secret.txt",
        "/pipe",
        "/.env",
        "/.git/config",
        "/.git/",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/sub/%2e%2e/%2e%2e/secret.txt",
        "/" + "a" * 300,
    ],
)
def test_what_is_not_there(served: Gateway, path: str) -> None:
    """Nothing outside, nothing hidden, nothing but plain files; a path that climbs is refused before."""
    reply = asked(served, path)
    assert reply.status in (404, 400)
    assert b"secret" not in reply.body
    assert b"hidden" not in reply.body


def test_who_may_not(served: Gateway) -> None:
    """Files are read; a method that changes is told what there is."""
    reply = ask(served.address(), post("/index.html", b"x"), b"POST")
    assert (reply.status, reply.value("allow")) == (405, b"GET, HEAD")
    if os.geteuid():
        assert asked(served, "/unreadable").status == 403


def test_validators(served: Gateway) -> None:
    """What a client has it need not get again; HEAD has all but the body."""
    first = asked(served, "/big")
    assert first.body == BIG
    etag, date = first.value("etag"), first.value("last-modified")
    assert etag is not None
    assert date is not None
    again = asked(served, "/big", f"If-None-Match: {etag.decode()}")
    assert (again.status, again.body, again.value("etag")) == (304, b"", etag)
    assert asked(served, "/big", f"If-Modified-Since: {date.decode()}").status == 304
    assert asked(served, "/big", 'If-Match: "x"').status == 412
    head = asked(served, "/big", method="HEAD")
    assert (head.status, head.value("content-length")) == (200, str(len(BIG)).encode())


def test_parts(served: Gateway) -> None:
    """One part is itself, several come one after the other with their places, none is 416."""
    reply = asked(served, "/big", "Range: bytes=256-511")
    assert (reply.status, reply.body) == (206, bytes(range(256)))
    assert reply.value("content-range") == f"bytes 256-511/{len(BIG)}".encode()
    reply = asked(served, "/big", "Range: bytes=200000-800000")
    assert reply.body == BIG[200_000:800_001]
    reply = asked(served, "/big", "Range: bytes=0-1, -2")
    kind = reply.value("content-type")
    assert kind is not None
    found = re.fullmatch(rb"multipart/byteranges; boundary=(\w+)", kind)
    assert found is not None
    parts = [each.partition(b"\r\n\r\n") for each in reply.body.split(b"--" + found[1])[1:-1]]
    assert [body.removesuffix(b"\r\n") for _, _, body in parts] == [b"\0\1", b"\xfe\xff"]
    assert f"content-range: bytes 0-1/{len(BIG)}".encode() in parts[0][0]
    reply = asked(served, "/big", f"Range: bytes={len(BIG)}-")
    assert (reply.status, reply.value("content-range")) == (416, f"bytes */{len(BIG)}".encode())


@shows("route.static-files.{fallback,precompressed,cache-control,listing,hidden}")
def test_what_a_route_may_say(served: Gateway) -> None:
    """A page for all paths, packed variants, caching, lists, and names with a dot."""
    assert asked(served, "/more/app/any/path").body == b"<h1>home</h1>"
    assert asked(served, "/more/app/sub/").body == b"sub"
    packed = asked(served, "/more/packed/x.js", "Accept-Encoding: gzip, br")
    assert packed.value("content-encoding") == b"gzip"
    assert packed.value("content-type") == b"text/javascript; charset=utf-8"
    assert gzip.decompress(packed.body) == b"packed"
    assert packed.value("vary") == b"accept-encoding"
    assert asked(served, "/more/packed/x.js").body == b"plain"
    assert asked(served, "/more/packed/old.js", "Accept-Encoding: gzip").body == b"new"
    assert asked(served, "/more/cached/x.js").value("cache-control") == b"max-age=60"
    assert asked(served, "/x.js").values("cache-control") == []
    listed = asked(served, "/more/listed/").body.decode()
    assert '<a href="./sub/">sub/</a>' in listed
    assert '<a href="./a%20b%25%C3%BC.txt">a b%ü.txt</a>' in listed
    assert ".git" not in listed
    assert asked(served, "/more/hidden/.env").body == b"hidden"


def test_a_slow_client_gets_a_big_file(served: Gateway, root: Path) -> None:
    """It is read as fast as it is taken: the gateway does not hold what nobody takes."""
    large = root / "large"
    with large.open("wb") as file:
        file.truncate(200_000_000)
    before = served.resident_bytes()
    with socket.create_connection(served.address()) as sock:
        sock.settimeout(10)
        sock.sendall(get("/large", "Connection: close"))
        total = len(sock.recv(1_000_000))
        assert asked(served, "/index.html").status == 200
        assert served.resident_bytes() - before < 20_000_000
        while data := sock.recv(1 << 20):
            total += len(data)
    assert total > 200_000_000
    with Client(served.address()) as client:  # one that goes away leaves nothing open
        client.send(get("/large"))
        client.receive()
        client.reset()
    large.unlink()
