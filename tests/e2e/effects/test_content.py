"""What is done to the bodies of replies: compressing, and pages for errors."""

from __future__ import annotations

import gzip
import threading
import zlib
from collections.abc import Iterator
from urllib.parse import parse_qsl

import pytest
from gwc.runtime.encodings import unpacked

from ..harness import Gateway, gateway
from ..raw import Client, Reply, ask, get, post
from ..upstream import Exchange, Upstream, upstream
from .keys import shows

TEXT = b"all the same, " * 500

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }}; upstream "nobody" {{ target "127.0.0.1:1" }} }}
defaults {{ compress }}
routes {{
    route "usual" {{ upstream "origin" }}
    route "plain" {{ matches {{ path-prefix "/plain" }}; upstream "origin"; compress "off" }}
    route "br" {{ matches {{ path-prefix "/br" }}; upstream "origin"; compress {{ encodings "br" "gzip" }} }}
    route "json" {{ matches {{ path-prefix "/json" }}; upstream "origin"
        compress {{ types "application/json" }} }}
    route "least" {{ matches {{ path-prefix "/least" }}; upstream "origin"; compress {{ least "8KiB" }} }}
    route "own" {{ matches {{ path "/own" }}; respond {{ body "{own}" }} }}

    route "checked" {{ matches {{ path "/checked" }}; upstream "origin"; api-schema "any.json"
        limits {{ request-body "1MiB" }} }}
    route "most" {{ matches {{ path "/most" }}; upstream "origin"; api-schema "any.json"
        decompress {{ most "1KiB"; ratio 1000 }} }}
    route "ratio" {{ matches {{ path "/ratio" }}; upstream "origin"; api-schema "any.json"
        decompress {{ ratio 2 }} }}

    group "pages" {{ matches {{ path-prefix "/pages" }}; compress "off"
        error-pages {{ page 404 body="gone ${{status}} ${{request-id}}\\n"
            page "4xx" body="4 ${{status-text}}"
            page "5xx" file="5xx.html"; page "any" body="other" }}
        route "pages" {{ upstream "origin" }}
        route "down" {{ matches {{ path "/pages/down" }}; upstream "nobody" }}
        route "too-long" {{ matches {{ path "/pages/too-long" }}; upstream "origin"
            limits {{ request-body "1B" }} }}
        route "off" {{ matches {{ path "/pages/off" }}; upstream "nobody"; error-pages "off" }}
        route "typed" {{ matches {{ path "/pages/typed" }}; upstream "nobody"
            error-pages {{ page 503 body="<b>${{status}}</b>" type="text/html" }} }}
        route "taken" {{ matches {{ path-prefix "/pages/taken" }}; upstream "origin"
            error-pages {{ intercept #true; page "any" body="taken ${{status}}" }} }}
        route "said" {{ matches {{ path "/pages/said" }}; respond status=404 {{ body "said" }} }}
    }}
}}
"""


FILES = {"5xx.html": "<p>${status-text} ${other}</p>", "any.json": '{"type": "object", "maxProperties": 1}'}
GO = threading.Event()


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """Says the same long text, in the way that a path's query asks for."""
    with upstream() as server:

        def told(exchange: Exchange) -> None:
            exchange.read_body()
            asked = dict(parse_qsl(exchange.seen.target.partition("?")[2]))
            fields = [f"Content-Type: {asked.get('type', 'text/plain')}", 'ETag: "1"']
            if "coded" in asked:
                fields.append(f"Content-Encoding: {asked['coded']}")
            if "streamed" in asked:
                head = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *fields]
                exchange.send("".join(f"{line}\r\n" for line in head).encode() + b"\r\n6\r\nfirst,\r\n")
                assert GO.wait(10)
                exchange.send(b"6\r\nsecond\r\n0\r\n\r\n")
            else:
                exchange.reply(int(asked.get("status", "200")), b"" if "empty" in asked else TEXT, *fields)

        server.otherwise = told
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """A gateway that changes bodies."""
    config = CONFIG.format(origin=origin.address, own="x" * 2000)
    with gateway(config, files=FILES) as running:
        yield running


def asked(running: Gateway, target: str, accept: str = "gzip, br, zstd", method: str = "GET") -> Reply:
    """The reply to a client that takes these codings."""
    request = get(target, f"Accept-Encoding: {accept}", method=method)
    return ask(running.address(), request, method.encode())


@shows("route.compress")
@pytest.mark.parametrize("accept", ["gzip", "br", "zstd"])
def test_compressed(served: Gateway, accept: str) -> None:
    """A client gets the coding it takes; caches are told, and the validator is weak."""
    reply = asked(served, "/", accept)
    assert reply.values("content-encoding") == [accept.encode()]
    assert reply.values("vary") == [b"accept-encoding"]
    assert reply.values("etag") == [b'W/"1"']
    assert unpacked(reply.body, accept, 100_000, 100_000) == TEXT
    assert len(reply.body) < len(TEXT) / 10


def test_left_alone(served: Gateway) -> None:
    """What no client asked for, what is packed, a part, a picture, or nothing at all, comes as it is."""
    for target, accept in (
        ("/", ""),
        ("/?coded=gzip", "br"),
        ("/?status=206", "br"),
        ("/?type=image/png", "br"),
    ):
        reply = asked(served, target, accept)
        assert reply.body == TEXT, target
        assert reply.value("etag") == b'"1"'
    assert asked(served, "/", "").values("vary") == [b"accept-encoding"]
    assert asked(served, "/?empty=1").values("content-encoding") == []
    reply = asked(served, "/", method="HEAD")
    assert reply.values("content-encoding") == [b"zstd"]
    assert reply.values("content-length") == []


@shows("route.compress.{state,encodings,types,least}")
def test_what_is_compressed(served: Gateway) -> None:
    """A route may leave it, choose codings and types, and say from which length on."""
    assert asked(served, "/plain").body == TEXT
    assert asked(served, "/br").values("content-encoding") == [b"br"]
    assert asked(served, "/br", "gzip, zstd").values("content-encoding") == [b"gzip"]
    assert asked(served, "/json").body == TEXT
    assert asked(served, "/json?type=application/json").values("content-encoding") == [b"zstd"]
    assert asked(served, "/least").body == TEXT
    assert asked(served, "/own").values("content-encoding") == [b"zstd"]


def test_streams_are_not_held_back(served: Gateway) -> None:
    """Each piece of a body without a length can be unpacked before the next is there."""
    GO.clear()
    with Client(served.address()) as client:
        client.send(get("/?streamed=1", "Accept-Encoding: gzip"))
        came = b""
        unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
        text = b""
        while not text.endswith(b"first,"):
            came += client.receive()
            body = came.partition(b"\r\n\r\n")[2]
            size, _, rest = body.partition(b"\r\n")
            if size and len(rest) >= int(size, 16):
                text = unpacker.decompress(rest[: int(size, 16)])
        GO.set()


def packed(running: Gateway, path: str, body: bytes, coding: str = "gzip") -> int:
    """The status of a request with a packed body."""
    fields = ("content-type: application/json", f"content-encoding: {coding}")
    return ask(running.address(), post(path, body, *fields), b"POST").status


@shows("route.decompress", "route.decompress.{most,ratio}")
def test_packed_requests_are_read(served: Gateway, origin: Upstream) -> None:
    """A policy reads what is in them, within limits; the target gets them as they came."""
    small = gzip.compress(b'{"a": 1}')
    assert packed(served, "/checked", small) == 200
    seen = origin.the("/checked")
    assert (seen.body, seen.value("content-encoding")) == (small, "gzip")
    assert packed(served, "/checked", gzip.compress(b'{"a": 1, "b": 2}')) == 400
    assert packed(served, "/checked", b"no such thing") == 415
    assert packed(served, "/checked", small, "compress") == 415
    long = gzip.compress(b'{"a": "' + b"x" * 2000 + b'"}')
    assert packed(served, "/most", small) == 200
    assert packed(served, "/most", long) == 413
    assert packed(served, "/ratio", small) == 200
    assert packed(served, "/ratio", long) == 413


@shows("route.error-pages", "route.error-pages.{state,pages,page.file,page.body,page.type,intercept}")
def test_pages(served: Gateway) -> None:
    """The first page that fits stands for an error of the gateway's, filled; a file's type is its name's."""
    reply = asked(served, "/pages/down")
    assert (reply.status, reply.body) == (503, b"<p>Service Unavailable ${other}</p>")
    assert reply.value("content-type") == b"text/html; charset=utf-8"
    reply = ask(served.address(), post("/pages/too-long", b"xx"))
    assert (reply.status, reply.body) == (413, b"4 Request Entity Too Large")
    assert asked(served, "/pages/typed").value("content-type") == b"text/html"
    assert asked(served, "/pages/typed").body == b"<b>503</b>"
    assert b"request_id" in asked(served, "/pages/off").body
    assert asked(served, "/pages/x?status=404").body == TEXT
    reply = asked(served, "/pages/taken?status=404")
    assert (reply.status, reply.body) == (404, b"taken 404")
    assert reply.values("etag") == []
    assert asked(served, "/pages/taken?status=500&empty=1").body == b"taken 500"
    assert asked(served, "/pages/taken").body == TEXT
    assert asked(served, "/pages/said").body == b"said"
    head = asked(served, "/pages/down", method="HEAD")
    assert (head.status, head.body) == (503, b"")
