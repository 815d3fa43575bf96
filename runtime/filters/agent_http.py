"""Asking an agent over HTTP: one POST an event, over kept connections.

Owns the connections and the size of an answer. What is said is not its business.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from .agent_words import BadAnswer

if TYPE_CHECKING:
    import httpcore

CONNECTIONS: Final = 100
"""Events under way at a time, to one agent from one worker; more wait, within their time."""
_KEPT_S: Final = 60.0


class HttpWay:
    """The connections to one URL. Mutable: they come and go."""

    busy = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def prepare(self) -> None:
        """What takes too long for the first event: the client's modules, and authorities for TLS."""
        if self._pool is None:
            self._pool = await asyncio.to_thread(_pool_for, self._url)

    async def post(self, _identity: str, said: bytes, most: int) -> bytes:
        """One exchange; once more where a kept connection turned out to be gone."""
        import httpcore

        if self._pool is None:  # of a table that is not in force any more
            self._pool = _pool_for(self._url)
        for last in (False, True):
            try:
                return await self._post_once(self._pool, said, most)
            except (httpcore.RemoteProtocolError, httpcore.WriteError, httpcore.ReadError):
                if last:
                    raise
        raise AssertionError("the second time returns or raises")

    def over(self, identity: str) -> None:
        """A request is over; nothing is kept of it here."""

    async def aclose(self) -> None:
        """Let go of all connections; a later event opens new ones."""
        pool, self._pool = self._pool, None
        if pool is not None:
            with contextlib.suppress(Exception):  # connections that break while they are closed are gone too
                await pool.aclose()

    async def _post_once(self, pool: httpcore.AsyncConnectionPool, said: bytes, most: int) -> bytes:
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(said))),
            ("accept-encoding", "identity"),
            ("user-agent", "gwc"),
        ]
        async with pool.stream("POST", self._url, headers=headers, content=said) as reply:
            if reply.status not in (200, 204):
                raise BadAnswer(f"has status {reply.status}")
            content = b""
            async for piece in reply.aiter_stream():
                content += piece
                if len(content) > most:
                    raise BadAnswer(f"is longer than {most} bytes")
            return content


def _pool_for(url: str) -> httpcore.AsyncConnectionPool:
    import ssl
    from importlib import import_module

    import httpcore

    import_module("anyio._backends._asyncio")  # the client would do it at its first connection
    context = ssl.create_default_context() if url.startswith("https:") else None
    return httpcore.AsyncConnectionPool(
        ssl_context=context,
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=_KEPT_S,
    )
