"""`gwc check`: report every mistake in configurations."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import click

from ..compiling import compile_argument
from ..findings import CLEAN, FOUND, SEVERITIES, UNREADABLE, at_least, configuration_options, print_findings


@click.command("check")
@click.argument("paths", nargs=-1, metavar="PATH…")
@click.option("--format", "form", type=click.Choice(["text", "json", "github"]), default="text")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "note"]),
    default="error",
    help="The least bad finding that makes the exit code 1.",
)
@click.option("--env", is_flag=True, help="Also look for what the configuration refers to outside its files.")
@click.option("--explain", "code", metavar="CODE", help="Print the page of a code, such as GWC302.")
@configuration_options
def command(
    paths: tuple[str, ...],
    form: str,
    fail_on: str,
    env: bool,
    code: str | None,
    syntax: str,
    overlays: tuple[str, ...],
    settings: tuple[str, ...],
) -> None:
    """Report every mistake in the configurations at PATH… (a file, a directory with one, or `-`)."""
    if code is not None:
        _explain(code)
        return
    if not paths:
        raise click.UsageError("no PATH given; write a file, a directory or `-`")
    diagnostics: list[Any] = []
    sources: dict[str, Any] = {}
    successes: list[str] = []
    unreadable = False
    for path in paths:
        started = time.perf_counter()
        result = compile_argument(path, syntax, overlays, settings)
        found = list(result.diagnostics)
        if env and result.resolution is not None and result.resolution.config is not None:
            from gwc.compiler.check.environment import check_environment
            from gwc.schema.diagnostic import in_order

            found = [*in_order([*found, *check_environment(result.resolution, os.environ, result.root)])]
        diagnostics += found
        sources.update(result.sources)
        unreadable = unreadable or result.unreadable
        if result.table is not None and not at_least(found, SEVERITIES["error"]):
            successes.append(_success(path, result, time.perf_counter() - started))
    print_findings(diagnostics, sources, form)
    if form == "text":
        for line in successes:
            click.echo(line)
    sys.exit(UNREADABLE if unreadable else FOUND if at_least(diagnostics, SEVERITIES[fail_on]) else CLEAN)


def _success(path: str, result: Any, seconds: float) -> str:
    """The one line that says that all is well."""
    config = result.resolution.config
    hosts = {each.host.text for each in config.alternatives if each.host is not None}
    return (
        f"{path}: ok, {_count(len(config.routes), 'route')}, {_count(len(hosts), 'host')}, "
        f"{seconds * 1000:.0f} ms"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _explain(code: str) -> None:
    """Print the page of a code; an unknown one is a usage error that names the nearest."""
    from gwc.compiler.diagnostics.catalogue import nearest_code, page

    found = page(code.upper())
    if found is None:
        near = nearest_code(code)
        raise click.UsageError(
            f"there is no code `{code}`" + (f"; did you mean {near}?" if near else "; codes look like GWC302")
        )
    click.echo(found.text, nl=False)
