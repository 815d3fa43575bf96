"""Includes: which files belong to a configuration, in which order, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gwc.compiler import files as files_module
from gwc.compiler import include as module
from gwc.compiler.include import load, load_files, load_text
from gwc.schema.diagnostic import Severity

from .loading import names, only, place, write


def test_included_entries_stand_in_the_place_of_the_include() -> None:
    """Before, between and after; each entry keeps the document that it was written in."""
    loaded = load_files(
        {
            "gwc.kdl": 'a 1\ninclude "x.kdl" "y.yaml"\na 4\n',
            "x.kdl": "a 2\n",
            "y.yaml": "a: 3\n",
        }
    )
    assert loaded.diagnostics == ()
    assert names(loaded) == ["1", "2", "3", "4"]
    assert [document.file for document, _ in loaded.entries] == ["gwc.kdl", "x.kdl", "y.yaml", "gwc.kdl"]
    assert [document.syntax for document, _ in loaded.entries] == ["kdl", "kdl", "yaml", "kdl"]
    assert set(loaded.sources) == {"gwc.kdl", "x.kdl", "y.yaml"}
    assert not loaded.unreadable


@pytest.mark.parametrize("include", ["include: [x.kdl, 'y.yaml']", "include:\n  - x.kdl\n  - y.yaml\n"])
def test_yaml_includes_a_list_of_either_syntax(include: str) -> None:
    """As a flow or a block list; the order is that of the list."""
    loaded = load_files({"gwc.yaml": f"a: 1\n{include}\n", "y.yaml": "a: 3\n", "x.kdl": "a 2\n"})
    assert loaded.diagnostics == ()
    assert names(loaded) == ["1", "2", "3"]


def test_yaml_includes_one_path_as_a_text() -> None:
    """A list of one needs no brackets."""
    loaded = load_files({"gwc.yaml": "include: '*.kdl'\n", "b.kdl": "a 2\n", "a.kdl": "a 1\n"})
    assert names(loaded) == ["1", "2"]


def test_files_of_a_pattern_come_in_the_order_of_their_bytes() -> None:
    """Not of a language: upper case first, `10` before `9`, characters beyond ASCII last."""
    there = ["é.kdl", "b.kdl", "B.kdl", "a-1.kdl", "a.kdl", "a/z.kdl", "9.kdl", "10.kdl"]
    loaded = load_files({"gwc.kdl": 'include "r/**/*.kdl"', **{f"r/{name}": f'n "{name}"' for name in there}})
    assert names(loaded) == ["10.kdl", "9.kdl", "B.kdl", "a-1.kdl", "a.kdl", "a/z.kdl", "b.kdl", "é.kdl"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.kdl", ["a.kdl"]),
        ("r/*.kdl", ["r/b.kdl"]),
        ("r/**", ["r/b.kdl", "r/s/c.kdl", "r/s/t/d.kdl"]),
        ("r/**/*.kdl", ["r/b.kdl", "r/s/c.kdl", "r/s/t/d.kdl"]),
        ("**/d.kdl", ["r/s/t/d.kdl"]),
        ("**/s/*.kdl", ["r/s/c.kdl"]),
        ("r/*/t/?.kdl", ["r/s/t/d.kdl"]),
        ("r/s/[cx].kdl", ["r/s/c.kdl"]),
        ("r/s/[!x].kdl", ["r/s/c.kdl"]),
        ("./r/./s/../*.kdl", ["r/b.kdl"]),
        ("r//s//c.kdl", ["r/s/c.kdl"]),
        ("r/.h*.kdl", ["r/.hidden.kdl"]),
        ("r/.h/*.kdl", ["r/.h/e.kdl"]),
    ],
)
@pytest.mark.parametrize("where", ["disk", "memory"])
def test_what_a_pattern_matches(tmp_path: Path, where: str, pattern: str, expected: list[str]) -> None:
    """`*` and `?` stay in one name, `**` crosses directories, a leading dot has to be written."""
    there = ["a.kdl", "r/b.kdl", "r/s/c.kdl", "r/s/t/d.kdl", "r/.hidden.kdl", "r/.h/e.kdl"]
    texts = {f"c/{name}": f'n "{name}"' for name in there}
    texts = {"c/gwc.yaml": f"include: '{pattern}'", **texts}
    if where == "disk":
        loaded = load(write(tmp_path, texts) / "c")
    else:
        loaded = load_files({name.removeprefix("c/"): text for name, text in texts.items()})
    assert loaded.diagnostics == ()
    assert names(loaded) == expected


def test_paths_are_relative_to_the_file_they_stand_in() -> None:
    """Also below, and up again as long as the main file's directory is not left."""
    loaded = load_files(
        {
            "gwc.kdl": 'include "teams/all.kdl"',
            "teams/all.kdl": 'include "*/*.yaml" "../shared/x.kdl"',
            "teams/a/r.yaml": "n: 1",
            "shared/x.kdl": "n 2",
        }
    )
    assert loaded.diagnostics == ()
    assert names(loaded) == ["1", "2"]


