"""The tables that are kept, and the last good one after a crash at any moment."""

from __future__ import annotations

from pathlib import Path

import pytest
from gwc.compiler.pipeline import compile_text
from gwc.runtime.control.keeping import Keeping, Kept, kept_now
from gwc.schema.artifact import digest, dump


def table(number: int) -> Kept:
    """A table of its own."""
    compiled = compile_text(f'routes {{ route "r{number}" {{ respond }} }}', "kdl").table
    assert compiled is not None
    return kept_now(number, digest(compiled), dump(compiled), "files")


def committed(keeping: Keeping, *numbers: int) -> None:
    """As the supervisor does after a swap."""
    for number in numbers:
        kept = table(number)
        keeping.add(kept)
        keeping.write(kept)


def test_ten_are_kept_and_numbers_go_on(tmp_path: Path) -> None:
    """In memory and on disk; a restart begins after the last number."""
    keeping = Keeping(tmp_path / "state")
    committed(keeping, *range(1, 13))
    assert [each.generation for each in keeping.generations] == list(range(3, 13))
    again = Keeping(tmp_path / "state")
    last = again.read()
    assert last is not None
    assert (last.generation, last.digest, again.next_generation) == (12, table(12).digest, 13)
    assert [each.generation for each in again.generations] == list(range(3, 13))
    assert (tmp_path / "state" / "tables").stat().st_mode & 0o077 == 0


def test_without_a_directory_nothing_is_written(tmp_path: Path) -> None:
    """Memory alone."""
    keeping = Keeping(None)
    committed(keeping, 1)
    assert (keeping.read(), keeping.next_generation) == (None, 2)


@pytest.mark.parametrize("damage", ["table-cut", "state-gone", "state-garbled", "table-before-state"])
def test_a_crash_leaves_a_good_table(tmp_path: Path, damage: str) -> None:
    """Whatever was being written, what is read is whole and was served."""
    keeping = Keeping(tmp_path)
    committed(keeping, 1, 2)
    newest = tmp_path / "tables" / "000002.table"
    if damage == "table-cut":
        newest.write_bytes(newest.read_bytes()[:-20])
    elif damage == "state-gone":
        (tmp_path / "state.json").unlink()
    elif damage == "state-garbled":
        (tmp_path / "state.json").write_bytes(b'{"generation": ')
    else:
        (tmp_path / "tables" / "000003.table").write_bytes(table(3).data)
    again = Keeping(tmp_path)
    last = again.read()
    assert last is not None
    assert last.generation == (1 if damage == "table-cut" else 2)
    assert again.next_generation == (4 if damage == "table-before-state" else 3)


def test_a_table_of_another_format_is_passed_over(tmp_path: Path) -> None:
    """An older gwc's tables are not served by a newer one."""
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "000007.table").write_bytes(b"something else")
    keeping = Keeping(tmp_path)
    assert (keeping.read(), keeping.next_generation) == (None, 8)
