"""TLS with clients, as a table has it.

Owns the record. Contexts, handshakes and what certificates hold are the runtime's.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

ClientCertificates: TypeAlias = Literal["off", "optional", "required"]


class ListenerTls(NamedTuple):
    """How a listener speaks TLS. All but `certificates` is the same for listeners of one address.

    `certificates` are files, (certificate, key) each, as written: references are filled in by whoever loads
    them. `ca_file` has the authorities of clients' certificates, None where nobody is asked for one.
    `handshakes` is how many may be under way in one worker.
    """

    certificates: tuple[tuple[str, str], ...]
    min_version: Literal["1.2", "1.3"] = "1.2"
    client_certificates: ClientCertificates = "off"
    ca_file: str | None = None
    handshake_ms: int = 10_000
    handshakes: int = 256
