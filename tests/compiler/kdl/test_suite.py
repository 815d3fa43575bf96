"""The official test suites of both versions, where they lie at hand, and the program that scores them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / "tools" / "kdl_suite.py"


def load(path: Path) -> ModuleType:
    """A program that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


kdl_suite = load(PROGRAM)


def suite(version: int) -> Path:
    """The folder of a suite; the test is skipped where there is none."""
    given = os.environ.get("GWC_KDL_SUITE")
    folder = (Path(given) if given else ROOT.parent / "shared" / "kdl-suite") / f"v{version}"
    if not folder.is_dir():
        pytest.skip(f"no KDL suite in {folder}")
    return folder


@pytest.mark.parametrize(("version", "reprinted", "rejected"), [(1, 170, 55), (2, 241, 95)])
def test_the_whole_suite_passes(version: int, reprinted: int, rejected: int) -> None:
    """Every canonical reprint is equal byte for byte, and everything that must fail is rejected."""
    score = kdl_suite.score(suite(version), version)
    assert score.failures == ()
    assert (score.reprinted, score.rejected) == (reprinted, rejected)


def test_no_fail_case_is_accepted() -> None:
    """Each case of KDL 2 that must fail has an error; one that were accepted would be named here."""
    cases = sorted((suite(2) / "input").glob("*_fail.kdl"))
    assert len(cases) == 95
    accepted = [
        case.name for case in cases if kdl_suite.reprint(case.read_bytes().decode("utf-8"), 2) is not None
    ]
    assert accepted == []


def write_suite(folder: Path, cases: dict[str, tuple[str, str | None]]) -> None:
    """A suite of our own: input and expected text by name."""
    for part in ("input", "expected_kdl"):
        (folder / part).mkdir()
    for name, (text, expected) in cases.items():
        (folder / "input" / f"{name}.kdl").write_text(text, encoding="utf-8")
        if expected is not None:
            (folder / "expected_kdl" / f"{name}.kdl").write_text(expected, encoding="utf-8")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the program as a person would."""
    return subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)


def test_the_program_scores_a_folder(tmp_path: Path) -> None:
    """All cases pass: a line with the score, exit status 0."""
    write_suite(tmp_path, {"good": ("a  b", "a b\n"), "bad_fail": ("a {", None)})
    result = run(tmp_path)
    assert (result.returncode, result.stdout) == (
        0,
        "2 of 2 passed: 1 canonical reprints equal, 1 rejected\n",
    )


def test_the_program_names_what_fails(tmp_path: Path) -> None:
    """A wrong reprint, a wrong rejection and a wrong acceptance are each named; exit status 1."""
    write_suite(
        tmp_path,
        {"other": ("a", "b\n"), "broken": ("a {", "a\n"), "taken_fail": ("a", None), "ok": ("a", "a\n")},
    )
    result = run(tmp_path, "--kdl-version", "2")
    assert result.returncode == 1
    assert "failed: broken.kdl: rejected" in result.stdout
    assert "failed: other.kdl: is 'a\\n', not 'b\\n'" in result.stdout
    assert "failed: taken_fail.kdl: accepted as 'a\\n'" in result.stdout
    assert result.stdout.endswith("1 of 4 passed: 1 canonical reprints equal, 0 rejected\n")


def test_the_program_knows_both_versions(tmp_path: Path) -> None:
    """What must fail in KDL 1 has no expected file; `true` is a value there only."""
    write_suite(tmp_path, {"keyword": ("a true", "a true\n"), "bare": ("a b", None)})
    assert run(tmp_path, "--kdl-version", "1").returncode == 0
    assert run(tmp_path, "--kdl-version", "2").returncode == 1


def test_a_folder_without_cases_is_no_success(tmp_path: Path) -> None:
    """A wrong path must not look like a passing suite."""
    assert run(tmp_path).returncode == 2
