"""One file: read whole and at one instant or refused in words; offsets become lines and columns."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from pathlib import Path

import pytest
from gwc.compiler.source import MAX_BYTES, SourceFile, read_source, source_from_text
from gwc.schema.diagnostic import Diagnostic
from gwc.schema.span import Span


def readable(path: Path) -> SourceFile:
    found, problems = read_source(path, path.name)
    assert problems == ()
    assert found is not None
    return found


def refused(path: Path, at: Span | None = None) -> Diagnostic:
    found, problems = read_source(path, path.name, at=at)
    assert found is None
    (problem,) = problems
    assert path.name in problem.headline
    assert problem.help
    return problem


def test_the_text_is_what_the_file_holds(tmp_path: Path) -> None:
    """A byte order mark and carriage returns stay, so that offsets are those of the file."""
    data = "\ufeffä\r\nb\rc\n".encode()
    path = tmp_path / "gwc.kdl"
    path.write_bytes(data)
    found = readable(path)
    assert found.text == "\ufeffä\r\nb\rc\n"
    assert found.digest == hashlib.blake2b(data, digest_size=32).hexdigest()
    assert found.real_path == str(path)
    assert (found.path, found.name) == ("gwc.kdl", "gwc.kdl")


def test_lines_end_with_lf_cr_or_both_and_columns_count_code_points() -> None:
    """`line_column` and `line_text` agree with what an editor shows."""
    found = source_from_text("one\ntwo\r\nthr\ree\n\n𝄞x", "f")
    assert [found.line_text(line) for line in range(8)] == ["", "one", "two", "thr", "ee", "", "𝄞x", ""]
    assert found.line_count() == 6
    assert found.line_column(0) == (1, 1)
    assert found.line_column(3) == (1, 4)
    assert found.line_column(found.text.index("two")) == (2, 1)
    assert found.line_column(found.text.index("ee")) == (4, 1)
    assert found.line_column(found.text.index("x")) == (6, 2)
    assert found.line_column(len(found.text)) == (6, 3)
    assert found.line_column(10_000) == (6, 3)
    assert found.line_column(-1) == (1, 1)


def test_an_empty_text_has_one_line() -> None:
    """Line 1, column 1 is always there."""
    found = source_from_text("", "f")
    assert found.line_column(0) == (1, 1)
    assert found.line_text(1) == ""


def test_equal_texts_have_equal_digests_from_disk_and_from_memory(tmp_path: Path) -> None:
    """The digest is of the content alone."""
    path = tmp_path / "a.kdl"
    path.write_text("a 1\n")
    assert readable(path).digest == source_from_text("a 1\n", "elsewhere").digest


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Neither a missing file nor a path through a file."""
    assert refused(tmp_path / "no.kdl").code == "GWC001"
    (tmp_path / "file").touch()
    assert refused(tmp_path / "file" / "x.kdl").code == "GWC001"


def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path) -> None:
    """A pipe without a writer would block for ever; it is not opened."""
    os.mkfifo(tmp_path / "pipe")
    assert "named pipe" in refused(tmp_path / "pipe").headline
    assert "directory" in refused(tmp_path).headline
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "sock"))
        assert "socket" in refused(tmp_path / "sock").headline
    found, (problem,) = read_source("/dev/zero", "/dev/zero")
    assert found is None
    assert problem.code == "GWC003"
    assert "device" in problem.headline


def test_an_unreadable_file_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's reason is in the headline."""
    path = tmp_path / "gwc.kdl"
    path.touch()

    def deny(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    problem = refused(path)
    assert problem.code == "GWC002"
    assert "permission denied" in problem.headline
    monkeypatch.undo()
    found, (problem,) = read_source("a\0b", "a?b")
    assert found is None
    assert problem.code == "GWC002"


def test_a_circle_of_links_is_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    """The system gives up on it, and so do we."""
    (tmp_path / "a.kdl").symlink_to("b.kdl")
    (tmp_path / "b.kdl").symlink_to("a.kdl")
    assert refused(tmp_path / "a.kdl").code == "GWC002"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a\nb \xe9t\xe9\n", "byte 0xE9 on line 2, at offset 4"),
        (b"\r\n\r\xff", "byte 0xFF on line 3, at offset 3"),
        (b"Z\xc3", "byte 0xC3 on line 1, at offset 1"),
        (b"a \xed\xa0\x80", "byte 0xED on line 1, at offset 2"),
        ("a".encode("utf-16"), "UTF-16"),
    ],
)
def test_what_is_not_utf_8_is_told_by_its_first_wrong_byte(tmp_path: Path, data: bytes, words: str) -> None:
    """The line and the offset lead to it."""
    path = tmp_path / "gwc.kdl"
    path.write_bytes(data)
    problem = refused(path)
    assert problem.code == "GWC004"
    assert words in problem.headline


def test_16_mib_are_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    """The limit is exact, and the message names both sizes."""
    path = tmp_path / "gwc.kdl"
    path.write_bytes(b" " * MAX_BYTES)
    assert len(readable(path).text) == MAX_BYTES
    with path.open("ab") as file:
        file.write(b" ")
    problem = refused(path)
    assert problem.code == "GWC005"
    assert str(MAX_BYTES + 1) in problem.headline


@pytest.mark.parametrize(("changes", "code"), [(0, None), (3, None), (4, "GWC006")])
def test_a_file_that_changes_is_read_again_and_then_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: int, code: str | None
) -> None:
    """A writer that is done in time is not noticed; one that is not is told."""
    path = tmp_path / "gwc.kdl"
    path.write_text("a")
    left = [changes]
    real_open = os.open

    def open_and_change(name: str, flags: int) -> int:
        if left[0]:
            left[0] -= 1
            with path.open("a") as file:
                file.write("b")
        return real_open(name, flags)

    monkeypatch.setattr(os, "open", open_and_change)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    found, problems = read_source(path, "gwc.kdl")
    assert [problem.code for problem in problems] == ([code] if code else [])
    assert (found.text if found else None) == (None if code else "a" + "b" * changes)


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is the file that has the name afterwards."""
    path = tmp_path / "gwc.kdl"
    path.write_text("old")
    left = [1]
    real_open = os.open

    def open_and_replace(name: str, flags: int) -> int:
        handle = real_open(name, flags)
        if left[0]:
            left[0] -= 1
            (tmp_path / "new").write_text("new")
            (tmp_path / "new").replace(path)
        return handle

    monkeypatch.setattr(os, "open", open_and_replace)
    monkeypatch.setattr(time, "sleep", lambda _: None)
    found, problems = read_source(path, "gwc.kdl")
    assert problems == ()
    assert found is not None
    assert found.text == "new"


def test_the_place_of_the_include_is_in_the_diagnostic(tmp_path: Path) -> None:
    """Somebody named the file somewhere; that is where to look."""
    at = Span("gwc.kdl", 3, 9)
    assert refused(tmp_path / "no.kdl", at).span == at
