"""What routes say to browsers: `cors` and `security-headers`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..harness import Gateway, gateway
from ..raw import Reply, ask, get
from ..upstream import Upstream, upstream
from .keys import shows

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
defaults {{ cors {{ origins "https://a.test"; methods "PUT"; headers "x-a"; expose "x-b"; credentials #true
    max-age "1m"; private-network #true }}; security-headers }}
routes {{
    route "all" {{ matches {{ path-prefix "/all" }}; upstream "origin" }}
    route "off" {{ matches {{ path-prefix "/off" }}; cors "off"; security-headers "off"; upstream "origin" }}
    route "few" {{ matches {{ path-prefix "/few" }}; cors {{ origins "https://a.test" }}; upstream "origin"
        security-headers {{ content-type-options #false; frame-options "deny"; referrer-policy "origin"
            permissions-policy "usb=()"; opener-policy "unsafe-none"; resource-policy "same-site"
            content-security-policy "default-src 'self'"; replace #true }} }}
}}
"""
NAMES = ("origin", "methods", "headers", "credentials", "private-network")


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """A gateway with a route for each."""
    with gateway(CONFIG.format(origin=origin.address)) as running:
        yield running


def _preflight(served: Gateway, path: str, origin: str = "https://a.test") -> Reply:
    fields = (
        f"origin: {origin}",
        "access-control-request-method: PUT",
        "access-control-request-headers: x-a",
        "access-control-request-private-network: true",
    )
    return ask(served.address(), get(path, *fields).replace(b"GET", b"OPTIONS", 1), b"OPTIONS")


@shows(
    "route.cors.{,state,origins,methods,headers,expose,credentials,max-age,private-network}",
)
def test_cors(served: Gateway, origin: Upstream) -> None:
    """Each key is a field of the answer to a preflight, without it there is none; `off` is for targets."""
    full, few, off = (_preflight(served, path) for path in ("/all", "/few", "/off"))
    names = [f"access-control-allow-{name}" for name in NAMES]
    names += ["access-control-expose-headers", "access-control-max-age"]
    assert [full.status, few.status, off.status] == [204, 204, 200]
    wanted = [b"https://a.test", b"PUT", b"x-a", b"true", b"true", b"x-b", b"60"]
    assert [full.value(name) for name in names] == wanted
    assert [few.value(name) for name in names] == [b"https://a.test", None, None, None, None, None, b"5"]
    assert [off.value(name) for name in names] == [None] * 7
    assert [seen.method for seen in origin.requests] == ["OPTIONS"]
    assert _preflight(served, "/all", "https://b.test").value(names[0]) is None


@shows(
    "route.security-headers.{,state,content-type-options,frame-options,referrer-policy,permissions-policy}",
    "route.security-headers.{opener-policy,resource-policy,content-security-policy,replace}",
)
def test_security_headers(served: Gateway, origin: Upstream) -> None:
    """Each key is a field; a target's own is kept or replaced; `off` is nothing."""
    names = ["x-content-type-options", "x-frame-options", "referrer-policy", "permissions-policy"]
    names += ["cross-origin-opener-policy", "cross-origin-resource-policy", "content-security-policy"]
    for path in ("/all", "/few", "/off"):
        origin.answers[path] = lambda exchange: exchange.reply(200, b"", "referrer-policy: theirs")
    found = {
        path: [ask(served.address(), get(path)).value(name) for name in names]
        for path in ("/all", "/few", "/off")
    }
    assert found == {
        "/all": [
            b"nosniff",
            b"SAMEORIGIN",
            b"theirs",
            b"camera=(), geolocation=(), microphone=()",
            b"same-origin",
            None,
            None,
        ],
        "/few": [None, b"DENY", b"origin", b"usb=()", b"unsafe-none", b"same-site", b"default-src 'self'"],
        "/off": [None, None, b"theirs", None, None, None, None],
    }
