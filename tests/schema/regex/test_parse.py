"""What the dialect has, and what is said of what it has not."""

from __future__ import annotations

import time

import pytest
from gwc.schema.regex.ast import Pattern
from gwc.schema.regex.parse import parse
from gwc.schema.regex.program import Choice, choose, compile_program
from gwc.schema.regex.refusal import RegexRefusal
from hypothesis import given
from hypothesis import strategies as st


def _refusal(pattern: str) -> RegexRefusal:
    refusal = parse(pattern)
    assert isinstance(refusal, RegexRefusal), refusal
    return refusal


@pytest.mark.parametrize(
    ("pattern", "construct", "piece", "advice"),
    [
        ("a(?=b)", "lookahead", "(?=", "part of the pattern"),
        ("a(?!b)", "lookahead", "(?!", "`not`"),
        ("(?<=a)b", "lookbehind", "(?<=", "part of the pattern"),
        ("(?<!a)b", "lookbehind", "(?<!", "`not`"),
        ("(a)\\1", "back-reference", "\\1", "write out"),
        ("(?P<x>a)(?P=x)", "back-reference", "(?P=", "write out"),
        ("\\k<x>", "back-reference", "\\k", "write out"),
        ("a++", "possessive repeat", "++", "write `+`"),
        ("a{2,3}+b", "possessive repeat", "{2,3}+", "write `{2,3}`"),
        ("(?>a)", "atomic group", "(?>", "write `(?:`"),
        ("\\bfoo", "word boundary", "\\b", "say which"),
        ("\\Afoo", "anchor", "\\A", "take it out"),
        ("foo\\Z", "anchor", "\\Z", "take it out"),
        ("foo\\z", "anchor", "\\z", "take it out"),
        ("a^b", "anchor", "^", "`\\^`"),
        ("(^a)", "anchor", "^", "take it out"),
        ("a$b", "anchor", "$", "`\\$`"),
        ("(a$)", "anchor", "$", "take it out"),
        ("^^a", "anchor", "^", "take it out"),
        ("\\p{L}", "Unicode property", "\\p", "[A-Za-z]"),
        ("(?i:a)", "inline flag", "(?i:", "very beginning"),
        ("a(?i)b", "inline flag", "(?i)", "very beginning"),
        ("(?s)a", "inline flag", "(?s)", "take it out"),
        ("(?-i)a", "inline flag", "(?-i)", "(?i)"),
        ("\\012", "octal escape", "\\012", "`\\x0a`"),
        ("\\0", "octal escape", "\\0", "`\\x00`"),
        ("[\\1]", "octal escape", "\\1", "`\\x01`"),
        ("a**", "repeat of a repeat", "**", "one of them"),
        ("a+*", "repeat of a repeat", "+*", "one of them"),
        ("a{2}{3}", "repeat of a repeat", "{2}{", "one of them"),
        ("a*??", "repeat of a repeat", "*??", "one of them"),
        ("*.js", "repeat", "*", "write `.*`"),
        ("a|+", "repeat", "+", "`\\+`"),
        ("(?:)*", "repeat of the empty", "*", "at least one"),
        ("(a*)+", "repeat of the empty", "+", "at least one"),
        ("(a|b?)*", "repeat of the empty", "*", "at least one"),
        ("(a*)?", "repeat of the empty", "?", "at least one"),
        ("a{1001}", "count", "{1001}", "`*` or `+`"),
        ("a{99999999999999999999}", "count", "{99999999999999999999}", "`*` or `+`"),
        ("(a{100}){100}", "count", "{100}", "`*` or `+`"),
        ("a{3,2}", "count", "{3,2}", "`{2,3}`"),
        ("a{,3}", "count", "{,3}", "`{0,3}`"),
        ("a{2, 3}", "count", "{2, 3}", "`{2,3}`"),
        ("a{0}", "count", "{0}", "take the item out"),
        ("(.{100}){10}.{1000}.", "size", "(.{100}){10}.{1000}.", "several patterns"),
        ("/u/{id}", "bracket", "{id}", "`path-template`"),
        ("a{b", "bracket", "{", "`\\{`"),
        ("a}", "bracket", "}", "`\\}`"),
        ("a]", "bracket", "]", "`\\]`"),
        ("(a", "group", "(", "close it"),
        ("a)", "group", ")", "`\\)`"),
        ("(?", "group", "(?", "`(?:`"),
        ("(?<x>a)", "group name", "(?<x>", "`(?P<x>`"),
        ("(?P<1>a)", "group name", "(?P<1", "no digit"),
        ("(?P<x-y>a)", "group name", "(?P<x-y", "letters, digits and `_`"),
        ("(?P<x>a)(?P<x>b)", "group name", "x", "own name"),
        ("(?#c)a", "comment", "(?#", "comment of the file"),
        ("(?(1)a|b)", "conditional", "(?(", "alternatives"),
        ("[a", "class", "[", "close it"),
        ("[]a]", "class", "[]", "`\\]`"),
        ("[^\\d\\D]", "class", "[^\\d\\D]", ""),
        ("[[:alpha:]]", "POSIX class", "[:alpha:]", "`A-Za-z`"),
        ("[[a]b]", "nested class", "[", "`\\[`"),
        ("[a&&b]", "set operation", "&&", "`\\&`"),
        ("[a--b]", "set operation", "--", "`\\-`"),
        ("[z-a]", "range", "z-a", "`a-z`"),
        ("[\\w-.]", "range", "\\w-.", "`\\-`"),
        ("[a-\\d]", "range", "a-\\d", "`\\-`"),
        ("\\", "escape", "\\", "`\\\\`"),
        ("\\y", "escape", "\\y", "write `y`"),
        ("\\xg1", "escape", "\\x", "`\\x2f`"),
        ("\\x{2f}", "Unicode escape", "\\x{", "`\\x2f`"),
        ("\\u00e9", "Unicode escape", "\\u", "the character itself"),
        ("a\nb", "control character", "\n", "`\\n`"),
        ("[\t]", "control character", "\t", "`\\t`"),
    ],
)
def test_what_is_not_in_the_dialect_is_named_at_its_place(
    pattern: str, construct: str, piece: str, advice: str
) -> None:
    """Each refusal names the construct, points at it alone, and says what to write instead."""
    refusal = _refusal(pattern)
    assert refusal.construct == construct
    assert pattern[refusal.offset : refusal.offset + refusal.length] == piece
    assert advice in refusal.help


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("a.c", ["abc", "a\xffc"], ["a\nc", "ac"]),
        ("^/v[0-9]+$", ["/v1", "/v22"], ["/v", "x/v1", "/v1\n"]),
        ("^a|b$", ["a", "b"], ["ab"]),
        ("(?i)^Ab$", ["ab", "AB"], ["a"]),
        ("(?i)[^a]", ["b"], ["a", "A"]),
        ("[a-c-]", ["a", "-", "c"], ["d"]),
        ("[-a]|[a-]", ["-", "a"], ["b"]),
        ("[\\]\\-\\\\^]", ["]", "-", "\\", "^"], ["a"]),
        ("[a^]", ["^", "a"], ["b"]),
        ("\\s", [" ", "\t", "\n", "\r", "\f"], ["\x0b", "\x85", "\xa0", "x"]),
        ("\\d", ["0", "9"], ["\xb2", "a"]),
        ("\\w", ["_", "a", "Z", "0"], ["\xe9", "-"]),
        ("[^\\W\\d]", ["a", "_"], ["1", "-"]),
        ("a||b", ["a", "", "b"], ["ab"]),
        ("()", [""], ["a"]),
        ("a{2,}", ["aa", "aaaa"], ["a"]),
        ("a{1,2}?b", ["ab", "aab"], ["aaab"]),
        ("a{02}", ["aa"], ["a"]),
        ("\\/\\ \\_\\#", ["/ _#"], [""]),
        ("(?:a|b)(c)", ["ac", "bc"], ["c"]),
        ("[\\x00-\\x1f]", ["\x00", "\x1f"], [" "]),
        ("\"'<>&%~`!@=,;: ", ["\"'<>&%~`!@=,;: "], [""]),
    ],
)
def test_what_the_dialect_means(pattern: str, matching: list[str], others: list[str]) -> None:
    """Patterns match whole values as their readers expect."""
    choice = choose(pattern)
    assert isinstance(choice, Choice), choice
    program = compile_program(choice.program, choice.engine)
    assert [text for text in matching if not program.matches(text)] == []
    assert [text for text in others if program.matches(text)] == []


