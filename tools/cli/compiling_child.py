"""The process that compiles for a running gateway: asked over stdin, answers on stdout, lives on.

`python -m gwc.cli.compiling_child PATH [--overlay FILE]… [--set PATH=VALUE]…`. Owns what the gateway is told
of a compile: the table, the findings, and everything that was read, so that it can be watched. It works at
lowest priority, and what did not change since the last question is not compiled again.
"""

from __future__ import annotations

import os
import posixpath
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gwc.compiler.files import Disk, Entry, TooManyEntries, expand, is_pattern
from gwc.compiler.include import MAIN_NAMES
from gwc.compiler.parse.document import Document
from gwc.compiler.pipeline import CompileCache, CompileResult, compile_path
from gwc.runtime.control.channel import read_frame, write_frame
from gwc.runtime.control.watching import names_of
from gwc.schema.diagnostic import Severity


@dataclass(frozen=True, slots=True)
class _Asked:
    path: str
    overlays: tuple[str, ...]
    settings: tuple[str, ...]


@dataclass(slots=True)
class _Read:
    """What a compile depends on, in the words of `watching.Seen`."""

    files: dict[str, str] = field(default_factory=dict)
    directories: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Listing(Disk):
    """The disk, remembering which directories were listed and what was in them."""

    remembered: _Read = field(default_factory=_Read)

    def list(self, directory: str) -> Sequence[Entry]:
        """As the disk does, remembered."""
        path = os.path.join(self.root, directory)
        try:
            # Named in full: `super()` finds another class in a dataclass with slots.
            entries = Disk.list(self, directory)
        except OSError:
            self.remembered.directories[path] = ""
            raise
        there = os.path.isdir(path or ".")
        self.remembered.directories[path] = (
            names_of((each.name, each.is_directory) for each in entries) if there else ""
        )
        return entries


def main(arguments: Sequence[str]) -> int:
    """Answer until stdin ends."""
    for each in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(each, signal.SIG_IGN)  # a terminal sends them to the whole group
    os.nice(19)
    asked = _arguments(arguments)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints does not garble the answers
    cache = CompileCache()
    while (frame := read_frame(sys.stdin.buffer)) is not None:
        assert frame[0] == {"kind": "compile"}
        result = compile_path(
            asked.path,
            overlays=asked.overlays,
            settings=asked.settings,
            environment=os.environ,
            cache=cache,
        )
        body, table = _answer(asked, result, cache)
        write_frame(answers, body, table)
    return 0


def _answer(asked: _Asked, result: CompileResult, cache: CompileCache) -> tuple[dict[str, Any], bytes]:
    from gwc.schema.artifact import digest, dump

    documents = [document for document, _ in cache.parsed.values()]
    read = _read(asked, result, documents)
    errors = sum(each.severity is Severity.ERROR for each in result.diagnostics)
    body: dict[str, Any] = {"files": read.files, "directories": read.directories}
    if result.diagnostics:
        from gwc.compiler.diagnostics.render.text import render_text

        body["findings"] = render_text(result.diagnostics, result.sources, colour=False, width=None)
    if result.table is None or errors or result.unreadable:
        first = next((each for each in result.diagnostics if each.severity is Severity.ERROR), None)
        others = f" ({errors - 1} more)" if errors > 1 else ""
        what = (
            "the configuration cannot be read"
            if first is None
            else f"{_place(first, result)}{first.headline}"
        )
        return {**body, "reason": what + others}, b""
    data = dump(result.table)
    return {**body, "digest": digest(result.table)}, data


def _place(diagnostic: Any, result: CompileResult) -> str:
    span = diagnostic.span
    if span is None:
        return ""
    source = result.sources.get(span.file)
    if source is None:
        return f"{span.file}: "
    line, column = source.line_column(span.start)
    return f"{span.file}:{line}:{column}: "


def _read(asked: _Asked, result: CompileResult, documents: Sequence[Document]) -> _Read:
    """Everything that the result depends on. What matches a pattern and was not read counts as absent."""
    read = _Read()
    for path in _named(asked):
        read.files[path] = ""
    for document in documents:
        base = os.path.dirname(document.file)
        for written in _includes(document):
            root, name = ("/", written[1:]) if written.startswith("/") else (base, written)
            name = posixpath.normpath(name)
            listing = _Listing(root, remembered=read)
            for each in _expanded(name, listing):
                read.files.setdefault(listing.shown(each), "")
    known: Mapping[str, str] = {shown: source.digest for shown, source in result.sources.items()}
    for shown in list(read.files):
        read.files[shown] = known.get(shown, "")
    read.files.update(known)
    return read


def _expanded(name: str, listing: _Listing) -> list[str]:
    if not is_pattern(name):
        return [name]
    try:
        return [each for each in expand(name, listing) if each.endswith((".kdl", ".yaml", ".yml"))]
    except (OSError, TooManyEntries):
        return []


def _named(asked: _Asked) -> Iterator[str]:
    """The files that the command line names: shown as the compiler shows them."""
    if not os.path.isfile(asked.path):  # a directory, or one that will be back
        for name in MAIN_NAMES:
            yield Disk(asked.path).shown(name)
    if not os.path.isdir(asked.path):
        yield Disk(os.path.dirname(asked.path)).shown(os.path.basename(asked.path))
    for each in asked.overlays:
        yield Disk(os.path.dirname(each)).shown(os.path.basename(each))


def _includes(document: Document) -> Iterator[str]:
    """The paths and patterns that a document includes, as written."""
    for node in document.nodes:
        if node.head.name == "include":
            for owner in (node, *(node.items or ())):
                for value in owner.head.args:
                    if isinstance(value.value, str) and value.value and "\0" not in value.value:
                        yield value.value


def _arguments(arguments: Sequence[str]) -> _Asked:
    path, *rest = arguments
    overlays = tuple(value for flag, value in zip(rest[::2], rest[1::2], strict=True) if flag == "--overlay")
    settings = tuple(value for flag, value in zip(rest[::2], rest[1::2], strict=True) if flag == "--set")
    return _Asked(path, overlays, settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
