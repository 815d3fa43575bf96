"""Compiling what an argument names: a file, a directory, or `-` for stdin."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from gwc.compiler.pipeline import CompileResult, compile_bytes, compile_path


def compile_argument(
    path: str, syntax: str, overlays: Sequence[str] = (), settings: Sequence[str] = ()
) -> CompileResult:
    """Compile PATH of a command line; environment variables `GWC_SET__…` take part."""
    if path == "-":
        return compile_bytes(
            sys.stdin.buffer.read(), syntax, overlays=overlays, settings=settings, environment=os.environ
        )
    return compile_path(path, overlays=overlays, settings=settings, environment=os.environ)
