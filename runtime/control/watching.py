"""What the configuration's files hold and how they lie on disk: the facts that `watch.py` compares.

Owns reading and comparing. `Seen` is contents (what was compiled, what is there now); `Places` is what `stat`
says, which is cheap and only a hint. A compile tells what it read in the same words.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

SUFFIXES: Final = (".kdl", ".yaml", ".yml")
_MOST_BYTES: Final = 64 * 1024 * 1024
_MOST_LINKS: Final = 40

Place = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """Digests of files by path, "" for one that is not there or cannot be read; of directories by path too.

    A directory's digest is over the names in it that could be included.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    directories: Mapping[str, str] = field(default_factory=dict)


def content_of(data: bytes) -> str:
    """The digest of a file's bytes: BLAKE2b with 32 bytes, in hexadecimal."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()


EMPTY: Final = content_of(b"")


def names_of(names: Iterable[tuple[str, bool]]) -> str:
    """The digest of a directory, of (name, whether it is a directory). Files of other kinds do not count."""
    counted = sorted(
        f"{name}/" if is_directory else name
        for name, is_directory in names
        if is_directory or name.endswith(SUFFIXES)
    )
    return content_of("\0".join(counted).encode("utf-8", "surrogateescape"))


def look(known: Seen) -> Seen:
    """What the files and directories of `known` hold now. Reads them all; raises nothing."""
    return Seen(
        {path: _content(path) for path in known.files},
        {path: _names(path) for path in known.directories},
    )


def emptied(before: Seen, now: Seen) -> str | None:
    """A file that held something and holds nothing now: more likely half of a write than meant."""
    for path, digest in now.files.items():
        if digest == EMPTY and before.files.get(path, "") not in ("", EMPTY):
            return path
    return None


def places_of(known: Seen) -> dict[str, Place]:
    """What stat says of everything in `known`: each link on the way, inode, mtime, size."""
    return {path: _place(path) for path in (*known.files, *known.directories)}


def youngest_ns(places: Mapping[str, Place]) -> int:
    """The latest mtime of any file; a file that was changed in the same tick of the clock looks unchanged."""
    return max((place[-1] for place in places.values() if isinstance(place[-1], int)), default=0)


def directories_to_watch(known: Seen) -> set[str]:
    """Where events can come from: the directories of all files, those that links lead through, and the files
    themselves (a file that is mounted alone tells its changes nowhere else)."""
    found: set[str] = set()
    for path in known.directories:
        if os.path.isdir(path):
            found.add(os.path.abspath(path))
    for path in known.files:
        at = os.path.abspath(path)
        for _ in range(_MOST_LINKS):
            found.add(os.path.dirname(at))
            if not os.path.islink(at):
                break
            try:
                at = os.path.normpath(os.path.join(os.path.dirname(at), os.readlink(at)))
            except OSError:
                break
        real = os.path.realpath(path)
        found.add(os.path.dirname(real))
        if os.path.isfile(real):
            found.add(real)
    return {each for each in found if os.path.exists(each)}


def _content(path: str) -> str:
    try:
        # NONBLOCK: a FIFO in the place of a file is not waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return ""
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        with open(descriptor, "rb", closefd=False) as file:
            return content_of(file.read(_MOST_BYTES))
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def _names(path: str) -> str:
    try:
        with os.scandir(path or ".") as entries:
            return names_of((entry.name, _is_directory(entry)) for entry in entries)
    except OSError:
        return ""


def _is_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _place(path: str) -> Place:
    try:
        found = os.stat(path or ".")
    except (OSError, ValueError) as failed:
        return (os.path.realpath(path), getattr(failed, "errno", None))
    readable = os.access(path or ".", os.R_OK)
    return (
        os.path.realpath(path),
        found.st_dev,
        found.st_ino,
        found.st_size,
        found.st_mode,
        readable,
        found.st_mtime_ns,
    )
