"""gRPC over HTTP/2: which requests are, and what a refusal of the gateway's own is to them.

Owns the codes that statuses of HTTP become (the table of gRPC's `http-grpc-status-mapping`, but for what a
limit refuses, which is RESOURCE_EXHAUSTED here) and the form of a reply that is all in its head. Whoever
speaks gRPC never looks at a body that is JSON.
"""

from __future__ import annotations

import re
from typing import Final

from .reply import Reply

_TYPE = re.compile(r"application/grpc(?:[+;].*)?", re.IGNORECASE | re.DOTALL)

INTERNAL: Final = 13
UNKNOWN: Final = 2

_CODES: Final = {
    400: INTERNAL,
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 12,  # UNIMPLEMENTED
    405: 12,
    413: 8,  # RESOURCE_EXHAUSTED
    429: 8,
    431: 8,
    499: 1,  # CANCELLED
    502: 14,  # UNAVAILABLE
    503: 14,
    504: 14,
}


def is_grpc(content_type: str | None) -> bool:
    """Whether a Content-Type is of gRPC; that of gRPC-Web is not."""
    return content_type is not None and _TYPE.fullmatch(content_type) is not None


def code_of(status: int) -> int:
    """What a status of HTTP is in gRPC."""
    return _CODES.get(status, UNKNOWN)


def in_head(reply: Reply, message: str) -> tuple[Reply, int]:
    """A refusal as a reply without a body (Trailers-Only), and its code. Its other fields stay."""
    code = code_of(reply.status)
    lines = [line for line in reply.lines if line.partition(b":")[0].lower() != b"content-type"]
    lines += [
        b"content-type: application/grpc",
        b"grpc-status: %d" % code,
        b"grpc-message: " + _encoded(message),
    ]
    return Reply(200, b"OK", lines, 0), code


def _encoded(message: str) -> bytes:
    """Text as `grpc-message` has it: printable ASCII, the rest as percent and two digits."""
    return b"".join(
        bytes((byte,)) if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte
        for byte in message.encode("utf-8", "replace")
    )
