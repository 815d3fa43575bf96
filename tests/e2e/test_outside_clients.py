"""Clients that other people wrote are served over TLS and HTTP/2, through reloads: nothing fails or is cut.

A route is edited every 200 ms while each of them is busy. HTTP/1.1, wrk and slow clients are in
`test_clients.py`, sslyze and the session tickets of `openssl s_client` in `test_tls.py`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from websockets.sync.client import connect

from .certificates import Authority
from .harness import Gateway, gateway, program, until
from .inside import events, write
from .sockets import Sockets, sockets
from .test_grpc import Service, serving
from .upstream import Exchange, Gone, Upstream, upstream

EDIT_S = 0.2
BUSY_S = 3.0
"""So long a client is busy, at least."""

CONFIG = """
listeners {{
    listener "secure" {{ address "%secure%"
        tls {{ certificate "{folder}/own.pem" key="{folder}/own.key" }} }}
    listener "plain" {{ address "%plain%" }}
}}
upstreams {{
    upstream "origin" {{ target "{origin}" }}
    upstream "sockets" {{ target "{sockets}" }}
    upstream "calls" {{ target "127.0.0.1:{calls}"; protocol "http2" }}
}}
routes {{
    route "edited" {{ matches {{ path "/edited" }}; respond {{ body "{generation}" }} }}
    route "socket" {{ matches {{ path-prefix "/echo" }}; websocket; upstream "sockets" }}
    route "calls" {{ matches {{ path-prefix "/test.Echo" }}; upstream "calls" }}
    route "fetched" {{
        matches {{ path-prefix "/fetched" }}
        response-headers {{ set "x-generation" "{generation}" }}
        upstream "origin"
    }}
    route "all" {{ upstream "origin" }}
}}
"""

PAGE = """<!doctype html>
<meta charset="utf-8"><title>gwc</title>
<script>
const found = {fetched: 0, posted: 0, messages: 0, events: 0, generations: [], faults: []};
const over = performance.now() + %d;
const busy = () => performance.now() < over && found.faults.length < 20;
const fault = text => found.faults.push(String(text));
const pause = ms => new Promise(done => setTimeout(done, ms));

async function fetches(name) {
  for (let number = 0; busy(); number++) {
    const path = `/fetched/${name}/${number}`;
    try {
      const reply = await fetch(path, {cache: "no-store"});
      const text = await reply.text();
      if (reply.status !== 200 || text !== path) fault(`${path}: ${reply.status} ${text}`);
      else found.fetched++;
      const generation = Number(reply.headers.get("x-generation"));
      if (generation !== found.generations.at(-1)) found.generations.push(generation);
    } catch (error) { fault(`${path}: ${error}`); }
    await pause(20);
  }
}

async function posts() {
  const body = "y".repeat(200000);
  while (busy()) {
    try {
      const reply = await fetch("/posted", {method: "POST", body, cache: "no-store"});
      if (await reply.text() !== "200000") fault(`posted: ${reply.status}`);
      else found.posted++;
    } catch (error) { fault(`posted: ${error}`); }
    await pause(50);
  }
}

function socket() {
  return new Promise(done => {
    const client = new WebSocket(`wss://${location.host}/echo`);
    let sent = 0, closing = false;
    const next = () => {
      if (!busy()) { closing = true; client.close(1000); return; }
      client.send(`word ${++sent}`);
    };
    client.onopen = next;
    client.onmessage = message => {
      if (message.data !== `word ${sent}`) fault(`socket: ${message.data} for ${sent}`);
      found.messages++;
      setTimeout(next, 20);
    };
    client.onclose = event => {
      if (!closing || event.code !== 1000) fault(`socket closed: ${event.code}`);
      done();
    };
  });
}

