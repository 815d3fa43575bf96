"""TLS with clients over real sockets: other people's clients, certificates that change, PROXY headers."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from .certificates import Authority, TlsClient
from .harness import Gateway, gateway, program, until
from .raw import get, post
from .upstream import Exchange, Upstream, upstream

CONFIG = """
metrics "%metrics%"
drain-timeout "1s"
listeners {{
    listener "public" {{ address "%public%"; tls {{
        certificate "{folder}/site.pem" key="{folder}/site.key"; {tls} }} }}
    listener "behind" {{ address "%behind%"; proxy-protocol #true; trusted-proxies "127.0.0.0/8"
        tls {{ certificate "{folder}/site.pem" key="{folder}/site.key" }} }}
}}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "fetched" {{ upstream "origin" }}
    route "who" {{ matches {{ path "/who" }}
        respond {{ body "who"; header "x-client" "${{client-ip}}" }} }}
}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who issued the certificates."""
    found = Authority(tmp_path_factory.mktemp("certificates"))
    found.issue("site", "a.test", "localhost", "127.0.0.1")
    return found


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(authority: Authority, origin: Upstream) -> Iterator[Gateway]:
    """A gateway that speaks TLS."""
    with gateway(_config(authority, origin)) as running:
        yield running


@pytest.fixture
def changing(authority: Authority, origin: Upstream) -> Iterator[Gateway]:
    """A gateway of which something will change."""
    authority.issue("site", "a.test")
    with gateway(_config(authority, origin)) as running:
        yield running


def _config(authority: Authority, origin: Upstream, tls: str = "") -> str:
    return CONFIG.format(folder=authority.folder, origin=origin.address, tls=tls)


def _serial(client: TlsClient) -> object:
    return (client.tls.getpeercert() or {}).get("serialNumber")


# --- other people's clients ------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl(served: Gateway, authority: Authority, version: str) -> None:
    """curl verifies the certificate and gets its answer by either version, through to the upstream."""
    port = served.ports["public"]
    command = [
        program("curl"),
        "-sS",
        version,
        "--cacert",
        str(authority.ca),
        "-o",
        "-",
        "-w",
        " %{http_version}",
    ]
    command += ["--resolve", f"a.test:{port}:127.0.0.1", f"https://a.test:{port}/{version}"]
    said = subprocess.run(command, capture_output=True, timeout=20, check=False, text=True)
    assert said.stdout == f"/{version} {'1.1' if version == '--http1.1' else '2'}", said.stderr
    line = served.access_line(f"/{version}")
    assert (line["tls_version"], line["sni"]) == ("TLSv1.3", "a.test")
    assert line["protocol"] == ("HTTP/1.1" if version == "--http1.1" else "HTTP/2")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_openssl(served: Gateway, authority: Authority, version: str) -> None:
    """`openssl s_client` verifies the chain, agrees on what ALPN offers, and resumes its session."""
    host, port = served.address()
    session = authority.folder / "session"
    command = [program("openssl"), "s_client", "-connect", f"{host}:{port}", "-servername", "a.test"]
    command += [
        version,
        "-CAfile",
        str(authority.ca),
        "-verify_return_error",
        "-alpn",
        "http/1.1",
        "-ign_eof",
    ]
    for again in (["-sess_out", str(session)], ["-sess_in", str(session)]):
        said = subprocess.run(
            [*command, *again],
            input=get("/s_client", "connection: close").decode(),
            capture_output=True,
            timeout=20,
            check=False,
            text=True,
        ).stdout
        assert "Verify return code: 0 (ok)" in said
        assert "ALPN protocol: http/1.1" in said
        assert "HTTP/1.1 200 OK" in said
        assert ("Reused, " in said) == ("-sess_in" in again)


def test_sslyze(served: Gateway, authority: Authority) -> None:
    """Mozilla's "intermediate" list holds: versions, suites, groups, renegotiation, compression."""
    try:
        import sslyze  # noqa: F401  # whether it is there
    except ImportError:
        if os.environ.get("GWC_REQUIRE_PROGRAMS") == "1":
            pytest.fail("`sslyze` is not installed")
        pytest.skip("`sslyze` is not installed")
    report = authority.folder / "report.json"
    command = [sys.executable, "-m", "sslyze", "--mozilla_config=intermediate", "--json_out", str(report)]
    command += ["--certinfo_ca_file", str(authority.ca), f"localhost:{served.ports['public']}"]
    said = subprocess.run(command, capture_output=True, timeout=120, check=False, text=True).stdout
    wrong = re.findall(r"^ +\* ([a-z_]+): ", said, re.M)
    # A test's authority is nobody whom a browser knows.
    assert set(wrong) <= {"certificate_path_validation"}, said[-2000:]
    assert "COMPLIANCE" in said
    (result,) = json.loads(report.read_text())["server_scan_results"]
    assert result["scan_status"] == "COMPLETED"


