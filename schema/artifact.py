"""The artifact: a route table as bytes, and back.

Owns the file's format, the digest, and the refusal of what is not a table of this version, whole and
unchanged. What a table holds is `table.py`'s, how it is divided `frames.py`'s, whether its parts fit together
`table_shape.py`'s.

A file is MAGIC, the length of the header (8 bytes, big-endian), the header, the body's frames, the notes.
The header is JSON: format version, the body's digest, [section, place, length] of each frame, length and
digest of the notes. The body's digest is over the version, that list and the frames; it protects against
damage, not against somebody who means harm.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from .atomic_write import write_atomically
from .table import FORMAT_VERSION, Notes, RouteTable

if TYPE_CHECKING:
    from .frames import Frame

MAGIC: Final = b"\x89gwctable\r\n\x1a\n"
"""How a table begins. As in PNG, a transfer that touches line ends or the eighth bit shows."""

_LENGTH_BYTES: Final = 8
_HASHED_AT_ONCE: Final = 128 * 1024  # bytes; 0.15 ms

Reason: TypeAlias = Literal["magic", "truncated", "trailing", "header", "version", "digest", "shape"]
Steps: TypeAlias = Generator[None, None, "RouteTable | Refusal"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Bytes that are no table. `reason` is one word of a closed list; `message` says it to a person."""

    reason: Reason
    message: str


class _Refused(Exception):
    """Raised inside this module when bytes are no table; `refusal` is the answer."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.refusal = Refusal(reason, message)


def dump(table: RouteTable) -> bytes:
    """The table as bytes. The same table gives the same bytes."""
    from .frames import encode_frames, encode_notes

    frames = list(encode_frames(table))
    notes = encode_notes(notes_of(table))
    table.cache.digest = _digest_of(FORMAT_VERSION, frames)
    header = _encoded(
        {
            "version": FORMAT_VERSION,
            "digest": table.cache.digest,
            "frames": _layout(frames),
            "notes": [len(notes), hashlib.blake2b(notes, digest_size=32).hexdigest()],
        }
    )
    body = (frame.data for frame in frames)
    return b"".join((MAGIC, len(header).to_bytes(_LENGTH_BYTES, "big"), header, *body, notes))


def digest(table: RouteTable) -> str:
    """The digest of the table's body: BLAKE2b-256 in hexadecimal. The notes do not count."""
    if table.cache.digest is None:
        from .frames import encode_frames

        table.cache.digest = _digest_of(FORMAT_VERSION, list(encode_frames(table)))
    return table.cache.digest


def load(data: bytes) -> RouteTable | Refusal:
    """The table that `dump` made `data` of, or why there is none. Raises nothing."""
    # PERF: the collector looks at 100 000 new tuples again and again and finds no garbage: 2x.
    was_on = gc.isenabled()
    gc.disable()
    try:
        steps = load_slices(data)
        while True:
            next(steps)
    except StopIteration as ended:
        result: RouteTable | Refusal = ended.value
        return result
    finally:
        if was_on:
            gc.enable()


def load_slices(data: bytes) -> Steps:
    """`load` in steps of well under 2 ms (for records of usual size), so that a loop can serve between them.

    A generator whose return value is the answer: `result = yield from load_slices(data)`. Whoever steps it
    should keep the garbage collector off meanwhile. Regular expressions are compiled in steps of their own,
    so that no request pays for them.
    """
    try:
        return (yield from _load(data))
    except _Refused as refused:
        return refused.refusal


def notes_of(table: RouteTable) -> Notes:
    """The table's notes; empty ones where they cannot be read."""
    cache = table.cache
    if cache.notes is None and cache.make_notes is not None:
        cache.notes, cache.make_notes = cache.make_notes(), None
    if cache.notes is None:
        from .frames import FrameError, decode_notes

        try:
            cache.notes = decode_notes(table.notes) if table.notes else Notes()
        except FrameError:
            cache.notes = Notes()
    return cache.notes


def write_table(path: str | os.PathLike[str], table: RouteTable) -> int:
    """Write the table to a file, so that a reader sees the old file or the new one; the size in bytes.

    A symlink is followed. Raises OSError where the directory cannot be written; nothing is left behind then.
    """
    data = dump(table)
    write_atomically(path, data)
    return len(data)


