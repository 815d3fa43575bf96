"""What a small `gwc` run imports: start-up counts, and it is modules that cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SMALL = 'routes { route "a" { respond } }\n'

HEAVY = {
    "anyio",
    "gwc.compiler.diagnostics.render.text",
    "hypothesis",
    "idna",
    "jsonschema",
    "lark",
    "msgspec",
    "multiprocessing",
    "orjson",
    "re2",
    "rich",
    "ssl",
    "urllib.request",
    "yaml",
}


def _imported(arguments: list[str]) -> set[str]:
    program = (
        "import sys\n"
        f"sys.argv = ['gwc', *{arguments!r}]\n"
        "from gwc.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.splitlines())


def test_version_imports_no_stage() -> None:
    """`gwc --version` needs click and nothing of the compiler."""
    assert not {name for name in _imported(["--version"]) if name.startswith(("gwc.compiler", "gwc.runtime"))}


@pytest.mark.parametrize("spelling", ["kdl"])
def test_a_clean_check_imports_nothing_heavy(tmp_path: Path, spelling: str) -> None:
    """A clean KDL file is checked without the heavy modules: they are for errors, YAML and artifacts."""
    path = tmp_path / f"gwc.{spelling}"
    path.write_text('listeners { listener "a" { address "127.0.0.1:1" } }\n' + SMALL)
    assert _imported(["check", str(path)]) & HEAVY == set()
