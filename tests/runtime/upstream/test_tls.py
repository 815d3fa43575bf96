"""TLS to upstreams over real sockets: who is believed, and whose fault a file is before anybody connects."""

from __future__ import annotations

import asyncio
import os
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from gwc.runtime.pem_files import TlsFaulty
from gwc.runtime.secrets import Secrets
from gwc.runtime.upstream.address import HostName, IpAddress, ServiceName, UnixPath
from gwc.runtime.upstream.tls import client_context, failure_of, server_name
from gwc.schema.table import UpstreamTls


class Authority:
    """An authority with its file, and servers and clients that it has certified."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.ca = trustme.CA()
        self.file = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(self.file))

    def server(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """A server's side with a certificate for these names."""
        until = datetime.now(UTC) - timedelta(days=1) if expired else None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*names, not_after=until).configure_cert(context)
        context.set_alpn_protocols(["h2", "http/1.1"])
        return context

    def client(self) -> tuple[Path, Path]:
        """Files of a client's certificate and key."""
        leaf = self.ca.issue_cert("gateway.test")
        certificate, key = self.folder / "client.pem", self.folder / "client.key"
        certificate.write_bytes(leaf.cert_chain_pems[0].bytes())
        key.write_bytes(leaf.private_key_pem.bytes())
        return certificate, key


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that upstreams' settings name."""
    return Authority(tmp_path_factory.mktemp("tls") / "good")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody named."""
    return Authority(tmp_path_factory.mktemp("tls") / "strange")


class Seen:
    """What both sides of a connection found."""

    sni: str | None = None
    version: str | None = None
    alpn: str | None = None
    client: object = None


def connect(server: ssl.SSLContext, context: ssl.SSLContext, name: str) -> Seen:
    """One connection over loopback: a byte there and a byte back. Errors: what the client's side raises."""
    seen = Seen()

    def remember(socket: ssl.SSLSocket | ssl.SSLObject, sni: str | None, _: ssl.SSLContext) -> None:
        seen.sni = sni

    server.sni_callback = remember

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readexactly(1)
            seen.client = writer.get_extra_info("peercert")
            writer.write(b"!")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def main() -> None:
        listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=server)
        async with listener, asyncio.timeout(10):
            port = listener.sockets[0].getsockname()[1]
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=context, server_hostname=name
            )
            try:
                tls = writer.get_extra_info("ssl_object")
                seen.version, seen.alpn = tls.version(), tls.selected_alpn_protocol()
                writer.write(b"?")
                assert await reader.readexactly(1) == b"!"
            finally:
                writer.transport.abort()

    asyncio.run(main())
    return seen


def refused(server: ssl.SSLContext, context: ssl.SSLContext, name: str) -> str:
    """How a connection fails, as the log says it."""
    with pytest.raises(OSError) as caught:  # that of TLS is one
        connect(server, context, name)
    return failure_of(caught.value)


def test_a_verified_upstream(authority: Authority) -> None:
    """The target's host is asked for and verified; TLS 1.3 and HTTP/1.1 are spoken."""
    settings = UpstreamTls(ca_file=str(authority.file))
    name = server_name(settings, HostName("orders.test", 443))
    seen = connect(authority.server("orders.test"), client_context(settings), name)
    assert (seen.sni, seen.version, seen.alpn) == ("orders.test", "TLSv1.3", "http/1.1")


def test_an_upstream_by_address(authority: Authority) -> None:
    """An IP address has to stand in the certificate; it is not sent as a name."""
    settings = UpstreamTls(ca_file=str(authority.file))
    name = server_name(settings, IpAddress("127.0.0.1", 443))
    assert connect(authority.server("127.0.0.1"), client_context(settings), name).sni is None
    assert "IP address mismatch" in refused(authority.server("orders.test"), client_context(settings), name)


