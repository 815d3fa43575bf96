"""Diagnostics for people."""

from __future__ import annotations

import re
import time
import unicodedata
from textwrap import dedent

import pytest
from gwc.compiler.diagnostics.render.colour import want_colour
from gwc.compiler.diagnostics.render.text import render_text, summary
from gwc.compiler.source import SourceFile, source_from_text
from gwc.schema.diagnostic import Diagnostic, Label, Severity, error, note, warning
from gwc.schema.span import Span
from hypothesis import given
from hypothesis import strategies as st


def sources(**texts: str) -> dict[str, SourceFile]:
    """Sources by name; `a` stands for the file `a.kdl`."""
    return {f"{name}.kdl": source_from_text(text, f"{name}.kdl") for name, text in texts.items()}


def at(text: str, marked: str, file: str = "a.kdl") -> Span:
    """The span of `marked`, which stands once in `text`."""
    assert text.count(marked) == 1, marked
    start = text.index(marked)
    return Span(file, start, start + len(marked))


def shown(diagnostic: Diagnostic, width: int | None = None, **texts: str) -> str:
    """The diagnostic as text without colour."""
    return render_text([diagnostic], sources(**texts), colour=False, width=width)


def expected(text: str) -> str:
    """What a test writes indented."""
    return dedent(text).lstrip("\n")


def test_a_finding_shows_both_parties() -> None:
    """Headline, place, the two lines in order of the file, labels and help."""
    text = 'routes {\n  route "api" prefix="/api"\n\n\n\n\n\n\n\n  route "reports" prefix="/api"\n}\n'
    found = error(
        "GWC401",
        at(text, 'route "reports" prefix="/api"'),
        "route `reports` can never match",
        secondary=[
            Label(at(text, 'route "api" prefix="/api"'), "this route already takes every such request")
        ],
        help="give `reports` a longer prefix or one more predicate",
    )
    assert shown(found, a=text) == expected(
        """
        error[GWC401]: route `reports` can never match
          --> a.kdl:10:3
           |
         2 |   route "api" prefix="/api"
           |   ------------------------- this route already takes every such request
        10 |   route "reports" prefix="/api"
           |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: give `reports` a longer prefix or one more predicate
        """
    )


def test_labels_of_one_line_hang_below_it() -> None:
    """Only the rightmost label stands behind its marker, and the primary span is drawn over others."""
    text = "alpha beta gamma delta"
    found = warning(
        "GWC401",
        at(text, "beta"),
        "h",
        label="the first",
        secondary=[
            Label(at(text, "delta"), "the last"),
            Label(at(text, "beta gamma"), "around"),
            Label(at(text, "alpha"), ""),
        ],
    )
    assert shown(found, a=text) == expected(
        """
        warning[GWC401]: h
         --> a.kdl:1:7
          |
        1 | alpha beta gamma delta
          | ----- ^^^^------ ----- the last
          |       |
          |       around
          |       the first
        """
    )


def test_a_label_inside_a_longer_marker_hangs() -> None:
    """A label behind the marker row would seem to belong to the longer span."""
    text = 'route "a" { respond }'
    found = note(
        "GWC401", at(text, '"a"'), "h", label="inner", secondary=[Label(Span("a.kdl", 0, len(text)), "outer")]
    )
    assert shown(found, a=text) == expected(
        """
        note[GWC401]: h
         --> a.kdl:1:7
          |
        1 | route "a" { respond }
          | ------^^^------------
          | |     |
          | |     inner
          | outer
        """
    )


def test_a_span_of_several_lines_shows_its_ends() -> None:
    """The first line with the label, the last one, and three dots between them."""
    text = 'a\n  group "x" {\n    b\n    c\n  } // end\n'
    found = error("GWC401", at(text, 'group "x" {\n    b\n    c\n  }'), "h", label="here")
    assert shown(found, a=text) == expected(
        """
        error[GWC401]: h
         --> a.kdl:2:3
          |
        2 |   group "x" {
          |   ^^^^^^^^^^^ here
        ...
        5 |   } // end
          |   ^
        """
    )


def test_another_files_lines_stand_in_a_block_of_their_own() -> None:
    """The primary span's file comes first; each block names its file."""
    text = "one two"
    found = error(
        "GWC401", at(text, "two"), "h", label="here", secondary=[Label(Span("b.kdl", 4, 5), "there")]
    )
    assert shown(found, a=text, b="x\n\n\ny") == expected(
        """
        error[GWC401]: h
         --> a.kdl:1:5
          |
        1 | one two
          |     ^^^ here
         ::: b.kdl:4:1
          |
        4 | y
          | - there
        """
    )


def test_a_help_may_have_several_lines() -> None:
    """The lines after the first stand below its text."""
    found = error("GWC001", None, "`a` does not exist", label="aside", help="first\n  second")
    assert shown(found) == expected(
        """
        error[GWC001]: `a` does not exist
          = note: aside
          = help: first
                    second
        """
    )


def test_a_file_without_text_is_named() -> None:
    """A span of a file that nobody has read has no line; its label is kept."""
    found = error("GWC001", Span("gone.kdl", 3, 4), "h", label="here")
    assert shown(found) == " --> gone.kdl\n  = note: here\n".join(["error[GWC001]: h\n", ""])


