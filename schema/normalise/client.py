"""Who the client is: its address and scheme, where a trusted proxy stands between.

Owns the reading of X-Forwarded-For and X-Forwarded-Proto. Whether a peer is trusted is the listener's
`trusted-proxies`; an untrusted peer's fields were removed before anything here is asked.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from ..listener import ListenerSettings
from ..request import Address

_IPV4_MAPPED = 0xFFFF
"""What stands above the last 32 bits of an IPv4-mapped address."""

# An IPv4 address, an IPv6 address, either with a port where brackets allow one.
_ELEMENT = re.compile(
    r"([0-9.]{7,15})(?::([0-9]{1,5}))?|\[([0-9A-Fa-f:.]{2,45})\](?::([0-9]{1,5}))?|([0-9A-Fa-f:.]{2,45})"
)


def plain_address(address: Address) -> Address:
    """An address as it is compared: IPv4-mapped ones are IPv4, a zone is dropped."""
    if address.version == 4:
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return type(address)(int(address)) if address.scope_id is not None else address


def is_trusted(address: Address, listener: ListenerSettings) -> bool:
    """Whether a plain address is in the listener's `trusted-proxies`."""
    version, number = address.version, int(address)
    for network_version, start, mask in listener.trusted:
        if number & mask == start and version == network_version:
            return True
    return False


def client_address(peer: Address, forwarded_for: str | None, listener: ListenerSettings) -> Address:
    """The client behind a trusted peer. `forwarded_for` is X-Forwarded-For, all fields joined.

    Read from the right past trusted addresses: the first that is not trusted is the client. An element that
    is no address (an empty one too) ends the walk, and the last trusted address is the client; if all are
    trusted, it is the leftmost.
    """
    last = peer
    if forwarded_for is None:
        return last
    for element in reversed(forwarded_for.split(",")):
        address = _address(element.strip(" \t"))
        if address is None:
            return last
        last = address
        if not is_trusted(address, listener):
            return last
    return last


def _address(element: str) -> Address | None:
    """The plain address of one element, without its port and brackets; None where it is none."""
    return _remembered(element) if len(element) <= _LONGEST_ELEMENT else None


_LONGEST_ELEMENT = len("[]:65535") + 45


# The one cache of this module: the same few proxies stand in every request. At most 4096 short texts.
@lru_cache(maxsize=4096)
def _remembered(element: str) -> Address | None:
    """`_address`, read."""
    from ipaddress import AddressValueError, IPv4Address, IPv6Address

    found = _ELEMENT.fullmatch(element)
    if found is None:
        return None
    ipv4, ipv4_port, bracketed, bracketed_port, bare = found.groups()
    if int(ipv4_port or bracketed_port or "0") > 65_535:
        return None
    try:
        return IPv4Address(ipv4) if ipv4 is not None else plain_address(IPv6Address(bracketed or bare))
    except AddressValueError:
        return None


def forwarded_scheme(forwarded_proto: str) -> Literal["http", "https"] | None:
    """The scheme that a trusted peer's X-Forwarded-Proto names, None where it is not exactly one of the two.

    A list is not one: which of its elements the peer wrote is unknown.
    """
    word = forwarded_proto
    if len(word) <= 5 and word.isascii():  # lower() of ASCII text folds A-Z and nothing else
        word = word.lower()
    if word == "https":
        return "https"
    return "http" if word == "http" else None
