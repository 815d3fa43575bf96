"""What a client and the gateway agreed on in a TLS handshake, for everybody who asks later.

Owns the facts, frozen: they hold for a connection and all its requests. How they came to be is the wire's.
"""

from __future__ import annotations

from typing import NamedTuple


class ClientCertificate(NamedTuple):
    """The certificate that a client showed and that was verified.

    `subject` and `issuer` as RFC 4514 writes names, the last part first. `dns`, `emails`, `uris` and
    `addresses` are its subject alternative names. `fingerprint` is the SHA-256 of the certificate, in
    lower-case hexadecimal; `serial` its number, in upper-case hexadecimal.
    """

    subject: str
    issuer: str
    serial: str
    fingerprint: str
    dns: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class TlsSession(NamedTuple):
    """`version` is `TLSv1.2` or `TLSv1.3`, `cipher` OpenSSL's name of the suite. `server_name` is what the
    client asked for, None for nothing; `protocol` what ALPN picked, None where nobody asked. `client` is None
    where no certificate was shown.
    """

    version: str
    cipher: str
    server_name: str | None
    protocol: str | None
    client: ClientCertificate | None = None


def forwarded_certificate(client: ClientCertificate) -> str:
    """The value of X-Forwarded-Client-Cert, in the form that Envoy gave it: one byte a character."""
    subject = client.subject.replace("\\", "\\\\").replace('"', '\\"')
    parts = [f"Hash={client.fingerprint}", f'Subject="{subject}"']
    parts += [f"URI={_plain(each)}" for each in client.uris]
    parts += [f"DNS={_plain(each)}" for each in client.dns]
    return ";".join(parts)


def _plain(text: str) -> str:
    """Text that cannot be taken for another part."""
    return "".join(
        char if "!" <= char <= "~" and char not in '";,=\\' else f"%{ord(char):02X}" for char in text
    )
