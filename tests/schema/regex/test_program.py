"""Programs as a table carries them and a gateway runs them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from gwc.schema.regex.program import Choice, choose, compile_program
from gwc.schema.regex.refusal import RegexRefusal


def _chosen(pattern: str) -> Choice:
    choice = choose(pattern)
    assert isinstance(choice, Choice)
    return choice


@pytest.mark.parametrize(
    ("pattern", "program"),
    [
        ("/v[0-9]+", "/v[0-9]+"),
        ("(?i)a.b", "[Aa][^\\x0a][Bb]"),
        ("\\d\\w\\s", "[0-9][0-9A-Z_a-z][\\x09\\x0a\\x0c\\x0d ]"),
        ("[^/]*", "[^/]*"),
        ("(a)(?P<n>b|c)", "a(?P<n>b|c)"),
        ("^x{2,3}?$", "x{2,3}?"),
        ("\\.\\x00#\xc3\xa9", "\\.\\x00\\x23\\xc3\\xa9"),
        ("get|give", "g(?:et|ive)"),
    ],
)
def test_program_texts_stay_as_they_are(pattern: str, program: str) -> None:
    """Tables carry these texts, so their spelling is part of a table's bytes."""
    assert _chosen(pattern).program == program


@pytest.mark.parametrize("pattern", ["/u/(?P<id>[0-9]+)(?:\\.(?P<ext>[a-z]+))?", "(?P<id>.*)-(?P<ext>.*)"])
def test_captures_come_by_name_and_absent_ones_are_empty(pattern: str) -> None:
    """Every name is in the answer on both engines; a group that took no part is the empty string."""
    choice = _chosen(pattern)
    program = compile_program(choice.program, choice.engine)
    assert choice.groups == ("id", "ext")
    text = "/u/7" if choice.engine == "re" else "/u/7-"
    assert program.fullmatch(text) == {
        "id": text.removesuffix("-")[-1] if choice.engine == "re" else "/u/7",
        "ext": "",
    }
    assert program.fullmatch("?") is None
    assert program.matches(text)
    assert not program.matches("?")


def test_captures_are_bytes_as_latin1() -> None:
    """High bytes come back as they went in, on both engines."""
    for pattern in ("(?P<x>[^/]*)", "(?P<x>.*).*"):
        choice = _chosen(pattern)
        assert compile_program(choice.program, choice.engine).fullmatch("\xc3\xa9\xff") == {
            "x": "\xc3\xa9\xff"
        }


def test_a_pattern_without_groups_captures_nothing() -> None:
    """A match without captures is an empty dict, which is not the same as no match."""
    program = compile_program("a", "re")
    assert program.fullmatch("a") == {}
    assert program.fullmatch("b") is None


def test_a_program_too_large_for_the_linear_engine_is_refused_beforehand() -> None:
    """Sets of many ranges counted often do not fit google-re2's memory; that is found when choosing."""
    ranges = "".join(f"\\x{byte:02x}" for byte in range(0, 256, 2))
    refusal = choose(f"[{ranges}]*[{ranges}]{{999}}")
    assert isinstance(refusal, RegexRefusal)
    assert refusal.construct == "size"


def test_the_linear_engine_is_imported_only_when_a_pattern_needs_it() -> None:
    """A configuration whose patterns are all deterministic never pays for google-re2."""
    code = (
        "import sys; from gwc.schema.regex.program import choose, compile_program\n"
        "compile_program(choose('/v[0-9]+').program, 're').matches('/v1')\n"
        "print('re2' in sys.modules)\n"
        "choose('.*x')\n"
        "print('re2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_every_program_builds_on_a_deep_stack() -> None:
    """The deepest pattern that the dialect has still builds when the caller's stack is half used."""
    pattern = "(?:" * 49 + "(?P<x>a|b)" + "c|d)+" * 49

    def at_depth(depth: int) -> object:
        return at_depth(depth - 1) if depth else compile_program(program, "re")

    program = _chosen(pattern).program
    assert at_depth(sys.getrecursionlimit() // 2 - 100) is not None
