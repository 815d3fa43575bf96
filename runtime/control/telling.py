"""The supervisor's error log: where it goes follows the table that is served."""

from __future__ import annotations

from gwc.schema.table import LogRecord

from ..observe.errors import ErrorLog
from ..observe.writer import Sink

_FIRST = LogRecord("stderr")


class Telling:
    """`tell` may be called before there is a table; until then lines go to stderr. Mutable: log and sink."""

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._record: LogRecord | None = None
        self._sink: Sink | None = None
        self._log: ErrorLog | None = None
        self.configure(_FIRST)

    def tell(self, level: str, event: str, **fields: object) -> None:
        """Write a line."""
        if self._log is not None:
            self._log.tell(level, event, fields)

    def configure(self, record: LogRecord) -> None:
        """Write as this says from now on."""
        if record == self._record:
            return
        before, self._record = self._sink, record
        self._sink = None if record.path is None else Sink(record.path)
        self._log = None if self._sink is None else ErrorLog(record, self._instance, self._sink.write)
        if before is not None:
            before.close()

    def reopen(self) -> None:
        """Open the file anew."""
        if self._sink is not None:
            self._sink.reopen()

    def close(self) -> None:
        """Write what is waiting."""
        if self._sink is not None:
            self._sink.close()
