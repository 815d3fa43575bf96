"""What a worker serves with: the observer, the shared counters, the traffic. Made here from its equipment."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gwc.schema.table import GatewayRecord, LogRecord, RouteTable

from ..observe.observer import Observer
from ..observe.slab import Slab
from ..state.cells import Cells
from .channel import Body
from .serving import Serving
from .worker import Equipment, Equipped

_BEFORE: GatewayRecord = GatewayRecord(access_log=LogRecord(None), audit_log=LogRecord(None))
"""What is logged before there is a table: errors alone."""


def make_serving(loop: asyncio.AbstractEventLoop, equipment: Equipment) -> Equipped:
    """What one worker works with."""
    settings = equipment.settings
    observer = Observer(_BEFORE, Slab(settings["slab"]), f"worker-{equipment.slot}")
    serving = Serving(
        loop,
        observer,
        Cells.attach(settings["cells"], settings["seat"]),
        root=Path(settings["root"]),
    )

    def committed(table: RouteTable) -> None:
        observer.reconfigure(table.gateway[0])

    def recent(_: Body) -> Body:
        return {"recent": observer.recent()}

    def set_level(body: Body) -> Body:
        observer.set_level(body["level"])
        return {}

    return Equipped(
        serving,
        {"recent": recent, "log-level": set_level},
        committed=committed,
        reopen=observer.reopen,
        tick=observer.tick,
        close=observer.close,
    )
