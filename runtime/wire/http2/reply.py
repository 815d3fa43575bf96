"""The fields of an upstream's reply in HTTP/2, judged as strictly as the bytes of one in HTTP/1.1.

Owns the pseudo field, names and values (RFC 9113 section 8.2 and 8.3), the length of the body, what never
passes, and the status of gRPC. Knows nothing of connections.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from ...own_replies import phrase
from ...reply import STAYS_HERE, Reply
from ..http1.body import CHUNKED
from ..http1.reply import MAX_FIELDS, BadReply

_STATUS = re.compile(rb"[1-5][0-9]{2}")
_NAME = re.compile(rb"[0-9a-z!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(rb"(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?")
_LENGTH = re.compile(rb"[0-9]{1,19}")
_GRPC_STATUS = re.compile(rb"[0-9]{1,3}")
_GRPC_TYPE = re.compile(rb"application/grpc(?:[+;].*)?", re.IGNORECASE)

_OF_CONNECTIONS: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
"""Fields that no message of HTTP/2 may have."""
_DROPPED: Final = frozenset((b"te", b"trailer", *STAYS_HERE))
_NO_TRAILERS: Final = frozenset((b"te", b"trailer", b"content-length", b"host", *STAYS_HERE))
_BODILESS: Final = frozenset((204, 304))

Header = tuple[bytes, bytes]


class Http2Reply(NamedTuple):
    """A reply's head. `length` is that of its body in bytes, or CHUNKED. `grpc_status` is there where a reply
    is all in its head.
    """

    reply: Reply
    length: int
    is_grpc: bool
    grpc_status: int | None


def read_status(headers: Iterable[Header]) -> int | BadReply:
    """The status of a head or an interim one: one pseudo field, before all others."""
    found = None
    named = False
    for name, value in headers:
        if name[:1] != b":":
            named = True
        elif name != b":status" or found is not None or named:
            return BadReply("reply-head", "the pseudo fields are not one `:status` before all others")
        else:
            found = value
    if found is None or _STATUS.fullmatch(found) is None:
        return BadReply("reply-head", "`:status` is not a number from 100 to 599")
    return int(found)


def read_reply(headers: list[Header], status: int, *, to_head: bool) -> Http2Reply | BadReply:
    """The parts of a final head. `to_head`: the request was a HEAD."""
    if len(headers) > MAX_FIELDS:
        return BadReply("reply-head", f"the reply has {len(headers)} fields; {MAX_FIELDS} are allowed")
    lines: list[bytes] = []
    length: bytes | None = None
    dated = events = is_grpc = False
    grpc_status = None
    for name, value in headers:
        if name[:1] == b":":
            continue
        fault = _fault(name, value)
        if fault is not None:
            return fault
        if name == b"content-length":
            if length is not None:
                return BadReply("reply-framing", "Content-Length is given more than once")
            length = value
            continue
        if name in _DROPPED:
            continue
        if name == b"content-type":
            events = events or value.lower().startswith(b"text/event-stream")
            is_grpc = is_grpc or _GRPC_TYPE.fullmatch(value) is not None
        elif name == b"date":
            dated = True
        elif name == b"grpc-status":
            grpc_status = _code(value)
        lines.append(b"%b: %b" % (name, value))
    said = None
    if length is not None:
        if _LENGTH.fullmatch(length) is None:
            return BadReply("reply-framing", "Content-Length is not a number")
        said = int(length)
    reply = Reply(status, phrase(status).encode("ascii"), lines, said, dated)
    reply.is_event_stream = events
    if to_head or status in _BODILESS:
        if status == 204:
            reply.length = None
        return Http2Reply(reply, 0, is_grpc, grpc_status)
    return Http2Reply(reply, CHUNKED if said is None else said, is_grpc, grpc_status)


def read_trailers(headers: list[Header]) -> tuple[list[Header], int | None] | BadReply:
    """The fields after the body that may pass, and the status of gRPC among them."""
    if len(headers) > MAX_FIELDS:
        return BadReply("reply-body", f"there are {len(headers)} trailers; {MAX_FIELDS} are allowed")
    kept: list[Header] = []
    status = None
    for name, value in headers:
        if _fault(name, value) is not None:
            return BadReply("reply-body", "a trailer is no field")
        if name in _NO_TRAILERS:
            continue
        if name == b"grpc-status":
            status = _code(value)
        kept.append((bytes(name), bytes(value)))
    return kept, status


def _fault(name: bytes, value: bytes) -> BadReply | None:
    """What is wrong with a field."""
    if _NAME.fullmatch(name) is None:
        return BadReply("reply-head", "the name of a field of the reply is no token in lower case")
    if _VALUE.fullmatch(value) is None:
        return BadReply("reply-head", "the value of a field of the reply holds what no value may")
    if name in _OF_CONNECTIONS:
        return BadReply("reply-head", "the reply has a field of a connection, which HTTP/2 has none of")
    return None


def _code(value: bytes) -> int | None:
    return int(value) if _GRPC_STATUS.fullmatch(value) is not None else None
