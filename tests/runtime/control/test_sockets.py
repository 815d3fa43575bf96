"""The sockets of the gateway: bound, refused, taken over, let go."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from gwc.runtime.control.addresses import Place, Unresolvable, place_of
from gwc.runtime.control.sockets import BindFailed, Sockets, most_slots


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """Sockets for two slots, let go at the end."""
    held = Sockets(2)
    yield held
    held.release_all()


def test_each_slot_has_a_socket_of_its_own(sockets: Sockets) -> None:
    """Both on one port, which is found where the address says 0."""
    held = sockets.bind("127.0.0.1:0")
    one, two = held.of_slot(0), held.of_slot(1)
    assert one.fileno() != two.fileno()
    assert one.getsockname() == two.getsockname() == ("127.0.0.1", held.place.port)
    assert held.place.port > 0


def test_nothing_is_taken_before_it_is_listened_on(sockets: Sockets) -> None:
    """A bound address refuses: a reload that fails has not taken a connection."""
    held = sockets.bind("127.0.0.1:0")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", held.place.port))
    sockets.listen("127.0.0.1:0")
    socket.create_connection(("127.0.0.1", held.place.port)).close()


def test_ipv6_is_ipv6_alone(sockets: Sockets) -> None:
    """The same port can be had for IPv4 too."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    try:
        held = sockets.bind("[::]:0")
    except BindFailed:
        pytest.skip("no IPv6 here")
    assert held.sockets[0].getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
    other = sockets.bind(f"0.0.0.0:{held.place.port}")
    assert (held.place.shown, other.place.port) == (f"[::]:{held.place.port}", held.place.port)


@pytest.mark.parametrize("reuse", [False, True])
def test_somebody_elses_address_is_refused(sockets: Sockets, reuse: bool) -> None:
    """Also where the other one would share it."""
    with socket.socket() as other:
        if reuse:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(BindFailed, match="another process listens there"):
            sockets.bind(f"127.0.0.1:{other.getsockname()[1]}")
    assert sockets.held == {}


def test_an_own_address_may_become_wider(sockets: Sockets) -> None:
    """From one interface to all in one reload: both stand for a moment, and both are ours."""
    held = sockets.bind("127.0.0.1:0")
    sockets.listen("127.0.0.1:0")
    wide = f"0.0.0.0:{held.place.port}"
    sockets.bind(wide)
    sockets.listen(wide)
    sockets.release("127.0.0.1:0")
    socket.create_connection(("127.0.0.1", held.place.port)).close()


def test_one_place_under_two_names_is_refused(sockets: Sockets) -> None:
    """The connections would go to one listener or the other by chance."""
    port = sockets.bind("127.0.0.1:0").place.port
    with pytest.raises(BindFailed, match=r"`127\.0\.0\.1:0` is the same"):
        sockets.bind(f"127.0.0.1:{port}")


def test_a_stale_socket_file_is_removed_and_a_live_one_is_not(sockets: Sockets, tmp_path: Path) -> None:
    """What nobody answers on was left by a crash."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    held = sockets.bind(f"unix:{path}")
    assert held.of_slot(0) is held.of_slot(1)
    sockets.listen(f"unix:{path}")
    other = Sockets(1)
    with pytest.raises(BindFailed, match="another process listens there"):
        other.bind(f"unix:{path}")
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(BindFailed, match="not a socket"):
        other.bind(f"unix:{file}")
    assert file.read_text() == "mine"


def test_a_unix_socket_has_its_mode_and_goes_with_the_gateway(sockets: Sockets, tmp_path: Path) -> None:
    """Unless another one has taken its place meanwhile."""
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    sockets.bind(f"unix:{mine}", 0o600)
    sockets.bind(f"unix:{theirs}")
    assert [stat.S_IMODE(each.stat().st_mode) for each in (mine, theirs)] == [0o600, 0o666]
    theirs.unlink()
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(theirs))
        sockets.release_all()
    assert (mine.exists(), theirs.exists()) == (False, True)


def test_sockets_are_taken_over_by_address(tmp_path: Path) -> None:
    """The slots of a gwc before keep their sockets, and a further slot gets a new one."""
    before = Sockets(2)
    port = before.bind("127.0.0.1:0").place.port
    before.listen("127.0.0.1:0")
    before.bind(f"unix:{tmp_path}/s")
    copies = [socket.socket(fileno=os.dup(each.fileno())) for each in before.all_sockets()]
    inodes = [os.fstat(each.fileno()).st_ino for each in copies]
    assert most_slots(copies) == 2
    after = Sockets(3, copies)
    before.handed_over = True
    before.release_all()
    held = after.bind(f"127.0.0.1:{port}")
    assert [os.fstat(each.fileno()).st_ino for each in held.sockets[:2]] == inodes[:2]
    assert len(held.sockets) == 3
    assert after.bind(f"unix:{tmp_path}/s").shared
    assert (tmp_path / "s").exists()
    after.release_all()
    assert not (tmp_path / "s").exists()


def test_references_in_an_address_are_looked_up(tmp_path: Path) -> None:
    """From the environment and from files; what is missing is said."""
    (tmp_path / "port").write_text("8081\n")
    assert place_of("127.0.0.1:${env:PORT}", {"PORT": "8080"}).port == 8080
    assert place_of("127.0.0.1:${file:" + f"{tmp_path}/port}}", {}).port == 8081
    with pytest.raises(Unresolvable, match="`PORT`"):
        place_of("127.0.0.1:${env:PORT}", {})
    for wrong in ("127.0.0.1:", "127.0.0.1:٣", "127.0.0.1:70000", ":80", "unix:x"):
        with pytest.raises(Unresolvable):
            place_of(wrong)


def test_addresses_overlap_where_one_is_every_address() -> None:
    """Of the same family and port."""
    every, one = place_of("0.0.0.0:80"), place_of("127.0.0.1:80")
    assert every.overlaps(one)
    assert one.overlaps(every)
    assert not one.overlaps(place_of("127.0.0.2:80"))
    assert not every.overlaps(place_of("127.0.0.1:81"))
    assert not every.overlaps(Place(socket.AF_INET6, "::", 80))
