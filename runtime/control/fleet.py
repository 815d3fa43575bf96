"""The worker processes as the supervisor sees them: started, heard, replaced.

Owns processes, heartbeats and the back-off after crashes. What a worker is told once it is there, its owner
says (`bring`). A dead worker is replaced at once, a second time too; from the third time within a minute
there is a pause, up to 30 s.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol

from .channel import Body, Channel, ChannelClosed, Message, Unanswered

HUNG_S: Final = 5.0
STARTING_S: Final = 20.0
"""A worker that has not said hello by then never will."""

CHECK_S: Final = 0.25
CRASHES_WITHIN_S: Final = 60.0
FREE_CRASHES: Final = 2
LONGEST_PAUSE_S: Final = 30.0

Tell = Callable[..., None]
"""`tell(level, event, **fields)`: a line of the error log."""


def pause_before_restart(ages_s: Sequence[float]) -> float:
    """How long to wait before a slot is filled again; `ages_s`: how long ago it crashed, now included."""
    crashes = sum(age <= CRASHES_WITHIN_S for age in ages_s)
    return 0.0 if crashes <= FREE_CRASHES else min(2.0 ** (crashes - FREE_CRASHES - 1), LONGEST_PAUSE_S)


class Equipping(Protocol):
    """What every worker is started with beside its channel: settings in JSON, and files that it inherits."""

    def take(self, number: int) -> tuple[Mapping[str, Any], Sequence[int]]:
        """For the worker of that number, which nobody had before."""

    def give_back(self, number: int) -> None:
        """That worker has ended, however."""


class NoEquipment:
    """Workers that need nothing."""

    def take(self, number: int) -> tuple[Mapping[str, Any], Sequence[int]]:
        """Nothing."""
        return {}, ()

    def give_back(self, number: int) -> None:
        """Nothing."""


@dataclass(slots=True, eq=False)
class WorkerProcess:
    """One worker. `generation` is what it has committed, `ready` whether it takes part in swaps."""

    slot: int
    number: int
    process: subprocess.Popen[bytes]
    channel: Channel
    heard: float
    hello: asyncio.Event
    gone: asyncio.Event
    state: Literal["starting", "ready", "retiring", "gone"] = "starting"
    generation: int = 0
    listening: set[str] = field(default_factory=set)

    @property
    def ready(self) -> bool:
        """Whether it serves. One that hung up is as good as dead, and its end will be noticed soon."""
        return self.state == "ready" and not self.channel.closed

    async def ask(self, body: Mapping[str, Any], files: Sequence[int] = (), *, timeout_s: float) -> Body:
        """As `Channel.ask`; an answer that is no is an answer."""
        return await self.channel.ask(body, b"", files, timeout_s=timeout_s)

    def kill(self) -> None:
        """End it at once."""
        if self.process.poll() is None:
            self.process.kill()


class Fleet:
    """All workers, by slot, and those that are leaving."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        command: Sequence[str],
        slots: int,
        bring: Callable[[WorkerProcess], Awaitable[None]],
        tell: Tell,
        *,
        equipment: Equipping | None = None,
        hung_s: float = HUNG_S,
    ) -> None:
        self._loop = loop
        self._command = list(command)
        self._bring = bring
        self._tell = tell
        self._equipment = NoEquipment() if equipment is None else equipment
        self._hung_s = hung_s
        self._started = 0
        self._stopping = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._crashes: list[list[float]] = [[] for _ in range(slots)]
        self.current: list[WorkerProcess | None] = [None] * slots
        self.retiring: set[WorkerProcess] = set()
        self.replaced = 0
        self.telling: Callable[[str], Awaitable[dict[str, str]]] | None = None
        """Who knows what the private builtins tell: `type` and `text` by name."""
        self.replacing = False
        """Whether the dead are replaced and brought up by this class; not before the first table is there."""
        self._checked = loop.time()
        self._turn: asyncio.Future[None] | None = None
        self._soon: set[int] = set()
        """Slots that are being filled without a pause before it."""

    @property
    def ready(self) -> list[WorkerProcess]:
        """The workers that serve, by slot."""
        return [each for each in self.current if each is not None and each.ready]

    async def filled(self, timeout_s: float) -> None:
        """Wait until the workers that are starting serve, or that long."""
        until = self._loop.time() + timeout_s
        while self._loop.time() < until and self._soon:
            self._turn = self._loop.create_future()
            await asyncio.wait([self._turn], timeout=until - self._loop.time())

    def fill(self, slot: int) -> None:
        """Start a worker in an empty slot and make it serve."""
        self._fill_after(slot, 0.0)

    async def start(self) -> None:
        """Start a worker in each slot and wait until all are there. RuntimeError where one is not in time."""
        workers = [self._start(slot) for slot in range(len(self.current))]
        self._loop.call_later(CHECK_S, self._check)
        try:
            async with asyncio.timeout(STARTING_S):
                for each in workers:
                    await _first(each.hello, each.gone)
        except TimeoutError:
            raise RuntimeError("a worker does not start") from None
        if any(each.gone.is_set() for each in workers):
            raise RuntimeError("a worker ended while it started")

    def replace(self, worker: WorkerProcess, drain_s: float, why: str) -> None:
        """Let a worker drain and fill its slot at once: it cannot be trusted with new requests."""
        if worker.state in ("retiring", "gone"):
            return
        self._tell("error", "worker-replaced", slot=worker.slot, pid=worker.process.pid, reason=why)
        self.replaced += 1
        self._retire(worker, drain_s)
        if self.current[worker.slot] is worker:
            self.current[worker.slot] = None
            self.fill(worker.slot)

    async def drain(self, deadline_s: float) -> int:
        """Drain all workers, kill those that are not done after the deadline. How many requests were cut."""
        self._stopping = True
        everybody = [each for each in self.current if each is not None] + list(self.retiring)
        cut = await asyncio.gather(*(self._drained(each, deadline_s) for each in everybody))
        return sum(cut)

    def kill_all(self) -> None:
        """End every worker at once."""
        self._stopping = True
        for each in [*self.current, *self.retiring]:
            if each is not None:
                each.kill()

    async def all_gone(self) -> None:
        """Wait for the end of every worker."""
        for each in [*self.current, *self.retiring]:
            if each is not None:
                await each.gone.wait()

    def _start(self, slot: int) -> WorkerProcess:
        ours, theirs = socket.socketpair()
        self._started += 1
        number = self._started
        try:
            settings, files = self._equipment.take(number)
            argument = json.dumps({"channel": theirs.fileno(), "slot": slot, "number": number, **settings})
            process = subprocess.Popen(
                [*self._command, argument],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno(), *files],
            )
        except OSError:
            ours.close()
            self._equipment.give_back(number)
            raise
        finally:
            theirs.close()
        now = self._loop.time()
        channel = Channel(
            self._loop, ours, lambda message: self._heard(worker, message), lambda: self._lost(worker)
        )
        worker = WorkerProcess(slot, number, process, channel, now, asyncio.Event(), asyncio.Event())
        self.current[slot] = worker
        _when_ended(self._loop, process, lambda: self._ended(worker))
        return worker

    def _fill_after(self, slot: int, pause_s: float) -> None:
        async def fill() -> None:
            try:
                await self._fill(slot, pause_s)
            finally:
                self._soon.discard(slot)
                self._turned()

        if pause_s == 0:
            self._soon.add(slot)
        self._spawn(fill())

    async def _fill(self, slot: int, pause_s: float) -> None:
        """Start a worker in an empty slot and make it serve; again, after a pause, until one does."""
        while not self._stopping:
            if pause_s:
                await asyncio.sleep(pause_s)
            if self._stopping or self.current[slot] is not None:
                return
            try:
                worker = self._start(slot)
            except OSError as failed:
                self._tell("error", "worker-not-started", slot=slot, reason=str(failed))
                pause_s = self._crashed(slot)
                continue
            await _first(worker.hello, worker.gone)
            if worker.gone.is_set():
                return  # its end has begun the next one
            try:
                await self._bring(worker)
                self._tell("info", "worker-started", slot=slot, pid=worker.process.pid)
            except (ChannelClosed, Unanswered, RuntimeError) as failed:
                self._tell("error", "worker-not-ready", slot=slot, pid=worker.process.pid, reason=str(failed))
                worker.kill()
            return

    def _crashed(self, slot: int) -> float:
        now = self._loop.time()
        crashes = self._crashes[slot]
        crashes.append(now)
        del crashes[:-16]
        return pause_before_restart([now - each for each in crashes])

    def _heard(self, worker: WorkerProcess, message: Message) -> None:
        worker.heard = self._loop.time()
        if message.kind == "hello":
            worker.hello.set()
        elif message.kind == "builtin":
            task = self._loop.create_task(self._answer(worker, message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif message.kind == "leaving" and worker.state in ("starting", "ready"):
            self._tell("warning", "worker-leaving", slot=worker.slot, pid=worker.process.pid)
            worker.state = "retiring"
            self.retiring.add(worker)
            if self.current[worker.slot] is worker:
                self.current[worker.slot] = None
                if self.replacing and not self._stopping:
                    self.replaced += 1
                    self.fill(worker.slot)

    async def _answer(self, worker: WorkerProcess, message: Message) -> None:
        """What a builtin tells, where somebody knows."""
        told: dict[str, str] = {}
        if self.telling is not None:
            try:
                told = await self.telling(message.body["name"])
            except Exception as bug:
                self._tell("error", "bug", where="builtin", what=f"{type(bug).__name__}: {bug}")
        worker.channel.answer(message, told)

    def _lost(self, worker: WorkerProcess) -> None:
        """The channel broke. A worker that leaves does that; any other is of no use without it."""
        if worker.state != "retiring" and not self._stopping:
            worker.kill()

    def _ended(self, worker: WorkerProcess) -> None:
        code = worker.process.poll()
        was, worker.state = worker.state, "gone"
        worker.channel.close()
        worker.gone.set()
        self._equipment.give_back(worker.number)
        self.retiring.discard(worker)
        if self.current[worker.slot] is not worker:
            return
        self.current[worker.slot] = None
        if self._stopping:
            return
        self._tell(
            "error", "worker-died", slot=worker.slot, pid=worker.process.pid, state=was, **_end_of(code)
        )
        if self.replacing:
            self.replaced += 1
            self._fill_after(worker.slot, self._crashed(worker.slot))

    def _check(self) -> None:
        """Kill who has given no sign of life, unless it was this process that did not listen."""
        now = self._loop.time()
        late, self._checked = now - self._checked > CHECK_S + 1.0, now
        for worker in [*self.current, *self.retiring]:
            if worker is None:
                continue
            if late:
                worker.heard = now
            allowed = self._hung_s if worker.hello.is_set() else STARTING_S
            if now - worker.heard > allowed and worker.process.poll() is None and worker.state != "retiring":
                self._tell("error", "worker-hung", slot=worker.slot, pid=worker.process.pid)
                worker.kill()
        if not self._stopping or any(self.current) or self.retiring:
            self._loop.call_later(CHECK_S, self._check)

    def _retire(self, worker: WorkerProcess, drain_s: float) -> None:
        worker.state = "retiring"
        self.retiring.add(worker)
        self._spawn(self._drained(worker, drain_s))

    async def _drained(self, worker: WorkerProcess, deadline_s: float) -> int:
        worker.state = "retiring" if worker.state != "gone" else "gone"
        cut = 0
        try:
            answer = await worker.ask({"kind": "drain", "deadline_s": deadline_s}, timeout_s=deadline_s + 2.0)
            cut = int(answer.get("cut", 0))
            async with asyncio.timeout(5.0):
                await worker.gone.wait()
        except (ChannelClosed, Unanswered, TimeoutError):
            worker.kill()
            await worker.gone.wait()
        return cut

    def _turned(self) -> None:
        """A slot has been filled or not: whoever waits looks again."""
        turn, self._turn = self._turn, None
        if turn is not None and not turn.done():
            turn.set_result(None)

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _end_of(code: int | None) -> dict[str, object]:
    if code is not None and code < 0:
        return {"signal": signal.Signals(-code).name}
    return {"code": code}


async def _first(*events: asyncio.Event) -> None:
    """Wait until one of them is set."""
    tasks = [asyncio.ensure_future(each.wait()) for each in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()


def _when_ended(
    loop: asyncio.AbstractEventLoop, process: subprocess.Popen[bytes], then: Callable[[], None]
) -> None:
    """Call `then` when a process has ended."""
    if hasattr(os, "pidfd_open"):
        descriptor = os.pidfd_open(process.pid)

        def ended() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            process.wait()
            then()

        loop.add_reader(descriptor, ended)
        return

    def look() -> None:  # macOS
        if process.poll() is None:
            loop.call_later(0.05, look)
        else:
            then()

    look()
