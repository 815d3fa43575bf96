"""Floods of frames end the connection, each for its reason, before they cost anything."""

from __future__ import annotations

import pytest

from ...e2e.floods import CALM, FLOODS, HEADERS, PING, PRIORITY, SETTINGS, UPDATE
from ...e2e.http2 import frame, head
from .http2_rig import Talk, Told, talking


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
