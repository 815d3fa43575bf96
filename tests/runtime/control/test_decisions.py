"""What is decided without doing anything: swaps, sockets to change, pauses, what an emptied file is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gwc.runtime.control.fleet import LONGEST_PAUSE_S, pause_before_restart
from gwc.runtime.control.swap import Abort, Again, Answer, Commit, after_commit, after_prepare, changes
from gwc.runtime.control.watching import (
    EMPTY,
    Seen,
    content_of,
    directories_to_watch,
    emptied,
    look,
    places_of,
)

YES, NO = Answer(0, "yes"), Answer(1, "no", "the secret is missing")
SILENT, GONE = Answer(2, "silent"), Answer(3, "gone")


@pytest.mark.parametrize(
    ("answers", "attempt", "decided"),
    [
        ([YES, YES], 1, Commit()),
        ([YES, NO], 1, Abort("the secret is missing")),
        ([GONE, SILENT, NO], 1, Abort("the secret is missing")),
        ([YES, SILENT], 2, Abort("worker 2 was not ready within 10 s")),
        ([YES, GONE], 1, Again()),
        ([YES, GONE], 2, Abort("worker 3 died while it prepared the table")),
        ([], 1, Abort("no worker is there to prepare the table")),
    ],
)
def test_one_worker_that_cannot_keeps_all_on_the_old_table(
    answers: list[Answer], attempt: int, decided: object
) -> None:
    """Only a yes of everybody commits; a death is forgiven once."""
    assert after_prepare(answers, attempt) == decided


def test_who_does_not_commit_is_replaced() -> None:
    """Silence and refusal are; a dead worker is replaced anyway."""
    assert after_commit([YES, NO, SILENT, GONE]) == (1, 2)


def test_sockets_that_stay_are_not_touched() -> None:
    """Only new addresses are bound and only old ones let go, each once."""
    assert changes(["a", "b"], ["b", "c", "c"]) == (("c",), ("a",))


def test_restarts_wait_longer_the_more_there_were() -> None:
    """Two crashes are answered at once; crashes of long ago do not count."""
    assert [pause_before_restart([0.0] * n) for n in (1, 2, 3, 4, 5)] == [0, 0, 1, 2, 4]
    assert pause_before_restart([0.0, 61.0, 500.0, 500.0]) == 0
    assert pause_before_restart([0.0] * 16) == LONGEST_PAUSE_S


def test_emptied_is_what_held_something() -> None:
    """A file that is gone, one that was always empty and a new empty one are not emptied."""
    held = Seen({"a": content_of(b"x"), "b": EMPTY, "c": ""})
    assert emptied(held, Seen({"a": EMPTY, "b": EMPTY, "c": ""})) == "a"
    assert emptied(held, Seen({"a": "", "b": EMPTY, "c": EMPTY})) is None


def test_what_is_no_file_reads_as_absent(tmp_path: Path) -> None:
    """A named pipe is not waited for, a directory and a link in a circle are nothing to read."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "circle").symlink_to(tmp_path / "circle")
    known = Seen({str(tmp_path / name): "x" for name in ("pipe", "circle", ".", "absent")}, {"/nowhere": "x"})
    now = look(known)
    assert set(now.files.values()) | set(now.directories.values()) == {""}
    assert set(places_of(known)) == {*known.files, *known.directories}


def test_events_come_from_every_directory_on_the_way(tmp_path: Path) -> None:
    """The directories of a link, of what it leads through, and the file itself."""
    for name in ("conf", "a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "b" / "real.kdl").write_text("x")
    (tmp_path / "a" / "link.kdl").symlink_to("../b/real.kdl")
    (tmp_path / "conf" / "gwc.kdl").symlink_to("../a/link.kdl")
    found = directories_to_watch(Seen({str(tmp_path / "conf" / "gwc.kdl"): ""}))
    assert found == {str(tmp_path / each) for each in ("conf", "a", "b", "b/real.kdl")}
