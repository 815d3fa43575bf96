"""Query parameters."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from gwc.schema.normalise.query import query_refusal, query_values
from hypothesis import given
from hypothesis import strategies as st

QUERIES = st.lists(
    st.one_of(
        st.sampled_from(
            ["&", "&&", "=", ";", "+", "%", "%41", "%4", "%zz", "%C3%A9", "%26", "%3D", "%2B", "a", "B"]
        ),
        st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"),
    ),
    max_size=15,
).map("".join)


@pytest.mark.parametrize("byte", [*range(0x20), 0x20, 0x23, 0x7F, 0x80, 0xFF])
def test_refused_bytes(byte: int) -> None:
    """Sentence: raw controls, spaces, `#` or bytes above 0x7F: 400."""
    refusal = query_refusal(f"a={chr(byte)}")
    assert refusal is not None
    assert refusal.reason == "query-byte"


@pytest.mark.parametrize("query", ["", "a=1", "a[]=%00&b=\"<>\\^`{|}'", "%", "?/:@"])
def test_everything_else_passes(query: str) -> None:
    """Every other byte may pass, escaped controls and bad escapes too."""
    assert query_refusal(query) is None


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("a=1&b=2", {"a": "1", "b": "2"}),
        ("a=1;b=2", {"a": "1;b=2"}),  # `;` separates nothing
        ("&&a=1&&", {"a": "1"}),  # empty pieces skipped
        ("a=1&a=2", {"a": "1"}),  # first value of a name
        ("a", {"a": ""}),  # a name without `=` has the empty value
        ("a&a=2", {"a": ""}),
        ("a=b=c", {"a": "b=c"}),
        ("=x", {"": "x"}),
        ("a+b=c+d", {"a b": "c d"}),
        ("%61=%62", {"a": "b"}),
        ("%61=1&a=2", {"a": "1"}),
        ("a=%2B%26%3D", {"a": "+&="}),
        ("a=%zz%4", {"a": "%zz%4"}),  # a bad escape stands for itself
        ("a=%%34%31", {"a": "%41"}),
        ("a=%2541", {"a": "%41"}),  # decoded once
        ("a=caf%C3%a9", {"a": "caf\xc3\xa9"}),  # bytes, one a character
        ("a=%00", {"a": "\0"}),
        ("A=1&a=2", {"A": "1", "a": "2"}),  # case-sensitive
    ],
)
def test_values(query: str, values: dict[str, str]) -> None:
    """Sentence: split at `&`, empty pieces skipped, decoded with `+` as space, first value of a name."""
    assert query_values(query) == values


@given(QUERIES)
def test_same_as_the_standard_library(query: str) -> None:
    """The values are those that urllib reads with the same rules."""
    expected: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True, encoding="latin-1", max_num_fields=None):
        expected.setdefault(name, value)
    assert query_values(query) == expected
