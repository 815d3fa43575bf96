"""Findings that take what nobody would keep in a folder: much text, or what is no file."""

from __future__ import annotations

from pathlib import Path

from .adapter import findings, run


def codes_of(folder: Path, exit_code: int) -> set[str]:
    """The errors that `gwc check` finds in `folder`; it is told in a few lines, whatever the input's size."""
    result = run(folder, ["check", "gwc.kdl"])
    assert result.exit_code == exit_code
    assert len(result.output) < 4000
    return {each.code for each in findings(folder, ["check", "gwc.kdl"]) if each.severity == "error"}


def test_a_device_is_not_read(tmp_path: Path) -> None:
    """GWC003, whatever the device is called."""
    (tmp_path / "gwc.kdl").symlink_to("/dev/zero")
    assert codes_of(tmp_path, 2) == {"GWC003"}


def test_a_file_above_16_mib_is_refused(tmp_path: Path) -> None:
    """GWC005, and nothing of the file is read."""
    (tmp_path / "gwc.kdl").write_bytes(b"// nothing else\n" * (1024 * 1024 + 1))
    assert codes_of(tmp_path, 2) == {"GWC005"}


def test_a_chain_of_includes_ends(tmp_path: Path) -> None:
    """GWC015 stands at the include that goes too deep."""
    for number in range(20):
        name = f"{number}.kdl" if number else "gwc.kdl"
        (tmp_path / name).write_text(f'include "{number + 1}.kdl"\n', encoding="utf-8")
    assert "GWC015" in codes_of(tmp_path, 1)


def test_hosts_times_paths_have_a_limit(tmp_path: Path) -> None:
    """GWC330 comes before the product is written out."""
    hosts = " ".join(f'"h{number}.example.com"' for number in range(700))
    paths = " ".join(f'"/p{number}"' for number in range(700))
    (tmp_path / "gwc.kdl").write_text(
        'listeners { listener "public" { address "0.0.0.0:8080" } }\n'
        f'routes {{ route "a" {{ matches {{ host {hosts}; path {paths} }}; respond }} }}\n',
        encoding="utf-8",
    )
    assert codes_of(tmp_path, 1) == {"GWC330"}


def test_the_mistakes_that_are_told_have_a_limit(tmp_path: Path) -> None:
    """GWC234 stands for the rest, in every format."""
    lines = "".join(f'rout "r{number}" {{ }}\n' for number in range(20_000))
    (tmp_path / "gwc.kdl").write_text(lines, encoding="utf-8")
    found = [each.code for each in findings(tmp_path, ["check", "gwc.kdl"])]
    assert found.count("GWC234") == 1
    assert len(found) < 10_100
    assert run(tmp_path, ["check", "gwc.kdl"]).exit_code == 1
