"""`gwc status`: how a running gateway goes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from ..admin_client import admin_options, exits, find


@click.command("status")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@admin_options
@exits
def command(form: str, admin: str | None, state_dir: str | None) -> None:
    """Print generation, last reload, workers and targets of a running gateway.

    Exit code 0 where all is well, 1 where no worker serves or what the files say is not served because it is
    broken, 2 where no gateway answers.
    """
    status: dict[str, Any] = find(admin, state_dir).get("/v1/status")
    if form == "json":
        click.echo(json.dumps({"schema_version": 1, **status}, indent=2))
    else:
        from ..explaining import visible

        for line in _lines(status, time.time()):
            click.echo(visible(line))
    if status["config_stale"] or not _ready(status):
        sys.exit(1)


def _ready(status: dict[str, Any]) -> int:
    return sum(each is not None and each["state"] == "ready" for each in status["workers"])


def _lines(status: dict[str, Any], now: float) -> Iterator[str]:
    state = "draining" if status["draining"] else "serving" if status["ready"] else "starting"
    yield (
        f"gwc {status['version']}, pid {status['pid']}, {state} generation {status['generation']} "
        f"({status['digest'][:16]}), up {ago(status['uptime_s'])}"
    )
    yield f"listens on  {', '.join(status['addresses'].values()) or 'nothing'}"
    yield f"admin       {status['admin'] or 'off'}"
    yield f"metrics     {status['metrics'] or 'off'}"
    yield from _reload(status, now)
    kept = ", ".join(str(each["generation"]) for each in status["generations"])
    yield f"kept        {kept}"
    yield f"workers     {_ready(status)} of {len(status['workers'])}, {status['workers_replaced']} replaced"
    rows: list[tuple[str, ...]] = [("slot", "pid", "state", "generation", "connections", "in flight")]
    rows += [_worker(slot, each) for slot, each in enumerate(status["workers"])]
    yield from _columns(rows)
    rows = [("upstream", "target", "connections", "active", "idle", "")]
    rows += _targets(status)
    if len(rows) > 1:
        yield from _columns(rows)


def _reload(status: dict[str, Any], now: float) -> Iterator[str]:
    last = status["last_reload"]
    if last is not None:
        words = f"{last['result']} {ago(now - last['at'])} ago ({last['cause']}, {last['seconds']:.2f} s)"
        yield f"reload      {words}"
        if last["reason"]:
            yield f"            {last['reason']}"
    if status["config_stale"]:
        yield "stale       the files say something else than what is served, because it is broken"


def _worker(slot: int, worker: dict[str, Any] | None) -> tuple[str, ...]:
    if worker is None:
        return (str(slot), "-", "being replaced", "", "", "")
    said = worker["status"] or {}
    return (
        str(slot),
        str(worker["pid"]),
        worker["state"] if worker["status"] is not None else f"{worker['state']}, silent",
        str(worker["generation"]),
        str(said.get("connections", "")),
        str(said.get("in_flight", "")),
    )


def _targets(status: dict[str, Any]) -> list[tuple[str, ...]]:
    """Of all workers together."""
    sums: dict[tuple[str, str], list[int]] = {}
    states: dict[tuple[str, str], str] = {}
    for worker in status["workers"]:
        upstreams = ((worker or {}).get("status") or {}).get("upstreams", {})
        for name, targets in upstreams.items():
            for each in targets:
                counts = sums.setdefault((name, each["target"]), [0, 0, 0])
                for number, key in enumerate(("connections", "active", "idle")):
                    counts[number] += each[key]
                if each["state"] != "ready":
                    states[name, each["target"]] = each["state"]
    return [(*key, *map(str, counts), states.get(key, "")) for key, counts in sums.items()]


def _columns(rows: list[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()


def ago(seconds: float) -> str:
    """A length of time for people: its two largest units."""
    left = max(int(seconds), 0)
    parts: list[str] = []
    for name, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or parts or name == "s":
            parts.append(f"{count}{name}")
    return " ".join(parts[:2])
