"""`gwc run`: serve from a configuration.

Owns the options. One process for now: compile, listen, serve until a signal says otherwise.
"""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import sys
from pathlib import Path

import click


@click.command()
@click.argument("path", default=".")
@click.option("--workers", type=int, default=None, help="Number of worker processes.")
@click.option("--drain-timeout", type=float, default=30.0, help="Seconds.")
def command(path: str, workers: int | None, drain_timeout: float) -> None:
    """Serve from the configuration at PATH."""
    import gc

    import uvloop
    from gwc.compiler.pipeline import compile_path

    from ..findings import stop_on_errors

    result = compile_path(path)
    if result.table is None:
        stop_on_errors(result.diagnostics, result.sources, result.unreadable)
        sys.exit(1)
    gc.collect()
    gc.freeze()
    from gwc.runtime.control.serving import Serving
    from gwc.runtime.observe.observing import Silent

    table = result.table

    async def main() -> None:
        loop = asyncio.get_running_loop()
        serving = Serving(loop, Silent(), root=Path(result.root))
        serving.commit(await serving.prepare(table, 1))
        for record in table.listeners:
            for address in record.addresses:
                if address in serving._doors:
                    continue
                if address.startswith("unix:"):
                    sock = socket.socket(socket.AF_UNIX)
                    sock.bind(address[5:])
                else:
                    host, _, port = address.rpartition(":")
                    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
                    sock = socket.socket(family)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    sock.bind((host.strip("[]"), int(port)))
                sock.listen(4096)
                serving.listen(address, sock)
                name = sock.getsockname()
                told = f"{name[0]}:{name[1]}" if isinstance(name, tuple) else f"unix:{name}"
                line = {"event": "listening", "listener": record.name, "address": told}
                print(json.dumps(line), file=sys.stderr, flush=True)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, ended.set)
        await ended.wait()
        await serving.drain(drain_timeout)

    uvloop.run(main())
