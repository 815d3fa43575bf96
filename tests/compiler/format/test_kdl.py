"""The one layout of KDL: what it looks like, that it keeps everything, that it stays."""

from __future__ import annotations

import os
from itertools import islice
from pathlib import Path

import pytest
from gwc.compiler.format.kdl import check_format, comments, format_kdl
from gwc.compiler.parse.kdl import read
from gwc.schema.diagnostic import Severity
from hypothesis import assume, given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[3]

CASES = {
    "nothing": ("", ""),
    "blank lines only": ("\n\n  \n", ""),
    "spaces and indentation": (
        'routes{\n  route   "a"\t1   k  =  "v"  {\n\tx\n }}',
        'routes {\n    route "a" 1 k="v" {\n        x\n    }\n}\n',
    ),
    "line ends": ("a\r\nb\rc\u2028d", "a\nb\nc\nd\n"),
    "a byte order mark": ("\ufeffa", "a\n"),
    "one-line blocks": (
        "matches { host a b; path c; not { query d } }; respond",
        "matches {\n    host a b\n    path c\n    not {\n        query d\n    }\n}\nrespond\n",
    ),
    "empty blocks": ("a {\n\n}\nb {}", "a {}\nb {}\n"),
    "blank lines": (
        "\n\na\n\n\n\nb {\n\n\n    c\n\n\n    d\n\n}\n\n\n",
        "a\n\nb {\n    c\n\n    d\n}\n",
    ),
    "literals as they are": (
        'a 0xFF 1_000 1.50 +1e3 "\\u{41}\\s" #"raw"# #true "word" word',
        'a 0xFF 1_000 1.50 +1e3 "\\u{41}\\s" #"raw"# #true "word" word\n',
    ),
    "type annotations": ("( t ) a ( u )  1 k = ( v ) 2", "(t)a (u)1 k=(v)2\n"),
    "own-line comments": (
        "// one\na {\n// two\n\n// three\nb\n// four\n}\n// five",
        "// one\na {\n    // two\n\n    // three\n    b\n    // four\n}\n// five\n",
    ),
    "trailing comments": (
        "a// one   \nb /* two */\nc {   // three\n d } // four\ne; // five\n",
        "a // one\nb /* two */\nc { // three\n    d\n} // four\ne // five\n",
    ),
    "comments in a line": (
        "a /*1*/ b/*2*/c=/*3*/d /*4*/ {\n/*5*/ e\n}\n/*6*/ f",
        "a /*1*/ b /*2*/ c=/*3*/ d /*4*/ {\n    /*5*/ e\n}\n/*6*/ f\n",
    ),
    "comments in an empty block": (
        "a { /* none */ }\nb {\n// none\n}\nc { // none\n}\nd {\n/* none */ }",
        "a { /* none */ }\nb {\n    // none\n}\nc { // none\n}\nd {\n    /* none */\n}\n",
    ),
    "block comments keep their lines": (
        "a {\n  /* one\n   * two\r\n   */\n}",
        "a {\n    /* one\n   * two\n   */\n}\n",
    ),
    "comments before a semicolon": ("a /* of a */; /* of b */ b", "a /* of a */\n/* of b */ b\n"),
    "continued lines": (
        "a b \\\n c \\ // why\n\td\\\n\n\\\ne {}",
        "a b \\\n    c \\ // why\n    d\n\ne {}\n",
    ),
    "continued lines of no use": ("a \\\n  \\\n  b=\\\n  c (\\\n  t)d \\\n\n", "a \\\n    b=c (t)d\n"),
    "what is commented out": (
        "/-   a 1 {\n b }\nc /- 1 /-  k=2   /-{ d } {\n /-e\n}\n/-\n\n// why\n f",
        "/-a 1 {\n    b\n}\nc /-1 /-k=2 /-{\n    d\n} {\n    /-e\n}\n/-// why\n    f\n",
    ),
    "the marker of the version": ("/-kdl-version 2\na", "/- kdl-version 2\na\n"),
    "multi-line strings move as a whole": (
        'a {\nbody """\n  one\n    two\n\n   \n  three\n  """ k=1\n}',
        'a {\n    body """\n        one\n          two\n\n\n        three\n        """ k=1\n}\n',
    ),
    "raw multi-line strings too": (
        'a ##"""\n\t\tC:\\x\n\t\t\t"y"#\n\t\t"""##',
        'a ##"""\n    C:\\x\n    \t"y"#\n    """##\n',
    ),
    "but not where space is escaped": (
        'a {\n  b """\n   one \\\n two\n   """\n}',
        'a {\n    b """\n   one \\\n two\n   """\n}\n',
    ),
    "KDL 1 stays KDL 1": (
        'a true { b r"c"; d "e\n  f"; }',
        'a true {\n    b r"c"\n    d "e\n  f"\n}\n',
    ),
    "KDL 1 continues lines after what comments out": (
        "a true /- \\ // why\n 1 /- \\\n 2",
        "a true /- \\ // why\n    1 /-2\n",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_text_is_laid_out(name: str) -> None:
    """The layout is as written here, says the same, and is laid out as itself."""
    text, expected = CASES[name]
    assert format_kdl(text) == expected
    assert check_format(text, expected) is None
    assert format_kdl(expected) == expected


def test_comments_are_counted_wherever_they_stand() -> None:
    """All comments in order, what is commented out included, but nothing that stands in a string."""
    text = '// a  \nb /*c\r\n*/ d=/*e*/1 ( /*f*/ t)x "//g" {// h\n /- i /*j*/ {\n//k\n}} \\ //l\n'
    assert comments(text) == ("// a", "/*c\n*/", "/*e*/", "/*f*/", "// h", "/*j*/", "//k", "//l")


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("a 1 {", "the result would not be KDL"),
        ("a 2 // c\n/-b 1\n", "the result would not mean the same"),
        ("a 1\n// c\n/-b 1\nd\n", "the result would not mean the same"),
        ("a 1 // c\n/-b 2\n", "the result would not have the same text commented out"),
        ("a 1 // c\n", "the result would not have the same text commented out"),
        ("a 1\n/-b 1\n", "the result would not have the same comments"),
        ("a 1 // c // c\n/-b 1\n", "the result would not have the same comments"),
    ],
)
def test_a_result_that_says_something_else_is_refused(after: str, reason: str) -> None:
    """Nothing is written unless tree, comments and what is commented out are unchanged."""
    assert check_format("a 1 // c\n/-b 1\n", after) == reason


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a 1", "a 1.0"),
        ("a 1", 'a "1"'),
        ("a #true", "a 1"),
        ("a", "a {}"),
        ("a k=1 k=2", "a k=2"),
        ("a k=1 l=2", "a l=2 k=1"),
        ("(t)a", "a"),
        ("a { b; c }", "a { b c }"),
        ('a """\n  b\n  """', 'a """\n   b\n  """'),
    ],
)
def test_small_differences_are_seen(before: str, after: str) -> None:
    """Values that look alike, an empty block, an order: all are part of the tree."""
    assert check_format(before, after) == "the result would not mean the same"


