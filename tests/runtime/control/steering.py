"""A gateway with an admin socket of its own, two upstreams, and requests to its admin API."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from .process import Gwc, UnixConnection, get, gwc_run
from .running import free_port

CANARY = "canary-4711"

CONFIG = """\
listeners {{ listener "public" {{ address "127.0.0.1:{port}" }} }}
metrics {{ address "127.0.0.1:{metrics}" }}
upstreams {{
    upstream "pair" {{ health "tcp"; target "127.0.0.1:{first}"; target "127.0.0.1:{second}" }}
}}
routes {{
    route "pair" {{
        matches {{ path-prefix "/pair" }}
        request-headers {{
            set "authorization" "Bearer ${{env:GWC_TEST_SECRET}}"
            set "x-api-key" "canary-4711"
        }}
        upstream "pair"
    }}
    route "said" {{
        matches {{ path-prefix "/said"; header "x-auth-token" "canary-4711" }}
        respond status=200 {{ body "said" }}
    }}
    route "rest" {{ respond status=200 {{ body "{body}" }} }}
}}
"""


@dataclass
class Said:
    """One answer of the admin API."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The answer, JSON read."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The code of a refusal."""
        return str(self.json["error"]["code"])


class Backend:
    """An upstream that says which one it is. `/pair/wait` is answered once `go` is set."""

    def __init__(self, name: str) -> None:
        self.go = threading.Event()
        self.waiting = threading.Event()
        backend = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if self.path.startswith("/pair/wait"):
                    backend.waiting.set()
                    backend.go.wait(20)
                body = name.encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.block_on_close = False
        self.port = self.server.server_address[1]
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Serve no more."""
        self.go.set()
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)


class Steered:
    """A running gateway and the way to its admin API."""

    def __init__(self, gwc: Gwc, folder: Path, port: int, metrics: int, backends: list[Backend]) -> None:
        self.gwc = gwc
        self.folder = folder
        self.port, self.metrics_port = port, metrics
        self.backends = backends
        self.admin = str(gwc.wait("admin-listening")["address"])

    @property
    def path(self) -> str:
        """The path of the admin socket."""
        return self.admin.removeprefix("unix:")

    @property
    def environment(self) -> dict[str, str]:
        """For commands that are to find this gateway by themselves."""
        return {"XDG_RUNTIME_DIR": str(self.folder)}

    def write(self, body: str, name: str = "gwc.kdl") -> None:
        """Another configuration."""
        first, second = (each.port for each in self.backends)
        text = CONFIG.format(port=self.port, metrics=self.metrics_port, first=first, second=second, body=body)
        (self.folder / name).write_text(text)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        """One request; `body` as JSON, `raw` as it is."""
        return call(self.admin, method, path, body, raw=raw, headers=headers)

    def get(self, path: str) -> Any:
        """The JSON of a path."""
        said = self.call("GET", path)
        assert said.status == 200, said
        return said.json

    def public(self, path: str = "/") -> tuple[int, str]:
        """One request of a client."""
        return get(f"127.0.0.1:{self.port}", path)

    def changes(self, action: str, number: int = 1) -> list[dict[str, Any]]:
        """Lines of the audit log for an action of the admin API; waits for that many."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [
                each
                for each in self.gwc.events
                if each.get("type") == "admin" and each.get("action") == action
            ]
            return len(found) >= number

        until(there, f"{number} audit lines of {action}")
        return found


def call(
    address: str,
    method: str,
    path: str,
    body: Any = None,
    *,
    raw: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Said:
    """One request to an admin address."""
    connection = (
        UnixConnection(address[5:])
        if address.startswith("unix:")
        else http.client.HTTPConnection(address, timeout=20)
    )
    sent = json.dumps(body).encode() if body is not None else raw
    fields = {"content-type": "application/json"} if sent is not None else {}
    with contextlib.closing(connection):
        connection.request(method, path, body=sent, headers={**fields, **(headers or {})})
        reply = connection.getresponse()
        return Said(reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read().decode())


@contextlib.contextmanager
def steered(folder: Path, *options: object, workers: int = 2, **environment: str) -> Iterator[Steered]:
    """A gateway on `CONFIG`; its runtime directory is `folder`."""
    backends = [Backend("first"), Backend("second")]
    port, metrics = free_port(), free_port()
    first, second = (each.port for each in backends)
    path = folder / "gwc.kdl"
    path.write_text(CONFIG.format(port=port, metrics=metrics, first=first, second=second, body="rest"))
    given = {"XDG_RUNTIME_DIR": str(folder), "GWC_TEST_SECRET": CANARY, **environment}
    try:
        with gwc_run(path, "--workers", workers, *options, environment=given) as gwc:
            gwc.wait("ready")
            yield Steered(gwc, folder, port, metrics, backends)
    finally:
        for each in backends:
            each.close()


def talk(path: str, data: bytes) -> bytes:
    """Everything that comes back for some bytes, until the other side hangs up."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(path)
        with contextlib.suppress(OSError):
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
        pieces = []
        with contextlib.suppress(ConnectionResetError):
            while piece := sock.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)


def until(holds: Callable[[], bool], what: str, within: float = 10.0) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, f"not in {within:g} s: {what}"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
