"""Workers and the two-phase swap, with real processes that misbehave when the table asks for it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from gwc.runtime.control.compiling import ChildCompiler
from gwc.runtime.control.run_settings import StartFailed

from .running import Running, ask, ask_on, connect, free_port, gateway, run, text_of


def addresses_of(tmp_path: Path, count: int = 1) -> tuple[str, ...]:
    """Unix sockets."""
    return tuple(f"unix:{tmp_path}/s{number}" for number in range(count))


def write(tmp_path: Path, text: str) -> Path:
    """The main file."""
    path = tmp_path / "gwc.kdl"
    path.write_text(text)
    return path


async def everybody(running: Running) -> list[int]:
    """The generation of each worker, by slot, as it tells."""
    answers = await running.supervisor.ask_workers({"kind": "status"})
    return [said["generation"] for _, said in sorted(answers)]


def test_all_workers_change_together(tmp_path: Path) -> None:
    """After a reload every worker serves the new generation, and an open connection goes on."""

    async def work() -> None:
        (address,) = addresses_of(tmp_path)
        path = write(tmp_path, text_of("one", addresses=(address,)))
        async with gateway(path, workers=3, watch=False) as running:
            connection = await connect(address)
            assert (await ask_on(*connection))["generation"] == 1
            write(tmp_path, text_of("two", addresses=(address,)))
            done = await running.commands.reload()
            assert (done["result"], done["generation"]) == ("committed", 2)
            assert await everybody(running) == [2, 2, 2]
            assert (await ask_on(*connection))["body"] == "two"
            again = await running.commands.reload()
            assert (again["result"], again["generation"]) == ("unchanged", 2)
            connection[1].close()

    run(work())


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("refuse-1", "the table asks to be refused"),
        ("hang-prepare-0", "worker 0 was not ready within"),
        ("die-prepare-all", "died while it prepared"),
    ],
)
def test_a_worker_that_cannot_prepare_fails_the_reload(tmp_path: Path, name: str, reason: str) -> None:
    """All workers keep the old table and serve on; what was bound for the new one is free again."""

    async def work() -> None:
        old, new = addresses_of(tmp_path, 2)
        path = write(tmp_path, text_of("good", addresses=(old,)))
        async with gateway(path, workers=2, watch=False, prepare_s=1.0) as running:
            write(tmp_path, text_of("bad", name=name, addresses=(old, new)))
            done = await running.commands.reload()
            assert done["result"] == "failed"
            assert reason in str(done["reason"]) or "no worker is there" in str(done["reason"])
            assert running.supervisor.reloads.stale
            await running.until(lambda: len(running.supervisor.fleet.ready) == 2)
            assert await everybody(running) == [1, 1]
            assert (await ask(old))["body"] == "good"
            assert not os.path.exists(new[5:])  # noqa: ASYNC240 - the test's own
            write(tmp_path, text_of("better", addresses=(old, new)))
            assert (await running.commands.reload())["result"] == "committed"
            assert (await ask(new))["body"] == "better"

    run(work())


def test_a_worker_that_died_by_chance_does_not_fail_the_reload(tmp_path: Path) -> None:
    """Its replacement takes part in a second attempt."""

    async def work() -> None:
        (address,) = addresses_of(tmp_path)
        path = write(tmp_path, text_of("good", addresses=(address,)))
        async with gateway(path, workers=2, watch=False) as running:
            mark = tmp_path / "died"
            write(tmp_path, text_of(str(mark), name="die-once-1", addresses=(address,)))
            done = await running.commands.reload()
            assert (done["result"], mark.exists()) == ("committed", True)
            await running.until(lambda: len(running.supervisor.fleet.ready) == 2)
            assert await everybody(running) == [2, 2]

    run(work())


def test_a_worker_that_does_not_commit_is_replaced(tmp_path: Path) -> None:
    """The others serve the new table at once; the new worker in its slot too."""

    async def work() -> None:
        (address,) = addresses_of(tmp_path)
        path = write(tmp_path, text_of("good", addresses=(address,)))
        async with gateway(path, workers=2, watch=False, commit_s=0.5, hung_s=30.0) as running:
            first = [each.process.pid for each in running.supervisor.fleet.ready]
            # The worker that hangs is told so by the table, and so is its replacement: kill it by hand.
            write(tmp_path, text_of("next", name="hang-commit-1", addresses=(address,)))
            done = await running.commands.reload()
            assert done["result"] == "committed"
            replaced = running.events("worker-replaced")
            assert [each["pid"] for each in replaced] == [first[1]]
            assert (await everybody(running))[0] == 2
            write(tmp_path, text_of("last", addresses=(address,)))
            assert (await running.commands.reload())["result"] == "committed"
            await running.until(lambda: len(running.supervisor.fleet.ready) == 2, 30.0)
            assert await everybody(running) == [3, 3]

    run(work())


def test_a_dead_worker_is_replaced_and_nobody_notices(tmp_path: Path) -> None:
    """Connections that wait in the slot's socket are served by the replacement, within a second or so."""

    async def work() -> None:
        address = f"127.0.0.1:{free_port()}"
        path = write(tmp_path, text_of("one", addresses=(address,)))
        async with gateway(path, workers=2, watch=False) as running:
            pid = running.supervisor.fleet.ready[0].process.pid
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            answers = await asyncio.gather(*(ask(address) for _ in range(40)), return_exceptions=True)
            # What the dead one had accepted is lost; who waited in its queue is not, and nobody is refused.
            assert not [each for each in answers if isinstance(each, ConnectionRefusedError)]
            await running.until(lambda: len(running.supervisor.fleet.ready) == 2)
            took = time.monotonic() - began
            assert running.events("worker-died")[0]["signal"] == "SIGKILL"
            assert {(await ask(address))["slot"] for _ in range(60)} == {0, 1}
            assert took < 3

    run(work())