def _load(data: bytes) -> Steps:
    from .frames import SECTIONS, Frame, FrameError, decode_frame
    from .table_shape import misshapen

    header, begin = _header_of(data)
    layout, notes_length, notes_digest = _layout_of(header)
    end = begin + sum(length for _, _, length in layout)
    if end + notes_length > len(data):
        missing = end + notes_length - len(data)
        raise _Refused("truncated", f"the table is cut short: {missing} bytes are missing at its end")
    if end + notes_length < len(data):
        raise _Refused("trailing", f"{len(data) - end - notes_length} bytes follow the table")
    prologue = _prologue(header["version"], layout)
    if (yield from _hash_in_steps(prologue, data, begin, end)) != header["digest"]:
        raise _Refused("digest", "the table is damaged: its digest does not fit what it holds")
    if (yield from _hash_in_steps(b"", data, end, len(data))) != notes_digest:
        raise _Refused("digest", "the table is damaged: the digest of its notes does not fit them")
    sections: dict[str, list[Any]] = {name: [] for name in SECTIONS}
    at = begin
    for section, place, length in layout:
        try:
            decode_frame(Frame(section, tuple(place), data[at : at + length]), sections)
        except FrameError as failed:
            raise _Refused("shape", f"what the table holds cannot be read: {failed.reason}") from failed
        at += length
        yield
    bodies: dict[str, Any] = {}
    for name, records in sections.items():
        bodies[name] = tuple(records)
        yield
    fault = yield from misshapen(bodies)
    if fault is not None:
        raise _Refused("shape", f"what the table holds does not fit together: {fault}")
    table = RouteTable(**bodies, notes=data[end:])
    table.cache.digest = header["digest"]
    for number in range(len(table.programs)):
        try:
            table.program(number)
        except Exception as failed:
            # The engines raise what they like; whatever it is, this text is not what `choose` made.
            raise _Refused("shape", f"regular expression {number} does not compile") from failed
        yield
    return table


def _hash_in_steps(prologue: bytes, data: bytes, begin: int, end: int) -> Generator[None, None, str]:
    """The digest of a stretch of `data` behind `prologue`."""
    hashing = hashlib.blake2b(prologue, digest_size=32)
    for at in range(begin, end, _HASHED_AT_ONCE):
        hashing.update(data[at : min(at + _HASHED_AT_ONCE, end)])
        yield
    return hashing.hexdigest()


def _header_of(data: bytes) -> tuple[dict[str, Any], int]:
    """The header, and where the frames begin."""
    import orjson

    if not data.startswith(MAGIC):
        if MAGIC.startswith(data):
            raise _Refused("truncated", "the table is cut short: nothing follows its first bytes")
        raise _Refused("magic", "this is not a route table that `gwc build` wrote")
    begin = len(MAGIC) + _LENGTH_BYTES
    length = int.from_bytes(data[len(MAGIC) : begin], "big")
    if len(data) < begin + length:
        raise _Refused("truncated", "the table is cut short: its header is not whole")
    try:
        header = orjson.loads(data[begin : begin + length])
    except ValueError as failed:
        raise _Refused("header", "the table's header cannot be read") from failed
    if not isinstance(header, dict) or type(header.get("version")) is not int:
        raise _Refused("header", "the table's header says no version")
    if header["version"] != FORMAT_VERSION:
        raise _Refused(
            "version",
            f"the table has format {header['version']}, this gwc reads format {FORMAT_VERSION}; "
            "build it again with `gwc build`",
        )
    return header, begin + length


def _layout_of(header: dict[str, Any]) -> tuple[list[tuple[str, list[int], int]], int, str]:
    """The frames' list, length and digest of the notes."""
    frames, notes = header.get("frames"), header.get("notes")
    if (
        isinstance(frames, list)
        and all(map(_is_layout, frames))
        and isinstance(notes, list)
        and list(map(type, notes)) == [int, str]
        and notes[0] >= 0
        and isinstance(header.get("digest"), str)
    ):
        return frames, notes[0], notes[1]
    raise _Refused("header", "the table's header does not say what follows it")


def _is_layout(frame: object) -> bool:
    """Whether it is [section, place, length]."""
    return (
        isinstance(frame, list)
        and list(map(type, frame)) == [str, list, int]
        and frame[2] >= 0
        and all(type(at) is int for at in frame[1])
    )


def _layout(frames: Sequence[Frame]) -> list[tuple[str, tuple[int, ...], int]]:
    return [(frame.section, frame.place, len(frame.data)) for frame in frames]


def _prologue(version: int, layout: object) -> bytes:
    """What the body's digest covers before the frames."""
    return _encoded([version, layout])


def _digest_of(version: int, frames: Sequence[Frame]) -> str:
    hashing = hashlib.blake2b(_prologue(version, _layout(frames)), digest_size=32)
    for frame in frames:
        hashing.update(frame.data)
    return hashing.hexdigest()


def _encoded(value: object) -> bytes:
    import orjson

    return orjson.dumps(value)