function stream() {
  return new Promise(done => {
    const source = new EventSource("/events");
    let last = -1;
    source.onmessage = event => {
      if (Number(event.data) !== last + 1) fault(`event ${event.data} after ${last}`);
      last = Number(event.data);
      found.events++;
      if (!busy()) { source.close(); done(); }
    };
    source.onerror = () => { fault("the event stream broke off"); source.close(); done(); };
  });
}

(async () => {
  const names = ["a", "b", "c", "d"];
  await Promise.all([...names.map(fetches), posts(), socket(), stream()]);
  const entries = ["navigation", "resource"].flatMap(kind => performance.getEntriesByType(kind));
  found.protocols = [...new Set(entries.map(entry => entry.nextHopProtocol))];
  await fetch("/report", {method: "POST", body: JSON.stringify(found)});
})().catch(error => fetch("/report", {method: "POST", body: JSON.stringify({faults: [String(error)]})}));
</script>
"""


def _page(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.reply(200, (PAGE % (BUSY_S * 1000)).encode(), "Content-Type: text/html")


def _events(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    number = 0
    try:
        while number < 2000:
            text = b"data: %d\n\n" % number
            exchange.send(b"%x\r\n%b\r\n" % (len(text), text))
            number += 1
            time.sleep(0.05)
    except Gone:
        pass


def _slow(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n")
    for _ in range(30):
        time.sleep(BUSY_S / 30)
        exchange.send(b".")


def _counts(exchange: Exchange) -> None:
    exchange.reply(200, str(len(exchange.read_body())).encode())


@dataclass
class Scene:
    """The gateway, what is behind it, and the authority of its certificate."""

    running: Gateway
    origin: Upstream
    sockets: Sockets
    authority: Authority
    text: str

    def url(self, path: str, listener: str = "secure") -> str:
        """Where a path is."""
        scheme = "https" if listener == "secure" else "http"
        return f"{scheme}://localhost:{self.running.ports[listener]}{path}"

    @contextmanager
    def edited(self) -> Iterator[None]:
        """A route changes all the time, and each change is taken over."""
        over = threading.Event()
        before = len(events(self.running, "reload-committed"))

        def edit() -> None:
            generation = 1
            while not over.wait(EDIT_S):
                generation += 1
                write(self.running, self.text.replace("@", str(generation)))

        editor = threading.Thread(target=edit, daemon=True)
        editor.start()
        try:
            yield
        finally:
            over.set()
            editor.join(5)
        until(
            lambda: len(events(self.running, "reload-committed")) - before >= 3, "reloads are committed", 20
        )
        assert not events(self.running, "reload-failed")

    def until_seen(self, path: str) -> None:
        """Wait for a request."""
        until(lambda: len(self.origin.seen(path)) == 1, f"{path} arrives")

    def no_fault(self) -> None:
        """No line of the access log tells of one."""
        wrong = [line for line in self.running.access_lines() if line["reason"] or line["status"] >= 400]
        assert wrong == []


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who issued the certificate."""
    found = Authority(tmp_path_factory.mktemp("outside"))
    found.issue("own", "localhost", "127.0.0.1")
    return found


@pytest.fixture
def scene(authority: Authority) -> Iterator[Scene]:
    """Everything, with two workers."""
    with upstream() as origin, sockets() as echo, serving(Service()) as calls:
        answers = {"/page": _page, "/events": _events, "/slow*": _slow, "/posted": _counts}
        origin.answers.update(answers)
        text = CONFIG.format(
            folder=authority.folder, origin=origin.address, sockets=echo.address, calls=calls, generation="@"
        )
        with gateway(text.replace("@", "1"), workers=2) as running:
            yield Scene(running, origin, echo, authority, text)
        assert not origin.faults


def _run(*command: str, seconds: float = 60, standard_input: str | None = None) -> str:
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, check=False, input=standard_input
    )
    assert result.returncode == 0, (command, result.stdout[-2000:], result.stderr[-2000:])
    return result.stdout


