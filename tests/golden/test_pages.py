"""The pages' examples, run: what a page says is wrong is found, what it says to write instead is not.

What `gwc check` prints for each example is kept in `pages/GWCnnn.txt` and refreshed like a golden case.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from gwc.compiler.diagnostics.catalogue import ExampleFile, codes, page

from .adapter import findings, run
from .test_golden import compare

HERE = Path(__file__).parent


def write(files: Iterable[ExampleFile], folder: Path) -> None:
    """Lay an example's files out."""
    for file in files:
        path = folder / file.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.text.encode())


@pytest.mark.parametrize("code", codes())
def test_an_example_yields_its_code(code: str, tmp_path: Path) -> None:
    """The example of a page is an example of it, at the severity that the page states."""
    found = page(code)
    assert found is not None
    if not found.example:
        pytest.skip("told in prose")
    write(found.example, tmp_path)
    arguments = ["check", found.example[0].name]
    assert (code, found.severity.word) in {
        (each.code, each.severity) for each in findings(tmp_path, arguments)
    }
    result = run(tmp_path, arguments)
    compare(HERE / "pages" / f"{code}.txt", f"exit {result.exit_code}\n{result.output}")


@pytest.mark.parametrize("code", codes())
def test_what_to_write_instead_is_free_of_it(code: str, tmp_path: Path) -> None:
    """The advice of a page does not lead to the same finding, nor to an error."""
    found = page(code)
    assert found is not None
    if not found.instead:
        pytest.skip("told in prose")
    write(found.instead, tmp_path)
    left = findings(tmp_path, ["check", found.instead[0].name])
    assert [each for each in left if each.code == code or each.severity == "error"] == []
