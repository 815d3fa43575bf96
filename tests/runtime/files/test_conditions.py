"""Conditions and ranges, row by row as RFC 9110 has them."""

from __future__ import annotations

import pytest
from gwc.runtime.files.conditions import MOST_RANGES, Part, date_of, judged, parts_of
from hypothesis import given
from hypothesis import strategies as st

ETAG = '"abc"'
THEN = 1_700_000_000
BEFORE, AT, AFTER = (date_of(THEN + each) for each in (-1, 0, 1))


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 200),
        ({"if-none-match": '"abc"'}, 304),
        ({"if-none-match": 'W/"abc"'}, 304),
        ({"if-none-match": '"x", "abc"'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, 200),
        ({"if-none-match": '"x"', "if-modified-since": AFTER}, 200),
        ({"if-modified-since": AT}, 304),
        ({"if-modified-since": AFTER}, 304),
        ({"if-modified-since": BEFORE}, 200),
        ({"if-modified-since": "yesterday"}, 200),
        ({"if-match": '"abc"'}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": 'W/"abc"'}, 412),
        ({"if-match": '"x"'}, 412),
        ({"if-match": '"abc"', "if-unmodified-since": BEFORE}, 200),
        ({"if-unmodified-since": BEFORE}, 412),
        ({"if-unmodified-since": AT}, 200),
        ({"if-unmodified-since": "never"}, 200),
        ({"if-match": '"abc"', "if-none-match": '"abc"'}, 304),
    ],
)
def test_conditions(headers: dict[str, str], expected: int) -> None:
    """The tag counts before the date; a date that is none is not there."""
    assert judged(headers, ETAG, THEN) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-0", [(0, 0)]),
        ("bytes=2-5", [(2, 5)]),
        ("bytes=5-", [(5, 9)]),
        ("bytes=-3", [(7, 9)]),
        ("bytes=-30", [(0, 9)]),
        ("bytes=8-99", [(8, 9)]),
        ("bytes=0-1, 4-5", [(0, 1), (4, 5)]),
        ("bytes=8-9,0-1", [(8, 9), (0, 1)]),
        ("bytes=0-4,2-6", [(0, 6)]),
        ("Bytes=0-1", [(0, 1)]),
        ("bytes=0-1,20-30", [(0, 1)]),
        ("bytes=10-", []),
        ("bytes=20-30", []),
        ("bytes=-0", []),
        ("bytes=5-2", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0-1;2-3", None),
        ("lines=0-1", None),
        ("bytes=" + ",".join(["0-0"] * (MOST_RANGES + 1)), None),
        ("", None),
    ],
)
def test_ranges(asked: str, expected: list[tuple[int, int]] | None) -> None:
    """Parts as asked for, overlapping ones as one; what is not there is none, nonsense no range."""
    assert parts_of({"range": asked}, ETAG, THEN, 10) == expected


@pytest.mark.parametrize(
    ("condition", "holds"),
    [('"abc"', True), ('"x"', False), ('W/"abc"', False), (AT, True), (AFTER, False), (BEFORE, False)],
)
def test_if_range(condition: str, holds: bool) -> None:
    """A part is a part only of what the client has; else it gets the whole."""
    found = parts_of({"range": "bytes=0-1", "if-range": condition}, ETAG, THEN, 10)
    assert found == ([Part(0, 1)] if holds else None)


@given(st.text("bytes=0123456789-, ", max_size=40), st.integers(0, 30))
def test_any_range(asked: str, size: int) -> None:
    """Whatever is asked for, parts lie inside the file and no byte is in two."""
    parts = parts_of({"range": f"bytes={asked}"}, ETAG, THEN, size) or []
    seen = [byte for part in parts for byte in range(part.first, part.last + 1)]
    assert len(seen) == len(set(seen))
    assert all(0 <= byte < size for byte in seen)
