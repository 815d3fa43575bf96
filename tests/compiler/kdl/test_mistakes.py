"""What KDL 2 is not, case by case: a text with the mistake between « and », and what is said of it."""

from __future__ import annotations

import re

import pytest
from gwc.compiler.parse.kdl import parse, parse_version
from gwc.compiler.parse.kdl.messages import Version
from gwc.schema.diagnostic import Severity

CASES = {
    # Strings
    'a «"»b': ("GWC101", "this string is never closed"),
    'a «#"»b"': ("GWC101", "this string is never closed"),
    'a "b" «"""»\n c\n': ("GWC101", "this string is never closed"),
    'a «##"""»\n c\n """#\n': ("GWC101", "this string is never closed"),
    'a «"»b {\n  c\n}': ("GWC101", "this string is never closed"),
    'a «"»b\n c\n  d"\ne': ("GWC133", "a string in quotes ends on its line"),
    'a b «"»\n  c\n  "\ne': ("GWC133", "a string in quotes ends on its line"),
    r'a "b«\q»c"': ("GWC103", r"`\q` is no escape"),
    r'a "b«\u»41"': ("GWC103", r"`\u` is no escape"),
    r'a "b«\u»{1234567}"': ("GWC103", r"`\u` is no escape"),
    r'a b "«\/»"': ("GWC103", r"`\/` is no escape"),
    'a """\n b«\\x»\n """': ("GWC103", "`\\x` is no escape"),
    r'a "b«\u{d800}»"': ("GWC104", r"`\u{d800}` is no character"),
    r'a "b«\u{110000}»"': ("GWC104", r"`\u{110000}` is no character"),
    'a «"""»b"""': ("GWC113", "the text of a multi-line string begins on the next line"),
    'a «#"""»b\n  c\n  """#\nd': ("GWC113", "the text of a multi-line string begins on the next line"),
    'a """\n  b«"""»': ("GWC114", 'the closing `"""` has to stand on a line of its own'),
    'a """\n  b\\\n  «"""»': ("GWC114", 'the closing `"""` has to stand on a line of its own'),
    'a """\n«  »b\n   """': ("GWC115", "this line is not indented like the closing quotes"),
    'a """\n  b\n«c»\n  d\n  """': ("GWC115", "this line is not indented like the closing quotes"),
    'a #"""\n«\t»b\n  """#': ("GWC115", "this line is not indented like the closing quotes"),
    'a b «r"c\\d"»': ("GWC116", "a raw string has no `r` before it"),
    'a b «r#"c"d"#»': ("GWC116", "a raw string has no `r` before it"),
    # Words and numbers
    "a b «true»": ("GWC105", "`true` is not a value"),
    "a b k=«null»": ("GWC105", "`null` is not a value"),
    "«true» b": ("GWC105", "`true` cannot be a name without quotes"),
    "a («inf»)b": ("GWC105", "`inf` cannot be a name without quotes"),
    "a b «-inf»=1": ("GWC105", "`-inf` cannot be a name without quotes"),
    "a «#treu»": ("GWC106", "`#treu` is not a keyword"),
    "a «#yes»": ("GWC106", "`#yes` is not a keyword"),
    "«#» a comment \" { it's\na": ("GWC106", "`#` stands before no keyword"),
    "a b «##» c": ("GWC106", "`#` stands before no keyword"),
    "a «30s»": ("GWC107", "`30s` is not a number"),
    "a «.5» b «-.5»": ("GWC107", "`.5` is not a number"),
    "a «0x_1» «0xg» «0b2» «0o8» «1.» «1.e1» «1e» «1._1» «0X1»": ("GWC107", "`0x_1` is not a number"),
    "a «1e10000»": ("GWC108", "this number is too long"),
    "a «" + "1" * 1001 + "»": ("GWC108", "this number is too long"),
    "a «/b/{c}/d» e": ("GWC111", "`/b/{c}/d` has to stand in quotes"),
    "a k=«10.0.0.0/8» e": ("GWC111", "`10.0.0.0/8` has to stand in quotes"),
    "a «b#c» «d\\e» «f[0]»": ("GWC111", "`b#c` has to stand in quotes"),
    'a «[»"GET", "POST"] b': ("GWC134", "`[` has no meaning here"),
    "a «[»b, c]\nd": ("GWC134", "`[` has no meaning here"),
    # Characters
    "a «\0» b\0c": ("GWC109", "a NUL character (U+0000) may not stand here"),
    "a // «\x1b»": ("GWC109", "an escape character (U+001B) may not stand here"),
    "a b«\ufeff»": ("GWC109", "a byte order mark that is not at the beginning (U+FEFF) may not stand here"),
    'a "«\u202e»"': (
        "GWC109",
        "a character that changes the direction of writing (U+202E) may not stand here",
    ),
    "a «\ud800»": ("GWC109", "half of a surrogate pair (U+D800) may not stand here"),
    "a «\x7f»": ("GWC109", "a delete character (U+007F) may not stand here"),
    # Space
    'a "b"«c»': ("GWC110", "a space is missing before `c`"),
    'a b«"c"»': ("GWC110", 'a space is missing before `"c"`'),
    'a "b"«#true»': ("GWC110", "a space is missing before `#true`"),
    "a«(»t)b": ("GWC110", "a space is missing before `(`"),
    'a k="b"«l»=1': ("GWC110", "a space is missing before `l`"),
    'a "b"«,» "c"«,»"d"': ("GWC110", "a space is missing before `,`"),
    '"a"«:» "b"': ("GWC110", "a space is missing before `:`"),
    "a «\\» b": ("GWC112", "a line can only be continued from its end"),
    "a «\\»\tb\n": ("GWC112", "a line can only be continued from its end"),
    # Comments
    "a «/*» b": ("GWC102", "this comment is never closed"),
    "a {\n «/*» b /* c */\n}": ("GWC102", "this comment is never closed"),
    # Blocks
    "a «{»\n b": ("GWC117", "this `{` is never closed"),
    "a {\n b «{»\n  c\n}": ("GWC117", "this `{` is never closed"),
    "a {\n b {\n  c «{»\n   d\n }\n}": ("GWC117", "this `{` is never closed"),
    "a «{» b «{» c": ("GWC117", "this `{` is never closed"),
    "a\n«}»\nb": ("GWC118", "this `}` closes nothing"),
    "a «}» b": ("GWC118", "this `}` closes nothing"),
    "a {}\n«}»\n«}»": ("GWC118", "this `}` closes nothing"),
    "«{»\n b\n}\nc": ("GWC123", "this block belongs to no node"),
    "a\n«{» b }": ("GWC123", "this block belongs to no node"),
    "a; «{» b }": ("GWC123", "this block belongs to no node"),
    "a {} «b» {}": ("GWC124", "nothing may follow a block on its line, but `b` does"),
    "a {} «1» 2 3\nb": ("GWC124", "nothing may follow a block on its line, but `1` does"),
    "a {} «k=»1 2 3\nb": ("GWC124", "nothing may follow a block on its line, but `k` does"),
    "a {} «{» b }": ("GWC124", "a node has only one block"),
    "a /-{} «b» {}": ("GWC124", "nothing may follow a block on its line, but `b` does"),
    "a {} /- «b» {}": ("GWC124", "nothing may follow a block on its line, but `b` does"),
    # Properties
    "a «k=»": ("GWC119", "the property `k` has no value"),
    "a «k=»\nb": ("GWC119", "the property `k` has no value"),
    "a { b «k =»}": ("GWC119", "the property `k` has no value"),
    "a «k=» {\n}": ("GWC119", "the property `k` has no value"),
    "a 1«=»2": ("GWC120", "there is no key before this `=`"),
    "a #true «=»2": ("GWC120", "there is no key before this `=`"),
    "a k=l«=»2": ("GWC120", "there is no key before this `=`"),
    "«=»": ("GWC120", "there is no key before this `=`"),
    "a «=» 1": ("GWC121", "the node `a` takes its value without `=`"),
    "a; b«=»1 c=2": ("GWC121", "the node `b` takes its value without `=`"),
    # Names
    "«1» a": ("GWC122", "a node begins with its name, not with `1`"),
    "a { «#null» }": ("GWC122", "a node begins with its name, not with `#null`"),
    "(t)«1»": ("GWC122", "a node begins with its name, not with `1`"),
    # Type annotations
    "a «(»b": ("GWC125", "this `(` is never closed"),
    "a «(» {\n b\n}": ("GWC125", "this `(` is never closed"),
    "a «(»b c) d": ("GWC125", "this `(` is never closed"),
    "«(»a\nb": ("GWC125", "this `(` is never closed"),
    "a k=«(»\nb": ("GWC125", "this `(` is never closed"),
    "a «()»b": ("GWC125", "this type annotation has no name"),
    "a («1»)b": ("GWC125", "a type is named by a word, not by `1`"),
    "a «(t)»": ("GWC125", "this type annotation stands before nothing"),
    "«(t)»\na": ("GWC125", "this type annotation stands before nothing"),
    "a «(t)» {\n}": ("GWC125", "this type annotation stands before nothing"),
    "a «(t)»(u)b": ("GWC125", "this type annotation stands before nothing"),
    "a «(t)»k=1": ("GWC126", "a key has no type annotation"),
    "a «)»": ("GWC129", "this `)` closes nothing"),
    "«)»\na": ("GWC129", "this `)` closes nothing"),
    # What is commented out
    "a «/-»": ("GWC127", "this `/-` comments out nothing"),
    "a { «/-» }": ("GWC127", "this `/-` comments out nothing"),
    "a k=«/-»1": ("GWC127", "this `/-` comments out nothing"),
    "a (t)«/-»1": ("GWC127", "this `/-` comments out nothing"),
    "a («/-»t)1": ("GWC127", "this `/-` comments out nothing"),
    "a «/-»/-1": ("GWC127", "this `/-` comments out nothing"),
    "a {} «/-»": ("GWC127", "this `/-` comments out nothing"),
    "a «/-»; b": ("GWC127", "this `/-` comments out nothing"),
    # Ends
    "a;«;»b": ("GWC130", "this `;` ends nothing"),
    "«;»": ("GWC130", "this `;` ends nothing"),
    "a {«;» b }": ("GWC130", "this `;` ends nothing"),
    # Depth
    "a {" * 64 + "a «{»" + "a {" * 100 + "}" * 165: ("GWC128", "blocks are nested more than 64 deep"),
}


