"""The handshake's words and answers, and where frames begin, however the bytes were cut."""

from __future__ import annotations

from gwc.runtime.tunnel import FrameWalk, accept_of, switch_refusal
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def test_the_answer_to_a_key() -> None:
    """The example of RFC 6455 section 1.3."""
    assert accept_of(KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_an_agreement_in_another_spelling() -> None:
    """Names and words are the same in any case; Connection may name more."""
    head = (
        b"HTTP/1.1 101 ok\r\nUPGRADE:WebSocket\r\nconnection: keep-alive,UPGRADE\r\n"
        b"SEC-WEBSOCKET-ACCEPT: \t" + accept_of(KEY)
    )
    assert switch_refusal(head, KEY) is None
    assert switch_refusal(head, "x" * 22 + "==") is not None


@given(
    sizes=st.lists(st.sampled_from([0, 1, 125, 126, 127, 300, 65_535, 65_536]), max_size=6),
    cuts=st.lists(st.integers(0, 140_000), max_size=12),
    mask=st.booleans(),
)
def test_frames_are_walked_however_they_are_cut(sizes: list[int], cuts: list[int], mask: bool) -> None:
    """Between two frames exactly where one has ended; a close frame is noticed, a payload like one is not."""
    ends, data = {0}, b""
    for size in sizes:
        data += Frame(Opcode.BINARY, b"\x88" * size).serialize(mask=mask)
        ends.add(len(data))
    walk = FrameWalk()
    at = 0
    for cut in (*sorted(each for each in cuts if each < len(data)), len(data)):
        walk.feed(data[at:cut])
        at = cut
        assert walk.is_between == (at in ends)
    assert not walk.closed
    walk.feed(Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=mask))
    assert (walk.closed, walk.is_between) == (True, True)
