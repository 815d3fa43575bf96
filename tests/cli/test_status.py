"""`gwc status`: what it says of a running gateway, and how it finds one."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from gwc.cli.commands.status import ago

from ..runtime.control.process import GWC
from ..runtime.control.steering import Steered, steered, until


def gwc(*arguments: object, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command as a person would type it, with nothing of the environment but what is given."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("GWC_", "XDG_"))}
    return subprocess.run(
        [GWC, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**clean, **environment},
    )


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steered]:
    """A gateway that nobody changes."""
    with steered(tmp_path_factory.mktemp("gw")) as it:
        yield it


def test_it_finds_the_gateway_and_says_how_it_goes(running: Steered) -> None:
    """Generation, addresses, workers and targets; exit code 0."""
    done = gwc("status", environment=running.environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "serving generation 1 (" in done.stdout
    assert f"listens on  127.0.0.1:{running.port}\n" in done.stdout
    assert f"admin       {running.admin}\n" in done.stdout
    assert f"metrics     127.0.0.1:{running.metrics_port}\n" in done.stdout
    assert "workers     2 of 2, 0 replaced\n" in done.stdout
    for each in running.backends:
        assert f"127.0.0.1:{each.port}" in done.stdout


def test_as_json_it_is_the_admin_apis_answer(running: Steered) -> None:
    """With a schema version; `--admin` and GWC_ADMIN name the place."""
    known = running.get("/v1/status")
    for arguments, environment in (
        (("--admin", running.admin), {}),
        ((), {"GWC_ADMIN": running.admin}),
    ):
        done = gwc("status", "--format", "json", *arguments, environment=environment)
        said = json.loads(done.stdout)
        assert said["schema_version"] == 1
        assert (said["pid"], said["digest"]) == (known["pid"], known["digest"])
        assert set(said) == {"schema_version", *known}


def test_a_state_directory_names_the_gateway_too(tmp_path: Path) -> None:
    """The socket is in it, and the same option finds it."""
    with steered(tmp_path, "--state-dir", tmp_path / "state", workers=1) as it:
        assert it.admin == f"unix:{tmp_path}/state/admin.sock"
        assert gwc("status", "--state-dir", tmp_path / "state", environment={}).returncode == 0


def test_with_nobody_there(tmp_path: Path) -> None:
    """Exit code 2 and where it was looked for; a socket that nobody listens on is nobody, too."""
    dead = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(dead))
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        for address in (f"unix:{dead}", f"unix:{tmp_path}/none", f"127.0.0.1:{port}", "nonsense"):
            done = gwc("status", "--admin", address, environment={})
            assert (done.returncode, done.stdout) == (2, "")
            assert address in done.stderr
            assert "Traceback" not in done.stderr


def test_somebody_else_there(tmp_path: Path) -> None:
    """What answers and is no gateway is told as that."""
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        with subprocess.Popen(
            [GWC, "status", "--admin", f"unix:{path}"], stderr=subprocess.PIPE, text=True
        ) as process:
            connection, _ = sock.accept()
            connection.sendall(b"220 mail.example ESMTP\r\n")
            connection.close()
            _, told = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "Traceback" not in told


def test_trouble_is_exit_code_1(tmp_path: Path) -> None:
    """Where the files are broken the reason stands there."""
    with steered(tmp_path, workers=1) as it:
        main = tmp_path / "gwc.kdl"
        main.write_text(main.read_text() + "}\n")
        it.gwc.wait("reload-failed")
        until(lambda: it.get("/v1/status")["config_stale"], "it is stale")
        done = gwc("status", environment=it.environment)
        assert done.returncode == 1
        assert "reload      failed " in done.stdout
        assert "gwc.kdl:" in done.stdout
        assert "stale " in done.stdout


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, "0s"), (0.5, "0s"), (61, "1m 1s"), (3600, "1h 0m"), (200_000, "2d 7h")]
)
def test_lengths_of_time(seconds: float, text: str) -> None:
    """Two units."""
    assert ago(seconds) == text
