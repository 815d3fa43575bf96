"""How many connections each client address has at one address of a listener.

Owns the count, which is that of all workers. It knows no socket.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from ..state.buckets import NO_ROOM, Buckets, BucketsFull, Holds

_MOST_PEERS: Final = 16_384
"""Client addresses that are counted together; of further ones each worker counts its own."""


class Peers:
    """Mutable: of each client address that has connections in this worker, the places where they count;
    NO_ROOM for one that counts here alone.
    """

    __slots__ = ("_buckets", "_holds", "_places")

    def __init__(self, buckets: Buckets, address: str) -> None:
        self._buckets = buckets
        self._holds: Holds | None = None
        with suppress(BucketsFull, BlockingIOError):  # a limit of each worker is better than none
            self._holds = buckets.holds(f"connections-per-ip {address}", _MOST_PEERS)
        self._places: dict[str, list[int]] = {}

    def admit(self, peer: str, limit: int) -> bool:
        """Count one more connection of an address, unless there are `limit`."""
        place = NO_ROOM
        if self._holds is not None:
            place = self._holds.take(self._buckets.tag(peer.encode()), limit)
        if place == NO_ROOM:
            if len(self._places.get(peer, ())) >= limit:
                return False
        elif place < 0:
            return False
        self._places.setdefault(peer, []).append(place)
        return True

    def leave(self, peer: str) -> None:
        """One less; nothing where it was not counted, because there was no limit then."""
        places = self._places.get(peer)
        if places is None:
            return
        place = places.pop()
        if not places:
            del self._places[peer]
        if place >= 0 and self._holds is not None:
            self._holds.leave(place)

    def close(self) -> None:
        """The address is gone, and so are its connections."""
        if self._holds is not None:
            self._holds.close()
