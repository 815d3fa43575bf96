"""What a row of the conformance tables says.

Owns the form. The gateway has one listener with default limits and one route that sends everything to one
upstream, which answers 200.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Label = Literal["MUST", "SHOULD", "policy"]
"""Who says so: an RFC's MUST, its SHOULD, or this gateway's own strictness."""


@dataclass(frozen=True)
class Row:
    """One client's bytes and what has to become of them.

    `verdicts`: the statuses of all replies, in order; any of the tuples will do. `closed`: whether the
    connection ends after them, None where both are right. `requests`: how many whole ones arrive at the
    upstream. `begun`: whether the beginning of one more may arrive, which is then broken off. `absent` and
    `present`: bytes that may not, and must, arrive there. `methods`: those of the requests that are answered,
    for reading the replies. `half_close`: the client ends its side after the last byte.
    """

    name: str
    label: Label
    data: bytes
    verdicts: tuple[tuple[int, ...], ...]
    closed: bool | None
    requests: int
    begun: bool = False
    absent: tuple[bytes, ...] = ()
    present: tuple[bytes, ...] = ()
    methods: tuple[bytes, ...] = (b"GET",)
    half_close: bool = False


def request(
    line: bytes | str = b"GET / HTTP/1.1",
    *fields: bytes | str,
    body: bytes = b"",
    host: bytes | None = b"a.test",
) -> bytes:
    """A request's bytes; `host` None leaves the field out. Text is latin-1."""
    lines = [_bytes(line)]
    if host is not None:
        lines.append(b"Host: " + host)
    lines += map(_bytes, fields)
    return b"".join(each + b"\r\n" for each in lines) + b"\r\n" + body


def _bytes(text: bytes | str) -> bytes:
    return text.encode("latin-1") if isinstance(text, str) else text


def served(
    name: str,
    label: Label,
    data: bytes,
    *,
    present: Iterable[bytes] = (),
    absent: Iterable[bytes] = (),
    method: bytes = b"GET",
    closed: bool | None = False,
    half_close: bool = False,
) -> Row:
    """A request that is forwarded, once and whole."""
    return Row(
        name, label, data, ((200,),), closed, 1, False, tuple(absent), tuple(present), (method,), half_close
    )


def refused(
    name: str,
    label: Label,
    data: bytes,
    *statuses: int,
    begun: bool = False,
    absent: Iterable[bytes] = (),
    method: bytes = b"GET",
    closed: bool | None = True,
    half_close: bool = False,
) -> Row:
    """A request that the gateway answers itself (400 unless said), ending the connection."""
    verdicts = tuple((status,) for status in statuses or (400,))
    return Row(name, label, data, verdicts, closed, 0, begun, tuple(absent), (), (method,), half_close)


def dropped(name: str, label: Label, data: bytes, *, begun: bool = False) -> Row:
    """A request that its client never ended: 400, 408 or nothing, and nothing whole arrives."""
    return Row(name, label, data, ((), (400,), (408,)), True, 0, begun, (), (), (b"GET",), True)
