"""`gwc fmt`: lay KDL files out the one way."""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path

import click
from gwc.schema.atomic_write import write_atomically

from ..findings import CLEAN, FOUND, UNREADABLE, print_text


@click.command("fmt")
@click.argument("paths", nargs=-1, required=True, metavar="PATH…")
@click.option("--check", "check_only", is_flag=True, help="Write nothing; exit 1 if a file would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Write nothing; print what would change.")
def command(paths: tuple[str, ...], check_only: bool, show_diff: bool) -> None:
    """Lay the KDL files at PATH… out the one way: comments stay, meaning stays.

    A directory means every .kdl file below it. `-` reads stdin and prints the result. A file is written only
    if its tree and its comments are unchanged by it.
    """
    worst = CLEAN
    for path in paths:
        if path == "-":
            worst = max(worst, _stdin(check_only, show_diff))
            continue
        for file in _files(Path(path)):
            worst = max(worst, _one(file, check_only, show_diff))
    sys.exit(worst)


def _files(path: Path) -> list[Path]:
    """The files an argument means; a directory means the .kdl files below it, hidden ones left out."""
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.rglob("*.kdl") if not any(p.startswith(".") for p in each.parts))
    if not found:
        click.echo(f"{path}: no .kdl file below this directory", err=True)
        sys.exit(UNREADABLE)
    return found


def _stdin(check_only: bool, show_diff: bool) -> int:
    """Format stdin to stdout; with one of the flags only what a file would be told is printed."""
    from gwc.compiler.source import MAX_BYTES, source_from_bytes

    source, problems = source_from_bytes(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")
    if source is None:
        print_text(problems, {}, sys.stderr)
        return UNREADABLE
    after, status = _formatted(source.text, "<stdin>")
    if after is None:
        return status
    if not check_only and not show_diff:
        click.echo(after, nl=False)
        return status
    return _differs(source.text, after, "<stdin>", check_only, show_diff)


def _one(file: Path, check_only: bool, show_diff: bool) -> int:
    """Format one file; the exit code that it alone would give."""
    from gwc.compiler.source import read_source

    if file.suffix in (".yaml", ".yml"):
        click.echo(f"{file}: only KDL is formatted; YAML has no layout of ours", err=True)
        return UNREADABLE
    source, problems = read_source(file, str(file))
    if source is None:
        print_text(problems, {}, sys.stderr)
        return UNREADABLE
    after, status = _formatted(source.text, str(file))
    if after is None or after == source.text:
        return status
    if check_only or show_diff:
        return _differs(source.text, after, str(file), check_only, show_diff)
    write_atomically(file, after.encode(), mode=os.stat(file).st_mode & 0o7777)
    click.echo(f"{file}: laid out anew", err=True)
    return CLEAN


def _differs(before: str, after: str, file: str, check_only: bool, show_diff: bool) -> int:
    """Print what would change, and give the exit code for it."""
    if before == after:
        return CLEAN
    if show_diff:
        old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
        click.echo("".join(difflib.unified_diff(old, new, file, f"{file} (formatted)")), nl=False)
    else:
        click.echo(f"{file}: would be laid out anew")
    return FOUND if check_only else CLEAN


def _formatted(text: str, file: str) -> tuple[str | None, int]:
    """The text laid out, None (and why on stderr) where it cannot be."""
    from gwc.compiler.format.kdl import check_format, format_kdl
    from gwc.compiler.parse.kdl import parse
    from gwc.compiler.source import source_from_text
    from gwc.schema.diagnostic import Severity

    _, problems = parse(text, file)
    errors = [each for each in problems if each.severity is Severity.ERROR]
    if errors:
        print_text(errors, {file: source_from_text(text, file)}, sys.stderr)
        return None, FOUND
    after = format_kdl(text)
    reason = check_format(text, after)
    if reason is not None:
        click.echo(f"{file}: left as it is: {reason}", err=True)
        return None, FOUND
    return after, CLEAN
