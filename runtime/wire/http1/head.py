"""The head of a request as bytes: where it ends, its line, its fields, and how its body is framed.

Owns what RFC 9112 sections 2 to 6 say of bytes; what method, target, Host and fields mean is judged by
`gwc.schema.normalise`. Every verdict is the same however the bytes were cut on their way.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from gwc.schema.request import RequestHead
from gwc.schema.table import ListenerLimits

from .body import CHUNKED

MAX_EMPTY_LINES: Final = 2
"""Empty lines before a request line that are passed over (RFC 9112 section 2.2)."""

_LINE = re.compile(rb"([0-9A-Za-z!#$%&'*+.^_`|~-]+) ([^\x00-\x20\x7f]+) HTTP/([0-9])\.([0-9])")
_MINORS: Final = {b"HTTP/1.1": 1, b"HTTP/1.0": 0}
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")
_BARE_SO_FAR = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_LENGTH = re.compile(r"[0-9]{1,19}")
_NO_TOKEN = re.compile(rb"[^0-9A-Za-z!#$%&'*+.^_`|~-]")


class Refused(NamedTuple):
    """Bytes that are no request: `reason` is a word of `observe.reasons`, `detail` says it to a person."""

    reason: str
    detail: str


class Line(NamedTuple):
    """A request's line and its fields as sent. `minor`: HTTP/1.`minor`."""

    method: bytes
    target: bytes
    minor: int
    fields: tuple[tuple[bytes, bytes], ...]


def judge_beginning(buffer: bytes, limits: ListenerLimits, judged: int = 0) -> Refused | None:
    """Why a head that has not ended can be refused already, None where it must be waited for.

    Says nothing that `read_head` would not say of the whole: a first byte that begins no method, a bare CR or
    LF, a line or a head that is longer than it may be. The first `judged` bytes have been judged before, so
    that a head that comes byte by byte costs no more than its length.
    """
    if buffer and _NO_TOKEN.match(buffer) and not buffer.startswith(b"\r"):
        return Refused("request-line", "the first byte begins no request")
    if _BARE_SO_FAR.search(buffer, max(judged - 1, 0)):
        return Refused("line-end", "a line of the head ends otherwise than in CRLF")
    if b"\r\n" not in buffer and len(buffer) > limits.target_bytes + 64:
        return Refused("line-length", f"the request line is longer than {limits.target_bytes} bytes")
    if len(buffer) > limits.head_bytes + limits.target_bytes + 64:
        return Refused("head-too-long", f"the head is longer than {limits.head_bytes} bytes")
    return None


def read_head(head: bytes, limits: ListenerLimits) -> Line | Refused:
    """The parts of a whole head, which stands here without its last CRLF CRLF."""
    lines = head.split(b"\r\n")
    line = lines.pop(0)
    parts = line.split(b" ")
    if (
        len(parts) != 3
        or not parts[0]
        or not parts[1]
        or parts[2] not in _MINORS
        or len(line) > limits.target_bytes + 64
        or len(head) > limits.head_bytes + limits.target_bytes + 64
        or _NO_TOKEN.match(head)
    ):
        return _why(head, line, limits)
    method, target, version = parts
    fields = []
    for each in lines:
        name, colon, value = each.partition(b":")
        if not colon or each[0] in b" \t":
            return _why(head, line, limits)
        fields.append((name, value))
    if head.count(b"\n") != len(lines) or head.count(b"\r") != len(lines):
        return _why(head, line, limits)
    # PERF: half the time of calling the class.
    return tuple.__new__(Line, (method, target, _MINORS[version], tuple(fields)))


def _why(head: bytes, line: bytes, limits: ListenerLimits) -> Refused:
    """The words for a head that cannot be read."""
    if _NO_TOKEN.match(head):
        return Refused("request-line", "the first byte begins no request")
    if _BARE.search(head):
        return Refused("line-end", "a line of the head ends otherwise than in CRLF")
    if len(line) > limits.target_bytes + 64:
        return Refused("line-length", f"the request line is longer than {limits.target_bytes} bytes")
    found = _LINE.fullmatch(line)
    if found is None and line.endswith((b" HTTP/1.1", b" HTTP/1.0")) and line.count(b" ") == 2:
        return Refused("request-line", "the method or the target holds what it may not")
    if found is None:
        return Refused("request-line", "the request line is not `method target HTTP/1.1`")
    if found[3] != b"1" or found[4] > b"1":
        return Refused("request-version", f"HTTP/{found[3].decode()}.{found[4].decode()} is not spoken here")
    if len(head) > limits.head_bytes + limits.target_bytes + 64:
        return Refused("head-too-long", f"the head is longer than {limits.head_bytes} bytes")
    if any(each[:1] in (b" ", b"\t") for each in head.split(b"\r\n")[1:]):
        return Refused("field-folded", "a field goes on in the next line")
    return Refused("field-line", "a line of the head is no field")


def body_length(head: RequestHead, minor: int) -> int | Refused:
    """How long the body of a normalised request is: bytes, CHUNKED, 0 for none (RFC 9112 section 6.3).

    Both ways of saying it, a length said twice, a coding other than `chunked` alone, or one in HTTP/1.0 are
    refused: whoever repaired them would read another message than the next one does.
    """
    headers = head.headers
    length = headers.get("content-length")
    coding = headers.get("transfer-encoding")
    if coding is None:
        if length is None:
            return 0
        if _LENGTH.fullmatch(length) is None:
            if "," in length:
                return Refused("length-repeated", "Content-Length is given more than once")
            return Refused("length-value", "Content-Length is not a number")
        return int(length)
    if length is not None:
        return Refused("length-and-coding", "both Content-Length and Transfer-Encoding are given")
    if not minor:
        return Refused("coding-version", "HTTP/1.0 has no Transfer-Encoding")
    if coding.isascii() and coding.lower() == "chunked":
        return CHUNKED
    if "," in coding and coding.lower().count("chunked") > 1:
        return Refused("coding-repeated", "Transfer-Encoding is given more than once")
    return Refused("coding-unknown", "a Transfer-Encoding other than `chunked` is not understood")
