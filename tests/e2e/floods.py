"""Floods of HTTP/2: the bytes of each, and the reason that ends its connection.

Owns what a client may not do however well formed its frames are. `FLOODS` by name: the reason, and what makes
the bytes for a connection that has said hello.
"""

from __future__ import annotations

from collections.abc import Callable

from .http2 import Speaker, frame, head

CALM = 11
"""ENHANCE_YOUR_CALM (RFC 9113 section 7)."""

DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9


def _block(client: Speaker, *more: tuple[str, str]) -> bytes:
    return client.http2.encoder.encode(head("/", *more))


def _rapid_reset(client: Speaker) -> bytes:
    return b"".join(
        frame(HEADERS, 4, number, _block(client)) + frame(RST, 0, number, b"\0\0\0\x08")
        for number in range(1, 2 * 102, 2)
    )


def _half_reset(client: Speaker) -> bytes:
    """More than fifty, and more than half of all."""
    found = b""
    for number in range(1, 2 * 75, 2):
        found += frame(HEADERS, 5 if number % 3 == 0 else 4, number, _block(client))
        if number % 3:
            found += frame(RST, 0, number, b"\0\0\0\x08")
    return found + frame(RST, 0, 1, b"\0\0\0\x08")


def _self_inflicted(client: Speaker) -> bytes:
    """Requests that the gateway must reset."""
    return b"".join(
        frame(HEADERS, 5, number, _block(client, ("Upper", "case"))) for number in range(1, 2 * 102, 2)
    )


def _continuation(client: Speaker) -> bytes:
    block = _block(client)
    return frame(HEADERS, 1, 1, block[:1]) + b"".join(
        frame(CONTINUATION, 0, 1, block[at : at + 1]) for at in range(1, 12)
    )


def _empty_continuation(client: Speaker) -> bytes:
    return frame(HEADERS, 1, 1, _block(client)) + frame(CONTINUATION, 0, 1) * 9


def _bomb(client: Speaker) -> bytes:
    """One field that is in the table, a thousand times: 4 KiB become 4 MiB."""
    literal = b"\x40\x01a\x7f\xa1\x1e" + b"x" * 4000  # 127 + 33 + 30 * 128 = 4000
    return frame(HEADERS, 5, 1, literal) + frame(HEADERS, 5, 3, b"\xbe" * 1000)


FLOODS: dict[str, tuple[str, Callable[[Speaker], bytes]]] = {
    "rapid-reset": ("http2-resets", _rapid_reset),
    "half-of-all-reset": ("http2-resets", _half_reset),
    "self-inflicted-resets": ("http2-resets", _self_inflicted),
    "continuation-flood": ("http2-continuation", _continuation),
    "empty-continuation-flood": ("http2-continuation", _empty_continuation),
    "settings-flood": ("http2-settings", lambda _: frame(SETTINGS) * 101),
    "long-settings": ("http2-settings", lambda _: frame(SETTINGS, 0, 0, b"\0\x99\0\0\0\0" * 65)),
    "ping-flood": ("http2-pings", lambda _: frame(PING, 0, 0, b"12345678") * 101),
    "priority-flood": ("http2-priority", lambda _: frame(PRIORITY, 0, 5, b"\0\0\0\x03\x10") * 101),
    "priority-update-flood": ("http2-priority", lambda _: frame(16, 0, 0, b"\0\0\0\x03u=1") * 101),
    "window-update-flood": (
        "http2-window-updates",
        lambda _: frame(UPDATE, 0, 0, b"\0\0\0\x01") * 1001,
    ),
    "unknown-frames-flood": ("http2-unknown-frames", lambda _: frame(99, 0, 0, b"x") * 101),
    "empty-data-flood": (
        "http2-empty-frames",
        lambda client: frame(HEADERS, 4, 1, _block(client)) + frame(DATA, 0, 1) * 101,
    ),
    "padded-empty-data-flood": (
        "http2-empty-frames",
        lambda client: frame(HEADERS, 4, 1, _block(client)) + frame(DATA, 8, 1, b"\x03\0\0\0") * 101,
    ),
    "hpack-bomb": ("http2-header-list", _bomb),
}