def _spelt(text: str) -> str:
    return text.encode().decode("latin-1")


def test_a_repeat_behind_a_character_beyond_ascii_repeats_the_character() -> None:
    """`é+` is one or more `é`, not an `é` whose last byte comes again."""
    choice = choose(_spelt("caf\u00e9+"))
    assert isinstance(choice, Choice)
    program = compile_program(choice.program, choice.engine)
    assert program.matches(_spelt("caf\u00e9\u00e9"))
    assert not program.matches(_spelt("caf\u00e9") + "\xa9")


def test_places_behind_characters_beyond_ascii_are_told_in_characters() -> None:
    """A refusal's place can be had in code points, as spans need it."""
    pattern = _spelt("\u00e9\u20ac\U0001f600\\b")
    refusal = _refusal(pattern).in_characters(pattern)
    assert (refusal.offset, refusal.length) == (3, 2)
    pattern = _spelt("\u00e9[\u00e9]")
    refusal = _refusal(pattern).in_characters(pattern)
    assert (refusal.construct, refusal.offset, refusal.length) == ("non-ASCII class", 2, 1)
    assert "`\u00e9`" in refusal.message


def test_nesting_and_length_have_limits() -> None:
    """Fifty groups in each other and 4096 bytes are read; more is refused, not crashed on."""
    assert isinstance(parse("(" * 50 + "a" + ")" * 50), Pattern)
    deep = _refusal("(" * 51 + "a" + ")" * 51)
    assert (deep.construct, deep.offset) == ("nesting", 50)
    assert _refusal("(" * 4000).construct == "nesting"
    assert isinstance(parse("[ab]*" * 400), Pattern)
    assert _refusal("a" * 4097).construct == "length"
    assert _refusal("a" * 2001).construct == "size"