def test_what_is_not_verified(authority: Authority, stranger: Authority) -> None:
    """Another name, another authority, an expired certificate and the system's authorities alone: refused."""
    settings = UpstreamTls(ca_file=str(authority.file))
    context = client_context(settings)
    assert "Hostname mismatch" in refused(authority.server("other.test"), context, "orders.test")
    assert "issuer" in refused(stranger.server("orders.test"), context, "orders.test")
    assert "expired" in refused(authority.server("orders.test", expired=True), context, "orders.test")
    assert "issuer" in refused(authority.server("orders.test"), client_context(UpstreamTls()), "orders.test")


def test_verification_turned_off(authority: Authority) -> None:
    """Where it is turned off anything goes, and SNI is sent as ever."""
    context = client_context(UpstreamTls(verify=False))
    seen = connect(authority.server("other.test", expired=True), context, "orders.test")
    assert seen.sni == "orders.test"


def test_another_server_name(authority: Authority) -> None:
    """`server_name` is sent and verified instead of the target's host."""
    settings = UpstreamTls(server_name="${env:NAME}", ca_file=str(authority.file))
    secrets = Secrets({"NAME": "Orders.Test"}, Path())
    name = server_name(settings, IpAddress("127.0.0.1", 443), secrets.text)
    assert connect(authority.server("orders.test"), client_context(settings), name).sni == "orders.test"


def test_a_client_certificate(authority: Authority) -> None:
    """A server that asks for a certificate gets the gateway's; one without is refused by the server."""
    certificate, key = authority.client()
    server = authority.server("orders.test")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(authority.file)
    settings = UpstreamTls(
        ca_file="ca.pem", certificate_file="${env:DIR}/client.pem", key_file="${env:DIR}/client.key"
    )
    secrets = Secrets({"DIR": str(authority.folder)}, Path())
    seen = connect(server, client_context(settings, secrets.text, authority.folder), "orders.test")
    assert "gateway.test" in str(seen.client)
    both = authority.folder / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    settings = UpstreamTls(ca_file=str(authority.file), certificate_file=str(both))
    assert "gateway.test" in str(connect(server, client_context(settings), "orders.test").client)
    without = client_context(UpstreamTls(ca_file=str(authority.file)))
    with pytest.raises((ssl.SSLError, OSError, asyncio.IncompleteReadError)):
        connect(server, without, "orders.test")


def test_an_old_version_is_refused(authority: Authority) -> None:
    """TLS 1.2 is spoken with forward secrecy alone, 1.1 not at all."""
    context = client_context(UpstreamTls(ca_file=str(authority.file)))
    server = authority.server("orders.test")
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    assert connect(server, context, "orders.test").version == "TLSv1.2"
    server.set_ciphers("AES128-GCM-SHA256")
    assert "handshake" in refused(server, context, "orders.test")
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_the_file_may_name_the_server_itself(authority: Authority, tmp_path: Path) -> None:
    """A file that holds the server's own certificate, not its authority's, is enough."""
    leaf = authority.ca.issue_cert("orders.test")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(server)
    (tmp_path / "leaf.pem").write_bytes(leaf.cert_chain_pems[0].bytes())
    context = client_context(UpstreamTls(ca_file="leaf.pem"), root=tmp_path)
    assert connect(server, context, "orders.test").version == "TLSv1.3"


def test_server_names() -> None:
    """The target's host unless another is written; a unix path has none to verify."""
    plain = UpstreamTls()
    assert server_name(plain, HostName("a.test", 1)) == "a.test"
    assert server_name(plain, ServiceName("_x._tcp.a.test")) == "_x._tcp.a.test"
    assert server_name(plain, IpAddress("::1", 1)) == "::1"
    assert server_name(UpstreamTls(server_name="[::1]"), UnixPath("/x")) == "::1"
    assert server_name(UpstreamTls(verify=False), UnixPath("/x")) == ""
    with pytest.raises(TlsFaulty, match="server-name is needed: `unix:/x` has no host"):
        server_name(plain, UnixPath("/x"))
    with pytest.raises(TlsFaulty) as caught:
        server_name(UpstreamTls(server_name="${env:A}"), UnixPath("/x"), lambda _: "hunter2 !")
    assert str(caught.value) == "server-name `${env:A}` is no host"


