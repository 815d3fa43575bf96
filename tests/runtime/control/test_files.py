"""How files change in practice: each way leads to the right table or to none.

The real watch and a real compile; the same gateway goes through each scenario several times, because watches
that work once are common.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from .running import Running, gateway, run, text_of

Scenario = Callable[[Running, Path, int], Awaitable[None]]

ROUNDS = [pytest.param(2, id="twice"), pytest.param(20, id="20-times", marks=pytest.mark.slow)]


def repeated(
    scenario: Scenario, path: Path, rounds: int, *, hints: bool = True, start: str | None = None
) -> list[str]:
    """Go through a scenario in one gateway; every reply that was ever served."""

    async def work() -> list[str]:
        if start is not None:
            (path / "gwc.kdl").write_text(start)
        async with gateway(path, hints=hints, poll_s=0.3 if not hints else 1.0) as running:
            for number in range(rounds):
                await scenario(running, path, number)
            return running.served

    return run(work())


@pytest.mark.parametrize("rounds", ROUNDS)
def test_an_editor_writes_beside_and_renames(tmp_path: Path, rounds: int) -> None:
    """A new file takes the place of the old one, and a backup stays behind."""

    async def scenario(running: Running, path: Path, number: int) -> None:
        main, new = path / "gwc.kdl", path / ".gwc.kdl.swp"
        new.write_text(text_of(f"renamed {number}"))
        os.replace(main, path / "gwc.kdl~")
        os.replace(new, main)
        await running.until_body(f"renamed {number}")

    served = repeated(scenario, tmp_path, rounds, start=text_of("start"))
    assert served == ["start", *[f"renamed {number}" for number in range(rounds)]]


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_config_map_swaps_its_data_link(tmp_path: Path, rounds: int) -> None:
    """Kubernetes changes the directory that `..data` leads to; the file's own link never changes."""

    def publish(number: int) -> None:
        directory = tmp_path / f"..2026_{number}"
        directory.mkdir()
        (directory / "gwc.kdl").write_text(text_of(f"map {number}"))
        (tmp_path / "..data_tmp").symlink_to(directory.name)
        os.replace(tmp_path / "..data_tmp", tmp_path / "..data")
        if number > 0:
            shutil.rmtree(tmp_path / f"..2026_{number - 1}")

    async def scenario(running: Running, path: Path, number: int) -> None:
        publish(number + 1)
        await running.until_body(f"map {number + 1}")

    publish(0)
    (tmp_path / "gwc.kdl").symlink_to("..data/gwc.kdl")
    repeated(scenario, tmp_path, rounds)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_file_that_is_mounted_alone_is_written_in_place(tmp_path: Path, rounds: int) -> None:
    """The inode stays and its directory hears nothing: the file is another one's, reached through a link."""
    elsewhere = tmp_path / "host"
    elsewhere.mkdir()
    (elsewhere / "real.kdl").write_text(text_of("start"))
    mounted = tmp_path / "pod"
    mounted.mkdir()
    os.link(elsewhere / "real.kdl", mounted / "gwc.kdl")

    async def scenario(running: Running, path: Path, number: int) -> None:
        (elsewhere / "real.kdl").write_text(text_of(f"in place {number}"))
        await running.until_body(f"in place {number}")

    repeated(scenario, mounted, rounds)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_an_included_file_is_added_and_removed(tmp_path: Path, rounds: int) -> None:
    """A file that a pattern matches brings its route; without it the route is gone."""
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes" / "a.kdl").write_text('routes { route "a" { respond { body "a" } } }\n')
    start = text_of("start") + 'include "routes/**/*.kdl"\n'

    async def scenario(running: Running, path: Path, number: int) -> None:
        def routes() -> set[str]:
            assert running.supervisor.reloads.table is not None
            return {each.name for each in running.supervisor.reloads.table.routes}

        added = path / "routes" / f"deep{number}" / "b.kdl"
        added.parent.mkdir()
        added.write_text(f'routes {{ route "b{number}" {{ respond }} }}\n')
        await running.until(lambda: routes() == {"r", "a", f"b{number}"})
        added.unlink()
        await running.until(lambda: routes() == {"r", "a"})

    repeated(scenario, tmp_path, rounds, start=start)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_file_of_an_include_is_taken_away(tmp_path: Path, rounds: int) -> None:
    """A named file that is gone breaks the configuration; the old table stays until it is back."""
    part = tmp_path / "part.kdl"
    part.write_text('upstreams { upstream "u" { target "127.0.0.1:9" } }\n')
    start = text_of("start") + 'include "part.kdl"\n'

    async def scenario(running: Running, path: Path, number: int) -> None:
        failures = len(running.events("reload-failed"))
        part.unlink()
        await running.until(lambda: len(running.events("reload-failed")) > failures)
        assert running.supervisor.reloads.stale
        part.write_text(f'upstreams {{ upstream "u" {{ target "127.0.0.1:{number + 10}" }} }}\n')
        await running.until(lambda: not running.supervisor.reloads.stale)
        assert running.reloads[-1].result == "committed"

    repeated(scenario, tmp_path, rounds, start=start)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_half_written_file_is_never_served(tmp_path: Path, rounds: int) -> None:
    """A slow writer: short pauses are waited for, after a long one the half is broken and refused."""

    async def scenario(running: Running, path: Path, number: int) -> None:
        text = text_of(f"whole {number}", more='  route "other" { respond { body "other" } }\n')
        with open(path / "gwc.kdl", "w") as file:  # noqa: ASYNC230 - small, and the test's own
            for at in range(0, len(text) - 2, 16):
                file.write(text[at : min(at + 16, len(text) - 2)])
                file.flush()
                await asyncio.sleep(0.4 if at == 48 else 0.01)
            file.write(text[-2:])
        await running.until_body(f"whole {number}")

    served = repeated(scenario, tmp_path, rounds, start=text_of("start"))
    assert set(served) == {"start", *[f"whole {number}" for number in range(rounds)]}


