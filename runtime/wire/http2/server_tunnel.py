"""A stream of an HTTP/2 client that asks for a WebSocket (extended CONNECT, RFC 8441).

Owns what differs from a request's stream: data before the answer waits in the window, data after it is the
tunnel's, either side may end alone, and no time limit of bodies counts. It implements `TunnelEnd`.
"""

from __future__ import annotations

from ...reply import Reply
from ...sides import Trailers
from ...tunnel import Tunnel
from .server_stream import Stream


class TunnelStream(Stream):
    """One such stream.

    Mutable: `_early` (what came before the answer; None once that is out), the `_tunnel` while there is one,
    `_half` (our side has ended), `_lost` (the client is gone).
    """

    __slots__ = ("_early", "_half", "_lost", "_tunnel")

    _early: bytes | None
    _tunnel: Tunnel | None

    def prepare(self) -> None:
        """Wait for the answer."""
        self._early = b""
        self._tunnel = None
        self._half = self._lost = False

    # --- from the client -------------------------------------------------------------------------------

    def take(self, data: bytes, size: int) -> bool:
        """See Stream."""
        if self._early is not None:
            self._early += data
            self.held += size
            return True
        if self._tunnel is not None and data:
            self._tunnel.from_client(data)
        if self._paused:
            self.held += size
        else:
            self._connection.give_back(self.number, size)
        return True

    def arrived(self) -> None:
        """See Stream. Silence on both sides has a limit of its own."""

    def ended(self, trailers: Trailers) -> None:
        """See Stream."""
        self.request_ended = True
        if self._tunnel is not None:
            self._tunnel.client_ended()

    def give_up(self, reason: str = "client-gone") -> None:
        """See Stream."""
        tunnel, self._tunnel = self._tunnel, None
        if tunnel is None:
            super().give_up(reason)
            return
        self.exchange = None
        self._lost = True
        tunnel.client_lost()

    # --- TunnelEnd -------------------------------------------------------------------------------------

    def switch(self, tunnel: Tunnel, reply: Reply) -> None:
        """See TunnelEnd. The answer is a 200: the connection goes on."""
        if self.gone:
            return
        self._tunnel = tunnel
        lines = [line for line in reply.lines if not line.lower().startswith(b"sec-websocket-accept:")]
        self.send_head(Reply(200, b"OK", lines, None, reply.dated), has_body=True)
        self.flush()
        early, self._early = self._early, None
        held, self.held = self.held, 0
        self._connection.give_back(self.number, held)
        if early:
            tunnel.from_client(early)
        if self.request_ended:
            tunnel.client_ended()

    def end_sending(self) -> None:
        """See TunnelEnd."""
        self._ended = True
        if not self.gone:
            self._connection.wants_to_send(self)

    def hang_up(self) -> None:
        """See TunnelEnd."""
        self._tunnel = self.exchange = None
        if self.gone or self._lost:
            return
        if self._half:
            self._done()
        else:
            self.end_sending()

    def resume_reading(self) -> None:
        """See TunnelEnd."""
        self._paused = False
        held, self.held = self.held, 0
        if held and not self.gone:
            self._connection.give_back(self.number, held)

    def say_goodbye(self) -> bool:
        """End the tunnel in good form; False where there is none."""
        if self._tunnel is None:
            return False
        self._tunnel.go_away("draining")
        return True

    # --- its turn --------------------------------------------------------------------------------------

    def _tell_full(self) -> None:
        if self._tunnel is not None:
            self._tunnel.client_full()
        else:
            super()._tell_full()

    def _tell_drained(self) -> None:
        if self._tunnel is not None:
            self._tunnel.client_drained()
        else:
            super()._tell_drained()

    def _stalled(self) -> None:
        if self._tunnel is None:
            super()._stalled()

    def _done(self) -> None:
        if self._tunnel is not None and not self.request_ended:
            self._half = True
        else:
            super()._done()
