"""Gateways of which the command line says nothing, so that the configuration does.

Owns the start of one; the rest is the harness's, whose own starts always say how many workers there are and
how long they drain.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .. import harness
from ..harness import Gateway, GatewayFailed


@contextmanager
def bare_gateway(
    config: str,
    *,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Iterator[Gateway]:
    """A gateway on a text, as `harness.gateway`; `%folder%` in it is a directory of the gateway's own.

    It is waited for by connecting, for its logs may be anywhere.
    """
    folder = Path(tempfile.mkdtemp(prefix="gwc-e2e-"))
    try:
        place = folder / "config"
        ports: dict[str, int] = {}
        for name, text in {"gwc.kdl": config, **(files or {})}.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_text(text.replace("%folder%", str(folder)), "utf-8")
        harness._fill_places(place, ports)
        running = start(folder, ports, environment)
        try:
            yield running
        except BaseException as fault:
            harness._kill(running)
            fault.add_note(f"the gateway's stderr ended with:\n{running.errors[-3000:]}")
            raise
        harness._stop(running)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def start(folder: Path, ports: Mapping[str, int], environment: Mapping[str, str] | None = None) -> Gateway:
    """Start one on the configuration of a folder; `GatewayFailed` where it does not come up."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GWC_")}
    inherited["XDG_RUNTIME_DIR"] = str(folder)
    inherited.update(environment or {})
    with (folder / "stdout").open("ab") as stdout, (folder / "stderr").open("ab") as stderr:
        process = subprocess.Popen(
            [*harness.program_of_gateway(), "run", str(folder / "config")],
            stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=inherited, cwd=folder,
        )  # fmt: skip
    running = Gateway(process, folder, ports)
    deadline = time.monotonic() + harness.START_S
    for port in ports.values():
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                harness._kill(running)
                raise GatewayFailed(f"the gateway does not listen:\n{running.errors}")
            time.sleep(0.02)
    return running


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as sock:
            sock.settimeout(2)
            sock.sendall(b"GET /started HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
            return bool(sock.recv(1))
    except OSError:
        return False


def workers_of(running: Gateway) -> list[int]:
    """The processes that serve."""
    found = []
    for number in running.processes():
        try:
            command = Path(f"/proc/{number}/cmdline").read_bytes()
        except OSError:
            continue
        if b"gwc.runtime.control.worker" in command:
            found.append(number)
    return found
