"""One worker process: a loop, what it serves, and what the supervisor tells it.

Owns the messages of a worker and its life: it prepares and commits tables, takes sockets, gives a sign of
life every 250 ms, and when its supervisor is gone it drains and ends. What traffic is, `serving.py` knows.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from gwc.schema.artifact import Refusal
from gwc.schema.table import RouteTable

from ..wire.tls.contexts import keep_bad_names_quiet
from .channel import Body, Channel, ChannelClosed, Message, Unanswered
from .loading import Pace, free_in_slices, load_in_slices, read_in_slices

BEAT_S: Final = 0.25
_BEATS_A_TICK: Final = 4
ORPHAN_DRAIN_S: Final = 30.0
"""How long a worker drains whose supervisor went away without a word, until a table says otherwise."""


class Served(Protocol):
    """What a worker needs of `serving.Serving`."""

    async def prepare(self, table: RouteTable, generation: int, pace: Pace) -> Any: ...
    def commit(self, snapshot: Any) -> None: ...
    def listen(self, address: str, sock: socket.socket) -> None: ...
    def unlisten(self, address: str) -> None: ...
    async def drain(self, deadline_s: float) -> int: ...
    def status(self) -> dict[str, object]: ...


@dataclass(frozen=True, slots=True)
class Equipment:
    """What a worker is started with: its slot, its number among all that were ever started, and what
    `fleet.Equipping` gave it."""

    slot: int
    number: int
    settings: Mapping[str, Any]


Answering = Callable[[Body], Awaitable[Body] | Body]
AskGateway = Callable[[Body], Awaitable[Body]]
"""Ask the supervisor; raises OSError where it does not answer."""

_ANSWER_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Equipped:
    """What a worker works with.

    `answering` is what else may be asked of it: `{kind: function of the message}`. `committed` is called with
    each table that is served from now on, `reopen` to open log files anew, `tick` about once a second,
    `close` at the end, when nothing is served any more. `connect` gets the way to ask the supervisor.
    """

    serving: Served
    answering: Mapping[str, Answering] = field(default_factory=dict)
    committed: Callable[[RouteTable], None] = lambda table: None
    reopen: Callable[[], None] = lambda: None
    tick: Callable[[], None] = lambda: None
    close: Callable[[], object] = lambda: None
    connect: Callable[[AskGateway], None] = lambda ask: None


MakeServing = Callable[[asyncio.AbstractEventLoop, Equipment], Equipped]


@dataclass(slots=True)
class _Prepared:
    generation: int
    snapshot: Any
    table: RouteTable


def _freed(old: _Prepared) -> Coroutine[Any, Any, None]:
    """Free a table and what was made of it, in slices; the caller lets go of `old` at once."""
    live = getattr(old.snapshot, "table", None)
    tables = [old.table] if live is None or live is old.table else [old.table, live]
    return free_in_slices(*tables, more=[getattr(old.snapshot, "plans", ())])


class Worker:
    """The worker's side of the channel. Mutable: the table that is prepared, and whether it is leaving."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        equipped: Equipped,
    ) -> None:
        self._loop = loop
        self._equipped = equipped
        self._serving = equipped.serving
        self._answering = equipped.answering
        self._channel = Channel(loop, sock, self._on_message, self._orphaned)
        self._preparing: asyncio.Task[None] | None = None
        self._prepared: _Prepared | None = None
        self._serves: _Prepared | None = None
        self._generation = 0
        self._leaving: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self.ended: asyncio.Future[None] = loop.create_future()
        equipped.connect(self._ask)
        self._channel.tell({"kind": "hello", "pid": os.getpid()})
        self._beats = 0
        self._beat()

    def leave(self, deadline_s: float | None = None, message: Message | None = None) -> None:
        """Drain, answer `message` and end the process."""
        if self._leaving is None:
            if message is None:
                # Nobody asked: the slot is to be filled now, not when this is over.
                self._channel.tell({"kind": "leaving"})
            self._leaving = self._loop.create_task(self._leave(deadline_s, message))

    async def _ask(self, body: Body) -> Body:
        try:
            return await self._channel.ask(body, timeout_s=_ANSWER_S)
        except (Unanswered, ChannelClosed) as failed:
            raise OSError("the supervisor does not answer") from failed

    def _beat(self) -> None:
        self._beats += 1
        if self._beats % _BEATS_A_TICK == 0:
            self._equipped.tick()
        # What has not been read says enough; more of it would only fill the memory.
        if not self._channel.closed:
            if self._channel.waiting == 0:
                self._channel.tell({"kind": "beat", "generation": self._generation})
            self._loop.call_later(BEAT_S, self._beat)

    def _on_message(self, message: Message) -> None:
        try:
            self._do(message)
        except Exception as bug:
            self._channel.answer(message, {"ok": False, "reason": _said(bug)})
        finally:
            if message.kind != "listen":
                for each in message.files:
                    os.close(each)

    def _do(self, message: Message) -> None:
        body, kind = message.body, message.kind
        if kind == "prepare":
            self._drop_prepared()
            descriptor = os.dup(message.files[0])
            self._preparing = self._loop.create_task(self._prepare(message, body["generation"], descriptor))
        elif kind == "commit":
            self._channel.answer(message, self._commit(body["generation"]))
        elif kind == "abort":
            self._drop_prepared()
        elif kind == "listen":
            for address, descriptor in zip(body["addresses"], message.files, strict=True):
                self._serving.listen(address, socket.socket(fileno=descriptor))
            self._channel.answer(message, {"ok": True})
        elif kind == "unlisten":
            for address in body["addresses"]:
                self._serving.unlisten(address)
            self._channel.answer(message, {"ok": True})
        elif kind == "drain":
            self.leave(body["deadline_s"], message)
        elif kind == "reopen":
            self._equipped.reopen()
        elif kind == "status":
            self._channel.answer(message, {"ok": True, **self._serving.status()})
        elif (answering := self._answering.get(kind)) is not None:
            self._spawn(self._answer(answering, message))
        else:
            self._channel.answer(message, {"ok": False, "reason": f"a worker knows no `{kind}`"})

    async def _answer(self, answering: Answering, message: Message) -> None:
        try:
            answer = answering(message.body)
            self._channel.answer(
                message, {"ok": True, **(answer if isinstance(answer, dict) else await answer)}
            )
        except Exception as bug:
            self._channel.answer(message, {"ok": False, "reason": _said(bug)})

    async def _prepare(self, message: Message, generation: int, descriptor: int) -> None:
        # What the young generations hold is looked through now, while it is little. What is made from here on
        # is frozen at the end and never looked at: a collection in between would walk through all of it.
        gc.collect(1)
        was_on = gc.isenabled()
        gc.disable()
        try:
            pace = Pace(resting=self._serves is not None)
            table = await load_in_slices(await read_in_slices(descriptor), pace)
            if isinstance(table, Refusal):
                self._channel.answer(message, {"ok": False, "reason": table.message})
                return
            snapshot = await self._serving.prepare(table, generation, pace)
            gc.freeze()
            self._prepared = _Prepared(generation, snapshot, table)
            self._channel.answer(message, {"ok": True})
        except Exception as failed:
            self._channel.answer(message, {"ok": False, "reason": _said(failed)})
        finally:
            if was_on:
                gc.enable()
            os.close(descriptor)

    def _commit(self, generation: int) -> Body:
        if generation == self._generation:
            return {"ok": True}
        prepared = self._prepared
        if prepared is None or prepared.generation != generation:
            return {"ok": False, "reason": f"generation {generation} has not been prepared"}
        # The old one is held until it is freed in slices: nobody else may be the last to let go of it.
        old, self._serves, self._prepared = self._serves, prepared, None
        self._serving.commit(prepared.snapshot)
        self._generation = generation
        self._equipped.committed(prepared.table)
        if old is not None:
            self._spawn(_freed(old))
        return {"ok": True}

    def _drop_prepared(self) -> None:
        if self._preparing is not None:
            self._preparing.cancel()
            self._preparing = None
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            self._spawn(_freed(prepared))

    def _orphaned(self) -> None:
        """The supervisor is gone: nobody would replace this worker or ever tell it to stop."""
        self.leave()

    async def _leave(self, deadline_s: float | None, message: Message | None) -> None:
        if deadline_s is None:
            deadline_s = (
                ORPHAN_DRAIN_S if self._serves is None else self._serves.table.gateway[0].drain_ms / 1000
            )
        cut = 0
        try:
            cut = await self._serving.drain(deadline_s)
        finally:
            if message is not None:
                self._channel.answer(message, {"ok": True, "cut": cut})
            # One turn of the loop for what is still to be written.
            await asyncio.sleep(0)
            self._channel.close()
            if not self.ended.done():
                self.ended.set_result(None)

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def run_worker(arguments: list[str], make_serving: MakeServing) -> int:
    """The worker process; its one argument is JSON: descriptor of the channel, slot, number, equipment.

    Signals that a terminal or an init sends to the whole group are the supervisor's matter; SIGTERM to one
    worker drains it.
    """
    settings: dict[str, Any] = json.loads(arguments[0])
    sock = socket.socket(fileno=settings.pop("channel"))
    equipment = Equipment(settings.pop("slot"), settings.pop("number"), settings)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    for each in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(each, signal.SIG_IGN)
    sock.set_inheritable(False)
    keep_bad_names_quiet()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_serve(sock, make_serving, equipment))
    return 0


async def _serve(sock: socket.socket, make_serving: MakeServing, equipment: Equipment) -> None:
    loop = asyncio.get_running_loop()
    equipped = make_serving(loop, equipment)
    worker = Worker(loop, sock, equipped)
    loop.add_signal_handler(signal.SIGTERM, worker.leave)
    await worker.ended
    equipped.close()


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's where it is installed, else asyncio's own."""
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.new_event_loop
    return None


def _said(failed: BaseException) -> str:
    """The reason that an exception carries, else its kind and words."""
    reason = getattr(failed, "reason", None)
    return reason if isinstance(reason, str) else f"{type(failed).__name__}: {failed}"


if __name__ == "__main__":
    from .equipping import make_serving

    sys.exit(run_worker(sys.argv[1:], make_serving))
