"""Which patterns may run on a backtracking engine, and what every match begins with."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from gwc.schema.regex.ast import Node, Pattern, intervals
from gwc.schema.regex.automaton import is_deterministic, literal_prefix
from gwc.schema.regex.factor import factor
from gwc.schema.regex.parse import parse
from gwc.schema.regex.program import Choice, choose
from hypothesis import given
from hypothesis import strategies as st

from .patterns import TooManySteps, patterns, size_of, steps_to_decide


def _tree(pattern: str) -> Node:
    parsed = parse(pattern)
    assert isinstance(parsed, Pattern)
    return parsed.tree


BACKTRACKING = [
    "(a+)+b",
    "(a|a)*b",
    "(a|aa)+$",
    ".*.*x",
    "([a-z]+)*!",
    "(.*a){20}",
    "(a?b?|a)+c".replace("a?b?|a", "ab?|a"),
    "(x+x+)+y",
    "(a|b|ab)*c",
    "(\\w+\\s?)*$",
    "([a-zA-Z0-9])(([\\-.]|[_]+)?([a-zA-Z0-9]+))*@",
    "(?:x(?:|))*y",
    "(?:x(?:y|z?|w?))*!",
    ".*\\.json",
    "[^/]+-[0-9]+",
    "a{1,3}a{1,3}b",
    "(ab?){2,3}b",
    "(a{2}){1,3}a{2}",
]


@pytest.mark.parametrize("pattern", BACKTRACKING)
def test_patterns_that_can_be_read_in_two_ways_run_on_the_linear_engine(pattern: str) -> None:
    """The known ways to make a backtracking engine hang, and their harmless relatives."""
    choice = choose(pattern)
    assert isinstance(choice, Choice)
    assert choice.engine == "re2"


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "/users/[0-9]+",
        "/users/(?P<id>[0-9]+)/files/(?P<name>[a-z0-9.]+)",
        "v1|v2",
        "get|give|put",
        "orders|orders-archive",
        "[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63})*",
        "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        "/(en|de|fr)(/.*)?",
        "a{3}a",
        "(ab?c){2,5}d",
        "(?i)/Foo/[^a]*",
        "(a|b?)c",
        "x(|y)",
        "a*?b",
    ],
)
def test_patterns_with_one_way_to_match_run_on_re(pattern: str) -> None:
    """What people write for versions, ids, languages and host names needs no linear engine."""
    choice = choose(pattern)
    assert isinstance(choice, Choice)
    assert choice.engine == "re"


def test_a_backtracking_matcher_does_hang_on_the_known_patterns() -> None:
    """The measure that the next test trusts tells the bad patterns from the good."""
    for pattern in ("(a+)+b", "(a|a)*b", "([a-z]+)*!", "(?:x(?:|))*y"):
        letter = "x" if "x" in pattern else "a"
        with pytest.raises(TooManySteps):
            steps_to_decide(_tree(pattern), letter * 40, 100_000)


@given(patterns(), st.text("abAB1/.", max_size=6), st.integers(1, 12), st.sampled_from(["", "!", "a", "\n"]))
def test_deterministic_patterns_are_never_read_twice(pattern: str, piece: str, times: int, end: str) -> None:
    """A backtracking matcher decides in steps that grow with the text, whatever the text."""
    tree = factor(_tree(pattern))
    if is_deterministic(tree):
        text = piece * times + end
        steps_to_decide(tree, text, (len(text) + 1) * (size_of(tree) + 1))


@given(patterns(), st.data())
def test_deterministic_patterns_are_never_read_twice_on_texts_of_their_own(
    pattern: str, data: st.DataObject
) -> None:
    """The same with texts that go deep into the pattern before they fail."""
    from .patterns import texts_of

    tree = factor(_tree(pattern))
    if is_deterministic(tree):
        text = data.draw(texts_of(tree)) + data.draw(st.sampled_from(["", "!", "\xff"]))
        steps_to_decide(tree, text, (len(text) + 1) * (size_of(tree) + 1))


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("/users/[0-9]+", "/users/"),
        ("/v1|/v2", "/v"),
        ("abc", "abc"),
        ("(?i)abc", ""),
        ("(?i)/a", "/"),
        ("a{3}b", "aaab"),
        ("a{3,}b", "aaa"),
        ("(ab)+c", "ab"),
        ("(?P<x>ab)c?d", "ab"),
        ("a?b", ""),
        ("(ab|a)c", "a"),
        ("(abc|abc)d", "abcd"),
        (".*", ""),
        ("", ""),
        ("|a", ""),
        ("a{1000}", "a" * 256),
        ("\xc3\xa9+x", "\xc3\xa9"),
    ],
)
def test_the_literal_prefix_is_as_long_as_it_can_be(pattern: str, prefix: str) -> None:
    """What is plain at the beginning is known, up to the first thing that is not."""
    assert literal_prefix(_tree(pattern)) == prefix


@given(st.integers(0, (1 << 256) - 1))
def test_intervals_are_the_set(members: int) -> None:
    """Intervals hold exactly the bytes of a set, ascending and never touching."""
    found = intervals(members)
    assert sum((1 << high + 1) - (1 << low) for low, high in found) == members
    assert all(before[1] + 1 < after[0] for before, after in pairwise(found))


def test_long_patterns_are_judged_quickly() -> None:
    """Nothing in the analysis grows with the square of the pattern."""
    words = "|".join(f"w{number}" for number in range(400))
    letters = "".join(f"[{chr(0x61 + number % 26)}]?/" for number in range(600))
    began = time.process_time()
    for pattern in (words, letters, "(?:" + "a?" * 1999 + ")", "(" * 50 + "a" + ")+" * 50):
        assert isinstance(choose(pattern), Choice)
    assert time.process_time() - began < 2
