"""Messages between processes: whole, in order, with their files."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import struct

import pytest
from gwc.runtime.control.channel import (
    Channel,
    ChannelClosed,
    Garbled,
    Message,
    Unanswered,
    encode,
    read_frame,
    write_frame,
)
from hypothesis import given
from hypothesis import strategies as st

from .running import run


class Side:
    """One end: what came, and whether the other end is gone."""

    def __init__(self, sock: socket.socket) -> None:
        self.came: list[Message] = []
        self.news = asyncio.Event()
        self.gone = asyncio.Event()
        self.channel = Channel(asyncio.get_running_loop(), sock, self.take, self.gone.set)

    def take(self, message: Message) -> None:
        """Keep it; answer what is asked to be answered."""
        self.came.append(message)
        self.news.set()
        if message.kind == "double":
            self.channel.answer(message, {"is": message.body["of"] * 2})

    async def until(self, count: int) -> None:
        """Wait for that many."""
        async with asyncio.timeout(10):
            while len(self.came) < count:
                self.news.clear()
                await self.news.wait()


def two() -> tuple[Side, Side]:
    """Both ends."""
    one, other = socket.socketpair()
    return Side(one), Side(other)


def test_messages_arrive_in_order_and_whole() -> None:
    """More than a socket takes at once, with bytes of every size."""

    async def work() -> None:
        left, right = two()
        blobs = [os.urandom(size) for size in (0, 1, 70_000, 3_000_000, 5)]
        for number, blob in enumerate(blobs):
            left.channel.tell({"kind": "n", "number": number}, blob)
        assert left.channel.waiting > 0
        await right.until(len(blobs))
        assert [each.body["number"] for each in right.came] == list(range(len(blobs)))
        assert [each.blob for each in right.came] == blobs
        left.channel.close()
        right.channel.close()

    run(work())


def test_files_come_with_their_message() -> None:
    """Each message has its own, also when several wait; the sender may close its own at once."""

    async def work() -> None:
        left, right = two()
        for number in range(30):
            reading, writing = os.pipe()
            left.channel.tell({"kind": "file", "number": number}, os.urandom(40_000), [reading])
            os.close(reading)
            os.write(writing, str(number).encode())
            os.close(writing)
        await right.until(30)
        for number, message in enumerate(right.came):
            (descriptor,) = message.files
            assert not os.get_inheritable(descriptor)
            assert os.read(descriptor, 9) == str(number).encode()
            os.close(descriptor)
        assert len(right.came) == 30
        left.channel.close()
        right.channel.close()

    run(work())


def test_questions_are_answered_whatever_else_is_said() -> None:
    """Many at once, both ways."""

    async def work() -> None:
        left, right = two()
        asked = [
            side.channel.ask({"kind": "double", "of": of}, timeout_s=10)
            for of in range(20)
            for side in (left, right)
        ]
        answers = await asyncio.gather(*asked)
        assert [each["is"] for each in answers] == [of * 2 for of in range(20) for _ in "lr"]
        with pytest.raises(Unanswered):
            await left.channel.ask({"kind": "silence"}, timeout_s=0.05)
        waiting = asyncio.create_task(left.channel.ask({"kind": "silence"}, timeout_s=10))
        await right.until(22)
        right.channel.close()
        with pytest.raises(ChannelClosed):
            await waiting
        await asyncio.wait_for(left.gone.wait(), 10)
        with pytest.raises(ChannelClosed):
            await left.channel.ask({"kind": "silence"}, timeout_s=10)
        left.channel.tell({"kind": "nothing"})

    run(work())


@pytest.mark.parametrize(
    "bytes_", [struct.pack(">IIB", 1 << 31, 0, 0), encode({"kind": "x"})[:9] + b"\xff" * 30]
)
def test_garbage_ends_the_channel(bytes_: bytes) -> None:
    """A broken process is hung up on."""

    async def work() -> None:
        one, other = socket.socketpair()
        side = Side(one)
        other.sendall(bytes_)
        await asyncio.wait_for(side.gone.wait(), 10)
        assert side.channel.closed
        other.close()

    run(work())


@given(st.dictionaries(st.text(), st.integers(-(2**53), 2**53)), st.binary(), st.data())
def test_frames_over_a_pipe(body: dict[str, int], blob: bytes, data: st.DataObject) -> None:
    """What is written is read; a stream that ends inside a frame is garbled, one between frames is over."""
    stream = io.BytesIO()
    write_frame(stream, body, blob)
    whole = stream.getvalue()
    again = io.BytesIO(whole)
    assert read_frame(again) == (body, blob)
    assert read_frame(again) is None
    cut = data.draw(st.integers(1, len(whole) - 1))
    with pytest.raises(Garbled):
        read_frame(io.BytesIO(whole[:cut]))
