"""Load: what a path on the command line stands for, what files are called, and what is kept between runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gwc.compiler import include as module
from gwc.compiler.include import Parsed, load, load_files
from gwc.compiler.parse import yaml

from .loading import names, only, place, write


@pytest.mark.parametrize("name", ["gwc.kdl", "gwc.yaml", "gwc.yml"])
def test_a_directory_stands_for_the_configuration_in_it(tmp_path: Path, name: str) -> None:
    """Whichever of the three there is."""
    write(tmp_path, {name: "n 1" if name.endswith("kdl") else "n: 1", "other.kdl": "n 2"})
    loaded = load(tmp_path)
    assert names(loaded) == ["1"]
    assert loaded.main == str(tmp_path / name)
    assert loaded.root == tmp_path


def test_a_directory_without_one_names_what_was_looked_for(tmp_path: Path) -> None:
    """All three names."""
    write(tmp_path, {"gateway.kdl": "n 1"})
    loaded = load(tmp_path)
    assert only(loaded).code == "GWC008"
    assert all(name in only(loaded).headline for name in ("gwc.kdl", "gwc.yaml", "gwc.yml"))
    assert loaded.unreadable


def test_a_directory_with_two_names_both(tmp_path: Path) -> None:
    """Neither is chosen silently."""
    write(tmp_path, {"gwc.kdl": "n 1", "gwc.yml": "n: 1"})
    loaded = load(tmp_path)
    assert only(loaded).code == "GWC009"
    assert "`gwc.kdl` and `gwc.yml`" in only(loaded).headline
    assert loaded.unreadable
    assert loaded.entries == ()


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    """No text, so no span; and the exit code is that of unreadable input."""
    loaded = load(tmp_path / "gwc.kdl")
    assert (only(loaded).code, only(loaded).span) == ("GWC001", None)
    assert loaded.unreadable


@pytest.mark.parametrize("name", ["gwc.conf", "gwc", "gwc.KDL", ".kdl"])
def test_a_file_without_a_known_suffix(tmp_path: Path, name: str) -> None:
    """The syntax is never guessed from the content."""
    write(tmp_path, {name: "n 1"})
    loaded = load(tmp_path / name)
    assert only(loaded).code == "GWC007"
    assert loaded.unreadable


@pytest.mark.parametrize("text", ["", "\n\n", "// nothing yet\n", "\ufeff"])
def test_a_configuration_without_an_entry_is_an_error(text: str) -> None:
    """It would answer everything with 404."""
    loaded = load_files({"gwc.kdl": text})
    assert only(loaded).code == "GWC010"
    assert not loaded.unreadable


def test_an_included_file_may_be_empty() -> None:
    """A file whose routes are commented out is no mistake, a configuration of such files is."""
    assert load_files({"gwc.kdl": 'n 1\ninclude "a.yaml"', "a.yaml": "# nothing\n"}).diagnostics == ()
    assert only(load_files({"gwc.kdl": 'include "a.yaml"', "a.yaml": "# nothing\n"})).code == "GWC010"


def test_shown_paths_can_be_opened_from_where_gwc_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The typed directory and the name; beside it each file has the name that is the same everywhere."""
    write(tmp_path, {"conf/gwc.kdl": 'include "r/*.kdl"\n', "conf/r/a.kdl": "n 1\n"})
    monkeypatch.chdir(tmp_path)
    for typed, shown in (
        ("conf", ["conf/gwc.kdl", "conf/r/a.kdl"]),
        ("conf/", ["conf/gwc.kdl", "conf/r/a.kdl"]),
        ("conf/gwc.kdl", ["conf/gwc.kdl", "conf/r/a.kdl"]),
        (f"{tmp_path}/conf", [f"{tmp_path}/conf/gwc.kdl", f"{tmp_path}/conf/r/a.kdl"]),
    ):
        loaded = load(typed)
        assert list(loaded.sources) == shown
        assert loaded.main == shown[0]
        assert [source.name for source in loaded.sources.values()] == ["gwc.kdl", "r/a.kdl"]
        assert all(os.path.exists(path) for path in loaded.sources)
    monkeypatch.chdir(tmp_path / "conf")
    for typed in (".", "gwc.kdl", "./gwc.kdl"):
        assert list(load(typed).sources) == ["gwc.kdl", "r/a.kdl"]


