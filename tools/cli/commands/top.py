"""`gwc top`: what a running gateway does, live."""

from __future__ import annotations

import signal
import time
from math import inf
from typing import TYPE_CHECKING, Any

import click

from ..admin_client import AdminClient, admin_options, exits, find
from ..rates import Reading, Row, read, routes, upstreams

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_ROWS = 20
"""Of routes, and of upstreams; the busiest."""

_STEP_S = 0.1


@click.command("top")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 60),
    default=1.0,
    metavar="S",
    show_default=True,
    help="Seconds between two readings.",
)
@click.option("--once", is_flag=True, help="Read twice, print one table and leave.")
@admin_options
@exits
def command(interval: float, once: bool, admin: str | None, state_dir: str | None) -> None:
    """Show requests a second, errors and times by route and upstream, and the state of reloads.

    Numbers are those of the last interval. Ctrl-C leaves.
    """
    from rich.console import Console

    client = find(admin, state_dir)
    console = Console(highlight=False)
    stop = _Stop()
    before = _reading(client)
    if once:
        stop.rest(interval)
        if not stop.asked:
            console.print(_view(client.get("/v1/status"), before, _reading(client)))
        return
    from rich.live import Live

    with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
        while not stop.asked:
            stop.rest(interval)
            now = _reading(client)
            live.update(_view(client.get("/v1/status"), before, now), refresh=True)
            before = now


class _Stop:
    """Ctrl-C, taken between two readings: raised anywhere, it may be lost in somebody else's clean-up. The
    second one is raised. Mutable: `asked`."""

    def __init__(self) -> None:
        self.asked = False
        signal.signal(signal.SIGINT, self._asked)

    def rest(self, seconds: float) -> None:
        """Sleep, but not on after Ctrl-C."""
        until = time.monotonic() + seconds
        while not self.asked and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _STEP_S))

    def _asked(self, _number: int, _frame: object) -> None:
        self.asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _reading(client: AdminClient) -> Reading:
    return read(client.text("/v1/metrics"), time.monotonic())


def _view(status: dict[str, Any], before: Reading, now: Reading) -> RenderableType:
    """The whole picture: a head, the routes, the upstreams."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    of_routes, of_upstreams = routes(before, now), upstreams(before, now)
    head = Text(_plain(_head(status, of_routes, now)))
    if status["config_stale"]:
        head.stylize("bold red")
    tables: list[RenderableType] = [head]
    for title, rows, last in (("route", of_routes, None), ("upstream", of_upstreams, "connections")):
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column(title, overflow="fold")
        for column in ("requests/s", "errors/s", "p50", "p99", *([last] if last else [])):
            table.add_column(column, justify="right", no_wrap=True)
        for row in rows[:MOST_ROWS]:
            cells = [f"{row.requests:.1f}", f"{row.errors:.1f}", _time(row.p50), _time(row.p99)]
            cells += [f"{row.connections:.0f}"] if last else []
            style = "red" if row.errors else ""
            table.add_row(Text(_plain(row.name) or "(none)"), *cells, style=style)
        if len(rows) > MOST_ROWS:
            table.add_row(Text(f"and {len(rows) - MOST_ROWS} more"))
        if rows:
            tables += [Text(), table]
    if not of_routes:
        tables += [Text(), Text("no requests in this interval")]
    return Group(*tables)


def _head(status: dict[str, Any], of_routes: list[Row], now: Reading) -> str:
    requests = sum(each.requests for each in of_routes)
    errors = sum(each.errors for each in of_routes)
    ready = sum(each is not None and each["state"] == "ready" for each in status["workers"])
    last = status["last_reload"]
    reload = "none" if last is None else last["result"]
    if status["config_stale"]:
        reload += f", STALE: {last['reason'] if last else ''}"
    return (
        f"generation {status['generation']} ({status['digest'][:12]})   reload {reload}   "
        f"workers {ready}/{len(status['workers'])}\n"
        f"{requests:.1f} requests/s   {errors:.1f} errors/s   "
        f"{now.gauge('gwc_in_flight'):.0f} in flight   "
        f"{now.gauge('gwc_connections'):.0f} connections"
    )


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds == inf:
        return "> 60 s"
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _plain(text: str) -> str:
    from ..explaining import visible

    return "\n".join(visible(line) for line in text.split("\n"))
