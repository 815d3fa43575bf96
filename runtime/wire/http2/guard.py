"""What a client may send of frames, counted before anything is done with them.

Owns the cutting of bytes into frames and the limits against floods: how many frames of the kinds that cost a
client nothing may come in a while, how a head may be cut into CONTINUATION frames, how long a frame may be.
The library that gives frames their meaning sees none that is refused here. Knows no streams.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from .frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    ENHANCE_YOUR_CALM,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEAD_BYTES,
    HEADERS,
    MOST_PAYLOAD,
    PADDED,
    PING,
    PRIORITY,
    PRIORITY_UPDATE,
    PROTOCOL_ERROR,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Frame,
)

WHILE_S: Final = 30.0
"""How long counts last; then they begin anew."""

MOST_CONTINUATIONS: Final = 8
"""Of one block of fields."""
MOST_SETTINGS: Final = 64
"""In one SETTINGS frame."""
MOST_OF_A_KIND: Final = 100
"""SETTINGS, PING, empty and unknown frames in a while. PINGs are counted from the last HEADERS or DATA that
were sent: who measures a path in use pings often."""
FEW_RESETS: Final = 50
"""So many resets may be more than half of all requests in a while."""
MOST_WINDOW_UPDATES: Final = 1000
"""In a while, beside ten for each DATA frame that was sent."""


class Violation(NamedTuple):
    """Frames that are taken no longer: `reason` is a word of `observe.reasons`, `code` the one of GOAWAY."""

    reason: str
    detail: str
    code: int


class Guard:
    """The guard of one connection.

    Mutable: what has come of a frame (`_rest`, which needs `_need` bytes to go on, its first nine judged or
    not), the counts of this while, the number of frames in an open block of fields (-1: none is open).
    """

    __slots__ = (
        "_began",
        "_block",
        "_counts",
        "_first",
        "_judged",
        "_most_resets",
        "_need",
        "_rest",
        "_sent_data",
        "heads",
    )

    def __init__(self, most_resets: int) -> None:
        self._most_resets = most_resets
        self._rest = bytearray()
        self._need = HEAD_BYTES
        self._judged = False
        self._first = True
        self._block = -1
        self._began = 0.0
        self._counts = [0] * 18
        self._sent_data = 0
        self.heads = 0

    @property
    def waits_for_head(self) -> bool:
        """Whether a block of fields, or a frame other than DATA, has begun and has not ended."""
        if self._block >= 0:
            return True
        return bool(self._rest) and (len(self._rest) < 4 or self._rest[3] != DATA)

    @property
    def data_of(self) -> int:
        """The stream of a DATA frame that has not ended, 0 where there is none."""
        if len(self._rest) >= HEAD_BYTES and self._rest[3] == DATA:
            return int.from_bytes(self._rest[5:9], "big") & 0x7FFF_FFFF
        return 0

    def take(self, data: bytes, now: float) -> tuple[list[Frame], Violation | None]:
        """The whole frames there are by now, and why what follows them is not taken. `now` in seconds."""
        if now - self._began > WHILE_S:
            self._began = now
            self._counts = [0] * 18
            self._sent_data = self.heads = 0
        found: list[Frame] = []
        buffer: bytes | bytearray = data
        if self._rest:
            self._rest += data
            if len(self._rest) < self._need:
                return found, None
            buffer = self._rest
        at, end = 0, len(buffer)
        while end - at >= HEAD_BYTES:
            length = buffer[at] << 16 | buffer[at + 1] << 8 | buffer[at + 2]
            kind, flags = buffer[at + 3], buffer[at + 4]
            if not self._judged:
                violation = self._judge(kind, flags, length)
                if violation is not None:
                    return found, violation
                self._judged = True
            after = at + HEAD_BYTES + length
            if after > end:
                break
            whole = bytes(buffer[at:after])
            if (
                kind == DATA
                and flags & PADDED
                and length
                and whole[9] + 1 >= length
                and not flags & END_STREAM
            ):
                violation = self._count_empty()
                if violation is not None:
                    return found, violation
            stream = int.from_bytes(whole[5:9], "big") & 0x7FFF_FFFF
            found.append(tuple.__new__(Frame, (kind, flags, stream, whole)))
            self._judged = False
            at = after
        if self._judged:
            self._need = HEAD_BYTES + length
        else:
            self._need = HEAD_BYTES
        self._rest = bytearray(buffer[at:])
        return found, None

    def sent_head(self) -> None:
        """HEADERS have been sent."""
        self._counts[PING] = 0

    def sent_data(self) -> None:
        """DATA have been sent."""
        self._counts[PING] = 0
        self._sent_data += 1

    def reset(self) -> Violation | None:
        """A stream is reset, by the client or because of what it sent: too often?"""
        self._counts[RST_STREAM] += 1
        resets = self._counts[RST_STREAM]
        if resets > self._most_resets:
            return _calm("http2-resets", f"more than {self._most_resets} streams were reset within 30 s")
        if resets > FEW_RESETS and resets * 2 > self.heads:
            return _calm("http2-resets", f"{resets} of {self.heads} streams were reset within 30 s")
        return None

    def _judge(self, kind: int, flags: int, length: int) -> Violation | None:
        """Whether a frame may come, by its first nine bytes."""
        if length > MOST_PAYLOAD:
            return Violation("http2-frame", f"a frame is {length} bytes long", FRAME_SIZE_ERROR)
        if self._first:
            self._first = False
            if kind != SETTINGS or flags & ACK:
                return Violation("http2-frame", "the first frame is not SETTINGS", PROTOCOL_ERROR)
        if self._block >= 0 and kind != CONTINUATION:
            return Violation("http2-frame", "a frame stands inside a head", PROTOCOL_ERROR)
        if kind == DATA:
            return None if length or flags & END_STREAM else self._count_empty()
        if kind == HEADERS:
            self.heads += 1
            if not flags & END_HEADERS:
                self._block = 0
            return None if length else self._count_empty()
        if kind == CONTINUATION:
            return self._judge_continuation(flags)
        if kind == RST_STREAM:
            return self.reset()
        return self._judge_control(kind, flags, length)

    def _judge_continuation(self, flags: int) -> Violation | None:
        if self._block < 0:
            return Violation("http2-frame", "CONTINUATION follows no HEADERS", PROTOCOL_ERROR)
        self._block += 1
        if self._block > MOST_CONTINUATIONS:
            return _calm(
                "http2-continuation", f"more than {MOST_CONTINUATIONS} CONTINUATION frames in a head"
            )
        if flags & END_HEADERS:
            self._block = -1
        return None

    def _judge_control(self, kind: int, flags: int, length: int) -> Violation | None:
        """Frames that cost a client nothing."""
        counts = self._counts
        if kind == WINDOW_UPDATE:
            counts[kind] += 1
            if counts[kind] > MOST_WINDOW_UPDATES + 10 * self._sent_data:
                return _calm("http2-window-updates", "more WINDOW_UPDATE frames than there is use for")
        elif kind in (PRIORITY, PRIORITY_UPDATE):
            counts[PRIORITY] += 1
            if counts[PRIORITY] > MOST_OF_A_KIND + 10 * self.heads:
                return _calm("http2-priority", "more PRIORITY frames than there is use for")
        elif kind == PING:
            counts[kind] += not flags & ACK
            if counts[kind] > MOST_OF_A_KIND:
                return _calm("http2-pings", f"more than {MOST_OF_A_KIND} PING frames within 30 s")
        elif kind == SETTINGS:
            counts[kind] += not flags & ACK
            if counts[kind] > MOST_OF_A_KIND:
                return _calm("http2-settings", f"more than {MOST_OF_A_KIND} SETTINGS frames within 30 s")
            if length > 6 * MOST_SETTINGS:
                return _calm("http2-settings", f"more than {MOST_SETTINGS} settings in one frame")
        elif kind != GOAWAY:
            counts[17] += 1
            if counts[17] > MOST_OF_A_KIND:
                return _calm("http2-unknown-frames", f"more than {MOST_OF_A_KIND} frames of unknown kinds")
        return None

    def _count_empty(self) -> Violation | None:
        self._counts[DATA] += 1
        if self._counts[DATA] > MOST_OF_A_KIND:
            return _calm("http2-empty-frames", f"more than {MOST_OF_A_KIND} empty frames within 30 s")
        return None


def _calm(reason: str, detail: str) -> Violation:
    return Violation(reason, detail, ENHANCE_YOUR_CALM)
