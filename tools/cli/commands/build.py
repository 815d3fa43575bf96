"""`gwc build`: compile a configuration into a table file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ..compiling import compile_argument
from ..findings import FOUND, UNREADABLE, configuration_options, print_text, stop_on_errors


@click.command("build")
@click.argument("path", metavar="PATH")
@click.option("-o", "--output", required=True, metavar="FILE", help="Where the table goes.")
@configuration_options
def command(
    path: str, output: str, syntax: str, overlays: tuple[str, ...], settings: tuple[str, ...]
) -> None:
    """Compile PATH into FILE and print its digest, its routes and its size.

    FILE is replaced in one step or not at all. Errors refuse the build; warnings and notes do not.
    """
    from gwc.schema.artifact import digest, dump, write_table

    result = compile_argument(path, syntax, overlays, settings)
    stop_on_errors(result.diagnostics, result.sources, result.unreadable)
    if result.table is None:
        sys.exit(FOUND)
    print_text(result.diagnostics, result.sources, sys.stderr)
    try:
        write_table(Path(output), result.table)
    except OSError as fault:
        click.echo(f"{output}: {fault.strerror}", err=True)
        sys.exit(UNREADABLE)
    click.echo(
        f"{output}: digest {digest(result.table)}, {len(result.table.routes)} routes, "
        f"{len(dump(result.table))} bytes"
    )
