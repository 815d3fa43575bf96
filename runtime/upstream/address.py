"""What the address of a target means: where to connect to, or what to look up first.

Owns the forms of a target (`host:port`, `[v6]:port`, `unix:/path`, `srv:name`), and which addresses a name
must not lead to. It reads nothing but text: looking up is `names.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, NamedTuple, TypeAlias

from gwc.schema.values.address import TcpAddress, UnixAddress, parse_address
from gwc.schema.values.host import parse_host
from gwc.schema.values.refusal import ValueRefusal, quoted, whole

_SERVICE: Final = "srv:"


class IpAddress(NamedTuple):
    """An address to connect to. `host` is numeric, without brackets."""

    host: str
    port: int

    @property
    def is_ipv6(self) -> bool:
        """Whether it needs an IPv6 socket."""
        return ":" in self.host

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class UnixPath(NamedTuple):
    """The path of a unix socket to connect to."""

    path: str

    def __str__(self) -> str:
        return f"unix:{self.path}"


class HostName(NamedTuple):
    """A name that has to be looked up."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class ServiceName(NamedTuple):
    """A name of SRV records, which say host and port."""

    name: str

    def __str__(self) -> str:
        return f"{_SERVICE}{self.name}"


Address: TypeAlias = IpAddress | UnixPath
"""Where a connection goes."""

Destination: TypeAlias = IpAddress | UnixPath | HostName | ServiceName
"""What a target's address can mean."""


def parse_target(text: str) -> Destination | ValueRefusal:
    """What the address of a target means, references filled in already. An IP address is never looked up."""
    if text.startswith(_SERVICE):
        name = parse_host(text[len(_SERVICE) :], len(_SERVICE))
        if isinstance(name, ValueRefusal):
            return name
        if numeric(name) is not None:
            return whole(text, f"{quoted(text)} is no name of SRV records", "write `srv:_http._tcp.name`")
        return ServiceName(name)
    address = parse_address(text)
    if isinstance(address, TcpAddress):
        ip = numeric(address.host)
        return HostName(address.host, address.port) if ip is None else IpAddress(ip, address.port)
    if isinstance(address, UnixAddress):
        return UnixPath(address.path)
    if isinstance(address, ValueRefusal):
        return address
    return whole(text, f"{quoted(text)} still has a reference in it", "references are filled in first")


class TargetFaulty(Exception):
    """A target whose address means nothing. `written` is what the configuration says, references as they are.

    What references stand for is never shown.
    """

    def __init__(self, written: str, why: str) -> None:
        self.written: Final = written
        self.why: Final = why
        super().__init__(f"target {quoted(written)}: {why}")


def target_of(written: str, fill: Callable[[str], str]) -> Destination:
    """What the address of a target means, its references filled in by `fill`. Errors: TargetFaulty."""
    if "${" not in written:
        found = parse_target(written)
        if isinstance(found, ValueRefusal):
            raise TargetFaulty(written, f"{found.message}; {found.help}" if found.help else found.message)
        return found
    found = parse_target(fill(written))
    if isinstance(found, ValueRefusal):
        raise TargetFaulty(written, "with its references filled in it is no address")
    return found


def host_of(destination: Destination) -> str:
    """The host that a certificate must be for: a name, an IP address without brackets, "" for a path."""
    if isinstance(destination, IpAddress | HostName):
        return destination.host
    return destination.name if isinstance(destination, ServiceName) else ""


def numeric(host: str) -> str | None:
    """The IP address that a host is, without brackets, None for a name."""
    if host.startswith("["):
        return host[1:-1]
    if ":" in host:
        return host
    # Of hosts in their one form, only an IPv4 address ends in a label of digits.
    return host if host.rpartition(".")[2].isdigit() else None


# --- where names must not lead -----------------------------------------------------------------------------

_LOOPBACK: Final = "loopback"

_FORBIDDEN_V4: Final = (
    (IPv4Network("127.0.0.0/8"), _LOOPBACK),
    (IPv4Network("0.0.0.0/8"), _LOOPBACK),  # Linux connects to this machine
    (IPv4Network("169.254.169.254/32"), "the metadata service of a cloud"),
    (IPv4Network("169.254.0.0/16"), "link-local"),
    (IPv4Network("224.0.0.0/4"), "multicast"),
    (IPv4Network("255.255.255.255/32"), "broadcast"),
)
_FORBIDDEN_V6: Final = (
    (IPv6Network("::/127"), _LOOPBACK),  # ::1 and ::
    (IPv6Network("fd00:ec2::254/128"), "the metadata service of a cloud"),
    (IPv6Network("fe80::/10"), "link-local"),
    (IPv6Network("ff00::/8"), "multicast"),
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")


@lru_cache(4096)
def forbidden(ip: str, *, loopback: bool = False) -> str | None:
    """Why a name must not lead to this IP address, None where it may.

    Whoever answers for a name could else have the gateway ask what only this machine may: its own services,
    or the metadata service, which hands out credentials. `loopback`: the configuration wrote `localhost`,
    so this machine is what is meant. IPv4 addresses inside IPv6 ones are judged as what they are.
    """
    kind: str | None
    try:
        if ":" not in ip:
            v4 = IPv4Address(ip)
            kind = next((word for network, word in _FORBIDDEN_V4 if v4 in network), None)
        else:
            v6 = IPv6Address(ip)
            if v6.scope_id is not None:
                return "link-local"
            inner = _inner(v6)
            if inner is not None:
                return forbidden(str(inner), loopback=loopback)
            kind = next((word for network, word in _FORBIDDEN_V6 if v6 in network), None)
    except AddressValueError:
        return "not an IP address"
    return None if loopback and kind == _LOOPBACK else kind


def _inner(v6: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if v6.ipv4_mapped is not None:
        return v6.ipv4_mapped
    if v6 in _NAT64 or (v6 in _COMPATIBLE and int(v6) > 1):
        return IPv4Address(int(v6) & 0xFFFF_FFFF)
    return v6.sixtofour