def test_groups_are_told_in_the_order_in_which_they_open() -> None:
    """Names of captures come in written order, unnamed groups do not capture."""
    parsed = parse("(?P<outer>(x)(?P<inner>y))(?P<last>z)")
    assert isinstance(parsed, Pattern)
    assert parsed.groups == ("outer", "inner", "last")


@given(st.text(st.characters(max_codepoint=0xFF), max_size=40))
def test_no_text_is_an_exception(pattern: str) -> None:
    """Any text is a pattern or a refusal whose place lies inside it."""
    parsed = choose(pattern)
    if isinstance(parsed, RegexRefusal):
        assert 0 <= parsed.offset <= parsed.offset + parsed.length <= len(pattern)
        assert parsed.message
        parsed.in_characters(pattern)


@given(st.lists(st.sampled_from([*"()[]{}|*+?.^$\\-:,<>Pi!=#&ab01", "(?", "(?P<", "[:", "{1,"]), max_size=20))
def test_no_heap_of_marks_is_an_exception(pieces: list[str]) -> None:
    """The same for text that is made of what is special."""
    parsed = choose("".join(pieces))
    if isinstance(parsed, RegexRefusal):
        assert 0 <= parsed.offset <= parsed.offset + parsed.length <= sum(map(len, pieces))


def test_long_nonsense_is_refused_in_no_time() -> None:
    """Patterns at the limit of length, made to be slow to read, are not."""
    began = time.process_time()
    for piece in ("(", "[", "(?P<", "[[:", "{", "a{", "\\x{", "[a-", "(?:a|", "a?", "[^a]*", "((a)", "(?<a"):
        choose((piece * 4096)[:4096])
    assert time.process_time() - began < 2
