"""Connections of each client address, counted by several workers."""

from __future__ import annotations

import pytest
from gwc.runtime.control import peers
from gwc.runtime.control.peers import Peers
from gwc.runtime.state.buckets import Buckets


def test_two_workers_count_as_one() -> None:
    """What one has counts for the other; what one that died had is given back."""
    first = Buckets.create(seat=0)
    assert first.fd is not None
    second = Buckets(first.fd, seat=1)
    one, two = Peers(first, "a"), Peers(second, "a")
    assert [one.admit("x", 2), two.admit("x", 2), one.admit("x", 2), two.admit("x", 2)] == [
        True, True, False, False,
    ]  # fmt: skip
    assert one.admit("y", 2)
    assert Peers(first, "b").admit("x", 2), "another address has its own"
    two.leave("x")
    assert two.admit("x", 2)
    first.release_seat(1)
    assert [one.admit("x", 2), one.admit("x", 2)] == [True, False]


def test_beyond_the_room_each_counts_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where more addresses come than have room, nobody is refused for that, and the limit still holds."""
    monkeypatch.setattr(peers, "_MOST_PEERS", 2)
    found = Peers(Buckets(), "a")
    assert [found.admit(peer, 1) for peer in ("x", "y", "z", "z")] == [True, True, True, False]
    found.leave("z")
    found.leave("z")
    assert found.admit("z", 1)
