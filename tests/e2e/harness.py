"""A running gateway for a test: started, waited for, read, stopped, and looked at for what it left behind.

Owns the process and its logs. It knows the command line and the form of the log lines and nothing else of
the gateway: it is part of the judge.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

Line = dict[str, Any]

START_S = 30.0
"""Until every address listens."""
STOP_S = 10.0
"""Until it has ended after SIGTERM."""
DRAIN = "3s"
"""What a test leaves open does not keep the gateway for longer."""
LOG_S = 5.0
"""Until a line that must come stands in a log."""

_PLACE = re.compile(r"%([a-z0-9-]+)%")
_STAINS = re.compile(
    r"Traceback|Exception ignored|exception was never retrieved|Fatal error|was never awaited|"
    r"ResourceWarning|AssertionError|Unhandled|internal error",
    re.IGNORECASE,
)


class GatewayFailed(AssertionError):
    """The gateway did not start, did not stop, or left something on its error log that nobody should see."""


@dataclass
class Gateway:
    """One running gateway. `ports` are those of the places in the configuration, by name."""

    process: subprocess.Popen[bytes]
    folder: Path
    ports: Mapping[str, int]
    stops_itself: bool = False
    stains: re.Pattern[str] = field(default=_STAINS)

    def address(self, name: str = "public") -> tuple[str, int]:
        """Where to connect to."""
        return "127.0.0.1", self.ports[name]

    @property
    def errors(self) -> str:
        """All that stands on stderr."""
        return (self.folder / "stderr").read_text("utf-8", "replace")

    def access_lines(self) -> list[Line]:
        """The complete lines of the access log."""
        return _json_lines((self.folder / "stdout").read_bytes(), strict=True)

    def error_lines(self) -> list[Line]:
        """The lines on stderr that are JSON."""
        return _json_lines((self.folder / "stderr").read_bytes(), strict=False)

    def access_line(self, wanted: Callable[[Line], bool] | str, within: float = LOG_S) -> Line:
        """The one line of the access log for a path, or that `wanted` holds for; waits for it."""
        found = self.access_lines_for(wanted, 1, within)
        assert len(found) == 1, f"{len(found)} lines of the access log where one was expected: {found}"
        return found[0]

    def access_lines_for(
        self, wanted: Callable[[Line], bool] | str, number: int, within: float = LOG_S
    ) -> list[Line]:
        """At least `number` lines of the access log; waits for them."""
        holds = (lambda line: line.get("path") == wanted) if isinstance(wanted, str) else wanted
        deadline = time.monotonic() + within
        while True:
            found = [line for line in self.access_lines() if holds(line)]
            if len(found) >= number:
                return found
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{len(found)} of {number} lines of the access log came; its end: "
                    f"{self.access_lines()[-5:]}; stderr: {self.errors[-2000:]}"
                )
            time.sleep(0.01)

    def metric(self, name: str) -> float:
        """The sum of a metric's series; there is a place `%metrics%` in the configuration."""
        with urlopen(f"http://127.0.0.1:{self.ports['metrics']}/metrics", timeout=5) as reply:
            lines = reply.read().decode().splitlines()
        found = [line.rpartition(" ")[2] for line in lines if line.split("{")[0].split(" ")[0] == name]
        assert found, f"no metric {name}"
        return sum(map(float, found))

    def processes(self) -> list[int]:
        """The gateway's process and those below it."""
        found = [self.process.pid]
        for parent in found:
            try:
                for task in Path(f"/proc/{parent}/task").iterdir():
                    found += [int(text) for text in (task / "children").read_text().split()]
            except OSError:
                continue
        return found

    def resident_bytes(self) -> int:
        """Memory of all its processes."""
        total = 0
        for number in self.processes():
            try:
                pages = int(Path(f"/proc/{number}/statm").read_text().split()[1])
            except OSError:
                continue
            total += pages * os.sysconf("SC_PAGE_SIZE")
        return total

    def open_descriptors(self) -> int:
        """Descriptors of all its processes."""
        total = 0
        for number in self.processes():
            try:
                total += len(os.listdir(f"/proc/{number}/fd"))
            except OSError:
                continue
        return total


