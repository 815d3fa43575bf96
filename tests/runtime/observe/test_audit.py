"""The audit log: a line for each refusal and change, and no flood."""

from __future__ import annotations

import json

from gwc.runtime.observe.audit import _CLIENTS_KEPT, TOLD_IN_WINDOW, WINDOW_S, AuditLog
from gwc.schema.table import LogRecord

from .telling import record_of


class Told:
    """An audit log with a clock of its own, and what it has written."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lines: list[bytes] = []
        self.log = AuditLog(LogRecord("x"), "gw:1", self.lines.append, lambda: self.now)

    def read(self) -> list[dict[str, object]]:
        """The lines so far, and none the next time."""
        lines = [json.loads(line) for line in self.lines]
        self.lines.clear()
        return lines


def test_a_refusal_is_one_line() -> None:
    """Type, reason, rule, route, client, status, listener, and the request it was."""
    told = Told()
    told.log.refused_request(
        record_of(
            reason="body-length", status=413, detail="limit 10MiB", query="key=CANARY", path="/a;key=CANARY"
        )
    )
    told.log.refused("connections", "203.0.113.9", "public", "limit 100", 503)
    first, second = told.read()
    assert first.pop("timestamp")
    assert first == {
        "type": "refusal",
        "reason": "body-length",
        "rule": "limit 10MiB",
        "client": "203.0.113.7",
        "status": 413,
        "listener": "public",
        "route": "orders",
        "method": "GET",
        "host": "api.example.com",
        "path": "/a;key=***",
        "request_id": "req-1",
        "instance": "gw:1",
    }
    assert (second["reason"], second["status"], second["client"]) == ("connections", 503, "203.0.113.9")


def test_a_change_is_one_line_without_secrets() -> None:
    """What, by whom, with what; never limited."""
    told = Told()
    for _ in range(TOLD_IN_WINDOW + 5):
        told.log.changed("drain", "uid=0", 200, {"target": "10.0.0.1:80", "token": "CANARY"})
    lines = told.read()
    assert len(lines) == TOLD_IN_WINDOW + 5
    assert lines[0]["type"] == "admin"
    assert (lines[0]["action"], lines[0]["target"], lines[0]["token"]) == ("drain", "10.0.0.1:80", "***")


def test_a_flood_is_counted() -> None:
    """Of one client and reason the first few are told, then their number when the window is over."""
    told = Told()
    for _ in range(500):
        told.log.refused("field-line", "203.0.113.7", "public", "", 400)
    told.log.refused("field-line", "203.0.113.8", "public", "", 400)
    told.log.refused("line-end", "203.0.113.7", "public", "", 400)
    assert len(told.read()) == TOLD_IN_WINDOW + 2
    told.now += WINDOW_S + 1
    told.log.tick()
    (line,) = told.read()
    assert (line["type"], line["reason"], line["client"]) == (
        "refusals-left-out",
        "field-line",
        "203.0.113.7",
    )
    assert line["left_out"] == 500 - TOLD_IN_WINDOW
    told.log.refused("field-line", "203.0.113.7", "public", "", 400)
    assert len(told.read()) == 1


def test_many_clients_do_not_fill_the_memory_and_no_count_is_lost() -> None:
    """The oldest window ends early, its count told; the end of the log tells the rest."""
    told = Told()
    for _ in range(TOLD_IN_WINDOW + 3):
        told.log.refused("line-end", "first", "public", "", 400)
    for number in range(_CLIENTS_KEPT):
        told.log.refused("line-end", f"client-{number}", "public", "", 400)
    assert len(told.log._windows) == _CLIENTS_KEPT
    for _ in range(TOLD_IN_WINDOW + 1):
        told.log.refused("line-end", "last", "public", "", 400)
    told.log.flush()
    left_out = {line["client"]: line["left_out"] for line in told.read() if "left_out" in line}
    assert left_out == {"first": 3, "last": 2 - 1}


def test_the_text_form_is_one_clean_line() -> None:
    """Control characters of a client never reach a terminal."""
    lines: list[bytes] = []
    AuditLog(LogRecord("x", "text"), "gw:1", lines.append).refused(
        "line-end", "a\x1b[31m", "public", "x\ny", 400
    )
    assert lines[0].count(b"\n") == 1
    assert b"\x1b" not in lines[0]
    assert b"refusal line-end" in lines[0]