def marked(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its marks, and the stretches that were between them."""
    stretches = []
    parts = re.split("[«»]", text)
    pos = 0
    for number, part in enumerate(parts):
        if number % 2:
            stretches.append((pos, pos + len(part)))
        pos += len(part)
    return "".join(parts), stretches


def check(text: str, code: str, headline: str, version: Version) -> None:
    """The mistakes are found where they are marked, and nothing else is."""
    plain, stretches = marked(text)
    _, findings = parse_version(plain, "f", version)
    found = [(finding.span.start, finding.span.end) for finding in findings if finding.span]
    assert found == stretches, findings
    assert {finding.code for finding in findings} == {code}
    assert findings[0].headline == headline
    assert all(finding.severity is Severity.ERROR and finding.help for finding in findings)


@pytest.mark.parametrize("text", CASES, ids=repr)
def test_a_mistake_is_told_once_at_its_place(text: str) -> None:
    """The one thing that is wrong is found, at the smallest stretch that covers it."""
    check(text, *CASES[text], version=2)


CASES_V1 = {
    'a «"»b\n': ("GWC101", "this string is never closed"),
    'a «r##"»b"#': ("GWC101", "this string is never closed"),
    "a «/*» b": ("GWC102", "this comment is never closed"),
    'a "«\\s»"': ("GWC103", "`\\s` is no escape"),
    'a "«\\ »b"': ("GWC103", "`\\ ` is no escape"),
    'a "«\\u{110000}»"': ("GWC104", "`\\u{110000}` is no character"),
    "«true» 1": ("GWC105", "`true` cannot be a name without quotes"),
    "a «null»=1": ("GWC105", "`null` cannot be a name without quotes"),
    "a «1x»": ("GWC107", "`1x` is not a number"),
    'a "b"«"c"»': ("GWC110", 'a space is missing before `"c"`'),
    "a «[»": ("GWC111", "`[` has to stand in quotes"),
    "a «\\» 1": ("GWC112", "a line can only be continued from its end"),
    "«\\»\na": ("GWC112", "there is no line to continue here"),
    "a «{»\n b": ("GWC117", "this `{` is never closed"),
    "a\n«}»": ("GWC118", "this `}` closes nothing"),
    "a «k=»": ("GWC119", "the property `k` has no value"),
    'a {} «"b"»': ("GWC124", 'nothing may follow a block on its line, but `"b"` does'),
    "a «()»1": ("GWC125", "this type annotation has no name"),
    "a (t)« »1": ("GWC125", "there is no space in or after a type annotation in KDL 1"),
    "a (« »t)1": ("GWC125", "there is no space in or after a type annotation in KDL 1"),
    "a (t« »)1": ("GWC125", "there is no space in or after a type annotation in KDL 1"),
    "a «b» 1": ("GWC132", "`b` is not a value in KDL 1"),
    "a k=«b»": ("GWC132", "`b` is not a value in KDL 1"),
}


@pytest.mark.parametrize("text", CASES_V1, ids=repr)
def test_a_mistake_in_kdl_1_is_told_once_at_its_place(text: str) -> None:
    """The older version has rules, and words, of its own."""
    check(text, *CASES_V1[text], version=1)


def test_repeated_disallowed_characters_are_told_of_once() -> None:
    """One finding a kind of character says how many there are; many NULs look like another encoding."""
    _, findings = parse("r\0o\0u\0t\0e\0 \0a\0\n\0\0\x1b\x1b", "f")
    assert [(finding.code, finding.label) for finding in findings] == [
        ("GWC109", "here, the first of 9"),
        ("GWC109", "here, the first of 2"),
    ]
    assert "UTF-16" in findings[0].help


def test_a_nested_comment_is_pointed_at() -> None:
    """Where comments are nested, the inner one is the likely reason that the outer never ends."""
    _, (finding,) = parse("a /* b /* c */", "f")
    assert finding.secondary == ()
    _, (finding,) = parse("a /* b /* c", "f")
    assert [(label.span.start, label.span.end) for label in finding.secondary] == [(7, 9)]


def test_a_misindented_brace_is_pointed_at() -> None:
    """A `}` too many is found at the end; the one that does not fit its block is shown with it."""
    text = "a {\n  b {\n    c\n    }\n  }\n  d\n}\n"
    _, (finding,) = parse(text, "f")
    assert finding.code == "GWC118"
    assert [label.span.start for label in finding.secondary] == [text.index("    }") + 4]


def test_help_spells_the_remedy() -> None:
    """What the help tells to write is read without a mistake."""
    for text in ("a b true", "a b 30s", "a b /x/y", "a b .5", 'a b r"c\\d"', "a #treu", "(t)1"):
        _, (finding,) = parse(text, "f")
        remedy = re.findall("`([^`]+)`", finding.help)[0]
        _, findings = parse(f"a b {remedy}\n", "f")
        assert findings == (), remedy
