"""TLS to upstreams: what a connection is made with, put together when a table is prepared.

Owns the versions and suites and verification; faults of the files that are named show before any request
needs them. A context is kept as long as something uses it and made only once for equal content, so
connections made with it outlive a table that is swapped.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple
from weakref import WeakValueDictionary

from gwc.schema.table import UpstreamProtocol, UpstreamTls
from gwc.schema.values.host import parse_host
from gwc.schema.values.refusal import ValueRefusal

from ..pem_files import PemFile, TlsFaulty, What, load_authorities, load_own, pem_file
from .address import Destination, UnixPath, host_of, numeric

_SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2, forward secret and authenticated; those of 1.3 all are."""

_OFFERED: Final[dict[UpstreamProtocol, list[str]]] = {
    "http1": ["http/1.1"],
    "http2": ["h2"],
    "auto": ["h2", "http/1.1"],
}


class _Content(NamedTuple):
    """All that a context is made of."""

    verify: bool
    authorities: PemFile | None
    certificate: PemFile | None
    key: PemFile | None
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
    authorities = pem_file("ca-file", settings.ca_file, resolve, root)
    certificate = pem_file("certificate-file", settings.certificate_file, resolve, root)
    key = pem_file("key-file", settings.key_file, resolve, root)
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
        load_authorities(context, settings.ca_file or "", content.authorities)
    elif settings.verify:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    if content.certificate is not None:
        written = settings.certificate_file or ""
        key: tuple[What, str, PemFile | None] = "certificate-file", written, None
        if content.key is not None:
            key = "key-file", settings.key_file or "", content.key
        load_own(context, ("certificate-file", written, content.certificate), key)
    return context
