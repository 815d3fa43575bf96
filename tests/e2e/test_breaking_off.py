"""Requests that end while their way to the upstream is still being made: nothing stays counted or open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from .harness import Gateway, gateway, until
from .raw import Client, Outcome, ask, converse, get
from .upstream import Upstream, upstream

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
metrics {{ address "%metrics%" }}
upstreams {{ upstream "few" {{ target "{origin}"; connections {{ max 50; pending-timeout "500ms" }} }} }}
routes {{ route "all" {{ reasons #true; upstream "few" }} }}
"""


@pytest.fixture
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture
def served(origin: Upstream) -> Iterator[Gateway]:
    """A gateway that may make fifty connections."""
    with gateway(CONFIG.format(origin=origin.address)) as running:
        yield running


@pytest.mark.parametrize("pause", [0.0, 0.0005, 0.001, 0.002])
def test_requests_that_break_off_early_leave_no_connection_counted(
    served: Gateway, origin: Upstream, pause: float
) -> None:
    """Many at once, refused while their connection is being made: the upstream is as free as before."""
    data = get("/x/broken", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhello!\r\n"

    async def all_of_them() -> list[Outcome]:
        room = asyncio.Semaphore(40)

        async def one() -> Outcome:
            async with room:
                return await converse(served.address(), [data[:-9], data[-9:]], [b"POST"], pause=pause)

        return await asyncio.gather(*[one() for _ in range(200)])

    assert {outcome.statuses for outcome in asyncio.run(all_of_them())} == {(400,)}
    reply = ask(served.address(), get("/x/after"))
    assert (reply.status, reply.value("x-gwc-reason")) == (200, None)
    until(lambda: served.metric("gwc_upstream_connections") == origin.open_connections(), "all are counted")
    assert origin.open_connections() <= 50
    assert served.metric("gwc_in_flight") == 0


def test_clients_that_reset_early_leave_no_connection_counted(served: Gateway, origin: Upstream) -> None:
    """Two hundred clients that ask and are gone at once: the upstream is as free as before."""
    for _ in range(200):
        client = Client(served.address())
        client.send(get("/x"))
        client.reset()
    reply = ask(served.address(), get("/x/after"))
    assert (reply.status, reply.value("x-gwc-reason")) == (200, None)
    until(lambda: served.metric("gwc_in_flight") == 0, "no request is in flight")
    until(lambda: served.metric("gwc_upstream_connections") == origin.open_connections(), "all are counted")
