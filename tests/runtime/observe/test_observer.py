"""The observer: who hears of what, swapped logs, and that a mistake in telling harms nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gwc.runtime.observe.observer import RECENT, Observer
from gwc.runtime.observe.record import RequestRecord
from gwc.runtime.observe.slab import Slab
from gwc.schema.table import GatewayRecord, LogRecord

from .telling import eventually, lines_of, record_of, sample


def gateway(folder: Path, access: str = "access", access_log: LogRecord | None = None) -> GatewayRecord:
    """Every log in a file of its own."""
    return GatewayRecord(
        access_log=access_log or LogRecord(str(folder / access)),
        error_log=LogRecord(str(folder / "error")),
        audit_log=LogRecord(str(folder / "audit")),
    )


def test_a_request_is_told_to_all_who_want_to_know(tmp_path: Path) -> None:
    """Access log and metrics of each, the audit log of refusals only."""
    slab = Slab.create()
    observer = Observer(gateway(tmp_path), slab, "gw:1")
    for record in (
        record_of(),
        record_of(reason="no-route", status=404),
        record_of(reason="reply-head", status=502),
    ):
        observer.request_began()
        observer.request_done(record)
    observer.refused("field-line", "203.0.113.9", "public", "tab in a name")
    observer.error("warning", "target-down", upstream="orders")
    observer.changed("reload", "uid=0", 200)
    assert observer.close()
    assert [json.loads(line)["status"] for line in lines_of(tmp_path / "access")] == [200, 404, 502]
    audit = [json.loads(line) for line in lines_of(tmp_path / "audit")]
    assert [line.get("reason", line.get("action")) for line in audit] == ["no-route", "field-line", "reload"]
    assert audit[1]["status"] == 400
    assert json.loads(lines_of(tmp_path / "error")[0])["event"] == "target-down"
    assert sample([slab], "gwc_in_flight") == 0
    assert sample([slab], "gwc_refused_total", reason="no-route") == 1
    assert sample([slab], "gwc_refused_total", reason="reply-head") == 1
    assert sample([slab], "gwc_refused_total", reason="field-line") == 1


def test_connections_are_counted_up_and_down(tmp_path: Path) -> None:
    """What opened and closed again is zero; what failed is told by reason."""
    slab = Slab.create()
    observer = Observer(gateway(tmp_path), slab, "gw:1")
    observer.connection_opened("public")
    observer.connection_opened("public")
    observer.connection_closed("public")
    observer.upstream_connected("orders", "10.0.0.1:80", 0.001)
    observer.upstream_failed("orders", "10.0.0.1:80", "connect-refused")
    assert sample([slab], "gwc_connections", listener="public") == 1
    assert sample([slab], "gwc_upstream_connections", upstream="orders", target="10.0.0.1:80") == 1
    observer.upstream_closed("orders", "10.0.0.1:80")
    assert sample([slab], "gwc_upstream_connections", upstream="orders", target="10.0.0.1:80") == 0
    failed = {"upstream": "orders", "target": "10.0.0.1:80", "reason": "connect-refused"}
    assert sample([slab], "gwc_upstream_failures_total", **failed) == 1


def test_a_new_table_changes_the_logs_without_loss(tmp_path: Path) -> None:
    """Every request is in exactly one of the logs; one that goes nowhere tells nothing, and comes back."""
    observer = Observer(gateway(tmp_path), Slab.create(), "gw:1")
    for number in range(300):
        if number % 100 == 0 and number:
            observer.reconfigure(gateway(tmp_path, f"access-{number}"))
        observer.request_done(record_of(request_id=str(number)))
    observer.reconfigure(gateway(tmp_path, access_log=LogRecord(None)))
    observer.request_done(record_of(request_id="untold"))
    observer.reconfigure(gateway(tmp_path, access_log=LogRecord(str(tmp_path / "access"), sample=0)))
    observer.request_done(record_of(request_id="not in the sample"))
    observer.reconfigure(gateway(tmp_path))
    observer.request_done(record_of(request_id="300"))
    assert observer.close()
    files = [tmp_path / name for name in ("access", "access-100", "access-200")]
    eventually(lambda: sum(len(lines_of(file)) for file in files) == 301)
    ids = [[int(json.loads(line)["request_id"]) for line in lines_of(file)] for file in files]
    assert ids == [[*range(100), 300], list(range(100, 200)), list(range(200, 300))]


def test_rotation_reopens_every_log(tmp_path: Path) -> None:
    """After the files were renamed and SIGUSR1 came, the lines that follow are in new files."""
    observer = Observer(gateway(tmp_path), Slab.create(), "gw:1")
    observer.request_done(record_of(request_id="1"))
    eventually(lambda: lines_of(tmp_path / "access"))
    (tmp_path / "access").rename(tmp_path / "access.1")
    observer.reopen()
    eventually(lambda: not observer._sinks["access"]._reopen)
    observer.request_done(record_of(request_id="2"))
    assert observer.close()
    assert len(lines_of(tmp_path / "access")) == 1
    assert len(lines_of(tmp_path / "access.1")) == 1


def test_dropped_lines_are_a_metric_that_only_grows(tmp_path: Path) -> None:
    """A full disk: requests go on, the metric says how many lines are missing, also over a new table."""
    slab = Slab.create()
    for _ in range(2):
        observer = Observer(gateway(tmp_path, access_log=LogRecord("/dev/full")), slab, "gw:1")
        for _ in range(50):
            observer.request_done(record_of())
        assert observer.close()
    assert sample([slab], "gwc_log_lines_dropped_total", log="access") == 100
    assert sample([slab], "gwc_requests_total", route="orders", method="GET", status="2xx") == 100


def test_the_most_recent_requests_are_kept(tmp_path: Path) -> None:
    """Newest first, no more than there is room for, with secrets masked."""
    observer = Observer(gateway(tmp_path), Slab.create(), "gw:1")
    for number in range(RECENT + 10):
        observer.request_done(record_of(request_id=str(number), query="key=CANARY"))
    recent = observer.recent()
    assert len(recent) == RECENT
    assert recent[0]["request_id"] == str(RECENT + 9)
    assert "CANARY" not in json.dumps(recent)
    observer.close()


def test_a_mistake_in_telling_harms_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted and told once a minute, without quoting the request."""
    slab = Slab.create()
    observer = Observer(gateway(tmp_path), slab, "gw:1")

    def broken(record: RequestRecord) -> None:
        raise ValueError("CANARY")

    monkeypatch.setattr(observer, "_access", broken)
    for _ in range(5):
        observer.request_done(record_of())
    assert observer.close()
    assert sample([slab], "gwc_observe_failures_total") == 5
    (line,) = lines_of(tmp_path / "error")
    assert b"CANARY" not in line
    assert json.loads(line)["error"] == "ValueError"
