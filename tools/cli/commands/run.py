"""`gwc run`: serve from a configuration, and from what it becomes.

Owns the flags, their environment and where the configuration comes from. Processes, sockets and swaps are
`gwc.runtime.control`'s. The compiler lives in a child, so that this process never imports it; a table that
was built before needs none at all.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from gwc.schema.table import GatewayRecord


@click.command("run")
@click.argument("path", default=".", metavar="PATH")
@click.option(
    "--workers", type=click.IntRange(1, 48), envvar="GWC_WORKERS", help="Worker processes; else one a core."
)
@click.option(
    "--admin",
    envvar="GWC_ADMIN",
    metavar="ADDR",
    help="Where the admin API listens: `unix:/path`, a loopback address (with GWC_ADMIN_TOKEN), or `off`.",
)
@click.option(
    "--state-dir",
    envvar="GWC_STATE_DIR",
    type=click.Path(file_okay=False),
    metavar="DIR",
    help="Where the last good table is kept over a restart.",
)
@click.option(
    "--drain-timeout",
    envvar="GWC_DRAIN_TIMEOUT",
    metavar="D",
    help="How long requests may go on when the gateway ends, such as `30s`.",
)
@click.option(
    "--no-watch",
    envvar="GWC_NO_WATCH",
    is_flag=True,
    default=None,
    help="Reload on SIGHUP and `gwc reload` only.",
)
@click.option("--check-only", is_flag=True, help="See whether the gateway would start, and leave.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="PATH=VALUE",
    help="Set one value, such as `upstreams.orders.targets=10.0.0.9:80`. May be repeated.",
)
@click.option(
    "--overlay",
    "overlays",
    multiple=True,
    envvar="GWC_OVERLAY",
    type=click.Path(),
    metavar="FILE",
    help="Lay a file over the configuration. May be repeated; GWC_OVERLAY names files too.",
)
def command(
    path: str,
    workers: int | None,
    admin: str | None,
    state_dir: str | None,
    drain_timeout: str | None,
    no_watch: bool | None,
    check_only: bool,
    settings: tuple[str, ...],
    overlays: tuple[str, ...],
) -> None:
    """Serve from PATH: a file, a directory with one, or a table that `gwc build` wrote.

    What a flag does not say, its variable (GWC_WORKERS, GWC_ADMIN, GWC_STATE_DIR, GWC_DRAIN_TIMEOUT,
    GWC_NO_WATCH) says, and else the configuration. Changed files are taken up as they change; a broken change
    leaves the gateway as it is and is told.

    Signals: SIGTERM and SIGINT drain (a second one ends at once), SIGHUP reloads, SIGUSR1 opens log files
    anew, SIGUSR2 starts a new gwc in this one's place.
    """
    drain_s = None if drain_timeout is None else _seconds(drain_timeout)
    if path == "-":
        raise click.UsageError("the configuration of a gateway is a file or a directory, not stdin")
    is_table = _is_table(path)
    if is_table and (overlays or settings):
        raise click.UsageError("a built table takes no --overlay and no --set")

    import asyncio

    from gwc.runtime.control.compiling import ChildCompiler, Compiles, TableFile
    from gwc.runtime.control.counting import Counting, configure, observer_of_supervisor
    from gwc.runtime.control.own_listeners import Own
    from gwc.runtime.control.probes import Probes
    from gwc.runtime.control.run_settings import RunSettings, StartFailed
    from gwc.runtime.control.sharing import Shared
    from gwc.runtime.control.supervisor import Supervisor
    from gwc.runtime.control.worker import loop_factory
    from gwc.runtime.secrets import Secrets, named_files, stamp

    root = Path(path) if os.path.isdir(path) else Path(path).parent
    shared = Shared(root)
    observer = observer_of_supervisor(shared)

    def fill(gateway: GatewayRecord) -> GatewayRecord:
        return Secrets(os.environ, root).gateway(gateway)

    async def serve() -> int:
        compiler: Compiles = (
            TableFile(path)
            if is_table
            else ChildCompiler(_compiler(path, overlays, settings), observer.error)
        )
        supervisor = Supervisor(
            RunSettings(
                root=root,
                workers=workers,
                admin=admin,
                state_dir=state_dir,
                drain_s=drain_s,
                watch=False if no_watch else None,
                command=(sys.executable, *sys.orig_argv[1:]),
                findings=_print,
                equipment=shared,
                configure=lambda gateway: configure(observer, gateway, fill),
                fill=fill,
                stamp=lambda table: stamp(table, os.environ, root),
                watched=lambda table: named_files(table, os.environ, root),
                reopen_log=observer.reopen,
                counting=Counting(shared, observer).count,
                own=lambda supervisor: Own(supervisor, shared, observer),
                probes=lambda supervisor: Probes(supervisor, shared.slabs[0], root),
            ),
            compiler,
            observer.error,
        )
        if check_only:
            await supervisor.check()
            click.echo(f"{path}: ok, the gateway would start")
            return 0
        return await supervisor.run()

    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            code = runner.run(serve())
    except StartFailed as failed:
        if failed.findings:
            _print(failed.findings)
        click.echo(f"gwc: the gateway cannot start: {failed.reason}", err=True)
        code = 1
    finally:
        observer.close()
    sys.exit(code)


def _compiler(path: str, overlays: tuple[str, ...], settings: tuple[str, ...]) -> list[str]:
    """The command line of the child that compiles."""
    flags = [word for each in overlays for word in ("--overlay", each)]
    flags += [word for each in settings for word in ("--set", each)]
    return [sys.executable, "-m", "gwc.cli.compiling_child", path, *flags]


def _is_table(path: str) -> bool:
    from gwc.schema.artifact import MAGIC

    try:
        with open(path, "rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False  # what is wrong with it, compiling says


def _seconds(text: str) -> float:
    """A duration; a number alone is seconds."""
    from gwc.schema.values.duration import parse_duration
    from gwc.schema.values.refusal import ValueRefusal

    plain = text.isascii() and text.replace(".", "", 1).isdigit()
    found = round(float(text) * 1e9) if plain else parse_duration(text)
    if isinstance(found, ValueRefusal):
        raise click.UsageError(f"--drain-timeout: {found.message}; {found.help or 'write such as `30s`'}")
    return found / 1e9


def _print(findings: str) -> None:
    click.echo(findings, err=True)
