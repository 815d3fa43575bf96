"""Both engines read every program alike, and as the dialect means it."""

from __future__ import annotations

import re

import pytest
from gwc.schema.regex.ast import ALL_BYTES, Pattern
from gwc.schema.regex.automaton import is_deterministic, literal_prefix
from gwc.schema.regex.emit import emit
from gwc.schema.regex.factor import factor
from gwc.schema.regex.parse import parse
from gwc.schema.regex.program import Choice, Engine, choose, compile_program
from hypothesis import given
from hypothesis import strategies as st

from .patterns import ALPHABET, can_be_empty, cases, holds, patterns


def _parsed(pattern: str) -> Pattern:
    parsed = parse(pattern)
    assert isinstance(parsed, Pattern)
    return parsed


@given(cases())
def test_the_engines_agree_on_matches_and_captures(case: tuple[str, str]) -> None:
    """For every pattern and text both engines give the same answer and the same captures."""
    pattern, text = case
    program = emit(_parsed(pattern).tree)
    assert compile_program(program, "re").fullmatch(text) == compile_program(program, "re2").fullmatch(text)


@given(cases())
def test_the_chosen_program_means_what_the_tree_says(case: tuple[str, str]) -> None:
    """The program that is chosen matches exactly the texts that the tree describes."""
    pattern, text = case
    choice = choose(pattern)
    assert isinstance(choice, Choice)
    assert bool(compile_program(choice.program, choice.engine).matches(text)) == holds(
        _parsed(pattern).tree, text
    )


@given(cases())
def test_drawing_alternatives_together_changes_nothing(case: tuple[str, str]) -> None:
    """The factored tree matches the same texts, and where it runs on `re`, with the same captures."""
    pattern, text = case
    tree = _parsed(pattern).tree
    drawn = factor(tree)
    assert holds(drawn, text) == holds(tree, text)
    if is_deterministic(drawn):
        before, after = (compile_program(emit(each), "re").fullmatch(text) for each in (tree, drawn))
        assert before == after


@given(cases())
def test_re_reads_the_pattern_itself_the_same_way(case: tuple[str, str]) -> None:
    """What a person writes means what Python's documentation says, but for VT in `\\s`."""
    pattern, text = case
    if "\\s" in pattern.lower():
        text = text.replace("\x0b", "")
    own = compile_program(emit(_parsed(pattern).tree), "re").fullmatch(text)
    # Bytes: the letters of `(?i)` are then ASCII, as in the dialect.
    found = re.compile(pattern.encode("latin-1")).fullmatch(text.encode("latin-1"))
    theirs = None if found is None else {k: v.decode("latin-1") for k, v in found.groupdict(b"").items()}
    assert own == theirs


@given(cases())
def test_str_and_bytes_are_the_same_to_re(case: tuple[str, str]) -> None:
    """A program means the same for latin-1 text and for its bytes."""
    pattern, text = case
    program = emit(_parsed(pattern).tree)
    on_bytes = re.compile(program.encode("ascii")).fullmatch(text.encode("latin-1"))
    assert (re.compile(program).fullmatch(text) is None) == (on_bytes is None)


@given(cases())
def test_every_match_begins_with_the_prefix(case: tuple[str, str]) -> None:
    """The matcher may look at the literal prefix before it asks an engine."""
    pattern, text = case
    tree = _parsed(pattern).tree
    if holds(tree, text):
        assert text.startswith(literal_prefix(tree))
        assert text.startswith(literal_prefix(factor(tree)))


@given(patterns())
def test_a_program_reads_back_as_its_own_tree(pattern: str) -> None:
    """A program is itself a pattern of the dialect, and the same one."""
    tree = _parsed(pattern).tree
    assert _parsed(emit(tree)).tree == tree


@given(patterns())
def test_what_can_be_empty_matches_the_empty_text(pattern: str) -> None:
    """The parser's notion of what can be empty is the engines'."""
    tree = _parsed(pattern).tree
    assert can_be_empty(tree) == bool(compile_program(emit(tree), "re2").matches(""))


@given(cases())
def test_ignore_case_is_the_flag(case: tuple[str, str]) -> None:
    """`ignore_case` and `(?i)` are the same, and neither tells upper from lower case."""
    pattern, text = case
    bare = pattern.removeprefix("(?i)")
    choice = choose(bare, ignore_case=True)
    flagged = choose("(?i)" + bare)
    assert isinstance(choice, Choice)
    assert isinstance(flagged, Choice)
    assert choice.program == flagged.program
    program = compile_program(choice.program, choice.engine)
    swapped = text.translate({ord(char): ord(char.swapcase()) for char in "abAB"})
    assert bool(program.matches(text)) == bool(program.matches(swapped))


@given(st.text(st.characters(max_codepoint=0xFF), max_size=6))
def test_every_byte_has_a_spelling(text: str) -> None:
    """Escaped literals of any bytes match themselves and nothing else, on both engines."""
    pattern = "".join(f"\\x{ord(char):02x}" for char in text)
    program = emit(_parsed(pattern).tree)
    for compiled in (compile_program(program, "re"), compile_program(program, "re2")):
        assert compiled.matches(text)
        assert not compiled.matches(text + "a")


@pytest.mark.parametrize("engine", ["re", "re2"])
def test_every_set_of_bytes_is_spelt_right(engine: Engine) -> None:
    """Each single byte, and each single byte left out, on both engines."""
    for byte in range(256):
        for pattern, members in (
            (f"\\x{byte:02x}", 1 << byte),
            (f"[^\\x{byte:02x}]", ALL_BYTES & ~(1 << byte)),
        ):
            compiled = compile_program(emit(_parsed(pattern).tree), engine)
            assert sum(1 << other for other in range(256) if compiled.matches(chr(other))) == members


def test_the_alphabet_of_these_tests_is_worth_it() -> None:
    """Matches, near misses and texts with line feeds and high bytes all happen."""
    assert {"\n", "\xe9", "\x0b"} <= set(ALPHABET)
