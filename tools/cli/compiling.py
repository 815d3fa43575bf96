"""Compiling what an argument names: a file, a directory, or `-` for stdin."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

import click
from gwc.compiler.pipeline import CompileResult, compile_path, compile_text
from gwc.compiler.source import MAX_BYTES, source_from_bytes

STDIN = "<stdin>"


def compile_argument(
    path: str,
    syntax: str,
    overlays: Sequence[str] = (),
    settings: Sequence[str] = (),
    environment: Mapping[str, str] = os.environ,
) -> CompileResult:
    """Compile PATH of a command line; variables `GWC_SET__…` of `environment` take part."""
    if path != "-":
        return compile_path(path, overlays=overlays, settings=settings, environment=environment)
    if overlays:
        raise click.UsageError("a configuration from stdin takes no --overlay; use --set, or name a file")
    source, problems = source_from_bytes(sys.stdin.buffer.read(MAX_BYTES + 1), STDIN)
    if source is None:
        return CompileResult(None, problems, {}, unreadable=True)
    return compile_text(source.text, syntax, STDIN, settings=settings, environment=environment)
