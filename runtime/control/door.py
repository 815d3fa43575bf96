"""One address that connections come in by: accepting, and the settings of its connections.

Owns when accepting rests: descriptors have run out, there are too many connections or handshakes. How many
there may be, and what becomes of a worker's connections as a whole, is `doors.py`'s.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from gwc.schema.request import Address
from gwc.schema.table import ListenerHttp2, ListenerLimits, ListenerRecord, ListenerTimeouts

from ..upstream.targets import Counting, LocalCounter
from ..wire.http1.entry import ClientConnection
from ..wire.http1.server import ServerConnection
from ..wire.http2.server import Http2Connection
from ..wire.protocols import PROTOCOLS
from ..wire.tls.connection import TlsConnection
from ..wire.tls.contexts import ServerTls

if TYPE_CHECKING:
    from .doors import Doors

_ACCEPTED_AT_ONCE: Final = 32
"""Connections that one wake-up takes, so that requests get their turn."""

_WAITING_AT_MOST: Final = 65_536
"""Longer than any queue of a socket."""

_ACCEPT_PAUSE_S: Final = 0.1
"""How long accepting rests where descriptors or memory ran out."""

_TOLD_EVERY_S: Final = 10.0
"""How often it is told that accepting rests: what lasts for hours must not fill the log."""

_NO_MORE = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Door:
    """An address that connections come in by.

    Mutable: the socket while it listens, its connections, whether accepting rests, and the settings, which
    are those of the newest table that has the address. It is the `Entry` of its connections. `count` is how
    many the listener has in the whole gateway, `handshakes` how many of TLS are under way here; `_crowded`:
    accepting waits for one of them to end.
    """

    def __init__(self, doors: Doors, address: str, sock: socket.socket) -> None:
        self.address = address
        self.services = doors.services
        self.listener = ""
        self.limits = ListenerLimits()
        self.timeouts = ListenerTimeouts()
        self.http2 = ListenerHttp2()
        self.tls = False
        self.secure: ServerTls | None = None
        self.handshakes = 0
        self.proxy_protocol = False
        self.connections: set[ClientConnection] = set()
        self._mode: str | None = None
        self._crowded = False
        self._sock: socket.socket | None = sock
        self._doors = doors
        self._resting: asyncio.TimerHandle | None = None
        self._told = -_TOLD_EVERY_S
        self.count: Counting = LocalCounter()
        self._tasks: set[asyncio.Task[None]] = set()

    def configure(self, records: tuple[ListenerRecord, ...], secure: ServerTls | None) -> None:
        """The settings of the connection: listeners of one address have the same. Whoever came when TLS was
        another matter here is asked to go.
        """
        first = records[0]
        if first.name != self.listener:
            before, self.count = self.count, self._doors.clients_of(first.name)
            before.add(-len(self.connections))
            self.count.add(len(self.connections))
        self.listener, self.limits, self.timeouts = first.name, first.limits, first.timeouts
        self.http2 = first.http2
        mode = "" if secure is None else secure.mode
        if self._mode is not None and self._mode != mode:
            self._doors.send_away(self)
        self.secure, self._mode = secure, mode
        self.tls, self.proxy_protocol = secure is not None, first.proxy_protocol

    def open(self) -> None:
        """Begin or go on accepting."""
        if self._sock is not None and self._resting is None and not self._crowded:
            self.services.loop.add_reader(self._sock.fileno(), self._accept)

    def close(self) -> None:
        """Stop accepting; connections live on."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        sock, self._sock = self._sock, None
        if sock is not None:
            self.services.loop.remove_reader(sock.fileno())
            sock.close()

    def take_waiting(self) -> None:
        """Accept what waits already: when the socket closes, the kernel would reset it."""
        if self._sock is not None and self._resting is None and self.listener:
            self._accept(_WAITING_AT_MOST)

    def handshake_over(self, connection: ClientConnection, app: ClientConnection | None) -> None:
        """See Entry."""
        self.handshakes -= 1
        if app is None:
            self.closed(connection)
        else:
            self.connections.discard(connection)
            self.connections.add(app)
        if self._crowded:
            self._crowded = False
            self.open()

    def closed(self, connection: ClientConnection) -> None:
        """See Entry."""
        self.connections.discard(connection)
        self._doors.closed(self, connection)

    def begin_http2(
        self,
        before: ClientConnection,
        peer: Address | None,
        transport: asyncio.Transport,
        opened_at: str,
        data: bytes,
    ) -> None:
        """See Entry."""
        connection = Http2Connection(self, peer, before.peer_text, before.came_from)
        self.connections.discard(before)
        self.connections.add(connection)
        transport.set_protocol(connection)
        connection.take_over(transport, opened_at)
        connection.data_received(data)
        if self._sock is None:  # the door has been shut meanwhile, or the worker drains
            connection.drain()

    def _accept(self, most: int = _ACCEPTED_AT_ONCE) -> None:
        """Take what waits, a few at once."""
        for _ in range(most):
            sock = self._sock
            if sock is None:
                return
            if self.secure is not None and self.handshakes >= self.secure.handshakes:
                self._crowded = True
                self.services.loop.remove_reader(sock.fileno())
                self._tell_pause(f"{self.handshakes} handshakes are under way")
                return
            no_room = self._doors.count_in()
            if no_room:
                self._rest(no_room)
                return
            try:
                accepted, name = sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                self._doors.count_out()
                return
            except OSError as fault:
                self._doors.count_out()
                if fault.errno in _NO_MORE:
                    self._rest(fault.strerror or str(fault))
                    return
                self.services.observer.error("warning", "accept", address=self.address, what=str(fault))
                return
            accepted.setblocking(False)
            self._take(accepted, name)

    def _rest(self, why: str) -> None:
        """Accept nothing for a moment. The loop would else be woken again and again for nothing."""
        assert self._sock is not None
        loop = self.services.loop
        loop.remove_reader(self._sock.fileno())
        self._tell_pause(why)
        self._resting = loop.call_later(_ACCEPT_PAUSE_S, self._rested)

    def _tell_pause(self, why: str) -> None:
        now = self.services.loop.time()
        if now - self._told >= _TOLD_EVERY_S:
            self._told = now
            self.services.observer.error("error", "accept-paused", address=self.address, what=why)

    def _rested(self) -> None:
        self._resting = None
        self.open()

    def _take(self, accepted: socket.socket, name: object) -> None:
        """A connection: judged by the limits, then served."""
        peer: Address | None = None
        text = "unix"
        if isinstance(name, tuple) and name:
            text = str(name[0]).partition("%")[0]
            peer = ip_address(text)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not self._doors.admit(self, text):
            self.services.observer.refused("connections", text, self.listener, "too many connections")
            accepted.close()
            self._doors.count_out()
            return
        connection: ServerConnection | TlsConnection
        if self.secure is None:
            connection = ServerConnection(self, peer, text)
        else:
            self.handshakes += 1
            connection = TlsConnection(self, self.secure, PROTOCOLS, peer, text)
        self.connections.add(connection)
        task = self.services.loop.create_task(self._serve(accepted, connection))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, accepted: socket.socket, connection: ServerConnection | TlsConnection) -> None:
        try:
            await self.services.loop.connect_accepted_socket(lambda: connection, accepted)
        except OSError:
            accepted.close()
            if isinstance(connection, TlsConnection):
                self.handshake_over(connection, None)
            else:
                self.closed(connection)
