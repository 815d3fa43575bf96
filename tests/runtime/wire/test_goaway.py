"""GOAWAY is taken out of what a target sends, wherever the pieces of the bytes end."""

from __future__ import annotations

import pytest
from gwc.runtime.wire.http2.goaway import GoAway, GoAwayCutter
from h2.exceptions import FrameTooLargeError
from hypothesis import given
from hypothesis import strategies as st


def frame(kind: int, body: bytes) -> bytes:
    """A frame on stream 1."""
    return len(body).to_bytes(3, "big") + bytes((kind, 0, 0, 0, 0, 1)) + body


GOING = frame(7, (5).to_bytes(4, "big") + (2).to_bytes(4, "big") + b"words")
OTHERS = st.builds(frame, st.sampled_from([0, 1, 4, 6, 8, 200]), st.binary(max_size=60))


@given(st.lists(st.one_of(OTHERS, st.just(GOING)), max_size=8), st.data())
def test_whatever_the_pieces(frames: list[bytes], data: st.DataObject) -> None:
    """The others pass byte for byte and in order; each GOAWAY stands where it stood."""
    text = b"".join(frames)
    ends = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=10)))
    cutter = GoAwayCutter()
    found: list[bytes | GoAway] = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        found += cutter.feed(text[start:end])
    joined: list[bytes | GoAway] = [b""]
    for each in found:
        if isinstance(each, bytes) and isinstance(joined[-1], bytes):
            joined[-1] += each
        elif isinstance(each, bytes):
            joined.append(each)
        else:
            joined += [each, b""]
    wanted: list[bytes | GoAway] = [b""]
    for each in frames:
        if each is GOING:
            wanted += [GoAway(5, 2), b""]
        else:
            assert isinstance(wanted[-1], bytes)
            wanted[-1] += each
    assert [each for each in joined if each != b""] == [each for each in wanted if each != b""]


def test_a_frame_that_is_too_long_is_known_by_its_head() -> None:
    """Nobody waits for its end, which an answer in HTTP/1.1 never has."""
    for text in (b"HTTP/1.1 400 Bad Request", frame(0, bytes(16_385))[:9], frame(7, bytes(16_385))[:9]):
        with pytest.raises(FrameTooLargeError):
            GoAwayCutter().feed(text)


def test_a_goaway_that_is_none_is_the_librarys() -> None:
    """One that is too short to say anything."""
    short = frame(7, b"1234")
    assert GoAwayCutter().feed(short) == [short]
