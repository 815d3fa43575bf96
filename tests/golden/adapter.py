"""How the golden tests run gwc: in this process, in a given folder, as a person would run it.

Owns the one place that knows the command line's entry point. What a run took in milliseconds is the only
thing that differs between two runs of the same input; it becomes `N ms`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner
from gwc.cli.main import group

_MAIN: Final = ("gwc.kdl", "gwc.yaml")


@dataclass(frozen=True, slots=True)
class Run:
    """What a run printed (stdout and stderr as they came) and its exit code."""

    exit_code: int
    output: str


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """A finding as markers name it. `file` is empty and `line` 0 where it has no place."""

    file: str
    line: int
    severity: str
    code: str


def run(folder: Path, arguments: Sequence[str]) -> Run:
    """Run `gwc ARGUMENTS` in `folder`, without the caller's GWC_ variables and without colour."""
    environment = {name: None for name in os.environ if name.startswith("GWC_") or name == "FORCE_COLOR"}
    with _inside(folder):
        result = CliRunner(catch_exceptions=False).invoke(group, list(arguments), env=environment)
    return Run(result.exit_code, re.sub(r"\b[0-9]+ ms\b", "N ms", result.output))


def findings(folder: Path, arguments: Sequence[str]) -> list[Finding]:
    """What `gwc check` finds; `arguments` are those of `check`, in any format."""
    output = run(folder, [*arguments, "--format", "json"])
    report: dict[str, Any] = json.loads(output.output)
    return sorted(
        Finding(
            each["file"] or "",
            (each["span"] or {"start": {"line": 0}})["start"]["line"] or 0,
            each["severity"],
            each["code"],
        )
        for each in report["diagnostics"]
    )


def check_arguments(folder: Path) -> list[str]:
    """`check` of the main file, or of the folder where there is not exactly one."""
    main = [name for name in _MAIN if (folder / name).exists()]
    return ["check", main[0] if len(main) == 1 else "."]


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)
