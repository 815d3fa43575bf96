"""A worker whose traffic is a fake: every request is answered with the worker's slot, process and generation.

Its first route's name makes it misbehave: `refuse-1` refuses to prepare in slot 1, `hang-prepare-0`,
`hang-commit-0`, `die-prepare-all`, `die-once-0` likewise.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from gwc.runtime.control.worker import Equipment, Equipped, run_worker
from gwc.schema.table import RouteTable


class Refused(Exception):
    """A table that cannot be made live."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Snapshot:
    """A generation and what is asked of it."""

    generation: int
    name: str
    body: str


class FakeServing:
    """Serves nothing of the table but its generation and the first fixed reply."""

    def __init__(self, loop: asyncio.AbstractEventLoop, slot: int) -> None:
        self.loop = loop
        self.slot = slot
        self.snapshot = Snapshot(0, "", "")
        self.servers: dict[str, asyncio.Task[asyncio.Server]] = {}
        self.connections: set[asyncio.StreamWriter] = set()
        self.busy = 0
        self.draining = False

    async def prepare(self, table: RouteTable, generation: int, pace: object = None) -> Snapshot:
        """Get ready, or misbehave as the table asks."""
        name = table.routes[0].name
        if self._asked(name, "refuse"):
            raise Refused("the table asks to be refused")
        if self._asked(name, "hang-prepare"):
            await asyncio.sleep(3600)
        if self._asked(name, "die-prepare"):
            os._exit(3)
        if self._asked(name, "die-once"):
            try:
                Path(table.responds[0].body).touch(exist_ok=False)  # noqa: ASYNC240 - a test's mark
                os._exit(3)
            except FileExistsError:
                pass
        return Snapshot(generation, name, table.responds[0].body)

    def commit(self, snapshot: Snapshot) -> None:
        """Change over, or hang."""
        if self._asked(snapshot.name, "hang-commit"):
            time.sleep(3600)
        self.snapshot = snapshot

    def listen(self, address: str, sock: socket.socket) -> None:
        """Serve on a socket."""
        self.servers[address] = self.loop.create_task(asyncio.start_server(self._serve, sock=sock))

    def unlisten(self, address: str) -> None:
        """Close a server."""
        task = self.servers.pop(address)
        task.add_done_callback(lambda done: done.result().close())

    async def drain(self, deadline_s: float) -> int:
        """Wait for replies under way."""
        self.draining = True
        for address in list(self.servers):
            self.unlisten(address)
        until = self.loop.time() + deadline_s
        while self.busy and self.loop.time() < until:  # noqa: ASYNC110 - a fake may poll
            await asyncio.sleep(0.01)
        return self.busy

    def status(self) -> dict[str, object]:
        """What a worker tells."""
        return {"generation": self.snapshot.generation, "in_flight": self.busy}

    def _asked(self, name: str, what: str) -> bool:
        return name in (f"{what}-{self.slot}", f"{what}-all")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ")[1].decode()
                self.busy += 1
                try:
                    if path.startswith("/wait/"):
                        await asyncio.sleep(float(path[6:]))
                    if path == "/hang":
                        time.sleep(3600)  # noqa: ASYNC251 - to hang is the point
                    told = {
                        "slot": self.slot,
                        "pid": os.getpid(),
                        "generation": self.snapshot.generation,
                        "body": self.snapshot.body,
                    }
                    data = json.dumps(told).encode()
                    close = b"connection: close\r\n" if self.draining else b""
                    length = str(len(data)).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\n%scontent-length: %s\r\n\r\n" % (close, length) + data)
                    await writer.drain()
                finally:
                    self.busy -= 1
                if self.draining:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def make_serving(loop: asyncio.AbstractEventLoop, equipment: Equipment) -> Equipped:
    """The fake."""
    serving = FakeServing(loop, equipment.slot)
    return Equipped(serving, {"echo": lambda body: {"said": body["word"]}})


if __name__ == "__main__":
    sys.exit(run_worker(sys.argv[1:], make_serving))