def _curl(scene: Scene, *arguments: str) -> tuple[str, list[list[str]]]:
    """What curl shows, and of each request the version, the status and how many connections it made."""
    command = [program("curl"), "-sS", "--fail", "--noproxy", "*", "--max-time", "30"]
    command += ["--cacert", str(scene.authority.ca)]
    shown = _run(*command, "--write-out", "<%{http_version} %{http_code} %{num_connects}>", *arguments)
    return shown, [each.split() for each in re.findall(r"<([^>]*)>", shown)]


def test_curl_over_http2_and_tls(scene: Scene) -> None:
    """Many requests beside slow ones, thirty at a time, on one connection."""
    urls = [scene.url(path) for path in ("/slow/[1-4]", "/fetched/[1-400]", "/slow/more")]
    with scene.edited():
        shown, said = _curl(scene, "--http2", "--parallel", "--parallel-max", "30", *urls)
    assert len(said) == 405
    assert {(version, status) for version, status, _ in said} == {("2", "200")}
    assert sum(int(made) for _, _, made in said) <= 4
    assert shown.count(".") == 150
    scene.no_fault()


def test_curl_over_http2_with_prior_knowledge(scene: Scene) -> None:
    """One after the other, each by a program of its own: curl 7.88 fails at its second request to anybody."""
    with scene.edited():
        for number in range(20):
            _, said = _curl(scene, "--http2-prior-knowledge", scene.url(f"/fetched/{number}", "plain"))
            assert said == [["2", "200", "1"]]
        shown, said = _curl(scene, "--http2-prior-knowledge", scene.url("/slow/1", "plain"))
        assert (shown.count("."), said) == (30, [["2", "200", "1"]])
    scene.no_fault()


@pytest.mark.parametrize("listener", ["secure", "plain"])
def test_h2load(scene: Scene, listener: str) -> None:
    """Four connections of 25 streams each: every request succeeds."""
    command = [program("h2load"), "-D", str(int(BUSY_S)), "-c", "4", "-m", "25", "--rps", "75"]
    command += [scene.url("/fetched/load", listener), scene.url("/edited", listener)]
    with scene.edited():
        shown = _run(*command)
    found = re.search(
        r"requests: (\d+) total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, "
        r"(\d+) timeout",
        shown,
    )
    assert found, shown
    assert int(found[4]) == int(found[3]) > 200, shown
    assert (found[5], found[6], found[7]) == ("0", "0", "0"), shown
    assert re.search(r"status codes: \d+ 2xx, 0 3xx, 0 4xx, 0 5xx", shown), shown


def test_the_websockets_library(scene: Scene) -> None:
    """One WebSocket over TLS says a word every now and then and hears it, to a proper end."""
    context = ssl.create_default_context(cafile=str(scene.authority.ca))
    url = scene.url("/echo").replace("https:", "wss:")
    with (
        connect(url, ssl=context, ping_interval=0.5, max_size=None, close_timeout=5) as client,
        scene.edited(),
    ):
        end, number = time.monotonic() + BUSY_S, 0
        while time.monotonic() < end:
            number += 1
            client.send(f"word {number}")
            assert client.recv(timeout=10) == f"word {number}"
            client.send(b"\0" * 100_000)
            assert client.recv(timeout=10) == b"\0" * 100_000
            time.sleep(0.02)
    assert (client.close_code, number > 10) == (1000, True)
    scene.no_fault()


