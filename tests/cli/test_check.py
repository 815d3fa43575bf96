"""`gwc check`: reports, formats, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .conftest import SMALL, Gwc


def test_success_says_so_in_one_line(gwc: Gwc, small: Path) -> None:
    """A clean configuration is one line with routes, hosts and time, and exit code 0."""
    result = gwc("check", small)
    assert result.exit_code == 0
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{small}: ok, 2 routes, 1 host, ")
    assert line.endswith(" ms")


def test_every_mistake_is_told_in_one_run(gwc: Gwc, small: Path) -> None:
    """Several mistakes in one file are all told, each with its line."""
    small.write_text(
        SMALL.replace("address", "adress").replace("weight=3", 'weight="3"').replace("method", "metod")
    )
    result = gwc("check", small)
    assert result.exit_code == 1
    assert f"{small}:4:" in result.stdout
    assert f"{small}:9:" in result.stdout
    assert f"{small}:20:" in result.stdout
    assert "did you mean `address`?" in result.stdout
    assert result.stdout.rstrip().endswith("errors")


def test_a_file_that_does_not_exist_is_exit_code_2(gwc: Gwc, tmp_path: Path) -> None:
    """Unreadable input is told apart from a mistake in it."""
    result = gwc("check", tmp_path / "nope.kdl")
    assert result.exit_code == 2
    assert "does not exist" in result.output


def test_no_path_is_a_usage_error(gwc: Gwc) -> None:
    """`gwc check` alone says what to write."""
    result = gwc("check")
    assert result.exit_code == 2
    assert "no PATH given" in result.output


def test_fail_on_decides_what_makes_the_exit_code(gwc: Gwc, small: Path) -> None:
    """A warning is exit code 0, and 1 with --fail-on warning."""
    small.write_text(
        SMALL.replace('upstream "users"\n    }\n}', "respond\n    }\n}")
        .replace("rewrite {", "/- x {")
        .replace("request-headers", "response-headers")
    )
    assert "GWC401" in gwc("check", small).stdout
    assert gwc("check", small).exit_code == 0
    assert gwc("check", "--fail-on", "warning", small).exit_code == 1


def test_json_has_the_same_exit_code_and_places(gwc: Gwc, small: Path) -> None:
    """The format changes nothing but the form."""
    small.write_text(SMALL.replace('"/orders"', "7"))
    text, machine = gwc("check", small), gwc("check", "--format", "json", small)
    assert text.exit_code == machine.exit_code == 1
    report = json.loads(machine.stdout)
    assert report["schema_version"] == 1
    (finding,) = report["diagnostics"]
    assert finding["severity"] == "error"
    assert finding["span"]["start"]["line"] == 19


def test_github_annotations(gwc: Gwc, small: Path) -> None:
    """The github format is workflow commands."""
    small.write_text(SMALL.replace('"/orders"', "7"))
    assert gwc("check", "--format", "github", small).stdout.startswith(f"::error file={small},line=19")


def test_a_page_of_a_code(gwc: Gwc) -> None:
    """--explain prints the page, in whatever case the code is typed; an unknown code names the nearest."""
    assert gwc("check", "--explain", "gwc302").stdout.startswith("# GWC302")
    unknown = gwc("check", "--explain", "GWC999")
    assert unknown.exit_code == 2
    assert "there is no code `GWC999`" in unknown.output


def test_stdin(gwc: Gwc) -> None:
    """`-` reads stdin, KDL unless --syntax says yaml."""
    assert gwc("check", "-", stdin=SMALL).stdout.startswith("-: ok, 2 routes")
    assert (
        gwc("check", "-", "--syntax", "yaml", stdin="routes:\n  - route: a\n    respond: {}\n").exit_code == 0
    )
    assert gwc("check", "-", stdin=b"\xff").exit_code == 2


def test_stdin_is_judged_as_a_file_is(gwc: Gwc) -> None:
    """Bytes that are no text, and too many of them, are findings in every format."""
    report = json.loads(gwc("check", "--format", "json", "-", stdin=b"a\xff").stdout)
    assert [each["code"] for each in report["diagnostics"]] == ["GWC004"]
    large = gwc("check", "-", stdin=b" " * (16 * 1024 * 1024 + 1))
    assert large.exit_code == 2
    assert "GWC005" in large.stdout
    assert gwc("fmt", "-", stdin=b"\xff").exit_code == 2


def test_a_full_disk_is_no_bug(small: Path) -> None:
    """Output that cannot be written is told in one line, exit code 2."""
    gwc_path = Path(sys.executable).parent / "gwc"
    command = f"'{gwc_path}' check '{small}' > /dev/full"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "gwc: No space left on device\n")


def test_several_paths(gwc: Gwc, small: Path, tmp_path: Path) -> None:
    """Each path is checked; the worst decides the exit code."""
    other = tmp_path / "other.kdl"
    other.write_text("routes {\n    rute 1\n}\n")
    result = gwc("check", small, other)
    assert result.exit_code == 1
    assert f"{small}: ok" in result.stdout
    assert f"{other}:2:" in result.stdout


def test_the_environment_is_looked_at_when_asked(gwc: Gwc, small: Path, tmp_path: Path) -> None:
    """Missing variables and files are errors with --env, and nothing without."""
    small.write_text(
        SMALL.replace('"10.0.0.1:8080"', '"${env:GWC_TEST_ORDERS}"').replace(
            '"${path.id}"', '"${file:secret}"'
        )
    )
    assert gwc("check", small).exit_code == 0
    missing = gwc("check", "--env", small)
    assert missing.exit_code == 1
    assert "environment variable `GWC_TEST_ORDERS` is not set" in missing.stdout
    assert "file `secret` does not exist" in missing.stdout
    (tmp_path / "secret").write_text("s")
    assert gwc("check", "--env", small, env={"GWC_TEST_ORDERS": "10.0.0.9:1"}).exit_code == 0


def test_an_unknown_command_names_the_nearest(gwc: Gwc) -> None:
    """A misspelt command is told with what was meant."""
    result = gwc("chek")
    assert result.exit_code == 2
    assert "did you mean `check`?" in result.output
