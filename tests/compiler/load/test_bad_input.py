"""Bad input, from the path to the table: one clear finding each, no exception, every place in its file."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from gwc.compiler.pipeline import CompileResult, compile_files, compile_path
from gwc.schema.diagnostic import Severity

ROOT = Path(__file__).resolve().parents[3]
LONG = "x" * (1 << 20)

# Name of the file, what it holds, the code of the one error; whether the file counts as unreadable.
FILES = [
    ("gwc.kdl", b"", "GWC010", False),
    ("gwc.yaml", b"", "GWC010", False),
    ("gwc.kdl", b" \n// all of it a comment\n", "GWC010", False),
    ("gwc.yaml", b"# all of it a comment\n", "GWC010", False),
    ("gwc.kdl", b'routes { route "Z\xfcrich"; }', "GWC004", True),
    ("gwc.yaml", b"routes:\n- route: Z\xfcrich\n", "GWC004", True),
    ("gwc.yaml", "routes: []\n".encode("utf-16"), "GWC004", True),
    ("gwc.kdl", b" " * (16 * 1024 * 1024 + 1), "GWC005", True),
    ("gwc.yaml", b"#" * (16 * 1024 * 1024 + 1), "GWC005", True),
    ("gwc.yaml", b"routes: " + b"[" * 65 + b"]" * 65, "GWC167", False),
    ("gwc.yaml", b"routes: " + b"[" * 100_000, "GWC167", False),
    ("gwc.yaml", b"routes:\n  - route: a\0\n    respond: {status: 200}\n", "GWC150", False),
    ("gwc.yaml", b"routes:\n  - route: a\x1b\n    respond: {status: 200}\n", "GWC150", False),
    ("gwc.yaml", b"routes:\n  - route: \"a\n    respond: {status: 200}\n", "GWC152", False),
    ("gwc.kdl", b'include "gwc.kdl"\n', "GWC013", False),
    ("gwc.yaml", b"include: gwc.yaml\n", "GWC013", False),
    ("gwc.txt", b"routes", "GWC007", True),
]  # fmt: skip


def errors(result: CompileResult) -> list[str]:
    return [each.code for each in result.diagnostics if each.severity is Severity.ERROR]


def assert_well_told(result: CompileResult) -> None:
    """No table with an error, no silence without a table, every span inside its file."""
    assert (result.table is None) == bool(errors(result))
    for diagnostic in result.diagnostics:
        spans = [diagnostic.span, *[label.span for label in diagnostic.secondary]]
        for span in spans:
            if span is not None:
                assert 0 <= span.start <= span.end <= len(result.sources[span.file].text)


@pytest.mark.parametrize(("name", "data", "code", "unreadable"), FILES, ids=range(len(FILES)))
def test_a_file_that_is_wrong_as_a_whole_is_told_once(
    tmp_path: Path, name: str, data: bytes, code: str, unreadable: bool
) -> None:
    """One error with its code; and whether it is unreadable or merely wrong decides the exit code."""
    (tmp_path / name).write_bytes(data)
    result = compile_path(tmp_path / name)
    assert errors(result) == [code]
    assert result.unreadable is unreadable
    assert_well_told(result)


@pytest.mark.parametrize(
    "text",
    [
        "routes {\n" + "a {\n" * 64 + "}\n" * 65,
        "a {" * 100_000,
        'routes {\n    route "a\0" { respond; }\n}\n',
        "routes \x07\n",
        'routes { route "a" { respond { body "' + LONG + '"; }; }; }',
        f'routes {{ route "{LONG}" {{ respond; }}; }}',
        LONG,
        '"' + LONG,
        "{" * 100_000,
        "}" * 100_000,
        "/*" * 100_000,
        "(a)" * 100_000,
        '"""\n' * 10_000,
        "\\\n" * 100_000,
    ],
    ids=range(14),
)
def test_strange_kdl_gives_findings_in_time(text: str) -> None:
    """Nesting, control characters, lines of a megabyte."""
    result = compile_files({"gwc.kdl": text})
    assert errors(result)
    assert_well_told(result)


