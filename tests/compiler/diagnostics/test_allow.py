"""Comments that silence a finding."""

from __future__ import annotations

import time

import pytest
from gwc.compiler.diagnostics.allow import Allow, apply_allows, scan_allows, scan_text
from gwc.compiler.diagnostics.comments import Syntax
from gwc.compiler.source import source_from_text
from gwc.schema.diagnostic import Diagnostic, Severity, error, note, warning
from gwc.schema.span import Span
from hypothesis import given
from hypothesis import strategies as st

A = "gwc: allow(GWC401) because"


def lines_of(text: str, syntax: Syntax = "kdl") -> list[str]:
    """The lines on which findings would be silenced, as text; `<none>` where there is no such line."""
    allows, found = scan_text(text, syntax, "f")
    assert found == ()
    return [text[each.start : each.end].strip() if each.start <= len(text) else "<none>" for each in allows]


def findings(text: str, syntax: Syntax = "kdl") -> list[tuple[str, str]]:
    """What is wrong with the comments: codes, and the text that they point at."""
    return [
        (each.code, text[each.span.start : each.span.end])
        for each in scan_text(text, syntax, "f")[1]
        if each.span
    ]


def test_at_the_end_of_a_line_it_means_that_line() -> None:
    """A comment behind a statement silences what starts there."""
    assert lines_of(f"a 1\nb 2 // {A}\nc 3") == [f"b 2 // {A}"]
    assert lines_of(f"a: 1\nb: 2 # {A}\nc: 3", "yaml") == [f"b: 2 # {A}"]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_on_a_line_of_its_own_it_means_the_next_statement(end: str) -> None:
    """Blank lines and comments between are passed over, and several comments may stand above one line."""
    text = end.join(["a 1", f"  // {A}", "", "  /* x", " /* y */ */ // z", f"//{A}", "b { // c", "d }"])
    assert lines_of(text) == ["b { // c", "b { // c"]
    text = end.join(["a: 1", f"  # {A}", "", "# x", f"#{A}", "b: # c", "  d: 1"])
    assert lines_of(text, "yaml") == ["b: # c", "b: # c"]


def test_with_nothing_after_it_it_means_nothing() -> None:
    """A comment at the end of a file silences no line."""
    assert lines_of(f"a 1\n// {A}\n\n// x\n") == ["<none>"]
    assert lines_of(f"a: 1\n# {A}", "yaml") == ["<none>"]


def test_several_codes_have_a_span_each() -> None:
    """Every code of a comment stands for itself, and all have its reason."""
    text = "a // gwc: allow( GWC401 ,GWC402)  both are wanted "
    allows, found = scan_text(text, "kdl", "f")
    assert found == ()
    assert [(each.code, text[each.span.start : each.span.end]) for each in allows] == [
        ("GWC401", "GWC401"),
        ("GWC402", "GWC402"),
    ]
    assert {each.reason for each in allows} == {"both are wanted"}


@pytest.mark.parametrize(
    "text",
    [
        f'a "// {A}"',
        f'a "\\"// {A}"',
        f'a #""// {A}"#',
        f'a ##"x"#// {A}"##',
        f'a #"""\n"# // {A}\n"""#',
        f'a """\n  \\""" // {A}\n  """',
        f'a """\n  "" // {A}\n  """',
        f'a r"\\" b r"// {A}"',
        f'a=r#"" // {A}"#',
        f"a /* // {A} */",
        f"a /* /* */ // {A} */",
        f"// see // {A}",
        f"// a {A}",
        f'a "never closed // {A}',
        f'a #"never closed" // {A}',
        f"a /* never closed // {A}",
    ],
)
def test_what_is_no_comment_of_kdl_says_nothing(text: str) -> None:
    """Strings of every kind, block comments and the middle of a comment are not read."""
    assert scan_text(text, "kdl", "f") == ((), ())


@pytest.mark.parametrize(
    "before",
    [
        'a "\\\\"',
        'a ""',
        'a #""#',
        'a #"\\"#',
        'a ##"""\n"""##',
        'a """\n\\\\\n"""',
        "a #true",
        "a ####",
        "a / b",
        'r#"\\"#',
        'a r"\\"',
        'bar"x"',
        "/**/",
        "/*/**/*/",
        "/- a",
        "a 'it",
        'a "\n"',
        "\ufeffa",
        "a \\",
    ],
)
def test_after_what_only_looks_like_a_string_it_is_read(before: str) -> None:
    """A string ends where its own rule says."""
    text = f"{before} // {A}"
    allows, _ = scan_text(text, "kdl", "f")
    assert [text[each.span.start : each.span.end] for each in allows] == ["GWC401"]


