"""What a running gateway says of itself: the admin API, the metrics, the processes.

Owns how they are asked; it is part of the judge and knows no more than the documents say.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
from collections import Counter
from pathlib import Path
from typing import Any

from .harness import Gateway, Line, until

_SERIES = re.compile(r"([a-z_]+)(?:\{([^}]*)\})? ([0-9.e+-]+)")
_LABEL = re.compile(r'([a-z_]+)="([^"]*)"')

RELOAD_S = 20.0
"""Until a reload is over, on a busy machine."""


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("gateway.test", timeout=10)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(self._path))


def admin(running: Gateway, path: str, method: str = "GET") -> tuple[int, bytes]:
    """Status and body of an answer of the admin API."""
    connection = _Unix(running.folder / "gwc" / "admin.sock")
    try:
        connection.request(method, path)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def status(running: Gateway) -> dict[str, Any]:
    """What the gateway says of itself."""
    code, body = admin(running, "/v1/status")
    assert code == 200, body
    found = json.loads(body)
    assert isinstance(found, dict)
    return found


def of_workers(running: Gateway) -> list[dict[str, Any]]:
    """What each worker says of itself; those that do not answer are missing."""
    return [each["status"] for each in status(running)["workers"] if each and each["status"]]


def held(running: Gateway) -> dict[str, int]:
    """What all workers hold together: connections, requests, connections to targets."""
    found: Counter[str] = Counter(connections=0, in_flight=0, open=0, active=0, idle=0)
    for each in of_workers(running):
        found["connections"] += each["connections"]
        found["in_flight"] += each["in_flight"]
        for targets in each["upstreams"].values():
            for target in targets:
                found["open"] += target["connections"]
                found["active"] += target["active"]
                found["idle"] += target["idle"]
    return dict(found)


def series(running: Gateway) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every number of the metrics, by name and labels."""
    code, body = admin(running, "/v1/metrics")
    assert code == 200, body
    found = {}
    for line in body.decode("utf-8").splitlines():
        match = None if line.startswith("#") else _SERIES.fullmatch(line)
        if match is not None:
            found[match[1], frozenset(_LABEL.findall(match[2] or ""))] = float(match[3])
    return found


def number(running: Gateway, name: str, **labels: str) -> float:
    """The sum of a metric's series that have these labels."""
    wanted = frozenset(labels.items())
    return sum(value for (found, has), value in series(running).items() if found == name and wanted <= has)


def workers(running: Gateway) -> list[int]:
    """The workers' process ids, by slot."""
    return [each["pid"] for each in status(running)["workers"] if each]


def worker_of(running: Gateway, client: tuple[str, int]) -> int:
    """The process that has the other end of a client's connection, once one has accepted it."""
    found: list[int] = []

    def accepted() -> bool:
        found.extend(_holders(running, client))
        return bool(found)

    until(accepted, "a worker has that connection")
    return found[0]


def _holders(running: Gateway, client: tuple[str, int]) -> list[int]:
    inodes = set()
    for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
        parts = line.split()
        ours, theirs = (int(parts[at].rpartition(":")[2], 16) for at in (1, 2))
        if theirs == client[1] and ours in running.ports.values():
            inodes.add(f"socket:[{parts[9]}]")
    found = []
    for pid in workers(running):
        for each in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                if os.readlink(f"/proc/{pid}/fd/{each}") in inodes:
                    found.append(pid)
    return found


def events(running: Gateway, name: str) -> list[Line]:
    """The lines of the error log of one event."""
    return [line for line in running.error_lines() if line.get("event") == name]


def write(running: Gateway, text: str, name: str = "gwc.kdl") -> None:
    """Replace a file of the configuration as editors do; `%name%` stands for addresses as at the start."""
    for place, port in running.ports.items():
        text = text.replace(f"%{place}%", f"127.0.0.1:{port}")
    assert not re.search(r"%[a-z0-9-]+%", text), "an address that was not there at the start"
    target = running.folder / "config" / name
    temporary = target.with_name(f".{name}.new")
    temporary.write_text(text, "utf-8")
    temporary.rename(target)


def reload(running: Gateway, text: str, name: str = "gwc.kdl", *, result: str = "committed") -> Line:
    """Replace a file and have it read; the line that says what came of it."""
    event = f"reload-{result}"
    before = len(events(running, event))
    write(running, text, name)
    running.process.send_signal(signal.SIGHUP)
    until(lambda: len(events(running, event)) > before, f"the reload is {result}", RELOAD_S)
    return events(running, event)[before]


def processor_s(pid: int) -> float:
    """Seconds of processor time that a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(pid: int) -> int:
    """How many files a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))
