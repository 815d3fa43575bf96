"""One agent: how it is asked, for how long, and when it is left alone.

Owns the connections, the time for an event, the size of an answer, and the breaker, which is this worker's.
It outlives tables. What is asked, and what an answer does, is `agents.py`'s.
"""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic
from typing import TYPE_CHECKING, Final

from gwc.schema.policies.agents import AgentRecord

from ..observe.observing import Observing
from .agent_words import BadAnswer, Event, Verdict, read_answer

if TYPE_CHECKING:
    import httpcore

CONNECTIONS: Final = 100
"""Events under way at a time, to one agent from one worker; more wait, within their time."""
_KEPT_S: Final = 60.0
MOST_BYTES: Final = 256 * 1024
"""The longest answer to an event without a body; twice what is held of bodies comes on top."""


class AgentFailed(Exception):
    """Raised where an event came to nothing; `args[0]` says why, for logs."""


class Breaker:
    """Mutable: failures in a row, when the next trial may be, and whether one is under way."""

    __slots__ = ("_failures", "_most", "_open_s", "_trial_at", "_trying")

    def __init__(self, most: int, open_s: float) -> None:
        self._most = most
        self._open_s = open_s
        self._failures = 0
        self._trial_at = 0.0
        self._trying = False

    def admits(self, now: float) -> bool:
        """Whether an event may be sent. One that was must be told of, by one of the three below."""
        if self._failures < self._most:
            return True
        if self._trying or now < self._trial_at:
            return False
        self._trying = True
        return True

    def held(self) -> bool:
        """It was answered. Whether that closes the breaker."""
        was_open = self._failures >= self._most
        self._failures = 0
        self._trying = False
        return was_open

    def failed(self, now: float) -> bool:
        """It was not. Whether that opens the breaker."""
        self._failures += 1
        self._trying = False
        if self._failures < self._most:
            return False
        self._trial_at = now + self._open_s
        return self._failures == self._most

    def given_up(self) -> None:
        """Nobody waits for it any more: that says nothing of the agent."""
        self._trying = False


class Agent:
    """One agent of this worker. Mutable: the breaker, the connections, how many events are under way."""

    def __init__(
        self, record: AgentRecord, url: str, observer: Observing, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.name = record.name
        self._url = url
        self._loop = loop
        self._observer = observer
        self._breaker = Breaker(record.failures, record.open_ms / 1000)
        self._pool: httpcore.AsyncConnectionPool | None = None
        self._under_way = 0
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

    async def prepare(self) -> None:
        """What takes too long for the first event: the client's modules, and authorities for TLS."""
        if self._pool is None:
            self._pool = await asyncio.to_thread(_pool_for, self._url)

    async def ask(
        self,
        event: Event,
        said: bytes,
        *,
        end: bool,
        timeout_s: float,
        most: int = MOST_BYTES,
        late: frozenset[str] = frozenset(),
    ) -> Verdict:
        """The answer to one event. Raises AgentFailed."""
        began = monotonic()
        if not self._breaker.admits(began):
            self._observer.agent_called(self.name, event, "open", 0.0)
            raise AgentFailed("its breaker is open")
        self._under_way += 1
        result, why = "failed", ""
        try:
            async with asyncio.timeout(timeout_s):
                verdict = read_answer(await self._post(said, most), event, end=end, late=late)
            result = verdict.action
            if self._breaker.held():
                self._told_breaker("closed")
            return verdict
        except TimeoutError:
            result, why = "timeout", f"no answer within {timeout_s * 1000:g} ms"
        except BadAnswer as fault:
            why = f"its answer {fault.args[0]}"
        except asyncio.CancelledError:
            result = "given-up"
            self._breaker.given_up()
            raise
        except Exception as fault:  # the client raises what its layers do
            why = f"cannot be asked: {type(fault).__name__}"
        finally:
            self._under_way -= 1
            self._observer.agent_called(self.name, event, result, monotonic() - began)
            if self._closed:
                self._close_idle()
        if self._breaker.failed(monotonic()):
            self._told_breaker("open", why)
        raise AgentFailed(why)

    def close(self) -> None:
        """See Kept: requests under way go on to be answered."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        if not self._under_way and self._pool is not None and self._closing is None:
            pool, self._pool = self._pool, None
            self._closing = self._loop.create_task(self._let_go(pool))

    async def _let_go(self, pool: httpcore.AsyncConnectionPool) -> None:
        with contextlib.suppress(Exception):  # connections that break while they are closed are gone too
            await pool.aclose()
        self._closing = None

    async def _post(self, said: bytes, most: int) -> bytes:
        """One exchange over HTTP; once more where a kept connection turned out to be gone."""
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

    def _told_breaker(self, state: str, why: str = "") -> None:
        self._observer.agent_breaker(self.name, state == "open")
        told = {"why": why} if why else {}
        self._observer.error("warning" if why else "info", f"agent-breaker-{state}", agent=self.name, **told)


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