@contextmanager
def gateway(
    config: str | Path,
    *,
    options: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    workers: int = 1,
    stains: re.Pattern[str] = _STAINS,
) -> Iterator[Gateway]:
    """A gateway on this configuration.

    `%name%` in the text (and in `files`, further files by relative path) is a free address on loopback,
    `Gateway.address(name)` later. A folder instead of a text is copied.
    """
    folder = Path(tempfile.mkdtemp(prefix="gwc-e2e-"))
    try:
        place = folder / "config"
        ports: dict[str, int] = {}
        if isinstance(config, Path):
            shutil.copytree(config, place)
        else:
            place.mkdir()
            (place / "gwc.kdl").write_text(config, "utf-8")
        for name, text in (files or {}).items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text, "utf-8")
        _fill_places(place, ports)
        started = _start(place, folder, options, environment, workers)
        running = Gateway(started, folder, ports, stains=stains)
        try:
            _wait_until_listening(running, len(ports))
            yield running
        except BaseException as fault:
            _kill(running)
            fault.add_note(f"the gateway's stderr ended with:\n{running.errors[-3000:]}")
            raise
        _stop(running)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fill_places(place: Path, ports: dict[str, int]) -> None:
    """Write a free address for each `%name%` in the files of a folder."""
    held: list[socket.socket] = []

    def address(found: re.Match[str]) -> str:
        name = found[1]
        if name not in ports:
            held.append(socket.create_server(("127.0.0.1", 0)))
            ports[name] = held[-1].getsockname()[1]
        return f"127.0.0.1:{ports[name]}"

    for path in sorted(place.rglob("*")):
        if path.is_file() and path.suffix in (".kdl", ".yaml", ".yml"):
            text = path.read_text("utf-8")
            filled = _PLACE.sub(address, text)
            if filled != text:
                path.write_text(filled, "utf-8")
    for each in held:
        each.close()


def program_of_gateway() -> list[str]:
    """The gateway's command, as installed beside this Python."""
    script = Path(sys.executable).parent / "gwc"
    return [str(script)] if script.exists() else [sys.executable, "-m", "gwc.cli.main"]


def _start(
    place: Path,
    folder: Path,
    options: Sequence[str],
    environment: Mapping[str, str] | None,
    workers: int,
) -> subprocess.Popen[bytes]:
    command = [*program_of_gateway(), "run", str(place), "--workers", str(workers)]
    command += ["--drain-timeout", DRAIN, *options]
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GWC_")}
    inherited["XDG_RUNTIME_DIR"] = str(folder)  # where sockets go that are not asked for
    inherited.update(environment or {})
    with (folder / "stdout").open("wb") as stdout, (folder / "stderr").open("wb") as stderr:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=inherited, cwd=folder
        )


def _wait_until_listening(running: Gateway, addresses: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        lines = [line for line in running.error_lines() if str(line.get("event")).endswith("listening")]
        found = {line.get("address") for line in lines}
        if len({each for each in found if not str(each).startswith("unix:")}) >= addresses:
            return
        code = running.process.poll()
        if code is not None:
            raise GatewayFailed(f"the gateway ended with {code} before it listened:\n{running.errors}")
        if time.monotonic() > deadline:
            raise GatewayFailed(f"the gateway does not listen after {START_S:.0f} s:\n{running.errors}")
        time.sleep(0.01)


def _stop(running: Gateway) -> None:
    process = running.process
    if not running.stops_itself:
        code = process.poll()
        if code is not None:
            raise GatewayFailed(f"the gateway ended by itself with {code}:\n{running.errors}")
        process.send_signal(signal.SIGTERM)
    try:
        code = process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        _kill(running)
        raise GatewayFailed(f"SIGTERM did not end the gateway in {STOP_S:.0f} s:\n{running.errors}") from None
    if code != 0:
        raise GatewayFailed(f"the gateway ended with {code}:\n{running.errors}")
    found = running.stains.search(running.errors)
    if found is not None:
        start = max(0, found.start() - 1500)
        raise GatewayFailed(f"stderr holds {found[0]!r}:\n{running.errors[start : found.end() + 3000]}")


def _kill(running: Gateway) -> None:
    for number in running.processes():
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue
    running.process.wait()


def _json_lines(data: bytes, *, strict: bool) -> list[Line]:
    """The lines that are complete. Strict: each is an object."""
    found: list[Line] = []
    for text in data[: data.rfind(b"\n") + 1].splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            assert not strict, f"a line of the log is not JSON: {text!r}"
            continue
        if isinstance(line, dict):
            found.append(line)
        else:
            assert not strict, f"a line of the log is no object: {text!r}"
    return found


def free_port() -> int:
    """A port on loopback that nobody has at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def until(holds: Callable[[], bool], what: str, within: float = LOG_S) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + within
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {within:g} s: {what}")
        time.sleep(0.005)


def program(name: str) -> str:
    """The path of a program, or a skip that names it (a failure where `GWC_REQUIRE_PROGRAMS=1`)."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("GWC_REQUIRE_PROGRAMS") == "1":
            pytest.fail(f"`{name}` is not installed")
        pytest.skip(f"`{name}` is not installed")
    return found