def test_a_name_that_is_not_utf_8_can_be_shown(tmp_path: Path) -> None:
    """Its bytes are written out."""
    write(tmp_path, {"gwc.kdl": 'include "r/*.kdl"\n'})
    (tmp_path / "r").mkdir()
    name = os.fsencode(tmp_path / "r") + b"/\xff.kdl"
    try:
        Path(os.fsdecode(name)).write_text("n 1\n")
    except OSError:
        pytest.skip("this file system wants UTF-8")
    loaded = load(tmp_path)
    assert names(loaded) == ["1"]
    assert list(loaded.sources)[1].endswith("r/\\udcff.kdl")


def test_overlays_are_read_apart_and_have_includes_of_their_own(tmp_path: Path) -> None:
    """Below their own directory, wherever that is."""
    write(
        tmp_path,
        {
            "conf/gwc.kdl": "n 1\n",
            "env/prod.kdl": 'n 2\ninclude "more.yaml"\n',
            "env/more.yaml": "n: 3\n",
            "env/other.kdl": 'include "../conf/gwc.kdl"\nn 4\n',
        },
    )
    loaded = load(
        tmp_path / "conf", overlays=[str(tmp_path / "env/prod.kdl"), str(tmp_path / "env/other.kdl")]
    )
    assert names(loaded) == ["1"]
    assert [[node.head.args[0].value for _, node in overlay] for overlay in loaded.overlays] == [[2, 3], [4]]
    assert only(loaded).code == "GWC014"
    assert place(loaded, only(loaded)) == '"../conf/gwc.kdl"'


def test_an_overlay_that_cannot_be_read(tmp_path: Path) -> None:
    """As with the main file."""
    write(tmp_path, {"gwc.kdl": "n 1\n"})
    loaded = load(tmp_path, overlays=[str(tmp_path / "no.kdl"), str(tmp_path)])
    assert [each.code for each in loaded.diagnostics] == ["GWC001", "GWC003"]
    assert loaded.unreadable


def test_parsed_files_are_kept_while_their_content_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two files one has changed: only that one is parsed, and what is not needed any more is dropped."""
    write(tmp_path, {"gwc.yaml": "include: r/*.yaml\n", "r/a.yaml": "n: 1\n", "r/b.yaml": "n: 2\n"})
    parsed: list[str] = []
    real = yaml.parse

    def parse(text: str, file: str) -> Parsed:
        parsed.append(os.path.basename(file))
        return real(text, file)

    monkeypatch.setattr(yaml, "parse", parse)
    cache: dict[str, Parsed] = {}
    first = load(tmp_path, cache=cache)
    assert sorted(parsed) == ["a.yaml", "b.yaml", "gwc.yaml"]
    parsed.clear()
    assert load(tmp_path, cache=cache).entries == first.entries
    assert parsed == []
    write(tmp_path, {"r/b.yaml": "n: 3\n"})
    assert names(load(tmp_path, cache=cache)) == ["1", "3"]
    assert parsed == ["b.yaml"]
    (tmp_path / "r/a.yaml").unlink()
    assert names(load(tmp_path, cache=cache)) == ["3"]
    assert len(cache) == 2


def test_findings_of_a_kept_file_are_told_again(tmp_path: Path) -> None:
    """A warning does not vanish because the file was parsed before."""
    write(tmp_path, {"gwc.yaml": "n: a\n  b\n"})
    cache: dict[str, Parsed] = {}
    assert [only(load(tmp_path, cache=cache)).code for _ in range(2)] == ["GWC174", "GWC174"]


def test_the_limits_are_those_of_the_documentation() -> None:
    """Sixteen deep, ten thousand files."""
    assert (module.MAX_DEPTH, module.MAX_FILES) == (16, 10_000)
