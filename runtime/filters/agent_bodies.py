"""Bodies on their way past an agent: held, told of piece by piece, dropped or replaced.

Owns what is held of a body, for how long, and how much. What is said to the agent, and what its other words
do, is `agents.py`'s.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from gwc.schema.policies.agents import BodyMode

from ..filter import BodyChange
from .agent_words import Verdict

Ask: TypeAlias = Callable[[bytes, int, bool], Awaitable[Verdict | None]]
"""What is held, the number of the event, and whether that is the body's end -> the verdict, None where the
agent failed and that is to be as if it was not there. Raises `Cut` where the body goes no further.
"""


class WatchedBody:
    """A body past one agent.

    `ask` asks it, `is_over` says whether it is asked no more, `too_long` is called where more than `most`
    bytes would have to be held; it raises `Cut` unless what is held may pass. `holds_head`: nothing goes out
    before the first verdict, the message's head neither. Mutable: what is held, and how many events there
    were.
    """

    __slots__ = ("_ask", "_held", "_is_over", "_mode", "_most", "_sequence", "_too_long", "holds_head")

    def __init__(
        self,
        mode: BodyMode,
        most: int,
        *,
        ask: Ask,
        is_over: Callable[[], bool],
        too_long: Callable[[], None],
    ) -> None:
        self._mode = mode
        self._most = most
        self._ask = ask
        self._is_over = is_over
        self._too_long = too_long
        self._held = bytearray()
        self._sequence = 0
        self.holds_head = mode in ("buffer", "hybrid")

    def feed(self, data: bytes) -> bytes | Awaitable[bytes]:
        """See BodyChange."""
        if self._is_over():
            return self._all(data)
        self._held += data
        if self._mode == "buffer":
            return b"" if len(self._held) <= self._most else self._let_pass()
        if self._mode == "hybrid" and not self._sequence and len(self._held) <= self._most:
            return b""
        return self._asked(end=False)

    def flush(self) -> bytes:
        """See BodyChange: what is held is held until the agent has spoken."""
        return b""

    def end(self) -> bytes | Awaitable[bytes]:
        """See BodyChange."""
        return self._all(b"") if self._is_over() else self._asked(end=True)

    async def _asked(self, *, end: bool) -> bytes:
        body = bytes(self._held)
        verdict = await self._ask(body, self._sequence, end)
        self._sequence += 1
        if verdict is not None and verdict.action == "more":
            return b"" if len(body) <= self._most else self._let_pass()
        self._held.clear()
        return body if verdict is None or verdict.body is None else verdict.body

    def _let_pass(self) -> bytes:
        self._too_long()
        return self._all(b"")

    def _all(self, data: bytes) -> bytes:
        """What is held, and this."""
        if not self._held:
            return data
        held = bytes(self._held) + data
        self._held.clear()
        return held


class Both:
    """A body that passes through two changes, one after the other."""

    __slots__ = ("_first", "_second")

    def __init__(self, first: BodyChange, second: BodyChange) -> None:
        self._first = first
        self._second = second

    def feed(self, data: bytes) -> bytes | Awaitable[bytes]:
        """See BodyChange."""
        fed = self._first.feed(data)
        if isinstance(fed, bytes):
            return self._second.feed(fed) if fed else b""
        return self._fed_later(fed)

    async def flush(self) -> bytes:
        """See BodyChange."""
        flushed = await _there(self._first.flush())
        passed = await _there(self._second.feed(flushed)) if flushed else b""
        return passed + await _there(self._second.flush())

    async def end(self) -> bytes:
        """See BodyChange."""
        last = await _there(self._first.end())
        passed = await _there(self._second.feed(last)) if last else b""
        return passed + await _there(self._second.end())

    async def _fed_later(self, fed: Awaitable[bytes]) -> bytes:
        data = await fed
        return await _there(self._second.feed(data)) if data else b""


async def _there(value: bytes | Awaitable[bytes]) -> bytes:
    return value if isinstance(value, bytes) else await value
