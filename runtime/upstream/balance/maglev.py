"""A table that leads hashes to targets, the same in every process, and changes little when targets do.

Owns the table alone (Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer",
section 3.4), with weights as Envoy has them. Knows nothing of requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final

_SIZES: Final = (251, 1021, 4093, 16_381, 65_537)
"""Primes. The smallest with a hundred places for each target is taken, where there is one: then no target's
share is off by more than a hundredth, and a table of ten targets is made in 1 ms."""

_PLACES: Final = 100


@lru_cache(maxsize=64)
def maglev(names: tuple[str, ...], weights: tuple[int, ...]) -> Sequence[int]:
    """The target at each place; empty where none has a weight. A memo: pure, bounded.

    Targets of one name share its preferences. PERF: 0.4 us a place, in one go: 65 537 places are 30 ms.
    """
    taking = [number for number, weight in enumerate(weights) if weight]
    if not taking:
        return ()
    size = next((each for each in _SIZES if each >= _PLACES * len(taking)), _SIZES[-1])
    most = max(weights)
    at, skip = {}, {}
    seen: dict[str, int] = {}
    for number in taking:
        name = names[number]
        again = seen[name] = seen.get(name, -1) + 1
        digest = blake2b(f"{name}\n{again}".encode(), digest_size=16).digest()
        at[number] = int.from_bytes(digest[:8], "big") % size
        skip[number] = int.from_bytes(digest[8:], "big") % (size - 1) + 1
    # In the order of names: the order in which targets are written must not matter.
    turns = sorted(taking, key=lambda number: (names[number], number))
    due = dict.fromkeys(taking, 0)
    table = [-1] * size
    left = size
    while True:
        for number in turns:
            due[number] += weights[number]
            if due[number] < most:
                continue
            due[number] -= most
            place, step = at[number], skip[number]
            while table[place] >= 0:
                place = (place + step) % size
            table[place] = number
            at[number] = (place + step) % size
            left -= 1
            if not left:
                return bytes(table) if len(names) <= 256 else tuple(table)