@pytest.mark.parametrize(
    "text",
    [
        f'a: "# {A}"',
        f'a: "\\" # {A}"',
        f"a: ' '' # {A}'",
        f"a: 'x\n  # {A}'",
        f"a: |\n  # {A}\n",
        f"a: |\n  x\n  # {A}\n  y\n",
        f"- >-\n # {A}",
        f"a: x# {A}",
        f"# see # {A}",
        f'a: "never closed # {A}',
    ],
)
def test_what_is_no_comment_of_yaml_says_nothing(text: str) -> None:
    """Quoted text, block text and a `#` without a blank before it are not read."""
    assert lines_of(text, "yaml") == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"a: | # {A}\n  text\n", f"a: | # {A}"),
        (f"a: |\n  text\n# {A}\nb: 1\n", "b: 1"),
        (f"a: |\n  text\n\n # {A}\nb: 1\n", "b: 1"),
        (f"a: it's # {A}\nb: 1", f"a: it's # {A}"),
        (f"a: [b,\t# {A}\n  c]", f"a: [b,\t# {A}"),
        (f"\ufeffa: 'x' # {A}\nb: 1", f"\ufeffa: 'x' # {A}"),
        (f"a: 'é𝒳' # {A}\nb: 1", f"a: 'é𝒳' # {A}"),
        (f"# {A}\na: 'x'", "a: 'x'"),
        (f"a: 'x # y' # {A}", f"a: 'x # y' # {A}"),
    ],
)
def test_comments_beside_text_of_yaml_are_read(text: str, line: str) -> None:
    """The line that opens a block scalar, what follows one, and a quote in plain text."""
    assert lines_of(text, "yaml") == [line]


def test_a_comment_without_a_reason_is_reported_and_still_silences() -> None:
    """The parenthesis alone is not enough for the next reader."""
    text = "a // gwc: allow(GWC401) "
    assert findings(text) == [("GWC491", "gwc: allow(GWC401)")]
    assert len(scan_text(text, "kdl", "f")[0]) == 1


def test_an_unknown_code_is_reported_with_the_nearest() -> None:
    """A code is exact; the help names the one that was meant."""
    text = "a: 1 # gwc: allow(GWC401, gwc402, routes) x"
    assert findings(text, "yaml") == [("GWC492", "gwc402"), ("GWC492", "routes")]
    allows, found = scan_text(text, "yaml", "f")
    assert [each.code for each in allows] == ["GWC401"]
    assert found[0].help == "did you mean `GWC402`?"


def test_errors_and_these_findings_themselves_cannot_be_silenced() -> None:
    """An allow of such a code is a finding and no allow."""
    text = "a // gwc: allow(GWC301, GWC490) x"
    assert findings(text) == [("GWC493", "GWC301"), ("GWC493", "GWC490")]
    assert scan_text(text, "kdl", "f")[0] == ()


@pytest.mark.parametrize(
    "comment",
    [
        "gwc: permit(GWC401) x",
        "gwc:",
        "gwc: allow GWC401",
        "gwc: allow() x",
        "gwc: allow(GWC401,) x",
        "gwc: allow(,) x",
        "gwc: allow(GWC401",
        "gwc: allow((GWC401)) x",
    ],
)
def test_a_comment_to_gwc_that_is_not_understood_is_reported(comment: str) -> None:
    """What was meant to silence and does not is told, with the form to write."""
    assert findings(f"a // {comment}") == [("GWC494", comment)]
    assert findings(f"a: 1 # {comment} ", "yaml") == [("GWC494", comment)]
    assert findings(f"a /* {comment} */") == [("GWC494", "gwc:")]


def test_every_file_is_scanned_by_its_own_syntax() -> None:
    """The name tells the syntax, unless the caller knows better."""
    kdl, yaml = source_from_text(f"a // {A}", "f"), source_from_text(f"a: 1 # {A}", "f")
    named = {"a.kdl": kdl, "b.yaml": yaml, "c.yml": yaml}
    assert [each.span.file for each in scan_allows(named)[0]] == ["a.kdl", "b.yaml", "c.yml"]
    assert scan_allows({"-": yaml}) == ((), ())
    assert len(scan_allows({"-": yaml}, {"-": "yaml"})[0]) == 1


