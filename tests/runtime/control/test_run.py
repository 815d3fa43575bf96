"""`gwc run` as a person starts it: flags, signals, the state directory, an upgrade, a built table."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from .process import GWC, get, gwc_run
from .running import free_port, text_of


@pytest.fixture
def address(tmp_path: Path) -> str:
    """An address of a unix socket."""
    return f"unix:{tmp_path}/s"


@pytest.fixture
def main(tmp_path: Path, address: str) -> Path:
    """A configuration that answers `first`."""
    path = tmp_path / "gwc.kdl"
    path.write_text(text_of("first", addresses=(address,)))
    return path


def test_an_edit_shows_and_a_broken_one_does_not(main: Path, address: str) -> None:
    """The next request after a reload has the new reply; a broken file is told of with its place."""
    with gwc_run(main, "--workers", 2) as gwc:
        gwc.wait("ready")
        assert get(address) == (200, "first")
        main.write_text(text_of("second", addresses=(address,)))
        gwc.wait("reload-committed", nth=2)
        assert get(address) == (200, "second")
        main.write_text(text_of("third", addresses=(address,)) + "routes {\n")
        failed = gwc.wait("reload-failed")
        assert "gwc.kdl:5:8: this `{` is never closed" in failed["reason"]
        assert get(address) == (200, "second")
        gwc.signal(signal.SIGTERM)
        assert gwc.end() == 0
    assert any("error[GWC117]" in line for line in gwc.lines if not line.startswith("{"))
    assert not os.path.exists(address[5:])


def test_sighup_reloads_where_nothing_is_watched(main: Path, address: str) -> None:
    """With --no-watch a change waits for the signal."""
    with gwc_run(main, "--workers", 1, "--no-watch") as gwc:
        gwc.wait("ready")
        main.write_text(text_of("second", addresses=(address,)))
        gwc.signal(signal.SIGHUP)
        done = gwc.wait("reload-committed", nth=2)
        assert (done["cause"], done["generation"]) == ("SIGHUP", 2)
        gwc.signal(signal.SIGHUP)
        gwc.wait("reload-unchanged")
        assert get(address) == (200, "second")


def test_a_permission_that_is_lost_leaves_the_old_table(main: Path, address: str) -> None:
    """A file that may not be read any more breaks nothing; once it may, it counts again."""
    # Root may read everything, unless this is taken from it.
    before = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    with gwc_run(main, "--workers", 1, before=before) as gwc:
        gwc.wait("ready")
        for number in (1, 2):
            main.chmod(0)
            gwc.wait("reload-failed", nth=number)
            assert get(address)[0] == 200
            main.chmod(0o600)
            gwc.wait("reload-unchanged", nth=number)
            main.write_text(text_of(f"again {number}", addresses=(address,)))
            gwc.wait("reload-committed", nth=1 + number)
            assert get(address) == (200, f"again {number}")


def test_flags_come_before_the_environment(main: Path, tmp_path: Path) -> None:
    """`--workers` over GWC_WORKERS; what no flag says the environment says."""
    environment = {"GWC_WORKERS": "3", "GWC_STATE_DIR": str(tmp_path / "state")}
    with gwc_run(main, environment=environment) as gwc:
        assert gwc.wait("ready")["workers"] == 3
        assert (tmp_path / "state" / "state.json").exists()
    with gwc_run(main, "--workers", 1, environment=environment) as gwc:
        assert gwc.wait("ready")["workers"] == 1


def test_a_broken_configuration_without_state_ends_with_its_findings(main: Path) -> None:
    """There is nothing to serve: exit code 1, and the findings on stderr."""
    main.write_text("routes {\n")
    done = subprocess.run([GWC, "run", str(main)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "error[GWC117]" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_configuration_with_state_serves_the_last_good_table(main: Path, address: str) -> None:
    """It is served loudly, and the files are still watched."""
    state = main.parent / "state"
    with gwc_run(main, "--workers", 1, "--state-dir", state) as gwc:
        gwc.wait("ready")
    main.write_text("routes {\n")
    with gwc_run(main, "--workers", 1, "--state-dir", state) as gwc:
        assert gwc.wait("ready")["stale"] is True
        assert gwc.wait("config-stale")["level"] == "error"
        assert get(address) == (200, "first")
        main.write_text(text_of("mended", addresses=(address,)))
        assert gwc.wait("reload-committed", nth=2)["generation"] == 2
        assert get(address) == (200, "mended")
    with gwc_run(main, "--workers", 1, "--state-dir", state) as gwc:
        assert gwc.wait("ready")["generation"] == 2  # the very same table keeps its number


def test_check_only_says_whether_it_would_start(main: Path, address: str) -> None:
    """A clean configuration, a broken one, and one whose secret is missing; nothing listens meanwhile."""
    done = subprocess.run([GWC, "run", "--check-only", str(main)], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (0, f"{main}: ok, the gateway would start\n")
    assert not os.path.exists(address[5:])
    main.write_text(
        text_of("x", addresses=(address,)).replace("body", 'header "x-key" "${env:GWC_TEST_ABSENT}"; body')
    )
    done = subprocess.run([GWC, "run", "--check-only", str(main)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert "GWC_TEST_ABSENT" in done.stderr


def test_a_built_table_is_served_without_the_compiler(main: Path, address: str) -> None:
    """`gwc run FILE.table` never imports gwc.compiler, and takes up a new file in its place."""
    table = main.with_name("gwc.table")
    build = [GWC, "build", str(main), "-o", str(table)]
    subprocess.run(build, check=True, capture_output=True, timeout=30)
    hidden = main.parent / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import sys\nsys.modules['gwc.compiler'] = None\nsys.modules['gwc.cli.compiling_child'] = None\n"
    )
    with gwc_run(table, "--workers", 1, environment={"PYTHONPATH": str(hidden)}) as gwc:
        gwc.wait("ready")
        assert get(address) == (200, "first")
        main.write_text(text_of("second", addresses=(address,)))
        subprocess.run(build, check=True, capture_output=True, timeout=30)
        gwc.wait("reload-committed", nth=2)
        assert get(address) == (200, "second")
        table.write_bytes(table.read_bytes()[:-9])
        assert "cut short" in gwc.wait("reload-failed")["reason"]
        assert get(address) == (200, "second")


def test_an_address_in_use_is_refused(main: Path) -> None:
    """SO_REUSEPORT would share the connections with the other one and nobody would notice."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        main.write_text(text_of("x", addresses=(f"127.0.0.1:{port}",)))
        done = subprocess.run([GWC, "run", str(main)], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert f"cannot listen on `127.0.0.1:{port}`: another process listens there" in done.stderr


def test_a_second_sigterm_ends_at_once(main: Path, address: str) -> None:
    """A connection that is open keeps the first one waiting; the second does not wait."""
    with gwc_run(main, "--workers", 1, "--drain-timeout", "60s") as gwc:
        gwc.wait("ready")
        with socket.socket(socket.AF_UNIX) as half:
            half.connect(address[5:])
            half.sendall(b"GET / HTTP/1.1\r\nhost: t\r\n")
            half.settimeout(1)
            time.sleep(0.2)  # the worker has begun to read; nothing tells of that
            gwc.signal(signal.SIGTERM)
            gwc.wait("draining")
            began = time.monotonic()
            gwc.signal(signal.SIGTERM)
            assert gwc.end() == 0
            assert time.monotonic() - began < 5


def test_an_upgrade_loses_no_request(main: Path, tmp_path: Path) -> None:
    """SIGUSR2 starts a new gwc on the same sockets; requests go on without one that fails."""
    port = free_port()
    address, unix = f"127.0.0.1:{port}", f"unix:{tmp_path}/s"
    main.write_text(text_of("old", addresses=(address, unix)))
    failed: list[str] = []
    asked = [0]
    over = threading.Event()

    def keep_asking(where: str) -> None:
        while not over.wait(0.005):
            try:
                assert get(where)[0] == 200
                asked[0] += 1
            except Exception as fault:
                failed.append(repr(fault))

    with gwc_run(main, "--workers", 2, "--drain-timeout", "5s", "--no-watch") as gwc:
        first = gwc.wait("ready")
        askers = [threading.Thread(target=keep_asking, args=(where,)) for where in (address, unix)]
        for each in askers:
            each.start()
        new = 0
        try:
            main.write_text(text_of("new", addresses=(address, unix)))
            gwc.signal(signal.SIGUSR2)
            new = gwc.wait("upgrade-ready")["pid"]
            gwc.wait("stopped")
            gwc.process.wait(20)
            assert get(address) == (200, "new")
            assert get(unix) == (200, "new")
        finally:
            over.set()
            for each in askers:
                each.join()
            if new:
                os.kill(new, signal.SIGTERM)
        gwc.wait("stopped", nth=2)
    assert first["workers"] == 2
    assert failed == []
    assert asked[0] > 20
    assert not (tmp_path / "s").exists()


def test_an_upgrade_that_fails_changes_nothing(main: Path, address: str) -> None:
    """A new gwc that cannot start leaves the old one serving."""
    with gwc_run(main, "--workers", 1, "--no-watch") as gwc:
        gwc.wait("ready")
        main.write_text("routes {\n")
        gwc.signal(signal.SIGUSR2)
        gwc.wait("upgrade-failed")
        assert get(address) == (200, "first")
        main.write_text(text_of("later", addresses=(address,)))
        gwc.signal(signal.SIGHUP)
        gwc.wait("reload-committed", nth=2)
        assert get(address) == (200, "later")


def test_sockets_of_a_service_manager_are_taken_over(main: Path) -> None:
    """LISTEN_FDS: a socket that is there already, also one without SO_REUSEPORT; nothing is bound anew."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        main.write_text(text_of("given", addresses=(address,)))
        starter = [
            sys.executable,
            "-c",
            "import os,sys; os.dup2(int(sys.argv[1]), 3, True); os.environ['LISTEN_PID']=str(os.getpid()); "
            "os.execv(sys.argv[2], sys.argv[2:])",
            str(sock.fileno()),
        ]
        with gwc_run(
            main, "--workers", 2, before=starter, environment={"LISTEN_FDS": "1"}, pass_fds=[sock.fileno()]
        ) as gwc:
            gwc.wait("ready")
            assert {get(address) for _ in range(5)} == {(200, "given")}


def test_the_service_manager_is_told(main: Path, tmp_path: Path) -> None:
    """READY, RELOADING and STOPPING arrive at NOTIFY_SOCKET, and the watchdog is fed."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(20)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"}
        told: list[str] = []

        def until(line: str) -> None:
            while not any(each.startswith(line) for each in told):
                told.extend(listening.recv(4096).decode().split("\n"))

        with gwc_run(main, "--workers", 1, "--no-watch", environment=environment) as gwc:
            until("READY=1")
            until("WATCHDOG=1")
            told.clear()
            gwc.signal(signal.SIGHUP)
            until("RELOADING=1")
            until("MONOTONIC_USEC=")
            until("READY=1")
            gwc.signal(signal.SIGTERM)
            until("STOPPING=1")
            assert gwc.end() == 0


