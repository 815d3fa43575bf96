"""A request's body that is read whole before anything is done with it.

Owns the pieces until there are enough. Who wants the body, and what for, is the caller's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .exchange import Exchange


class Collecting:
    """One body. `then` gets it, None where it is longer than `most` and streams on. Mutable: the pieces."""

    __slots__ = ("_body", "_exchange", "_most", "_then")

    def __init__(self, exchange: Exchange, most: int, then: Callable[[bytes | None], None]) -> None:
        self._exchange = exchange
        self._most = most
        self._then = then
        self._body = bytearray(b"".join(exchange.waiting))
        exchange.waiting = ()

    def begin(self) -> None:
        """Ask the client for what is still to come."""
        exchange = self._exchange
        if exchange.request_ended or len(self._body) > self._most:
            self._finish(whole=exchange.request_ended)
        elif exchange.downstream is not None:
            if exchange.wants_continue:
                exchange.downstream.send_continue()
                exchange.wants_continue = False
            exchange.downstream.resume_reading()

    def data(self, data: bytes) -> None:
        """A piece."""
        self._body += data
        if len(self._body) > self._most:
            self._finish(whole=False)

    def end(self) -> None:
        """The body is whole."""
        self._finish(whole=True)

    def _finish(self, *, whole: bool) -> None:
        exchange = self._exchange
        exchange.collecting = None
        body = bytes(self._body)
        if body:
            exchange.waiting = (body,)
        if not whole and exchange.downstream is not None:
            exchange.downstream.pause_reading()
        self._then(body if whole else None)
