"""Every sample checks clean, says the same in both syntaxes, and answers as its requests.yaml says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from gwc.cli.main import group
from gwc.compiler.pipeline import compile_path

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
NAMES = sorted(path.parent.name for path in SAMPLES.glob("*/gwc.kdl"))


def _cases() -> list[Any]:
    cases = []
    for name in NAMES:
        for number, case in enumerate(yaml.safe_load((SAMPLES / name / "requests.yaml").read_text())):
            cases.append(pytest.param(name, case, id=f"{name}-{number}-{case['request'].split()[0]}"))
    return cases


def test_there_are_samples() -> None:
    """There are at least eight, one of several files and one of more than 300 routes."""
    assert len(NAMES) >= 8
    sizes = {name: compile_path(SAMPLES / name / "gwc.kdl") for name in NAMES}
    assert any(len(result.sources) > 1 for result in sizes.values())
    assert any(result.table and len(result.table.routes) >= 300 for result in sizes.values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["", "yaml"])
def test_a_sample_checks_clean(name: str, form: str) -> None:
    """No error, no warning and no note, in either syntax, given as a directory."""
    result = CliRunner().invoke(group, ["check", "--fail-on", "note", str(SAMPLES / name / form)])
    assert result.exit_code == 0, result.output
    assert ": ok, " in result.output


@pytest.mark.parametrize("name", NAMES)
def test_both_syntaxes_make_one_table(name: str) -> None:
    """KDL and YAML of a sample give the same table body."""
    kdl = compile_path(SAMPLES / name / "gwc.kdl").table
    other = compile_path(SAMPLES / name / "yaml" / "gwc.yaml").table
    assert kdl is not None
    assert kdl == other


@pytest.mark.parametrize(("name", "case"), _cases())
def test_a_request_is_answered_as_the_sample_says(name: str, case: dict[str, Any]) -> None:
    """`gwc explain` decides as written beside the sample; what is not written may be anything."""
    method, url = case["request"].split(" ", 1)
    arguments = ["explain", "-c", str(SAMPLES / name / "gwc.kdl"), "--format", "json", method, url]
    for header in case.get("headers", ()):
        arguments += ["-H", header]
    for option in ("client-ip", "sni", "listener"):
        if option in case:
            arguments += [f"--{option}", case[option]]
    if "body" in case:
        arguments += ["--body", "-"]
    result = CliRunner().invoke(group, arguments, input=case.get("body"))
    assert result.exit_code == 0, result.output
    decision = json.loads(result.stdout)["decision"]
    assert _part_of(decision, case["decision"]) == case["decision"]


def _part_of(whole: Any, wanted: Any) -> Any:
    """What of `whole` `wanted` speaks of."""
    if isinstance(wanted, dict) and isinstance(whole, dict):
        return {key: _part_of(whole.get(key), value) for key, value in wanted.items()}
    return whole


def test_every_sample_is_in_the_list() -> None:
    """samples/README.md has each once, and no other."""
    text = (SAMPLES / "README.md").read_text("utf-8")
    assert sorted(re.findall(r"^\| \[([a-z-]+)\]\(\1\)", text, re.M)) == NAMES