def test_a_file_loads_once_at_its_first_place() -> None:
    """However often it is named, and under whatever spelling."""
    loaded = load_files(
        {
            "gwc.kdl": 'include "b.kdl"\ninclude "*.kdl" "./b.kdl"\nn 9\n',
            "a.kdl": 'n 1\ninclude "b.kdl"',
            "b.kdl": "n 2",
            "d/c.kdl": "n 3",
        }
    )
    assert [each.code for each in loaded.diagnostics] == ["GWC013"]  # the pattern matches gwc.kdl too
    assert names(loaded) == ["2", "1", "9"]


def test_two_names_of_one_file_are_one_file(tmp_path: Path) -> None:
    """The real path decides."""
    write(tmp_path, {"gwc.kdl": 'include "a.kdl" "b.kdl"\n', "a.kdl": "n 1\n"})
    (tmp_path / "b.kdl").symlink_to("a.kdl")
    loaded = load(tmp_path)
    assert loaded.diagnostics == ()
    assert names(loaded) == ["1"]


def test_links_that_lead_out_of_the_directory_are_followed(tmp_path: Path) -> None:
    """Kubernetes mounts are made of them; the path as written is what counts."""
    write(tmp_path, {"conf/gwc.kdl": 'include "routes/*.kdl"', "elsewhere/..data/a.kdl": "n 1\n"})
    (tmp_path / "conf/routes").mkdir()
    (tmp_path / "conf/routes/a.kdl").symlink_to(tmp_path / "elsewhere/..data/a.kdl")
    loaded = load(tmp_path / "conf")
    assert loaded.diagnostics == ()
    assert names(loaded) == ["1"]
    assert [os.path.basename(path) for path in loaded.sources] == ["gwc.kdl", "a.kdl"]


def test_a_circle_of_linked_directories_ends(tmp_path: Path) -> None:
    """`**` follows no link to a directory."""
    write(tmp_path, {"gwc.kdl": 'include "r/**/*.kdl"', "r/a.kdl": "n 1\n"})
    (tmp_path / "r/loop").symlink_to(tmp_path / "r")
    assert names(load(tmp_path)) == ["1"]
    write(tmp_path, {"gwc.kdl": 'include "r/*/a.kdl"'})
    assert names(load(tmp_path)) == ["1"]


@pytest.mark.parametrize(
    "written", ["../x.kdl", "r/../../x.kdl", "/etc/x.kdl", "..", "../*.kdl", "//x.kdl", "/"]
)
def test_nothing_outside_the_directory_is_read(tmp_path: Path, written: str) -> None:
    """Neither upwards nor by an absolute path."""
    write(tmp_path, {"conf/gwc.kdl": f'n 1\ninclude "{written}"\n', "x.kdl": "n 2\n"})
    loaded = load(tmp_path / "conf")
    found = only(loaded)
    assert found.code == "GWC014"
    assert place(loaded, found) == f'"{written}"'
    assert names(loaded) == ["1"]
    assert not loaded.unreadable


def test_an_absolute_path_below_the_directory_is_as_good_as_a_relative_one(tmp_path: Path) -> None:
    """What counts is where it leads."""
    write(tmp_path, {"gwc.kdl": f'include "{tmp_path}/r/*.kdl"\n', "r/a.kdl": "n 1\n"})
    loaded = load(tmp_path / "gwc.kdl")
    assert loaded.diagnostics == ()
    assert names(loaded) == ["1"]


