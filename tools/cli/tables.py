"""The table that `-c PATH` names: a configuration to compile, or a table that was built before."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click
from gwc.schema.table import RouteTable

from .compiling import compile_argument
from .findings import FOUND, UNREADABLE, stop_on_errors


def table_of(path: str, syntax: str, overlays: Sequence[str], settings: Sequence[str]) -> RouteTable:
    """The table of a configuration or an artifact. Prints what is wrong and exits where there is none."""
    from gwc.schema.artifact import MAGIC, Refusal, load

    file = Path(path)
    if path != "-" and file.is_file():
        with file.open("rb") as handle:
            if handle.read(len(MAGIC)) == MAGIC:
                if overlays or settings:
                    raise click.UsageError("a built table takes no --overlay and no --set")
                loaded = load(MAGIC + handle.read())
                if isinstance(loaded, Refusal):
                    click.echo(f"{path}: {loaded.message}", err=True)
                    sys.exit(UNREADABLE)
                return loaded
    result = compile_argument(path, syntax, overlays, settings)
    stop_on_errors(result.diagnostics, result.sources, result.unreadable)
    if result.table is None:
        sys.exit(FOUND)
    return result.table
