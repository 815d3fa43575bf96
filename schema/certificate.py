"""What a certificate says of itself: for whom it is, how long it counts, whose key it has.

Owns the reading of PEM; files are opened by whoever has them, and nothing is verified here. Needs
`cryptography`, which is imported where there is something to read.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Certificate(NamedTuple):
    """The first certificate of a file. `names` are DNS names in lower case, exact or `*.x`, and addresses, of
    its subject alternative names; where it has none at all the common name stands in. `key` is its public key
    in DER.
    """

    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    key: bytes


class Unreadable(NamedTuple):
    """Why a file is of no use: goes behind its name."""

    why: str


def read_certificate(data: bytes) -> Certificate | Unreadable:
    """The first certificate in a text in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        first = x509.load_pem_x509_certificates(data)[0]
        names = _names(first)
        key = first.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except Exception:  # the library has an exception for every kind of rubbish
        return Unreadable("holds no certificate in PEM")
    return Certificate(names, first.not_valid_before_utc, first.not_valid_after_utc, key)


def read_public_key(data: bytes) -> bytes | Unreadable:
    """The public half, in DER, of the first private key in a text in PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

    begin = data.find(b"-----BEGIN ")
    while begin >= 0 and b"PRIVATE KEY" not in data[begin : begin + 40]:
        begin = data.find(b"-----BEGIN ", begin + 1)
    if begin < 0:
        return Unreadable("holds no private key in PEM")
    try:
        key = load_pem_private_key(data[begin:], None)
        return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except TypeError:
        return Unreadable("holds a key with a password")
    except Exception:  # likewise
        return Unreadable("holds no private key in PEM")


def covers(name: str, host: str) -> bool:
    """Whether a name of a certificate is for a host, which is exact or `*.x` (RFC 9525 section 6.3): a
    wildcard stands for one label.
    """
    if name == host:
        return True
    return name.startswith("*.") and not host.startswith("*.") and host.partition(".")[2] == name[2:]


def _names(certificate: object) -> tuple[str, ...]:
    from cryptography import x509

    assert isinstance(certificate, x509.Certificate)
    try:
        said = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return tuple(str(each.value).lower() for each in common)
    names = [name.lower().rstrip(".") for name in said.get_values_for_type(x509.DNSName)]
    return (*names, *map(str, said.get_values_for_type(x509.IPAddress)))
