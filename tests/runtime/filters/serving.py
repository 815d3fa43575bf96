"""A gateway in this process for tests of policies: one Serving on a configuration, an upstream behind it.

Owns the little world around it: `%listen%` and `%upstream%` in the configuration are addresses; what the
upstream answers, its test says.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gwc.compiler.pipeline import compile_text
from gwc.runtime.control.serving import Serving
from gwc.runtime.observe.observing import Silent

HEAD = """
listeners { listener "l" { address "%listen%"; trusted-proxies "127.0.0.1" } }
upstreams { upstream "u" { target "%upstream%" } }
"""


@dataclass
class Answer:
    """A reply as a client sees it; names of fields are in lower case."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes

    def values(self, name: str) -> list[str]:
        """The values of a field."""
        return [value for key, value in self.fields if key == name]

    def value(self, name: str) -> str | None:
        """The value of a field that stands once at most."""
        found = self.values(name)
        assert len(found) < 2, found
        return found[0] if found else None


@dataclass
class World:
    """A running gateway. `seen`: the heads that arrived at the upstream; `fields`: what it sends back."""

    serving: Serving
    address: str
    seen: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    body: bytes = b"from the upstream"
    status: str = "200 OK"
    wait_s: float = 0.0
    bodies: list[bytes] = field(default_factory=list)
    upstream: str = ""
    chunked: bool = False

    async def ask(self, method: str = "GET", path: str = "/", *fields: str, body: bytes = b"") -> Answer:
        """One request on a connection of its own."""
        host, _, port = self.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = [f"{method} {path} HTTP/1.1", "host: a.test", "connection: close", *fields]
        if body:
            lines.append(f"content-length: {len(body)}")
        writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        head, *rest = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = [line.partition(":") for line in rest if line]
        found = [(name.lower(), value.strip()) for name, _, value in pairs]
        data = await reader.read()
        writer.close()
        if ("transfer-encoding", "chunked") in found:
            data = b"".join(data.split(b"\r\n")[1::2])
        return Answer(int(head.split(" ")[1]), found, data)

    async def reload(self, config: str) -> None:
        """Another table."""
        table = _table(config, self.address, self.upstream)
        generation = 1 if self.serving.snapshot is None else self.serving.snapshot.generation + 1
        self.serving.commit(await self.serving.prepare(table, generation))


def _table(config: str, listen: str, upstream: str) -> Any:
    text = (HEAD + config).replace("%listen%", listen).replace("%upstream%", upstream)
    result = compile_text(text, "kdl")
    assert result.table is not None, [each.headline for each in result.diagnostics]
    return result.table


async def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait for it, not for ever."""
    for _ in range(int(within_s * 1000)):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not come")


def served(
    config: str, talk: Callable[[World], Awaitable[Any]], *, root: Path | None = None, **options: Any
) -> Any:
    """What `talk` brings from a gateway with these routes (and whatever else stands in the configuration)."""

    async def run() -> Any:
        loop = asyncio.get_running_loop()
        open_writers: set[asyncio.StreamWriter] = set()

        async def upstream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            open_writers.add(writer)
            try:
                while True:
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                    length = head.lower().partition("\r\ncontent-length: ")[2].partition("\r\n")[0]
                    world.bodies.append(await reader.readexactly(int(length or 0)))
                    world.seen.append(head)
                    await asyncio.sleep(world.wait_s)
                    lines = [f"HTTP/1.1 {world.status}", *world.fields]
                    body = b"" if head.startswith("HEAD") else world.body
                    if world.chunked:
                        lines.append("transfer-encoding: chunked")
                        body = b"".join(b"1\r\n%c\r\n" % each for each in body) + b"0\r\n\r\n"
                    else:
                        lines.append(f"content-length: {len(world.body)}")
                    writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            writer.close()
            open_writers.discard(writer)

        server = await asyncio.start_server(upstream, "127.0.0.1", 0)
        sock = socket.create_server(("127.0.0.1", 0))
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        serving = Serving(loop, Silent(), root=root, **options)
        world = World(serving, address)
        world.upstream = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        await world.reload(config)
        serving.listen(address, sock)
        async with asyncio.timeout(20):
            found = await talk(world)
            await until(lambda: not serving.in_flight)
            await serving.drain(1)
            for target in serving.upstreams.targets():
                for connection in tuple(target.idle):
                    connection.close()
            await until(lambda: not open_writers)
        serving.timers.close()
        server.close()
        return found

    return asyncio.run(run())


def asked(config: str, requests: Sequence[tuple[str, ...]], *fields: str) -> list[Answer]:
    """The replies to some requests, one after the other; `fields` are the upstream's."""

    async def talk(world: World) -> list[Answer]:
        world.fields = list(fields)
        return [await world.ask(*each) for each in requests]

    found: list[Answer] = served(config, talk)
    return found
