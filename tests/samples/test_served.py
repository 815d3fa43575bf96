"""Samples as they are served: with the samples' own servers behind them, asked as their comments say."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.harness import Gateway, gateway
from tests.e2e.raw import Reply, ask, get

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
_LISTENER = re.compile(r'address "[0-9.]+:(808[0-9])"')
_PLACES = {"8080": "public", "8081": "inside"}
_TARGET = re.compile(r"\b(?:127\.0\.0\.1|10\.[0-9]+\.[0-9]+\.[0-9]+):(9[0-9]{3}|8080)\b")


@contextmanager
def served(
    name: str, folder: Path, environment: Mapping[str, str] | None = None, form: str = ""
) -> Iterator[Gateway]:
    """A gateway on a copy of a sample, each of its targets one of the samples' servers."""
    place = folder / name
    shutil.copytree(SAMPLES / name / form, place)
    config = next(place.glob("gwc.*"))
    text = config.read_text("utf-8")
    text = _LISTENER.sub(lambda found: f'address "%{_PLACES[found[1]]}%"', text)
    targets = list(dict.fromkeys(found[0] for found in _TARGET.finditer(text)))
    ports = _free_ports(len(targets))
    for target, port in zip(targets, ports, strict=True):
        text = text.replace(f'"{target}"', f'"127.0.0.1:{port}"')
    config.write_text(text, "utf-8")
    command = [sys.executable, str(SAMPLES / "upstreams.py")]
    command += [f"server-{number}={port}" for number, port in enumerate(ports)]
    servers = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert servers.stdout is not None
        for _ in ports:
            assert b"answers" in servers.stdout.readline()
        with gateway(place, environment=environment) as running:
            yield running
    finally:
        servers.kill()
        servers.communicate()


def asked(
    running: Gateway, target: str, *headers: str, method: str = "GET", listener: str = "public"
) -> Reply:
    """The reply to a request with these lines of a head."""
    return ask(running.address(listener), get(target, *headers, method=method), method.encode())


def test_a_site(tmp_path: Path) -> None:
    """Pages, packed and not, an application of one page, assets packed beforehand, pages for errors."""
    with served("site", tmp_path) as running:
        page = asked(running, "/")
        assert page.status == 200
        assert b"This page is a file" in page.body
        assert page.value("cache-control") == b"public, max-age=300"
        assert page.value("x-content-type-options") == b"nosniff"
        css = (SAMPLES / "site" / "public" / "assets" / "site-5f1c.css").read_bytes()
        packed = asked(running, "/assets/site-5f1c.css", "Accept-Encoding: gzip")
        assert packed.value("content-encoding") == b"gzip"
        assert gzip.decompress(packed.body) == css
        assert asked(running, "/assets/site-5f1c.css").body == css
        application = asked(running, "/app/orders/7")
        assert application.status == 200
        assert b"the application decides" in application.body
        missing = asked(running, "/nothing-here")
        assert missing.status == 404
        assert b"There is nothing at this address" in missing.body
        assert b"${request-id}" not in missing.body
        assert json.loads(asked(running, "/search?q=a").body)["target"] == "/search?q=a"


def test_what_tells_of_the_gateway(tmp_path: Path) -> None:
    """Inside all is told, outside nothing; a balancer hears that it takes requests."""
    with served("operations", tmp_path) as running:
        assert asked(running, "/ready").status == 200
        assert json.loads(asked(running, "/status").body)["server"].startswith("server-")
        status = json.loads(asked(running, "/status", listener="inside").body)
        assert len(status["workers"]) == 1
        assert b"gwc_requests_total" in asked(running, "/metrics", listener="inside").body
        upstreams = json.loads(asked(running, "/upstreams", listener="inside").body)
        assert [each["name"] for each in upstreams["upstreams"]] == ["shop"]
        assert asked(running, "/else", listener="inside").status == 404


