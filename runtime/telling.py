"""A reply that the whole gateway gives, not this worker: what the private builtins tell.

Owns the waiting for it. Who answers, and what, `control/` knows. It is the `ReplySide` of its exchange.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .reply import Reply
from .timers import NEVER

if TYPE_CHECKING:
    from .exchange import Exchange
    from .sides import Trailers


class Telling:
    """One question. Mutable: the task that waits, and the deadline, which is the exchange's."""

    __slots__ = ("_exchange", "_name", "_task", "deadline", "due", "slot")

    def __init__(self, exchange: Exchange, name: str) -> None:
        self._exchange: Exchange | None = exchange
        self._name = name
        self._task: asyncio.Task[None] | None = None
        self.deadline = NEVER
        self.slot = -1
        self.due = 0.0

    def begin(self) -> None:
        """Ask."""
        assert self._exchange is not None
        self._task = self._exchange.services.loop.create_task(self._ask())

    async def _ask(self) -> None:
        assert self._exchange is not None
        ask = self._exchange.services.ask
        try:
            kind, body = ("", b"") if ask is None else await ask(self._name)
        except OSError:
            kind, body = "", b""
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        if not kind:
            exchange.fail("not-told", "the supervisor does not answer")
            return
        lines = [f"content-type: {kind}".encode(), b"cache-control: no-store"]
        reply = Reply(200, b"OK", lines, len(body))
        exchange.reply_whole(reply, b"" if exchange.head.method == "HEAD" else body)

    # --- for the exchange: ReplySide -------------------------------------------------------------------

    def abort(self) -> None:
        """Nobody waits any more."""
        self._exchange = None
        if self._task is not None:
            self._task.cancel()

    def expired(self) -> None:
        """The exchange's deadline has passed."""
        if self._exchange is not None:
            self._exchange.expired()

    def send_data(self, data: bytes) -> None:
        """A request's body, which nobody reads."""

    def send_end(self, trailers: Trailers) -> None:
        """Its end."""

    def pause_reading(self) -> None:
        """There is one piece."""

    def resume_reading(self) -> None:
        """There is one piece."""
