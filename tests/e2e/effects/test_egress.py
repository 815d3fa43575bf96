"""Connections to targets by a proxy: what it is asked, what passes inside, and its every refusal."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from ..harness import Gateway, gateway, until
from ..inside import held, reload
from ..proxying import REFUSES, Proxy, address_of, proxy
from ..raw import Client, ask, get
from ..upstream import Upstream, nobody, upstream
from .keys import shows
from .servers import named

CONFIG = """
metrics "%metrics%"
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "plain" {{ target "only.the-proxy-knows.test:80"; egress-proxy "http://{proxy}" }}
    upstream "address" {{ target "192.0.2.1:8080"; egress-proxy "http://{proxy}" }}
    upstream "tls" {{ target "secure.the-proxy-knows.test:443"; tls {{ ca-file "{ca}" }}
        egress-proxy "http://localhost:{port}" }}
    upstream "wrong" {{ target "wrong.the-proxy-knows.test:443"; tls {{ ca-file "{ca}" }}
        egress-proxy "http://{proxy}" }}
    upstream "known" {{ target "only.the-proxy-knows.test:80"
        egress-proxy "http://{proxy}" username="gwc" password="${{env:PROXY_PASSWORD}}" }}
    upstream "late" {{ target "late.test:80"; timeouts {{ connect "300ms" }}; egress-proxy "http://{other}" }}
    upstream "other" {{ target "other.test:80"; egress-proxy "http://{other}" }}
    upstream "none" {{ target "none.test:80"; egress-proxy "http://{nobody}" }}
    upstream "nameless" {{ target "none.test:80"; egress-proxy "http://no-such-proxy.invalid:3128" }}
}}
defaults {{ reasons #true }}
routes {{
    {routes}
}}
"""
NAMES = ("plain", "address", "tls", "wrong", "known", "late", "other", "none", "nameless")


@dataclass
class Scene:
    """The servers around the gateway."""

    origin: Upstream
    proxy: Proxy
    other: Proxy
    text: str


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A server, one with TLS, a proxy that leads to both, and one that says what it is told."""
    ca = trustme.CA()
    path = Path(tmp_path_factory.mktemp("ca")) / "ca.pem"
    ca.cert_pem.write_to_path(str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("secure.the-proxy-knows.test").configure_cert(context)
    with ExitStack() as stack:
        origin = stack.enter_context(upstream())
        secure = stack.enter_context(named("secure", tls=context))
        names = {
            "only.the-proxy-knows.test:80": address_of(origin.address),
            "192.0.2.1:8080": address_of(origin.address),
            "secure.the-proxy-knows.test:443": ("127.0.0.1", secure.port),
            "wrong.the-proxy-knows.test:443": ("127.0.0.1", secure.port),
        }
        first, second = stack.enter_context(proxy(names)), stack.enter_context(proxy(names))
        routes = "".join(
            f'route "{n}" {{ matches {{ path-prefix "/{n}" }}; upstream "{n}" }}\n' for n in NAMES
        )
        text = CONFIG.format(
            proxy=first.address,
            port=address_of(first.address)[1],
            other=second.address,
            ca=path,
            nobody=stack.enter_context(nobody()),
            routes=routes,
        )
        yield Scene(origin, first, second, text)


@pytest.fixture(scope="module")
def served(scene: Scene) -> Iterator[Gateway]:
    """The gateway. What the environment says of proxies is of no account."""
    environment = {"PROXY_PASSWORD": "open:sesame", "HTTP_PROXY": "http://192.0.2.9:1", "NO_PROXY": "*"}
    with gateway(scene.text, environment=environment, options=("--no-watch",)) as running:
        yield running


@shows("upstream.egress-proxy.{,url}")
def test_requests_go_by_the_proxy(served: Gateway, scene: Scene) -> None:
    """It is asked for the target's name, once for a connection that serves many requests."""
    scene.proxy.asked.clear()
    with Client(served.address()) as client:
        for _ in range(3):
            assert client.ask(get("/plain/a")).body == b"/plain/a"
    host = "only.the-proxy-knows.test:80"
    assert scene.proxy.asked == [f"CONNECT {host} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()]
    assert len({seen.connection for seen in scene.origin.seen("/plain/a")}) == 1
    assert ask(served.address(), get("/address")).body == b"/address"
    assert scene.proxy.asked[1].startswith(b"CONNECT 192.0.2.1:8080 HTTP/1.1\r\n")
    assert held(served)["active"] == 0


def test_tls_inside(served: Gateway) -> None:
    """The certificate must be for the target, not for the proxy."""
    assert ask(served.address(), get("/tls")).body == b"secure"
    reply = ask(served.address(), get("/wrong"))
    assert (reply.status, reply.value("x-gwc-reason")) == (502, b"tls-failed")


@shows("upstream.egress-proxy.{username,password}")
def test_credentials(served: Gateway, scene: Scene) -> None:
    """Basic, to the proxy alone, and in no log."""
    scene.proxy.asked.clear()
    scene.origin.requests.clear()
    assert ask(served.address(), get("/known")).status == 200
    secret = b64encode(b"gwc:open:sesame")
    assert b"proxy-authorization: Basic " + secret + b"\r\n" in scene.proxy.asked[0]
    assert scene.origin.the("/known").values("proxy-authorization") == []
    assert "sesame" not in served.errors
    assert secret.decode() not in served.errors


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (REFUSES % b"403 Forbidden", b"egress-refused"),
        (REFUSES % b"502 Bad Gateway", b"egress-refused"),
        (REFUSES % b"301 Moved", b"egress-refused"),
        (REFUSES % b"407 Who", b"egress-credentials"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + REFUSES % b"503 Not now", b"egress-refused"),
        (b"SSH-2.0-x\r\n", b"egress-reply"),
        (b"HTTP/1.1 200 ok\r\nno field\r\n\r\n", b"egress-reply"),
        (b"HTTP/1.1 200 ok\nx: y\r\n\r\n", b"egress-reply"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", b"egress-reply"),
        (b"HTTP/1.1 200 ok\r\nx: " + b"y" * 20_000, b"egress-reply"),
        (b"HTTP/1.1 200 ok\r\nx: " + b"y" * 20_000 + b"\r\n\r\n", b"egress-reply"),
        (b"HTTP/1.1 200", b"egress-reply"),
        (b"", b"egress-reply"),
    ],
)
def test_refusals(served: Gateway, scene: Scene, answer: bytes, reason: bytes) -> None:
    """502 with the reason, and nothing is left open."""
    scene.other.answer, scene.other.stays = answer, False
    reply = ask(served.address(), get("/other"))
    assert (reply.status, reply.value("x-gwc-reason")) == (502, reason)
    until(lambda: held(served)["active"] == 0, "nothing is under way")


def test_a_proxy_that_does_not_answer(served: Gateway, scene: Scene) -> None:
    """Its time is part of `connect`; nobody there and no name are told as of a target."""
    scene.other.answer, scene.other.stays = b"", True
    reply = ask(served.address(), get("/late"))
    assert (reply.status, reply.value("x-gwc-reason")) == (504, b"connect-timeout")
    reply = ask(served.address(), get("/none"))
    assert (reply.status, reply.value("x-gwc-reason")) == (503, b"connect-refused")
    reply = ask(served.address(), get("/nameless"))
    assert (reply.status, reply.value("x-gwc-reason")) == (503, b"name-lookup")


def test_another_proxy_is_another_way(scene: Scene) -> None:
    """Connections by the old proxy are not used for requests that are to go by the new one."""
    scene.other.answer = None
    scene.other.asked.clear()
    environment = {"PROXY_PASSWORD": "x"}
    with gateway(scene.text, environment=environment, options=("--no-watch",)) as running:
        assert ask(running.address(), get("/plain")).status == 200
        reload(running, scene.text.replace(scene.proxy.address, scene.other.address))
        assert ask(running.address(), get("/plain")).status == 200
        assert len(scene.other.asked) == 1
