"""Where configuration files are looked for: a directory on disk, or files that are held in memory.

Owns names below a root (relative, with `/`) and the expanding of patterns. Knows nothing of what an
include is or of what files hold.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from gwc.schema.diagnostic import Diagnostic, error
from gwc.schema.span import Span

from .diagnostics.nearest import nearest
from .source import SourceFile, read_source, source_from_text

_WILD = re.compile(r"[*?\[]")
_MOST_ENTRIES = 200_000
"""How many directory entries one pattern may look at."""


class Entry(NamedTuple):
    """One name in a directory. `is_link`: a symbolic link, which `**` does not follow."""

    name: str
    is_directory: bool
    is_link: bool


class Files(Protocol):
    """The files below one directory, the root. Names are relative to it; the root's own name is ''."""

    @property
    def absent_help(self) -> str:
        """What to say to somebody whose include is not there."""

    def shown(self, name: str) -> str:
        """The path of a file as people are shown it."""

    def inside(self, path: str) -> str | None:
        """The name of an absolute path, None where it does not lie below the root as written."""

    def kind(self, name: str) -> str | None:
        """`file`, `directory`, or None if there is no such thing."""

    def identity(self, name: str) -> str:
        """What two names of one file have in common."""

    def list(self, directory: str) -> Sequence[Entry]:
        """What a directory holds, nothing if there is none. OSError: it cannot be read."""

    def read(self, name: str, at: Span | None) -> tuple[SourceFile | None, tuple[Diagnostic, ...]]:
        """The file of that name, or why it cannot be read; `at` is where the user named it."""


@dataclass(frozen=True, slots=True)
class Disk:
    """The files below a directory, `root` as it was typed ('' for the working directory)."""

    root: str
    absent_help: str = "includes are looked for beside the file that they stand in"

    def shown(self, name: str) -> str:
        """The typed directory and the name: what somebody can open from where gwc was called."""
        path = os.path.normpath(os.path.join(self.root, name))
        # Names that are not UTF-8 cannot be printed as they are.
        return path.encode("utf-8", "backslashreplace").decode("utf-8")

    def inside(self, path: str) -> str | None:
        """Tested on the paths as written: links are not looked at."""
        root = os.path.abspath(self.root)
        path = os.path.normpath(path)
        return os.path.relpath(path, root) if os.path.commonpath([root, path]) == root else None

    def kind(self, name: str) -> str | None:
        """What cannot be looked at counts as a file, a link to nothing too: reading it will say why."""
        path = self._path(name)
        try:
            return "directory" if stat.S_ISDIR(os.stat(path).st_mode) else "file"
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return "file" if "\0" not in path and os.path.islink(path) else None
        except OSError:
            return "file"

    def identity(self, name: str) -> str:
        """The real path, so that a file with two names loads once."""
        return os.path.realpath(self._path(name))

    def list(self, directory: str) -> Sequence[Entry]:
        """In no order."""
        try:
            with os.scandir(self._path(directory)) as found:
                return [Entry(each.name, _is_directory(each), each.is_symlink()) for each in found]
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def read(self, name: str, at: Span | None) -> tuple[SourceFile | None, tuple[Diagnostic, ...]]:
        """From disk, whole."""
        return read_source(self._path(name), self.shown(name), name=name, at=at)

    def _path(self, name: str) -> str:
        return os.path.join(self.root, name) or "."


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is or leads to a directory; a link in a circle, say, does not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


@dataclass(frozen=True, slots=True)
class Memory:
    """Files that are given by name, for tests, examples and standard input."""

    texts: Mapping[str, str]
    absent_help: str = "only the files that were given can be included"

    def shown(self, name: str) -> str:
        """The name."""
        return name

    def inside(self, path: str) -> str | None:
        """There is no root with an absolute path."""
        return None

    def kind(self, name: str) -> str | None:
        """A directory is what some name begins with."""
        if name in self.texts:
            return "file"
        return "directory" if any(each.startswith(f"{name}/") for each in self.texts) else None

    def identity(self, name: str) -> str:
        """The name."""
        return name

    def list(self, directory: str) -> Sequence[Entry]:
        """The next parts of the names that begin with the directory's."""
        prefix = f"{directory}/" if directory else ""
        rests = [name[len(prefix) :] for name in self.texts if name.startswith(prefix)]
        return [Entry(rest.split("/")[0], "/" in rest, False) for rest in rests]

    def read(self, name: str, at: Span | None) -> tuple[SourceFile | None, tuple[Diagnostic, ...]]:
        """The text of that name."""
        text = self.texts.get(name)
        if text is None:
            return None, (error("GWC001", at, f"`{name}` does not exist", help=self.absent_help),)
        return source_from_text(text, name), ()


class TooManyEntries(Exception):
    """Raised when a pattern would have to look at more than 200 000 names."""


def is_pattern(path: str) -> bool:
    """Whether a path has `*`, `?` or `[` in it."""
    return _WILD.search(path) is not None


def expand(pattern: str, files: Files) -> list[str]:
    """The names of all files that match, sorted by their bytes.

    `*`, `?` and `[…]` stand for characters of one name, `**` for any number of directories; names with a
    leading dot are matched only by a dot that is written. Directories are no match. Links to directories
    are followed where a part of the pattern matches them, but not by `**`. OSError: a directory cannot
    be read. TooManyEntries: the pattern is too wide.
    """
    parts = pattern.split("/")
    if parts[-1] == "**":
        parts.append("*")
    found: set[str] = set()
    waiting = [("", 0)]
    seen = set(waiting)
    looked_at = 0
    while waiting:
        directory, index = waiting.pop()
        if looked_at > _MOST_ENTRIES:
            raise TooManyEntries
        part, is_last = parts[index], index == len(parts) - 1
        steps: list[tuple[str, int]] = []
        if not is_pattern(part):
            name = f"{directory}/{part}" if directory else part
            if not is_last:
                steps.append((name, index + 1))
            elif files.kind(name) == "file":
                found.add(name)
        else:
            entries = files.list(directory)
            looked_at += len(entries)
            if part == "**":
                steps.append((directory, index + 1))
            for name, is_directory in _matches(part, directory, entries):
                if is_directory:
                    if not is_last:
                        steps.append((name, index if part == "**" else index + 1))
                elif is_last:
                    found.add(name)
        for step in steps:
            if step not in seen:
                seen.add(step)
                waiting.append(step)
    return sorted(found, key=os.fsencode)


def nearest_path(path: str, files: Files) -> str | None:
    """The path that was meant by one that leads to nothing, where one of its parts is nearly right."""
    parts = path.split("/")
    for index, part in enumerate(parts):
        if is_pattern(part):
            return None
        try:
            names = [entry.name for entry in files.list("/".join(parts[:index]))]
        except OSError:
            return None
        if part not in names:
            parts[index] = nearest(part, names) or ""
            meant = "/".join(parts)
            return meant if parts[index] and (is_pattern(meant) or files.kind(meant)) else None
    return None


def _matches(part: str, directory: str, entries: Sequence[Entry]) -> Iterator[tuple[str, bool]]:
    """The names among `entries` that one part of a pattern matches, and whether each is a directory."""
    everything = part == "**"
    holds = re.compile(fnmatch.translate(part)).match
    for entry in entries:
        if entry.name.startswith(".") and not part.startswith("."):
            continue
        if everything and not (entry.is_directory and not entry.is_link):
            continue
        if everything or holds(entry.name):
            yield (f"{directory}/{entry.name}" if directory else entry.name), entry.is_directory
