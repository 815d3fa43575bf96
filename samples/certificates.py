"""Certificates to try samples/https with: two authorities, and what they issued.

    python samples/certificates.py samples/https/certificates

Writes `ca.pem` (what a client believes), a `.pem` and a `.key` for each server, `partners-ca.pem` and a
partner's own `partner.pem` and `partner.key`. They count for 90 days, and for nobody but you.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

SERVERS = {
    "shop": ("shop.example.com", "localhost"),
    "tenants": ("*.tenants.example.com",),
    "partners": ("partners.example.com",),
}
DAYS = 90

Issuer = tuple[x509.Name, EllipticCurvePrivateKey]


def main(folder: Path) -> None:
    """Write them all."""
    folder.mkdir(parents=True, exist_ok=True)
    web = _authority(folder / "ca.pem", "a test authority")
    for name, hosts in SERVERS.items():
        _issue(folder / name, web, hosts[0], [x509.DNSName(host) for host in hosts])
    partners = _authority(folder / "partners-ca.pem", "a test authority for partners")
    _issue(folder / "partner", partners, "partner-1", [x509.RFC822Name("anna@partner.example")])


def _authority(file: Path, name: str) -> Issuer:
    key = generate_private_key(SECP256R1())
    subject = _name(name)
    usage = x509.BasicConstraints(ca=True, path_length=0)
    file.write_bytes(_certificate(subject, key, (subject, key), [(usage, True)]))
    return subject, key


def _issue(file: Path, issuer: Issuer, name: str, names: list[x509.GeneralName]) -> None:
    key = generate_private_key(SECP256R1())
    extensions: list[tuple[x509.ExtensionType, bool]] = [(x509.SubjectAlternativeName(names), False)]
    file.with_suffix(".pem").write_bytes(_certificate(_name(name), key, issuer, extensions))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with open(os.open(file.with_suffix(".key"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(private)


def _certificate(
    subject: x509.Name,
    key: EllipticCurvePrivateKey,
    issuer: Issuer,
    extensions: list[tuple[x509.ExtensionType, bool]],
) -> bytes:
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0])
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
    )
    for extension, critical in extensions:
        built = built.add_extension(extension, critical)
    return built.sign(issuer[1], SHA256()).public_bytes(Encoding.PEM)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("say where to: python samples/certificates.py samples/https/certificates")
    main(Path(sys.argv[1]))
