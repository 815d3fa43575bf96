"""The supervisor: from a path to a gateway that runs, and back to nothing.

Owns the life of the whole: the sockets, the workers, signals, the upgrade to a new gwc, draining. Serves no
request. Which table is served is `reloads.py`'s; what it does on request is in `commands.py`'s words.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from gwc.schema.artifact import Refusal
from gwc.schema.table import GatewayRecord, RouteTable

from ..secrets import SecretsMissing
from .channel import Body, ChannelClosed, Unanswered
from .compiling import Compiles
from .fleet import Fleet, Tell, WorkerProcess
from .handover import is_ready, keep_ready_private, say_ready, start_new
from .keeping import Keeping, Kept
from .loading import file_of
from .notify import notify, watchdog_s
from .reloads import Reloads, addresses_of
from .run_settings import RunSettings, StartFailed
from .sockets import Sockets, inherited_sockets, most_slots
from .swap import commit, hand_sockets, prepare

UPGRADE_S: Final = 60.0
_COUNTED_EVERY_S: Final = 1.0


class Supervisor:
    """All of one `gwc run`. Its attributes are what `commands.py` and metrics read; only this class changes
    them.

    `reloads` knows the table that is served. `disabled` are the targets that get no requests, as (upstream,
    address).
    """

    def __init__(self, settings: RunSettings, compiler: Compiles, tell: Tell) -> None:
        """To be made where its loop runs."""
        self.settings = settings
        self.tell = tell
        self.reloads = Reloads(self, compiler)
        self.draining = False
        self.disabled: set[tuple[str, str]] = set()
        self.started = time.time()
        self.ready = asyncio.Event()
        self._compiler = compiler
        self._loop = asyncio.get_running_loop()
        self._sockets: Sockets | None = None
        self._fleet: Fleet | None = None
        self._stop = asyncio.Event()
        self._at_once = asyncio.Event()
        self._upgrading = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self.probes = None if settings.probes is None else settings.probes(self)
        self._own = None if settings.own is None else settings.own(self)

    # --- what others ask -----------------------------------------------------------------------------------

    @property
    def drain_s(self) -> float:
        """How long draining may take."""
        written_ms = self.reloads.gateway.drain_ms
        return written_ms / 1000 if self.settings.drain_s is None else self.settings.drain_s

    @property
    def fleet(self) -> Fleet:
        """The workers."""
        assert self._fleet is not None
        return self._fleet

    @property
    def sockets(self) -> Sockets:
        """What is listened on; whoever serves in the supervisor binds here, so that it is handed over."""
        assert self._sockets is not None
        return self._sockets

    def stop(self) -> None:
        """Drain and end; the second time, end at once."""
        if self._stop.is_set():
            self._at_once.set()
        self._stop.set()

    async def ask_workers(self, body: Body, timeout_s: float = 2.0) -> list[tuple[int, Body]]:
        """Ask every worker that serves: (slot, answer). One that does not answer is left out."""

        async def ask(worker: WorkerProcess) -> tuple[int, Body] | None:
            try:
                return worker.slot, await worker.ask(body, timeout_s=timeout_s)
            except (ChannelClosed, Unanswered):
                return None

        answers = await asyncio.gather(*(ask(each) for each in self.fleet.ready))
        return [each for each in answers if each is not None]

    @property
    def targets_told(self) -> Body:
        """What a worker is told of the targets that get no requests."""
        return {"kind": "targets", "disabled": sorted(self.disabled)}

    async def forget_targets(self, known: set[tuple[str, str]]) -> None:
        """Forget which targets were disabled of those that are not there any more."""
        if not self.disabled <= known:
            self.disabled &= known
            await self.ask_workers(self.targets_told)

    def reopen_logs(self) -> None:
        """Have every process open its log files anew."""
        self.settings.reopen_log()
        for each in self.fleet.ready:
            each.channel.tell({"kind": "reopen"})

    # --- its life ------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Serve until told to stop. The exit code: 0 after draining. `StartFailed` where it cannot begin."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.umask(0o077)
        keep_ready_private()
        self._handle_signals()
        beginning = self._loop.create_task(self._begin())
        stopped = self._loop.create_task(self._stop.wait())
        try:
            await asyncio.wait([beginning, stopped], return_when=asyncio.FIRST_COMPLETED)
            if not beginning.done():
                beginning.cancel()
                return 0
            await beginning
            await stopped
            await self._end()
            return 0
        finally:
            for task in (beginning, stopped, *self._tasks):
                task.cancel()
            await asyncio.gather(beginning, stopped, *self._tasks, return_exceptions=True)
            if self._fleet is not None:
                self._fleet.kill_all()
                await self._fleet.all_gone()
            await self._compiler.close()
            if self.probes is not None:
                self.probes.close()
            if self._own is not None:
                await self._own.close()
            if self._sockets is not None:
                self._sockets.release_all()
            self._ignore_signals()

    async def check(self) -> None:
        """See whether the gateway would start, without listening: `StartFailed` where not."""
        compiled = await self._compiler.compile()
        try:
            if compiled.data is None:
                raise StartFailed(compiled.reason, compiled.findings)
            self._fleet = Fleet(
                self._loop,
                self.settings.worker_command,
                1,
                self._bring,
                self.tell,
                equipment=self.settings.equipment,
            )
            await self._fleet.start()
            descriptor = file_of(compiled.data)
            worker = self._fleet.current[0]
            assert worker is not None
            answer = await prepare(worker, descriptor, 1, self.settings.prepare_s)
            os.close(descriptor)
            if answer.outcome != "yes":
                raise StartFailed(answer.reason or "a worker cannot prepare the table", compiled.findings)
            if compiled.findings:
                self.settings.findings(compiled.findings)
        finally:
            if self._fleet is not None:
                self._fleet.kill_all()
                await self._fleet.all_gone()
            await self._compiler.close()

    async def _begin(self) -> None:
        settings = self.settings
        compiled = await self._compiler.compile()
        table = await self.reloads.load(compiled)
        state_dir = settings.state_dir or (None if table is None else self._state_dir_of(table))
        self.reloads.keeping = Keeping(None if state_dir is None else Path(state_dir))
        last_good = await asyncio.to_thread(self.reloads.keeping.read)
        inherited = inherited_sockets(os.environ)
        if table is not None:
            gateway = table.gateway[0]
        else:
            gateway = _gateway_of(last_good) if last_good else GatewayRecord()
        slots = settings.workers or gateway.workers or _cores()
        if most_slots(inherited) > slots:
            self.tell("warning", "more-workers", wanted=slots, taken=most_slots(inherited))
            slots = most_slots(inherited)
        self._sockets = Sockets(slots, inherited, settings.root)
        self._fleet = Fleet(
            self._loop,
            settings.worker_command,
            slots,
            self._bring,
            self.tell,
            equipment=settings.equipment,
            hung_s=settings.hung_s,
        )
        try:
            await self._fleet.start()
        except (RuntimeError, OSError) as failed:
            raise StartFailed(str(failed)) from failed
        await self.reloads.begin(compiled, last_good)
        self._fleet.replacing = True
        for slot, worker in enumerate(self._fleet.current):
            if worker is None:
                self._fleet.fill(slot)
        if self._own is not None:
            await self._own.open()
        if self.probes is not None:
            await self.probes.follow()
        self._sockets.release_unwanted()
        kept, table = self.reloads.committed, self.reloads.table
        assert kept is not None
        assert table is not None
        self._tell_listening(addresses_of(table))
        watch = self.reloads.watch(compiled)
        if watch is not None:
            self._spawn(watch.run())
        self.ready.set()
        self.tell("info", "ready", generation=kept.generation, workers=slots, stale=self.reloads.stale)
        say_ready()
        notify("READY=1", f"MAINPID={os.getpid()}", f"STATUS=generation {kept.generation}")
        self._spawn(self._feed_watchdog())
        self._spawn(self._count())

    def _state_dir_of(self, table: RouteTable) -> str | None:
        try:
            return self.settings.fill(table.gateway[0]).state_dir
        except SecretsMissing as missing:
            raise StartFailed(str(missing)) from missing

    async def _end(self) -> None:
        """Drain: no new connections, what is under way may end."""
        self.draining = True
        notify("STOPPING=1")
        deadline_s = self.drain_s
        self.tell("info", "draining", deadline_s=deadline_s)
        draining = self._loop.create_task(self.fleet.drain(deadline_s))
        kept: frozenset[str] = frozenset()
        if self._own is not None and self.sockets.handed_over:
            await self._own.close()  # the new gwc answers there
        elif self._own is not None:
            kept = self._own.addresses
        # The workers' copies close as they are told; with these open, new connections would wait for nobody.
        self.sockets.release_all(kept)
        at_once = self._loop.create_task(self._at_once.wait())
        await asyncio.wait([draining, at_once], return_when=asyncio.FIRST_COMPLETED)
        at_once.cancel()
        if not draining.done():
            self.fleet.kill_all()
        cut = await draining
        self.tell("info", "stopped", cut=cut)

    # --- another table -------------------------------------------------------------------------------------

    async def follow(self, bound: Sequence[str], released: Sequence[str]) -> None:
        """Another table is served, with these addresses more and those less."""
        if self.ready.is_set():
            self._tell_listening(bound)
        for address in released:
            self.tell("info", "not-listening", address=address)
        if self._own is not None and self.ready.is_set():
            await self._own.follow()
        if self.probes is not None and self.ready.is_set():
            await self.probes.follow()

    def _tell_listening(self, addresses: Sequence[str]) -> None:
        table = self.reloads.table
        assert table is not None
        for address in addresses:
            names = [each.name for each in table.listeners if address in each.addresses]
            place = self.sockets.held[address].place.shown
            self.tell("info", "listening", listener=" ".join(names), address=place, written=address)

    # --- workers -------------------------------------------------------------------------------------------

    async def _bring(self, worker: WorkerProcess) -> None:
        """Bring a worker to the committed table and give it its slot's sockets. RuntimeError: it cannot."""
        while True:
            kept = self.reloads.committed
            assert kept is not None
            if worker.generation != kept.generation:
                descriptor = file_of(kept.data)
                try:
                    answer = await prepare(worker, descriptor, kept.generation, self.settings.prepare_s)
                finally:
                    os.close(descriptor)
                if answer.outcome == "yes":
                    answer = await commit(worker, kept.generation, self.settings.commit_s)
                if answer.outcome == "yes" and self.disabled:
                    worker.channel.tell(self.targets_told)
                if answer.outcome == "yes" and self.probes is not None:
                    worker.channel.tell(self.probes.told)
            else:
                assert self.reloads.table is not None
                wanted = [each for each in addresses_of(self.reloads.table) if each in self.sockets.held]
                old = [each for each in worker.listening if each not in wanted]
                if worker.listening == set(wanted):
                    worker.state = "ready"
                    return
                answer = await hand_sockets(worker, wanted, old, self.sockets, self.settings.commit_s)
            if answer.outcome != "yes":
                raise RuntimeError(answer.reason or f"no answer ({answer.outcome})")

    # --- signals -------------------------------------------------------------------------------------------

    def _handle_signals(self) -> None:
        for number, then in (
            (signal.SIGTERM, self.stop),
            (signal.SIGINT, self.stop),
            (signal.SIGHUP, lambda: self._when_ready(self._reload_by_signal())),
            (signal.SIGUSR1, lambda: self._when_ready(self._reopen_by_signal())),
            (signal.SIGUSR2, lambda: self._when_ready(self._upgrade())),
        ):
            self._loop.add_signal_handler(number, then)

    def _ignore_signals(self) -> None:
        """Not back to the defaults: a late signal must not turn a clean end into another one."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            self._loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)

    def _when_ready(self, work: Any) -> None:
        async def wait() -> None:
            await self.ready.wait()
            await work

        self._spawn(wait())

    async def _reload_by_signal(self) -> None:
        await self.reloads.reload("SIGHUP")

    async def _reopen_by_signal(self) -> None:
        self.reopen_logs()

    async def _upgrade(self) -> None:
        """Start a new gwc on these sockets and drain once it is ready. If it never is, nothing changes."""
        if self._upgrading or self.draining:
            return
        if os.getpid() == 1 or not self.settings.command:
            self.tell("error", "upgrade-failed", reason="process 1 cannot be replaced; start a new container")
            return
        self._upgrading = True
        try:
            async with self.reloads.changing:  # the sockets must not change meanwhile
                self.tell("info", "upgrade-began")
                numbers = [each.fileno() for each in self.sockets.all_sockets()]
                process, ready = start_new(self.settings.command, numbers)
                if await is_ready(ready, UPGRADE_S):
                    self.tell("info", "upgrade-ready", pid=process.pid)
                    notify(f"MAINPID={process.pid}")
                    self.sockets.handed_over = True
                    self._stop.set()
                    return
                process.kill()
                process.wait()
                self.tell("error", "upgrade-failed", reason="the new gwc did not become ready")
        except OSError as failed:
            self.tell("error", "upgrade-failed", reason=str(failed))
        finally:
            self._upgrading = False

    async def _count(self) -> None:
        while True:
            self.settings.counting(self, None)
            await asyncio.sleep(_COUNTED_EVERY_S)

    async def _feed_watchdog(self) -> None:
        """Say WATCHDOG=1 as long as this loop turns and a worker serves."""
        interval_s = watchdog_s()
        while interval_s is not None:
            if self.fleet.ready:
                notify("WATCHDOG=1")
            await asyncio.sleep(interval_s)

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (bug := task.exception()) is not None:
            self.tell("error", "internal-error", reason=f"{type(bug).__name__}: {bug}")


def _cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS


def _gateway_of(kept: Kept) -> GatewayRecord:
    from gwc.schema.artifact import load

    table = load(kept.data)
    return GatewayRecord() if isinstance(table, Refusal) else table.gateway[0]
