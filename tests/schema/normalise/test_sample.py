"""The number by which shares of requests are taken."""

from __future__ import annotations

import random

import pytest
from gwc.schema.normalise.sample import SAMPLES, sample_of, trace_id_of
from hypothesis import given
from hypothesis import strategies as st

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


def test_fixed_function() -> None:
    """Sentence (5): u is one number in [0, 1 000 000) per request, a fixed hash of the trace id."""
    assert sample_of(b"\0" * 16) == 924_732
    assert sample_of(bytes.fromhex(TRACE)) == sample_of(bytes.fromhex(TRACE))


@given(st.binary(max_size=40))
def test_range(trace_id: bytes) -> None:
    """Any bytes give a number of the range."""
    assert 0 <= sample_of(trace_id) < SAMPLES


@pytest.mark.parametrize("share", [10_000, 100_000, 500_000])
@pytest.mark.parametrize("ids", ["random", "counting", "counting high", "timestamps"])
def test_shares_are_fair(share: int, ids: str) -> None:
    """A share takes that part of the requests, also of those whose ids only count upwards."""
    dice = random.Random(7)
    number = 20_000
    made = {
        "random": (dice.randbytes(16) for _ in range(number)),
        "counting": (n.to_bytes(16, "big") for n in range(number)),
        "counting high": (n.to_bytes(8, "big") + b"\1" * 8 for n in range(number)),
        "timestamps": (
            (1_700_000_000 + n // 50).to_bytes(4, "big") + dice.randbytes(12) for n in range(number)
        ),
    }[ids]
    taken = sum(sample_of(trace_id) < share for trace_id in made) / number
    assert taken == pytest.approx(share / SAMPLES, rel=0.1)


@pytest.mark.parametrize(
    "field", [f"00-{TRACE}-{PARENT}-01", f"cc-{TRACE}-{PARENT}-01", f"cc-{TRACE}-{PARENT}-01-x y"]
)
def test_traceparent(field: str) -> None:
    """The trace id of a W3C `traceparent` is its second part, also of a later version."""
    assert trace_id_of(field) == bytes.fromhex(TRACE)


@pytest.mark.parametrize(
    "field",
    [
        "",
        TRACE,
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{PARENT}-01-x",
        f"00-{TRACE}-{PARENT}",
        f"cc-{TRACE}-{PARENT}-01x",
        f"00-{TRACE}-{PARENT}-01\n",
        f"00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01",
        f"0g-{TRACE}-{PARENT}-01",
    ],
)
def test_no_traceparent(field: str) -> None:
    """A field that is not exactly one `traceparent` names no trace."""
    assert trace_id_of(field) is None
