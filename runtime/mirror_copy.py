"""One copy of a request: sent to another upstream, its reply thrown away.

Owns a copy's course. It is an exchange without a client as far as the pool and connections see it, and none
that anybody counts as a request: what an exchange would tell a client goes nowhere.
"""

from __future__ import annotations

from copy import copy

from .exchange import Exchange
from .forwarding import Form, FormT_co
from .mirror import Mirror, Result
from .reply import Reply
from .sides import Trailers, UpstreamSide


class Copy(Exchange):
    """One copy. Mutable as an exchange is; nobody but the pool, a connection and the wheel calls it."""

    def __init__(
        self, original: Exchange, mirror: Mirror, pieces: tuple[bytes, ...], trailers: Trailers
    ) -> None:
        # Not Exchange.__init__: a copy is no request, and is not counted as one.
        self.services = original.services
        self.downstream = None
        self.head = original.head
        self.length = original.length
        self.peer = original.peer
        self.request_ended = True
        self.record = copy(original.record)
        self.record.upstream, self.record.target, self.record.attempts = mirror.upstream.name, "", 1
        self.plan = original.plan
        self.upstream = mirror.upstream
        self.waiting = pieces
        self._trailers = trailers
        self._original = original
        self._mirror = mirror
        mirror.under_way += 1
        mirror.copies.under_way.add(self)
        self.deadline = self.services.timers.now + mirror.record.timeout_ms / 1000
        self.services.timers.watch(self)

    def forwarded(self, form: Form[FormT_co]) -> FormT_co:
        """The head as the original's target gets it."""
        return self._original.forwarded(form)

    def acquire(self) -> None:
        """Ask for a connection."""
        assert self.upstream is not None
        self._wait_listed = False
        if self.upstream.acquire(self) is not None and not self.over:
            self._wait_listed = True

    def connected(self, side: UpstreamSide, *, reused: bool, seconds: float | None = None) -> None:
        """A connection is there: all of the request goes out."""
        self._wait_listed = False
        self.upstream_side = side
        side.start(self, self.length)
        for piece in self.waiting:
            side.send_data(piece)
        self.waiting = ()
        if self.length and self.upstream_side is not None:
            side.send_end(self._passing(self._trailers, response=False))

    def unavailable(self, reason: str, detail: str = "") -> None:
        """There is no connection to be had."""
        self._wait_listed = False
        self._blame(reason)
        self.finish("failed")

    def reply_head(self, reply: Reply, length: int) -> None:
        """A reply begins."""
        if self.chosen is not None:
            self.chosen.answered(self.head, reply)

    def reply_whole(self, reply: Reply, body: bytes) -> None:
        """The reply is there."""
        self.upstream_side = None
        self.reply_head(reply, len(body))
        self.finish("sent")

    def reply_data(self, data: bytes) -> None:
        """Nobody reads it."""

    def flush(self) -> None:
        """Nobody waits for it."""

    def reply_end(self, trailers: Trailers) -> None:
        """The reply is whole."""
        self.upstream_side = None
        self.finish("sent")

    def upstream_lost(self, reason: str, detail: str = "") -> None:
        """The connection is gone."""
        self.upstream_side = None
        self._blame(reason)
        self.finish("failed")

    def upstream_refused(self, sent: tuple[bytes, ...] | None, detail: str) -> None:
        """The target would not begin with it."""
        self.upstream_side = None
        self.finish("failed")

    def expired(self) -> None:
        """It has taken too long."""
        self.finish("timeout")

    def fail(self, reason: str, detail: str = "") -> None:
        """It cannot be sent."""
        self.finish("failed")

    def finish(self, result: Result) -> None:
        """Let go of everything, and count."""
        if self.over:
            return
        self.over = True
        self._leave_upstream()
        if self.chosen is not None:
            self.chosen.left()
        self.services.timers.forget(self)
        self._mirror.under_way -= 1
        self._mirror.copies.over(self)
        self._mirror.tell(self, result)

    def _blame(self, reason: str) -> None:
        if self.chosen is not None and not self.over:
            self.chosen.failed(reason)
