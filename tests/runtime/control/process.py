"""A real `gwc run` as its own process: its log lines, its signals, requests over its sockets."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

GWC = str(Path(sys.executable).with_name("gwc"))
LONG_S = 20.0


class Gwc:
    """A running gateway; every line of its stderr, JSON read."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self.events: list[dict[str, Any]] = []
        self._news = threading.Condition()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.lines.append(line)
                with contextlib.suppress(ValueError):
                    found = json.loads(line)
                    if isinstance(found, dict):
                        self.events.append(found)
                self._news.notify_all()

    def count(self, event: str) -> int:
        """How often something was told."""
        return sum(each.get("event") == event for each in self.events)

    def wait(self, event: str, *, nth: int = 1, timeout_s: float = LONG_S) -> dict[str, Any]:
        """The nth line of an event, when it is there."""
        until = time.monotonic() + timeout_s
        with self._news:
            while True:
                found = [each for each in self.events if each.get("event") == event]
                if len(found) >= nth:
                    return found[nth - 1]
                left = until - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {event}; told: {''.join(self.lines[-20:])}")
                self._news.wait(left)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        self.process.send_signal(number)

    def end(self, timeout_s: float = LONG_S) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(timeout_s)
        self._reading.join(timeout_s)
        return code


@contextlib.contextmanager
def gwc_run(
    *arguments: object,
    environment: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator[Gwc]:
    """`gwc run ARGUMENTS`, killed at the end if it is still there."""
    process = subprocess.Popen(
        [*before, GWC, "run", *[str(each) for each in arguments]],
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        pass_fds=pass_fds,
    )
    gwc = Gwc(process)
    try:
        yield gwc
    finally:
        if process.poll() is None:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1)
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(5)
            process.kill()
        process.wait()
        gwc._reading.join(5)
        assert process.stderr is not None
        process.stderr.close()


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("test", timeout=LONG_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(LONG_S)
        self.sock.connect(self._path)


def get(address: str, path: str = "/") -> tuple[int, str]:
    """Status and body of one request at `host:port` or `unix:/path`."""
    connection = UnixConnection(address[5:]) if address.startswith("unix:") else _tcp(address)
    with contextlib.closing(connection):
        connection.request("GET", path)
        reply = connection.getresponse()
        return reply.status, reply.read().decode()


def _tcp(address: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(address, timeout=LONG_S)