def test_a_name_without_a_file_and_a_pattern_without_a_match_have_different_words() -> None:
    """One is misspelt, the other matches nothing; a near name is suggested, relative to the includer."""
    texts = {"gwc.kdl": 'include "d/i.kdl"\nn 1', "d/routes/a.kdl": "", "d/routes/b.yaml": ""}
    loaded = load_files({**texts, "d/i.kdl": 'include "route/a.kdl"'})
    assert (only(loaded).code, only(loaded).help) == ("GWC011", "did you mean `routes/a.kdl`?")
    loaded = load_files({**texts, "d/i.kdl": 'include "route/*.kdl"'})
    assert (only(loaded).code, only(loaded).help) == ("GWC012", "did you mean `routes/*.kdl`?")
    loaded = load_files({**texts, "d/i.kdl": 'include "x.kdl" "x/*.kdl" "routes/*.yml"'})
    assert [each.code for each in loaded.diagnostics] == ["GWC011", "GWC012", "GWC012"]
    assert [place(loaded, each) for each in loaded.diagnostics] == ['"x.kdl"', '"x/*.kdl"', '"routes/*.yml"']


def test_a_circle_names_every_file_in_it() -> None:
    """The chain in the headline, the include that closes it under the span, the others labelled."""
    loaded = load_files(
        {
            "gwc.kdl": 'include "a.kdl"\nn 1\n',
            "a.kdl": 'include "b.yaml"\nn 2\n',
            "b.yaml": "n: 3\ninclude: a.kdl\n",
        }
    )
    found = only(loaded)
    assert found.code == "GWC013"
    assert "`a.kdl` -> `b.yaml` -> `a.kdl`" in found.headline
    assert found.span is not None
    assert found.span.file == "b.yaml"
    assert place(loaded, found) == "a.kdl"
    assert [label.span.file for label in found.secondary] == ["a.kdl"]
    assert names(loaded) == ["3", "2", "1"]


def test_a_file_that_includes_itself() -> None:
    """Most often through a pattern that is too wide."""
    found = only(load_files({"gwc.kdl": 'n 1\ninclude "*.kdl"'}))
    assert found.code == "GWC013"
    assert found.headline == "`gwc.kdl` includes itself"


def test_includes_are_at_most_sixteen_deep() -> None:
    """The sixteenth file below the main one is read, the seventeenth is not."""
    texts = {f"{n}.kdl": f'n {n}\ninclude "{n + 1}.kdl"\n' for n in range(1, 18)} | {"18.kdl": "n 18"}
    loaded = load_files({"gwc.kdl": 'include "1.kdl"', **texts})
    assert only(loaded).code == "GWC015"
    assert names(loaded) == [str(n) for n in range(1, 17)]


