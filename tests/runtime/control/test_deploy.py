"""The unit and the container file say what this gwc understands."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import click
import pytest
from gwc.cli.commands.run import command

DEPLOY = Path(__file__).resolve().parents[3] / "tools" / "deploy"


def unit() -> dict[str, list[str]]:
    """The unit's settings, by section and name."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in (DEPLOY / "gwc.service").read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            assert equals, line
            found.setdefault(f"{section}.{name}", []).append(value)
    return found


def options_of(words: list[str]) -> set[str]:
    """The options in a command line of `gwc run`."""
    assert words[:2] == ["gwc", "run"]
    return {word for word in words if word.startswith("--")}


def known_options() -> set[str]:
    """What `gwc run` takes."""
    return {name for each in command.params if isinstance(each, click.Option) for name in each.opts}


def test_the_unit_starts_gwc_with_options_that_exist() -> None:
    """Both the check before and the start."""
    settings = unit()
    for name in ("Service.ExecStartPre", "Service.ExecStart"):
        (line,) = settings[name]
        words = shlex.split(line)
        assert words[0] == "/usr/bin/env"
        assert options_of(words[1:]) <= known_options()


def test_the_unit_waits_and_protects() -> None:
    """What the gateway relies on: readiness, time to drain, one process signalled, few rights."""
    settings = {name: values[-1] for name, values in unit().items()}
    assert settings["Service.Type"] == "notify"
    assert settings["Service.KillMode"] == "mixed"
    assert settings["Service.ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert settings["Service.CapabilityBoundingSet"] == "CAP_NET_BIND_SERVICE"
    for name in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "RestrictSUIDSGID", "DynamicUser"):
        assert settings[f"Service.{name}"] == "yes"
    stop_s = int(re.fullmatch(r"([0-9]+)s", settings["Service.TimeoutStopSec"])[1])  # type: ignore[index]  # it matches
    assert stop_s > 30  # the gateway's own time to drain


def test_systemd_knows_every_setting() -> None:
    """`systemd-analyze verify` names none that it does not know."""
    if shutil.which("systemd-analyze") is None:
        assert os.environ.get("GWC_REQUIRE_PROGRAMS") != "1", "`systemd-analyze` is not installed"
        pytest.skip("`systemd-analyze` is not installed")
    done = subprocess.run(
        ["systemd-analyze", "verify", str(DEPLOY / "gwc.service")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "Unknown key" not in done.stderr
    assert "Failed to parse" not in done.stderr


def test_the_container_runs_gwc_as_nobody_special() -> None:
    """The command has options that exist; a user, a state directory and a way to stop are said."""
    lines = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    words: dict[str, list[str]] = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, _, rest = line.partition(" ")
            assert name in {
                "FROM",
                "WORKDIR",
                "COPY",
                "RUN",
                "ENV",
                "USER",
                "VOLUME",
                "EXPOSE",
                "STOPSIGNAL",
                "ENTRYPOINT",
                "CMD",
            }
            words.setdefault(name, []).append(rest)
    start = json.loads(words["ENTRYPOINT"][-1]) + json.loads(words["CMD"][-1])
    assert options_of(start) <= known_options()
    assert words["USER"] == ["10001"]
    assert words["STOPSIGNAL"] == ["SIGTERM"]
    variables = {str(each.envvar) for each in command.params if isinstance(each, click.Option)}
    for name in re.findall(r"(GWC_[A-Z_]+)=", words["ENV"][-1]):
        assert name in variables
