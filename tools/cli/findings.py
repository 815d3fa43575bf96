"""Printing findings: the one place where a command's report meets a terminal.

Owns formats, colour and exit codes of commands that report. Reports go to stdout, everything else to stderr;
the format never changes the exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click
from gwc.schema.diagnostic import Diagnostic, Severity

SEVERITIES = {"error": Severity.ERROR, "warning": Severity.WARNING, "note": Severity.NOTE}

CLEAN, FOUND, UNREADABLE = 0, 1, 2

Function = TypeVar("Function", bound=Callable[..., Any])


def syntax_option(function: Function) -> Function:
    """`--syntax`: stdin has no name whose suffix would say it."""
    return click.option(
        "--syntax", type=click.Choice(["kdl", "yaml"]), default="kdl", help="What `-` (stdin) is written in."
    )(function)


def configuration_options(function: Function) -> Function:
    """`--syntax`, `--overlay` and `--set`, for every command that compiles."""
    function = syntax_option(function)
    function = click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="PATH=VALUE",
        help="Set one value, such as `upstreams.orders.targets=10.0.0.9:80`. May be repeated.",
    )(function)
    return click.option(
        "--overlay",
        "overlays",
        multiple=True,
        envvar="GWC_OVERLAY",
        type=click.Path(),  # so that the variable is a list of paths, as PATH is
        metavar="FILE",
        help="Lay a file over the configuration; it may change values of things that have names. "
        "May be repeated; GWC_OVERLAY names files too, with `:` between them.",
    )(function)


def print_findings(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Any], form: str) -> None:
    """Print a report to stdout in the format `form`: text, json or github."""
    if form == "json":
        from gwc.compiler.diagnostics.render.json_ import render_json

        click.echo(render_json(diagnostics, sources), nl=False)
    elif form == "github":
        from gwc.compiler.diagnostics.render.github import render_github

        click.echo(render_github(diagnostics, sources), nl=False)
    else:
        print_text(diagnostics, sources, sys.stdout)


def print_text(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Any], stream: Any) -> None:
    """Print diagnostics with snippets of their files; colour only on a terminal."""
    if not diagnostics:
        return
    from gwc.compiler.diagnostics.render.text import render_text, summary, want_colour

    colour = want_colour(stream, os.environ)
    text = render_text(diagnostics, sources, colour=colour, width=None)
    click.echo(f"{text}\n{summary(diagnostics)}", file=stream, color=colour)


def at_least(diagnostics: Iterable[Diagnostic], severity: Severity) -> bool:
    """Whether one of the findings is that bad."""
    return any(diagnostic.severity >= severity for diagnostic in diagnostics)


def stop_on_errors(diagnostics: Sequence[Diagnostic], sources: Mapping[str, Any], unreadable: bool) -> None:
    """For commands that need a table: print the errors to stderr and leave, or go on quietly."""
    errors = [each for each in diagnostics if each.severity is Severity.ERROR]
    if errors or unreadable:
        print_text(errors, sources, sys.stderr)
        sys.exit(UNREADABLE if unreadable else FOUND)