def test_a_replacement_has_the_committed_table(tmp_path: Path) -> None:
    """Not the one that the gateway started with."""

    async def work() -> None:
        (address,) = addresses_of(tmp_path)
        path = write(tmp_path, text_of("one", addresses=(address,)))
        async with gateway(path, workers=1, watch=False) as running:
            write(tmp_path, text_of("two", addresses=(address,)))
            await running.commands.reload()
            before = running.supervisor.fleet.ready[0].process.pid
            os.kill(before, signal.SIGKILL)
            answer = await ask(address)  # waits in the socket that the supervisor holds
            assert (answer["body"], answer["generation"], answer["pid"] == before) == ("two", 2, False)

    run(work())


def test_a_hung_worker_is_noticed_by_its_heartbeat(tmp_path: Path) -> None:
    """Its loop does not turn: it is killed and replaced."""

    async def work() -> None:
        (address,) = addresses_of(tmp_path)
        path = write(tmp_path, text_of("one", addresses=(address,)))
        async with gateway(path, workers=1, watch=False, hung_s=0.8) as running:
            reader, writer = await connect(address)
            writer.write(b"GET /hang HTTP/1.1\r\nhost: t\r\n\r\n")
            await running.until(lambda: bool(running.events("worker-hung")))
            assert (await ask(address))["body"] == "one"
            assert await reader.read() == b""
            writer.close()

    run(work())


def test_a_worker_that_is_told_to_leave_is_replaced_first(tmp_path: Path) -> None:
    """SIGTERM to one worker: it finishes what it has, and somebody else takes what is new meanwhile."""

    async def work() -> None:
        (address,) = addresses_of(tmp_path)
        path = write(tmp_path, text_of("one", addresses=(address,)))
        async with gateway(path, workers=1, watch=False) as running:
            worker = running.supervisor.fleet.ready[0]
            reader, writer = await connect(address)
            before = (await ask_on(reader, writer))["pid"]
            waiting = asyncio.create_task(ask_on(reader, writer, "/wait/3"))
            await asyncio.sleep(0.1)
            os.kill(before, signal.SIGTERM)
            await running.until(lambda: bool(running.events("worker-started")))
            assert (await ask(address))["pid"] != before
            assert not worker.gone.is_set()
            assert (await waiting)["pid"] == before
            await asyncio.wait_for(worker.gone.wait(), 10)
            assert worker.process.returncode == 0
            assert running.events("worker-died") == []
            writer.close()

    run(work())


