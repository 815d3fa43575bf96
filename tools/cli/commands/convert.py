"""`gwc convert`: rewrite a configuration in the other syntax."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from gwc.schema.atomic_write import write_atomically

from ..compiling import compile_argument
from ..findings import FOUND, UNREADABLE, stop_on_errors, syntax_option


@click.command("convert")
@click.argument("path", metavar="PATH")
@click.option("--to", "target", type=click.Choice(["kdl", "yaml"]), required=True)
@click.option("-o", "--output", metavar="FILE", help="Where the result goes (default: stdout).")
@syntax_option
def command(path: str, target: str, output: str | None, syntax: str) -> None:
    """Print the configuration at PATH in the other syntax, its includes written in.

    Refused unless the table is the same before and after. Comments cannot be carried over; each is named on
    stderr.
    """
    from gwc.compiler.format.comments import comments_of
    from gwc.compiler.format.emit_kdl import to_kdl
    from gwc.compiler.format.emit_yaml import to_yaml
    from gwc.compiler.format.kdl import format_kdl
    from gwc.compiler.pipeline import compile_text

    result = compile_argument(path, syntax, environment={})  # what is written, whoever runs it where
    stop_on_errors(result.diagnostics, result.sources, result.unreadable)
    if result.table is None or result.validated is None:
        sys.exit(FOUND)
    data = result.validated.data
    text = format_kdl(to_kdl(data)) if target == "kdl" else to_yaml(data)
    again = compile_text(text, target, f"<converted {target}>")
    if again.table is None or again.table != result.table:
        click.echo(f"{path}: not converted: the table would not be the same; this is a bug in gwc", err=True)
        sys.exit(FOUND)
    for source in result.sources.values():
        for line, comment in comments_of(source):
            click.echo(f"{source.path}:{line}: comment not carried over: {comment}", err=True)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        write_atomically(Path(output), text.encode())
    except OSError as fault:
        click.echo(f"{output}: {fault.strerror}", err=True)
        sys.exit(UNREADABLE)
    click.echo(f"{output}: written", err=True)