def test_grpcio(scene: Scene) -> None:
    """One channel over TLS: calls that come and go, and one in both directions that lives on."""
    trust = grpc.ssl_channel_credentials(scene.authority.ca.read_bytes())
    options = (("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1))
    place = scene.url("/").removeprefix("https://").rstrip("/")
    said: list[bytes] = []
    turn, over = threading.Condition(), threading.Event()

    def questions() -> Iterator[bytes]:
        while not over.is_set():
            with turn:
                turn.wait_for(lambda: bool(said) or over.is_set(), 20)
                if said:
                    yield said.pop()

    with grpc.secure_channel(place, trust, options) as channel, scene.edited():
        both = channel.stream_stream("/test.Echo/Bidi")(questions(), timeout=60)
        end, number = time.monotonic() + BUSY_S, 0
        while time.monotonic() < end:
            number += 1
            with turn:
                said.append(b"word %d" % number)
                turn.notify()
            assert next(both) == b"WORD %d" % number
            assert channel.unary_unary("/test.Echo/Unary")(b"ab", timeout=10) == b"ba"
            assert len(list(channel.unary_stream("/test.Echo/ServerStream")(b"20", timeout=10))) == 20
        over.set()
        with turn:
            turn.notify()
        assert list(both) == []
        assert both.code() == grpc.StatusCode.OK
    scene.no_fault()


def test_openssl(scene: Scene) -> None:
    """`s_client` keeps one connection and asks on it before, between and after reloads."""
    command = [program("openssl"), "s_client", "-connect", scene.url("").removeprefix("https://")]
    command += [
        "-servername",
        "localhost",
        "-CAfile",
        str(scene.authority.ca),
        "-verify_return_error",
        "-quiet",
    ]
    with (
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as asking,
        scene.edited(),
    ):
        assert asking.stdin is not None
        for number in range(6):
            more = "Connection: close\r\n" if number == 5 else ""
            request = f"GET /fetched/{number} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n"
            asking.stdin.write(request.encode())
            asking.stdin.flush()
            scene.until_seen(f"/fetched/{number}")
            time.sleep(BUSY_S / 6)
        shown = asking.communicate(timeout=20)[0].decode()
    assert shown.count("HTTP/1.1 200 OK") == 6
    scene.no_fault()


# --- a browser --------------------------------------------------------------------------------------------


def _fingerprint(certificate: Path) -> str:
    """The key of a certificate, as Chromium wants it named."""
    key = load_pem_x509_certificate(certificate.read_bytes()).public_key()
    told = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(told).digest()).decode()


@contextmanager
def _browser(url: str, key: str, folder: Path) -> Iterator[Path]:
    """Chromium without a window, at that page; gives the file of what it says on stderr."""
    command = [program("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    command += ["--no-first-run", "--disable-background-networking", "--disable-component-update"]
    command += [
        "--disable-sync",
        "--disable-extensions",
        "--no-proxy-server",
        f"--user-data-dir={folder}/own",
    ]
    command += [f"--ignore-certificate-errors-spki-list={key}", "--enable-logging=stderr", url]
    log = folder / "stderr"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, start_new_session=True
        )
    try:
        yield log
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_a_browser(scene: Scene, tmp_path: Path) -> None:
    """A page over HTTP/2 fetches, posts, has a WebSocket and an event stream: nothing fails or breaks off."""
    reports: list[dict[str, Any]] = []

    @scene.origin.on("/report")
    def _(exchange: Exchange) -> None:
        reports.append(json.loads(exchange.read_body()))
        exchange.reply(200)

    key = _fingerprint(scene.authority.folder / "own.pem")
    with scene.edited(), _browser(scene.url("/page"), key, tmp_path) as log:
        try:
            until(lambda: bool(reports), "the page reports", 90)
        except AssertionError as fault:
            fault.add_note(log.read_text("utf-8", "replace")[-3000:])
            raise
    (found,) = reports
    assert found["faults"] == []
    assert found["protocols"] == ["h2"]
    assert len(set(found["generations"])) >= 3, (
        "reloads were noticed by what they changed, and by nothing else"
    )
    assert min(found["fetched"], found["messages"], found["events"]) >= 10
    assert found["posted"] >= 3
    lines = [line for line in scene.running.access_lines() if line["path"] != "/favicon.ico"]
    assert {line["protocol"] for line in lines} == {"HTTP/2"}, "the WebSocket too"
    assert {line["status"] for line in lines if line["path"] != "/echo"} == {200}
    assert {line["reason"] for line in lines if line["path"] != "/events"} == {""}, "that the page closed"
