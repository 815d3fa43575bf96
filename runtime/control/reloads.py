"""Reloads: from files, or from a table of before, to a table that all workers serve.

Owns which table is served and what came of every attempt at another one: it is served, it is served already,
or all is as it was. One at a time. How workers change over is `swap.py`'s.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from gwc.schema.artifact import Refusal
from gwc.schema.table import GatewayRecord, RouteTable

from .compiling import Compiled, Compiles
from .fleet import WorkerProcess
from .keeping import Keeping, Kept, kept_now
from .loading import Backroom
from .notify import notify, reloading
from .run_settings import StartFailed
from .swap import swap
from .watch import Changed, Emptied, Watch
from .watching import Seen, look

if TYPE_CHECKING:
    from .supervisor import Supervisor

_WORKERS_BACK_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Reload:
    """What came of one reload. Times in Unix seconds; `seconds` from the wish to the end."""

    result: Literal["committed", "unchanged", "failed"]
    cause: str
    generation: int
    digest: str
    at: float
    seconds: float
    reason: str = ""
    findings: str = ""

    @property
    def failed(self) -> bool:
        """Whether the gateway serves something else than was wished."""
        return self.result == "failed"

    def as_json(self) -> dict[str, object]:
        """In JSON."""
        return {
            "result": self.result,
            "cause": self.cause,
            "generation": self.generation,
            "digest": self.digest,
            "at": self.at,
            "seconds": round(self.seconds, 6),
            "reason": self.reason,
            "findings": self.findings,
        }


class Reloads:
    """The reloads of one gateway. Its attributes are what `commands.py` and metrics read; only this class
    changes them.

    `committed` is the table that is served, `table` the same loaded; `last` the last reload, `last_success`
    the last that did not fail; `stale`: the files say something else than what is served, because it is
    broken. `changing` is held while tables and sockets change.
    """

    def __init__(self, supervisor: Supervisor, compiler: Compiles) -> None:
        self.committed: Kept | None = None
        self.table: RouteTable | None = None
        self.last: Reload | None = None
        self.last_success: Reload | None = None
        self.counts = {"committed": 0, "unchanged": 0, "failed": 0}
        self.stale = False
        self.keeping = Keeping(None)
        self.changing = asyncio.Lock()
        self._supervisor = supervisor
        self._settings = supervisor.settings
        self._tell = supervisor.tell
        self._compiler = compiler
        self._backroom = Backroom()
        self._stamp: object = None
        self._watch: Watch | None = None
        self._next: asyncio.Task[Reload] | None = None

    @property
    def gateway(self) -> GatewayRecord:
        """The settings of the gateway as a whole in the table that is served."""
        return GatewayRecord() if self.table is None else self.table.gateway[0]

    # --- what others ask -----------------------------------------------------------------------------------

    async def reload(self, cause: str) -> Reload:
        """Compile and change over. Wishes that come while one is under way share the next one."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._reload(cause))
        return await asyncio.shield(self._next)

    async def back_to(self, generation: int) -> Reload:
        """Go back to a table that was served before; it gets a new number."""
        began = time.monotonic()
        async with self.changing:
            kept = self.keeping.of(generation)
            cause = f"back to {generation}"
            if kept is None:
                known = ", ".join(str(each.generation) for each in self.keeping.generations)
                reason = f"generation {generation} is not kept; there is {known}"
                return self._done("failed", cause, began, reason=reason, stale=self.stale)
            return await self._change(kept.data, kept.digest, cause, began, stale=self.stale)

    # --- at the start --------------------------------------------------------------------------------------

    async def load(self, compiled: Compiled) -> RouteTable | None:
        """The table that was compiled. `StartFailed` where it is none."""
        if compiled.data is None:
            return None
        table = await self._backroom.load(compiled.data)
        if isinstance(table, Refusal):
            raise StartFailed(table.message)
        return table

    async def begin(self, compiled: Compiled, last_good: Kept | None) -> None:
        """Serve what was compiled, else the last good table; `StartFailed` where there is neither."""
        began = time.monotonic()
        failed: Reload | None = None
        if compiled.findings:
            self._settings.findings(compiled.findings)
        if compiled.data is not None:
            done = await self._change(
                compiled.data, compiled.digest, "start", began, findings=compiled.findings, stale=False
            )
            if not done.failed:
                return
            failed = done
        reason = compiled.reason if failed is None else failed.reason
        if last_good is None:
            raise StartFailed(reason)
        self._tell(
            "error", "config-stale", reason=reason, serving=last_good.generation, digest=last_good.digest
        )
        done = await self._change(last_good.data, last_good.digest, "last good table", began, stale=True)
        if done.failed:
            raise StartFailed(f"{reason}; the last good table cannot be served either: {done.reason}")
        self._done("failed", "start", began, reason=reason, findings=compiled.findings, stale=True)

    def watch(self, compiled: Compiled) -> Watch | None:
        """Who looks for changes from now on and reloads; it is to be run. None where that is not wanted."""
        wanted = self.gateway.watch if self._settings.watch is None else self._settings.watch
        if not wanted or compiled.seen is None:
            return None
        self._watch = Watch(
            self._with_watched(compiled.seen, self.table),
            self._files_changed,
            hints=self._settings.hints,
            poll_s=self._settings.poll_s,
        )
        return self._watch

    # --- later ---------------------------------------------------------------------------------------------

    async def _reload(self, cause: str) -> Reload:
        began = time.monotonic()
        async with self.changing:
            self._next = None
            reloading()
            try:
                return await self._compile_and_change(cause, began)
            finally:
                notify("READY=1")

    async def _files_changed(self, what: Changed | Emptied) -> None:
        began = time.monotonic()
        async with self.changing:
            if isinstance(what, Emptied):
                reason = f"`{what.path}` is empty now; remove it, or put a comment in it, if that is meant"
                self._done("failed", "files", began, reason=reason, stale=True)
            else:
                reloading()
                await self._compile_and_change("files", began, what.now)
                notify("READY=1")

    async def _compile_and_change(self, cause: str, began: float, now: Seen | None = None) -> Reload:
        compiled = await self._compiler.compile()
        table: RouteTable | Refusal | None = None
        if self.committed is not None and self.committed.digest == compiled.digest:
            table = self.table
        elif compiled.data is not None:
            table = await self._backroom.load(compiled.data)
        seen = compiled.seen or now
        if self._watch is not None and seen is not None:
            # A compiler that died says not what it read: what made it die is not given to it again and again.
            # Of a table that is refused the files are watched too: they may be what is wrong with it.
            wanted = self.table if table is None or isinstance(table, Refusal) else table
            self._watch.compiled(await asyncio.to_thread(self._with_watched, seen, wanted))
        if compiled.data is None:
            return self._done(
                "failed", cause, began, reason=compiled.reason, findings=compiled.findings, stale=True
            )
        return await self._change(
            compiled.data, compiled.digest, cause, began, findings=compiled.findings, stale=True, table=table
        )

    async def _change(
        self,
        data: bytes,
        digest: str,
        cause: str,
        began: float,
        *,
        findings: str = "",
        stale: bool,
        table: RouteTable | Refusal | None = None,
    ) -> Reload:
        """Have all workers serve this table. `stale`: what a failure means for the files. `table` is what is
        in `data`, where somebody has loaded it already.
        """
        if self.committed is not None and self.committed.digest == digest and self._files_are_as_before():
            return self._done("unchanged", cause, began, findings=findings, stale=False)
        if table is None:
            table = await self._backroom.load(data)
        if isinstance(table, Refusal):
            return self._done("failed", cause, began, reason=table.message, findings=findings, stale=stale)
        generation = self._number_of(digest)
        kept = kept_now(generation, digest, data, cause)

        if self.table is not None:
            self._tell_what_waits(table.gateway[0])
        stamp = self._settings.stamp(table)  # before the workers read them

        old = [self.table]

        def committing() -> None:
            self.committed, self.table, self._stamp = kept, table, stamp
            gc.freeze()  # nobody need look through it for garbage
            self._settings.configure(table.gateway[0])

        swapped = await swap(
            data,
            generation,
            [address for listener in table.listeners for address in listener.addresses],
            self._supervisor.sockets,
            self._serving_workers,
            listening=[] if self.table is None else addresses_of(self.table),
            committing=committing,
            replace=lambda worker, why: self._supervisor.fleet.replace(worker, self._supervisor.drain_s, why),
            prepare_s=self._settings.prepare_s,
            commit_s=self._settings.commit_s,
        )
        if swapped.reason is not None:
            return self._done("failed", cause, began, reason=swapped.reason, findings=findings, stale=stale)
        self._backroom.let_go(old)
        self.keeping.add(kept)
        await self._write(kept)
        await self._supervisor.follow(swapped.bound, swapped.released)
        return self._done("committed", cause, began, findings=findings, stale=False)

    async def _serving_workers(self) -> Sequence[WorkerProcess]:
        """The workers that take part in a swap; at the start those that are there."""
        fleet = self._supervisor.fleet
        if not fleet.replacing:
            return [each for each in fleet.current if each is not None]
        await fleet.filled(_WORKERS_BACK_S)
        return fleet.ready

    def _with_watched(self, seen: Seen, table: RouteTable | None) -> Seen:
        """What a compile has read, and what the files hold that its table names."""
        if table is None:
            return seen
        others = look(Seen({str(path): "" for path in self._settings.watched(table)}))
        return Seen({**others.files, **seen.files}, seen.directories)

    def _files_are_as_before(self) -> bool:
        """Whether what the table that is served refers to is what it was when the workers read it."""
        return self.table is None or self._settings.stamp(self.table) == self._stamp

    def _tell_what_waits(self, new: GatewayRecord) -> None:
        """Tell of settings that count from the next start on."""
        for key in ("workers", "watch", "state_dir"):
            before, after = getattr(self.gateway, key), getattr(new, key)
            if before != after and getattr(self._settings, key) is None:
                self._tell("warning", "needs-restart", setting=key, is_now=before, will_be=after)

    def _number_of(self, digest: str) -> int:
        """The next number; the last one where a restart finds the very table that was served before it."""
        if self.committed is None:
            last = self.keeping.generations[-1] if self.keeping.generations else None
            if (
                last is not None
                and last.digest == digest
                and last.generation + 1 == self.keeping.next_generation
            ):
                return last.generation
        return self.keeping.next_generation

    async def _write(self, kept: Kept) -> None:
        try:
            await asyncio.to_thread(self.keeping.write, kept)
        except OSError as failed:
            self._tell("error", "state-not-written", reason=str(failed))

    def _done(
        self,
        result: Literal["committed", "unchanged", "failed"],
        cause: str,
        began: float,
        *,
        reason: str = "",
        findings: str = "",
        stale: bool,
    ) -> Reload:
        """Tell what came of a reload: in the error log and in the attributes."""
        kept = self.committed
        done = Reload(
            result,
            cause,
            0 if kept is None else kept.generation,
            "" if kept is None else kept.digest,
            time.time(),
            time.monotonic() - began,
            reason,
            findings,
        )
        self.last = done
        self.counts[result] += 1
        self.stale = stale
        self._settings.counting(self._supervisor, done)
        if done.failed:
            self._tell(
                "error",
                "reload-failed",
                cause=cause,
                reason=reason,
                generation=done.generation,
                findings=findings,
            )
            if findings and self._supervisor.ready.is_set():
                self._settings.findings(findings)
        else:
            self.last_success = done
            self._tell(
                "info",
                f"reload-{result}",
                cause=cause,
                generation=done.generation,
                digest=done.digest[:16],
                seconds=round(done.seconds, 3),
            )
        return done


def addresses_of(table: RouteTable) -> list[str]:
    """The addresses of all listeners, each once."""
    return list(dict.fromkeys(address for each in table.listeners for address in each.addresses))