def test_spelling_and_layout_are_no_difference() -> None:
    """What says the same may take its place."""
    assert check_format('a"b"', "a") is not None
    assert check_format("a 1;b  {c}", "a 0x1\n\nb {\n    c\n}") is None
    assert check_format("a #nan", "a  #nan") is None


def test_the_suite_is_laid_out_without_loss() -> None:
    """Every valid case of both official suites keeps tree and comments, and is stable."""
    given = os.environ.get("GWC_KDL_SUITE")
    folder = Path(given) if given else ROOT.parent / "shared" / "kdl-suite"
    if not folder.is_dir():
        pytest.skip(f"no KDL suite in {folder}")
    laid_out = 0
    for path in sorted(folder.glob("v*/input/*.kdl")):
        text = path.read_bytes().decode("utf-8")
        if any(finding.severity is Severity.ERROR for finding in read(text, "f").diagnostics):
            continue
        once = format_kdl(text)
        assert check_format(text, once) is None, path.name
        assert format_kdl(once) == once, path.name
        laid_out += 1
    assert laid_out > 400


PIECES = st.sampled_from(
    [
        "a", "b", ' "c"', " 1", " k=2", " (t)d", " {", "}", "\n", "\n\n", ";", " ", "\t", "// e\n", "/* f */",
        "/* g\n h */", "/-", " \\\n", " \\ // i\n", ' """\n  j\n    k\n\n  """', " #true", "\r\n",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
def test_whatever_is_kdl_is_laid_out_without_loss(text: str) -> None:
    """Pieces put together at random: where they are KDL, their layout says the same, and stays."""
    text += "}" * (text.count("{") - text.count("}"))
    assume(not any(finding.severity is Severity.ERROR for finding in read(text, "f").diagnostics))
    once = format_kdl(text)
    assert check_format(text, once) is None
    assert format_kdl(once) == once
    assert list(islice((line for line in once.split("\n") if line.endswith((" ", "\t"))), 1)) == []
