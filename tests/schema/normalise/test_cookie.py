"""Cookies."""

from __future__ import annotations

import pytest
from gwc.schema.normalise.cookie import cookie_values
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("a=1; b=2", {"a": "1", "b": "2"}),
        ("a=1;b=2", {"a": "1", "b": "2"}),
        (" \ta=1 \t;\tb=2 ", {"a": "1", "b": "2"}),  # trimmed
        ("a=1;\xa0b=2\x0b", {"a": "1", "\xa0b": "2\x0b"}),  # of spaces and tabs only
        ("a=1; a=2", {"a": "1"}),  # the first of a name wins
        ("a=b=c", {"a": "b=c"}),  # at the first `=`
        ('a="x y"', {"a": '"x y"'}),  # quotes kept
        ("a=%41", {"a": "%41"}),  # escapes kept
        ("A=1; a=2", {"A": "1", "a": "2"}),  # case-sensitive
        ("a; b=1; ;", {"b": "1"}),  # a piece without `=` is ignored
        ("a=", {"a": ""}),
        ("=x", {"": "x"}),
        ("a =1", {"a ": "1"}),
        ("", {}),
    ],
)
def test_values(field: str, values: dict[str, str]) -> None:
    """Sentence: split at `;`, trimmed, at the first `=`; the first of a name wins, …."""
    assert cookie_values(field) == values


@given(st.text(st.characters(max_codepoint=0xFF), max_size=30))
def test_any_field_is_read(field: str) -> None:
    """No field raises, and every value stands in it as it was."""
    for name, value in cookie_values(field).items():
        assert f"{name}={value}" in field
