"""The two-phase swap: every worker prepares the new table, and when all are ready each commits it.

Owns what an answer means (`after_prepare`, `after_commit`, `changes`: pure) and the order of the steps. If
one worker cannot prepare, all keep the old table. A worker that does not answer to commit drains and is
replaced. Commit is not simultaneous: for milliseconds two connections may see two generations.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from .channel import MOST_FILES, ChannelClosed, Unanswered
from .fleet import WorkerProcess
from .loading import file_of
from .sockets import BindFailed, Sockets

PREPARE_S: Final = 10.0
COMMIT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What one worker said to prepare or commit; `reason` where it said no."""

    slot: int
    outcome: Literal["yes", "no", "silent", "gone"]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """All are ready."""


@dataclass(frozen=True, slots=True)
class Again:
    """A worker died for reasons of its own, perhaps: its replacement may do better."""


@dataclass(frozen=True, slots=True)
class Abort:
    """All keep the old table."""

    reason: str


def after_prepare(answers: Sequence[Answer], attempt: int) -> Commit | Again | Abort:
    """What to do when all have answered or their time is over. `attempt` counts from 1.

    A worker that died in the first attempt is not held against the table; one that dies in the second is.
    """
    if not answers:
        return Abort("no worker is there to prepare the table")
    for each in answers:
        if each.outcome == "no":
            return Abort(each.reason)
    for each in answers:
        if each.outcome == "silent":
            return Abort(f"worker {each.slot} was not ready within {PREPARE_S:.0f} s")
    for each in answers:
        if each.outcome == "gone":
            return Again() if attempt == 1 else Abort(f"worker {each.slot} died while it prepared the table")
    return Commit()


def after_commit(answers: Sequence[Answer]) -> tuple[int, ...]:
    """The slots whose worker must be replaced. One that died is replaced as every dead worker is."""
    return tuple(each.slot for each in answers if each.outcome in ("no", "silent"))


def changes(held: Sequence[str], wanted: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(addresses to bind, addresses to let go), each once and in its order."""
    new = dict.fromkeys(each for each in wanted if each not in held)
    return tuple(new), tuple(each for each in held if each not in wanted)


@dataclass(frozen=True, slots=True)
class Swapped:
    """What came of a swap. `reason` is None where the table is committed."""

    reason: str | None
    bound: tuple[str, ...] = ()
    released: tuple[str, ...] = ()


async def swap(
    data: bytes,
    generation: int,
    addresses: Sequence[str],
    sockets: Sockets,
    workers: Callable[[], Awaitable[Sequence[WorkerProcess]]],
    *,
    listening: Sequence[str],
    committing: Callable[[], None],
    replace: Callable[[WorkerProcess, str], None],
    prepare_s: float = PREPARE_S,
    commit_s: float = COMMIT_S,
) -> Swapped:
    """Change all workers to the table `data`, or none.

    `workers` gives those that serve, after a while if some are being replaced. `listening` are the addresses
    of the table before. `committing` is called when the decision has fallen, before the first worker is
    told: a worker that starts from then on starts with the new table.
    """
    new, old = changes(listening, addresses)
    bound: list[str] = []
    descriptor = file_of(data)
    participants: Sequence[WorkerProcess] = ()
    try:
        for address in new:
            sockets.bind(address)
            bound.append(address)
        reason: str | None = None
        for attempt in (1, 2):
            participants = await workers()
            answers = await asyncio.gather(
                *(prepare(w, descriptor, generation, prepare_s) for w in participants)
            )
            decision = after_prepare(answers, attempt)
            if isinstance(decision, Commit):
                break
            for each in participants:
                each.channel.tell({"kind": "abort", "generation": generation})
            if isinstance(decision, Abort):
                reason = decision.reason
                break
            # Its end is what has it replaced; without that it would be asked again.
            for worker, answer in zip(participants, answers, strict=True):
                if answer.outcome == "gone":
                    worker.kill()
                    await worker.gone.wait()
        if reason is None:
            # From here a connection may come in; until here a failed reload has taken none.
            for address in new:
                sockets.listen(address)
    except BindFailed as failed:
        reason = failed.reason
        for each in participants:
            each.channel.tell({"kind": "abort", "generation": generation})
    finally:
        os.close(descriptor)
    if reason is not None:
        for address in bound:
            sockets.release(address)
        return Swapped(reason)
    committing()
    answers = await asyncio.gather(*(commit(each, generation, commit_s) for each in participants))
    failed_slots = after_commit(answers)
    for worker, answer in zip(participants, answers, strict=True):
        if worker.slot in failed_slots:
            replace(worker, answer.reason or f"no answer to commit within {commit_s:g} s")
    served = [each for each, answer in zip(participants, answers, strict=True) if answer.outcome == "yes"]
    asked = await asyncio.gather(*(hand_sockets(each, new, old, sockets, commit_s) for each in served))
    for worker, answer in zip(served, asked, strict=True):
        if answer.outcome in ("no", "silent"):
            replace(worker, answer.reason or f"took no sockets within {commit_s:g} s")
        elif worker.state == "starting":
            worker.state = "ready"
    for address in old:
        sockets.release(address)
    return Swapped(None, new, old)


async def prepare(worker: WorkerProcess, descriptor: int, generation: int, timeout_s: float) -> Answer:
    """Have one worker load a table and get ready for it."""
    return await _answer(worker, {"kind": "prepare", "generation": generation}, (descriptor,), timeout_s)


async def commit(worker: WorkerProcess, generation: int, timeout_s: float) -> Answer:
    """Have one worker change over."""
    answer = await _answer(worker, {"kind": "commit", "generation": generation}, (), timeout_s)
    if answer.outcome == "yes":
        worker.generation = generation
    return answer


async def hand_sockets(
    worker: WorkerProcess, new: Sequence[str], old: Sequence[str], sockets: Sockets, timeout_s: float
) -> Answer:
    """Have one worker listen on its slot's sockets of `new` and no more on those of `old`."""
    answer = Answer(worker.slot, "yes")
    wanted = [each for each in new if each not in worker.listening and each in sockets.held]
    while wanted and answer.outcome == "yes":
        some, wanted = wanted[:MOST_FILES], wanted[MOST_FILES:]
        files = [sockets.held[each].of_slot(worker.slot).fileno() for each in some]
        answer = await _answer(worker, {"kind": "listen", "addresses": some}, files, timeout_s)
        worker.listening.update(some)
    gone = [each for each in old if each in worker.listening]
    if gone and answer.outcome == "yes":
        answer = await _answer(worker, {"kind": "unlisten", "addresses": gone}, (), timeout_s)
        worker.listening.difference_update(gone)
    return answer


async def _answer(
    worker: WorkerProcess, body: dict[str, object], files: Sequence[int], timeout_s: float
) -> Answer:
    try:
        said = await worker.ask(body, files, timeout_s=timeout_s)
    except Unanswered:
        return Answer(worker.slot, "silent")
    except ChannelClosed:
        return Answer(worker.slot, "gone")
    return (
        Answer(worker.slot, "yes") if said.get("ok") else Answer(worker.slot, "no", str(said.get("reason")))
    )
