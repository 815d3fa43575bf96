"""`gwc init`: write a commented configuration to start from."""

from __future__ import annotations

import os
import sys
from importlib.resources import files
from pathlib import Path

import click
from gwc.schema.atomic_write import write_atomically

from ..findings import UNREADABLE


@click.command("init")
@click.argument("directory", default=".", metavar="[DIR]")
def command(directory: str) -> None:
    """Write a commented gwc.kdl into DIR (default: here). What is there already is left alone."""
    target = Path(directory)
    for name in ("gwc.kdl", "gwc.yaml", "gwc.yml"):
        if (target / name).exists():
            click.echo(f"{target / name} is there already; nothing was written", err=True)
            sys.exit(UNREADABLE)
    try:
        os.makedirs(target, exist_ok=True)
        write_atomically(target / "gwc.kdl", starter().encode())
    except OSError as fault:
        click.echo(f"{target}: {fault.strerror}", err=True)
        sys.exit(UNREADABLE)
    shown = target / "gwc.kdl"
    click.echo(
        f"wrote {shown}\n"
        f"next: gwc check {shown}\n"
        f"      gwc explain -c {shown} GET http://localhost:8080/hello\n"
        f"      gwc run {shown}"
    )


def starter() -> str:
    """The configuration that a person starts from."""
    return files("gwc.cli").joinpath("starter/gwc.kdl").read_text("utf-8")
