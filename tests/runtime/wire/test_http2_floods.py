"""Floods of frames end the connection, each for its reason, before they cost anything."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ...e2e.http2 import frame, head
from .http2_rig import Talk, Told, talking

CALM = 11

DATA, HEADERS, PRIORITY, RST, SETTINGS, PING, GOAWAY, UPDATE, CONTINUATION = 0, 1, 2, 3, 4, 6, 7, 8, 9


def _block(talk: Talk, *more: tuple[str, str]) -> bytes:
    return talk.http2.encoder.encode(head("/", *more))


def _rapid_reset(talk: Talk) -> bytes:
    return b"".join(
        frame(HEADERS, 4, number, _block(talk)) + frame(RST, 0, number, b"\0\0\0\x08")
        for number in range(1, 2 * 102, 2)
    )


def _half_reset(talk: Talk) -> bytes:
    """More than fifty, and more than half of all."""
    found = b""
    for number in range(1, 2 * 75, 2):
        found += frame(HEADERS, 5 if number % 3 == 0 else 4, number, _block(talk))
        if number % 3:
            found += frame(RST, 0, number, b"\0\0\0\x08")
    return found + frame(RST, 0, 1, b"\0\0\0\x08")


def _self_inflicted(talk: Talk) -> bytes:
    """Requests that the gateway must reset."""
    return b"".join(
        frame(HEADERS, 5, number, _block(talk, ("Upper", "case"))) for number in range(1, 2 * 102, 2)
    )


def _continuation(talk: Talk) -> bytes:
    block = _block(talk)
    return frame(HEADERS, 1, 1, block[:1]) + b"".join(
        frame(CONTINUATION, 0, 1, block[at : at + 1]) for at in range(1, 12)
    )


def _empty_continuation(talk: Talk) -> bytes:
    return frame(HEADERS, 1, 1, _block(talk)) + frame(CONTINUATION, 0, 1) * 9


def _bomb(talk: Talk) -> bytes:
    """One field that is in the table, a thousand times: 4 KiB become 4 MiB."""
    literal = b"\x40\x01a\x7f\xa1\x1e" + b"x" * 4000  # 127 + 33 + 30 * 128 = 4000
    return frame(HEADERS, 5, 1, literal) + frame(HEADERS, 5, 3, b"\xbe" * 1000)


FLOODS: dict[str, tuple[str, Callable[[Talk], bytes]]] = {
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
        lambda talk: frame(HEADERS, 4, 1, _block(talk)) + frame(DATA, 0, 1) * 101,
    ),
    "padded-empty-data-flood": (
        "http2-empty-frames",
        lambda talk: frame(HEADERS, 4, 1, _block(talk)) + frame(DATA, 8, 1, b"\x03\0\0\0") * 101,
    ),
    "hpack-bomb": ("http2-header-list", _bomb),
}


@pytest.mark.parametrize("cut", [0, 7])
@pytest.mark.parametrize("name", FLOODS)
def test_floods(name: str, cut: int) -> None:
    """GOAWAY with ENHANCE_YOUR_CALM, one reason told, the connection closed; in pieces just the same."""
    reason, flood = FLOODS[name]

    async def work(talk: Talk, told: Told) -> None:
        await talk.push()
        talk.cut, talk.deaf = cut, True
        await talk.push(flood(talk))
        assert talk.goaway == CALM
        assert told.reasons[-1] == reason
        assert told.reasons.count(reason) == 1
        assert talk.transport.closed

    talking(work)


def test_as_many_as_are_allowed() -> None:
    """A hundred of each kind are no flood, and requests are served beside them."""

    async def work(talk: Talk, told: Told) -> None:
        await talk.push()
        few = frame(PING, 0, 0, b"12345678") * 99 + frame(SETTINGS) * 99
        few += frame(PRIORITY, 0, 5, b"\0\0\0\x03\x10") * 99 + frame(99, 0, 0, b"x") * 99
        await talk.push(few)
        number = talk.ask(head("/"))
        await talk.push()
        assert talk.replies[number].body == b"fixed\n"
        assert (talk.goaway, told.reasons) == (None, [])

    talking(work)


def test_pings_beside_replies() -> None:
    """Who measures a path in use pings often, and may."""

    async def work(talk: Talk, told: Told) -> None:
        for _ in range(5):
            number = talk.ask(head("/"))
            await talk.push(frame(PING, 0, 0, b"12345678") * 60)
            assert talk.replies[number].body == b"fixed\n"
        assert (talk.goaway, told.reasons) == (None, [])

    talking(work)


def test_settings_and_ping_flood_that_is_not_read() -> None:
    """Answers that are not taken do not pile up: a thousand, then the connection is cut."""

    async def work(talk: Talk, told: Told) -> None:
        await talk.push()
        talk.connection.pause_writing()
        for _ in range(1001):
            if talk.transport.closed:
                break
            talk.connection.data_received(frame(UPDATE, 0, 0, b"\0\0\0\x01"))
            talk.connection.guard._counts[UPDATE] = 0
        assert talk.transport.closed
        assert told.reasons == ["http2-control-queue"]

    talking(work)


def test_window_stall() -> None:
    """A client that never opens its window keeps its stream no longer than a reply may stand still."""

    async def work(talk: Talk, told: Told) -> None:
        talk.http2.update_settings({4: 10_000})
        number = talk.ask(head("/long"))
        other = talk.ask(head("/"))
        await talk.push()
        reply = talk.replies[number]
        assert (len(reply.body), talk.replies[other].body) == (10_000, b"fixed\n")
        await talk.until(lambda: reply.over)
        assert reply.reset == 8
        assert told.reasons == ["http2-window-stall"]

    talking(work, 'timeouts { send "300ms" }', reads=False)


def test_zero_window_from_the_start() -> None:
    """A window of nothing gets a head and no body, and then the stream ends."""

    async def work(talk: Talk, told: Told) -> None:
        talk.http2.update_settings({4: 0})
        number = talk.ask(head("/long"))
        await talk.push()
        reply = talk.replies[number]
        assert (reply.status, reply.body) == (200, b"")
        await talk.until(lambda: reply.over)
        assert (reply.reset, told.reasons) == (8, ["http2-window-stall"])

    talking(work, 'timeouts { send "300ms" }')


@pytest.mark.parametrize("sent", [b"", frame(HEADERS, 1, 1, b"\x82"), b"\0\0\x05\x01"])
def test_half_a_head(sent: bytes) -> None:
    """A head, or the preface's SETTINGS, that never ends has its time."""

    async def work(talk: Talk, told: Told) -> None:
        preface, talk.deaf = talk.out(), True
        await talk.push((preface if sent else preface[:24]) + sent)
        await talk.until(lambda: talk.transport.closed)
        assert talk.goaway == CALM
        assert told.reasons == ["head-timeout"]

    talking(work, 'timeouts { head "300ms" }')
