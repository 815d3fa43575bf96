"""The chat of samples/websocket, with the samples' own server behind it."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.harness import gateway

SAMPLES = Path(__file__).resolve().parents[2] / "samples"


def test_a_chat() -> None:
    """What is said in a room comes back; pages have no WebSockets."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    text = (SAMPLES / "websocket" / "gwc.kdl").read_text("utf-8")
    text = re.sub(r'format "text"', 'format "json"', text).replace("127.0.0.1:8080", "%public%")
    server = subprocess.Popen(
        [sys.executable, str(SAMPLES / "upstreams.py"), f"chat={port}"], stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        assert b"answers" in server.stdout.readline()
        with gateway(text.replace("127.0.0.1:9201", f"127.0.0.1:{port}")) as running:
            host, public = running.address()
            with socket.create_connection((host, public)) as sock:
                with connect("ws://chat.example.com/rooms/7", sock=sock) as client:
                    for message in ("hello", b"\0\xff" * 400, "long " * 20_000):
                        client.send(message)
                        assert client.recv(timeout=10) == message
                    assert client.ping().wait(5)
                assert client.close_code == 1000
            with socket.create_connection((host, public)) as sock, pytest.raises(InvalidStatus) as refused:
                connect("ws://chat.example.com/elsewhere", sock=sock)
            assert refused.value.response.status_code == 403
    finally:
        server.kill()
        server.communicate()