def test_the_number_of_files_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One error, however many there are too many."""
    monkeypatch.setattr(module, "MAX_FILES", 5)
    loaded = load_files({"gwc.kdl": 'include "r/*"', **{f"r/{n}.kdl": f"n {n}" for n in range(9)}})
    assert only(loaded).code == "GWC016"
    assert names(loaded) == ["0", "1", "2", "3", "4"]


def test_a_pattern_that_leads_everywhere_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """`**` in a large tree must not take minutes."""
    monkeypatch.setattr(files_module, "_MOST_ENTRIES", 50)
    texts = {f"r/{n}/a.kdl": "n 1" for n in range(60)}
    assert "GWC016" in [
        each.code for each in load_files({"gwc.kdl": 'include "**/*.kdl"', **texts}).diagnostics
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("include", "include"),
        ("include 1", "1"),
        ('include ""', '""'),
        ("include #true", "#true"),
        ('include "a.kdl" from="x"', "from"),
        ('include "a.kdl" { b; }', "b"),
        ("include: {file: a.kdl}", "file: a.kdl"),
        ("include: 7", "7"),
        ("include: [a.kdl, [b.kdl]]", "[b.kdl]"),
        ("include: []", "include"),
    ],
)
def test_an_include_takes_paths_and_nothing_else(text: str, expected: str) -> None:
    """What is no path is the place of the error."""
    main = "gwc.yaml" if ":" in text else "gwc.kdl"
    loaded = load_files({main: text, "a.kdl": "n 1"})
    (found,) = [each for each in loaded.diagnostics if each.severity is Severity.ERROR]
    assert found.code == "GWC017"
    assert place(loaded, found).startswith(expected)


def test_an_absent_yaml_value_names_no_file() -> None:
    """`include:` alone."""
    assert only(load_files({"gwc.yaml": "include:\nn: 1\n"})).code == "GWC017"


def test_an_include_below_the_top_level_is_left_in_the_tree() -> None:
    """Validation refuses it there, with the key that it stands under."""
    loaded = load_files({"gwc.kdl": 'routes { include "a.kdl"; }', "a.kdl": "n 1"})
    assert loaded.diagnostics == ()
    ((_, routes),) = loaded.entries
    assert [node.head.name for node in routes.children or ()] == ["include"]


def test_a_directory_is_not_included_but_a_pattern_is_suggested() -> None:
    """Its files are not taken silently."""
    found = only(load_files({"gwc.kdl": 'n 1\ninclude "r/"', "r/a.kdl": "n 1"}))
    assert found.code == "GWC018"
    assert "`r/*.kdl`" in found.help


def test_a_match_of_another_kind_is_told_and_left_out() -> None:
    """A warning, so that a backup beside the routes does not stop anything."""
    loaded = load_files({"gwc.kdl": 'include "r/*"', "r/a.kdl": "n 1", "r/b.kdl~": "", "r/c/d.kdl": "n 2"})
    found = only(loaded)
    assert (found.code, found.severity) == ("GWC019", Severity.WARNING)
    assert names(loaded) == ["1"]
    assert only(load_files({"gwc.kdl": 'n 1\ninclude "r/*"', "r/README.md": ""})).code == "GWC012"


def test_a_name_of_another_kind_is_an_error() -> None:
    """Somebody wrote it, so it is not left out silently."""
    loaded = load_files({"gwc.kdl": 'n 1\ninclude "r.conf"', "r.conf": "n 1"})
    assert only(loaded).code == "GWC007"
    assert not loaded.unreadable


def test_mistakes_in_included_files_are_told_in_those_files() -> None:
    """The span is in the file that the person wrote."""
    loaded = load_files(
        {"gwc.kdl": 'include "a.yaml" "b.yaml"', "a.yaml": "n: @x\n", "b.yaml": "n: 1\nn: 2\n"}
    )
    assert [(each.code, each.span and each.span.file) for each in loaded.diagnostics] == [
        ("GWC159", "a.yaml"),
        ("GWC161", "b.yaml"),
    ]


def test_an_included_file_that_cannot_be_read_is_told_at_the_include(tmp_path: Path) -> None:
    """There is no text to point at but the path; the exit code is that of unreadable input."""
    write(tmp_path, {"gwc.kdl": 'n 1\ninclude "a.kdl"\n'})
    (tmp_path / "a.kdl").write_bytes(b"\xff")
    loaded = load(tmp_path)
    found = only(loaded)
    assert found.code == "GWC004"
    assert place(loaded, found) == '"a.kdl"'
    assert loaded.unreadable
    assert names(loaded) == ["1"]


def test_control_characters_of_a_path_do_not_reach_the_terminal() -> None:
    """They are written out."""
    found = only(load_files({"gwc.kdl": 'n 1\ninclude "a\\nb\\u{1b}"'}))
    assert found.headline == "`a\\u{a}b\\u{1b}` does not exist"


def test_a_text_that_is_no_file_has_nothing_to_include() -> None:
    """Standard input stands nowhere."""
    loaded = load_text('n 1\ninclude "a.kdl"', "kdl", "<stdin>")
    found = only(loaded)
    assert found.code == "GWC011"
    assert "no file" in found.help
    assert found.span is not None
    assert found.span.file == "<stdin>"
    assert names(load_text("n: 1", "yaml", "<stdin>")) == ["1"]


def test_a_link_in_a_circle_is_no_obstacle_to_a_pattern(tmp_path: Path) -> None:
    """What a pattern does not match is not looked into; what it matches is told by its name."""
    write(tmp_path, {"gwc.kdl": 'include "a*.kdl"\n', "a.kdl": "routes\n"})
    (tmp_path / "circle.kdl").symlink_to("circle.kdl")
    assert load(tmp_path).diagnostics == ()
    (tmp_path / "again.kdl").symlink_to("again.kdl")
    found = only(load(tmp_path))
    assert (found.code, found.help) == ("GWC002", "it is a link that leads back to itself")
    assert "`again.kdl`" in found.headline.replace(str(tmp_path) + "/", "")


def test_a_link_to_nothing_is_called_one(tmp_path: Path) -> None:
    """The file that is named is there, so it is not said to be missing."""
    write(tmp_path, {"gwc.kdl": 'include "a.kdl"\n'})
    (tmp_path / "a.kdl").symlink_to("gone.kdl")
    found = only(load(tmp_path))
    assert (found.code, found.help) == ("GWC001", "it leads to `gone.kdl`")
