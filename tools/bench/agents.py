"""What an event for an agent costs the gateway: CPU time in microseconds, with a server in another process.

    python -m tools.bench.agents

Owns a server that answers `continue` to anything, over HTTP and over gRPC (`grpcio`). What is measured is the
making of an event, the exchange, and the reading of the answer, in one process on one loop. Prints JSON.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import re
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from statistics import median
from typing import Any, cast

import uvloop
from gwc.runtime.filters.agent_link import Agent
from gwc.runtime.filters.agent_words import event_of
from gwc.runtime.observe.observing import Silent
from gwc.schema.policies.agents import AgentRecord

_TURNS = 300
_ROUNDS = 7
_REQUEST: dict[str, Any] = {
    "method": "GET",
    "scheme": "https",
    "host": "shop.example.com",
    "path": "/orders/17",
    "query": "size=m",
    "headers": [(f"x-field-{number}", "some value of it") for number in range(12)],
}


class _Consent(asyncio.Protocol):
    """Answers `continue` to every POST. Mutable: what came."""

    def __init__(self) -> None:
        self._came = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        self._came += data
        head, end, body = self._came.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if end and length is not None and len(body) >= int(length[1]):
            self._came = b""
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


def _serve_http(ready: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_Consent, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


def _serve_grpc(ready: Connection) -> None:
    from concurrent import futures

    import grpc

    def process(events: Any, _context: object) -> Any:
        for _ in events:
            yield b""

    handler = grpc.method_handlers_generic_handler(
        "gwc.agent.v1.Agent", {"Process": grpc.stream_stream_rpc_method_handler(process)}
    )
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=(handler,))
    ready.send(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    server.wait_for_termination()


async def _cost(turn: Callable[[int], Awaitable[None]]) -> dict[str, float]:
    cpu, wall = [], []
    for round_ in range(_ROUNDS + 1):
        began, spent = time.perf_counter(), time.process_time()
        for number in range(_TURNS):
            await turn(round_ * _TURNS + number)
        if round_:
            cpu.append((time.process_time() - spent) / _TURNS * 1e6)
            wall.append((time.perf_counter() - began) / _TURNS * 1e6)
    return {"cpu_us": round(median(cpu), 1), "wall_us": round(median(wall), 1)}


async def _measured(transport: str, port: int) -> dict[str, dict[str, float]]:
    record = AgentRecord("bench", "", transport="grpc" if transport == "grpc" else "http")
    agent = Agent(record, f"http://127.0.0.1:{port}/", Silent(), asyncio.get_running_loop())
    await agent.prepare()

    async def head(number: int) -> None:
        identity = f"{number:032x}"
        said = event_of("request-headers", identity, end=True, request=_REQUEST)
        await agent.ask(identity, "request-headers", said, end=True, timeout_s=10)
        agent.over(identity)

    async def body(number: int) -> None:
        identity = f"{number:032x}"
        said = event_of("request-body", identity, end=True, request=_REQUEST, sequence=0, body=b"x" * 4096)
        await agent.ask(identity, "request-body", said, end=True, timeout_s=10)
        agent.over(identity)

    found = {"a head": await _cost(head), "a body of 4 KiB": await _cost(body)}
    agent.close()
    await asyncio.sleep(0)
    return found


def main() -> None:
    """Measure both transports."""
    found = {}
    for transport, serve in (("http", _serve_http), ("grpc", _serve_grpc)):
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        server = context.Process(target=serve, args=(theirs,), daemon=True)
        server.start()
        found[transport] = uvloop.run(_measured(transport, ours.recv()))
        server.terminate()
        server.join()
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
