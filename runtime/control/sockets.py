"""The sockets that the gateway listens on, held by the supervisor for all workers.

Owns binding, taking over and letting go. A TCP address has one SO_REUSEPORT socket for each worker's slot
(workers on one shared socket share the connections badly); a unix path, or a TCP socket that was handed over
without SO_REUSEPORT, is one socket for all. A worker that is replaced finds its slot's socket as it was, with
the connections that wait in it. Knows nothing of tables or messages.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from .addresses import Place, Unresolvable, place_of, place_of_socket

BACKLOG = 4096
LISTENER_MODE = 0o666
"""A unix listener is as open as a port is; whoever wants less keeps it in a closed directory."""


class BindFailed(Exception):
    """An address that cannot be listened on; `reason` names it."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot listen on `{address}`: {reason}")
        self.address, self.reason = address, f"cannot listen on `{address}`: {reason}"


@dataclass(slots=True)
class Held:
    """The sockets of one address: one for each slot, or one for all. `place` has the port that was found."""

    address: str
    place: Place
    sockets: list[socket.socket]
    shared: bool
    inode: tuple[int, int] | None = None

    def of_slot(self, slot: int) -> socket.socket:
        """The socket that the worker of this slot accepts from."""
        return self.sockets[0] if self.shared else self.sockets[slot]


def inherited_sockets(environment: dict[str, str] | os._Environ[str]) -> list[socket.socket]:
    """The sockets that systemd or a gwc before this one handed over (LISTEN_FDS).

    The variables are taken out, so that no child believes them its own. Descriptors that are no listening
    sockets are left alone.
    """
    count, meant_for = environment.pop("LISTEN_FDS", ""), environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    if not (count.isascii() and count.isdigit()) or meant_for not in ("", str(os.getpid())):
        return []
    found: list[socket.socket] = []
    for number in range(3, 3 + int(count)):
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
            os.set_inheritable(number, False)
            sock = socket.socket(fileno=number)
        except OSError:
            continue
        if sock.type == socket.SOCK_STREAM and sock.family in (
            socket.AF_INET,
            socket.AF_INET6,
            socket.AF_UNIX,
        ):
            sock.setblocking(False)
            found.append(sock)
        else:
            sock.detach()
    return found


