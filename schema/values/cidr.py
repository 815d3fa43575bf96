"""Networks and addresses: `10.0.0.0/8`, `2001:db8::/32`, `192.0.2.7`.

Owns their spelling. Decisions: an address stands for itself alone; bits behind the length are a mistake, as
nobody can tell which of the two was meant; IPv4-mapped IPv6 (`::ffff:10.0.0.0/104`) is IPv4, as a client's
address is. Netmasks, zones and short forms are refused with what to write.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .refusal import ValueRefusal, quoted, whole

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_CIDR: Final = re.compile(r"([0-9A-Fa-f:.]{2,45})(?:/(0|[1-9][0-9]{0,2}))?")
_MASK: Final = re.compile(r"([0-9.]{7,15})/([0-9.]{7,15})")
_SHORT: Final = re.compile(r"((?:[0-9]{1,3}\.){0,3}[0-9]{1,3})\.?(/[0-9]{1,2})?")
_STARS: Final = re.compile(r"((?:[0-9]{1,3}\.){1,3})\*(?:\.\*){0,2}")
_PORT: Final = re.compile(r"((?:[0-9]{1,3}\.){3}[0-9]{1,3}):[0-9]{1,5}")
_HOW: Final = "write a network such as `10.0.0.0/8` or `2001:db8::/32`, or one address"

_MAPPED: Final = 0xFFFF << 32
_V4: Final = 0xFFFF_FFFF


def parse_cidr(text: str) -> IPv4Network | IPv6Network | ValueRefusal:
    """The network; an address is one of full length."""
    found = _CIDR.fullmatch(text)
    if found is None:
        return _refuse(text)
    address = _address(found[1])
    if address is None:
        return _refuse(text)
    bits = address.max_prefixlen
    length = int(found[2]) if found[2] else bits
    if length > bits:
        return ValueRefusal(
            found.start(2),
            len(found[2]),
            f"an IPv{address.version} network has no length {found[2]}",
            f"the length is 0 to {bits}",
        )
    rest = int(address) & ((1 << (bits - length)) - 1)
    if rest:
        masked = type(address)(int(address) - rest)
        return whole(
            text,
            f"{quoted(text)} has bits behind its length",
            f"write `{masked}/{length}` for the network, `{address}` for the address alone",
        )
    return _network(address, length)


def _network(address: IPv4Address | IPv6Address, length: int) -> IPv4Network | IPv6Network:
    """The network of an address without bits behind its length; a mapped one as IPv4."""
    from ipaddress import IPv4Network, IPv6Network

    value = int(address)
    if address.version == 4:
        return IPv4Network((value, length))
    if length >= 96 and value & ~_V4 == _MAPPED:
        return IPv4Network((value & _V4, length - 96))
    return IPv6Network((value, length))


def _address(text: str) -> IPv4Address | IPv6Address | None:
    from ipaddress import AddressValueError, IPv4Address, IPv6Address

    try:
        return IPv6Address(text) if ":" in text else IPv4Address(text)
    except AddressValueError:
        return None


def _refuse(text: str) -> ValueRefusal:
    """What is wrong with text that is no network, and what was likely meant."""
    shown = quoted(text)
    if not text:
        return whole(text, "a network is empty", _HOW)
    if len(text) > 100:
        return whole(text, f"{shown} is neither a network nor an address", _HOW)
    if text != text.strip():
        return _instead(text, text.strip(), "has spaces around it")
    if text.startswith("["):
        return _instead(text, text[1:].replace("]", "", 1), "has brackets")
    if "%" in text:
        bare, _, zone = text.partition("%")
        return _instead(text, bare + zone[zone.find("/") :] if "/" in zone else bare, "has a zone")
    with_port = _PORT.fullmatch(text)
    if with_port is not None:
        return _instead(text, with_port[1], "has a port")
    mask = _MASK.fullmatch(text)
    if mask is not None:
        return _instead(text, _with_length(mask[1], mask[2]), "has a netmask")
    stars = _STARS.fullmatch(text)
    if stars is not None:
        count = stars[1].count(".")
        return _instead(text, f"{stars[1]}{'.'.join(['0'] * (4 - count))}/{8 * count}", "has a `*`")
    base, slash, length = text.partition("/")
    zeros = ".".join(part.lstrip("0") or "0" for part in base.split("."))
    if (zeros != base or length[:1] == "0") and zeros.count(".") == 3:
        return _instead(
            text, zeros + slash + (length.lstrip("0") or "0" if slash else ""), "has leading zeros"
        )
    short = _SHORT.fullmatch(text)
    if short is not None and short[1].count(".") < 3 and (short[2] or "." in text):
        count = short[1].count(".") + 1
        return _instead(text, f"{short[1]}{'.0' * (4 - count)}{short[2] or f'/{8 * count}'}", "is cut short")
    if ":" not in text and re.search("[G-Zg-z_]", text):
        return whole(
            text, f"{shown} is a name, not an address", "names are not looked up here: write the address"
        )
    return whole(text, f"{shown} is neither a network nor an address", _HOW)


def _instead(text: str, meant: str, problem: str) -> ValueRefusal:
    """A refusal that shows what was meant, if that can be read."""
    readable = _CIDR.fullmatch(meant) is not None and not isinstance(parse_cidr(meant), ValueRefusal)
    return whole(text, f"{quoted(text)} {problem}", f"write `{meant}`" if readable else _HOW)


def _with_length(address: str, mask: str) -> str:
    """An address and the length of a netmask; "" where the mask is none."""
    value = _address(mask)
    if value is None or value.version != 4:
        return ""
    rest = ~int(value) & _V4
    return f"{address}/{32 - rest.bit_length()}" if rest & (rest + 1) == 0 else ""
