"""The other commands: build, config, convert, fmt, init, routes, schema."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from gwc.compiler.pipeline import compile_path

from .conftest import SMALL, Gwc


def test_build_prints_digest_routes_and_size(gwc: Gwc, small: Path, tmp_path: Path) -> None:
    """The table is written whole; the same input gives the same digest."""
    first = gwc("build", small, "-o", tmp_path / "a.table")
    second = gwc("build", small, "-o", tmp_path / "b.table")
    assert first.exit_code == 0
    assert "2 routes" in first.stdout
    assert first.stdout.split(": ", 1)[1] == second.stdout.split(": ", 1)[1]
    assert (tmp_path / "a.table").read_bytes() == (tmp_path / "b.table").read_bytes()
    assert f"{(tmp_path / 'a.table').stat().st_size} bytes" in first.stdout


def test_a_broken_configuration_is_not_built(gwc: Gwc, small: Path, tmp_path: Path) -> None:
    """The table of before stays as it is."""
    target = tmp_path / "a.table"
    target.write_bytes(b"before")
    small.write_text(SMALL.replace("upstream", "upstrem"))
    assert gwc("build", small, "-o", target).exit_code == 1
    assert target.read_bytes() == b"before"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-3], "table"),
        (lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:], ""),
        (lambda data: data + b"x", ""),
    ],
)
def test_a_damaged_table_is_refused(
    gwc: Gwc, small: Path, tmp_path: Path, change: object, words: str
) -> None:
    """A table that was cut, changed or lengthened is refused with a clear error, exit code 2."""
    target = tmp_path / "a.table"
    gwc("build", small, "-o", target)
    target.write_bytes(change(target.read_bytes()))  # type: ignore[operator]  # the rows are functions
    result = gwc("routes", "-c", target)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"{target}: ")
    assert words in result.stderr


def test_routes_are_in_rank_order(gwc: Gwc, small: Path) -> None:
    """The list, the tree and the JSON say the same order."""
    text = gwc("routes", "-c", small).stdout
    assert text.index("/users/{id}") < text.index("/orders/*")
    shown = json.loads(gwc("routes", "-c", small, "--format", "json").stdout)
    assert [each["route"] for each in shown["alternatives"]] == ["user", "orders"]
    tree = gwc("routes", "-c", small, "--tree").stdout.splitlines()
    assert tree[0] == "api.example.com"


def test_config_names_layer_and_line(gwc: Gwc, small: Path, tmp_path: Path) -> None:
    """Each value has the layer and place that set it: flag, environment, overlay, file, default."""
    overlay = tmp_path / "prod.kdl"
    overlay.write_text(
        'upstreams { upstream "orders" { target "10.9.9.9:80" } }\nroutes { route "user" { priority 5 } }'
    )
    result = gwc(
        "config", "-c", small, "--format", "json", "--overlay", overlay,
        "--set", "routes.orders.priority=7",
        env={"GWC_SET__ROUTES__ORDERS__PRIORITY": "6", "GWC_SET__UPSTREAMS__USERS__TARGETS": "10.8.8.8:80"},
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = {each["path"]: (each["value"], each["layer"]) for each in json.loads(result.stdout)["values"]}
    assert found["routes.orders.priority"] == (7, "flag")
    assert found["routes.user.priority"] == (5, "overlay")
    assert found["listeners.public.private"] == (False, "default")
    assert found["listeners.public.address[0]"] == ("127.0.0.1:8080", "file")
    assert ("10.9.9.9:80", "overlay") in found.values()
    assert ("10.8.8.8:80", "environment") in found.values()
    lines = {each["path"]: each["from"] for each in json.loads(result.stdout)["values"]}
    assert lines["listeners.public.address[0]"] == f"{small}:4"


def test_config_shows_what_a_route_inherits(gwc: Gwc, tmp_path: Path) -> None:
    """Settings of defaults and groups are shown with the lines that they stand on; replaced ones are not."""
    path = tmp_path / "gwc.kdl"
    path.write_text(
        'defaults {\n    response-headers {\n        remove "server"\n        set "a" "1"\n    }\n}\n'
        'routes {\n    group "g" {\n        priority "high"\n        route "r" {\n            respond\n'
        '            response-headers {\n                set "a" "2"\n            }\n        }\n    }\n}\n'
    )
    values = json.loads(gwc("config", "-c", path, "--format", "json").stdout)["values"]
    found = {each["path"]: (each["value"], each["from"]) for each in values}
    assert found["routes.r.priority"] == ("high", f"{path}:9")
    assert found["routes.r.response-headers.remove"] == ("server", f"{path}:3")
    assert [each["value"] for each in values if each["path"] == "routes.r.response-headers.set.a"] == ["2"]


def test_secrets_are_shown_as_references(gwc: Gwc, small: Path) -> None:
    """The value of a variable is nowhere in what gwc prints or writes."""
    small.write_text(SMALL.replace('"10.0.0.1:8080"', '"${env:GWC_TEST_SECRET}"'))
    env = {"GWC_TEST_SECRET": "canary-9f3:80"}
    table = small.parent / "t.table"
    outputs = [
        gwc("config", "-c", small, env=env).output,
        gwc("check", "--env", small, env=env).output,
        gwc("build", small, "-o", table, env=env).output,
        gwc("explain", "-c", small, "GET", "http://api.example.com/orders", env=env).output,
        table.read_bytes().decode("latin-1"),
    ]
    assert "${env:GWC_TEST_SECRET}" in outputs[0]
    assert not any("canary" in each for each in outputs)


@pytest.mark.parametrize("syntax", ["kdl", "yaml"])
def test_convert_keeps_the_table(gwc: Gwc, small: Path, tmp_path: Path, syntax: str) -> None:
    """The converted configuration makes the same table, and lost comments are named."""
    target = tmp_path / f"converted.{syntax}"
    result = gwc("convert", small, "--to", syntax, "-o", target)
    assert result.exit_code == 0, result.output
    assert f"{small}:1: comment not carried over: // a small gateway" in result.stderr
    assert compile_path(target).table == compile_path(small).table
    if syntax == "kdl":
        assert gwc("fmt", "--check", target).exit_code == 0


def test_convert_takes_the_files_alone(gwc: Gwc, small: Path) -> None:
    """What the environment lays over a configuration does not get into the converted one."""
    env = {"GWC_SET__ROUTES__ORDERS__PRIORITY": "6"}
    assert "priority" not in gwc("convert", small, "--to", "yaml", env=env).stdout


def test_every_command_reads_stdin_in_both_syntaxes(gwc: Gwc) -> None:
    """`-` has no suffix, so --syntax says what it is."""
    text = "routes:\n  - route: a\n    respond: {status: 299}\n"
    for arguments in (
        ("routes", "-c", "-"),
        ("config", "-c", "-"),
        ("explain", "-c", "-", "GET", "http://a/"),
        ("convert", "-", "--to", "kdl"),
    ):
        result = gwc(*arguments, "--syntax", "yaml", stdin=text)
        assert (result.exit_code, "299" in result.stdout) == (0, True), arguments


def test_fmt_lays_out_and_keeps_comments(gwc: Gwc, small: Path) -> None:
    """The file is rewritten once; a second run changes nothing."""
    small.write_text('// head\nlisteners{listener "a"{address "127.0.0.1:1"}} // tail\n')
    assert gwc("fmt", "--check", small).exit_code == 1
    assert "+listeners {" in gwc("fmt", "--diff", small).stdout
    assert gwc("fmt", small).exit_code == 0
    text = small.read_text()
    assert text.startswith("// head\nlisteners {\n    listener")
    assert "// tail" in text
    assert gwc("fmt", "--check", small).exit_code == 0


def test_fmt_leaves_a_broken_file_alone(gwc: Gwc, small: Path) -> None:
    """A file with a syntax error is not touched, and the error is told."""
    small.write_text('listeners {\n    a "b\n')
    result = gwc("fmt", small)
    assert result.exit_code == 1
    assert f"{small}:2:" in result.stderr
    assert small.read_text() == 'listeners {\n    a "b\n'


def test_fmt_reads_stdin(gwc: Gwc) -> None:
    """`-` prints the result."""
    assert gwc("fmt", "-", stdin="a   1").stdout == "a 1\n"


def test_fmt_checks_stdin_too(gwc: Gwc) -> None:
    """--check and --diff mean for stdin what they mean for a file."""
    assert gwc("fmt", "--check", "-", stdin="a   1\n").exit_code == 1
    assert gwc("fmt", "--check", "-", stdin="a 1\n").exit_code == 0
    assert "+a 1" in gwc("fmt", "--diff", "-", stdin="a   1\n").stdout


def test_schema_is_a_schema(gwc: Gwc, small: Path) -> None:
    """Both drafts are valid schemas and accept the YAML form of a configuration."""
    data = yaml.safe_load(gwc("convert", small, "--to", "yaml").stdout)
    for draft, validator in (
        ("2020-12", jsonschema.Draft202012Validator),
        ("draft-07", jsonschema.Draft7Validator),
    ):
        schema = json.loads(gwc("schema", "--draft", draft).stdout)
        validator.check_schema(schema)
        assert list(validator(schema).iter_errors(data)) == []
        assert list(validator(schema).iter_errors({**data, "rutes": []})) != []


def test_init_makes_a_configuration_that_checks_clean(gwc: Gwc, tmp_path: Path) -> None:
    """The starter has no finding, is laid out as fmt would, answers, and is never overwritten."""
    target = tmp_path / "new"
    assert gwc("init", target).exit_code == 0
    assert gwc("check", "--fail-on", "note", target).exit_code == 0
    assert gwc("fmt", "--check", target).exit_code == 0
    decision = json.loads(
        gwc("explain", "-c", target, "--format", "json", "GET", "http://localhost:8080/hello").stdout
    )["decision"]
    assert (decision["route"], decision["body"]) == ("hello", "hello\n")
    again = gwc("init", target)
    assert again.exit_code == 2
    assert "is there already" in again.stderr


def test_the_output_of_a_pipe_that_closes(small: Path) -> None:
    """`gwc routes | head -0` ends quietly."""
    gwc_path = Path(sys.executable).parent / "gwc"
    command = f"'{gwc_path}' routes -c '{small}' --format json | head -c 1 > /dev/null"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_config_shows_what_is_in_force_by_default(gwc: Gwc, tmp_path: Path) -> None:
    """Defaults inside an action, and the listener that nobody wrote; not what has no effect."""
    path = tmp_path / "gwc.kdl"
    path.write_text(
        'upstreams { upstream "u" { target "127.0.0.1:1" } }\n'
        'routes { group "g" { upstream "u"; rewrite { path "/z" }; request-headers { set "a" "b" }\n'
        '  route "r" { redirect path="/x" }; route "s" { matches { path "/s" } } } }\n'
    )
    values = json.loads(gwc("config", "-c", path, "--format", "json").stdout)["values"]
    found = {each["path"]: (each["value"], each["layer"]) for each in values}
    assert found["listeners.default.address"] == ("127.0.0.1:8080", "default")
    assert found["routes.r.redirect.status"] == (302, "default")
    assert found["upstreams.u.targets.127.0.0.1:1.weight"] == (1, "default")
    assert "routes.s.rewrite.path" in found
    assert not any(name.startswith(("routes.r.rewrite", "routes.r.request-headers")) for name in found)


def test_routes_show_patterns_as_they_were_written(gwc: Gwc, tmp_path: Path) -> None:
    """Text beyond ASCII is readable."""
    path = tmp_path / "gwc.kdl"
    path.write_text('routes { route "r" { matches { path-regex "/(é|e)" }; respond } }\n')
    assert "/(é|e)" in gwc("routes", "-c", path).stdout


def test_overlays_by_a_variable(gwc: Gwc, small: Path, tmp_path: Path) -> None:
    """GWC_OVERLAY is a list of paths, which may have spaces; the last one wins."""
    first, second = tmp_path / "first one.kdl", tmp_path / "second.kdl"
    first.write_text('routes { route "user" { priority 5 } }\n')
    second.write_text('routes { route "user" { priority 6 } }\n')
    shown = gwc("config", "-c", small, env={"GWC_OVERLAY": f"{first}:{second}"}).stdout
    assert "routes.user.priority = 6" in shown
    assert "routes.user.priority = 5" in gwc("config", "-c", small, env={"GWC_OVERLAY": str(first)}).stdout
