"""Noticing that the configuration has changed.

Owns when to compile. Contents decide; events and `stat` only say when to look. Every second everything is
looked at with `stat`, which makes up for events that never come. Contents must stay the same for a moment
before they are taken (a file may be half-written), and a file that lost all it held is not taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from .watching import Place, Seen, directories_to_watch, emptied, look, places_of, youngest_ns

POLL_S: Final = 1.0
DEBOUNCE_S: Final = 0.1
SETTLE_S: Final = 0.05
EMPTIED_S: Final = 0.5
"""How long a file may be empty before that is told as a failed reload; it is not taken either way."""

_RACY_NS: Final = 2_000_000_000
"""mtimes this young say little: a second write in the same tick of the kernel's clock has the same."""


@dataclass(frozen=True, slots=True)
class Changed:
    """Contents that differ from what was compiled last and have come to rest."""

    now: Seen


@dataclass(frozen=True, slots=True)
class Emptied:
    """A file has been empty for a while."""

    path: str


class Watch:
    """Looks until it is cancelled, and calls `changed` for each thing to tell; one call at a time.

    `known` is what the last compile read; whoever compiles replaces it with `compiled`. Mutable.
    """

    def __init__(
        self,
        known: Seen,
        changed: Callable[[Changed | Emptied], Awaitable[None]],
        *,
        hints: bool = True,
        poll_s: float = POLL_S,
    ) -> None:
        self._known = known
        self._changed = changed
        self._hints = hints
        self._poll_s = poll_s
        self._hinted = asyncio.Event()
        self._watched: set[str] = set()
        self._hinting: asyncio.Task[None] | None = None
        self._told_empty: Seen | None = None

    def compiled(self, seen: Seen | None) -> None:
        """Take what a compile has read for what is known."""
        if seen is not None:
            self._known = seen
            # It may have read other files than before; they may have changed since.
            self._hinted.set()

    async def run(self) -> None:
        """Watch."""
        places: dict[str, Place] = {}
        try:
            while True:
                self._listen()
                hinted = await self._woken()
                if hinted:
                    await asyncio.sleep(DEBOUNCE_S)
                    self._hinted.clear()
                known = self._known
                now_places = await asyncio.to_thread(places_of, known)
                racy = time.time_ns() - youngest_ns(now_places) < _RACY_NS
                if not (hinted or racy or now_places != places):
                    continue
                places = now_places
                await self._look(known)
        finally:
            if self._hinting is not None:
                self._hinting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._hinting

    async def _woken(self) -> bool:
        """Wait for a hint, at most until the next poll; whether there was one."""
        try:
            async with asyncio.timeout(self._poll_s):
                await self._hinted.wait()
                return True
        except TimeoutError:
            return False

    async def _look(self, known: Seen) -> None:
        """Compare contents; tell if they differ and have come to rest."""
        now = await self._at_rest(known)
        if now is None or known is not self._known:
            self._hinted.set()  # somebody compiled meanwhile: compare with that
            return
        empty = emptied(known, now)
        if empty is not None:
            if now != self._told_empty:
                await self._wait_for_content(known, now, empty)
            return
        self._told_empty = None
        if now != known:
            await self._changed(Changed(now))

    async def _at_rest(self, known: Seen) -> Seen | None:
        """The contents once they are the same twice; None if `known` is not what is known any more."""
        before = await asyncio.to_thread(look, known)
        if before == known:
            return before
        while known is self._known:
            await asyncio.sleep(SETTLE_S)
            now = await asyncio.to_thread(look, known)
            if now == before:
                return now
            before = now
        return None

    async def _wait_for_content(self, known: Seen, now: Seen, empty: str) -> None:
        await asyncio.sleep(EMPTIED_S)
        if await asyncio.to_thread(look, known) == now:
            self._told_empty = now
            await self._changed(Emptied(empty))
        else:
            self._hinted.set()

    def _listen(self) -> None:
        """Have events from where files lie now; directories come and go, and their events with them."""
        if not self._hints:
            return
        wanted = directories_to_watch(self._known)
        if wanted == self._watched and self._hinting is not None and not self._hinting.done():
            return
        if self._hinting is not None:
            self._hinting.cancel()
        self._watched = wanted
        self._hinting = asyncio.get_running_loop().create_task(self._hear(wanted)) if wanted else None

    async def _hear(self, paths: set[str]) -> None:
        """Set the hint at each event. Ends where there can be none: polling goes on."""
        import watchfiles

        with contextlib.suppress(OSError, RuntimeError):
            async for _ in watchfiles.awatch(
                *sorted(paths), watch_filter=None, debounce=50, step=20, recursive=False, rust_timeout=1000
            ):
                self._hinted.set()
