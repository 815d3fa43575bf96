"""Frames as bytes: where one ends, what its first nine bytes say, and the few that are written by hand.

Owns the numbers of RFC 9113 sections 4.1, 6 and 7. What frames mean is the library's; this is what must be
known of one before the library gets it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client begins with (section 3.4)."""

HEAD_BYTES: Final = 9
MOST_PAYLOAD: Final = 16_384
"""The longest payload that is received and sent, the least that anybody must take (section 4.2)."""
MOST_STREAM_ID: Final = 2**31 - 1

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = (
    range(10)
)
PRIORITY_UPDATE: Final = 16
"""RFC 9218 section 7.1."""

ACK: Final = 0x1
END_STREAM: Final = 0x1
END_HEADERS: Final = 0x4
PADDED: Final = 0x8

NO_ERROR: Final = 0x0
PROTOCOL_ERROR: Final = 0x1
INTERNAL_ERROR: Final = 0x2
FRAME_SIZE_ERROR: Final = 0x6
REFUSED_STREAM: Final = 0x7
CANCEL: Final = 0x8
COMPRESSION_ERROR: Final = 0x9
ENHANCE_YOUR_CALM: Final = 0xB

SETTING_MAX_CONCURRENT_STREAMS: Final = 0x3
SETTING_INITIAL_WINDOW_SIZE: Final = 0x4
SETTING_MAX_HEADER_LIST_SIZE: Final = 0x6
SETTING_ENABLE_CONNECT_PROTOCOL: Final = 0x8
SETTING_NO_RFC7540_PRIORITIES: Final = 0x9


class Frame(NamedTuple):
    """A whole frame; `data` is all of it with its nine bytes."""

    kind: int
    flags: int
    stream: int
    data: bytes


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """The bytes of a frame."""
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload


def goaway(last_stream: int, code: int) -> bytes:
    """No stream above `last_stream` is served (section 6.8)."""
    return frame(GOAWAY, 0, 0, last_stream.to_bytes(4, "big") + code.to_bytes(4, "big"))


def settings(values: dict[int, int]) -> bytes:
    """A SETTINGS frame (section 6.5)."""
    each = (key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in values.items())
    return frame(SETTINGS, 0, 0, b"".join(each))
