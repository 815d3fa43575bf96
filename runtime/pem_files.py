"""Files of certificates and keys that a configuration names: found, opened, and what is wrong with them.

Owns the words of their faults and the stamp by which a file is known to be unchanged. Used for TLS on either
side; knows neither.
"""

from __future__ import annotations

import ssl
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, NamedTuple, NoReturn, TypeAlias

from gwc.schema.values.refusal import quoted

What: TypeAlias = Literal["server-name", "ca-file", "certificate-file", "key-file", "certificate", "key"]

_MOST_BYTES: Final = 4 * 1024 * 1024
"""Of a file of certificates; the public authorities together have a quarter of a MiB."""


class TlsFaulty(Exception):
    """Settings of TLS that cannot be used.

    `what` is the key at fault, `written` its text in the configuration (what references stand for is never
    shown), `why` goes behind it: "does not exist".
    """

    def __init__(self, what: What, written: str, why: str) -> None:
        self.what: Final = what
        self.written: Final = written
        self.why: Final = why
        super().__init__(f"{what} {quoted(written)} {why}" if written else f"{what} {why}")


class PemFile(NamedTuple):
    """A file as it is now: another content has another stamp."""

    path: Path
    modified_ns: int
    inode: int
    size: int


def pem_file(what: What, written: str | None, resolve: Callable[[str], str], root: Path) -> PemFile | None:
    """A named file as it is now. Only regular ones: opening others may wait for ever. Errors: TlsFaulty."""
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
    return PemFile(path, status.st_mtime_ns, status.st_ino, status.st_size)


def load_authorities(context: ssl.SSLContext, written: str, authorities: PemFile) -> None:
    """Believe the authorities of a file, and nobody else. Errors: TlsFaulty."""
    # A file that names an intermediate, or somebody's own certificate, means that one.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(authorities.path)
    except (OSError, ValueError) as error:
        unreadable("ca-file", written, error, "holds no certificate in PEM")
    if not context.cert_store_stats()["x509"]:
        raise TlsFaulty("ca-file", written, "holds no certificate in PEM")


def load_own(
    context: ssl.SSLContext,
    certificate: tuple[What, str, PemFile],
    key: tuple[What, str, PemFile | None],
) -> None:
    """The gateway's own certificate and key, each with its name and text; a key without a file is in the
    certificate's. OpenSSL does not say which is at fault: found out here. Errors: TlsFaulty.
    """
    what, written, file = certificate
    key_what, key_written, key_file = key
    try:
        # A throw-away context: as authorities certificates are read without any key.
        probe = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        probe.load_verify_locations(file.path)
    except (OSError, ValueError) as error:
        unreadable(what, written, error, "holds no certificate in PEM")
    asked = False

    def password() -> str:
        # Without this OpenSSL asks the terminal, and the gateway stands still.
        nonlocal asked
        asked = True
        return ""

    try:
        context.load_cert_chain(file.path, None if key_file is None else key_file.path, password)
    except (OSError, ValueError) as error:
        if asked:
            raise TlsFaulty(key_what, key_written, "holds a key with a password") from None
        if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
            raise TlsFaulty(key_what, key_written, f"is not the key of {quoted(written)}") from None
        weak = isinstance(error, ssl.SSLError) and error.reason in ("EE_KEY_TOO_SMALL", "CA_MD_TOO_WEAK")
        if weak:
            raise TlsFaulty(what, written, "is too weak: its key or signature") from None
        unreadable(key_what, key_written, error, "holds no private key in PEM")


def unreadable(what: What, written: str, error: Exception, otherwise: str) -> NoReturn:
    """The fault of a file: that it cannot be read, or what it holds."""
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        raise TlsFaulty(what, written, "cannot be read") from None
    raise TlsFaulty(what, written, otherwise) from None
