"""The configuration that `gwc init` writes: what stands in comments there can be had by uncommenting it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from gwc.cli.commands.init import starter
from gwc.compiler.pipeline import compile_text

OFFERED = re.compile(r'^( *// *)((?:[a-z-]+ (?:"|[0-9]|\{).*)|\})$')
"""A line of a comment that is a setting, or the end of a block of settings."""


def test_every_setting_in_a_comment_can_be_uncommented() -> None:
    """With all of them the file has no finding."""
    lines = starter().splitlines()
    offered = [line for line in lines if OFFERED.match(line)]
    names = {OFFERED.sub(r"\2", line).split()[0] for line in offered} - {"}"}
    assert {"workers", "metrics", "state-dir", "drain-timeout", "limits", "timeouts", "tls", "host"} <= names
    result = compile_text("\n".join(OFFERED.sub(r"\2", line) for line in lines) + "\n", "kdl")
    assert result.diagnostics == ()
    assert result.table is not None
    assert result.table.gateway[0].workers == 2
    assert result.table.upstreams[0].tls is not None


def test_the_gateway_would_start_on_it(tmp_path: Path) -> None:
    """`gwc run --check-only` says so; nothing has to be filled in first."""
    (tmp_path / "gwc.kdl").write_text(starter(), "utf-8")
    command = [str(Path(sys.executable).parent / "gwc"), "run", "--check-only", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    assert "would start" in done.stdout
