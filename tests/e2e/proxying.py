"""A proxy that takes CONNECT, for tests: it keeps what it was asked, and answers as it is told.

Owns a table of names, so that a name which only it knows leads somewhere.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

REFUSES = b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n"


@dataclass
class Proxy:
    """A running proxy. `answer`: what it says instead, where that is set; then it closes, or `stays`."""

    address: str
    names: dict[str, tuple[str, int]]
    asked: list[bytes] = field(default_factory=list)
    answer: bytes | None = None
    stays: bool = False
    greeting: bytes = b"HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n"


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def _serve(client: socket.socket, proxy: Proxy, over: threading.Event) -> None:
    with client, suppress(OSError):
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(4096)
            if not piece:
                return
            head += piece
        proxy.asked.append(head)
        if proxy.answer is not None:
            client.sendall(proxy.answer)
            if proxy.stays:
                over.wait(10)
            return
        named = head.split(b" ")[1].decode()
        with socket.create_connection(proxy.names[named], 5) as target:
            client.sendall(proxy.greeting)
            there = threading.Thread(target=_pump, args=(client, target), daemon=True)
            there.start()
            _pump(target, client)
            there.join(10)


@contextmanager
def proxy(names: dict[str, tuple[str, int]]) -> Iterator[Proxy]:
    """One on loopback."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        running = Proxy(f"127.0.0.1:{server.getsockname()[1]}", names)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    threading.Thread(target=_serve, args=(client, running, over), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield running
        finally:
            over.set()
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def address_of(text: str) -> tuple[str, int]:
    """`host:port` as a socket wants it."""
    host, _, port = text.rpartition(":")
    return host, int(port)
