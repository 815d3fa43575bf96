"""WebSockets over TLS on both sides, where no half can be closed alone."""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from .harness import Gateway, gateway, until
from .inside import held, number
from .sockets import Sockets, sockets

CONFIG = """
metrics "%metrics%"
listeners {{
    listener "public" {{ address "%public%"
        tls {{ certificate "{folder}/own.pem" key="{folder}/own.key" }} }}
}}
upstreams {{
    upstream "sockets" {{ target "{sockets}" }}
    upstream "again" {{ target "%public%"; tls {{ ca-file "{folder}/ca.pem" }} }}
    upstream "shared" {{ target "%public%"; tls {{ ca-file "{folder}/ca.pem" }}; protocol "auto" }}
}}
routes {{
    route "on" {{ upstream "sockets"; websocket idle="3s" }}
    route "again" {{ matches {{ path-prefix "/again" }}; upstream "again"; websocket; rewrite prefix="/" }}
    route "shared" {{ matches {{ path-prefix "/shared" }}; upstream "shared"; websocket; rewrite prefix="/" }}
}}
"""


@dataclass
class Scene:
    """What is around the gateway: its authority's files, and the server."""

    folder: Path
    server: Sockets

    @property
    def text(self) -> str:
        """The configuration."""
        return CONFIG.format(folder=self.folder, sockets=self.server.address)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A WebSocket server in plain text, and a certificate for the gateway."""
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    own = authority.issue_cert("127.0.0.1", "localhost")
    own.cert_chain_pems[0].write_to_path(str(folder / "own.pem"))
    own.private_key_pem.write_to_path(str(folder / "own.key"))
    with sockets() as server:
        yield Scene(folder, server)


@pytest.fixture(scope="module")
def served(scene: Scene) -> Iterator[Gateway]:
    """The gateway, which is its own upstream over TLS too."""
    with gateway(scene.text, options=("--no-watch",)) as running:
        yield running


def opened(running: Gateway, scene: Scene, path: str) -> ClientConnection:
    """A WebSocket over TLS."""
    context = ssl.create_default_context(cafile=str(scene.folder / "ca.pem"))
    _, port = running.address()
    made: ClientConnection = connect(
        f"wss://localhost:{port}{path}", ssl=context, ping_interval=None, max_size=None, close_timeout=5
    )
    return made


@pytest.mark.parametrize("path", ["/echo", "/again/echo", "/shared/echo"])
def test_messages_and_ends(served: Gateway, scene: Scene, path: str) -> None:
    """What is said comes back, by TLS to the target and by HTTP/2 inside it too; both ends may close."""
    with opened(served, scene, path) as client:
        for message in ("text", b"x" * 1_000_000, "y" * 1_000_000):
            client.send(message)
            assert client.recv(timeout=10) == message
    assert client.close_code == 1000
    with opened(served, scene, path.replace("echo", "close/3001")) as client:
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=5)
        assert client.close_code == 3001
    until(lambda: number(served, "gwc_tunnels") == 0, "no tunnel is open")
    until(lambda: held(served)["in_flight"] == held(served)["active"] == 0, "nothing is under way", 15)
    assert {line["reason"] for line in served.access_lines_for(path, 1)} == {""}


def test_a_gateway_that_ends_says_so(scene: Scene) -> None:
    """The close frame arrives over TLS as well."""
    with (
        gateway(scene.text, options=("--no-watch", "--drain-timeout", "500ms")) as running,
        opened(running, scene, "/echo") as client,
    ):
        running.stops_itself = True
        os.kill(running.process.pid, signal.SIGTERM)
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=5)
        assert client.close_code == 1001
