"""Frames: the body of a table in pieces that are small enough to be decoded one at a time.

Owns how a section becomes frames and how frames become sections again. A frame is JSON: an array of records,
or, for a dict that is too wide for one frame, an object with some of its entries. Which of the two, and where
the entries belong, is said beside the frame: `place` is () for records, else the record's number and the
places on the way to its dict. Knows nothing of headers, digests and files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final, NamedTuple, get_type_hints

import msgspec

from . import table as t

FRAME_BYTES: Final = 24 * 1024
"""About the size of a frame. One record is never divided, and may be larger.

PERF: decoding one takes 0.1-0.2 ms, checking its records 0.3-0.5."""

WIDE: Final = 256
"""Entries from which a dict is taken out of its record."""

_ENTRIES: Final[dict[str, Any]] = {
    "switches": dict[str, t.Leaf],
    "nodes": dict[str, t.Child],
    "shapes": dict[str, t.Leaf],
    "path_groups": dict[str, tuple[tuple[int, t.Leaf], ...]],
    "layers": dict[str, t.Leaf],
    "host_groups": dict[str, tuple[tuple[int, int], ...]],
    "indexes": dict[str, int],
}
"""The sections whose records hold dicts, and what those are."""


class FrameError(Exception):
    """Raised when bytes are no frame of their section; `reason` says why, without a full stop."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Frame(NamedTuple):
    """One frame and where it belongs."""

    section: str
    place: tuple[int, ...]
    data: bytes


SECTIONS: Final = tuple(name for name in t.RouteTable.__dataclass_fields__ if name not in ("notes", "cache"))
"""The sections in the order in which they are written."""


def encode_frames(table: t.RouteTable) -> Iterator[Frame]:
    """The body of a table, frame by frame. Equal tables give equal frames."""
    for section in SECTIONS:
        records = getattr(table, section)
        entries: list[tuple[tuple[int, ...], dict[str, Any]]] = []
        if section in _ENTRIES:
            records = [_without_wide(record, (number,), entries) for number, record in enumerate(records)]
        for data in _joined(b"[", map(_ENCODER.encode, records), b"]"):
            yield Frame(section, (), data)
        for place, found in entries:
            pieces = (_ENCODER.encode(key) + b":" + _ENCODER.encode(found[key]) for key in sorted(found))
            for data in _joined(b"{", pieces, b"}"):
                yield Frame(section, place, data)


def decode_frame(frame: Frame, sections: dict[str, list[Any]]) -> None:
    """Add what a frame holds to the sections so far. Raises FrameError, having added nothing."""
    records = sections.get(frame.section)
    if records is None:
        raise FrameError(f"there is no section `{frame.section[:40]}`")
    try:
        if not frame.place:
            records += _records_decoder(frame.section).decode(frame.data)
        else:
            found = _wide_at(records, frame.place)
            found.update(_entries_decoder(frame.section).decode(frame.data))
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as failed:
        raise FrameError(f"section `{frame.section}`: {str(failed)[:200]}") from failed


def encode_notes(notes: t.Notes) -> bytes:
    """Notes as JSON."""
    return _ENCODER.encode(notes)


def decode_notes(data: bytes) -> t.Notes:
    """Notes from JSON. Raises FrameError."""
    try:
        return msgspec.json.decode(data, type=t.Notes)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as failed:
        raise FrameError(f"notes: {str(failed)[:200]}") from failed


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def _joined(begin: bytes, pieces: Iterable[bytes], end: bytes) -> Iterator[bytes]:
    """Pieces put together with commas, up to the size of a frame."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece) + 1
        if size >= FRAME_BYTES:
            yield begin + b",".join(held) + end
            held, size = [], 0
    if held:
        yield begin + b",".join(held) + end


def _without_wide(
    value: Any, place: tuple[int, ...], entries: list[tuple[tuple[int, ...], dict[str, Any]]]
) -> Any:
    """A record with its wide dicts empty; those and their places are added to `entries`."""
    if isinstance(value, dict):
        if len(value) < WIDE:
            return value
        entries.append((place, value))
        return {}
    if isinstance(value, tuple) and any(isinstance(each, dict | tuple) for each in value):
        return tuple(_without_wide(each, (*place, at), entries) for at, each in enumerate(value))
    return value


def _wide_at(records: list[Any], place: tuple[int, ...]) -> dict[str, Any]:
    """The dict at a place."""
    found: Any = records
    for at in place:
        if not isinstance(found, list | tuple) or not 0 <= at < len(found):
            raise FrameError(f"there is nothing at {place}")
        found = found[at]
    if not isinstance(found, dict):
        raise FrameError(f"there is nothing at {place}")
    return found


# Decoders are made when a table is first loaded; they depend on nothing but the types.
@cache
def _records_decoder(section: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(get_type_hints(t.RouteTable)[section])


@cache
def _entries_decoder(section: str) -> msgspec.json.Decoder[Any]:
    if section not in _ENTRIES:
        raise FrameError(f"section `{section}` has no entries")
    return msgspec.json.Decoder(_ENTRIES[section])
