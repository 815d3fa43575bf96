"""GOAWAY taken out of what a target sends.

Owns the cut at the frames' borders (RFC 9113 section 4.1). The library closes a connection as a whole when it
reads a GOAWAY, while the streams up to the last one named go on (section 6.8): so it never sees one. It also
waits for the end of a frame before it looks whether that is too long: here it is looked at first.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from h2.exceptions import FrameTooLargeError

_GOAWAY: Final = 7
_FRAME_HEAD: Final = 9
_MOST_BYTES: Final = 16 * 1024
"""Of a frame, which is what we allow."""


class GoAway(NamedTuple):
    """The target takes no stream above `last`; `code` is why."""

    last: int
    code: int


class GoAwayCutter:
    """Mutable: the beginning of a frame that is not whole, and how much of one is still to pass."""

    __slots__ = ("_held", "_passing")

    def __init__(self) -> None:
        self._held = b""
        self._passing = 0

    def feed(self, data: bytes) -> list[bytes | GoAway]:
        """What came, in order: bytes for the library, and GOAWAY frames. May raise FrameTooLargeError."""
        if self._held:
            data, self._held = self._held + data, b""
        size = len(data)
        if self._passing >= size:
            self._passing -= size
            return [data]
        pieces: list[bytes | GoAway] = []
        begin, at = 0, self._passing
        while at < size:
            if size - at < _FRAME_HEAD:
                break
            length = data[at] << 16 | data[at + 1] << 8 | data[at + 2]
            if length > _MOST_BYTES:
                raise FrameTooLargeError(f"a frame of {length} bytes, {_MOST_BYTES} are allowed")
            end = at + _FRAME_HEAD + length
            if data[at + 3] == _GOAWAY and length >= 8:
                if end > size:
                    break
                if at > begin:
                    pieces.append(data[begin:at])
                body = at + _FRAME_HEAD
                last = int.from_bytes(data[body : body + 4], "big") & 0x7FFFFFFF
                pieces.append(GoAway(last, int.from_bytes(data[body + 4 : body + 8], "big")))
                begin = end
            at = end
        self._passing = max(at - size, 0)
        if at < size:
            self._held = data[at:]
        if begin < min(at, size):
            pieces.append(data[begin:at])
        return pieces
