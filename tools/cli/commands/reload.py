"""`gwc reload`: have a running gateway take over its configuration, or go back to an earlier one."""

from __future__ import annotations

import sys
from typing import Any

import click

from ..admin_client import admin_options, exits, find


@click.command("reload")
@click.option(
    "--to",
    "generation",
    type=click.IntRange(1),
    metavar="GENERATION",
    help="Serve this earlier table again; `gwc status` lists those that are kept.",
)
@admin_options
@exits
def command(generation: int | None, admin: str | None, state_dir: str | None) -> None:
    """Compile again and change over; wait for what comes of it.

    Exit code 0 where it is served (or was already), 1 where it failed: the gateway serves on what it had, and
    the compiler's report is on stderr. 2 where no gateway answers.
    """
    path = "/v1/reload" if generation is None else f"/v1/reload?to={generation}"
    done: dict[str, Any] = find(admin, state_dir).post(path, also=(409,))
    from ..explaining import visible

    for line in done["findings"].splitlines():
        click.echo(visible(line), err=True)
    served = f"generation {done['generation']} ({done['digest'][:16]})"
    if done["result"] == "failed":
        reason = visible(done["reason"])
        click.echo(f"gwc: the reload failed: {reason}; {served} is served on", err=True)
        sys.exit(1)
    if done["result"] == "unchanged":
        click.echo(f"unchanged: {served}")
    else:
        click.echo(f"reloaded: {served} in {done['seconds']:.2f} s")
