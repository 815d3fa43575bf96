"""What the supervisor tells of itself: its error log and the metrics of reloads and workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gwc.schema.table import GatewayRecord, LogRecord
from gwc.schema.version import VERSION

from ..observe.observer import Observer
from ..secrets import SecretsMissing
from .sharing import Shared

if TYPE_CHECKING:
    from .reloads import Reload
    from .supervisor import Supervisor

Fill = Callable[[GatewayRecord], GatewayRecord]
"""Fills references in. Errors: SecretsMissing."""


def observer_of_supervisor(shared: Shared) -> Observer:
    """Errors go to stderr until a table says otherwise."""
    return Observer(_own(GatewayRecord()), shared.slabs[0], "supervisor")


def configure(observer: Observer, gateway: GatewayRecord, fill: Fill) -> None:
    """Log as a table says, its references filled in. There are no requests here to tell of."""
    try:
        observer.reconfigure(_own(fill(gateway)))
    except SecretsMissing as missing:  # it was there when the workers looked
        observer.error("error", "logs-unchanged", reason=str(missing))


def _own(gateway: GatewayRecord) -> GatewayRecord:
    return gateway._replace(access_log=LogRecord(None), tracing=None)


class Counting:
    """Keeps the supervisor's metrics up to date, in its own slab."""

    def __init__(self, shared: Shared, observer: Observer) -> None:
        self._slab = shared.slabs[0]
        self._observer = observer
        self._slab.put("gwc_build_info", 1, (VERSION,))

    def count(self, supervisor: Supervisor, reload: Reload | None) -> None:
        """After a reload, and about once a second (`reload` None)."""
        slab = self._slab
        if reload is None:
            self._observer.tick()
        else:
            slab.add("gwc_reloads_total", (reload.result,))
            slab.put("gwc_reload_last_result", 0 if reload.failed else 1)
            if not reload.failed:
                slab.put("gwc_reload_last_success_timestamp_seconds", reload.at)
        kept = supervisor.reloads.committed
        slab.put("gwc_generation", 0 if kept is None else kept.generation)
        slab.put("gwc_config_stale", int(supervisor.reloads.stale))
        slab.put("gwc_workers", len(supervisor.fleet.ready))
        leaving = {each.generation for each in supervisor.fleet.retiring}
        slab.put("gwc_live_generations", len(leaving | {0 if kept is None else kept.generation}))