class Sockets:
    """All that is held, by address as it is spelt in the table. Changes as tables come and go."""

    def __init__(self, slots: int, inherited: Iterable[socket.socket] = (), root: Path = Path()) -> None:
        """`root` is where files that addresses refer to begin."""
        self.slots = slots
        self._root = root
        self.held: dict[str, Held] = {}
        self._inherited: dict[Place, list[socket.socket]] = {}
        self.handed_over = False
        for sock in inherited:
            self._inherited.setdefault(place_of_socket(sock), []).append(sock)

    def bind(self, address: str, mode: int = LISTENER_MODE, *, shared: bool = False) -> Held:
        """Bind an address without listening yet. `BindFailed` where that cannot be.

        `shared`: one socket, whatever the kind of address; for what the supervisor itself serves.
        """
        try:
            place = place_of(address, root=self._root)
        except Unresolvable as failed:
            raise BindFailed(address, failed.reason) from failed
        for other in self.held.values():
            if other.place == place and place.port + len(place.path):
                raise BindFailed(address, f"`{other.address}` is the same")
        taken = self._inherited.pop(place, None)
        try:
            if taken is not None:
                held = self._taken_over(address, place, taken, shared)
            elif place.path:
                held = _bound_unix(address, place, mode)
            else:
                held = self._bound_tcp(address, place, shared)
        except OSError as failed:
            if failed.errno == errno.EADDRINUSE:
                raise BindFailed(address, "another process listens there") from failed
            raise BindFailed(address, (failed.strerror or str(failed)).lower()) from failed
        self.held[address] = held
        return held

    def listen(self, address: str) -> None:
        """Begin to take connections. `BindFailed` where somebody was quicker."""
        for sock in self.held[address].sockets:
            try:
                sock.listen(BACKLOG)
            except OSError as failed:
                raise BindFailed(address, (failed.strerror or str(failed)).lower()) from failed

    def release(self, address: str) -> None:
        """Let an address go: close its sockets, remove the path that was made for it."""
        held = self.held.pop(address, None)
        if held is None:
            return
        for sock in held.sockets:
            sock.close()
        if held.inode is not None and not self.handed_over:
            with contextlib.suppress(OSError):
                found = os.lstat(held.place.path)
                if (found.st_dev, found.st_ino) == held.inode:
                    os.unlink(held.place.path)

    def release_all(self, kept: Collection[str] = ()) -> None:
        """Let everything go but the addresses `kept`, inherited sockets that no listener wanted too."""
        for address in list(self.held):
            if address not in kept:
                self.release(address)
        self.release_unwanted()

    def release_unwanted(self) -> None:
        """Close what was handed over and is not listened on."""
        for sockets in self._inherited.values():
            for sock in sockets:
                sock.close()
        self._inherited.clear()

    def all_sockets(self) -> list[socket.socket]:
        """Every socket, in an order that gives each slot its own again."""
        return [sock for held in self.held.values() for sock in held.sockets]

    def _taken_over(self, address: str, place: Place, taken: list[socket.socket], shared: bool) -> Held:
        inode = None
        if place.path:
            with contextlib.suppress(OSError):
                found = os.lstat(place.path)
                inode = (found.st_dev, found.st_ino)
            return Held(address, place, taken, True, inode)
        if shared or not taken[0].getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT):
            return Held(address, place, taken, True)
        while len(taken) < self.slots:
            taken.append(_tcp_socket(place, reuse_port=True))
        return Held(address, place, taken, False)

    def _bound_tcp(self, address: str, place: Place, shared: bool) -> Held:
        if not any(other.place.overlaps(place) for other in self.held.values()):
            # Two processes with SO_REUSEPORT would share the connections and nobody would notice.
            probe = _tcp_socket(place, reuse_port=False)
            if shared:
                return Held(address, place_of_socket(probe), [probe], True)
            probe.close()
        first = _tcp_socket(place, reuse_port=True)
        sockets = [first]
        place = place_of_socket(first)
        try:
            while len(sockets) < (1 if shared else self.slots):
                sockets.append(_tcp_socket(place, reuse_port=True))
        except OSError:
            for sock in sockets:
                sock.close()
            raise
        return Held(address, place, sockets, shared)


def most_slots(inherited: Iterable[socket.socket]) -> int:
    """How many slots the sockets that were handed over need: each holds connections that wait to be taken."""
    counts: dict[Place, int] = {}
    for sock in inherited:
        if sock.family != socket.AF_UNIX and sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT):
            place = place_of_socket(sock)
            counts[place] = counts.get(place, 0) + 1
    return max(counts.values(), default=0)


def _tcp_socket(place: Place, *, reuse_port: bool) -> socket.socket:
    sock = socket.socket(place.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if place.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(place.name)
    except OSError:
        sock.close()
        raise
    return sock


def _bound_unix(address: str, place: Place, mode: int) -> Held:
    _remove_stale(address, place.path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        sock.setblocking(False)
        sock.bind(place.path)
    except OSError:
        sock.close()
        raise
    finally:
        os.umask(before)
    os.chmod(place.path, mode)
    found = os.lstat(place.path)
    return Held(address, place, [sock], True, (found.st_dev, found.st_ino))


def _remove_stale(address: str, path: str) -> None:
    """Remove a socket file that nobody answers on; refuse anything else that is there."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise BindFailed(address, "there is something that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except OSError as failed:
            raise BindFailed(address, (failed.strerror or str(failed)).lower()) from failed
    raise BindFailed(address, "another process listens there")
