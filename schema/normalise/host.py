"""Host names: of a request and of a configuration, through the same function.

Owns the form of a host: a name of labels or an IPv6 address in brackets, lower case, without port and without
trailing dot. It does not know what a host is compared with.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from ..request import Refusal
from .limits import HIGHEST_PORT, HOST_BYTES
from .quote import quoted

_NAME = re.compile(rb"([0-9A-Za-z_-]{1,63}(?:\.[0-9A-Za-z_-]{1,63})*)\.?(?::([0-9]*))?")
_BRACKETS = re.compile(rb"\[([0-9A-Fa-f:.]{2,45})\](?::([0-9]*))?")
_PORT = re.compile(rb":[^:\]]*\Z")
_PORT_DIGITS = re.compile(rb":[0-9]*\Z")

_IPV4_MAPPED = 0xFFFF
"""What stands above the last 32 bits of an IPv4-mapped address."""

_CACHED_BYTES = HOST_BYTES + len(".:65535")


class NormalHost(NamedTuple):
    """A host in its one form and the port that stood beside it, None where none did."""

    host: str
    port: int | None


def normalise_host(data: bytes) -> NormalHost | Refusal:
    """The value of Host, `:authority` or an absolute-form target's authority, read.

    The port is split off (an empty one is none), letters made lower case, one trailing dot dropped. A name is
    labels of 1-63 letters, digits, `-` and `_`, 253 bytes in all. An IPv6 address stands in brackets, without
    zone, and is written as RFC 5952 does. A refusal is `host-userinfo`, `host-address`, `host-port` or
    `host-name`.
    """
    return _remembered(data) if len(data) <= _CACHED_BYTES else _read(data)


# The one cache of this module: the same few hosts come again and again. At most 2048 entries of 260 bytes.
@lru_cache(maxsize=2048)
def _remembered(data: bytes) -> NormalHost | Refusal:
    """`_read`, remembered."""
    return _read(data)


def _read(data: bytes) -> NormalHost | Refusal:
    """`normalise_host` without a cache."""
    named = _NAME.fullmatch(data)
    if named is not None:
        name, digits = named.group(1, 2)
        if len(name) > HOST_BYTES:
            return Refusal("host-name", f"the host name is {len(name)} bytes long; {HOST_BYTES} are allowed")
        return _with_port(name.lower().decode("ascii"), digits)
    bracketed = _BRACKETS.fullmatch(data)
    if bracketed is not None:
        address = _ipv6(bracketed[1].decode("ascii"))
        if address is not None:
            return _with_port(address, bracketed[2])
    return _why_not(data)


def _with_port(host: str, digits: bytes | None) -> NormalHost | Refusal:
    """The host and the number that the digits write; no digits are no port."""
    if not digits:
        return NormalHost(host, None)
    significant = digits.lstrip(b"0")
    # The length first: int() of very many digits is slow, and refuses more than 4300.
    if len(significant) > 5 or int(significant or b"0") > HIGHEST_PORT:
        return Refusal("host-port", f"the port {quoted(digits)} is above {HIGHEST_PORT}")
    return NormalHost(host, int(significant or b"0"))


def _ipv6(text: str) -> str | None:
    """The address in brackets as RFC 5952 writes it, None where the text is none.

    IPv4-mapped addresses have their last 32 bits in dotted form (its section 5); which other prefixes would
    be written so differs from library to library, so none is.
    """
    from ipaddress import AddressValueError, IPv4Address, IPv6Address

    try:
        address = IPv6Address(text)
    except AddressValueError:
        return None
    value = int(address)
    if value >> 32 == _IPV4_MAPPED:
        return f"[::ffff:{IPv4Address(value & 0xFFFF_FFFF)}]"
    return f"[{address}]"


def _why_not(data: bytes) -> Refusal:
    """The reason for bytes that are no host."""
    shown = quoted(data)
    if b"@" in data:
        return Refusal("host-userinfo", f"user information stands before the host in {shown}")
    if data.startswith(b"[") or data.count(b":") > 1:
        return Refusal("host-address", f"{shown} is not an IPv6 address in brackets without a zone")
    if _PORT.search(data) and not _PORT_DIGITS.search(data):
        return Refusal("host-port", f"what follows the colon in {shown} is not a port number")
    if not data:
        return Refusal("host-name", "the host is empty")
    return Refusal(
        "host-name",
        f"{shown} is not a host name: labels of 1 to 63 letters, digits, `-` and `_` between dots",
    )


@dataclass(frozen=True, slots=True)
class ConfiguredHostRefusal:
    """A configured host that cannot be one.

    `kind` tells them apart; `problem` is a headline's second half (it follows the quoted host); `help` says
    what to write instead. `instead` is the whole name to write where there is exactly one, else None.
    """

    kind: Literal["empty", "unicode", "wildcard-alone", "wildcard-place", "url", "port", "userinfo", "shape"]
    problem: str
    help: str
    instead: str | None = None


_SHAPE_HELP = (
    "write labels of 1 to 63 letters, digits, `-` and `_` between dots, 253 bytes in all, or an IPv6 address "
    "in brackets"
)


def normalise_configured_host(text: str) -> str | ConfiguredHostRefusal:
    """An exact host or `*.x` of a configuration in the form that requests' hosts have.

    Upper case and a trailing dot are accepted and vanish, as they do in a request. A port never belongs to a
    host here. Text that is no host gives the refusal, for a diagnostic.
    """
    if not text:
        return ConfiguredHostRefusal("empty", "is empty", "leave `host` out to match every host")
    if text in ("*", "*."):
        return ConfiguredHostRefusal(
            "wildcard-alone", "is every host", "leave `host` out to match every host"
        )
    if not text.isascii():
        return _unicode_refusal(text)
    if "://" in text:
        return ConfiguredHostRefusal("url", "is a URL", "write its host alone")
    wildcard = text.startswith("*.")
    name = text[2:] if wildcard else text
    if "*" in name:
        return ConfiguredHostRefusal(
            "wildcard-place",
            "has a `*` that is not its whole first label",
            "a wildcard is `*.` and a name, for one or more labels before it; other shapes take `regex=`",
        )
    read = normalise_host(name.encode("ascii"))
    if isinstance(read, Refusal):
        if read.reason == "host-userinfo":
            return ConfiguredHostRefusal("userinfo", "holds an `@`", "write the host alone")
        if read.reason == "host-port":
            return ConfiguredHostRefusal(
                "port", "has a port", "leave the port out: a host is matched without it"
            )
        return ConfiguredHostRefusal("shape", "is not a host name", _SHAPE_HELP)
    if ":" in name and not name.endswith("]"):
        instead = f"*.{read.host}" if wildcard else read.host
        return ConfiguredHostRefusal(
            "port", "has a port", f"write `{instead}`: a host is matched without its port", instead
        )
    if wildcard and read.host.startswith("["):
        return ConfiguredHostRefusal(
            "shape", "is a wildcard before an address", "write the address without `*.`"
        )
    # `*.` is 2 bytes, and the label it stands for needs as many at least.
    if wildcard and len(read.host) + 2 > HOST_BYTES:
        return ConfiguredHostRefusal("shape", "leaves no room for a label before it", _SHAPE_HELP)
    return f"*.{read.host}" if wildcard else read.host


def _unicode_refusal(text: str) -> ConfiguredHostRefusal:
    """The refusal of a name with characters beyond ASCII, with its A-label where that is sure."""
    instead = _a_label(text)
    if instead is None:
        advice = "write the name as it stands in the DNS, in A-labels (`xn--…`)"
    else:
        advice = f"write `{instead}`: requests carry the A-label"
    return ConfiguredHostRefusal("unicode", "has characters beyond ASCII", advice, instead)


def _a_label(text: str) -> str | None:
    """The name in A-labels, None where the standard library's IDNA (2003) is not sure of it.

    It maps some letters away (`ß` to `ss`) that today's registries keep: only a name that comes back as it
    was is worth showing.
    """
    wildcard = text.startswith("*.")
    name = (text[2:] if wildcard else text).lower()
    if len(name) > HOST_BYTES:  # the codec is quadratic in the length of a label
        return None
    try:
        encoded = name.encode("idna")
        if encoded.decode("idna") != name:
            return None
    except UnicodeError:
        return None
    read = normalise_host(encoded)
    if isinstance(read, Refusal) or read.port is not None:
        return None
    return f"*.{read.host}" if wildcard else read.host
