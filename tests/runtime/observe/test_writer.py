"""Where lines go: files that fill up, pipes that close, readers that are slow; nobody ever waits."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from gwc.runtime.observe import writer
from gwc.runtime.observe.writer import Sink

from .telling import eventually, lines_of


def test_lines_arrive_without_being_asked_for(tmp_path: Path) -> None:
    """One line is in the file soon after; the file is nobody else's to read."""
    path = tmp_path / "log"
    sink = Sink(str(path))
    sink.write(b"one\n")
    eventually(lambda: lines_of(path) == [b"one"])
    assert path.stat().st_mode & 0o777 == 0o640 & ~_umask()
    sink.write(b"two\n")
    assert sink.close()
    assert lines_of(path) == [b"one", b"two"]
    assert sink.dropped == 0


def test_closing_writes_all_that_was_taken(tmp_path: Path) -> None:
    """Ten thousand lines in a row: all there, in order, once closed."""
    path = tmp_path / "log"
    sink = Sink(str(path))
    for number in range(10_000):
        sink.write(b"%d\n" % number)
    assert sink.close(10)
    assert lines_of(path) == [b"%d" % number for number in range(10_000)]


def test_rotation_loses_nothing(tmp_path: Path) -> None:
    """Renamed, then reopened: old lines in the old file, new ones in the new one."""
    path, old = tmp_path / "log", tmp_path / "log.1"
    sink = Sink(str(path))
    sink.write(b"old\n")
    eventually(path.exists)
    eventually(lambda: lines_of(path) == [b"old"])
    path.rename(old)
    sink.write(b"still old\n")
    sink.reopen()
    eventually(lambda: lines_of(old) == [b"old", b"still old"])
    eventually(lambda: not sink._reopen)
    sink.write(b"new\n")
    assert sink.close()
    assert lines_of(path) == [b"new"]


def test_a_full_disk_drops_and_counts() -> None:
    """/dev/full takes nothing: every line is counted, the caller notices nothing."""
    told: list[int] = []
    sink = Sink("/dev/full", told.append)
    for _ in range(100):
        sink.write(b"x\n")
    assert sink.close(5)
    assert sink.dropped == 100
    assert told[-1] == 100


def test_a_place_that_comes_back_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that is missing at first: lines are dropped until it is there."""
    monkeypatch.setattr(writer, "_OPEN_AGAIN_S", 0.01)
    path = tmp_path / "later" / "log"
    sink = Sink(str(path))
    sink.write(b"lost\n")
    eventually(lambda: sink.dropped == 1)
    path.parent.mkdir()

    def arrived() -> bool:
        sink.write(b"there\n")
        return b"there" in lines_of(path)

    eventually(arrived)
    assert sink.close()


def test_a_torn_line_does_not_spoil_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk fills up in the middle of a line, the next line begins on a line of its own."""
    path = tmp_path / "log"
    sink = Sink(str(path))
    real = os.write
    full = [True]

    def write(fd: int, data: bytes) -> int:
        if not full[0]:
            return real(fd, data)
        if data == b"bb\n":
            raise OSError(28, "No space left on device")
        return real(fd, data[:7])

    monkeypatch.setattr(os, "write", write)
    sink.write(b"aaaa\nbbbb\n")
    eventually(lambda: sink.dropped == 1)
    full[0] = False
    sink.write(b"cccc\n")
    assert sink.close()
    assert lines_of(path) == [b"aaaa", b"bb", b"cccc"]


def test_a_closed_pipe_drops_and_a_new_reader_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A named pipe whose reader goes: lines are dropped; the next reader gets the lines that follow."""
    monkeypatch.setattr(writer, "_OPEN_AGAIN_S", 0.01)
    path = tmp_path / "pipe"
    os.mkfifo(path)
    sink = Sink(str(path))
    sink.write(b"nobody\n")
    eventually(lambda: sink.dropped == 1)
    for _ in range(2):
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        got = b""
        until = time.monotonic() + 5
        while b"here\n" not in got:
            assert time.monotonic() < until
            sink.write(b"here\n")
            try:
                got += os.read(reader, 65536)
            except BlockingIOError:
                time.sleep(0.005)
        os.close(reader)
    sink.close()


def test_a_slow_reader_never_makes_anybody_wait(tmp_path: Path) -> None:
    """A pipe that nobody empties: writing goes on at full speed, and what has no room is counted."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = Sink(str(path), room_bytes=256 * 1024)
    line = b"x" * 999 + b"\n"
    longest = 0.0
    for _ in range(5000):
        started = time.perf_counter()
        sink.write(line)
        longest = max(longest, time.perf_counter() - started)
    assert longest < 0.5
    assert sink.dropped > 4000
    got = bytearray()

    def drained() -> bool:
        while True:
            try:
                piece = os.read(reader, 1 << 20)
            except BlockingIOError:
                piece = b""
            if not piece:
                return len(got) // 1000 + sink.dropped >= 5000
            got.extend(piece)

    eventually(drained)
    assert len(got) % 1000 == 0
    assert set(bytes(got).splitlines()) == {line[:-1]}
    assert sink.close()
    os.close(reader)


def test_closing_on_a_pipe_that_is_stuck_ends(tmp_path: Path) -> None:
    """Nobody reads, so not all can be written; closing says so in time and the thread ends later."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    sink = Sink(str(path))
    for _ in range(1000):
        sink.write(b"x" * 999 + b"\n")
    started = time.monotonic()
    assert not sink.close(0.2)
    assert time.monotonic() - started < 1
    assert sink._thread is not None
    sink._thread.join(10)
    assert not sink._thread.is_alive()
    os.close(reader)


CHILD = """
import sys
from gwc.runtime.observe.writer import Sink
sink = Sink(sys.argv[1])
for number in range(3000):
    sink.write(sys.argv[2].encode() * (1 + number % 700) + b"\\n")
sys.exit(not sink.close(20) or sink.dropped)
"""


@pytest.mark.parametrize("kind", ["file", "pipe"])
def test_lines_of_several_processes_stay_whole(tmp_path: Path, kind: str) -> None:
    """Four processes write to one file, or one pipe: every line is one process's own."""
    path = tmp_path / "log"
    if kind == "pipe":
        os.mkfifo(path)
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    children = [subprocess.Popen([sys.executable, "-c", CHILD, str(path), letter]) for letter in "abcd"]
    got = bytearray()
    if kind == "pipe":
        while any(child.poll() is None for child in children) or not _empty(reader, got):
            _empty(reader, got)
            time.sleep(0.001)
        os.close(reader)
    assert [child.wait(60) for child in children] == [0, 0, 0, 0]
    lines = bytes(got).splitlines() if kind == "pipe" else lines_of(path)
    assert len(lines) == 12_000
    assert all(len(set(line)) == 1 for line in lines)


def test_without_a_thread_lines_wait_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no thread can be started nobody is told of it, and the lines are written once there is one."""
    sink = Sink(str(tmp_path / "log"))

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        sink.write(b"one\n")
    sink.write(b"two\n")
    assert sink.close()
    assert lines_of(tmp_path / "log") == [b"one", b"two"]


def test_standard_output_is_written_and_left_open() -> None:
    """`stdout` is descriptor 1, and closing the sink does not close it."""
    code = (
        "from gwc.runtime.observe.writer import Sink\n"
        "s = Sink('stdout'); s.write(b'one\\n'); s.close(); print('two')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == b"one\ntwo\n"


def _empty(reader: int, got: bytearray) -> bool:
    while True:
        try:
            piece = os.read(reader, 1 << 20)
        except BlockingIOError:
            return True
        if not piece:
            return True
        got.extend(piece)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
