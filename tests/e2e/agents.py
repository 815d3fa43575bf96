"""An agent that does as a test says, and keeps the events that it was told.

Owns a small HTTP server of its own making: it is part of the judge, and shares nothing with the kit in
samples/agent.
"""

from __future__ import annotations

import json
import socket
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Event = dict[str, Any]
Say = Callable[[Event], "Mapping[str, Any] | bytes | None"]
"""What to answer: an object, bytes as they are, or None to close the connection without an answer."""


def let_pass(_event: Event) -> dict[str, Any]:
    """Have no objection."""
    return {}


class Agent:
    """A running agent. Mutable: `say`, what it answers; `events`, those that came, with `body` decoded."""

    def __init__(self, port: int = 0) -> None:
        self.say: Say = let_pass
        self.events: list[Event] = []
        self.connections = self.open = 0
        self.release = threading.Event()
        agent = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def setup(self) -> None:
                super().setup()
                agent.connections += 1
                agent.open += 1

            def finish(self) -> None:
                super().finish()
                agent.open -= 1

            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if "body" in event:
                    event["body"] = b64decode(event["body"])
                event["content-type"] = self.headers["content-type"]
                agent.events.append(event)
                said = agent.say(event)
                if said is None:
                    self.close_connection = True
                    return
                if isinstance(said, bytes):
                    content = said
                else:
                    told = dict(said)
                    if isinstance(told.get("body"), bytes):
                        told["body"] = b64encode(told["body"]).decode()
                    content = json.dumps(told).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A gateway that gives up closes the connection."""

        self._server = Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/"

    def told(self, event: str) -> list[Event]:
        """The events of one kind."""
        return [each for each in self.events if each["event"] == event]

    def wait(self, event: Event) -> dict[str, Any]:
        """Answer when `release` is set."""
        self.release.wait(20)
        return {}

    def close(self) -> None:
        """Listen no more."""
        self.release.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def agent() -> Iterator[Agent]:
    """A running agent."""
    running = Agent()
    try:
        yield running
    finally:
        running.close()


@contextmanager
def silent_address() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def headers(told: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a request or response that was told."""
    return dict(told["headers"])
