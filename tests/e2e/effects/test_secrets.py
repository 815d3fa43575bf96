"""`${env:…}` and `${file:…}` on a running gateway: filled in, filled in anew by a reload, and never seen."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from ..harness import Gateway, free_port, until
from ..raw import Client, ask, get, post
from ..upstream import Upstream, nobody, upstream
from .servers import Named, named
from .starting import bare_gateway
from .test_gateway import admin

CONFIG = """
workers 2
state-dir "${{env:LOGS}}/state"
admin "unix:%folder%/here.sock"
metrics "%metrics%"
access-log {{ path "${{env:LOGS}}/access" }}
error-log {{ level "debug" }}
tracing {{ endpoint "http://${{env:COLLECTOR}}/spans"; sample "100%" }}
listeners {{
    listener "public" {{ address "%public%" }}
    listener "hidden" {{ address "127.0.0.1:${{env:PORT}}" "127.0.0.1:${{file:listening}}" }}
}}
upstreams {{
    upstream "origin" {{ target "127.0.0.1:${{file:port}}" }}
    upstream "secure" {{ target "127.0.0.1:{secure}"
        tls {{ ca-file "${{env:TLS}}/ca.pem"; server-name "${{env:NAME}}"
            certificate-file "${{file:tls}}/certificate.pem"; key-file "${{file:tls}}/key.pem" }} }}
    upstream "nobody" {{ target "{nobody}" }}
}}
routes {{
    route "started" {{ matches {{ path "/started" }}; respond }}
    route "origin" {{ matches {{ path-prefix "/origin" }}; upstream "origin"
        request-headers {{ set "authorization" "Bearer ${{env:TOKEN}}"; set "x-file" "${{file:word}}" }}
        response-headers {{ set "x-back" "${{file:word}}" }} }}
    route "secure" {{ matches {{ path "/secure" }}; upstream "secure" }}
    route "gone" {{ matches {{ path "/gone" }}; upstream "nobody"; reasons #true
        request-headers {{ set "authorization" "Bearer ${{env:TOKEN}}"; set "x-file" "${{file:word}}" }} }}
    route "away" {{ matches {{ path "/away" }}; redirect path="/there" }}
    route "fixed" {{ matches {{ path "/fixed" }}; respond {{ header "x-word" "${{file:word}}" }} }}
}}
"""
TOKEN = "canary-of-the-environment-7f3a"
WORDS = ("canary-of-a-file-91c2", "canary-of-a-file-changed-55d0")


@dataclass
class World:
    """A gateway, the servers that it knows, and where its secrets are."""

    gateway: Gateway
    origin: Upstream
    secure: Named
    collector: Upstream
    hidden: tuple[int, int]
    folder: Path

    @property
    def word(self) -> Path:
        """The file of a secret."""
        return self.gateway.folder / "config/word"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All of it."""
    folder = tmp_path_factory.mktemp("secrets")
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    own = ca.issue_cert("gateway.test")
    own.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    own.private_key_pem.write_to_path(str(folder / "key.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    ca.issue_cert("inner.test").configure_cert(context)
    ca.configure_trust(context)
    with ExitStack() as stack:
        origin, collector = stack.enter_context(upstream()), stack.enter_context(upstream())
        secure = stack.enter_context(named("secure", tls=context))
        hidden = free_port(), free_port()
        environment = {
            "TOKEN": TOKEN,
            "PORT": str(hidden[0]),
            "TLS": str(folder),
            "NAME": "inner.test",
            "LOGS": str(folder),
            "COLLECTOR": collector.address,
        }
        files = {
            "word": f"{WORDS[0]}\n",
            "port": origin.address.rpartition(":")[2],
            "tls": str(folder),
            "listening": f"{hidden[1]}\n",
        }
        text = CONFIG.format(secure=secure.port, nobody=stack.enter_context(nobody()))
        running = stack.enter_context(bare_gateway(text, environment=environment, files=files))
        yield World(running, origin, secure, collector, hidden, folder)


def test_addresses(world: World) -> None:
    """A listener's port from either, a target's from a file, a collector's from the environment."""
    for port in world.hidden:
        assert ask(("127.0.0.1", port), get("/origin/addresses")).status == 200
    assert len(world.origin.seen("/origin/addresses")) == 2
    until(lambda: bool(world.collector.seen("/spans")), "a span came")


def test_redirects_name_a_port_that_was_looked_up(world: World) -> None:
    """The port of the address that a request came in by, wherever it was read."""
    for port in world.hidden:
        location = ask(("127.0.0.1", port), get("/away")).value("location")
        assert location == f"http://a.test:{port}/there".encode()


def test_paths_go_where_the_environment_says(world: World) -> None:
    """Those of a log and of the state directory."""
    assert ask(world.gateway.address(), get("/started")).status == 200
    until(lambda: (world.folder / "access").exists(), "the log is there")
    until(lambda: (world.folder / "state/state.json").exists(), "so is the state")


def test_files_of_tls(world: World) -> None:
    """Authorities, the name, and the gateway's own certificate with its key."""
    assert ask(world.gateway.address(), get("/secure")).body == b"secure"
    assert world.secure.asked[-1] == "inner.test"


def test_values_of_fields(world: World) -> None:
    """In rules for requests and replies, and in fixed replies."""
    reply = ask(world.gateway.address(), get("/origin/values"))
    seen = world.origin.the("/origin/values")
    assert (seen.value("authorization"), seen.value("x-file")) == (f"Bearer {TOKEN}", WORDS[0])
    assert reply.value("x-back") == WORDS[0].encode()
    assert ask(world.gateway.address(), get("/fixed")).value("x-word") == WORDS[0].encode()


def _word(world: World) -> bytes | None:
    return ask(world.gateway.address(), get("/fixed")).value("x-word")


def test_a_reload_reads_files_again(world: World) -> None:
    """A secret that changes is another one after the next reload, in every worker."""
    world.word.write_text(WORDS[1])
    world.gateway.process.send_signal(signal.SIGHUP)
    until(lambda: all(_word(world) == WORDS[1].encode() for _ in range(8)), "the new one is used")
    world.word.write_text(WORDS[0])
    world.gateway.process.send_signal(signal.SIGHUP)
    until(lambda: all(_word(world) == WORDS[0].encode() for _ in range(8)), "the old one is used again")
    until(lambda: world.gateway.errors.count("reload-committed") == 3, "both are told")
    world.gateway.process.send_signal(signal.SIGHUP)
    until(lambda: "reload-unchanged" in world.gateway.errors, "a file that is as before changes nothing")
    assert world.gateway.errors.count("reload-committed") == 3


def test_a_secret_that_is_gone_fails_the_reload(world: World) -> None:
    """What is served stays; the log names the file and no value."""
    world.word.rename(world.word.with_name("away"))
    world.gateway.process.send_signal(signal.SIGHUP)
    until(lambda: "reload-failed" in world.gateway.errors, "it is told")
    assert _word(world) == WORDS[0].encode()
    world.word.with_name("away").rename(world.word)
    world.gateway.process.send_signal(signal.SIGHUP)


def test_secrets_are_never_seen(world: World) -> None:
    """No log, status, metric, answer of the admin API, span or error body holds one."""
    running = world.gateway
    assert ask(running.address(), get("/origin/seen")).status == 200
    seen = [ask(running.address(), get(path)).body for path in ("/gone", "/none", "/origin/%00")]
    with Client(running.address()) as client:
        seen.append(client.ask(post("/gone", b"x"), b"POST").body)
    for path in (
        "/v1/status", "/v1/config", "/v1/routes", "/v1/upstreams", "/v1/requests/recent",
        "/v1/requests/active", "/v1/metrics", "/v1/openapi.json", "/v1/health",
    ):  # fmt: skip
        reply = admin(running, path)
        assert reply.status == 200, path
        seen.append(reply.body)
    seen.append(ask(running.address("metrics"), get("/metrics", host="127.0.0.1")).body)
    kept = [*running.folder.rglob("*"), *world.folder.rglob("*")]  # logs, the state directory, everything
    seen += [each.read_bytes() for each in kept if each.is_file() and each != world.word]
    seen += [bytes(each.raw) for each in world.collector.requests]
    for text in seen:
        for secret in (TOKEN, *WORDS):
            assert secret.encode() not in text