@pytest.mark.parametrize(
    ("text", "span", "marker"),
    [
        ("ab", (2, 2), "1 | ab\n  |   ^\n"),
        ("ab\n", (2, 3), "1 | ab\n  |   ^\n"),
        ("ab\r\ncd", (1, 4), "1 | ab\n  |  ^\n"),
        ("ab\n", (3, 3), "2 |\n  | ^\n"),
        ("", (0, 0), "1 |\n  | ^\n"),
        ("ab\n\ncd", (1, 5), "1 | ab\n  |  ^\n...\n3 | cd\n  | ^\n"),
        ("ab", (0, 99), "1 | ab\n  | ^^\n"),
        ("ab", (50, 99), "1 | ab\n  |   ^\n"),
    ],
)
def test_every_span_has_a_marker(text: str, span: tuple[int, int], marker: str) -> None:
    """Empty spans, line ends and ends of files are marked where something is missing."""
    assert shown(error("GWC101", Span("a.kdl", *span), "h"), a=text).endswith(f"  |\n{marker}")


@pytest.mark.parametrize(
    ("text", "marked", "rows"),
    [
        ("\tx\tyy", "yy", "1 |     x   yy\n  |         ^^\n"),
        ("日本 x", "x", "1 | 日本 x\n  |      ^\n"),
        ("a日本", "日本", "1 | a日本\n  |  ^^^^\n"),
        ("e\u0301e\u0301 x", "x", "1 | e\u0301e\u0301 x\n  |    ^\n"),
        ("\x1b[31m x", "x", "1 | \\u{1b}[31m x\n  |            ^\n"),
        ("a\x00b", "\x00", "1 | a\\u{0}b\n  |  ^^^^^\n"),
        ("a\u202eb", "b", "1 | a\\u{202e}b\n  |          ^\n"),
        ("a\u200bb", "b", "1 | a\\u{200b}b\n  |          ^\n"),
        ("a\u3164b", "b", "1 | a\\u{3164}b\n  |          ^\n"),
        ("a\ud800b", "b", "1 | a\\u{d800}b\n  |          ^\n"),
        ("a\x85b", "b", "1 | a\\u{85}b\n  |        ^\n"),
    ],
)
def test_markers_stand_below_what_they_mark(text: str, marked: str, rows: str) -> None:
    """Tabs, wide and combining characters are aligned; what cannot be seen is spelt out."""
    assert shown(error("GWC101", at(text, marked), "h"), a=text).endswith(rows)


def test_control_characters_of_messages_are_spelt_out() -> None:
    """Headline, label, help and file name come from files, too."""
    found = Diagnostic(
        "GWC101", Severity.ERROR, "a\x1b[2J\nb", Span("x\x1b.kdl", 0, 1), "l\x07", (), "h\x9b\ni\r"
    )
    text = render_text([found], {}, colour=False)
    assert text.splitlines() == [
        r"error[GWC101]: a\u{1b}[2J\u{a}b",
        r" --> x\u{1b}.kdl",
        r"  = note: l\u{7}",
        r"  = help: h\u{9b}",
        r"          i\u{d}",
    ]


@pytest.mark.parametrize(
    ("before", "after", "row", "marker"),
    [
        (500, 500, "…xxxxxxxxx[HERE]yyyyyyyyyyyyyyyyyyy…", "          ^^^^^^"),
        (0, 500, "[HERE]yyyyyyyyyyyyyyyyyyyyyyyyyyyy…", "^^^^^^"),
        (500, 0, "…xxxxxxxxxxxxxxxxxxxxxxxxxxxx[HERE]", "                             ^^^^^^"),
        (15, 15, "xxxxxxxxxxxxxxx[HERE]yyyyyyyyyyyyyyy", "               ^^^^^^"),
    ],
)
def test_a_long_line_is_cut_around_the_span(before: int, after: int, row: str, marker: str) -> None:
    """A quarter of the room stands before the span; what is left out is an ellipsis."""
    text = "x" * before + "[HERE]" + "y" * after
    lines = shown(error("GWC101", at(text, "[HERE]"), "h"), width=40, a=text).splitlines()
    assert lines[-2:] == [f"1 | {row}", f"  | {marker}"]
    assert len(lines[-2]) <= 40


def test_a_label_outside_a_cut_line_stands_at_the_ellipsis() -> None:
    """No label is lost because its span is not shown."""
    text = "<" + "x" * 500 + "!" + "y" * 500 + ">"
    found = error(
        "GWC101",
        at(text, "!"),
        "h",
        secondary=[Label(at(text, "<"), "opened"), Label(at(text, ">"), "closed")],
    )
    assert shown(found, width=40, a=text).splitlines()[-4:] == [
        "1 | …xxxxxxxxx!yyyyyyyyyyyyyyyyyyyyyyyy…",
        "  | -         ^                        - closed",
        "  | |",
        "  | opened",
    ]


