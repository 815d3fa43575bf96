"""A certificate for TLS, and signed tokens with the key that checks them, for the benchmarks.

Made anew for every run. ECDSA with P-256 everywhere, as most of the Web has it.
"""

from __future__ import annotations

import datetime
import json
import time
from dataclasses import dataclass
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ISSUER = "https://id.example.com"
AUDIENCE = "bench"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files in PEM (`both`: certificate and key in one), the keys of tokens as of RFC 7517, and tokens."""

    certificate: Path
    key: Path
    both: Path
    jwks: Path
    tokens: tuple[str, ...]


def credentials(folder: Path, tokens: int = 1) -> Credentials:
    """Write them to a folder; every token is another one."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Credentials(
        folder / "bench.pem", folder / "bench.key", folder / "both.pem", folder / "jwks.json", ()
    )
    _certificate(made)
    signing = ec.generate_private_key(ec.SECP256R1())
    public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(signing.public_key()))
    public |= {"kid": "bench", "alg": "ES256", "use": "sig"}
    made.jwks.write_text(json.dumps({"keys": [public]}))
    ends = int(time.time()) + 24 * 3600
    signed = tuple(
        jwt.encode(
            {"iss": ISSUER, "aud": AUDIENCE, "sub": f"user-{number}", "exp": ends},
            signing,
            algorithm="ES256",
            headers={"kid": "bench"},
        )
        for number in range(tokens)
    )
    return Credentials(made.certificate, made.key, made.both, made.jwks, signed)


def _certificate(files: Credentials) -> None:
    """Self-signed, for `localhost` and the hosts of the benchmarks."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "bench")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.DNSName("*.example.com")]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    files.certificate.write_bytes(pem)
    files.key.write_bytes(private)
    files.both.write_bytes(pem + private)