def test_a_worker_without_supervisor_finishes_and_ends(tmp_path: Path) -> None:
    """A request under way is answered; then the process is gone."""

    async def work() -> None:
        (address,) = addresses_of(tmp_path)
        path = write(tmp_path, text_of("one", addresses=(address,)))
        async with gateway(path, workers=1, watch=False) as running:
            worker = running.supervisor.fleet.ready[0]
            waiting = asyncio.create_task(ask(address, "/wait/0.5"))
            await running.until(lambda: True)
            await asyncio.sleep(0.2)
            worker.state = "retiring"  # it is not to be killed for hanging up
            worker.channel.close()
            assert (await waiting)["body"] == "one"
            await asyncio.wait_for(worker.gone.wait(), 10)
            assert worker.process.returncode == 0

    run(work())


def test_draining_waits_for_requests(tmp_path: Path) -> None:
    """A request under way is answered, with `Connection: close`; nobody new is let in; exit code 0."""

    async def work() -> None:
        (address,) = addresses_of(tmp_path)
        path = write(tmp_path, text_of("one", addresses=(address,)))
        async with gateway(path, workers=1, watch=False, drain_s=5.0) as running:
            waiting = asyncio.create_task(ask(address, "/wait/0.6"))
            await asyncio.sleep(0.2)
            assert (await running.commands.drain())["draining"] is True
            await running.until(lambda: bool(running.events("draining")))
            assert (await waiting)["body"] == "one"
            await running.until(lambda: bool(running.events("stopped")))
            assert running.events("stopped")[0]["cut"] == 0
            with pytest.raises(OSError):
                await connect(address)

    run(work())


def test_draining_ends_by_its_deadline(tmp_path: Path) -> None:
    """What is not done by then is cut, and counted."""

    async def work() -> None:
        (address,) = addresses_of(tmp_path)
        path = write(tmp_path, text_of("one", addresses=(address,)))
        async with gateway(path, workers=1, watch=False, drain_s=0.3) as running:
            _, writer = await connect(address)
            writer.write(b"GET /wait/60 HTTP/1.1\r\nhost: t\r\n\r\n")
            await asyncio.sleep(0.2)
            await running.commands.drain()
            await running.until(lambda: bool(running.events("stopped")))
            assert running.events("stopped")[0]["cut"] == 1
            writer.close()

    run(work())


def test_addresses_come_and_go_with_the_table(tmp_path: Path) -> None:
    """A new address is served after the reload, a removed one no more; one in use fails the reload."""

    async def work() -> None:
        first, second, third = addresses_of(tmp_path, 3)
        tcp = f"127.0.0.1:{free_port()}"
        path = write(tmp_path, text_of("one", addresses=(first, second)))
        async with gateway(path, workers=2, watch=False) as running:
            kept = await connect(first)
            write(tmp_path, text_of("two", addresses=(first, third, tcp)))
            assert (await running.commands.reload())["result"] == "committed"
            assert [(await ask(each))["body"] for each in (first, third, tcp)] == ["two"] * 3
            assert (await ask_on(*kept))["body"] == "two"
            with pytest.raises(OSError):
                await connect(second)
            assert not os.path.exists(second[5:])  # noqa: ASYNC240 - the test's own
            blocker = await asyncio.start_unix_server(lambda _, writer: writer.close(), second[5:])
            write(tmp_path, text_of("three", addresses=(first, second)))
            done = await running.commands.reload()
            assert done["reason"] == f"cannot listen on `{second}`: another process listens there"
            assert (await ask(third))["body"] == "two"
            blocker.close()
            kept[1].close()

    run(work())