# --- bodies and ends -------------------------------------------------------------------------------


def test_bodies_both_ways(served: Gateway, authority: Authority, origin: Upstream) -> None:
    """A body of megabytes is the same on either side, however records cut it, on one connection."""
    body = os.urandom(1 << 20) * 3

    @origin.on("/echo")
    def _(exchange: Exchange) -> None:
        exchange.reply(200, exchange.read_body())

    with TlsClient(served.address(), authority.ca) as client:
        for _time in range(2):
            assert client.ask(post("/echo", body), b"POST").body == body


def test_a_connection_ends_in_good_form(served: Gateway, authority: Authority) -> None:
    """The last reply is followed by close_notify: a client can tell that nothing was cut off."""
    with TlsClient(served.address(), authority.ca, strict=True) as client:
        assert client.ask(get("/x", "connection: close")).status == 200
        assert client.end() == b""


def test_a_client_that_sends_no_more(served: Gateway, authority: Authority) -> None:
    """It has ended its direction and still gets the reply."""
    with TlsClient(served.address(), authority.ca) as client:
        client.send(get("/half"))
        with contextlib.suppress(ssl.SSLError, OSError):
            client.tls.settimeout(0.01)
            client.tls.unwrap()
        served.access_line("/half")


def test_garbage_and_half_a_hello(served: Gateway, authority: Authority) -> None:
    """Whatever is sent instead of a handshake ends that connection and no other, and leaves no trace."""
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    for data in (
        b"\x16\x03\x01\xff\xff" + os.urandom(600),
        hello + bytes(100),
        b"\x00" * 50,
        b"\x80\x2e\x01",
        b"\x16",
    ):
        with socket.create_connection(served.address(), timeout=5) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while sock.recv(1000):
                    pass
    with TlsClient(served.address(), authority.ca) as client:
        assert client.ask(get("/x")).status == 200


@pytest.mark.parametrize("name", [b"\xff\xfe.test", b"a" * 250, b"a..b", b"a.test:443"])
def test_server_names_that_are_none(served: Gateway, authority: Authority, name: bytes) -> None:
    """Bytes that no host has are refused like an unknown name, and nothing of them stands on stderr."""
    with socket.create_connection(served.address(), timeout=5) as sock:
        sock.sendall(_hello(authority, name))
        assert sock.recv(1000)[:1] == b"\x15"  # an alert
    with TlsClient(served.address(), authority.ca) as client:
        assert client.ask(get("/x")).status == 200


