"""The target that the hash of something of the request leads to.

Owns what of a request is hashed and what happens where its target may not be used: the next places of the
table are looked at, so that only the requests of that target go elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import getrandbits
from typing import TYPE_CHECKING, Final, cast
from zlib import crc32

from gwc.schema.normalise import cookie_value, query_value
from gwc.schema.policies.choosing import Balance

from .balancing import NothingToPick
from .maglev import maglev

if TYPE_CHECKING:
    from ...exchange import Exchange

_SPREAD: Final = 0x9E3779B97F4A7C15
_MASK: Final = (1 << 64) - 1
_LOOKED_AT: Final = 64
"""Places looked at before the allowed targets are counted out instead."""


class Hashing:
    """See Balancing. A request without what is asked for goes to any target, by weight."""

    __slots__ = ("_settings", "_table", "_weights")

    def __init__(self, settings: Balance, names: Sequence[str], weights: Sequence[int]) -> None:
        self._settings = settings
        self._weights = tuple(weights)
        self._table = maglev(tuple(names), self._weights)

    def pick(self, exchange: object = None) -> int:
        """See Balancing."""
        table = self._table
        if not table:
            raise NothingToPick("no target has a weight above 0")
        return table[self._hash(cast("Exchange", exchange)) % len(table)]

    def pick_from(self, allowed: Sequence[bool], exchange: object = None) -> int | None:
        """See Balancing."""
        table = self._table
        if not table:
            return None
        size = len(table)
        hashed = self._hash(cast("Exchange", exchange))
        place, step = hashed % size, (hashed >> 32) % (size - 1) + 1
        for _ in range(_LOOKED_AT):
            if allowed[table[place]]:
                return table[place]
            place = (place + step) % size
        left = [number for number, weight in enumerate(self._weights) if weight and allowed[number]]
        return left[hashed % len(left)] if left else None

    def _hash(self, exchange: Exchange) -> int:
        by, name = self._settings.by, self._settings.name
        head = exchange.head
        value: str | None
        if by == "client-ip":
            value = exchange.record.client_ip
        elif by == "header":
            value = head.headers.get(name)
        elif by == "cookie":
            value = cookie_value(head, name)
        elif by == "query":
            value = query_value(head, name)
        else:
            value = head.path
        if value is None:
            return getrandbits(64)
        return crc32(value.encode("latin-1", "replace")) * _SPREAD & _MASK
