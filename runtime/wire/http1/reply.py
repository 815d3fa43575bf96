"""The head of an upstream's reply as bytes, judged as strictly as a request's.

Owns the status line, the fields, the framing of the body (RFC 9112 section 6.3) and which fields never pass
(RFC 9110 section 7.6.1). Knows nothing of connections.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ...reply import STAYS_HERE, Reply
from .body import CHUNKED, UNTIL_CLOSE

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_FIELDS: Final = 200
MAX_INTERIM: Final = 32
"""Interim replies before the final one."""

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_TOKEN = re.compile(rb"[0-9A-Za-z!#$%&'*+.^_`|~-]+")
_LENGTH = re.compile(rb"[0-9]{1,19}")
_CONTROLS = bytes(code for code in range(0x20) if code != 0x09) + b"\x7f"

_PASSES, _DATE, _LENGTH_FIELD, _CODING, _CONNECTION, _TYPE, _DROPPED, _NO_TOKEN = range(8)
_KINDS = {
    b"date": _DATE,
    b"content-length": _LENGTH_FIELD,
    b"transfer-encoding": _CODING,
    b"connection": _CONNECTION,
    b"content-type": _TYPE,
    b"keep-alive": _DROPPED,
    b"proxy-connection": _DROPPED,
    b"te": _DROPPED,
    b"trailer": _DROPPED,
    b"upgrade": _DROPPED,
    **dict.fromkeys(STAYS_HERE, _DROPPED),
}


class BadReply(NamedTuple):
    """Bytes that are no reply: `reason` is a word of `observe.reasons`, `detail` says it to a person."""

    reason: str
    detail: str


class ReplyHead(NamedTuple):
    """A reply's head. `length` is that of its body in bytes, CHUNKED or UNTIL_CLOSE; `reusable`: the
    connection may serve another request once the body has ended.
    """

    reply: Reply
    length: int
    reusable: bool


# Targets send the same lines over and over, a Date for a second: what becomes of each is kept, with the value
# where that counts. At most 2048 lines of 128 bytes, then it begins anew; the same of status lines.
_KNOWN: dict[bytes, tuple[int, bytes]] = {}
_STATUSES: dict[bytes, tuple[bool, int, bytes]] = {}
_MOST_KNOWN: Final = 2048
_LONGEST_KNOWN: Final = 128

_BAD_LINE = (_NO_TOKEN, b"")


def _read_line(line: bytes) -> tuple[int, bytes]:
    """What becomes of a line of the head, and its value; _NO_TOKEN where it is no field."""
    name, colon, value = line.partition(b":")
    if not colon or not _TOKEN.fullmatch(name) or len(line.translate(None, _CONTROLS)) != len(line):
        return _BAD_LINE
    read = _KINDS.get(name.lower(), _PASSES), value.strip(b" \t").lower()
    if len(line) <= _LONGEST_KNOWN:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[line] = read
    return read


def _read_status(line: bytes) -> tuple[bool, int, bytes] | None:
    """(HTTP/1.1 rather than 1.0, status, reason) of a status line."""
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        return None
    read = found[1] == b"1", int(found[2]), found[3] or b""
    if len(line) <= _LONGEST_KNOWN:
        if len(_STATUSES) >= _MOST_KNOWN:
            _STATUSES.clear()
        _STATUSES[line] = read
    return read


def read_reply(head: bytes, *, to_head: bool) -> ReplyHead | BadReply:
    """The parts of a whole head, without its last CRLF CRLF. `to_head`: the request was a HEAD."""
    lines = head.split(b"\r\n")
    line = lines.pop(0)
    read = _STATUSES.get(line) or _read_status(line)
    if read is None:
        return BadReply("reply-head", "the status line is not `HTTP/1.1 status reason`")
    if len(lines) > MAX_FIELDS:
        return BadReply("reply-head", f"the reply has {len(lines)} fields; {MAX_FIELDS} are allowed")
    newer, status, reason = read
    kept: list[bytes] = []
    length: bytes | None = None
    coding: bytes | None = None
    connection = b""
    dated = events = False
    known = _KNOWN.get
    for each in lines:
        kind, value = known(each) or _read_line(each)
        if kind == _PASSES:
            kept.append(each)
        elif kind == _TYPE:
            events = events or value.startswith(b"text/event-stream")
            kept.append(each)
        elif kind == _DATE:
            dated = True
            kept.append(each)
        elif kind == _LENGTH_FIELD:
            if length is not None:
                return BadReply("reply-framing", "Content-Length is given more than once")
            length = value
        elif kind == _CODING:
            if coding is not None:
                return BadReply("reply-framing", "Transfer-Encoding is given more than once")
            coding = value
        elif kind == _CONNECTION:
            connection += b"," + value
        elif kind == _NO_TOKEN:
            return BadReply("reply-head", "a line of the reply's head is no field")
    reusable = newer
    if connection:
        named = {each.strip(b" \t") for each in connection.split(b",")}
        if b"close" in named:
            reusable = False
        elif b"keep-alive" in named and coding is None:
            reusable = True
        named -= {b"", b"close", b"keep-alive"}
        if named:
            kept = [each for each in kept if each.partition(b":")[0].lower() not in named]
    said = None
    if length is not None:
        if coding is not None:
            return BadReply("reply-framing", "both Content-Length and a coding are given")
        if _LENGTH.fullmatch(length) is None:
            return BadReply("reply-framing", "Content-Length is not a number")
        said = int(length)
    elif coding is not None and (coding != b"chunked" or not newer):
        return BadReply("reply-framing", "a Transfer-Encoding other than `chunked` is not understood")
    reply = Reply(status, reason, kept, said, dated)
    if events:
        reply.is_event_stream = True
    if to_head or status in _BODILESS:
        if status == 204 or status < 200:
            reply.length = None
        return ReplyHead(reply, 0, reusable)
    if coding is not None:
        return ReplyHead(reply, CHUNKED, reusable)
    if said is None:
        return ReplyHead(reply, UNTIL_CLOSE, False)
    # PERF: half the time of calling the class.
    return tuple.__new__(ReplyHead, (reply, said, reusable))


_BODILESS: Final = frozenset((204, 304, *range(100, 200)))
"""Statuses whose replies have no body, whatever they say (RFC 9112 section 6.3)."""
