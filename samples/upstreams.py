"""Servers to stand behind a gateway: each says who it is and what it got.

    python samples/upstreams.py catalog-1=9101 orders=9103

They listen on loopback, need nothing but Python, and answer every request with 200 and JSON, so that one sees
what a gateway made of it: path, header fields and body as they arrived. A WebSocket says back all that it
is told.
"""

from __future__ import annotations

import json
import sys
import threading
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
LONGEST_BODY = 1 << 20
CLOSE, PING, PONG = 8, 9, 10
"""Kinds of a WebSocket's frames that are not messages."""


class Echo(BaseHTTPRequestHandler):
    """One connection. `name` is set by `start`."""

    protocol_version = "HTTP/1.1"
    server_version = "sample-upstream"
    disable_nagle_algorithm = True
    wbufsize = -1
    """Head and body in one segment."""
    name = "nobody"

    def answer(self) -> None:
        """Say who this is and what came."""
        if self.headers.get("upgrade", "").lower() == "websocket":
            self.talk()
            return
        body = self._body()
        if body is None:
            self.close_connection = True
            self.send_error(413)
            return
        said = {
            "server": self.name,
            "method": self.command,
            "target": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": body.decode("utf-8", "replace"),
        }
        reply = json.dumps(said, indent=2).encode() + b"\n"
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(reply)))
        self.send_header("x-powered-by", self.name)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply)

    def talk(self) -> None:
        """Be a WebSocket (RFC 6455): every frame goes back as it came, until a close frame has."""
        key = self.headers.get("sec-websocket-key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("upgrade", "websocket")
        self.send_header("connection", "Upgrade")
        self.send_header("sec-websocket-accept", b64encode(sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while len(head := self.rfile.read(2)) == 2:
            kind, size = head[0] & 0x0F, head[1] & 0x7F
            if size >= 126:
                size = int.from_bytes(self.rfile.read(2 if size == 126 else 8), "big")
            if not head[1] & 0x80 or size > LONGEST_BODY:
                return
            mask = self.rfile.read(4)
            payload = bytes(byte ^ mask[at % 4] for at, byte in enumerate(self.rfile.read(size)))
            if kind == PING:
                head = bytes((head[0] & 0xF0 | PONG,))
            elif kind == PONG:
                continue
            length = bytes((size,)) if size < 126 else b"\x7f" + size.to_bytes(8, "big")
            if 126 <= size < 65536:
                length = b"\x7e" + size.to_bytes(2, "big")
            self.wfile.write(head[:1] + length + payload)
            self.wfile.flush()
            if kind == CLOSE:
                return

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def log_message(self, format: str, *args: object) -> None:
        """The gateway's access log tells of every request already."""

    def _body(self) -> bytes | None:
        """The whole body, None where it is too long."""
        if "chunked" not in self.headers.get("transfer-encoding", "").lower():
            length = int(self.headers.get("content-length", "0"))
            return self.rfile.read(length) if length <= LONGEST_BODY else None
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            if len(body) + size > LONGEST_BODY:
                return None
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return body


class Server(ThreadingHTTPServer):
    """A server that ends with its program, whatever its clients keep open."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


def start(ports: Mapping[str, int]) -> list[Server]:
    """A running server for each name. `OSError` where a port is taken; then none runs."""
    servers: list[Server] = []
    try:
        for name, port in ports.items():
            servers.append(Server((HOST, port), type("Echo", (Echo,), {"name": name})))
    except OSError:
        for each in servers:
            each.server_close()
        raise
    for each in servers:
        threading.Thread(target=each.serve_forever, daemon=True).start()
    return servers


def main() -> int:
    """Serve what the command line names, until Ctrl-C."""
    try:
        ports = {name: int(port) for name, _, port in (word.partition("=") for word in sys.argv[1:])}
    except ValueError:
        ports = {}
    if not ports:
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 2
    try:
        start(ports)
    except OSError as fault:
        print(f"cannot listen: {fault.strerror}; choose other ports", file=sys.stderr)
        return 2
    for name, port in ports.items():
        print(f"{name} answers at http://{HOST}:{port}", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
