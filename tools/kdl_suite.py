"""Score a folder of the official KDL test suite: `python tools/kdl_suite.py DIR [--kdl-version 1|2]`.

DIR holds `input/*.kdl` and `expected_kdl/*.kdl`. A case passes if its canonical reprint equals the expected
file byte for byte, or, where it must fail (its name ends in `_fail`, or no file is expected), if it is
rejected. Exit status 1 if a case does not pass.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from gwc.compiler.parse.kdl import parse_version
from gwc.compiler.parse.kdl.messages import Version
from gwc.compiler.parse.kdl.printer import print_document


class Score(NamedTuple):
    """How many cases of a suite were reprinted as expected and rejected as expected; who failed and why."""

    total: int
    reprinted: int
    rejected: int
    failures: tuple[tuple[str, str], ...]


def must_fail(case: Path, expected: Path) -> bool:
    """The suite of KDL 2 says so in the name; that of KDL 1 has no expected file."""
    return case.stem.endswith("_fail") or not expected.exists()


def reprint(text: str, version: Version) -> str | None:
    """The canonical text; None if the parser rejects it."""
    document, diagnostics = parse_version(text, "suite.kdl", version)
    return None if diagnostics else print_document(document.nodes, version)


def score(folder: Path, version: Version) -> Score:
    """Run every case of the folder."""
    reprinted = rejected = 0
    failures: list[tuple[str, str]] = []
    cases = sorted((folder / "input").glob("*.kdl"))
    for case in cases:
        expected = folder / "expected_kdl" / case.name
        try:
            text = case.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            got = None
        else:
            got = reprint(text, version)
        if must_fail(case, expected):
            if got is None:
                rejected += 1
            else:
                failures.append((case.name, f"accepted as {got!r}"))
        elif got == (want := expected.read_bytes().decode("utf-8")):
            reprinted += 1
        else:
            failures.append((case.name, "rejected" if got is None else f"is {got!r}, not {want!r}"))
    return Score(len(cases), reprinted, rejected, tuple(failures))


def main() -> int:
    """Print the score of the folder on the command line."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("folder", type=Path, help="holds input/ and expected_kdl/")
    arguments.add_argument("--kdl-version", type=int, choices=(1, 2), default=2)
    chosen = arguments.parse_args()
    result = score(chosen.folder, chosen.kdl_version)
    if not result.total:
        print(f"no cases in {chosen.folder / 'input'}", file=sys.stderr)
        return 2
    for name, why in result.failures:
        print(f"failed: {name}: {why}")
    passed = result.reprinted + result.rejected
    print(
        f"{passed} of {result.total} passed: "
        f"{result.reprinted} canonical reprints equal, {result.rejected} rejected"
    )
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
