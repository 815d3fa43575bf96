"""Compiling what an argument names: a file, a directory, or `-` for stdin."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click
from gwc.compiler.pipeline import CompileResult, compile_path, compile_text

from .findings import UNREADABLE

STDIN = "<stdin>"


def compile_argument(
    path: str, syntax: str, overlays: Sequence[str] = (), settings: Sequence[str] = ()
) -> CompileResult:
    """Compile PATH of a command line; environment variables `GWC_SET__…` take part."""
    if path != "-":
        return compile_path(path, overlays=overlays, settings=settings, environment=os.environ)
    if overlays:
        raise click.UsageError("a configuration from stdin takes no --overlay; use --set, or name a file")
    data = sys.stdin.buffer.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as fault:
        click.echo(f"{STDIN}: not UTF-8 at byte {fault.start}", err=True)
        sys.exit(UNREADABLE)
    return compile_text(text, syntax, STDIN, settings=settings, environment=os.environ)
