"""Requests byte by byte: what is served, what is refused, and that no bytes become a second request.

Each row of `cases` is sent whole, followed by another request, byte by byte and split in two; the verdict is
the same every time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from .cases import framing, heads
from .cases.row import Row
from .harness import Gateway, gateway, until
from .raw import Outcome, converse, get
from .upstream import Seen, Upstream, upstream

ROWS = [
    replace(row, data=row.data.replace(b" / ", b" /begun ", 1)) if row.begun else row
    for row in (*framing.rows(), *heads.rows())
]
"""What may be broken off at the upstream has a path of its own: it may arrive there after its verdict."""
SHORT = 400
"""Bytes of a row that is sent byte by byte too."""
PAUSE_S = 0.002
"""Between two halves: long enough for the first to be read alone, as a rule."""
SHORT_PAUSE_S = 0.0004
"""Between two bytes of many."""
AT_ONCE = 40
"""Conversations."""
FOLLOWER = get("/follower")

CONFIG = """
listeners {{ listener "public" {{ address "%public%"; http2 {{ enabled #false }} }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{ route "all" {{ upstream "origin" }} }}
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server that everything goes to."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """The gateway in front of it."""
    with gateway(CONFIG.format(origin=origin.address)) as running:
        yield running


def test_there_are_enough_rows() -> None:
    """At least 220, each with a name of its own."""
    assert len(ROWS) >= 220
    assert len({row.name for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_verdict_is_the_same_however_it_arrives(served: Gateway, origin: Upstream, row: Row) -> None:
    """Whole, byte by byte and split at some places: one verdict, and nothing more at the upstream."""
    cuts = [[row.data]]
    if len(row.data) <= SHORT:
        cuts.append([row.data[at : at + 1] for at in range(len(row.data))])
        cuts += [_split(row.data, at) for at in _places(row.data)]
    else:
        cuts += [_split(row.data, at) for at in (1, len(row.data) // 2, len(row.data) - 1)]
    _judge(served, origin, row, cuts)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.closed is not None and not row.half_close], ids=lambda row: row.name
)
def test_what_follows_is_a_request_of_its_own_or_nothing(served: Gateway, origin: Upstream, row: Row) -> None:
    """A request behind a good one is answered as such; behind a bad one it never reaches the upstream."""
    mark = len(origin.requests)
    methods = (*row.methods, b"GET") if not row.closed else row.methods
    outcome = asyncio.run(converse(served.address(), [row.data + FOLLOWER], methods))
    wanted = row.verdicts if row.closed else tuple((*verdict, 200) for verdict in row.verdicts)
    assert (outcome.statuses in wanted, outcome.closed, outcome.fault) == (True, row.closed, ""), outcome
    _settle(origin, mark)
    followers = [seen for seen in origin.requests[mark:] if seen.path == "/follower"]
    assert len(followers) == (0 if row.closed else 1)
    assert not origin.faults


@pytest.mark.slow
@pytest.mark.parametrize("row", [row for row in ROWS if len(row.data) <= SHORT], ids=lambda row: row.name)
def test_the_verdict_is_the_same_split_anywhere(served: Gateway, origin: Upstream, row: Row) -> None:
    """Split at every offset: one verdict, and nothing more at the upstream."""
    _judge(served, origin, row, [_split(row.data, at) for at in range(1, len(row.data))])


def _split(data: bytes, at: int) -> list[bytes]:
    return [data[:at], data[at:]]


def _places(data: bytes) -> list[int]:
    """Where a reader is most likely to stumble: around line ends, and before the last byte."""
    places = {len(data) - 1}
    at = data.find(b"\r\n")
    places |= {at, at + 1}
    at = data.find(b"\r\n\r\n")
    places |= {at + 1, at + 2, at + 3, at + 4}
    return sorted(at for at in places if 0 < at < len(data))


def _judge(served: Gateway, origin: Upstream, row: Row, cuts: Sequence[list[bytes]]) -> None:
    """Send every cut of a row; hold each outcome, and what arrived, against the row."""
    mark = len(origin.requests)
    outcomes = asyncio.run(_all(served.address(), row, cuts))
    for pieces, outcome in zip(cuts, outcomes, strict=True):
        shown = f"{[len(piece) for piece in pieces][:9]} of {row.data[:200]!r}: {outcome}"
        assert not outcome.fault, shown
        assert outcome.statuses in row.verdicts, shown
        assert row.closed is None or outcome.closed == row.closed, shown
    _settle(origin, mark)
    arrived = [
        seen for seen in origin.requests[mark:] if row.begun or not (seen.cut and seen.path == "/begun")
    ]
    whole = [seen for seen in arrived if not seen.cut and seen.body is not None]
    assert not origin.faults
    if row.requests >= 0:
        assert len(whole) == row.requests * len(cuts), [bytes(seen.raw) for seen in whole]
    if not row.begun:
        assert len(arrived) == len(whole), [bytes(seen.raw) for seen in arrived]
    for seen in arrived:
        for unwanted in row.absent:
            assert unwanted.lower() not in bytes(seen.raw).lower()
    for wanted in row.present:
        assert sum(wanted in bytes(seen.raw) + (seen.body or b"") for seen in whole) >= len(cuts)


async def _all(address: tuple[str, int], row: Row, cuts: Sequence[list[bytes]]) -> list[Outcome]:
    room = asyncio.Semaphore(AT_ONCE)

    async def one(pieces: list[bytes]) -> Outcome:
        pause = PAUSE_S if len(pieces) == 2 else SHORT_PAUSE_S
        async with room:
            return await converse(address, pieces, row.methods, pause=pause, half_close=row.half_close)

    return await asyncio.gather(*map(one, cuts))


def _settle(origin: Upstream, mark: int) -> None:
    """Wait until every request that arrived has been answered or given up."""

    def settled() -> bool:
        rest: list[Seen] = origin.requests[mark:]
        return all(seen.over for seen in rest)

    until(settled, "a broken request is given up at the upstream too")
