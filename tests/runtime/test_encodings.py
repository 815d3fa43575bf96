"""Content codings: what is packed can be unpacked, piece by piece, and nothing unpacks beyond its limits."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
import zstandard
from gwc.runtime.encodings import Unpackable, packer, unpacked
from hypothesis import given
from hypothesis import strategies as st

CODINGS = ("gzip", "br", "zstd")
PACK = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


@given(st.sampled_from(CODINGS), st.lists(st.binary(max_size=300), max_size=6), st.booleans())
def test_there_and_back(coding: str, pieces: list[bytes], flushing: bool) -> None:
    """Whatever the pieces, flushed or not, the other side gets the same bytes."""
    one = packer(coding)
    packed = b"".join(one.feed(piece) + (one.flush() if flushing else b"") for piece in pieces) + one.end()
    assert unpacked(packed, coding, 10_000, 10_000) == b"".join(pieces)


@pytest.mark.parametrize("coding", CODINGS)
def test_flushed_pieces_can_be_read(coding: str) -> None:
    """After a flush the other side has everything, though the body goes on."""
    one = packer(coding)
    came = one.feed(b"data: 1\n\n") + one.flush()
    if coding == "gzip":
        assert zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(came) == b"data: 1\n\n"
    elif coding == "br":
        assert brotli.Decompressor().process(came) == b"data: 1\n\n"
    else:
        assert zstandard.ZstdDecompressor().decompressobj().decompress(came) == b"data: 1\n\n"


@pytest.mark.parametrize("coding", PACK)
def test_limits(coding: str) -> None:
    """A body is unpacked up to its limit and its ratio, and not a byte further."""
    packed = PACK[coding](b"x" * 100_000)
    assert len(unpacked(packed, coding, 100_000, 100_000)) == 100_000
    for most, ratio in ((99_999, 100_000), (100_000, 10)):
        with pytest.raises(Unpackable) as caught:
            unpacked(packed, coding, most, ratio)
        assert caught.value.too_long


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("spoilt", [b"", b"no such thing", b"\x1f\x8b\x08"])
def test_what_is_not_packed(coding: str, spoilt: bytes) -> None:
    """Other bytes than the coding's, or fewer, are refused, not passed as empty."""
    for body in (spoilt, PACK[coding](b"x" * 1000)[:-3]) if spoilt else (PACK[coding](b"x" * 1000)[:-3],):
        with pytest.raises(Unpackable):
            unpacked(body, coding, 1_000_000, 1_000_000)


def test_several_codings() -> None:
    """The last one was put on last; an unknown one is told; many are an attack."""
    packed = gzip.compress(brotli.compress(b"twice"))
    assert unpacked(packed, "br, gzip", 1000, 1000) == b"twice"
    assert unpacked(b"plain", "identity", 1000, 1000) == b"plain"
    for codings in ("compress", "gzip, gzip, gzip"):
        with pytest.raises(Unpackable):
            unpacked(packed, codings, 1000, 1000)
