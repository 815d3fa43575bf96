"""One agent: how it is asked, for how long, and when it is left alone.

Owns the time for an event and the breaker, which is this worker's. It outlives tables, with its connections,
which are `agent_http.py`'s or `agent_grpc.py`'s. What is asked, and what an answer does, is `agents.py`'s.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final, Protocol

from gwc.schema.policies.agents import AgentRecord

from ..observe.observing import Observing
from .agent_words import BadAnswer, Event, Unanswered, Verdict, read_answer

MOST_BYTES: Final = 256 * 1024
"""The longest answer to an event without a body; twice what is held of bodies comes on top."""


class AgentFailed(Exception):
    """Raised where an event came to nothing; `args[0]` says why, for logs."""


class Way(Protocol):
    """The connections to an agent."""

    @property
    def busy(self) -> bool:
        """Whether requests under way keep them."""

    async def prepare(self) -> None:
        """What takes too long for the first event."""

    async def post(self, identity: str, said: bytes, most: int) -> bytes:
        """The answer to an event of a request, at most so long. Raises BadAnswer, or what its layers do."""

    def over(self, identity: str) -> None:
        """A request is over."""

    async def aclose(self) -> None:
        """Let go of all connections; a later event opens new ones."""


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
        self._way = _way_to(record, url)
        self._loop = loop
        self._observer = observer
        self._breaker = Breaker(record.failures, record.open_ms / 1000)
        self._under_way = 0
        self._closed = False
        self._closing: asyncio.Task[None] | None = None
        self._close_again = False

    async def prepare(self) -> None:
        """What takes too long for the first event."""
        await self._way.prepare()

    async def ask(
        self,
        identity: str,
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
                verdict = read_answer(await self._way.post(identity, said, most), event, end=end, late=late)
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
        except Unanswered as fault:
            why = str(fault.args[0])
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

    def over(self, identity: str) -> None:
        """A request is over."""
        self._way.over(identity)
        if self._closed:
            self._close_idle()

    def _close_idle(self) -> None:
        if self._under_way or self._way.busy:
            return
        if self._closing is None:
            self._closing = self._loop.create_task(self._let_go())
        else:
            self._close_again = True

    async def _let_go(self) -> None:
        await self._way.aclose()
        self._closing = None
        if self._close_again:  # a request of the table before has opened one meanwhile
            self._close_again = False
            self._close_idle()

    def _told_breaker(self, state: str, why: str = "") -> None:
        self._observer.agent_breaker(self.name, state == "open")
        told = {"why": why} if why else {}
        self._observer.error("warning" if why else "info", f"agent-breaker-{state}", agent=self.name, **told)


def _way_to(record: AgentRecord, url: str) -> Way:
    if record.transport == "grpc":
        from .agent_grpc import GrpcWay

        return GrpcWay(url)
    from .agent_http import HttpWay

    return HttpWay(url)
