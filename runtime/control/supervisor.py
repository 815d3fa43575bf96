"""The supervisor: from a path to a gateway that runs, and back to nothing.

Owns the life of the whole: the first table, the sockets, the workers, reloads from any cause, signals, the
upgrade to a new gwc, draining. Serves no request. What it does on request is in `commands.py`'s words.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol

from gwc.schema.artifact import Refusal
from gwc.schema.table import GatewayRecord, RouteTable

from ..secrets import SecretsMissing
from .channel import Body, ChannelClosed, Unanswered
from .compiling import Compiled, Compiles
from .fleet import Equipping, Fleet, Tell, WorkerProcess
from .handover import is_ready, keep_ready_private, say_ready, start_new
from .keeping import Keeping, Kept, kept_now
from .loading import Backroom, file_of
from .notify import notify, reloading, watchdog_s
from .sockets import BindFailed, Sockets, inherited_sockets, most_slots
from .swap import COMMIT_S, PREPARE_S, commit, hand_sockets, prepare, swap
from .watch import Changed, Emptied, Watch
from .watching import Seen, look

UPGRADE_S: Final = 60.0
_WORKERS_BACK_S: Final = 5.0
_COUNTED_EVERY_S: Final = 1.0

WORKER_COMMAND: Final = (sys.executable, "-m", "gwc.runtime.control.worker")


class OwnListening(Protocol):
    """What the supervisor itself serves: `own_listeners.Own`."""

    @property
    def addresses(self) -> frozenset[str]:
        """Its addresses, as `Sockets` has them."""

    async def open(self) -> None:
        """Listen, before the first request is served. `StartFailed` where it cannot."""

    async def follow(self) -> None:
        """Another table is served."""

    async def close(self) -> None:
        """Listen no more."""


class Probing(Protocol):
    """Who probes targets: `probes.Probes`."""

    @property
    def told(self) -> Body:
        """What a worker is told of targets that are not well."""

    def of(self, upstream: str, address: str) -> dict[str, object] | None:
        """What is known of a target; None where it is not probed."""

    def is_probed(self, upstream: str) -> bool:
        """Whether an upstream asks for probes."""

    async def start(self, upstream: str) -> None:
        """Probe now, and from now on."""

    def cancel(self, upstream: str) -> None:
        """Probe no more, and forget what was found."""

    async def follow(self) -> None:
        """Another table is served."""

    def close(self) -> None:
        """Probe no more."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What the command line and the environment say; None: what the table says.

    `root` is the configuration's directory, where relative paths of references begin. `drain_s` in seconds.
    `hints` False: no events, polling alone. `command` starts this gwc anew. `findings` is called with a
    report of the compiler that a person should see, `configure` with the gateway's settings of each table
    that is committed, `fill` fills in what those refer to (SecretsMissing), `counting` called after each
    reload and about once a second. `stamp` changes with the files that a table refers to; `watched` are those
    of which a change is taken up without being asked for. `own` makes what the supervisor itself serves,
    `probes` who probes targets.
    """

    root: Path = Path()
    workers: int | None = None
    admin: str | None = None
    state_dir: str | None = None
    drain_s: float | None = None
    watch: bool | None = None
    hints: bool = True
    poll_s: float = 1.0
    prepare_s: float = PREPARE_S
    commit_s: float = COMMIT_S
    hung_s: float = 5.0
    worker_command: Sequence[str] = WORKER_COMMAND
    command: Sequence[str] = ()
    findings: Callable[[str], None] = lambda text: None
    equipment: Equipping | None = None
    configure: Callable[[GatewayRecord], None] = lambda record: None
    fill: Callable[[GatewayRecord], GatewayRecord] = lambda record: record
    stamp: Callable[[RouteTable], object] = lambda table: None
    watched: Callable[[RouteTable], frozenset[Path]] = lambda table: frozenset()
    reopen_log: Callable[[], None] = lambda: None
    counting: Callable[[Supervisor, Reload | None], None] = lambda supervisor, reload: None
    own: Callable[[Supervisor], OwnListening] | None = None
    probes: Callable[[Supervisor], Probing] | None = None


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


class StartFailed(Exception):
    """The gateway cannot start; `reason` in one line, `findings` for a person."""

    def __init__(self, reason: str, findings: str = "") -> None:
        super().__init__(reason)
        self.reason, self.findings = reason, findings


class Supervisor:
    """All of one `gwc run`. Its attributes are what `commands.py` and metrics read; only this class changes
    them.

    `committed` is the table that is served, `table` the same loaded; `last` the last reload, `last_success`
    the last that did not fail; `stale`: the files say something else than what is served, because it is
    broken. `disabled` are the targets that get no requests, as (upstream, address).
    """

    def __init__(self, settings: RunSettings, compiler: Compiles, tell: Tell) -> None:
        """To be made where its loop runs."""
        self.settings = settings
        self.tell = tell
        self.committed: Kept | None = None
        self.table: RouteTable | None = None
        self.last: Reload | None = None
        self.last_success: Reload | None = None
        self.counts = {"committed": 0, "unchanged": 0, "failed": 0}
        self.stale = False
        self.draining = False
        self.disabled: set[tuple[str, str]] = set()
        self.started = time.time()
        self.ready = asyncio.Event()
        self.keeping = Keeping(None)
        self._backroom = Backroom()
        self._stamp: object = None
        self._compiler = compiler
        self._loop = asyncio.get_running_loop()
        self._sockets: Sockets | None = None
        self._fleet: Fleet | None = None
        self._watch: Watch | None = None
        self._reloading = asyncio.Lock()
        self._next_reload: asyncio.Task[Reload] | None = None
        self._stop = asyncio.Event()
        self._at_once = asyncio.Event()
        self._upgrading = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self.probes = None if settings.probes is None else settings.probes(self)
        self._own = None if settings.own is None else settings.own(self)

    # --- what others ask -----------------------------------------------------------------------------------

    @property
    def gateway(self) -> GatewayRecord:
        """The settings of the gateway as a whole in the table that is served."""
        return GatewayRecord() if self.table is None else self.table.gateway[0]

    @property
    def drain_s(self) -> float:
        """How long draining may take."""
        return self.gateway.drain_ms / 1000 if self.settings.drain_s is None else self.settings.drain_s

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

    async def reload(self, cause: str) -> Reload:
        """Compile and change over. Wishes that come while one is under way share the next one."""
        if self._next_reload is None:
            self._next_reload = self._loop.create_task(self._reload(cause))
        return await asyncio.shield(self._next_reload)

    async def reload_to(self, generation: int) -> Reload:
        """Go back to a table that was served before; it gets a new number."""
        began = time.monotonic()
        async with self._reloading:
            kept = self.keeping.of(generation)
            cause = f"back to {generation}"
            if kept is None:
                known = ", ".join(str(each.generation) for each in self.keeping.generations)
                reason = f"generation {generation} is not kept; there is {known}"
                return self._done("failed", cause, began, reason=reason, stale=self.stale)
            return await self._change(kept.data, kept.digest, cause, began, stale=self.stale)

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
        table = None if compiled.data is None else await self._backroom.load(compiled.data)
        if isinstance(table, Refusal):
            raise StartFailed(table.message)
        state_dir = settings.state_dir or (None if table is None else self._state_dir_of(table))
        self.keeping = Keeping(None if state_dir is None else Path(state_dir))
        last_good = await asyncio.to_thread(self.keeping.read)
        inherited = inherited_sockets(os.environ)
        gateway = (
            table.gateway[0]
            if table is not None
            else _gateway_of(last_good)
            if last_good
            else GatewayRecord()
        )
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
        await self._first(compiled, last_good)
        self._fleet.replacing = True
        for slot, worker in enumerate(self._fleet.current):
            if worker is None:
                self._fleet.fill(slot)
        if self._own is not None:
            await self._own.open()
        if self.probes is not None:
            await self.probes.follow()
        self._sockets.release_unwanted()
        assert self.table is not None
        self._tell_listening(_addresses_of(self.table))
        self._start_watching(compiled)
        self.ready.set()
        assert self.committed is not None
        self.tell("info", "ready", generation=self.committed.generation, workers=slots, stale=self.stale)
        say_ready()
        notify("READY=1", f"MAINPID={os.getpid()}", f"STATUS=generation {self.committed.generation}")
        self._spawn(self._feed_watchdog())
        self._spawn(self._count())

    def _state_dir_of(self, table: RouteTable) -> str | None:
        try:
            return self.settings.fill(table.gateway[0]).state_dir
        except SecretsMissing as missing:
            raise StartFailed(str(missing)) from missing

    async def _first(self, compiled: Compiled, last_good: Kept | None) -> None:
        """Serve what was compiled, else the last good table; `StartFailed` where there is neither."""
        began = time.monotonic()
        failed: Reload | None = None
        if compiled.findings:
            self.settings.findings(compiled.findings)
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
        self.tell(
            "error", "config-stale", reason=reason, serving=last_good.generation, digest=last_good.digest
        )
        done = await self._change(last_good.data, last_good.digest, "last good table", began, stale=True)
        if done.failed:
            raise StartFailed(f"{reason}; the last good table cannot be served either: {done.reason}")
        self._done("failed", "start", began, reason=reason, findings=compiled.findings, stale=True)

    def _start_watching(self, compiled: Compiled) -> None:
        wanted = self.settings.watch if self.settings.watch is not None else self.gateway.watch
        if wanted and compiled.seen is not None:
            self._watch = Watch(
                self._with_watched(compiled.seen, self.table),
                self._files_changed,
                hints=self.settings.hints,
                poll_s=self.settings.poll_s,
            )
            self._spawn(self._watch.run())

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

    # --- reloads -------------------------------------------------------------------------------------------

    async def _reload(self, cause: str) -> Reload:
        began = time.monotonic()
        async with self._reloading:
            self._next_reload = None
            reloading()
            try:
                return await self._compile_and_change(cause, began)
            finally:
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
        stamp = self.settings.stamp(table)  # before the workers read them

        old = [self.table]

        def committing() -> None:
            self.committed, self.table, self._stamp = kept, table, stamp
            gc.freeze()  # nobody need look through it for garbage
            self.settings.configure(table.gateway[0])

        swapped = await swap(
            data,
            generation,
            [address for listener in table.listeners for address in listener.addresses],
            self.sockets,
            self._serving_workers,
            listening=[] if self.table is None else _addresses_of(self.table),
            committing=committing,
            replace=lambda worker, why: self.fleet.replace(worker, self.drain_s, why),
            prepare_s=self.settings.prepare_s,
            commit_s=self.settings.commit_s,
        )
        if swapped.reason is not None:
            return self._done("failed", cause, began, reason=swapped.reason, findings=findings, stale=stale)
        self._backroom.let_go(old)
        self.keeping.add(kept)
        await self._write(kept)
        if self.ready.is_set():
            self._tell_listening(swapped.bound)
        for address in swapped.released:
            self.tell("info", "not-listening", address=address)
        if self._own is not None and self.ready.is_set():
            await self._own.follow()
        if self.probes is not None and self.ready.is_set():
            await self.probes.follow()
        return self._done("committed", cause, began, findings=findings, stale=False)

    def _with_watched(self, seen: Seen, table: RouteTable | None) -> Seen:
        """What a compile has read, and what the files hold that its table names."""
        if table is None:
            return seen
        others = look(Seen({str(path): "" for path in self.settings.watched(table)}))
        return Seen({**others.files, **seen.files}, seen.directories)

    def _files_are_as_before(self) -> bool:
        """Whether what the table that is served refers to is what it was when the workers read it."""
        return self.table is None or self.settings.stamp(self.table) == self._stamp

    def _tell_what_waits(self, new: GatewayRecord) -> None:
        """Tell of settings that count from the next start on."""
        for key in ("workers", "watch", "state_dir"):
            before, after = getattr(self.gateway, key), getattr(new, key)
            if before != after and getattr(self.settings, key) is None:
                self.tell("warning", "needs-restart", setting=key, is_now=before, will_be=after)

    def _tell_listening(self, addresses: Sequence[str]) -> None:
        assert self.table is not None
        for address in addresses:
            names = [each.name for each in self.table.listeners if address in each.addresses]
            place = self.sockets.held[address].place.shown
            self.tell("info", "listening", listener=" ".join(names), address=place, written=address)

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
            self.tell("error", "state-not-written", reason=str(failed))

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
        self.settings.counting(self, done)
        if done.failed:
            self.tell(
                "error",
                "reload-failed",
                cause=cause,
                reason=reason,
                generation=done.generation,
                findings=findings,
            )
            if findings and self.ready.is_set():
                self.settings.findings(findings)
        else:
            self.last_success = done
            self.tell(
                "info",
                f"reload-{result}",
                cause=cause,
                generation=done.generation,
                digest=done.digest[:16],
                seconds=round(done.seconds, 3),
            )
        return done

    async def _files_changed(self, what: Changed | Emptied) -> None:
        began = time.monotonic()
        async with self._reloading:
            if isinstance(what, Emptied):
                reason = f"`{what.path}` is empty now; remove it, or put a comment in it, if that is meant"
                self._done("failed", "files", began, reason=reason, stale=True)
            else:
                reloading()
                await self._compile_and_change("files", began, what.now)
                notify("READY=1")

    # --- workers -------------------------------------------------------------------------------------------

    async def _serving_workers(self) -> Sequence[WorkerProcess]:
        """The workers that take part in a swap; at the start those that are there."""
        fleet = self.fleet
        if not fleet.replacing:
            return [each for each in fleet.current if each is not None]
        await fleet.filled(_WORKERS_BACK_S)
        return fleet.ready

    async def _bring(self, worker: WorkerProcess) -> None:
        """Bring a worker to the committed table and give it its slot's sockets. RuntimeError: it cannot."""
        while True:
            kept = self.committed
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
                assert self.table is not None
                wanted = [each for each in _addresses_of(self.table) if each in self.sockets.held]
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
        await self.reload("SIGHUP")

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
            async with self._reloading:  # the sockets must not change meanwhile
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


def _addresses_of(table: RouteTable) -> list[str]:
    """The addresses of all listeners, each once."""
    return list(dict.fromkeys(address for each in table.listeners for address in each.addresses))


def _gateway_of(kept: Kept) -> GatewayRecord:
    from gwc.schema.artifact import load

    table = load(kept.data)
    return GatewayRecord() if isinstance(table, Refusal) else table.gateway[0]


__all__ = ["BindFailed", "Reload", "RunSettings", "StartFailed", "Supervisor"]
