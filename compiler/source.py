"""One file of configuration as it was read: its text, its names, its digest, its lines.

Owns reading a file whole and at one instant, and turning an offset into a line and a column. Knows
nothing of KDL, YAML or includes. A file that cannot be read is a diagnostic, because to the person who
wrote the path it is a mistake like any other.
"""

from __future__ import annotations

import bisect
import errno
import hashlib
import os
import re
import stat
import time
from dataclasses import dataclass, field

from gwc.schema.diagnostic import Diagnostic, error
from gwc.schema.span import Span

MAX_BYTES = 16 * 1024 * 1024
"""The largest file that is read."""

_ATTEMPTS = 4
_PAUSE_S = 0.02
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """The text of one file, decoded as UTF-8 and otherwise as it is: a byte order mark and CR stay in it.

    `path` is what people are shown: the main file's path as it was typed, for an included file the typed
    path's directory joined with `name`. `name` is the path from the main file's directory with `/` (it is
    the same on every machine, so tables use it). `digest` is the BLAKE2b-256 of the bytes in hexadecimal.
    `real_path` is None for text that did not come from a file.
    """

    path: str
    name: str
    text: str
    digest: str
    real_path: str | None = None
    # Cache: the offset where each line starts, filled when somebody first asks for a line.
    _starts: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    def line_column(self, offset: int) -> tuple[int, int]:
        """The line and the column of an offset, both from 1, the column in code points.

        LF, CR and CRLF end a line. An offset after the text counts as its end.
        """
        starts = self._line_starts()
        offset = max(0, min(offset, len(self.text)))
        line = bisect.bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line_text(self, line: int) -> str:
        """The text of a line, counted from 1, without its line end; empty where there is no such line."""
        starts = self._line_starts()
        if not 1 <= line <= len(starts):
            return ""
        end = starts[line] if line < len(starts) else len(self.text)
        return self.text[starts[line - 1] : end].rstrip("\r\n")

    def line_count(self) -> int:
        """How many lines there are; an empty text has one, and text that ends in a line end one more."""
        return len(self._line_starts())

    def _line_starts(self) -> list[int]:
        if not self._starts:
            self._starts.extend([0, *(found.end() for found in _LINE_END.finditer(self.text))])
        return self._starts


def digest_of(data: bytes) -> str:
    """The digest of a file's bytes: BLAKE2b with 32 bytes, in hexadecimal."""
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def source_from_text(text: str, path: str, *, name: str | None = None) -> SourceFile:
    """A source that is not on disk: standard input, an editor's buffer, an example of the documentation."""
    return SourceFile(
        path, path if name is None else name, text, digest_of(text.encode("utf-8", "surrogatepass"))
    )


def source_from_bytes(data: bytes, path: str) -> tuple[SourceFile | None, tuple[Diagnostic, ...]]:
    """A source that is not on disk and is not known to be text; judged as a file is that holds `data`."""
    if len(data) > MAX_BYTES:
        return None, (_too_large(path, len(data), None),)
    return _decoded(data, None, path, path, None)


def read_source(
    real_path: str | os.PathLike[str], path: str, *, name: str | None = None, at: Span | None = None
) -> tuple[SourceFile | None, tuple[Diagnostic, ...]]:
    """Read the file at `real_path`, to be shown as `path`; `at` is where the user named it.

    The answer is a source, or None and what is wrong: the file is absent, unreadable, not a regular file,
    above `MAX_BYTES`, not UTF-8, or still being written after some attempts.
    """
    for attempt in range(_ATTEMPTS):
        if attempt:
            time.sleep(_PAUSE_S * 2**attempt)
        try:
            data = _read_at_rest(os.fspath(real_path))
        except _NotAFile as refused:
            what = f"`{path}` is {refused.what}, not a file"
            return None, (error("GWC003", at, what, help="name a file; `-` reads from standard input"),)
        except _TooLarge as refused:
            return None, (_too_large(path, refused.size, at),)
        except (FileNotFoundError, NotADirectoryError):
            if os.path.islink(real_path):
                what = f"`{path}` is a link to something that does not exist"
                return None, (error("GWC001", at, what, help=f"it leads to `{os.readlink(real_path)}`"),)
            what = f"`{path}` does not exist"
            return None, (error("GWC001", at, what, help="check the spelling of the path"),)
        except (OSError, ValueError) as failed:
            reason = failed.strerror if isinstance(failed, OSError) and failed.strerror else str(failed)
            what = f"`{path}` cannot be read: {reason.lower()}"
            help = "look at the permissions of the file and of the directories above it"
            if isinstance(failed, OSError) and failed.errno == errno.ELOOP:
                help = "it is a link that leads back to itself"
            return None, (error("GWC002", at, what, help=help),)
        if data is not None:
            return _decoded(data, os.fspath(real_path), path, path if name is None else name, at)
    what = f"`{path}` changed while it was read"
    help = "try again; a program that writes a new file and renames it into place is never seen half-way"
    return None, (error("GWC006", at, what, help=help),)


class _NotAFile(Exception):
    """Raised when the path leads to something that is not a regular file; `what` says to what."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class _TooLarge(Exception):
    """Raised when the file has more than `MAX_BYTES`; `size` is in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


def _too_large(path: str, size: int, at: Span | None) -> Diagnostic:
    what = f"`{path}` has {size} bytes; at most {MAX_BYTES} (16 MiB) are read"
    return error("GWC005", at, what, help="spread it over several files and `include` them")


def _read_at_rest(real_path: str) -> bytes | None:
    """The bytes of the file, or None if it was another one before the reading than after it."""
    before = os.stat(real_path)
    _demand_regular(before)
    # O_NONBLOCK: should a FIFO take the file's place between stat and open, the open does not wait for it.
    handle = os.open(real_path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(handle, "rb", buffering=0) as file:
        opened = os.fstat(handle)
        _demand_regular(opened)
        if opened.st_size > MAX_BYTES:
            raise _TooLarge(opened.st_size)
        pieces: list[bytes] = []
        room = MAX_BYTES + 1
        while room > 0 and (piece := file.read(room)):
            pieces.append(piece)
            room -= len(piece)
        read = os.fstat(handle)
    if room <= 0:
        raise _TooLarge(max(read.st_size, MAX_BYTES + 1))
    after = os.stat(real_path)
    data = b"".join(pieces)
    same = _identity(before) == _identity(opened) == _identity(read) == _identity(after)
    # Files of /proc and the like tell no size.
    return data if same and opened.st_size in (0, len(data)) else None


def _identity(state: os.stat_result) -> tuple[int, int, int, int]:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns


def _demand_regular(state: os.stat_result) -> None:
    if stat.S_ISREG(state.st_mode):
        return
    for test, what in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a named pipe"),
        (stat.S_ISSOCK, "a socket"),
    ):
        if test(state.st_mode):
            raise _NotAFile(what)
    raise _NotAFile("a device")


def _decoded(
    data: bytes, real_path: str | None, path: str, name: str, at: Span | None
) -> tuple[SourceFile | None, tuple[Diagnostic, ...]]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as failed:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            what = f"`{path}` is UTF-16, not UTF-8"
        else:
            line = len(re.findall(rb"\r\n?|\n", data[: failed.start])) + 1
            byte = f"byte 0x{data[failed.start]:02X}"
            what = f"`{path}` is not UTF-8: {byte} on line {line}, at offset {failed.start}"
        return None, (error("GWC004", at, what, help="save the file with the encoding UTF-8"),)
    return SourceFile(path, name, text, digest_of(data), real_path), ()
