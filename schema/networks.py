"""Networks as ascending, disjoint ranges, so that one search tells whether an address is in any of them.

Owns the form, how it is made, and the search. Whose addresses are asked for is not its matter.
"""

from __future__ import annotations

from bisect import bisect_right
from ipaddress import IPv4Network, ip_network
from typing import NamedTuple

from .request import Address

_MAPPED = 0xFFFF
"""What stands above the last 32 bits of an IPv4-mapped IPv6 address."""


class Networks(NamedTuple):
    """A set of networks: as written, and as ascending, disjoint ranges with both ends included.

    IPv4 addresses are integers; IPv6 addresses are 32 hexadecimal digits, which sort as the numbers do and
    which JSON can hold.
    """

    written: tuple[str, ...]
    starts_v4: tuple[int, ...]
    ends_v4: tuple[int, ...]
    starts_v6: tuple[str, ...]
    ends_v6: tuple[str, ...]


def networks_of(written: tuple[str, ...]) -> Networks:
    """The ranges of some networks, overlapping and adjoining ones made one."""
    ranges_v4: list[tuple[int, int]] = []
    ranges_v6: list[tuple[int, int]] = []
    for text in written:
        network = ip_network(text)
        first, last = int(network.network_address), int(network.broadcast_address)
        if isinstance(network, IPv4Network):
            ranges_v4.append((first, last))
        elif network.prefixlen >= 96 and first >> 32 == _MAPPED:
            ranges_v4.append((first & 0xFFFF_FFFF, last & 0xFFFF_FFFF))
        else:
            ranges_v6.append((first, last))
    merged_v4, merged_v6 = _merged(ranges_v4), _merged(ranges_v6)
    return Networks(
        written=written,
        starts_v4=tuple(first for first, _ in merged_v4),
        ends_v4=tuple(last for _, last in merged_v4),
        starts_v6=tuple(f"{first:032x}" for first, _ in merged_v6),
        ends_v6=tuple(f"{last:032x}" for _, last in merged_v6),
    )


def is_among(address: Address, networks: Networks) -> bool:
    """Whether an address is in one of the networks."""
    if address.version == 4:
        number = int(address)
        place = bisect_right(networks.starts_v4, number) - 1
        return place >= 0 and number <= networks.ends_v4[place]
    digits = f"{int(address):032x}"
    place = bisect_right(networks.starts_v6, digits) - 1
    return place >= 0 and digits <= networks.ends_v6[place]


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged
