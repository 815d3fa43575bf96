"""Blocks of fields are read as the library reads them, and never at a cost beyond their length."""

from __future__ import annotations

import time

import pytest
from gwc.runtime.wire.http2.unpacking import HeadDecoder
from hpack import Decoder, Encoder, HPACKError
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from([b":path", b"cookie", b"x", b"accept", b"", b"a-name-that-is-longer"])
VALUES = st.binary(max_size=200)
BLOCKS = st.lists(st.lists(st.tuples(NAMES, VALUES), max_size=8), max_size=5)


@given(BLOCKS, st.booleans(), st.sampled_from([0, 50, 4096]))
def test_what_was_packed(blocks: list[list[tuple[bytes, bytes]]], huffman: bool, table: int) -> None:
    """Field by field, through one table."""
    encoder, decoder = Encoder(), HeadDecoder(1 << 20)
    encoder.header_table_size = table
    for fields in blocks:
        decoder.decode(encoder.encode(fields, huffman=huffman))
        assert list(decoder.taken) == fields


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_the_same_as_the_library(blocks: list[bytes]) -> None:
    """Any bytes: the same fields, or refused by both."""
    theirs, ours = Decoder(1 << 16), HeadDecoder(1 << 16)
    for data in blocks:
        expected: object
        try:
            expected = [tuple(each) for each in theirs.decode(data, raw=True)]
        except HPACKError:
            expected = None
        try:
            ours.decode(data)
        except HPACKError:
            assert expected is None
            return
        assert list(ours.taken) == expected


def test_a_block_of_many_fields() -> None:
    """Four thousand literals in 140 KiB take no longer than their length asks for."""
    block = b"".join(b"\0\x01a\x20" + b"x" * 32 for _ in range(4000))
    decoder = HeadDecoder(1 << 20)
    began = time.process_time()
    decoder.decode(block)
    assert len(decoder.taken) == 4000
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("data", [b"\xff" * 9, b"\x80", b"\0\xff\xff\xff\xff\xff\xff\0", b"\x40\x05a"])
def test_blocks_that_are_none(data: bytes) -> None:
    """Integers without end, an index of nothing, a string that is cut."""
    with pytest.raises(HPACKError):
        HeadDecoder(1 << 16).decode(data)
