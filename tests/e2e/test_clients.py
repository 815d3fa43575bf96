"""Programs that people use: curl, wrk, slowhttptest and Python's own client are served."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .harness import Gateway, gateway, program, until
from .raw import ask, get
from .upstream import Upstream, upstream

CONFIG = """
listeners {{
    listener "public" {{ address "%public%"; timeouts {{ head "1s"; idle "1s"; body "1s" }} }}
}}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "all" {{ upstream "origin" }}
    route "fixed" {{ matches {{ path "/fixed" }}; respond {{ body "fixed\\n" }} }}
    route "away" {{ matches {{ path "/away" }}; redirect path="/there" status=302 }}
}}
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """The gateway."""
    with gateway(CONFIG.format(origin=origin.address)) as running:
        yield running


@pytest.fixture(autouse=True)
def _forget(origin: Upstream) -> None:
    origin.requests.clear()


def _url(served: Gateway, path: str) -> str:
    host, port = served.address()
    return f"http://{host}:{port}{path}"


def _run(*command: str, seconds: float = 30) -> str:
    result = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert result.returncode == 0, (command, result.stdout, result.stderr)
    return result.stdout


def _curl(*arguments: str) -> str:
    return _run(program("curl"), "--silent", "--show-error", "--max-time", "10", "--noproxy", "*", *arguments)


def test_curl_gets(served: Gateway) -> None:
    """A plain request, and one over a kept connection."""
    assert _curl("--fail", _url(served, "/a?b=c")) == "/a?b=c"
    shown = _curl("--fail", "--write-out", "%{num_connects} ", _url(served, "/1"), _url(served, "/2"))
    assert shown == "/11 /20 "


def test_curl_sends(served: Gateway, origin: Upstream, tmp_path: Path) -> None:
    """A form, a file that it asks about first, a body from a pipe, a PUT."""
    assert _curl("--fail", "--data", "a=b", _url(served, "/form")) == "/form"
    assert origin.the("/form").body == b"a=b"
    large = tmp_path / "large"
    large.write_bytes(b"x" * 2_000_000)
    expects = ("--header", "Expect: 100-continue")
    assert _curl("--fail", *expects, "--data-binary", f"@{large}", _url(served, "/file")) == "/file"
    assert origin.the("/file").body == large.read_bytes()
    coded = ("--header", "Transfer-Encoding: chunked")
    assert _curl("--fail", *coded, "--data-binary", f"@{large}", _url(served, "/coded")) == "/coded"
    assert origin.the("/coded").body == large.read_bytes()
    assert _curl("--fail", "--upload-file", str(large), _url(served, "/put")) == "/put"
    assert origin.the("/put").method == "PUT"


def test_curl_asks_in_other_ways(served: Gateway) -> None:
    """HEAD, HTTP/1.0, an offer of HTTP/2, a redirect followed, a refusal."""
    assert _curl("--head", _url(served, "/fixed")).startswith("HTTP/1.1 200 ")
    assert _curl("--fail", "--http1.0", _url(served, "/old")) == "/old"
    assert _curl("--fail", "--http2", _url(served, "/h2c")) == "/h2c"
    assert _curl("--fail", "--location", _url(served, "/away")) == "/there"
    refused = _curl("--write-out", "\n%{http_code}", "--path-as-is", _url(served, "/%00")).splitlines()
    assert refused[-1] == "400"
    assert json.loads(refused[0])["status"] == 400


def test_curl_by_way_of_it_as_a_proxy(served: Gateway) -> None:
    """Absolute form reaches the upstream; CONNECT is refused."""
    proxy = f"http://127.0.0.1:{served.ports['public']}"
    through = ("--silent", "--max-time", "10", "--noproxy", "", "--proxy", proxy)
    assert _run(program("curl"), *through, "http://a.test/by-proxy") == "/by-proxy"
    shown = subprocess.run(
        [program("curl"), *through, "--write-out", "%{http_connect}", "https://a.test/"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert shown.stdout.endswith("405")


def test_wrk_is_served_without_an_error(served: Gateway) -> None:
    """Two seconds of load: no socket error, no status but 200."""
    shown = _run(program("wrk"), "-t1", "-c16", "-d2s", _url(served, "/load"))
    assert "Socket errors" not in shown
    assert "Non-2xx" not in shown
    found = re.search(r"Requests/sec:\s+([0-9.]+)", shown)
    assert found
    assert float(found[1]) > 100


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(("-H",), id="slow-heads"),
        pytest.param(("-B",), id="slow-bodies"),
        pytest.param(("-X", "-w", "10", "-y", "20", "-n", "1", "-z", "16", "-k", "3"), id="slow-reads"),
    ],
)
def test_slow_clients_keep_nobody_waiting(
    served: Gateway, origin: Upstream, way: tuple[str, ...], tmp_path: Path
) -> None:
    """While slowhttptest holds a hundred connections, others are served; afterwards nothing is left."""

    def held() -> int:
        # Connections to the upstream are kept for a while, and are no client's.
        return served.open_descriptors() - origin.open_connections()

    before = held()
    command = [program("slowhttptest"), *way, "-c", "100", "-r", "100", "-i", "1", "-l", "3", "-p", "2"]
    attack = subprocess.Popen(
        [*command, "-u", _url(served, "/slow")],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    try:
        answered = 0
        while attack.poll() is None:
            assert ask(served.address(), get("/others")).status == 200
            answered += 1
        assert answered > 20
    finally:
        attack.kill()
        attack.wait()
    until(lambda: held() <= before + 8, "their connections are ended", 5)


def test_pythons_client_is_served(served: Gateway, origin: Upstream) -> None:
    """http.client over one connection: bodies of known and of unknown length, HEAD, a refusal."""
    connection = http.client.HTTPConnection(*served.address(), timeout=10)
    for number in range(10):
        connection.request("GET", f"/{number}", headers={"X-A": "b"})
        with connection.getresponse() as reply:
            assert (reply.status, reply.read()) == (200, f"/{number}".encode())
    connection.request("POST", "/post", body=b"hello")
    assert connection.getresponse().read() == b"/post"
    connection.request("POST", "/parts", body=iter([b"hel", b"lo"]), encode_chunked=True)
    assert connection.getresponse().read() == b"/parts"
    assert (origin.the("/post").body, origin.the("/parts").body) == (b"hello", b"hello")
    connection.request("HEAD", "/fixed")
    with connection.getresponse() as reply:
        assert (reply.status, reply.getheader("content-length"), reply.read()) == (200, "6", b"")
    connection.request("GET", "/%00")
    with connection.getresponse() as reply:
        assert reply.status == 400
        assert json.loads(reply.read())["status"] == 400
    connection.request("GET", "/after")  # http.client connects again by itself
    assert connection.getresponse().read() == b"/after"
    connection.close()


def test_many_of_pythons_clients_at_once(served: Gateway) -> None:
    """Twenty threads, fifty requests each, every reply its own."""
    wrong: list[str] = []

    def work(name: int) -> None:
        connection = http.client.HTTPConnection(*served.address(), timeout=20)
        for number in range(50):
            path = f"/{name}/{number}"
            connection.request("GET", path)
            body = connection.getresponse().read().decode()
            if body != path:
                wrong.append(f"{path} got {body}")
        connection.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
