"""Every sample checks clean, says the same in both syntaxes, and answers as its requests.yaml says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
import yaml
from click.testing import CliRunner
from gwc.cli.main import group
from gwc.compiler.pipeline import compile_path

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
_TLS_FILE = re.compile(r'"(certificates/[a-z-]+\.(?:pem|key))"')
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


@pytest.mark.parametrize("name", NAMES)
def test_a_gateway_would_start_on_a_sample(name: str, tmp_path: Path) -> None:
    """As it is written, with the secrets and certificates that it asks the environment for."""
    authority = trustme.CA()
    own = authority.issue_cert("gateway.internal")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    own.cert_chain_pems[0].write_to_path(tmp_path / "gateway.pem")
    own.private_key_pem.write_to_path(tmp_path / "gateway-key.pem")
    asked = {
        "USERS_ADDRESS": "127.0.0.1:9",
        "USERS_TLS": str(tmp_path),
        "USERS_TOKEN": "t",
        "STICKY_SECRET": "0" * 16,
        "TOKEN_SECRET": "0" * 32,
    }
    place = tmp_path / name
    shutil.copytree(SAMPLES / name, place)
    for file in _TLS_FILE.findall((place / "gwc.kdl").read_text()):
        (place / file).parent.mkdir(exist_ok=True)
        pem = own.private_key_pem if file.endswith(".key") else own.cert_chain_pems[0]
        (place / file).write_bytes(pem.bytes())
    command = [str(Path(sys.executable).parent / "gwc"), "run", "--check-only", str(place)]
    done = subprocess.run(
        command, env={**os.environ, **asked}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "would start" in done.stdout
    assert done.stderr == ""


def test_the_certificates_of_the_https_sample(tmp_path: Path) -> None:
    """The command beside the sample makes what it names: `gwc check --env` has nothing to say then."""
    place = tmp_path / "https"
    shutil.copytree(SAMPLES / "https", place)
    command = [sys.executable, str(SAMPLES / "certificates.py"), str(place / "certificates")]
    subprocess.run(command, check=True, timeout=60)
    result = CliRunner().invoke(group, ["check", "--env", "--fail-on", "note", str(place)])
    assert result.exit_code == 0, result.output
