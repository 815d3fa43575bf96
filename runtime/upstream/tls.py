"""TLS to upstreams: what a connection is made with, put together when a table is prepared.

Owns the versions and suites, verification, and the faults of the files that are named, which show before any
request needs them. A context is kept as long as something uses it and made only once for equal content, so
connections made with it outlive a table that is swapped.
"""

from __future__ import annotations

import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple, NoReturn, TypeAlias
from weakref import WeakValueDictionary

from gwc.schema.table import UpstreamProtocol, UpstreamTls
from gwc.schema.values.host import parse_host
from gwc.schema.values.refusal import ValueRefusal, quoted

from .address import Destination, UnixPath, host_of, numeric

What: TypeAlias = Literal["server-name", "ca-file", "certificate-file", "key-file"]

_SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2, forward secret and authenticated; those of 1.3 all are."""

_OFFERED: Final[dict[UpstreamProtocol, list[str]]] = {
    "http1": ["http/1.1"],
    "http2": ["h2"],
    "auto": ["h2", "http/1.1"],
}

_MOST_BYTES: Final = 4 * 1024 * 1024
"""Of a file of certificates; the public authorities together have a quarter of a MiB."""


class TlsFaulty(Exception):
    """TLS settings of an upstream that cannot be used.

    `what` is the key at fault, `written` its text in the configuration (what references stand for is never
    shown), `why` goes behind it: "does not exist".
    """

    def __init__(self, what: What, written: str, why: str) -> None:
        self.what: Final = what
        self.written: Final = written
        self.why: Final = why
        super().__init__(f"{what} {quoted(written)} {why}" if written else f"{what} {why}")


class _File(NamedTuple):
    """A file as it is now: another content has another stamp."""

    path: Path
    modified_ns: int
    inode: int
    size: int


class _Content(NamedTuple):
    """All that a context is made of."""

    verify: bool
    authorities: _File | None
    certificate: _File | None
    key: _File | None
    protocol: UpstreamProtocol


# The contexts in use by any table of this process, by what they are made of.
_CONTEXTS: Final[WeakValueDictionary[_Content, ssl.SSLContext]] = WeakValueDictionary()


def client_context(
    settings: UpstreamTls,
    resolve: Callable[[str], str] = str,
    root: Path = Path(),
    protocol: UpstreamProtocol = "http1",
) -> ssl.SSLContext:
    """What connections to an upstream are made with. Errors: TlsFaulty.

    `resolve` fills references in, `root` is where relative paths count from. TLS 1.2 and 1.3; certificate and
    host name are verified unless `verify` is off; what `protocol` says is offered (ALPN). Equal settings with
    unchanged files give the very same context.
    """
    authorities = _file("ca-file", settings.ca_file, resolve, root)
    certificate = _file("certificate-file", settings.certificate_file, resolve, root)
    key = _file("key-file", settings.key_file, resolve, root)
    if key is not None and certificate is None:
        raise TlsFaulty("key-file", settings.key_file or "", "has no certificate-file beside it")
    content = _Content(settings.verify, authorities, certificate, key, protocol)
    context = _CONTEXTS.get(content)
    if context is None:
        context = _CONTEXTS[content] = _make(settings, content)
    return context


def server_name(settings: UpstreamTls, destination: Destination, resolve: Callable[[str], str] = str) -> str:
    """What a connection asks for by SNI and what the certificate must be for. Errors: TlsFaulty.

    The `server_name` of the settings, else the target's host; an IP address is looked for in the certificate
    and not sent. "" for a unix path that is not verified: nothing is sent.
    """
    if settings.server_name is None:
        if isinstance(destination, UnixPath) and settings.verify:
            raise TlsFaulty("server-name", "", f"is needed: `{destination}` has no host to verify")
        return host_of(destination)
    host = parse_host(resolve(settings.server_name))
    if isinstance(host, ValueRefusal):
        raise TlsFaulty("server-name", settings.server_name, "is no host")
    return numeric(host) or host


def failure_of(error: BaseException) -> str:
    """Why a handshake failed, in words for logs; nothing that the other side wrote."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"the handshake failed: {(error.reason or 'closed').replace('_', ' ').lower()}"
    return "the connection was lost in the handshake"


def _make(settings: UpstreamTls, content: _Content) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(_OFFERED[content.protocol])
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if content.authorities is not None:
        # A file that names an intermediate, or the server's own certificate, means that one.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        written = settings.ca_file or ""
        try:
            context.load_verify_locations(content.authorities.path)
        except (OSError, ValueError) as error:
            _unreadable("ca-file", written, error, "holds no certificate in PEM")
        if not context.cert_store_stats()["x509"]:
            raise TlsFaulty("ca-file", written, "holds no certificate in PEM")
    elif settings.verify:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if content.certificate is not None:
        _load_own(context, settings, content.certificate, content.key)
    return context


def _load_own(context: ssl.SSLContext, settings: UpstreamTls, certificate: _File, key: _File | None) -> None:
    """The gateway's own certificate and key. OpenSSL does not say which is at fault: found out here."""
    written = settings.certificate_file or ""
    key_what: What = "certificate-file" if key is None else "key-file"
    key_written = written if key is None else settings.key_file or ""
    try:
        # A throw-away context: as authorities certificates are read without any key.
        probe = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        probe.load_verify_locations(certificate.path)
    except (OSError, ValueError) as error:
        _unreadable("certificate-file", written, error, "holds no certificate in PEM")
    asked = False

    def password() -> str:
        # Without this OpenSSL asks the terminal, and the gateway stands still.
        nonlocal asked
        asked = True
        return ""

    try:
        context.load_cert_chain(certificate.path, None if key is None else key.path, password)
    except (OSError, ValueError) as error:
        if asked:
            raise TlsFaulty(key_what, key_written, "holds a key with a password") from None
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            raise TlsFaulty(key_what, key_written, f"is not the key of {quoted(written)}") from None
        weak = isinstance(error, ssl.SSLError) and error.reason in ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK")
        if weak:
            raise TlsFaulty("certificate-file", written, "is too weak: its key or signature") from None
        _unreadable(key_what, key_written, error, "holds no private key in PEM")


def _unreadable(what: What, written: str, error: Exception, otherwise: str) -> NoReturn:
    """The fault of a file: that it cannot be read, or what it holds."""
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        raise TlsFaulty(what, written, "cannot be read") from None
    raise TlsFaulty(what, written, otherwise) from None


def _file(what: What, written: str | None, resolve: Callable[[str], str], root: Path) -> _File | None:
    """A named file as it is now. Only regular ones: opening others may wait for ever."""
    if written is None:
        return None
    try:
        path = root / "".join(resolve(written))
        status = path.stat()
    except FileNotFoundError:
        raise TlsFaulty(what, written, "does not exist") from None
    except (OSError, ValueError):
        raise TlsFaulty(what, written, "cannot be read") from None
    if not stat.S_ISREG(status.st_mode):
        raise TlsFaulty(what, written, "is not a regular file")
    if not 0 < status.st_size <= _MOST_BYTES:
        raise TlsFaulty(what, written, "is empty" if not status.st_size else f"has over {_MOST_BYTES} bytes")
    return _File(path, status.st_mtime_ns, status.st_ino, status.st_size)