@pytest.mark.parametrize(
    "text",
    [
        f"routes: [{{route: a, respond: {{body: {LONG}}}}}]",
        f"routes: [{{route: {LONG}, respond: {{}}}}]",
        f"{LONG}: a",
        LONG,
        "{a: " * 100_000,
        "- " * 100_000,
        "routes:\n" + "- a\n" * 100_000,
        "&a [*a, *a]\n",
    ],
    ids=range(8),
)
def test_strange_yaml_gives_findings_in_time(text: str) -> None:
    """Nesting, aliases, lines of a megabyte."""
    result = compile_files({"gwc.yaml": text})
    assert errors(result)
    assert_well_told(result)


def test_a_comment_of_a_megabyte_is_none() -> None:
    """Only what is wrong is told."""
    route = 'routes { route "a" { respond status=200; }; }'
    assert errors(compile_files({"gwc.kdl": f"// {LONG}\n{route}"})) == []
    assert errors(compile_files({"gwc.yaml": f"# {LONG}\nroutes: [{{route: a, respond: {{}}}}]"})) == []


def test_directories_without_a_configuration_and_paths_to_nowhere(tmp_path: Path) -> None:
    """Told without a span, because there is no text."""
    for path, code in ((tmp_path, "GWC008"), (tmp_path / "gwc.kdl", "GWC001"), ("/dev/null", "GWC007")):
        result = compile_path(path)
        assert errors(result) == [code]
        assert result.unreadable
        assert_well_told(result)


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests as root can read everything, so the system is made to refuse."""
    (tmp_path / "gwc.kdl").write_text("routes")

    def deny(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", deny)
    result = compile_path(tmp_path)
    assert errors(result) == ["GWC002"]
    assert result.unreadable


PIECES = [
    "{", "}", '"', "\\", "/*", "*/", "//", "/-", ";", "=", "(", ")", "#true", "#", "\n", " ", "\t", "\r",
    "\0", "\u2028", "\ufeff", "é", "𝄞", "${env:X}", "${", "*", ":", "- ", "[", "]", "'", "|", "&a", "!x",
    "9" * 40, "-1", "1e999999999", "regex=", "%2F", "..", "\\u{0}", '"""', "include", "route", "matches",
    "not", "use",
]  # fmt: skip


def seeds() -> list[tuple[str, str]]:
    """The samples, and the examples of the codes' pages: many keys in few lines."""
    found = [("gwc.kdl", path.read_text()) for path in sorted((ROOT / "samples").glob("*/*.kdl"))]
    for page in sorted((ROOT / "compiler/diagnostics/pages").glob("*.md")):
        for piece in page.read_text().split("\n```")[:-1]:
            head, _, text = piece.rpartition("```")[2].partition("\n")
            if head.startswith(("kdl", "yaml")):
                found.append((f"gwc.{head.split()[0]}", text + "\n"))
    return found


def mutated(random_: random.Random, text: str) -> str:
    for _ in range(random_.choice([1, 1, 1, 2, 4])):
        at = random_.randrange(len(text) + 1)
        gone = random_.choice([0, 0, 1, 1, 5, 40])
        copied = random_.randrange(len(text) + 1)
        new = random_.choice(["", random_.choice(PIECES), text[copied : copied + 20]])
        text = text[:at] + new + text[at + gone :]
    return text


def sweep(count: int, longest: int) -> None:
    random_ = random.Random(20_250)
    texts = [(name, text) for name, text in seeds() if len(text) <= longest]
    assert len(texts) > 20
    for _ in range(count):
        name, text = random_.choice(texts)
        broken = mutated(random_, text)
        try:
            result = compile_files({name: broken})
        except Exception as failed:
            raise AssertionError(f"{name}: {broken!r}") from failed
        assert_well_told(result)


def test_mutated_configurations_give_findings_or_a_table() -> None:
    """A few hundred small ones; the long sweep has ten thousand of all sizes."""
    sweep(300, 1500)


@pytest.mark.slow
def test_ten_thousand_mutated_configurations() -> None:
    """No exception, every span inside its file, a table or an error and never both."""
    sweep(10_000, 20_000)
