"""Diagnostics as annotations of a pull request."""

from __future__ import annotations

import re

from gwc.compiler.diagnostics.render.github import render_github
from gwc.compiler.source import source_from_text
from gwc.schema.diagnostic import Diagnostic, Severity, error, note, warning
from gwc.schema.span import Span
from hypothesis import given
from hypothesis import strategies as st

SOURCES = {"a,b:c.kdl": source_from_text("one\ntwo three\n", "a,b:c.kdl")}


def test_a_finding_becomes_a_command() -> None:
    """Place and title are properties; headline, label and help are the message."""
    found = warning("GWC490", Span("a,b:c.kdl", 8, 13), "50% of `x`", label="here", help="do\nthat")
    assert render_github([found], SOURCES) == (
        "::warning file=a%2Cb%3Ac.kdl,line=2,endLine=2,col=5,endColumn=10,"
        "title=GWC490 an allow that silences nothing::50%25 of `x`%0Ahere%0Ahelp: do%0Athat\n"
    )


def test_a_span_of_several_lines_has_no_columns() -> None:
    """GitHub takes columns for one line only."""
    output = render_github([error("GWC999", Span("a,b:c.kdl", 0, 6), "h")], SOURCES)
    assert output == "::error file=a%2Cb%3Ac.kdl,line=1,endLine=2,title=GWC999::h\n"
    output = render_github([error("GWC999", Span("a,b:c.kdl", 1, 4), "h")], SOURCES)
    assert "line=1,endLine=1,col=2,endColumn=5," in output  # the line end belongs to its line


def test_a_finding_without_a_place_is_told_of_the_run() -> None:
    """No file, or a file whose lines nobody knows."""
    found = [error("GWC999", None, "h"), error("GWC999", Span("x", 0, 1), "h")]
    assert render_github(found, SOURCES) == "::error title=GWC999::h\n::error file=x,title=GWC999::h\n"


def test_errors_come_first_and_ten_of_a_level_are_shown() -> None:
    """What GitHub would drop is counted."""
    found: list[Diagnostic] = []
    for number in range(12):
        found += [note("GWC999", None, f"n{number}"), error("GWC999", None, f"e{number}")]
    found += [warning("GWC999", None, f"w{number}") for number in range(11)]
    lines = render_github(found, SOURCES).splitlines()
    assert [line.rpartition("::")[2] for line in lines] == [
        *(f"e{number}" for number in range(10)),
        "2 more errors; GitHub shows 10 of a kind",
        *(f"w{number}" for number in range(10)),
        "1 more warning; GitHub shows 10 of a kind",
        *(f"n{number}" for number in range(10)),
        "2 more notes; GitHub shows 10 of a kind",
    ]
    assert lines[-2].startswith("::notice ")


@given(st.text() | st.text("a\r\n:,%\x1b\x85\ud800\u2028"), st.sampled_from(Severity))
def test_no_text_can_add_a_command(text: str, severity: Severity) -> None:
    """One finding is one line, whatever its texts hold."""
    found = Diagnostic("GWC999", severity, text, Span(text, 0, 1), text, (), text)
    output = render_github([found], {text: source_from_text(text, text)})
    assert len(output.splitlines()) == 1
    assert output[:-1].isprintable()
    assert re.fullmatch(r"::(error|warning|notice) file=[^,:]*(,\w+=[^,:]*)+::.*\n", output)
