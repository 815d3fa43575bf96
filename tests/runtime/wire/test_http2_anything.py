"""Whatever frames a client sends: no fault of the gateway's own, and one verdict however they are cut."""

from __future__ import annotations

from gwc.runtime.wire.http2 import frames as f
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from ...e2e.http2 import PREFACE, frame, head
from .http2_rig import Talk, Told, talking

_PLAIN = Encoder()
_PLAIN.header_table_size = 0


def _block(*more: tuple[str, str], method: str = "GET", path: str = "/") -> bytes:
    """Fields that leave nothing in a table, so that blocks may come in any order."""
    fields = [(name.encode(), value.encode(), True) for name, value in head(path, *more, method=method)]
    return b"".join(_PLAIN.encode([each], huffman=False) for each in fields)


BLOCKS = st.sampled_from(
    [
        _block(),
        _block(path="/long"),
        _block(path="/echo"),
        _block(("content-length", "3"), method="POST"),
        _block(("expect", "100-continue"), method="POST"),
        _block(("x", "y" * 3000)),
        _block(("Upper", "case")),
        b"",
        b"\x82",
        b"\xff",
    ]
)
STREAMS = st.sampled_from([0, 1, 3, 5, 7, 9, 2])
FLAGS = st.sampled_from([0, 1, 4, 5, 8, 12, 13, 0x20, 0x24, 0x25, 0xFF])
PAYLOADS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b"\0\0\0\x08", b"\x7f\xff\xff\xff", b"\0\x04\0\0\0\0", b"\0\x01\0\0\0\0", b"x" * 16_384]
    ),
)
FRAMES = st.one_of(
    st.builds(frame, st.just(f.HEADERS), st.sampled_from([4, 5]), st.sampled_from([1, 3, 5, 7]), BLOCKS),
    st.builds(frame, st.just(f.HEADERS), FLAGS, STREAMS, BLOCKS),
    st.builds(frame, st.just(f.DATA), FLAGS, STREAMS, PAYLOADS),
    st.builds(frame, st.integers(0, 17), FLAGS, STREAMS, PAYLOADS),
    st.builds(frame, st.just(f.CONTINUATION), st.sampled_from([0, 4]), st.sampled_from([1, 3]), BLOCKS),
)


def _verdict(sent: list[bytes], cut: int) -> tuple[list[tuple[int, int]], list[str]]:
    found: list[tuple[list[tuple[int, int]], list[str]]] = []

    async def work(talk: Talk, told: Told) -> None:
        talk.out()
        talk.deaf = True
        talk.cut = cut
        await talk.push(PREFACE + frame(f.SETTINGS))
        for each in sent:
            if not talk.transport.closed:
                await talk.push(each)
        found.append((talk.goaways, told.reasons))

    talking(work)
    return found[0]


@given(st.lists(FRAMES, max_size=8), st.sampled_from([3, 10, 1000]))
def test_any_frames(sent: list[bytes], cut: int) -> None:
    """Both ways the same, and nothing is left of it."""
    assert _verdict(sent, 0) == _verdict(sent, cut)


@given(st.binary(max_size=200))
def test_any_bytes(sent: bytes) -> None:
    """After the preface."""
    _verdict([sent], 1)