def test_a_span_longer_than_the_cut_line_reaches_the_ellipsis() -> None:
    """What goes on where nothing is shown is marked up to there."""
    text = "x" * 500
    lines = shown(error("GWC101", Span("a.kdl", 1, 400), "h", label="long"), width=40, a=text).splitlines()
    assert lines[-2:] == [f"1 | {'x' * 34}…", f"  |  {'^' * 34} long"]


def test_colour_marks_the_parts_and_changes_no_letter() -> None:
    """Without the escape sequences the text is the one without colour."""
    text = "one two"
    found = warning(
        "GWC401", at(text, "two"), "h", label="l", secondary=[Label(at(text, "one"), "m")], help="x"
    )
    coloured = render_text([found], sources(a=text), colour=True)
    assert "\x1b[1;33mwarning[GWC401]\x1b[0m" in coloured
    assert "\x1b[1;33m^^^\x1b[0m" in coloured
    plain = "".join(f"{line.rstrip()}\n" for line in re.sub(r"\x1b\[[0-9;]*m", "", coloured).splitlines())
    assert plain == shown(found, a=text)


class _Stream:
    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("terminal", "environ", "wanted"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"FORCE_COLOR": "0"}, False),
        (True, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        (True, {"TERM": "xterm"}, True),
    ],
)
def test_colour_is_for_terminals_unless_somebody_says_otherwise(
    terminal: bool, environ: dict[str, str], wanted: bool
) -> None:
    """NO_COLOR goes before FORCE_COLOR, and both before the terminal."""
    assert want_colour(_Stream(terminal), environ) is wanted


def test_the_summary_counts_by_severity() -> None:
    """Worst first, with the plural where it belongs."""
    one, two, three = error("GWC101", None, "h"), warning("GWC401", None, "h"), note("GWC410", None, "h")
    assert summary([two, one, one]) == "2 errors, 1 warning"
    assert summary([three]) == "1 note"
    assert summary([]) == "no findings"


def test_findings_are_separated_by_a_blank_line() -> None:
    """The order is the caller's."""
    found = [error("GWC102", None, "b"), error("GWC101", None, "a")]
    assert render_text(found, {}, colour=False) == "error[GWC102]: b\n\nerror[GWC101]: a\n"
    assert render_text([], {}, colour=False) == ""


def test_places_beyond_twenty_are_counted() -> None:
    """A finding with thousands of other parties stays readable."""
    found = error(
        "GWC401",
        Span("a.kdl", 0, 1),
        "h",
        secondary=[Label(Span("a.kdl", 2 * n, 2 * n + 1), "too") for n in range(30)],
    )
    text = shown(found, a="x\n" * 50)
    assert text.count("too") == 20
    assert text.endswith("= note: and 10 more places\n")


def test_a_long_message_is_shortened_in_its_middle() -> None:
    """A megabyte of a user's text is no headline."""
    assert len(shown(error("GWC101", None, "`" + "x" * 1_000_000 + "`"))) < 1100


HOSTILE = st.text(
    st.sampled_from(
        "ab \t\n\r\x00\x1b\x07\x7f\x85\x9b\u202e\u200d\ufeff\u2028\ud800日\u0301é😀\U0001f1e9\U000e0001"
    )
    | st.characters(),
    max_size=60,
)


@given(st.data())
def test_anything_can_be_shown_and_nothing_reaches_the_terminal(data: st.DataObject) -> None:
    """Any text, spans and messages: no exception, no character that a terminal acts on, markers in reach."""
    texts = {"a.kdl": data.draw(HOSTILE), "b.kdl": data.draw(HOSTILE), data.draw(HOSTILE): data.draw(HOSTILE)}
    span = st.builds(
        lambda file, one, other: Span(file, min(one, other), max(one, other)),
        st.sampled_from([*texts, "gone"]),
        st.integers(0, 80),
        st.integers(0, 80),
    )
    found = st.builds(
        Diagnostic,
        st.just("GWC101"),
        st.sampled_from(Severity),
        HOSTILE,
        st.none() | span,
        HOSTILE,
        st.lists(st.builds(Label, span, HOSTILE), max_size=5).map(tuple),
        HOSTILE,
    )
    diagnostics = data.draw(st.lists(found, max_size=3))
    known = {name: source_from_text(text, name) for name, text in texts.items()}
    width = data.draw(st.none() | st.integers(0, 80))
    plain = render_text(diagnostics, known, colour=False, width=width)
    coloured = re.sub(
        r"\x1b\[(?:0|1|1;3[1346])m", "", render_text(diagnostics, known, colour=True, width=width)
    )
    for text in (plain, coloured):
        assert {unicodedata.category(each) for each in text.replace("\n", "")}.isdisjoint(
            {"Cc", "Cf", "Cs", "Zl", "Zp"}
        )
        text.encode("utf-8")


def test_ten_thousand_findings_on_one_long_line_are_shown_in_time() -> None:
    """The cost of a finding does not grow with its line but by the copying of it."""
    text = "日x" * 500_000
    known = sources(a=text)
    found = [error("GWC101", Span("a.kdl", 90 * n, 90 * n + 3), "h") for n in range(2000)]
    began = time.perf_counter()
    render_text(found, known, colour=False)
    assert time.perf_counter() - began < 10
