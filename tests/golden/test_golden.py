"""Whole runs, compared with what they printed when somebody last looked.

A case is a folder with `gwc.kdl` or `gwc.yaml` and whatever else belongs to it. `command` holds the
arguments of gwc (default: `check` of the main file), `expected.txt` the exit code and the output. A folder
whose name ends in `_clean` exits with 0, every other finds something. `GWC_REFRESH_GOLDEN=1` writes
`expected.txt` anew, but only where the findings are those that the case announces (see `markers`).
"""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path

import pytest

from .adapter import check_arguments, findings, run
from .markers import NOT_INPUT, differences, marked

HERE = Path(__file__).parent
CASES = sorted(path for path in (HERE / "cases").iterdir() if path.is_dir())
REFRESH = bool(os.environ.get("GWC_REFRESH_GOLDEN"))


@pytest.mark.parametrize("case", CASES, ids=[path.name for path in CASES])
def test_a_case_finds_and_prints_what_it_did(case: Path, tmp_path: Path) -> None:
    """Findings as announced on their lines, output and exit code as kept."""
    folder = tmp_path / "case"
    shutil.copytree(case, folder, ignore=shutil.ignore_patterns(*NOT_INPUT))
    command = case / "command"
    arguments = (
        shlex.split(command.read_text(encoding="utf-8")) if command.exists() else check_arguments(folder)
    )
    result = run(folder, arguments)
    found = findings(folder, arguments if arguments[0] == "check" else check_arguments(folder))
    assert differences(marked(case), found) == []
    if case.name.endswith("_clean"):
        assert result.exit_code == 0
    else:
        assert result.exit_code != 0 or found, "a case that is clean is named so"
    compare(case / "expected.txt", f"exit {result.exit_code}\n{result.output}")


def compare(file: Path, output: str) -> None:
    """The output is what the file holds; when refreshing, the file will hold the output."""
    if REFRESH:
        file.parent.mkdir(exist_ok=True)
        file.write_text(output, encoding="utf-8")
    assert file.exists(), f"no {file.name}; GWC_REFRESH_GOLDEN=1 writes it"
    assert output == file.read_text(encoding="utf-8")
