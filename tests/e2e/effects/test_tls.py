"""TLS to upstreams: who is believed, by which name, and what the gateway shows of itself."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from ..harness import Gateway, gateway
from ..raw import ask, get
from .keys import shows
from .servers import Named, named

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "plain" {{ target "127.0.0.1:{right}" }}
    upstream "system" {{ target "127.0.0.1:{right}"; tls }}
    upstream "ours" {{ target "127.0.0.1:{right}"; tls {{ ca-file "{ca}" }} }}
    upstream "wrong-name" {{ target "127.0.0.1:{other}"; tls {{ ca-file "{ca}" }} }}
    upstream "named" {{ target "127.0.0.1:{other}"; tls {{ ca-file "{ca}"; server-name "other.test" }} }}
    upstream "blind" {{ target "127.0.0.1:{other}"; tls {{ verify #false }} }}
    upstream "nobody" {{ target "127.0.0.1:{strict}"; tls {{ ca-file "{ca}" }} }}
    upstream "somebody" {{ target "127.0.0.1:{strict}"
        tls {{ ca-file "{ca}"; certificate-file "{certificate}"; key-file "{key}" }} }}
}}
routes {{
    {routes}
}}
"""
NAMES = ("plain", "system", "ours", "wrong-name", "named", "blind", "nobody", "somebody")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Named], Path]]:
    """A server with a certificate for its address, one for a name, and one that wants to see one."""
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    own = ca.issue_cert("gateway.test", common_name="gateway.test")
    own.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    own.private_key_pem.write_to_path(str(folder / "key.pem"))
    with ExitStack() as stack:
        found = {}
        for name, identity in (("right", "127.0.0.1"), ("other", "other.test"), ("strict", "127.0.0.1")):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ca.issue_cert(identity).configure_cert(context)
            if name == "strict":
                context.verify_mode = ssl.CERT_REQUIRED
                ca.configure_trust(context)
            found[name] = stack.enter_context(named(name, tls=context))
        yield found, folder


@pytest.fixture(scope="module")
def served(servers: tuple[dict[str, Named], Path]) -> Iterator[Gateway]:
    """A gateway with an upstream for each key."""
    found, folder = servers
    routes = "".join(
        f'route "{name}" {{ matches {{ path "/{name}" }}; upstream "{name}" }}\n' for name in NAMES
    )
    ports = {name: server.port for name, server in found.items()}
    files = {name: str(folder / f"{name}.pem") for name in ("ca", "certificate", "key")}
    with gateway(CONFIG.format(routes=routes, **ports, **files)) as running:
        yield running


@shows("upstream.tls.{,ca-file,server-name,verify,certificate-file,key-file}")
@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        ("plain", 502, None),
        ("system", 502, None),
        ("ours", 200, b"right"),
        ("wrong-name", 502, None),
        ("named", 200, b"other"),
        ("blind", 200, b"other"),
        ("somebody", 200, b"strict"),
    ],
)
def test_tls(served: Gateway, name: str, status: int, body: bytes | None) -> None:
    """Whoever is not believed by the files and names that are given gets no request."""
    reply = ask(served.address(), get(f"/{name}"))
    assert reply.status in (status, 503 if status == 502 else status)
    assert body is None or reply.body == body
    if status == 502 and name != "plain":
        assert served.access_line(f"/{name}")["reason"] == "tls-failed"


@shows("upstream.tls.{certificate-file,key-file}")
def test_a_certificate_of_the_gateways_own(served: Gateway, servers: tuple[dict[str, Named], Path]) -> None:
    """A server that wants one sees it, and serves nobody without."""
    assert ask(served.address(), get("/nobody")).status in (502, 503)
    assert ask(served.address(), get("/somebody")).body == b"strict"
    assert "gateway.test" in str(servers[0]["strict"].shown)


@shows("upstream.tls.server-name")
def test_the_name_that_is_asked_for(served: Gateway, servers: tuple[dict[str, Named], Path]) -> None:
    """By SNI; an address is not sent."""
    assert ask(served.address(), get("/named")).status == 200
    assert "other.test" in servers[0]["other"].asked
    assert ask(served.address(), get("/ours")).status == 200
    assert set(servers[0]["right"].asked) == {None}
