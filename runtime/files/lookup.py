"""What a request's path leads to below a directory: a file, a directory, or nothing.

Owns that the root is never left: a path is decoded once, hidden names are nobody's business, and what a
symbolic link leads to counts by where it really is.
"""

from __future__ import annotations

import os
import stat
from typing import Final, Literal, NamedTuple
from urllib.parse import unquote_to_bytes

WELL_KNOWN: Final = b".well-known"
"""RFC 8615: begins with a dot and is there to be seen."""


class Found(NamedTuple):
    """A file that is open for reading; whoever gets it closes `descriptor`."""

    descriptor: int
    size: int
    modified_ns: int
    name: str


class Directory(NamedTuple):
    """A directory by its real path."""

    path: bytes


class Nothing(NamedTuple):
    """No file: `reason` is a word of `observe.reasons`."""

    reason: Literal["file-missing", "file-denied"]


class Root:
    """A directory whose files are served. `path` is real: no link is among its parts."""

    def __init__(self, path: str, *, hidden: bool = False) -> None:
        self.path = os.fsencode(os.path.realpath(path))
        self._below = self.path.rstrip(b"/") + b"/"
        self._hidden = hidden

    def place(self, path: str) -> bytes | None:
        """Where a normalised path of a URL is, links not followed; None where nobody may look."""
        decoded = unquote_to_bytes(path.encode("latin-1"))
        if b"\0" in decoded or decoded.count(b"/") != path.count("/"):
            return None  # an escaped slash is no way into a directory
        names = decoded.strip(b"/").split(b"/")
        if any(name in (b".", b"..") or (self._is_hidden(name)) for name in names):
            return None
        return self._below + decoded.lstrip(b"/")

    def _is_hidden(self, name: bytes) -> bool:
        return name.startswith(b".") and not self._hidden and name != WELL_KNOWN

    def open(self, place: bytes) -> Found | Directory | Nothing:
        """What is there. A link may lead anywhere below the root; what is no plain file is not opened."""
        try:
            real = os.path.realpath(place, strict=True)
            if real != self.path and not real.startswith(self._below):
                return Nothing("file-missing")
            if any(map(self._is_hidden, real[len(self._below) :].split(b"/"))):
                return Nothing("file-missing")
            if stat.S_ISDIR(os.stat(real).st_mode):
                return Directory(real)
            if place.endswith(b"/"):
                return Nothing("file-missing")
            # A pipe that nobody writes to must not stop us here.
            descriptor = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        except PermissionError:
            return Nothing("file-denied")
        except (OSError, ValueError):
            return Nothing("file-missing")
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            return Nothing("file-missing")
        return Found(descriptor, status.st_size, status.st_mtime_ns, os.fsdecode(os.path.basename(real)))

    def names(self, directory: Directory) -> list[tuple[str, bool, int, float]]:
        """What a directory has that may be seen: name, whether it is a directory, size, time of change."""
        found = []
        with os.scandir(directory.path) as entries:
            for entry in entries:
                if self._is_hidden(entry.name):
                    continue
                try:
                    status = entry.stat()
                except OSError:
                    continue
                is_directory = stat.S_ISDIR(status.st_mode)
                if is_directory or stat.S_ISREG(status.st_mode):
                    name = os.fsdecode(entry.name)
                    found.append((name, is_directory, status.st_size, status.st_mtime))
        return sorted(found, key=lambda each: (not each[1], each[0]))
