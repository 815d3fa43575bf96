"""README and docs as text: the configurations check clean, links and names lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gwc.cli.main import COMMANDS
from gwc.compiler.pipeline import compile_text

from .session import blocks

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_readme_has_one_configuration_in_two_syntaxes() -> None:
    """The KDL and the YAML of README check without any finding and make the same table."""
    (kdl,), (yaml,) = blocks(README, "kdl"), blocks(README, "yaml")
    first, second = compile_text(kdl, "kdl"), compile_text(yaml, "yaml", "gwc.yaml")
    assert first.diagnostics == second.diagnostics == ()
    assert first.table is not None
    assert first.table == second.table


def test_the_readme_names_every_command() -> None:
    """README's table has exactly the commands that there are."""
    assert set(re.findall(r"^\| `gwc ([a-z]+)", README, re.M)) == set(COMMANDS)


def test_make_targets_of_the_readme_exist() -> None:
    """`make run` and `make test` are targets of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    assert set(re.findall(r"^make ([a-z-]+)", README, re.M)) <= targets


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page of the documentation leads to a file."""
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_links_of_the_readme_lead_somewhere() -> None:
    """Every relative link of README leads to a file or folder."""
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
