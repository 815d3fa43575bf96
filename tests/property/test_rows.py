"""Every hand-written row, asked of the oracle and of the compiled table."""

from __future__ import annotations

import pytest
from gwc.schema.normalise.sample import sample_of

from .build import Row
from .oracle import decide
from .reading import Refused
from .rows import ROWS


def named(row: Row) -> str:
    """A row's name is its id."""
    return row.name


def test_rows_have_names_of_their_own() -> None:
    """No two rows share a name, so that a failure names one."""
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_oracle(row: Row) -> None:
    """The oracle gives the answer that a person wrote down."""
    verdict = decide(row.config, row.asked.raw, row.asked.address, late=row.asked.late, sample_of=sample_of)
    if isinstance(verdict, Refused):
        assert verdict.statuses == {row.expected}
    elif verdict.winner is None:
        assert row.expected is None
    else:
        numbered = isinstance(row.expected, str) and "#" in row.expected
        route = verdict.winner.route
        assert row.expected == (f"{route}#{verdict.winner.match}" if numbered else route)
        assert row.captures is None or dict(verdict.captures) == dict(row.captures)
