"""Fields of HTTP/2: a request's become what HTTP/1.1 has, a reply's become a block of bytes.

Owns the rules that HTTP/2 adds for fields (RFC 9113 section 8), and HPACK as this gateway writes it (RFC
7541): literal fields that leave no trace, so that what a line becomes is the same on every connection and is
worked out once. What names and values mean is judged by `gwc.schema.normalise`, as for HTTP/1.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

from hpack import Encoder
from hpack.table import HeaderTable

Fields = Sequence[tuple[bytes, bytes]]

_NAME = re.compile(rb"[0-9a-z!#$%&'*+.^_`|~-]+")
_ENDS: Final = b" \t"
_EDGES: Final = (b" ", b"\t")
_BREAKS = re.compile(rb"[\x00\r\n]")
_PSEUDO: Final = frozenset((b":method", b":scheme", b":path", b":authority", b":protocol"))
_OF_A_CONNECTION: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
_NEVER_SENT: Final = _OF_A_CONNECTION | {b"te"}

_OVERHEAD: Final = 32
"""What a field counts beside its bytes (RFC 9113 section 10.5.1)."""


class Malformed(NamedTuple):
    """A head that is none in HTTP/2: its stream is reset. `detail` says it to a person."""

    detail: str


class Parts(NamedTuple):
    """A request's head apart. `authority` and `protocol` are None where they are not given."""

    method: bytes
    path: bytes
    authority: bytes | None
    protocol: bytes | None
    fields: tuple[tuple[bytes, bytes], ...]


_FINE, _WRONG, _TE, _COOKIE = range(4)


# PERF: the same names come again and again.
@lru_cache(maxsize=1024)
def _kind(name: bytes) -> int:
    """What a field's name asks for."""
    if _NAME.fullmatch(name) is None or name in _OF_A_CONNECTION:
        return _WRONG
    return {b"te": _TE, b"cookie": _COOKIE}.get(name, _FINE)


def list_size(fields: Fields) -> int:
    """How long a list of fields counts (RFC 9113 section 10.5.1)."""
    return len(b"".join(chain.from_iterable(fields))) + _OVERHEAD * len(fields)


def read_request(fields: Fields) -> Parts | Malformed:
    """A request's head: pseudo fields first and once each, names in lower case, none of a connection.

    Crumbs of Cookie are one field again (section 8.2.3).
    """
    pseudo: dict[bytes, bytes] = {}
    kept: list[tuple[bytes, bytes]] = []
    crumbs: list[bytes] = []
    at = 0
    for name, value in fields:
        if name[:1] == b":":
            if kept:
                return Malformed("a pseudo field follows a field")
            if name not in _PSEUDO:
                return Malformed("there is an unknown pseudo field")
            if name in pseudo:
                return Malformed(f"`{name.decode()}` is given more than once")
            pseudo[name] = value
        else:
            kind = _kind(name)
            if kind:
                if kind == _WRONG:
                    return Malformed("a field's name has upper case, is no token or belongs to a connection")
                if kind == _TE and value != b"trailers":
                    return Malformed("`te` is other than `trailers`")
                if kind == _COOKIE:
                    if not crumbs:
                        at = len(kept)
                    crumbs.append(value)
            if kind != _COOKIE or len(crumbs) == 1:
                kept.append((name, value))
        if value[:1] in _EDGES or value[-1:] in _EDGES or _BREAKS.search(value):
            return Malformed("a value begins or ends with white space, or holds a NUL, CR or LF")
    if len(crumbs) > 1:
        kept[at] = (b"cookie", b"; ".join(crumbs))
    method = pseudo.get(b":method", b"")
    if not method:
        return Malformed("`:method` is missing")
    protocol = pseudo.get(b":protocol")
    if protocol is not None and method != b"CONNECT":
        return Malformed("`:protocol` stands beside another method than CONNECT")
    if method != b"CONNECT" or protocol is not None:
        if not pseudo.get(b":scheme"):
            return Malformed("`:scheme` is missing")
        if not pseudo.get(b":path"):
            return Malformed("`:path` is missing")
    elif b":scheme" in pseudo or b":path" in pseudo:
        return Malformed("CONNECT has a `:scheme` or a `:path`")
    return Parts(method, pseudo.get(b":path", b""), pseudo.get(b":authority"), protocol, tuple(kept))


