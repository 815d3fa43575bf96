"""Where to listen: an address of the table as the kernel wants it.

Owns references in addresses (looked up when the address is bound, so a change of one needs a restart), names
of hosts, and whether two addresses overlap. Binds nothing.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gwc.schema.template.value import EnvironmentReference, FileReference, Text, parse_value
from gwc.schema.values.refusal import ValueRefusal

_UNIX = "unix:"
_WILD = ("0.0.0.0", "::")


class Unresolvable(Exception):
    """An address that leads nowhere; `reason` says why."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the kernel's: a path (`host` is "") or a numeric host and a port (0: any free one)."""

    family: socket.AddressFamily
    host: str = ""
    port: int = 0
    path: str = ""

    @property
    def shown(self) -> str:
        """As it is written in a configuration."""
        if self.path:
            return _UNIX + self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def name(self) -> str | tuple[str, int]:
        """As `bind` takes it."""
        return self.path or (self.host, self.port)

    def overlaps(self, other: Place) -> bool:
        """Whether a plain bind of one refuses the other: the same, or one of them every address."""
        if self.path or other.path or self.port == 0 or self.family != other.family:
            return self == other and self.port != 0
        same = self.host == other.host or self.host in _WILD or other.host in _WILD
        return same and self.port == other.port


def place_of(address: str, environment: Mapping[str, str] = os.environ, root: Path = Path()) -> Place:
    """The place that an address of a table or a command line means. `Unresolvable` where it means none.

    `root` is where relative paths of `${file:…}` begin: the configuration's directory.
    """
    text = _filled(address, environment, root) if "${" in address else address
    if text.startswith(_UNIX):
        path = text[len(_UNIX) :]
        if not path.startswith("/"):
            raise Unresolvable(f"the path of `{text}` does not begin with `/`")
        return Place(socket.AF_UNIX, path=path)
    host, _, digits = text.rpartition(":")
    if not host or not (digits.isascii() and digits.isdigit()) or len(digits) > 5 or int(digits) > 65535:
        raise Unresolvable(f"`{text}` is not `host:port`, `[v6]:port` or `unix:/path`")
    return _tcp(host.strip("[]"), int(digits), text)


def place_of_socket(sock: socket.socket) -> Place:
    """The place that a bound socket has."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return Place(socket.AF_UNIX, path=name if isinstance(name, str) else os.fsdecode(name))
    return Place(socket.AddressFamily(sock.family), name[0], name[1])


def _tcp(host: str, port: int, text: str) -> Place:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as failed:
        raise Unresolvable(f"the host of `{text}` is not known: {failed.strerror or failed}") from failed
    family, _, _, _, name = found[0]
    return Place(family, str(name[0]), port)


def _filled(address: str, environment: Mapping[str, str], root: Path) -> str:
    """An address with its references looked up."""
    template = parse_value(address, variables=False)
    if isinstance(template, ValueRefusal):
        raise Unresolvable(f"`{address}` cannot be read: {template.message}")
    pieces: list[str] = []
    for part in template.parts:
        if isinstance(part, Text):
            pieces.append(part.text)
        elif isinstance(part, EnvironmentReference):
            value = environment.get(part.name)
            if value is None:
                raise Unresolvable(f"the environment variable `{part.name}` of `{address}` is not set")
            pieces.append(value)
        elif isinstance(part, FileReference):
            try:
                pieces.append((root / part.path).read_text(encoding="utf-8").strip("\r\n"))
            except (OSError, UnicodeDecodeError) as failed:
                raise Unresolvable(f"the file `{part.path}` of `{address}` cannot be read") from failed
    return "".join(pieces)
