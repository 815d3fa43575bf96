"""What the wheel holds, and how modules may import each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from gwc.schema.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "gwc.cli": "tools/cli",
    "gwc.compiler": "compiler",
    "gwc.runtime": "runtime",
    "gwc.schema": "schema",
}


@pytest.fixture(scope="module")
def project() -> dict[str, object]:
    """pyproject.toml as data."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_every_package_is_in_the_wheel(project: dict[str, object]) -> None:
    """The list of packages is exactly the folders that hold an `__init__.py`."""
    listed = set(project["tool"]["setuptools"]["packages"])  # type: ignore[index]  # TOML is plain data
    found = {
        ".".join([name, *init.parent.relative_to(ROOT / folder).parts])
        for name, folder in FOLDERS.items()
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert listed == found


def test_the_version_is_said_once(project: dict[str, object]) -> None:
    """The version that `gwc --version` prints is pyproject's."""
    assert project["project"]["version"] == VERSION  # type: ignore[index]  # TOML is plain data


def test_gwc_is_a_namespace() -> None:
    """`gwc` has no `__init__.py`, and the type checkers' symlinks lead to the four packages."""
    links = ROOT / "tools" / "typing" / "gwc"
    assert {link.name: (links / link.name).resolve() for link in links.iterdir()} == {
        name.removeprefix("gwc."): ROOT / folder for name, folder in FOLDERS.items()
    }


@pytest.mark.parametrize("folder", FOLDERS.values())
def test_nothing_imports_by_the_name_of_a_folder(folder: str) -> None:
    """`import schema` would make a second copy of every class; only `gwc.schema` is imported."""
    wrong = re.compile(r"^\s*(?:from|import) (?:compiler|runtime|schema|tools)\b", re.M)
    offenders = [
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob("*.py")
        if wrong.search(path.read_text(encoding="utf-8"))
    ]
    assert offenders == []


def test_every_module_says_what_it_owns() -> None:
    """A module opens with a docstring."""
    silent = [
        str(path.relative_to(ROOT))
        for folder in FOLDERS.values()
        for path in (ROOT / folder).rglob("*.py")
        if path.stat().st_size and not path.read_text(encoding="utf-8").lstrip().startswith(('"""', 'r"""'))
    ]
    assert silent == []
