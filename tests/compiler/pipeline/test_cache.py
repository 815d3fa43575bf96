"""A resident compiler gives what a fresh one gives, whatever was edited in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gwc.compiler.pipeline import CompileCache, compile_path
from gwc.compiler.resolve import Unit
from gwc.schema.artifact import notes_of

MAIN = """\
include "routes/*.kdl"
listeners { listener "public" { address "127.0.0.1:8080" } }
upstreams { upstream "a" { target "127.0.0.1:1" } }
matcher "inside" { client-ip "10.0.0.0/8" }
routes { route "main" { matches { path "/main" }; upstream "a" } }
"""


def _route(name: str, rest: str = "") -> str:
    return (
        f'routes {{\n    group "g-{name}" {{\n        matches {{ path-prefix "/{name}" }}\n'
        f'        route "{name}" {{ matches {{ use "inside" }}; upstream "a"; {rest} }}\n    }}\n}}\n'
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A main file and three included ones."""
    (tmp_path / "routes").mkdir()
    (tmp_path / "gwc.kdl").write_text(MAIN)
    for name in "xyz":
        (tmp_path / "routes" / f"{name}.kdl").write_text(_route(name))
    return tmp_path


EDITS: dict[str, Callable[[Path], object]] = {
    "nothing": lambda root: None,
    "a route": lambda root: (root / "routes/y.kdl").write_text(_route("y", 'priority "high"')),
    "a file more": lambda root: (root / "routes/a.kdl").write_text(_route("a")),
    "a file less": lambda root: (root / "routes/x.kdl").unlink(),
    "a mistake": lambda root: (root / "routes/y.kdl").write_text(_route("y", 'prority "high"')),
    "a syntax error": lambda root: (root / "routes/y.kdl").write_text("routes {"),
    "a name twice": lambda root: (root / "routes/y.kdl").write_text(_route("x")),
    "lines before the others": lambda root: (root / "gwc.kdl").write_text("// moved\n\n" + MAIN),
    "the matcher": lambda root: (root / "gwc.kdl").write_text(MAIN.replace("10.0.0.0/8", "10.9.0.0/16")),
    "the upstream's name": lambda root: (root / "gwc.kdl").write_text(MAIN.replace('"a"', '"b"')),
    "the listener": lambda root: (root / "gwc.kdl").write_text(MAIN.replace("8080", "8081")),
    "defaults": lambda root: (root / "gwc.kdl").write_text(MAIN + "defaults { priority 7 }\n"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_an_edit_is_compiled_as_if_for_the_first_time(folder: Path, edit: Callable[[Path], object]) -> None:
    """Table, findings and places are those of a compiler without memory, also after going back."""
    cache = CompileCache()
    before = compile_path(folder, cache=cache)
    assert before.table is not None
    edit(folder)
    for _ in range(2):
        warm, cold = compile_path(folder, cache=cache), compile_path(folder)
        assert warm.table == cold.table
        assert warm.diagnostics == cold.diagnostics
        if cold.table is not None and warm.table is not None:
            assert notes_of(warm.table) == notes_of(cold.table)
    for path in (folder / "routes").iterdir():
        path.unlink()
    (folder / "gwc.kdl").write_text(MAIN)
    for name in "xyz":
        (folder / "routes" / f"{name}.kdl").write_text(_route(name))
    assert compile_path(folder, cache=cache).table == before.table


def units_of_groups(cache: CompileCache) -> dict[str, Unit]:
    """The cached units of groups, by the group's name."""
    records = ((unit.item.record, unit) for unit in cache.resolved.units.values())
    return {record["group"]: unit for record, unit in records if "group" in record}


def test_what_did_not_change_is_not_resolved_again(folder: Path) -> None:
    """After an edit of one file the units of the others are the same objects."""
    cache = CompileCache()
    compile_path(folder, cache=cache)
    before = units_of_groups(cache)
    EDITS["a route"](folder)
    compile_path(folder, cache=cache)
    after = units_of_groups(cache)
    assert {name for name in after if after[name] is before[name]} == {"g-x", "g-z"}
