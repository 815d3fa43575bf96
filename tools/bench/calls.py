"""gRPC for the benchmarks: a server that says messages again, and clients that talk to it all the time.

Both with gRPC's own library. `python -m tools.bench.calls PORT` is the server.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc

from .phase import Phase
from .process import LOAD_CORE, free_ports, started, wait_listening

SERVICE = "bench.Echo"
EVERY_S = 0.1
ANSWER_S = 30.0
"""For an answer: only who waits longer than any stall calls it lost."""


@contextmanager
def echoing(folder: Path) -> Iterator[int]:
    """The server on the core of the load; gives its port."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tools.bench.calls", str(port)]
    with started("calls", command, folder / "calls.log", [LOAD_CORE]) as running:
        wait_listening(running, port)
        yield port


async def call(port: int, host: str, phase: Callable[[], Phase]) -> str:
    """A call both ways on a channel of its own until it ends, and meanwhile short calls; why it ended."""
    options = [("grpc.default_authority", host), ("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        say = channel.unary_unary(f"/{SERVICE}/Say")
        long = channel.stream_stream(f"/{SERVICE}/Talk")()
        number = 0
        try:
            while True:
                message = b"%d" % number
                async with asyncio.timeout(ANSWER_S):
                    await long.write(message)
                    got = await long.read()
                if got != message:
                    return f"{got!r} came back for {message!r}"
                await _short(say, message, phase)
                number += 1
                await asyncio.sleep(EVERY_S)
        except grpc.aio.AioRpcError as failed:
            return f"{failed.code().name}: {failed.details()}"
        except asyncio.InvalidStateError:
            return f"{(await long.code()).name}: {await long.details()}"
        except TimeoutError:
            return "silent"


async def _short(say: Any, message: bytes, phase: Callable[[], Phase]) -> None:
    try:
        if await say(message, timeout=ANSWER_S) == message:
            phase().calls += 1
            return
        why = "another message"
    except grpc.aio.AioRpcError as failed:
        why = f"{failed.code().name}: {failed.details()}"
    phase().calls_failed += 1
    phase().blame(f"gRPC: {why}")


# --- the process -------------------------------------------------------------------------------------------


async def _say(request: bytes, _context: Any) -> bytes:
    return request


async def _talk(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


async def _serve(port: int) -> None:
    server = grpc.aio.server()
    methods = {
        "Say": grpc.unary_unary_rpc_method_handler(_say),
        "Talk": grpc.stream_stream_rpc_method_handler(_talk),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, methods),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