def read_trailers(fields: Fields) -> list[tuple[bytes, bytes]] | Malformed:
    """Fields after a body: no pseudo fields, none of a connection."""
    for name, value in fields:
        if _kind(name) in (_WRONG, _TE):
            return Malformed("a trailer's name has upper case, is no token or belongs to a connection")
        if _BREAKS.search(value) or value != value.strip(_ENDS):
            return Malformed("a value begins or ends with white space, or holds a NUL, CR or LF")
    return [(name, value) for name, value in fields]


class HeadEncoder(Encoder):
    """Passes on blocks that are encoded already, as `block_of` makes them.

    Mutable: `_resized`, whether the client's table must be told to be empty first (RFC 7541 section 4.2).
    """

    def __init__(self) -> None:
        self._resized = False

    @property
    def header_table_size(self) -> int:
        """Always empty."""
        return 0

    @header_table_size.setter
    def header_table_size(self, value: int) -> None:
        self._resized = True

    def encode(self, headers: Any, huffman: bool = True) -> bytes:
        """The last value of `headers`, which is a block."""
        *_, (_, block) = headers
        if self._resized:
            self._resized = False
            return b"\x20" + bytes(block)
        return bytes(block)


_INDEXES: Final = {
    name: number for number, (name, _) in reversed(list(enumerate(HeaderTable.STATIC_TABLE, 1)))
}
_STATUSES: Final = {
    value: bytes((0x80 | number,))
    for number, (name, value) in enumerate(HeaderTable.STATIC_TABLE, 1)
    if name == b":status"
}


_SECRETS: Final = frozenset((b"set-cookie", b"cookie", b"authorization"))


def _integer(value: int, first: int, bits: int) -> bytes:
    """An integer in the low `bits` of a byte and as many more as it needs (RFC 7541 section 5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes((first | value,))
    value -= most
    written = bytearray((first | most,))
    while value >= 128:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def field(name: bytes, value: bytes) -> bytes:
    """One field, literal, without a trace in the table; secrets so that nobody on the way indexes them."""
    first = 0x10 if name in _SECRETS else 0x00
    index = _INDEXES.get(name)
    if index is None:
        start = bytes((first,)) + _integer(len(name), 0, 7) + name
    else:
        start = _integer(index, first, 4)
    return start + _integer(len(value), 0, 7) + value


def request_block(fields: Iterable[tuple[str, str]], scheme: bytes) -> bytes:
    """The head of a request to a target; pseudo fields come first there."""
    parts = [field(b":scheme", scheme)]
    for name, value in fields:
        if len(value) > 64 or name in _CHANGING:
            parts.append(field(name.encode("latin-1"), value.encode("latin-1")))
        else:
            parts.append(_known_field(name, value))
    return b"".join(parts)


# PERF: most of what one request says the next one says too; at most 2048 of 64 characters are kept.
@lru_cache(maxsize=2048)
def _known_field(name: str, value: str) -> bytes:
    return field(name.encode("latin-1"), value.encode("latin-1"))


_CHANGING: Final = frozenset(
    ("authorization", "cookie", "x-correlation-id", "traceparent", ":path", "content-length")
)
"""Values that are secrets, or that no other request has."""


def status_field(status: int) -> bytes:
    """The `:status` of a reply."""
    digits = b"%d" % status
    return _STATUSES.get(digits) or field(b":status", digits)


def line_field(line: bytes) -> bytes:
    """A line of a `Reply`; nothing for what belongs to a connection."""
    if len(line) > 128 or line.startswith(b"x-correlation-id:"):
        return _line_field(line)
    return _known_line(line)


def _line_field(line: bytes) -> bytes:
    name, _, value = line.partition(b":")
    name = name.lower()
    if name in _NEVER_SENT:
        return b""
    return field(name, value.strip(_ENDS))


# PERF: targets send the same lines over and over; at most 2048 of 128 bytes are kept.
_known_line = lru_cache(maxsize=2048)(_line_field)


def trailer_block(trailers: Fields) -> bytes:
    """Fields after a body."""
    return b"".join(field(name.lower(), value) for name, value in trailers if name.lower() not in _NEVER_SENT)
