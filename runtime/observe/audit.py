"""The audit log: one line for each refusal and each change made through the admin API.

Owns the form of a line, and that a flood of refusals does not become a flood of lines: of one client and one
reason the first few in a window are told, the others counted, and the count is told. Admin changes are
always told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from gwc.schema.table import LogRecord

from .errors import json_line, plain, text_line
from .masking import MASK, is_secret, masked_path
from .record import RequestRecord
from .timestamp import Clock

WINDOW_S: Final = 60.0
TOLD_IN_WINDOW: Final = 10
_CLIENTS_KEPT: Final = 4096
_LONGEST: Final = 512


class _Window:
    """What came of one client for one reason since `began`. Mutable: the counts."""

    __slots__ = ("began", "left_out", "listener", "told")

    def __init__(self, began: float, listener: str) -> None:
        self.began = began
        self.listener = listener
        self.told = 0
        self.left_out = 0


class AuditLog:
    """Turns refusals and changes into lines. Not to be shared by threads.

    `now` is a clock that never goes back. Mutable: the windows, oldest first.
    """

    def __init__(
        self,
        log: LogRecord,
        instance: str,
        write: Callable[[bytes], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._form = json_line if log.format == "json" else text_line
        self._instance = instance
        self._write = write
        self._now = now
        self._clock = Clock()
        self._windows: dict[tuple[str, str], _Window] = {}

    def refused_request(self, record: RequestRecord) -> None:
        """A request was turned away. The rule is what the refusal says of itself."""
        if self._to_tell(record.reason, record.client_ip, record.listener):
            self._refusal(
                record.reason,
                record.detail,
                record.client_ip,
                record.listener,
                record.status,
                route=record.route,
                method=record.method[:_LONGEST],
                host=record.host[:_LONGEST],
                path=masked_path(record.path[:_LONGEST]),
                request_id=record.request_id[:_LONGEST],
                **({"identity": record.identity[:_LONGEST]} if record.identity else {}),
            )

    def refused(self, reason: str, client: str, listener: str, detail: str, status: int = 0) -> None:
        """Something was turned away before it was a request."""
        if self._to_tell(reason, client, listener):
            self._refusal(reason, detail, client, listener, status, route="")

    def changed(self, action: str, client: str, status: int, fields: Mapping[str, object]) -> None:
        """Somebody changed something through the admin API, or tried to."""
        self._tell(
            "admin",
            {
                "action": action,
                "client": client[:_LONGEST],
                "status": status,
                **{name: MASK if is_secret(name) else plain(value) for name, value in fields.items()},
            },
        )

    def tick(self) -> None:
        """Tell the counts of windows that are over."""
        before = self._now() - WINDOW_S
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if window.began > before:
                return
            self._end(key, window)

    def flush(self) -> None:
        """Tell all counts: the log is about to end."""
        for key, window in list(self._windows.items()):
            self._end(key, window)

    def _to_tell(self, reason: str, client: str, listener: str) -> bool:
        self.tick()
        key = (reason, client)
        window = self._windows.get(key)
        if window is None:
            if len(self._windows) >= _CLIENTS_KEPT:
                self._end(*next(iter(self._windows.items())))
            window = self._windows[key] = _Window(self._now(), listener)
        if window.told < TOLD_IN_WINDOW:
            window.told += 1
            return True
        window.left_out += 1
        return False

    def _end(self, key: tuple[str, str], window: _Window) -> None:
        del self._windows[key]
        if window.left_out:
            reason, client = key
            self._tell(
                "refusals-left-out",
                {
                    "reason": reason,
                    "client": client[:_LONGEST],
                    "listener": window.listener,
                    "left_out": window.left_out,
                },
            )

    def _refusal(
        self, reason: str, rule: str, client: str, listener: str, status: int, **more: object
    ) -> None:
        self._tell(
            "refusal",
            {
                "reason": reason,
                "rule": rule[:_LONGEST],
                "client": client[:_LONGEST],
                "status": status,
                "listener": listener,
                **more,
            },
        )

    def _tell(self, kind: str, fields: Mapping[str, object]) -> None:
        told = {name: plain(value) if isinstance(value, str) else value for name, value in fields.items()}
        self._write(
            self._form(
                {
                    "timestamp": self._clock.text(time.time()),
                    "type": kind,
                    **told,
                    "instance": self._instance,
                }
            )
        )