def test_limits(tmp_path: Path) -> None:
    """Replies say what is left, a crawler waits, `health` is asked as often as one likes."""
    with served("limited", tmp_path) as running:
        first = asked(running, "/search?q=a")
        assert first.status == 200
        assert first.value("x-ratelimit-limit") == b"50"
        assert asked(running, "/pages/1").value("x-ratelimit-limit") is None
        assert asked(running, "/health").value("x-ratelimit-limit") is None


def test_who_it_is(tmp_path: Path) -> None:
    """A key and a password let in, nothing and a wrong one do not; the key stays with the gateway."""
    environment = {"TOKEN_SECRET": "0123456789abcdef0123456789abcdef"}
    with served("authenticated", tmp_path, environment) as running:
        assert asked(running, "/orders/1").status == 401
        assert asked(running, "/orders/1", "x-api-key: guessed").status == 401
        reply = asked(running, "/orders/1", "x-api-key: demo-key-for-the-sample")
        assert reply.status == 200
        headers = json.loads(reply.body)["headers"]
        assert headers["x-caller"] == f"api-key/{headers['x-user']}"
        assert "x-api-key" not in headers
        basic = asked(running, "/reports/1", "authorization: Basic ZGVtbzpkZW1vLXBhc3N3b3Jk")
        assert basic.status == 200
        assert asked(running, "/health").status == 200


def test_pages_of_other_origins(tmp_path: Path) -> None:
    """A preflight is answered, a request that the document does not have is refused, fields are there."""
    with served("browser-api", tmp_path) as running:
        origin = "origin: https://app.example.com"
        preflight = asked(
            running, "/v1/orders/7", origin, "access-control-request-method: PUT", method="OPTIONS"
        )
        assert preflight.status == 204
        assert preflight.value("access-control-allow-origin") == b"https://app.example.com"
        assert asked(running, "/v1/nowhere", origin).status == 404
        assert asked(running, "/").value("content-security-policy") == b"default-src 'self'"


def test_balancing(tmp_path: Path) -> None:
    """A user stays with one server; who came without a cookie gets one that holds."""
    with served("resilient", tmp_path, {"STICKY_SECRET": "0123456789abcdef"}) as running:
        users = {_server(asked(running, "/carts/7", "x-user: anna")) for _ in range(5)}
        assert len(users) == 1
        first = asked(running, "/backoffice")
        cookie = (first.value("set-cookie") or b"").split(b";")[0].decode()
        assert cookie
        assert {_server(asked(running, "/backoffice", f"cookie: {cookie}")) for _ in range(4)} == {
            _server(first)
        }


def test_further_tries(tmp_path: Path) -> None:
    """With all that it names in service, a request goes to the route's own upstream and a payment too."""
    with served("failover", tmp_path) as running:
        reply = asked(running, "/orders/7")
        assert reply.status == 200
        assert reply.value("x-fallback-used") is None
        assert asked(running, "/payments", method="POST").status == 200


@pytest.mark.parametrize("name", ["site", "operations"])
def test_the_same_in_yaml(name: str, tmp_path: Path) -> None:
    """The folder with the YAML is served as it is, files and all."""
    place = tmp_path / name
    shutil.copytree(SAMPLES / name / "yaml", place)
    config = place / "gwc.yaml"
    text = config.read_text("utf-8")
    for port, listener in _PLACES.items():
        text = text.replace(f'"127.0.0.1:{port}"', f'"%{listener}%"')
    config.write_text(text, "utf-8")
    with gateway(place) as running:
        path, wanted = {"site": ("/app/x", b"the application decides"), "operations": ("/health", b"")}[name]
        reply = asked(running, path)
        assert reply.status == 200
        assert wanted in reply.body


def _server(reply: Reply) -> str:
    """Which of the servers answered."""
    assert reply.status == 200, reply
    name: str = json.loads(reply.body)["server"]
    return name


def _free_ports(number: int) -> list[int]:
    """So many free ports."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    try:
        return [each.getsockname()[1] for each in held]
    finally:
        for each in held:
            each.close()
