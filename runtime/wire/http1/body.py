"""Bodies of HTTP/1.1 messages: where one ends, and what is in it.

Owns the decoders (RFC 9112 sections 6 and 7). Bytes in, pieces of content out, whatever the pieces of the
bytes were. Knows neither side of the gateway.
"""

from __future__ import annotations

import re
from typing import Final, Protocol

MAX_CHUNK_EXTENSION_BYTES: Final = 256
"""The extensions of one chunk."""
MAX_SIZE_LINE_BYTES: Final = 16 + MAX_CHUNK_EXTENSION_BYTES
"""A chunk's size, 16 digits, and its extensions."""
MAX_EXTENSION_BYTES: Final = 8 * 1024
"""All extensions of one body."""
MAX_TRAILER_BYTES: Final = 8 * 1024

CHUNKED: Final = -1
UNTIL_CLOSE: Final = -2
"""Lengths of bodies that do not say how long they are: their last chunk tells, or the connection's end."""

Fields = list[tuple[bytes, bytes]]

_TOKEN = rb"[0-9A-Za-z!#$%&'*+.^_`|~-]+"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'
_SIZE_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,16})((?:[ \t]*;[ \t]*%b(?:[ \t]*=[ \t]*(?:%b|%b))?)*)" % (_TOKEN, _TOKEN, _QUOTED)
)
_TRAILER_LINE = re.compile(rb"(%b):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)" % _TOKEN)


class BodyError(Exception):
    """Raised where a body breaks its framing; `reason` is `chunk` or `trailer`, `detail` says it in words."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Body(Protocol):
    """A decoder. `trailers` are those of the message, once it has ended."""

    trailers: Fields

    def feed(self, data: bytes) -> tuple[list[bytes], bytes | None]:
        """Pieces of content, and what follows the body; None while it has not ended. May raise BodyError."""


class LengthBody:
    """A body of as many bytes as Content-Length says."""

    __slots__ = ("left", "trailers")

    def __init__(self, length: int) -> None:
        self.left = length
        self.trailers: Fields = []

    def feed(self, data: bytes) -> tuple[list[bytes], bytes | None]:
        """See Body."""
        left = self.left
        if len(data) < left:
            self.left = left - len(data)
            return [data], None
        self.left = 0
        if len(data) == left:
            return [data], b""
        return [data[:left]], data[left:]


class EndlessBody:
    """A body that ends with the connection."""

    __slots__ = ("trailers",)

    def __init__(self) -> None:
        self.trailers: Fields = []

    def feed(self, data: bytes) -> tuple[list[bytes], bytes | None]:
        """See Body."""
        return [data], None


_SIZE, _DATA, _DATA_END, _TRAILERS, _ENDED = range(5)


class ChunkedBody:
    """A chunked body (RFC 9112 section 7.1), strictly: no bare LF, extensions by their grammar, all bounded.

    Mutable: the phase, the bytes left of a chunk, and a line that has not ended. `promised` is the sum of the
    sizes of all chunks so far, so that a body that will be too long is known before it has come.
    """

    __slots__ = ("_extensions", "_left", "_line", "_phase", "_trailer_bytes", "promised", "trailers")

    def __init__(self) -> None:
        self.trailers: Fields = []
        self._phase = _SIZE
        self._left = 0
        self._line = b""
        self._extensions = 0
        self._trailer_bytes = 0
        self.promised = 0

    def feed(self, data: bytes) -> tuple[list[bytes], bytes | None]:
        """See Body."""
        pieces: list[bytes] = []
        at = 0
        while at < len(data):
            if self._phase == _DATA:
                piece = data[at : at + self._left] if at or len(data) > self._left else data
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._phase = _DATA_END
                continue
            end = data.find(b"\n", at)
            if end < 0:
                self._line += data[at:]
                self._judge_length(len(self._line))
                break
            line = self._line + data[at : end + 1] if self._line else data[at : end + 1]
            self._line = b""
            at = end + 1
            if not line.endswith(b"\r\n"):
                raise BodyError(
                    "chunk" if self._phase != _TRAILERS else "trailer", "a line ends in a bare LF"
                )
            self._judge_length(len(line) - 2)
            self._take(line[:-2])
            if self._phase == _ENDED:
                return pieces, data[at:]
        return pieces, None

    def _judge_length(self, length: int) -> None:
        """Refuse a line that is too long, whether or not it has ended."""
        if self._phase == _TRAILERS:
            if self._trailer_bytes + length > MAX_TRAILER_BYTES + 1:
                raise BodyError("trailer", f"trailers are longer than {MAX_TRAILER_BYTES} bytes")
        elif self._phase == _DATA_END:
            if length > 1:
                raise BodyError("chunk", "a chunk is longer than its size")
        elif length > MAX_SIZE_LINE_BYTES + 1:
            raise BodyError(
                "chunk", f"a chunk's size and extensions are longer than {MAX_SIZE_LINE_BYTES} bytes"
            )

    def _take(self, line: bytes) -> None:
        """One line without its end."""
        if self._phase == _SIZE:
            found = _SIZE_LINE.fullmatch(line)
            if found is None:
                raise BodyError("chunk", "a chunk's size is not a hexadecimal number of at most 16 digits")
            if len(found[2]) > MAX_CHUNK_EXTENSION_BYTES:
                raise BodyError(
                    "chunk", f"the extensions of a chunk are longer than {MAX_CHUNK_EXTENSION_BYTES} bytes"
                )
            self._extensions += len(found[2])
            if self._extensions > MAX_EXTENSION_BYTES:
                raise BodyError(
                    "chunk", f"the extensions of chunks are longer than {MAX_EXTENSION_BYTES} bytes"
                )
            self._left = int(found[1], 16)
            self.promised += self._left
            self._phase = _DATA if self._left else _TRAILERS
        elif self._phase == _DATA_END:
            if line:
                raise BodyError("chunk", "a chunk is longer than its size")
            self._phase = _SIZE
        elif not line:
            self._phase = _ENDED
        else:
            self._trailer_bytes += len(line) + 2
            found = _TRAILER_LINE.fullmatch(line)
            if found is None:
                raise BodyError("trailer", "a trailer is no field")
            self.trailers.append((found[1].lower(), found[2].rstrip(b" \t")))
