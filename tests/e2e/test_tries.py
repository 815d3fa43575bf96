"""Another target is tried where one cannot be reached, and never the same one again."""

from __future__ import annotations

import pytest

from .harness import gateway
from .raw import ask, get
from .upstream import nobody, upstream

CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{ upstream "both" {{ target "{dead}" weight=5; target "{alive}" weight=1 }} }}
routes {{ route "all" {{ reasons #true; upstream "both" }} }}
"""


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_dead_target_costs_no_request(method: str) -> None:
    """However much heavier it is: nothing was sent to it, so any method may go elsewhere."""
    with (
        upstream() as origin,
        nobody() as dead,
        gateway(CONFIG.format(dead=dead, alive=origin.address)) as served,
    ):
        for number in range(12):
            reply = ask(
                served.address(), get(f"/{number}", "Content-Length: 0", method=method), method.encode()
            )
            assert reply.status == 200, reply.value("x-gwc-reason")
        line = served.access_line("/0")
        assert line["target"] == origin.address
        assert line["attempts"] in (1, 2)
