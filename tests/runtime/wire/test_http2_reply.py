"""What is a reply's head in HTTP/2, and what of it passes."""

from __future__ import annotations

import pytest
from gwc.runtime.wire.http1.body import CHUNKED
from gwc.runtime.wire.http1.reply import BadReply
from gwc.runtime.wire.http2.reply import Header, Http2Reply, read_reply, read_status, read_trailers


def read(*fields: Header, status: int = 200, to_head: bool = False) -> Http2Reply:
    """A head that is one."""
    found = read_reply(list(fields), status, to_head=to_head)
    assert isinstance(found, Http2Reply)
    return found


def test_what_passes() -> None:
    """Fields in their order, repeated ones too; what is the gateway's own to say does not."""
    found = read((b"a", b"1"), (b"trailer", b"x"), (b"te", b"x"), (b"x-correlation-id", b"x"), (b"a", b"2"))
    assert found.reply.lines == [b"a: 1", b"a: 2"]
    assert (found.length, found.reply.length, found.is_grpc) == (CHUNKED, None, False)


@pytest.mark.parametrize(
    ("status", "to_head", "said", "length"),
    [(200, False, 5, 5), (200, True, 5, 0), (304, False, 5, 0), (204, False, None, 0)],
)
def test_lengths(status: int, to_head: bool, said: int | None, length: int) -> None:
    """What is said to the client, and how much is to come: HEAD, 204 and 304 have no body."""
    found = read((b"content-length", b"5"), status=status, to_head=to_head)
    assert (found.reply.length, found.length) == (said, length)


@pytest.mark.parametrize(
    ("kind", "is_grpc"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"application/grpc; charset=x", True),
        (b"application/grpc-web", False),
        (b"text/application/grpc", False),
    ],
)
def test_what_is_grpc(kind: bytes, is_grpc: bool) -> None:
    """By its type, gRPC-Web not; a status in the head counts where it is a number."""
    found = read((b"content-type", kind), (b"grpc-status", b"7"))
    assert (found.is_grpc, found.grpc_status) == (is_grpc, 7)
    assert read((b"content-type", kind), (b"grpc-status", b"-1")).grpc_status is None


def test_an_event_stream() -> None:
    """It has no end to wait for."""
    assert read((b"content-type", b"text/event-stream; charset=utf-8")).reply.is_event_stream


@pytest.mark.parametrize(
    "fields",
    [
        [],
        [(b":status", b"")],
        [(b":status", b"099")],
        [(b":status", b"2000")],
        [(b":status", b" 200")],
        [(b":status", "²00".encode())],
        [(b":status", b"200"), (b":status", b"200")],
        [(b"a", b"1"), (b":status", b"200")],
        [(b":status", b"200"), (b":authority", b"a")],
    ],
)
def test_no_status(fields: list[Header]) -> None:
    """One pseudo field, three digits, before all others."""
    assert isinstance(read_status(fields), BadReply)
    assert read_status([(b":status", b"200"), (b"a", b"1")]) == 200


def test_trailers() -> None:
    """Fields, without those that say what the message is; a pseudo field is none of them."""
    assert read_trailers([(b"grpc-status", b"5"), (b"content-length", b"1"), (b"x-bin", b"AA")]) == (
        [(b"grpc-status", b"5"), (b"x-bin", b"AA")],
        5,
    )
    for name, value in ((b":status", b"200"), (b"A", b"1"), (b"connection", b"x"), (b"a", b"x\ny")):
        assert isinstance(read_trailers([(name, value)]), BadReply)
