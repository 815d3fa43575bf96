"""What a running gateway can be told and asked, without saying how the wish arrived.

Owns the words of status, reload and drain. The admin API, signals and tests are its callers; it knows of no
socket and no HTTP.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gwc.schema.table import RouteTable

    from .supervisor import Supervisor


class Commands:
    """The commands of one gateway; all answers are ready for JSON."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    @property
    def table(self) -> RouteTable | None:
        """The table that is served, for `explain` and listings. Not to be kept: a reload replaces it."""
        return self._supervisor.reloads.table

    async def status(self) -> dict[str, object]:
        """How it goes: the table, the last reload, workers, addresses."""
        it, reloads = self._supervisor, self._supervisor.reloads
        answers = dict(await it.ask_workers({"kind": "status"}, timeout_s=1.0))
        kept = reloads.committed
        return {
            "pid": os.getpid(),
            "started": it.started,
            "uptime_s": round(time.time() - it.started, 3),
            "ready": it.ready.is_set(),
            "draining": it.draining,
            "generation": 0 if kept is None else kept.generation,
            "digest": "" if kept is None else kept.digest,
            "origin": "" if kept is None else kept.origin,
            "config_stale": reloads.stale,
            "last_reload": None if reloads.last is None else reloads.last.as_json(),
            "last_success": None if reloads.last_success is None else reloads.last_success.as_json(),
            "reloads": dict(reloads.counts),
            "generations": [
                {"generation": each.generation, "digest": each.digest, "origin": each.origin, "at": each.at}
                for each in reloads.keeping.generations
            ],
            "addresses": {each.address: each.place.shown for each in it.sockets.held.values()},
            "workers_replaced": it.fleet.replaced,
            "workers": [_worker(each, answers.get(slot)) for slot, each in enumerate(it.fleet.current)],
        }

    async def reload(self) -> dict[str, object]:
        """Compile again and change over; the answer says what came of it (`result`, `reason`, `findings`)."""
        return (await self._supervisor.reloads.reload("asked")).as_json()

    async def reload_to(self, generation: int) -> dict[str, object]:
        """Go back to one of the `generations` of the status."""
        return (await self._supervisor.reloads.back_to(generation)).as_json()

    async def drain(self) -> dict[str, object]:
        """Begin to drain; the gateway ends when that is done."""
        self._supervisor.stop()
        return {"draining": True, "deadline_s": self._supervisor.drain_s}

    async def reopen_logs(self) -> None:
        """Open log files anew, in every process."""
        self._supervisor.reopen_logs()

    async def set_target(self, upstream: str, address: str, *, disabled: bool, hang_up: bool = False) -> None:
        """Have no worker send requests to a target, or all again; `hang_up`: idle connections are closed.

        A target of several upstreams is one target: it is enabled for all of them.
        """
        it = self._supervisor
        if disabled:
            it.disabled.add((upstream, address))
        else:
            it.disabled -= {each for each in it.disabled if each[1] == address}
        body = {**it.targets_told, "hang_up": hang_up}
        for each in it.fleet.current:
            if each is not None and not each.ready and each.generation:
                each.channel.tell(body)
        await it.ask_workers(body)

    async def of_workers(self, kind: str, **body: Any) -> list[dict[str, object]]:
        """Ask every worker for what `worker.py` was equipped to answer; each answer with its `slot`."""
        answers = await self._supervisor.ask_workers({**body, "kind": kind})
        return [{"slot": slot, **{k: v for k, v in said.items() if k != "answer"}} for slot, said in answers]


def _worker(worker: Any, status: dict[str, Any] | None) -> dict[str, object] | None:
    if worker is None:
        return None
    said = {key: value for key, value in (status or {}).items() if key not in ("ok", "answer")}
    return {
        "slot": worker.slot,
        "pid": worker.process.pid,
        "state": worker.state,
        "generation": worker.generation,
        "status": said if status is not None else None,
    }
