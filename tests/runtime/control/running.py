"""A gateway in this process with real children: workers that fake traffic, and a real compiler."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from gwc.runtime.control.commands import Commands
from gwc.runtime.control.compiling import ChildCompiler, Compiles
from gwc.runtime.control.reloads import Reload
from gwc.runtime.control.run_settings import RunSettings
from gwc.runtime.control.supervisor import Supervisor
from gwc.runtime.control.worker import loop_factory

T = TypeVar("T")

FAKE_WORKER = (sys.executable, str(Path(__file__).with_name("fake_worker.py")))
LONG_S = 20.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a test on the loop that the gateway runs on."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(work)


OWN_SOCKET = f"unix:{tempfile.gettempdir()}/gwc-test-{os.getpid()}.sock"
"""Where a configuration listens that says nothing: the default port may be somebody else's."""


def text_of(body: str, *, name: str = "r", addresses: tuple[str, ...] = (OWN_SOCKET,), more: str = "") -> str:
    """A configuration whose one reply is `body`."""
    listening = "".join(f' address "{each}";' for each in addresses)
    return (
        f'listeners {{ listener "l" {{{listening} }} }}\n'
        f'routes {{\n  route "{name}" {{ respond {{ body "{body}" }} }}\n{more}}}\n'
    )


class Running:
    """A running supervisor, what it told, and every reload that it finished."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, dict[str, object]]] = []
        self.reloads: list[Reload] = []
        self.served: list[str] = []
        self._changed = asyncio.Event()
        self.supervisor: Supervisor
        self.commands: Commands

    def tell(self, level: str, event: str, **fields: object) -> None:
        """The error log."""
        self.told.append((level, event, fields))
        self._changed.set()

    def counting(self, supervisor: Supervisor, reload: Reload | None) -> None:
        """Called after each reload."""
        if reload is not None:
            self.reloads.append(reload)
            if supervisor.reloads.table is not None:
                self.served.append(self.body)
        self._changed.set()

    @property
    def body(self) -> str:
        """The reply of the table that is served."""
        assert self.supervisor.reloads.table is not None
        return self.supervisor.reloads.table.responds[0].body

    def events(self, name: str) -> list[dict[str, object]]:
        """What was told of one event."""
        return [fields for _, event, fields in self.told if event == name]

    async def until(self, holds: Callable[[], bool], timeout_s: float = LONG_S) -> None:
        """Wait until something holds, looking whenever something happened."""
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    self._changed.clear()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.05):
                            await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"never happened; told: {self.told[-8:]}") from None

    async def until_body(self, body: str) -> None:
        """Wait until that reply is served."""
        await self.until(lambda: self.body == body)


@contextlib.asynccontextmanager
async def gateway(
    path: Path,
    *,
    workers: int = 1,
    compiler: Compiles | None = None,
    wait: bool = True,
    **settings: Any,
) -> AsyncIterator[Running]:
    """A gateway on a configuration, stopped at the end."""
    running = Running()
    compiling = compiler or ChildCompiler(
        [sys.executable, "-m", "gwc.cli.compiling_child", str(path)], running.tell
    )
    supervisor = Supervisor(
        RunSettings(
            workers=workers,
            worker_command=FAKE_WORKER,
            counting=running.counting,
            drain_s=settings.pop("drain_s", 2.0),
            **settings,
        ),
        compiling,
        running.tell,
    )
    running.supervisor = supervisor
    running.commands = Commands(supervisor)
    task = asyncio.create_task(supervisor.run())
    try:
        if wait:
            await running.until(lambda: supervisor.ready.is_set() or task.done())
            if task.done():
                task.result()
        yield running
    finally:
        supervisor.stop()
        supervisor.stop()
        with contextlib.suppress(Exception):
            await task


async def ask(place: str, path: str = "/") -> dict[str, Any]:
    """What a worker answers to a request at `127.0.0.1:8080` or `unix:/path`, on a connection of its own."""
    reader, writer = await connect(place)
    try:
        return await ask_on(reader, writer, path)
    finally:
        writer.close()


async def connect(place: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection."""
    if place.startswith("unix:"):
        return await asyncio.open_unix_connection(place[5:])
    host, _, port = place.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port))


async def ask_on(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str = "/"
) -> dict[str, Any]:
    """One request on a connection."""
    writer.write(f"GET {path} HTTP/1.1\r\nhost: t\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
    answer: dict[str, Any] = json.loads(await reader.readexactly(length))
    return answer


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
