"""HPACK as clients send it: a block of bytes becomes fields (RFC 7541).

Owns the reading of a block in one pass, in which no byte is copied twice; the library's decoder copies the
rest of the block for each field. The dynamic table and Huffman's code are the library's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from hpack import Decoder, HeaderTuple, HPACKDecodingError, OversizedHeaderListError
from hpack.huffman_table import decode_huffman

Fields = Sequence[tuple[bytes, bytes]]

_MOST_SHIFT = 28
"""Five bytes of an integer: more than any that is of use."""

# PERF: clients send the same values over and over; at most 1024 of 64 bytes.
_short_text = lru_cache(maxsize=1024)(decode_huffman)


def _text(data: bytes) -> bytes:
    """What Huffman's code stands for."""
    return _short_text(data) if len(data) <= 64 else decode_huffman(data)


class HeadDecoder(Decoder):
    """Keeps what it has read in `taken` and gives the library nothing of it.

    What of a head is right is judged elsewhere: what is wrong with one request does not end all others.
    """

    def __init__(self, most_bytes: int) -> None:
        super().__init__(most_bytes)
        self.taken: Fields = ()

    def decode(self, data: bytes, raw: bool = False) -> Iterable[HeaderTuple]:
        """See Decoder. Errors: HPACKError."""
        try:
            self.taken = self._read(bytes(data))
        except IndexError as fault:
            raise HPACKDecodingError("the block ends inside a field") from fault
        return []

    def _read(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """The fields of a block. IndexError where it ends too soon."""
        table = self.header_table
        found: list[tuple[bytes, bytes]] = []
        size, most = 0, self.max_header_list_size
        at, end = 0, len(data)
        while at < end:
            first = data[at]
            if first & 0x80:
                index = first & 0x7F
                at += 1
                if index == 0x7F:
                    index, at = _more(data, at, 0x7F)
                pair = table.get_by_index(index)
            elif first & 0x60 == 0x20:
                if found:
                    raise HPACKDecodingError("the table's size changes after a field")
                resized, at = _integer(data, at, 0x1F)
                if resized > self.max_allowed_table_size:
                    raise HPACKDecodingError("the table is larger than it may be")
                self.header_table_size = resized
                continue
            else:
                index, at = _integer(data, at, 0x3F if first & 0x40 else 0x0F)
                if index:
                    name = table.get_by_index(index)[0]
                else:
                    name, at = _string(data, at)
                value, at = _string(data, at)
                pair = name, value
                if first & 0x40:
                    table.add(name, value)
            found.append(pair)
            size += len(pair[0]) + len(pair[1]) + 32
            if size > most:
                raise OversizedHeaderListError(f"the fields are longer than {most} bytes")
        self._assert_valid_table_size()
        return found


def _integer(data: bytes, at: int, mask: int) -> tuple[int, int]:
    """An integer that begins in the low bits of a byte, and where it ends (section 5.1)."""
    value = data[at] & mask
    return (value, at + 1) if value != mask else _more(data, at + 1, mask)


def _more(data: bytes, at: int, value: int) -> tuple[int, int]:
    """The bytes of an integer after its first."""
    shift = 0
    while True:
        byte = data[at]
        at += 1
        value += (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > _MOST_SHIFT:
            raise HPACKDecodingError("an integer has too many bytes")


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    """A string, and where it ends (section 5.2)."""
    coded = data[at] & 0x80
    length, at = _integer(data, at, 0x7F)
    after = at + length
    if after > len(data):
        raise HPACKDecodingError("the block ends inside a string")
    text = data[at:after]
    return (_text(text) if coded else text), after
