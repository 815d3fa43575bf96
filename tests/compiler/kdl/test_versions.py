"""Which version a file is read as: KDL 2 if it can be, else KDL 1 with advice on how to move."""

from __future__ import annotations

import pytest
from gwc.compiler.parse.kdl import parse, parse_version, read
from gwc.compiler.parse.kdl.printer import print_document
from gwc.schema.diagnostic import Severity

ONLY_V1 = {
    "a «true»": ("`true` without `#`", "KDL 2 writes `#true`"),
    "a 1 b=«null» c=false": ("`null` without `#`", "KDL 2 writes `#null`"),
    'a «r"»b\\c"': ("a raw string of KDL 1", 'KDL 2 writes `#"b\\c"#`'),
    'a «r#"»b"c"#': ("a raw string of KDL 1", 'KDL 2 writes `#"b"c"#`'),
    'a "b" «"»c\nd"': (
        "a string over several lines",
        'KDL 2 writes `"""`, the text on lines of its own, and `"""` again',
    ),
    'a «"»b\\/c"': ("a string with the escape `\\/`", "KDL 2 writes `/`"),
    "«a#b» 1": ("`a#b` without quotes", 'KDL 2 writes `"a#b"`'),
    "a «.5»=1": ("`.5` without quotes", 'KDL 2 writes `".5"`'),
    "a {\n «inf» 1\n}\nb true": ("`inf` without quotes", 'KDL 2 writes `"inf"`'),
    'a «"»\x1b"': ("a string with a control character", "KDL 2 writes it as `\\u{...}`"),
}


@pytest.mark.parametrize("text", ONLY_V1, ids=repr)
def test_a_file_of_kdl_1_is_read_with_one_warning(text: str) -> None:
    """The warning stands at the first thing that KDL 2 spells otherwise, and says how."""
    before, mistake, _ = text.replace("»", "«").split("«")
    plain = text.replace("«", "").replace("»", "")
    reading = read(plain, "f")
    (warning,) = reading.diagnostics
    assert (warning.code, warning.severity) == ("GWC131", Severity.WARNING)
    assert warning.span is not None
    assert (warning.span.start, warning.span.end) == (len(before), len(before) + len(mistake))
    assert (warning.label, warning.help) == ONLY_V1[text]
    assert reading.version == 1
    assert reading.document == parse_version(plain, "f", 1)[0]


def test_what_both_versions_read_is_kdl_2() -> None:
    """A file that both read has the same data in both, and there is nothing to say."""
    text = 'route "a" { // old and new\n  upstream "u" k=3; x -1.5e3 "\\u{41}"\n}\n(t)b (u)"v" k=(w)"x"\n'
    reading = read(text, "f")
    assert reading.version == 2
    assert reading.diagnostics == ()
    assert reading.document == parse_version(text, "f", 1)[0]
    assert parse_version(text, "f", 1)[1] == ()


def test_a_file_with_mistakes_in_both_versions_is_judged_as_kdl_2() -> None:
    """Whoever writes a file anew writes KDL 2; the findings speak of that."""
    reading = read("a b true", "f")
    assert reading.version == 2
    assert [finding.code for finding in reading.diagnostics] == ["GWC105"]


def test_the_first_line_can_ask_for_kdl_2() -> None:
    """With the marker, KDL 1 is not tried."""
    for marker in ("/- kdl-version 2\n", "\ufeff/-kdl-version 2 \r\n"):
        reading = read(marker + "a true", "f")
        assert [finding.code for finding in reading.diagnostics] == ["GWC105"]


def test_the_first_line_can_ask_for_kdl_1() -> None:
    """With the marker, mistakes are those of KDL 1; what KDL 2 reads as well needs no warning."""
    marker = "/- kdl-version 1\n"
    reading = read(marker + "a b true", "f")
    assert (reading.version, [finding.code for finding in reading.diagnostics]) == (1, ["GWC132"])
    reading = read(marker + "a true", "f")
    assert (reading.version, [finding.code for finding in reading.diagnostics]) == (1, ["GWC131"])
    assert "`/- kdl-version 2`" in reading.diagnostics[0].help
    assert read(marker + "a 1", "f").diagnostics == ()


def test_a_marker_further_down_is_a_node_like_any_other() -> None:
    """Only the first line is a marker."""
    assert read("a 1\n/- kdl-version 1\nb c true\n", "f").version == 2
    assert read("/- kdl-version 3\nb true\n", "f").version == 1


V1 = {
    "a 1 2.5 0x1F true null": "a 1 2.5 31 true null\n",
    'a "b" k="c"': 'a "b" k="c"\n',
    'a "b\nc\\td\\/"': 'a "b\\nc\\td/"\n',
    'a r"b\\n" r##"c"#"##': 'a "b\\\\n" "c\\"#"\n',
    'a r""': 'a ""\n',
    '"a b" "r" "inf"': '"a b" "r" "inf"\n',
    "(t)a (u)1 k=(v)2": "(t)a (u)1 k=(v)2\n",
    "a /-1 2 /-k=3 {\n /-b\n c\n}": "a 2 {\n    c\n}\n",
    "/-a {\n}\nb": "b\n",
    "a /-{\n}": "a\n",
    "a \\\n 1 \\ // c\n 2 \\ /* d */\n 3": "a 1 2 3\n",
    "a { b; c; }": "a {\n    b\n    c\n}\n",
    "a#b; .c; +d; 'e'": "a#b\n.c\n+d\n'e'\n",
    "a /* /* b */ */ 1 // c\n\n// d\nb;c": "a 1\nb\nc\n",
    "\ufeffa\u00a01": "a 1\n",
    "r 1\nrr 2\nr#a": "r 1\nrr 2\nr#a\n",
}


@pytest.mark.parametrize("text", V1, ids=repr)
def test_kdl_1_is_read_as_its_reprint(text: str) -> None:
    """What KDL 1 spells in its own way, case by case."""
    document, findings = parse_version(text, "f", 1)
    assert findings == ()
    assert print_document(document.nodes, 1) == V1[text]


@pytest.mark.parametrize(
    "text",
    [
        "a b",
        "a k=b",
        "a ( t )1",
        "a (t) 1",
        "a k = 1",
        "a k= 1",
        "\\\na",
        'a "\\s"',
        "a /- \n1",
        "a{}b",
        "true",
    ],
)
def test_what_only_kdl_2_reads_is_rejected_as_kdl_1(text: str) -> None:
    """The older version is not read more kindly than it was meant."""
    assert parse_version(text, "f", 1)[1]


def test_the_warning_falls_back_on_what_kdl_2_finds() -> None:
    """Where KDL 1 differs in a way without a name of its own, the finding of KDL 2 is the advice."""
    _, (warning,) = parse("a \ufeff 1", "f")
    assert warning.code == "GWC131"
    assert "byte order mark" in warning.label