def test_a_finding_on_the_line_is_silenced_and_others_stay() -> None:
    """Line, file, code and severity all decide."""
    text = f"a\nb // {A}\nc"
    allows, _ = scan_text(text, "kdl", "f")
    silenced = [warning("GWC401", Span("f", at, at + 1), "h") for at in (2, 3, text.index("\nc"))]
    stays = [
        warning("GWC401", Span("f", 0, 3), "starts above"),
        warning("GWC401", Span("f", text.index("c", 30), len(text)), "starts below"),
        warning("GWC402", Span("f", 2, 3), "another code"),
        warning("GWC401", Span("g", 2, 3), "another file"),
        warning("GWC401", None, "no place"),
    ]
    assert set(apply_allows(silenced + stays, allows)) == set(stays)


def test_an_error_of_the_code_is_not_silenced() -> None:
    """Whatever a page says of a code: an error stays."""
    allows, _ = scan_text(f"a // {A}", "kdl", "f")
    found = error("GWC401", Span("f", 0, 1), "h")
    assert apply_allows([found], allows) == (found,)


def test_an_allow_that_silences_nothing_is_reported() -> None:
    """The finding stands at the code, and of two for one finding the second is useless."""
    text = f"// {A}\na // {A}"
    allows, _ = scan_text(text, "kdl", "f")
    (useless,) = apply_allows([note("GWC401", Span("f", text.index("a //"), len(text)), "h")], allows)
    assert (useless.code, useless.severity, useless.span) == ("GWC490", Severity.WARNING, allows[1].span)
    assert [each.code for each in apply_allows([], allows)] == ["GWC490", "GWC490"]


def test_beside_an_error_no_allow_is_called_useless() -> None:
    """The stage that it waits for may not have run."""
    allows, _ = scan_text(f"a // {A}", "kdl", "f")
    found = error("GWC301", Span("f", 0, 1), "h")
    assert apply_allows([found], allows) == (found,)


def test_without_allows_nothing_changes() -> None:
    """The diagnostics come back as they were."""
    found = (note("GWC402", None, "b"), note("GWC401", None, "a"))
    assert apply_allows(found, ()) == found


PIECES = (
    *(
        "a",
        "r",
        " ",
        "\n",
        '"',
        '"""',
        "#",
        "//",
        "/*",
        "*/",
        "\\",
        "gwc:",
        "gwc: allow(",
        "GWC401",
        ")",
        ",",
    ),
    *("'", "|", ": ", "- ", "[", "{", "}", "\x85", "\ufeff", "\x00", "\ud800", f"// {A}\n", f"# {A}\n"),
)
ANY = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


@given(ANY, st.sampled_from(["kdl", "yaml"]))
def test_any_text_can_be_scanned(text: str, syntax: Syntax) -> None:
    """Nothing is raised, and every place is inside the text."""
    allows, found = scan_text(text, syntax, "f")
    for each in allows:
        assert text[each.span.start : each.span.end] == each.code
        assert 0 <= each.start <= each.end <= len(text) + 1
    for finding in found:
        assert finding.span is not None
        assert 0 <= finding.span.start < finding.span.end <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        f"// {A}\n" * 20_000,
        f"a // {A}\x85" * 20_000,
        "#" * 2_000_000 + f" // {A}",
        '"' * 2_000_001 + f" // {A}",
        "/*" * 500_000 + f" // {A}",
        '"\\' * 500_000 + f" // {A}",
        "".join(f'{"#" * count}"' for count in range(1500)) + f" // {A}",
        "r" * 2_000_000 + f" // {A}",
        "//" + " " * 2_000_000 + f"\n// {A}",
        "// gwc: allow(" + "(" * 1_000_000,
        "// gwc: allow(" + " " * 1_000_000,
        "// gwc: allow(" + ", " * 500_000 + ")",
        f"# {A}\n" * 20_000,
        "[" * 500_000 + f" # {A}",
        "#" + " " * 2_000_000 + f"\n# {A}",
    ],
    ids=range(15),
)
def test_a_hostile_text_is_scanned_in_time(text: str) -> None:
    """Time grows with the length of the text and not with its square."""
    began = time.perf_counter()
    for syntax in ("kdl", "yaml"):
        allows, _ = scan_text(text, syntax, "f")
        apply_allows((), allows)
    assert time.perf_counter() - began < 10


def test_many_findings_and_allows_are_joined_in_time() -> None:
    """The join is by line and not of each with each."""
    allows = [Allow("GWC401", Span("f", 10 * n, 10 * n + 6), 10 * n, 10 * n + 10, "x") for n in range(20_000)]
    found: list[Diagnostic] = [
        warning("GWC401", Span("f", 10 * n + 3, 10 * n + 4), "h") for n in range(20_000)
    ]
    began = time.perf_counter()
    assert apply_allows(found, allows) == ()
    assert time.perf_counter() - began < 5