def _hello(authority: Authority, name: bytes) -> bytes:
    """A client's first message with another name in the place of one of the same length."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    stand_in = ("x" * 60 + ".") * 4 + "x" * 60 if len(name) > 60 else "x" * len(name)
    stand_in = stand_in[: len(name)].rstrip(".").ljust(len(name), "y")
    side = context.wrap_bio(incoming, outgoing, server_hostname=stand_in)
    with contextlib.suppress(ssl.SSLWantReadError):
        side.do_handshake()
    hello = outgoing.read()
    assert stand_in.encode() in hello
    return hello.replace(stand_in.encode(), name)


# --- behind a balancer -----------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [0, 5, 25])
def test_a_proxy_header_before_the_handshake(served: Gateway, authority: Authority, cut: int) -> None:
    """The client is the one that the header names; it may come in pieces, the handshake behind it."""
    header = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n"
    if not cut:
        client = TlsClient(served.address("behind"), authority.ca, before=header)
        with client:
            assert client.ask(get("/who")).value("x-client") == b"192.0.2.7"
        assert served.access_line("/who")["client_ip"] == "192.0.2.7"
        return
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=str(authority.ca))
    side = context.wrap_bio(incoming, outgoing, server_hostname="a.test")
    with contextlib.suppress(ssl.SSLWantReadError):
        side.do_handshake()
    data = header + outgoing.read()
    with socket.create_connection(served.address("behind"), timeout=5) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in (data[:cut], data[cut:]):
            sock.sendall(piece)
            time.sleep(0.05)
        assert sock.recv(1) == b"\x16"  # a handshake goes on


def test_no_proxy_header(served: Gateway, authority: Authority) -> None:
    """A handshake without one is cut."""
    with pytest.raises((ssl.SSLError, ConnectionError)):
        TlsClient(served.address("behind"), authority.ca)
    until(lambda: "proxy-header" in served.errors, "it is told")


# --- who the client is -----------------------------------------------------------------------------


def test_a_client_certificate_goes_on(authority: Authority, origin: Upstream) -> None:
    """Upstreams are told whose it was; what a client says of itself under that name is dropped."""
    authority.issue("client", "anna@example.com", common="anna")
    rules = f'client-certificates "optional"; ca-file "{authority.ca}"'
    field = "x-forwarded-client-cert"
    with gateway(_config(authority, origin, rules)) as served:
        for own in (None, authority.folder / "client"):
            with TlsClient(served.address(), authority.ca, own=own) as client:
                assert client.ask(get("/seen", f"{field}: Hash=forged")).status == 200
        first, second = (each.value(field) for each in origin.seen("/seen"))
        assert first is None
        assert second is not None
        assert re.fullmatch(r'Hash=[0-9a-f]{64};Subject="[^"]*CN=anna[^"]*"', second)


# --- certificates that change ----------------------------------------------------------------------


def test_a_new_certificate_while_a_connection_stands(changing: Gateway, authority: Authority) -> None:
    """Within seconds new connections get it; the one that stands serves on, with what it agreed on."""
    with TlsClient(changing.address(), authority.ca) as standing:
        old = _serial(standing)
        assert standing.ask(get("/before")).status == 200
        authority.issue("site", "a.test")
        until(lambda: _now(changing, authority) != old, "new connections have the new one", 10)
        assert standing.ask(get("/after")).status == 200
        assert _serial(standing) == old
    reloads = [line for line in changing.error_lines() if line.get("event") == "reload-failed"]
    assert len(reloads) <= 1  # between the two files, at most


def _now(running: Gateway, authority: Authority) -> object:
    with TlsClient(running.address(), authority.ca) as client:
        return _serial(client)


@pytest.mark.parametrize("broken", ["rubbish", "another key", "gone"])
def test_a_broken_certificate_keeps_the_old_one(changing: Gateway, authority: Authority, broken: str) -> None:
    """It is told as a reload that failed, in words; the old one serves on, and a good one mends it."""
    old = _now(changing, authority)
    file = authority.folder / "site.pem"
    if broken == "rubbish":
        file.write_text("not a certificate")
        said = "holds no certificate in PEM"
    elif broken == "another key":
        authority.issue("elsewhere", "a.test")
        os.replace(authority.folder / "elsewhere.key", authority.folder / "site.key")
        said = "is not the key of"
    else:
        file.unlink()
        said = "does not exist"
    until(lambda: said in changing.errors, "the failed reload is told", 10)
    assert '"reload-failed"' in changing.errors
    assert _now(changing, authority) == old
    authority.issue("site", "a.test")
    until(lambda: _now(changing, authority) != old, "the next good one is taken", 10)


def test_reloads_of_something_else(changing: Gateway, authority: Authority) -> None:
    """A change of a route closes nothing, and sessions are resumed over it."""
    config = changing.folder / "config" / "gwc.kdl"
    with TlsClient(changing.address(), authority.ca) as client:
        for number in range(3):
            config.write_text(config.read_text().replace('"who"; header', f'"who {number}"; header', 1))
            until(lambda: _committed(changing) >= 2, "it is taken")
            assert client.ask(get("/x")).status == 200


def _committed(changing: Gateway) -> int:
    return sum(line.get("event") == "reload-committed" for line in changing.error_lines())


def test_tls_that_comes_and_goes(changing: Gateway, authority: Authority) -> None:
    """A listener that loses TLS closes what it accepted, after the drain time; another one does not."""
    config = changing.folder / "config" / "gwc.kdl"
    text = config.read_text()
    with (
        TlsClient(changing.address(), authority.ca) as here,
        TlsClient(changing.address("behind"), authority.ca, before=b"PROXY UNKNOWN\r\n") as there,
    ):
        assert [each.ask(get("/x")).status for each in (here, there)] == [200, 200]
        first = text.index("tls {")
        last = text.index("} }", first)
        config.write_text(text[:first] + text[last + 2 :])
        until(lambda: _committed(changing) == 2, "the table is another one", 10)
        here.end(5)
        assert there.ask(get("/x")).status == 200
        with socket.create_connection(changing.address(), timeout=5) as sock:
            sock.sendall(get("/in-plain", "connection: close"))
            assert sock.recv(100).startswith(b"HTTP/1.1 200")


def test_workers_agree(authority: Authority, origin: Upstream) -> None:
    """With several workers each has the new certificate."""
    with gateway(_config(authority, origin), workers=2) as changing:
        old = _now(changing, authority)
        authority.issue("site", "a.test")
        until(lambda: _now(changing, authority) != old, "the new one is there", 10)
        until(lambda: len({_now(changing, authority) for _ in range(12)}) == 1, "everywhere", 5)
