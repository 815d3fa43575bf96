"""What is said of TLS with clients, by a running gateway with a listener for each key."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from ..certificates import Authority, TlsClient
from ..harness import Gateway, gateway, until
from ..raw import ask, get
from .keys import shows

CONFIG = """
metrics "%metrics%"
listeners {{
    listener "public" {{ address "%public%"; tls {{
        certificate "{folder}/first.pem" key="{folder}/first.key"
        certificate "{folder}/wild.pem" key="{folder}/wild.key"
        certificate "{folder}/both.pem" }} }}
    listener "scoped" {{ address "%public%"; host "scoped.test"; tls {{
        certificate "{folder}/scoped.pem" key="{folder}/scoped.key" }} }}
    listener "said" {{ address "%said%"; protocol "https"
        tls {{ certificate "{folder}/first.pem" key="{folder}/first.key" }}
        hsts max-age="1h" subdomains=#true preload=#true }}
    listener "modern" {{ address "%modern%"; tls {{ certificate "{folder}/both.pem"; min-version "1.3" }} }}
    listener "optional" {{ address "%optional%"; tls {{ certificate "{folder}/both.pem"
        client-certificates "optional"; ca-file "{folder}/ca.pem" }} }}
    listener "required" {{ address "%required%"; tls {{ certificate "{folder}/both.pem"
        client-certificates "required"; ca-file "{folder}/ca.pem" }} }}
    listener "hasty" {{ address "%hasty%"; tls {{ certificate "{folder}/both.pem"
        handshake-timeout "200ms"; handshakes 2 }} }}
    listener "plain" {{ address "%plain%"; host "scoped.test"; redirect-to-https #true }}
    listener "plainer" {{ address "%plain%"; redirect-to-https #true }}
}}
routes {{
    route "said" {{ respond {{ body "said"
        header "x-listener" "${{listener}}"; header "x-scheme" "${{req.scheme}}" }} }}
    route "named" {{ matches {{ sni "sub.wild.test" }}; respond {{ body "named" }} }}
    route "secure" {{ matches {{ path "/scheme"; scheme "https" }}; respond {{ body "https" }} }}
}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who issued all certificates here."""
    found = Authority(tmp_path_factory.mktemp("listener-tls"))
    found.issue("first", "a.test", "127.0.0.1")
    found.issue("wild", "*.wild.test")
    found.issue("scoped", "scoped.test")
    found.issue("client", "somebody@example.com", common="somebody")
    found.issue("both", "both.test")
    folder = found.folder
    (folder / "both.pem").write_bytes((folder / "both.key").read_bytes() + (folder / "both.pem").read_bytes())
    Authority(folder, "other").issue("stranger", "stranger.test")
    return found


@pytest.fixture(scope="module")
def served(authority: Authority) -> Iterator[Gateway]:
    """A gateway with a listener for each key."""
    with gateway(CONFIG.format(folder=authority.folder)) as running:
        yield running


@shows("listener.tls.{,certificates}")
@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.test", "a.test"),
        ("A.TEST", "a.test"),
        ("x.wild.test", "*.wild.test"),
        ("both.test", "both.test"),
        ("scoped.test", "scoped.test"),
        (None, "a.test"),
    ],
)
def test_the_name_picks_the_certificate(
    served: Gateway, authority: Authority, name: str | None, shown: str
) -> None:
    """Exact, by wildcard, of another listener; who asks for no name gets the first."""
    with TlsClient(served.address(), authority.ca, name) as client:
        assert client.shown[0] == shown
        assert client.ask(get("/", host=name or "a.test")).status == 200


@shows("listener.tls")
@pytest.mark.parametrize("name", ["b.test", "wild.test", "x.y.wild.test", "a.test.evil"])
def test_a_name_that_nobody_has(served: Gateway, authority: Authority, name: str) -> None:
    """The handshake ends with the alert that RFC 6066 has for it, and is counted and told."""
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized[ _]name"):
        TlsClient(served.address(), authority.ca, name)
    until(lambda: "tls-name" in served.errors, "it is told")
    assert served.metric("gwc_refused_total") >= 1


@shows("listener.tls.certificate.key")
def test_a_key_of_its_own_or_in_the_same_file(served: Gateway, authority: Authority) -> None:
    """Both serve."""
    for name in ("a.test", "both.test"):
        with TlsClient(served.address(), authority.ca, name) as client:
            assert client.ask(get("/", host=name)).status == 200


@shows("listener.protocol")
def test_requests_count_as_https(served: Gateway, authority: Authority) -> None:
    """With TLS the scheme is `https`; a request in plain text is answered with 400 and told why."""
    for listener in ("said", "public"):
        with TlsClient(served.address(listener), authority.ca) as client:
            assert client.ask(get("/scheme")).body == b"https"
            assert client.ask(get("/")).value("x-scheme") == b"https"
    assert ask(served.address("plain"), get("/scheme")).status == 308
    reply = ask(served.address("said"), get("/scheme"))
    assert (reply.status, b"TLS" in reply.body) == (400, True)


def test_the_sni_predicate(served: Gateway, authority: Authority) -> None:
    """It holds for the name that the client asked for."""
    with TlsClient(served.address(), authority.ca, "sub.wild.test") as client:
        assert client.ask(get("/", host="sub.wild.test")).body == b"named"
    with TlsClient(served.address(), authority.ca, "x.wild.test") as client:
        assert client.ask(get("/", host="sub.wild.test")).body == b"said"


def test_the_name_and_the_host_of_two_listeners(served: Gateway, authority: Authority) -> None:
    """421, and the connection is not used for anybody else's host."""
    with TlsClient(served.address(), authority.ca, "scoped.test") as client:
        assert client.ask(get("/", host="scoped.test")).value("x-listener") == b"scoped"
        assert client.ask(get("/", host="a.test")).status == 421
    with TlsClient(served.address(), authority.ca, None) as client:
        assert client.ask(get("/", host="scoped.test")).status == 421


@shows("listener.tls.min-version")
def test_the_oldest_version(served: Gateway, authority: Authority) -> None:
    """TLS 1.2 is spoken unless the listener says otherwise, and nothing older ever."""
    old = ssl.TLSVersion.TLSv1_2
    with TlsClient(served.address(), authority.ca, most=old) as client:
        assert client.tls.version() == "TLSv1.2"
        assert client.ask(get("/")).status == 200
    with TlsClient(served.address("modern"), authority.ca, "both.test") as client:
        assert client.tls.version() == "TLSv1.3"
    with pytest.raises(ssl.SSLError, match=r"(?i)protocol[ _]version"):
        TlsClient(served.address("modern"), authority.ca, "both.test", most=old)


@shows("listener.tls.{client-certificates,ca-file}")
@pytest.mark.parametrize(
    ("listener", "own", "served_at_all"),
    [
        ("optional", None, True),
        ("optional", "client", True),
        ("optional", "stranger", False),
        ("required", None, False),
        ("required", "client", True),
        ("required", "stranger", False),
    ],
)
def test_client_certificates(
    served: Gateway, authority: Authority, listener: str, own: str | None, served_at_all: bool
) -> None:
    """One that is shown is verified; one that must be shown is missed by an alert, in either version."""
    file = None if own is None else authority.folder / own
    for most in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):

        def call(most: ssl.TLSVersion = most) -> int:
            with TlsClient(
                served.address(listener), authority.ca, "both.test", own=file, most=most
            ) as client:
                return client.ask(get("/", host="both.test")).status

        if served_at_all:
            assert call() == 200
        else:
            with pytest.raises(ssl.SSLError, match=r"(?i)alert|certificate"):
                call()


@shows("listener.tls.handshake-timeout")
def test_a_handshake_that_never_ends(served: Gateway, authority: Authority) -> None:
    """It is cut, and does not keep others away."""
    began = time.monotonic()
    with socket.create_connection(served.address("hasty"), timeout=5) as sock:
        sock.sendall(b"\x16\x03\x01")
        assert sock.recv(100) == b""
    assert 0.15 < time.monotonic() - began < 2
    until(lambda: "tls-timeout" in served.errors, "it is told")


@shows("listener.tls.handshakes")
def test_handshakes_at_once(served: Gateway, authority: Authority) -> None:
    """Those above the number wait to be accepted until one ends; then they are served."""
    waiting = [socket.create_connection(served.address("hasty"), timeout=5) for _ in range(2)]
    began = time.monotonic()
    with TlsClient(served.address("hasty"), authority.ca, "both.test") as client:
        assert time.monotonic() - began > 0.1
        assert client.ask(get("/", host="both.test")).status == 200
    for sock in waiting:
        sock.close()
    until(lambda: "2 handshakes are under way" in served.errors, "it is told")


@shows("listener.hsts.{,max-age,subdomains,preload}")
def test_hsts(served: Gateway, authority: Authority) -> None:
    """One field with every reply, of whatever status; and none where the listener says nothing."""
    with TlsClient(served.address("said"), authority.ca) as client:
        for path in ("/", "/scheme"):
            value = client.ask(get(path)).value("strict-transport-security")
            assert value == b"max-age=3600; includeSubDomains; preload"
    with TlsClient(served.address(), authority.ca) as client:
        assert client.ask(get("/")).values("strict-transport-security") == []


@shows("listener.redirect-to-https")
def test_redirect_to_https(served: Gateway) -> None:
    """308 to the same host, path and query, at the port of the listener that takes the host."""
    port = served.ports["public"]
    for host in ("scoped.test", "a.test:1234"):
        reply = ask(served.address("plain"), get("/a/b?d=e&f", host=host))
        name = host.partition(":")[0]
        assert (reply.status, reply.value("location")) == (308, f"https://{name}:{port}/a/b?d=e&f".encode())
    assert ask(served.address("plain"), get("/b", method="POST")).status == 308


def test_what_is_told(served: Gateway, authority: Authority) -> None:
    """The access log names version, suite and server name; metrics count handshakes by their end."""
    with TlsClient(served.address(), authority.ca) as client:
        client.ask(get("/told"))
    line = served.access_line("/told")
    assert (line["tls_version"], line["sni"]) == ("TLSv1.3", "a.test")
    assert line["tls_cipher"].startswith("TLS_")
    ask(served.address("plain"), get("/in-the-clear"))
    assert "tls_version" not in served.access_line("/in-the-clear")
    assert served.metric("gwc_tls_handshakes_total") > 5
