"""What `protocol` of an upstream says: HTTP/1.1, HTTP/2, or what TLS agrees on."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from pathlib import Path

import trustme

from ..harness import gateway
from ..raw import Client, ask, get
from ..upstream import upstream
from ..upstream2 import http2_upstream
from .keys import shows
from .servers import named

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{
    upstream "one" {{ target "{one}" }}
    upstream "two" {{ target "{two}"; protocol "http2" }}
    upstream "wrong" {{ target "{one}"; protocol "http2" }}
    upstream "secure" {{ target "{secure}"; tls {{ ca-file "{ca}" }}; protocol "http2" }}
    upstream "either-two" {{ target "{secure}"; tls {{ ca-file "{ca}" }}; protocol "auto" }}
    upstream "either-one" {{ target "127.0.0.1:{old}"; tls {{ ca-file "{ca}" }}; protocol "auto" }}
    upstream "not-agreed" {{ target "127.0.0.1:{old}"; tls {{ ca-file "{ca}" }}; protocol "http2" }}
}}
routes {{
    {routes}
}}
"""
NAMES = ("one", "two", "wrong", "secure", "either-two", "either-one", "not-agreed")


@shows("upstream.protocol")
def test_what_is_spoken(tmp_path: Path) -> None:
    """In plain text what is said there; over TLS only what the target agrees to."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    with ExitStack() as stack:
        contexts = []
        for protocol in ("h2", "http/1.1"):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            context.set_alpn_protocols([protocol])
            contexts.append(context)
        one, two = stack.enter_context(upstream()), stack.enter_context(http2_upstream())
        secure = stack.enter_context(http2_upstream(tls=contexts[0]))
        old = stack.enter_context(named("old", tls=contexts[1]))
        routes = "".join(
            f'route "{name}" {{ matches {{ path "/{name}" }}; upstream "{name}" }}\n' for name in NAMES
        )
        text = CONFIG.format(
            one=one.address,
            two=two.address,
            secure=secure.address,
            old=old.port,
            ca=tmp_path / "ca.pem",
            routes=routes,
        )
        served = stack.enter_context(gateway(text))
        replies = {name: ask(served.address(), get(f"/{name}")) for name in NAMES}
        assert {name: reply.status for name, reply in replies.items()} == {
            "one": 200,
            "two": 200,
            "wrong": 502,
            "secure": 200,
            "either-two": 200,
            "either-one": 200,
            "not-agreed": 502,
        }
        assert [one.the("/one").target, two.the("/two").value(":path")] == ["/one", "/two"]
        assert secure.the("/either-two").value(":scheme") == "https"
        assert replies["either-one"].body == b"old"
        clients = [stack.enter_context(Client(served.address())) for _ in range(20)]
        for client in clients:
            client.send(get("/either-one"))
        assert {client.reply().body for client in clients} == {b"old"}
        for name in ("wrong", "not-agreed"):
            assert served.access_line(f"/{name}")["reason"] == "protocol-mismatch"
        one.faults.clear()  # what HTTP/2 begins with is no request to it
