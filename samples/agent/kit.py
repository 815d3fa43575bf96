"""A kit for agents of gwc: one file, nothing but Python. Copy it beside your agent.

    from kit import Agent, Decision, Event, block

    class Mine(Agent):
        def on_request_headers(self, event: Event) -> Decision:
            return block(403) if event.request["path"] == "/secret" else Decision()

    Mine().serve(9200)

The gateway posts one event at a time of a request, of different requests side by side: each runs in a thread
of its own. Where a call raises, the agent has failed, and the gateway's `on-failure` says what becomes of the
request. The words are those of docs/agents.md.
"""

from __future__ import annotations

import json
import sys
import threading
import traceback
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LONGEST = 64 << 20


@dataclass(frozen=True)
class Event:
    """What the gateway tells. `id` is the same for all events of a request; `request` and `response` are
    empty where they were told before. `body` is that of body events; `end`: there is no more of it.
    """

    kind: str
    id: str
    end: bool
    sequence: int = 0
    request: dict[str, Any] = field(default_factory=dict)
    response: dict[str, Any] = field(default_factory=dict)
    body: bytes = b""

    def header(self, name: str) -> str:
        """The value of a field of the reply, or of the request where there is no reply yet; "" for none."""
        message = self.response or self.request
        return ", ".join(value for known, value in message.get("headers", ()) if known == name.lower())


@dataclass
class Decision:
    """What becomes of it; by default it goes on as it is.

    `body` replaces what was told, b"" drops it. `set_request` and so on change fields on their way. `done`:
    no more events of this request.
    """

    action: str = "continue"
    status: int = 0
    location: str = ""
    headers: dict[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    set_request: dict[str, str] = field(default_factory=dict)
    remove_request: list[str] = field(default_factory=list)
    set_response: dict[str, str] = field(default_factory=dict)
    remove_response: list[str] = field(default_factory=list)
    reason: str = ""
    done: bool = False

    def content(self) -> bytes:
        """As the gateway reads it."""
        said = {
            "action": self.action,
            "status": self.status,
            "location": self.location,
            "headers": self.headers,
            "reason": self.reason,
            "done": self.done,
        }
        said = {key: value for key, value in said.items() if value}
        if self.body is not None:
            said["body"] = b64encode(self.body).decode("ascii")
        for key, put, gone in (
            ("request", self.set_request, self.remove_request),
            ("response", self.set_response, self.remove_response),
        ):
            if put or gone:
                said[key] = {"set": put, "remove": gone}
        return json.dumps(said).encode()


def block(status: int = 403, body: bytes | None = None, reason: str = "", **headers: str) -> Decision:
    """Answer in place of the target. Without a body the gateway's own words are sent; `_` in names is `-`."""
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Decision("block", status=status, body=body, headers=fields, reason=reason)


def redirect(location: str, status: int = 302, reason: str = "") -> Decision:
    """Send the client elsewhere."""
    return Decision("redirect", status=status, location=location, reason=reason)


def more() -> Decision:
    """Hold this piece of a body: the next event has it and what came after it. Not at the end of a body."""
    return Decision("more")


class Agent:
    """Override what your agent is told of; the keys of the configuration say what that is."""

    def on_request_headers(self, event: Event) -> Decision:
        """A request has come."""
        return Decision()

    def on_request_body(self, event: Event) -> Decision:
        """Its body, or a piece of it."""
        return Decision()

    def on_response_headers(self, event: Event) -> Decision:
        """A target replies."""
        return Decision()

    def on_response_body(self, event: Event) -> Decision:
        """The reply's body, or a piece of it."""
        return Decision()

    def decide(self, event: Event) -> Decision:
        """One event, of whatever kind."""
        calls = {
            "request-headers": self.on_request_headers,
            "request-body": self.on_request_body,
            "response-headers": self.on_response_headers,
            "response-body": self.on_response_body,
        }
        return calls[event.kind](event)

    def start(self, port: int, host: str = "127.0.0.1") -> ThreadingHTTPServer:
        """Serve in threads beside, until `shutdown()` of what is returned. OSError: the port is taken."""
        handler = type("Handler", (_Handler,), {"agent": self})
        server = _Server((host, port), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def serve(self, port: int, host: str = "127.0.0.1") -> None:
        """Serve until Ctrl-C."""
        self.start(port, host)
        print(f"{type(self).__name__} listens at http://{host}:{port}/", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


class _Handler(BaseHTTPRequestHandler):
    """One connection of the gateway, which keeps it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    agent: Agent

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", "-1"))
        if not 0 <= length <= LONGEST:
            self.close_connection = True
            self.send_error(413)
            return
        content = self.rfile.read(length)
        try:
            status, answer = 200, self.agent.decide(_read(content)).content()
        except Exception:
            traceback.print_exc(file=sys.stderr)
            status, answer = 500, b""
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """The gateway counts calls already."""


def _read(content: bytes) -> Event:
    said = json.loads(content)
    return Event(
        kind=said["event"],
        id=said["id"],
        end=said["end"],
        sequence=said.get("sequence", 0),
        request=said.get("request", {}),
        response=said.get("response", {}),
        body=b64decode(said.get("body", "")),
    )
