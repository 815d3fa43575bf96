"""What a worker serves with: the observer, the shared counters, the traffic. Made here from its equipment."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from gwc.schema.table import LogRecord

from ..observe.errors import ErrorLog
from ..observe.observing import Silent
from ..observe.writer import Sink
from ..state.cells import Cells
from .serving import Serving
from .worker import Answering, Equipment, Served


class ErrorsOnly(Silent):
    """Tells what goes wrong, on stderr."""

    def __init__(self, instance: str) -> None:
        self._log = ErrorLog(LogRecord("stderr"), instance, Sink("stderr").write)

    def error(self, level: str, event: str, **fields: object) -> None:
        """See Observing."""
        self._log.tell(level, event, fields)


def make_serving(
    loop: asyncio.AbstractEventLoop, equipment: Equipment
) -> tuple[Served, Mapping[str, Answering]]:
    """The serving of one worker, and what else may be asked of it."""
    settings = equipment.settings
    cells = Cells.attach(settings["cells"], settings["seat"])
    observer = ErrorsOnly(f"worker-{equipment.slot}")
    return Serving(loop, observer, cells, root=Path(settings["root"])), {}
