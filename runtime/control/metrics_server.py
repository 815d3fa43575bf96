"""The listener of `metrics`: all numbers as Prometheus reads them, and nothing else.

Owns the one path. What is counted, slabs know; what is told, `observe.exposition`.
"""

from __future__ import annotations

import asyncio

from ..observe.exposition import CONTENT_TYPE, render
from .own_http import Received, Reply
from .sharing import Shared


class Metrics:
    """Renders the numbers of all workers, of dead ones too. One at a time: more would only wait for the
    interpreter."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared
        self._one = asyncio.Lock()

    async def text(self) -> bytes:
        """The exposition; in a thread, because with many routes it takes longer than a loop should wait."""
        async with self._one:
            return await asyncio.to_thread(render, list(self._shared.slabs.values()))

    async def handle(self, received: Received) -> Reply:
        """GET /metrics."""
        path = received.target.partition("?")[0]
        if path != "/metrics":
            return plain(404, "only /metrics is here\n")
        if received.method != "GET":
            return plain(405, "metrics are read with GET\n", ("allow", "GET"))
        return Reply(200, await self.text(), CONTENT_TYPE)


def refuse(status: int, code: str, words: str, client: str) -> Reply:
    """See `own_http.Refuse`."""
    return plain(status, f"{words}\n")


def plain(status: int, text: str, *headers: tuple[str, str]) -> Reply:
    """A reply in words."""
    return Reply(status, text.encode("utf-8", "replace"), "text/plain; charset=utf-8", headers)
