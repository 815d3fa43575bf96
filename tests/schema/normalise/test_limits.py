"""A listener's limits of a request's head: the same answer whoever asks."""

from __future__ import annotations

import pytest
from gwc.schema.listener import ListenerLimits, ListenerSettings
from gwc.schema.normalise import normalise
from gwc.schema.request import RawRequest, Rejection, RequestHead

SMALL = ListenerLimits(target_bytes=300, fields=3, field_bytes=400, head_bytes=600)
LARGE = ListenerLimits(target_bytes=20_000, fields=500, field_bytes=100_000, head_bytes=200_000)


def judged(limits: ListenerLimits, target: bytes = b"/", *fields: tuple[bytes, bytes]) -> str:
    """The reason of a refusal, or nothing, of a request that comes in by a listener with these limits."""
    entry = (
        ListenerSettings("a", ("127.0.0.1:80",), hosts=("a.test",), limits=limits),
        ListenerSettings("b", ("127.0.0.1:80",), limits=limits),
    )
    found = normalise(RawRequest(b"GET", target, fields=((b"host", b"b.test"), *fields)), entry)
    return found.reason if isinstance(found, Rejection) else ""


@pytest.mark.parametrize(
    ("limits", "length", "reason"),
    [(SMALL, 300, ""), (SMALL, 301, "target-length"), (LARGE, 20_000, ""), (LARGE, 20_001, "target-length")],
)
def test_targets(limits: ListenerLimits, length: int, reason: str) -> None:
    """The last byte that may pass, and the first that may not."""
    assert judged(limits, b"/" * 1 + b"a" * (length - 1)) == reason


@pytest.mark.parametrize(("more", "reason"), [(2, ""), (3, "fields-count")])
def test_numbers_of_fields(more: int, reason: str) -> None:
    """Host counts."""
    assert judged(SMALL, b"/", *[(b"x", b"1")] * more) == reason


@pytest.mark.parametrize(
    ("limits", "length", "reason"),
    [(SMALL, 400, ""), (SMALL, 401, "field-length"), (LARGE, 100_000, ""), (LARGE, 100_001, "field-length")],
)
def test_fields(limits: ListenerLimits, length: int, reason: str) -> None:
    """Name and value together."""
    assert judged(limits, b"/", (b"x", b"y" * (length - 1))) == reason


def test_heads() -> None:
    """All fields together, also where each may pass, and where one field alone may be longer than a head."""
    wide = (b"x", b"y" * 299)
    assert judged(SMALL, b"/", wide) == ""
    assert judged(SMALL, b"/", wide, wide) == "head-length"
    assert judged(ListenerLimits(field_bytes=9000, head_bytes=500), b"/", (b"x", b"y" * 600)) == "head-length"


def test_no_listener() -> None:
    """Where nothing listens the usual limits hold, and nothing is raised."""
    found = normalise(RawRequest(b"GET", b"/", fields=((b"host", b"a"),)), ())
    assert isinstance(found, Rejection)
    assert found.reason == "listener-none"


def test_usual_limits() -> None:
    """A listener that says nothing has them."""
    entry = (ListenerSettings("a", ("127.0.0.1:80",)),)
    fields = ((b"host", b"a"), *[(b"x", b"1")] * 99)
    assert isinstance(normalise(RawRequest(b"GET", b"/" + b"a" * 8191, fields=fields), entry), RequestHead)
