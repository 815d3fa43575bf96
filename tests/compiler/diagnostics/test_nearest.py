"""Did you mean."""

from __future__ import annotations

import random
import time

import pytest
from gwc.compiler.diagnostics.nearest import LONGEST, distance, nearest
from hypothesis import given
from hypothesis import strategies as st

KEYS = (
    "address",
    "header",
    "host",
    "matches",
    "method",
    "path",
    "path-prefix",
    "path-regex",
    "priority",
    "query",
    "request-headers",
    "response-headers",
    "split",
    "upstream",
    "weight",
)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("pathPrefix", "path-prefix"),
        ("path_prefix", "path-prefix"),
        ("PATH-PREFIX", "path-prefix"),
        ("pathprefix", "path-prefix"),
        ("prefix-path", "path-prefix"),
        ("headers", "header"),
        ("match", "matches"),
        ("queries", "query"),
        ("requestHeader", "request-headers"),
        ("metohd", "method"),
        ("adrdess", "address"),
        ("weihgt", "weight"),
        ("upsttream", "upstream"),
        ("prio", "priority"),
        ("regex", "path-regex"),
    ],
)
def test_a_mistyped_word_finds_the_one_that_was_meant(word: str, meant: str) -> None:
    """Case, separators, number, order, letters and beginnings are forgiven."""
    assert nearest(word, KEYS) == meant


@pytest.mark.parametrize("word", ["", "-", "zz", "timeout", "re", "xyzzy", "hosting-provider", "h" * 1000])
def test_nothing_is_suggested_for_a_word_that_is_like_none(word: str) -> None:
    """No guess is better than a wrong one."""
    assert nearest(word, KEYS) is None


def test_two_words_that_begin_alike_are_no_suggestion() -> None:
    """`re` words: where the beginning fits several, none is named."""
    assert nearest("orders", ["orders-read-only", "orders-write-only"]) is None
    assert nearest("orders", ["orders-read-only", "invoices"]) == "orders-read-only"


def test_one_letter_is_never_taken_for_another() -> None:
    """Names of one or two letters are too short for a mistyping to be told from another name."""
    assert nearest("a", ["b"]) is None
    assert nearest("ab", ["ac", "xb"]) is None
    assert nearest("A", ["a"]) == "a"


def test_the_same_first_letter_is_preferred() -> None:
    """Of two words as far away, the one that begins like the mistyped one is meant."""
    assert nearest("cart", ["part", "card"]) == "card"


@pytest.mark.parametrize(
    ("one", "other", "edits"),
    [
        ("abc", "abc", 0),
        ("abc", "acb", 1),
        ("abc", "ab", 1),
        ("abc", "xbc", 1),
        ("ca", "abc", 3),
        ("", "ab", 2),
    ],
)
def test_distance_counts_a_swap_as_one(one: str, other: str, edits: int) -> None:
    """Insert, delete, replace and swap cost one each."""
    assert distance(one, other, 5) == edits
    assert distance(other, one, 5) == edits


def _slow_distance(one: str, other: str) -> int:
    rows = [[max(i, j) if 0 in (i, j) else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            rows[i][j] = min(
                rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (one[i - 1] != other[j - 1])
            )
            if i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


@given(st.text("abc", max_size=9), st.text("abc", max_size=9), st.integers(0, 4))
def test_distance_is_the_textbook_one_up_to_its_limit(one: str, other: str, limit: int) -> None:
    """The narrow band gives what the whole matrix gives."""
    wanted = _slow_distance(one, other)
    assert distance(one, other, limit) == (wanted if wanted <= limit else None)


@given(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=20), st.randoms())
def test_the_answer_is_a_known_word_and_does_not_depend_on_order(
    word: str, known: list[str], chance: random.Random
) -> None:
    """Any text may be asked for among any texts."""
    found = nearest(word, known)
    assert found is None or found in known
    chance.shuffle(known)
    assert nearest(word, known) == found


@given(st.data())
def test_one_wrong_letter_is_found_among_many_names(data: st.DataObject) -> None:
    """The index of a large set finds what measuring one by one would find."""
    names = [f"service-{number:04}-{'abcdefgh'[number % 8]}" for number in range(2000)]
    name = data.draw(st.sampled_from(names))
    at = data.draw(st.integers(0, len(name) - 1))
    word = name[:at] + name[at + 1 :]
    found = nearest(word, names)
    assert found is not None
    assert distance(word.replace("-", ""), found.replace("-", ""), 1) is not None


def test_ten_thousand_names_and_long_words_are_no_burden() -> None:
    """A thousand mistakes against 10 000 names end; the quadratic way would take minutes."""
    names = tuple(f"route-{number:05}-orders" for number in range(10_000))
    began = time.perf_counter()
    for number in range(1000):
        nearest(f"ruote-{number:05}-ordesr", names)
        nearest("x" * (LONGEST + number), names)
    assert time.perf_counter() - began < 20