def test_one_context_for_equal_content(authority: Authority, tmp_path: Path) -> None:
    """Equal settings share a context over tables; a file that changes, or other settings, make a new one."""
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.file.read_bytes())
    settings = UpstreamTls(ca_file="${env:CA}")
    context = client_context(settings, lambda _: str(file))
    assert client_context(UpstreamTls(ca_file=str(file))) is context
    assert client_context(UpstreamTls(server_name="b.test", ca_file="ca.pem"), root=tmp_path) is context
    assert client_context(UpstreamTls(ca_file=str(file), verify=False)) is not context
    new = tmp_path / "new.pem"
    new.write_bytes(trustme.CA().cert_pem.bytes())
    os.replace(new, file)
    assert client_context(settings, lambda _: str(file)) is not context


def _encrypted(key: bytes) -> bytes:
    loaded = load_pem_private_key(key, None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hunter2"))


FAULTS: list[tuple[UpstreamTls, str, str]] = [
    (UpstreamTls(ca_file="gone.pem"), "ca-file", "does not exist"),
    (UpstreamTls(ca_file="."), "ca-file", "is not a regular file"),
    (UpstreamTls(ca_file="/dev/zero"), "ca-file", "is not a regular file"),
    (UpstreamTls(ca_file="empty"), "ca-file", "is empty"),
    (UpstreamTls(ca_file="text"), "ca-file", "holds no certificate in PEM"),
    (UpstreamTls(ca_file="client.key"), "ca-file", "holds no certificate in PEM"),
    (UpstreamTls(ca_file="broken"), "ca-file", "holds no certificate in PEM"),
    (UpstreamTls(ca_file="text/x"), "ca-file", "cannot be read"),
    (UpstreamTls(ca_file="a\0b"), "ca-file", "cannot be read"),
    (UpstreamTls(certificate_file="gone.pem"), "certificate-file", "does not exist"),
    (UpstreamTls(certificate_file="text"), "certificate-file", "holds no certificate in PEM"),
    (UpstreamTls(certificate_file="client.pem"), "certificate-file", "holds no private key in PEM"),
    (UpstreamTls(key_file="client.key"), "key-file", "has no certificate-file beside it"),
    (UpstreamTls(certificate_file="client.pem", key_file="gone"), "key-file", "does not exist"),
    (UpstreamTls(certificate_file="client.pem", key_file="text"), "key-file", "holds no private key in PEM"),
    (
        UpstreamTls(certificate_file="client.pem", key_file="other.key"),
        "key-file",
        "is not the key of `client.pem`",
    ),
    (
        UpstreamTls(certificate_file="client.pem", key_file="locked.key"),
        "key-file",
        "holds a key with a password",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "what", "why"), FAULTS)
def test_faults_show_beforehand(
    settings: UpstreamTls, what: str, why: str, authority: Authority, tmp_path: Path
) -> None:
    """A file that cannot be used is named with the reason, and nothing waits for a password."""
    certificate, key = authority.client()
    (tmp_path / "client.pem").write_bytes(certificate.read_bytes())
    (tmp_path / "client.key").write_bytes(key.read_bytes())
    (tmp_path / "other.key").write_bytes(authority.ca.issue_cert("x.test").private_key_pem.bytes())
    (tmp_path / "locked.key").write_bytes(_encrypted(key.read_bytes()))
    (tmp_path / "text").write_text("hunter2\n")
    (tmp_path / "broken").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (tmp_path / "empty").touch()
    with pytest.raises(TlsFaulty) as caught:
        client_context(settings, root=tmp_path)
    assert (caught.value.what, caught.value.why) == (what, why)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
