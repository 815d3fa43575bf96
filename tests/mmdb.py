"""A writer of MaxMind database files (format 2.0), as small as the tests need it.

Owns the search tree of one bit a step and the few types of data that a country needs.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network, ip_network
from typing import Any, Final

_MARK: Final = b"\xab\xcd\xefMaxMind.com"
_SEPARATOR: Final = 16


def country_database(countries: Mapping[str, str | None], *, key: str = "country") -> bytes:
    """A database of networks with the codes of their countries; None is a network without one."""
    nodes: list[list[int | None]] = [[None, None]]
    data, places = b"", {}
    leaves: dict[tuple[int, int], int] = {}
    for text, code in countries.items():
        if code not in places:
            places[code] = len(data)
            data += _coded({key: {"iso_code": code}} if code else {"continent": {"code": "EU"}})
        network = ip_network(text)
        address, length = int(network.network_address), network.prefixlen
        if isinstance(network, IPv4Network):
            length += 96
        node = 0
        for step in range(length):
            bit = address >> (127 - step) & 1
            if step == length - 1:
                leaves[node, bit] = places[code]
            else:
                following = nodes[node][bit]
                if following is None:
                    following = len(nodes)
                    nodes.append([None, None])
                    nodes[node][bit] = following
                node = following
    count = len(nodes)
    tree = b""
    for number, sides in enumerate(nodes):
        for bit, following in enumerate(sides):
            place = leaves.get((number, bit))
            value = count if following is None else following
            tree += (value if place is None else count + _SEPARATOR + place).to_bytes(3, "big")
    said = {
        "binary_format_major_version": 2,
        "binary_format_minor_version": 0,
        "build_epoch": 1,
        "database_type": "Test-Country",
        "description": {"en": "made by a test"},
        "ip_version": 6,
        "languages": ["en"],
        "node_count": count,
        "record_size": 24,
    }
    return tree + bytes(_SEPARATOR) + data + _MARK + _metadata(said)


_WIDE: Final = {"node_count": bytes([6 << 5 | 4]), "build_epoch": bytes([8, 9 - 7])}
"""Numbers of more than 16 bits: how they begin."""


def _metadata(said: Mapping[str, Any]) -> bytes:
    """A map whose numbers have the types that readers ask for."""
    coded = bytes([7 << 5 | len(said)])
    for name, value in said.items():
        begin = _WIDE.get(name)
        coded += _coded(name)
        coded += _coded(value) if begin is None else begin + value.to_bytes(begin[0] & 31, "big")
    return coded


def _coded(value: Any) -> bytes:
    if isinstance(value, str):
        text = value.encode()
        assert len(text) < 29
        return bytes([2 << 5 | len(text)]) + text
    if isinstance(value, int):
        return bytes([5 << 5 | 2]) + value.to_bytes(2, "big")
    if isinstance(value, list):
        return bytes([len(value), 11 - 7]) + b"".join(map(_coded, value))
    return bytes([7 << 5 | len(value)]) + b"".join(_coded(key) + _coded(each) for key, each in value.items())