def test_going_back_to_a_generation(tmp_path: Path) -> None:
    """The last ten tables are kept; going back makes a new generation of the old table."""

    async def work() -> None:
        path = write(tmp_path, text_of("body 1"))
        async with gateway(path, workers=1, watch=False, state_dir=str(tmp_path / "state")) as running:
            for number in range(2, 13):
                write(tmp_path, text_of(f"body {number}"))
                assert (await running.commands.reload())["generation"] == number
            done = await running.commands.reload_to(3)
            assert (done["result"], done["generation"], running.body) == ("committed", 13, "body 3")
            gone = await running.commands.reload_to(2)
            assert (gone["result"], running.supervisor.reloads.stale) == ("failed", False)
            assert str(gone["reason"]).startswith("generation 2 is not kept; there is 4, 5")
            status = await running.commands.status()
            assert [each["generation"] for each in status["generations"]] == list(range(4, 14))  # type: ignore[attr-defined]  # JSON
            assert len(os.listdir(tmp_path / "state" / "tables")) == 10

    run(work())


def test_reloads_that_wait_share_one(tmp_path: Path) -> None:
    """Twenty wishes at once cost two compiles at most: the one under way and the next."""

    async def work() -> None:
        path = write(tmp_path, text_of("one"))
        async with gateway(path, workers=1, watch=False) as running:
            before = len(running.reloads)
            write(tmp_path, text_of("two"))
            done = await asyncio.gather(*(running.commands.reload() for _ in range(20)))
            assert {each["generation"] for each in done} == {2}
            assert len(running.reloads) - before <= 2

    run(work())


def test_a_compiler_that_dies_or_hangs_fails_the_reload(tmp_path: Path) -> None:
    """The next reload has a new child."""
    program = tmp_path / "child.py"
    mark = tmp_path / "mark"
    program.write_text(
        "import os, sys, time, pathlib\n"
        "from gwc.cli import compiling_child\n"
        "real = compiling_child.compile_path\n"
        "def compile_path(path, **more):\n"
        f"    mark = pathlib.Path({str(mark)!r})\n"
        "    if mark.exists():\n"
        "        if mark.read_text() == 'die': os._exit(7)\n"
        "        time.sleep(3600)\n"
        "    return real(path, **more)\n"
        "compiling_child.compile_path = compile_path\n"
        "sys.exit(compiling_child.main(sys.argv[1:]))\n"
    )

    async def work() -> None:
        path = write(tmp_path, text_of("one"))
        compiler = ChildCompiler([sys.executable, str(program), str(path)], lambda *_, **__: None, 3.0)
        async with gateway(path, workers=1, watch=False, compiler=compiler) as running:
            for word, reason in (
                ("die", "the compiler ended with exit code 7"),
                ("hang", "took longer than"),
            ):
                mark.write_text(word)
                done = await running.commands.reload()
                assert done["result"] == "failed"
                assert reason in str(done["reason"])
                mark.unlink()
                write(tmp_path, text_of(f"after {word}"))
                assert (await running.commands.reload())["result"] == "committed"

    run(work())


def test_a_table_that_no_worker_takes_does_not_start(tmp_path: Path) -> None:
    """The first table is refused: the gateway ends with the reason."""

    async def work() -> None:
        path = write(tmp_path, text_of("x", name="refuse-0"))
        async with gateway(path, workers=1, watch=False):
            pass

    with pytest.raises(StartFailed, match="asks to be refused"):
        run(work())


def test_status_tells_what_is_served(tmp_path: Path) -> None:
    """Generation, digest, workers with their own word, addresses, the last reload; all of it JSON."""

    async def work() -> None:
        import orjson

        (address,) = addresses_of(tmp_path)
        path = write(tmp_path, text_of("one", addresses=(address,)))
        async with gateway(path, workers=2, watch=False) as running:
            write(tmp_path, "routes {\n")
            await running.commands.reload()
            status: dict[str, Any] = orjson.loads(orjson.dumps(await running.commands.status()))
            assert (status["generation"], status["config_stale"], status["ready"]) == (1, True, True)
            assert status["last_reload"]["result"] == "failed"
            assert "this `{` is never closed" in status["last_reload"]["findings"]
            assert status["addresses"] == {address: address}
            assert [each["status"]["generation"] for each in status["workers"]] == [1, 1]
            said = await running.commands.of_workers("echo", word="hello")
            assert [(each["slot"], each["said"]) for each in said] == [(0, "hello"), (1, "hello")]
            assert await running.commands.of_workers("nonsense") == [
                {"slot": slot, "ok": False, "reason": "a worker knows no `nonsense`"} for slot in (0, 1)
            ]

    run(work())
