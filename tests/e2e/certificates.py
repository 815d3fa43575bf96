"""TLS for tests: an authority, files as a listener wants them, and a client."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme

from .raw import Address, Client


class Authority:
    """An authority in a folder. `ca` is the file of its own certificate."""

    def __init__(self, folder: Path, name: str = "ca") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.trust = trustme.CA()
        self.ca = folder / f"{name}.pem"
        self.trust.cert_pem.write_to_path(str(self.ca))

    def issue(self, file: str, *names: str, days: int = 90, common: str | None = None) -> None:
        """Write `file.pem` and `file.key`, each at once, as whoever renews certificates does."""
        own = self.trust.issue_cert(
            *names,
            common_name=common,
            not_before=datetime.now(UTC) - timedelta(days=max(-days, 0) + 1),
            not_after=datetime.now(UTC) + timedelta(days=days),
        )
        chain = b"".join(each.bytes() for each in own.cert_chain_pems)
        for suffix, data in (("pem", chain), ("key", own.private_key_pem.bytes())):
            part = self.folder / f"{file}.{suffix}.new"
            part.write_bytes(data)
            os.replace(part, self.folder / f"{file}.{suffix}")


class TlsClient(Client):
    """A client that speaks TLS; `Client`'s own words for the rest. Errors of the handshake are
    `ssl.SSLError`, or `ConnectionError` where the other side said nothing. `strict`: an end without
    close_notify is one.
    """

    def __init__(
        self,
        address: Address,
        ca: Path | None,
        name: str | None = "a.test",
        *,
        own: Path | None = None,
        before: bytes = b"",
        alpn: Sequence[str] = (),
        most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        strict: bool = False,
    ) -> None:
        super().__init__(address)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.maximum_version = most
        if ca is None:
            context.verify_mode = ssl.CERT_NONE
        else:
            context.load_verify_locations(ca)
        if own is not None:
            context.load_cert_chain(own.with_suffix(".pem"), own.with_suffix(".key"))
        if alpn:
            context.set_alpn_protocols(list(alpn))
        self._socket.settimeout(5)
        try:
            if before:
                self._socket.sendall(before)
            self.tls = context.wrap_socket(
                self._socket, server_hostname=name, suppress_ragged_eofs=not strict
            )
        except BaseException:
            self._socket.close()
            raise
        self._socket = self.tls

    def __enter__(self) -> TlsClient:
        return self

    @property
    def shown(self) -> tuple[str, ...]:
        """The names of the certificate that the server showed."""
        said: dict[str, Any] = self.tls.getpeercert() or {}
        return tuple(value for _, value in said.get("subjectAltName", ()))