@pytest.mark.parametrize("rounds", ROUNDS)
def test_an_emptied_file_is_not_taken(tmp_path: Path, rounds: int) -> None:
    """A file that loses all it held would silently drop its routes; that is told and not done."""
    part = tmp_path / "part.kdl"
    part.write_text("// start\n")
    start = text_of("start") + 'include "part.kdl"\n'

    async def scenario(running: Running, path: Path, number: int) -> None:
        failures = len(running.events("reload-failed"))
        generation = running.reloads[-1].generation
        part.write_text("")
        await running.until(lambda: len(running.events("reload-failed")) > failures)
        assert "is empty now" in str(running.events("reload-failed")[-1]["reason"])
        assert running.reloads[-1].generation == generation
        part.write_text(f'routes {{ route "r{number}" {{ respond }} }}\n')
        await running.until(lambda: running.reloads[-1].generation == generation + 1)
        assert not running.supervisor.reloads.stale

    repeated(scenario, tmp_path, rounds, start=start)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_directory_goes_and_comes_back(tmp_path: Path, rounds: int) -> None:
    """A directory that was removed is watched again once there is one."""

    async def scenario(running: Running, path: Path, number: int) -> None:
        failures = len(running.events("reload-failed"))
        shutil.rmtree(path)
        await running.until(lambda: len(running.events("reload-failed")) > failures)
        path.mkdir()  # noqa: ASYNC240 - the test's own
        (path / "gwc.kdl").write_text(text_of(f"back {number}"))
        await running.until_body(f"back {number}")

    path = tmp_path / "conf.d"
    path.mkdir()
    repeated(scenario, path, rounds, start=text_of("start"))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_storm_of_edits_is_few_reloads(tmp_path: Path, rounds: int) -> None:
    """A hundred edits in a row cost a few compiles, and the last one wins."""

    async def scenario(running: Running, path: Path, number: int) -> None:
        before = len(running.reloads)
        for edit in range(100):
            (path / "gwc.kdl").write_text(text_of(f"storm {number} {edit}"))
            await asyncio.sleep(0.003)
        await running.until_body(f"storm {number} 99")
        assert len(running.reloads) - before < 20

    repeated(scenario, tmp_path, rounds, start=text_of("start"))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_the_same_content_again_changes_nothing(tmp_path: Path, rounds: int) -> None:
    """A rewrite with the same content, and one that differs in a comment only, make no new generation."""

    async def scenario(running: Running, path: Path, number: int) -> None:
        main = path / "gwc.kdl"
        text = main.read_text()
        main.write_text(text)
        main.write_text(f"// note {number}\n" + text_of("start"))
        unchanged = len([each for each in running.reloads if each.result == "unchanged"])
        await running.until(
            lambda: len([each for each in running.reloads if each.result == "unchanged"]) > unchanged
        )
        assert running.reloads[-1].generation == 1

    served = repeated(scenario, tmp_path, rounds, start=text_of("start"))
    assert set(served) == {"start"}


@pytest.mark.parametrize("rounds", ROUNDS)
def test_events_never_come(tmp_path: Path, rounds: int) -> None:
    """On file systems that send no events, polling alone finds every change, of the same size too."""

    async def scenario(running: Running, path: Path, number: int) -> None:
        (path / "gwc.kdl").write_text(text_of(f"polled {number:03d}"))
        await running.until_body(f"polled {number:03d}")

    repeated(scenario, tmp_path, rounds, hints=False, start=text_of("polled 999"))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_permission_is_lost_and_comes_back(tmp_path: Path, rounds: int) -> None:
    """A file that cannot be read leaves the old table; once it can, its content counts.

    Where the tests run as root, who may read everything, a link to nowhere stands in the file's place.
    """
    root = os.geteuid() == 0
    main, kept = tmp_path / "gwc.kdl", tmp_path / "kept"

    async def scenario(running: Running, path: Path, number: int) -> None:
        failures = len(running.events("reload-failed"))
        if root:
            os.replace(main, kept)
            main.symlink_to("/nowhere/at/all")
        else:
            main.chmod(0)
        await running.until(lambda: len(running.events("reload-failed")) > failures)
        assert running.supervisor.reloads.stale
        if root:
            os.replace(kept, main)
        else:
            main.chmod(0o600)
        await running.until(lambda: not running.supervisor.reloads.stale)
        main.write_text(text_of(f"readable {number}"))
        await running.until_body(f"readable {number}")

    repeated(scenario, tmp_path, rounds, start=text_of("start"))
