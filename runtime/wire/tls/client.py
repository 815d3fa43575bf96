"""The certificate that a client showed, in a form to keep.

Owns the reading of what `ssl` tells of a verified certificate.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterable
from typing import Any, Final

from ...tls_session import ClientCertificate

_SHORT: Final = {
    "commonName": "CN",
    "countryName": "C",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
"""RFC 4514 section 3; other attributes have OpenSSL's names."""

_ESCAPED: Final = frozenset(',+"\\<>;')


def client_certificate(side: ssl.SSLObject) -> ClientCertificate | None:
    """What was shown and verified, None for nothing."""
    shown = side.getpeercert(True)
    said: Any = side.getpeercert()
    if not shown or not said:
        return None
    names: dict[str, list[str]] = {}
    for kind, value in said.get("subjectAltName", ()):
        names.setdefault(kind, []).append(str(value))
    return ClientCertificate(
        _name(said.get("subject", ())),
        _name(said.get("issuer", ())),
        str(said.get("serialNumber", "")),
        hashlib.sha256(shown).hexdigest(),
        tuple(names.get("DNS", ())),
        tuple(names.get("email", ())),
        tuple(names.get("URI", ())),
        tuple(names.get("IP Address", ())),
    )


def _name(parts: Iterable[Iterable[tuple[str, str]]]) -> str:
    """A distinguished name as RFC 4514 writes it, ASCII alone: other characters as escaped UTF-8."""
    return ",".join(
        "+".join(f"{_SHORT.get(kind, kind)}={_escaped(value)}" for kind, value in part)
        for part in reversed(list(parts))
    )


def _escaped(text: str) -> str:
    found = []
    for at, char in enumerate(text):
        if char in _ESCAPED or (char in " #" and at == 0) or (char == " " and at == len(text) - 1):
            found.append(f"\\{char}")
        elif " " <= char <= "~":
            found.append(char)
        else:
            found += (f"\\{byte:02X}" for byte in char.encode("utf-8", "replace"))
    return "".join(found)