def test_a_supervisor_that_is_killed_leaves_nobody_behind(main: Path, address: str) -> None:
    """Workers finish and end, the compiler too; the next gwc finds the way free."""

    def children(pid: int) -> list[int]:
        found = Path(f"/proc/{pid}/task/{pid}/children")
        if not found.exists():
            pytest.skip("no /proc here")
        return [int(each) for each in found.read_text().split()]

    with gwc_run(main, "--workers", 2) as gwc:
        gwc.wait("ready")
        before = children(gwc.process.pid)
        assert len(before) == 3
        ends = [os.pidfd_open(each) for each in before]
        gwc.process.kill()
        gwc.end()
        for each in ends:
            assert select.select([each], [], [], 20)[0], "a child lives on"
            os.close(each)
    with gwc_run(main, "--workers", 1) as gwc:
        gwc.wait("ready")
        assert get(address) == (200, "first")


def test_a_worker_that_is_killed_is_replaced(main: Path, address: str) -> None:
    """The others serve meanwhile, and the new one serves what is served."""
    with gwc_run(main, "--workers", 2, "--no-watch") as gwc:
        gwc.wait("ready")
        main.write_text(text_of("second", addresses=(address,)))
        gwc.signal(signal.SIGHUP)
        gwc.wait("reload-committed", nth=2)
        for number, worker in enumerate(worker_processes(gwc.process.pid), 1):
            os.kill(worker, signal.SIGKILL)
            assert get(address) == (200, "second")
            died, started = gwc.wait("worker-died", nth=number), gwc.wait("worker-started", nth=number)
            assert (died["pid"], died["slot"]) == (worker, started["slot"])
        assert {get(address) for _ in range(10)} == {(200, "second")}


@pytest.mark.slow
def test_a_worker_that_is_stopped_is_replaced(main: Path, address: str) -> None:
    """SIGSTOP: no sign of life for five seconds."""
    with gwc_run(main, "--workers", 1) as gwc:
        gwc.wait("ready")
        (worker,) = worker_processes(gwc.process.pid)
        os.kill(worker, signal.SIGSTOP)
        assert get(address) == (200, "first")  # asked of the stopped one's socket, answered by the next
        assert gwc.wait("worker-hung")["pid"] == worker


def worker_processes(supervisor: int) -> list[int]:
    """The process ids of the workers."""
    found = Path(f"/proc/{supervisor}/task/{supervisor}/children")
    if not found.exists():
        pytest.skip("no /proc here")
    children = [int(each) for each in found.read_text().split()]
    return [each for each in children if b"control.worker" in Path(f"/proc/{each}/cmdline").read_bytes()]
