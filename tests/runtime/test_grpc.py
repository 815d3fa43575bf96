"""Refusals in the words of gRPC."""

from __future__ import annotations

import pytest
from gwc.runtime.grpc import code_of, in_head, is_grpc
from gwc.runtime.own_replies import error_reply


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("application/grpc", True),
        ("Application/GRPC+json", True),
        ("application/grpc;x=y", True),
        ("application/grpc-web+proto", False),
        ("application/json", False),
        (None, False),
    ],
)
def test_who_speaks_it(kind: str | None, holds: bool) -> None:
    """By Content-Type, in whatever case; gRPC-Web is another thing."""
    assert is_grpc(kind) is holds


def test_a_refusal() -> None:
    """All in the head, with the fields that are not the body's."""
    reply, _ = error_reply(503, "id", "", reason="no-target")
    found, code = in_head(reply, "nicht möglich: 100%\n")
    assert (found.status, found.length, code) == (200, 0, 14)
    assert found.lines == [
        b"cache-control: no-store",
        b"retry-after: 1",
        b"x-gwc-reason: no-target",
        b"content-type: application/grpc",
        b"grpc-status: 14",
        b"grpc-message: nicht m%C3%B6glich: 100%25%0A",
    ]


def test_codes() -> None:
    """Those of the table, and UNKNOWN for what is not in it."""
    assert [code_of(status) for status in (400, 401, 403, 404, 413, 429, 502, 503, 504, 500, 418)] == [
        *(13, 16, 7, 12, 8, 8, 14, 14, 14, 2, 2)
    ]
