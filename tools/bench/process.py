"""Starting programs for a benchmark, pinning them to cores, and looking at them through /proc.

Owns the life of a started program (its log, its readiness, its end) and what the kernel tells of it. Knows
nothing of what the program does.
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0))
GATEWAY_CORE = CORES[0]
"""Where the contestant runs, with all its processes."""

LOAD_CORE = CORES[-1]
"""Where the load and the backend run."""


class StartFailed(Exception):
    """A program ended, or did not answer, before it was ready; says which and what it wrote."""


@dataclass(frozen=True, slots=True)
class Running:
    """A started program. `log` has what it wrote to both its outputs."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def pids(self) -> list[int]:
        """The program and all that it started, itself first."""
        return descendants(self.process.pid)

    def resident_kib(self) -> int:
        """Memory of the program and all that it started; shared pages are shared out."""
        return sum(memory_kib(pid)["Pss"] for pid in self.pids())

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_bytes()[-800:].decode("utf-8", "replace")


@contextmanager
def started(
    name: str,
    command: Sequence[str],
    log: Path,
    cores: Sequence[int] = CORES,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Run a command in a session of its own, on some cores; ends with the block, politely first."""
    pin = ["taskset", "-c", ",".join(map(str, cores))] if shutil.which("taskset") else []
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*pin, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        yield Running(name, process, log)
    finally:
        left = descendants(process.pid)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pid in left[1:]:  # workers of a supervisor that was killed
            if _session(pid) == process.pid:
                os.kill(pid, signal.SIGKILL)


def wait_ready(
    running: Running,
    port: int,
    path: str,
    host: str,
    timeout_s: float = 60.0,
    *,
    tls: bool = False,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Until a GET of `path` is answered with 200; StartFailed if the program ends or the time is up. Whose
    certificate it is does not matter.
    """
    deadline = time.monotonic() + timeout_s
    last: object = "nothing"
    connection: http.client.HTTPConnection
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise StartFailed(f"{running.name} ended with {running.process.returncode}: {running.tail()}")
        if tls:
            anybody = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection("localhost", port, timeout=5, context=anybody)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path, headers={"Host": host, **(headers or {})})
            last = connection.getresponse().status
            if last == 200:
                return
        except (OSError, http.client.HTTPException) as failed:
            last = failed
        finally:
            connection.close()
        time.sleep(0.05)
    raise StartFailed(f"{running.name} does not answer 200 on {host}{path}: {last!r}: {running.tail()}")


def wait_listening(running: Running, port: int, timeout_s: float = 60.0) -> None:
    """Until connections to the port are taken; StartFailed if the program ends or the time is up."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise StartFailed(f"{running.name} ended with {running.process.returncode}: {running.tail()}")
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise StartFailed(f"{running.name} takes no connections: {running.tail()}")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nobody listens on now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def program(name: str) -> str | None:
    """The path of a program, that of this virtual environment first; None where it is not installed."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)


def load_average() -> float:
    """How many processes wanted to run, over the last minute."""
    return round(os.getloadavg()[0], 2)


class Others:
    """How much of the machine others take while something runs here: cores, on average, since it was made.

    What this process and all that it started use is taken off. Interrupts belong to nobody and are left out;
    time that a virtual machine was not given counts as taken.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._all, self._own = _all_seconds(), _own_seconds()

    def cores(self) -> float:
        """Cores taken by others so far."""
        took = time.monotonic() - self._began
        used = _all_seconds() - self._all - (_own_seconds() - self._own)
        return max(0.0, used / took)


def _all_seconds() -> float:
    user, nice, system, _idle, _wait, _irq, _soft, steal = map(
        int, Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    ended = os.times()
    return ended.children_user + ended.children_system + sum(map(cpu_seconds, descendants(os.getpid())))


# --- /proc -------------------------------------------------------------------------------------------------


def descendants(pid: int) -> list[int]:
    """The process and all below it that live, parents before children."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isascii() and entry.isdigit():
            parent = _stat(int(entry), 1)
            if parent is not None:
                children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for each in found:  # grows while it is read
        found += sorted(children.get(each, ()))
    return found


def workers(running: Running, port: int) -> list[int]:
    """The processes that serve a port: those below the first that hold its socket, else the first."""
    inodes = _listening(port)
    holders = [pid for pid in running.pids() if inodes & _sockets(pid)]
    below = [pid for pid in holders if pid != running.process.pid]
    return below or holders


def memory_kib(pid: int) -> dict[str, int]:
    """Memory of a process in KiB: `Rss`, `Pss` (shared pages shared out), `Private`; zeros if it is gone."""
    figures = {"Rss": 0, "Pss": 0, "Private": 0}
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return figures
    for line in lines:
        key, _, rest = line.partition(":")
        amount = int(rest.split()[0])
        if key in ("Rss", "Pss"):
            figures[key] = amount
        elif key in ("Private_Clean", "Private_Dirty"):
            figures["Private"] += amount
    return figures


def open_files(pid: int) -> int:
    """How many descriptors a process has open; 0 where it is gone."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def threads(pid: int) -> int:
    """How many threads a process has; 0 where it is gone."""
    return _stat(pid, 17) or 0


def age_order(pids: Sequence[int]) -> list[int]:
    """The processes, the one that started first first."""
    return sorted(pids, key=lambda pid: _stat(pid, 19) or 0)


def turns(pid: int) -> tuple[float, float]:
    """Seconds that a process's first thread ran, and that it wanted to while others did; 0 if unknown."""
    try:
        ran, waited, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
    except (OSError, ValueError):
        return 0.0, 0.0
    return int(ran) / 1e9, int(waited) / 1e9


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used; to the nanosecond that of its living threads, where told."""
    ran = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            ran += int(Path(f"/proc/{pid}/task/{thread}/schedstat").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        ran = 0
    if ran:
        return ran / 1e9
    user, system = _stat(pid, 11), _stat(pid, 12)
    return ((user or 0) + (system or 0)) / os.sysconf("SC_CLK_TCK")


def _stat(pid: int, place: int) -> int | None:
    """A number of /proc/PID/stat, counted from the state letter; None where the process is gone or dead."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    return None if fields[0] == b"Z" else int(fields[place])


def _session(pid: int) -> int | None:
    return _stat(pid, 3)


def _listening(port: int) -> set[int]:
    """Inodes of the sockets that listen on a TCP port."""
    inodes = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/net/{name}").read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(int(fields[9]))
    return inodes


def _sockets(pid: int) -> set[int]:
    """Inodes of the sockets that a process has open."""
    found: set[int] = set()
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return found
    for name in names:
        try:
            target = os.readlink(f"/proc/{pid}/fd/{name}")
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(int(target[8:-1]))
    return found
