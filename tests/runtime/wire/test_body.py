"""Bodies: content and end are found, however the bytes were cut."""

from __future__ import annotations

import pytest
from gwc.runtime.wire.http1.body import Body, BodyError, ChunkedBody, EndlessBody, LengthBody
from hypothesis import given
from hypothesis import strategies as st


def fed(body: Body, pieces: list[bytes]) -> tuple[bytes, bytes | None]:
    """All content, and what follows the body; None where it has not ended."""
    content = b""
    for number, piece in enumerate(pieces):
        found, rest = body.feed(piece)
        content += b"".join(found)
        if rest is not None:
            return content, rest + b"".join(pieces[number + 1 :])
    return content, None


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """`data` in pieces, none of them empty."""
    ends = sorted({place % (len(data) + 1) for place in places} | {len(data)})
    pieces, at = [], 0
    for end in ends:
        if end > at:
            pieces.append(data[at:end])
            at = end
    return pieces


places = st.lists(st.integers(0, 10_000), max_size=12)


@given(st.binary(min_size=1, max_size=50), st.binary(max_size=20), places)
def test_length(content: bytes, after: bytes, at: list[int]) -> None:
    """A body of a length has that length, and what follows is left."""
    assert fed(LengthBody(len(content)), cut(content + after, at)) == (content, after)


def test_endless() -> None:
    """A body without a length goes on."""
    assert fed(EndlessBody(), [b"a", b"b"]) == (b"ab", None)


@given(
    st.lists(st.binary(min_size=1, max_size=20), max_size=5),
    st.sampled_from((b"", b";a", b" ; a=b", b';a="b;\\"c"', b";a;b=c")),
    st.lists(st.sampled_from((b"x-a: 1", b"x-b:", b"X-C:  2 ")), max_size=3),
    st.binary(max_size=10),
    places,
)
def test_chunked(
    chunks: list[bytes], extension: bytes, trailers: list[bytes], after: bytes, at: list[int]
) -> None:
    """Chunks, extensions and trailers are read alike wherever the bytes were cut."""
    data = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    data += b"0%b\r\n" % extension + b"".join(b"%b\r\n" % line for line in trailers) + b"\r\n" + after
    body = ChunkedBody()
    assert fed(body, cut(data, at)) == (b"".join(chunks), after)
    wanted = {b"x-a: 1": (b"x-a", b"1"), b"x-b:": (b"x-b", b""), b"X-C:  2 ": (b"x-c", b"2")}
    assert body.trailers == [wanted[line] for line in trailers]


BAD = (
    b"\r\n",
    b"g\r\n",
    b"+5\r\nhello\r\n",
    b"-5\r\nhello\r\n",
    b"0x5\r\nhello\r\n",
    b"0_5\r\nhello\r\n",
    b" 5\r\nhello\r\n",
    b"5 \r\nhello\r\n",
    b"5\nhello\r\n",
    b"5;\r\nhello\r\n",
    b"5;a=\r\nhello\r\n",
    b"5;a\x00\r\nhello\r\n",
    b"5;a\rb\r\nhello\r\n",
    b'5;a="b\r\nhello\r\n',
    b"\xef\xbc\x95\r\nhello\r\n",
    b"5\r\nhelloX\r\n",
    b"5\r\nhello\n0\r\n\r\n",
    b"11111111111111111\r\n",
    b"1;" + b"a" * 300 + b"\r\nx\r\n",
    b"0\r\nno colon\r\n\r\n",
    b"0\r\na : b\r\n\r\n",
    b"0\r\na: b\x00\r\n\r\n",
    b"0\r\n folded\r\n\r\n",
    b"0\r\na: b\n\r\n",
    b"0\r\na: " + b"b" * 9000 + b"\r\n\r\n",
)


@pytest.mark.parametrize("data", BAD, ids=range(len(BAD)))
def test_bad_chunks(data: bytes) -> None:
    """A chunk or a trailer that breaks the grammar is refused, whole or byte by byte."""
    with pytest.raises(BodyError) as whole:
        fed(ChunkedBody(), [data])
    with pytest.raises(BodyError) as bytewise:
        fed(ChunkedBody(), [data[at : at + 1] for at in range(len(data))])
    assert whole.value.reason == bytewise.value.reason


def test_extensions_are_bounded() -> None:
    """Extensions that are short one by one do not add up without end."""
    with pytest.raises(BodyError):
        fed(ChunkedBody(), [b"1;" + b"a" * 200 + b"\r\nx\r\n"] * 60)


def test_extensions_of_one_chunk_are_bounded() -> None:
    """256 bytes, however few digits its size has."""
    fed(ChunkedBody(), [b"1;" + b"a" * 255 + b"\r\nx\r\n"])
    with pytest.raises(BodyError):
        fed(ChunkedBody(), [b"1;" + b"a" * 256 + b"\r\nx\r\n"])
