"""What a worker serves with: the observer, the shared counters, the traffic. Made here from its equipment."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from gwc.schema.table import GatewayRecord, LogRecord, RouteTable

from ..observe.access import AccessLog
from ..observe.observer import Observer
from ..observe.slab import Slab
from ..state.buckets import Buckets
from ..state.cells import Cells
from .channel import Body
from .serving import Serving
from .worker import AskGateway, Equipment, Equipped

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
        buckets=Buckets(settings["buckets"], settings["seat"]),
    )

    def committed(_: RouteTable) -> None:
        # What is served has references filled in, the table that came has not.
        assert serving.snapshot is not None
        observer.reconfigure(serving.snapshot.table.gateway[0])

    def recent(_: Body) -> Body:
        return {"recent": observer.recent()}

    def set_level(body: Body) -> Body:
        observer.set_level(body["level"])
        return {}

    form = AccessLog(LogRecord(None), f"worker-{equipment.slot}", lambda line: None)

    def active(body: Body) -> Body:
        now = time.time()
        records = sorted(serving.doors.records(), key=lambda record: record.began)
        told = [
            {**json.loads(form.json(each)), "duration_ms": round(max(now - each.began, 0.0) * 1000, 3)}
            for each in records[: body["limit"]]
        ]
        return {"active": told, "total": len(records)}

    def set_targets(body: Body) -> Body:
        disabled = [(upstream, address) for upstream, address in body["disabled"]]
        serving.upstreams.set_disabled(disabled, hang_up=body.get("hang_up", False))
        return {}

    def set_unhealthy(body: Body) -> Body:
        serving.upstreams.set_unhealthy((upstream, address) for upstream, address in body["targets"])
        return {}

    def watched(_: Body) -> Body:
        return {"upstreams": serving.upstreams.watched()}

    def connect(ask: AskGateway) -> None:
        async def told(name: str) -> tuple[str, bytes]:
            body = await ask({"kind": "builtin", "name": name})
            return str(body.get("type", "")), str(body.get("text", "")).encode()

        serving.ask = told

    return Equipped(
        serving,
        {
            "recent": recent,
            "log-level": set_level,
            "active": active,
            "targets": set_targets,
            "unhealthy": set_unhealthy,
            "watched": watched,
        },
        committed=committed,
        reopen=observer.reopen,
        tick=observer.tick,
        close=observer.close,
        connect=connect,
    )
