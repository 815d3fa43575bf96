"""What is said of a gateway as a whole: processes, logs, its own listeners, watching, draining, tracing."""

from __future__ import annotations

import json
import signal
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .. import harness
from ..harness import Gateway, GatewayFailed, until
from ..raw import BadReply, Client, Reply, Silence, ask, get, read_reply
from ..upstream import Exchange, Upstream, upstream
from .keys import shows
from .starting import bare_gateway, start, workers_of

LOUD = """
workers 2
metrics "%metrics%"
admin "unix:%folder%/here.sock"
access-log {{ path "%folder%/access"; format "json" }}
error-log {{ path "%folder%/error"; format "text"; level "warning" }}
audit-log {{ path "%folder%/audit"; format "text" }}
tracing {{ endpoint "{collector}/loud"; sample "100%"; service "shop" }}
include "more/*.kdl"
listeners {{ listener "public" {{ address "%public%" }} }}
"""
QUIET = """
workers 1
metrics "off"
admin "off"
watch #false
access-log {{ path "%folder%/access"; format "text"; sample "25%" }}
error-log {{ path "%folder%/error"; level "info" }}
audit-log {{ path "%folder%/audit"; format "json" }}
tracing {{ endpoint "{collector}/quiet"; sample "0.0001%" }}
include "more/*.kdl"
listeners {{ listener "public" {{ address "%public%" }} }}
"""
SILENT = """
workers 1
access-log { path "off" }
error-log { path "off" }
audit-log { path "off" }
include "more/*.kdl"
listeners { listener "public" { address "%public%" } }
"""
ROUTES = """
routes {
    route "started" { matches { path "/started" }; respond }
    route "said" { matches { path "/said" }; respond { body "before" } }
}
"""


@pytest.fixture(scope="module")
def collector() -> Iterator[Upstream]:
    """Where spans are sent."""
    with upstream() as server:
        server.otherwise = _taken
        yield server


def _taken(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.reply(200, b"{}", "content-type: application/json")


@pytest.fixture(scope="module")
def loud(collector: Upstream) -> Iterator[Gateway]:
    """A gateway that says much, in two workers."""
    config = LOUD.format(collector=f"http://{collector.address}")
    with bare_gateway(config, files={"more/routes.kdl": ROUTES}) as running:
        yield running


@pytest.fixture(scope="module")
def quiet(collector: Upstream) -> Iterator[Gateway]:
    """A gateway that says little."""
    config = QUIET.format(collector=f"http://{collector.address}")
    with bare_gateway(config, files={"more/routes.kdl": ROUTES}) as running:
        yield running


@pytest.fixture(scope="module")
def silent() -> Iterator[Gateway]:
    """A gateway that says nothing."""
    with bare_gateway(SILENT, files={"more/routes.kdl": ROUTES}) as running:
        yield running


def _lines(running: Gateway, name: str, holding: str, number: int = 1) -> list[str]:
    """Lines of a log file with a word in them; waits for so many."""
    path = running.folder / name

    def found() -> list[str]:
        text = path.read_text("utf-8") if path.exists() else ""
        return [line for line in text.splitlines() if holding in line]

    until(lambda: len(found()) >= number, f"{number} lines with {holding!r} in {name}")
    return found()


def _logs(running: Gateway) -> str:
    return "".join(
        (running.folder / name).read_text("utf-8")
        for name in ("access", "error", "audit", "stdout", "stderr")
        if (running.folder / name).exists()
    )


@shows("workers")
def test_workers(loud: Gateway, quiet: Gateway) -> None:
    """As many processes serve as are asked for."""
    assert [len(workers_of(each)) for each in (loud, quiet)] == [2, 1]


@shows("include")
def test_included_routes(loud: Gateway) -> None:
    """What an included file says is served."""
    assert ask(loud.address(), get("/said")).body == b"before"


@shows("access-log.{,path,format,sample}")
def test_the_access_log(loud: Gateway, quiet: Gateway, silent: Gateway) -> None:
    """To a file as JSON, to a file as text with a share of the requests, nowhere; failures always."""
    for running in (loud, quiet, silent):
        with Client(running.address()) as client:
            for _ in range(60):
                assert client.ask(get("/said", "user-agent: access-check")).status == 200
            assert client.ask(get("/none")).status == 404
    lines = [json.loads(line) for line in _lines(loud, "access", "/said", 60)]
    assert {line["path"] for line in lines} == {"/said"}
    _lines(loud, "access", "/none")
    (failed,) = _lines(quiet, "access", " /none", 0) or _lines(quiet, "access", "/none")
    assert " 404 GET " in failed
    assert 2 <= len(_lines(quiet, "access", "/said")) <= 35
    assert not _logs(silent)


@shows("error-log.{,path,format,level}")
def test_the_error_log(loud: Gateway, quiet: Gateway, silent: Gateway) -> None:
    """To a file as text from warnings on, to a file as JSON with everything usual, nowhere."""
    _broken(loud)
    (line,) = _lines(loud, "error", "reload-failed")
    assert not line.startswith("{")
    assert "listening" not in _logs(loud)
    assert [json.loads(line)["event"] for line in _lines(quiet, "error", '"ready"')] == ["ready"]
    assert not _logs(silent)


def _broken(running: Gateway) -> None:
    """A reload that fails, and the same file as before again."""
    path = running.folder / "config/more/routes.kdl"
    text = path.read_text()
    path.write_text("routes {")
    running.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    path.write_text(text)
    time.sleep(0.3)


@shows("audit-log.{,path,format}")
def test_the_audit_log(loud: Gateway, quiet: Gateway, silent: Gateway) -> None:
    """A line for a refusal: to a file as text, to a file as JSON, nowhere."""
    for running in (loud, quiet, silent):
        assert ask(running.address(), get("/audited/%00")).status == 400
    assert not _lines(loud, "audit", "status=400")[-1].startswith("{")
    line = json.loads(_lines(quiet, "audit", '"status":400')[-1])
    assert (line["type"], line["listener"]) == ("refusal", "public")
    assert not _logs(silent)


@shows("audit-log")
def test_changes_by_the_admin_api_are_audited(loud: Gateway) -> None:
    """A line for each, with what was wanted and what came of it."""
    assert admin(loud, "/v1/reload", "POST").status == 200
    assert "status=200" in _lines(loud, "audit", "admin")[-1]


@shows("metrics.{,address}")
def test_metrics(loud: Gateway, quiet: Gateway) -> None:
    """On the address that is said; by default and by `off` nowhere."""
    assert ask(loud.address(), get("/said")).status == 200
    reply = ask(loud.address("metrics"), get("/metrics", host=f"127.0.0.1:{loud.ports['metrics']}"))
    assert reply.status == 200
    assert b"gwc_" in reply.body
    assert "metrics-listening" not in _logs(quiet)


def admin(running: Gateway, path: str, method: str = "GET") -> Reply:
    """Ask the admin API of a gateway, on the socket `here.sock` of its folder."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(5)
        sock.connect(str(running.folder / "here.sock"))
        sock.sendall(get(path, "connection: close", host="localhost", method=method))
        data = b""
        while more := sock.recv(65536):
            data += more
    found = read_reply(data, method.encode(), True)
    assert found is not None
    return found[0]


@shows("admin.{,address}")
def test_admin(loud: Gateway, quiet: Gateway, silent: Gateway) -> None:
    """On the socket that is said, on the usual one, or nowhere; nobody else may come in."""
    reply = admin(loud, "/v1/status")
    assert (reply.status, json.loads(reply.body)["generation"] >= 1) == (200, True)
    assert stat.S_IMODE((loud.folder / "here.sock").stat().st_mode) == 0o600
    assert [(each.folder / "gwc/admin.sock").exists() for each in (loud, quiet, silent)] == [
        False,
        False,
        True,
    ]


@shows("tracing.{,endpoint,sample,service}")
def test_tracing(loud: Gateway, quiet: Gateway, silent: Gateway, collector: Upstream) -> None:
    """Every trace or next to none, to the collector that is said, under the name that is said."""
    for running in (loud, quiet, silent):
        assert ask(running.address(), get("/said?traced=yes")).status == 200
    until(
        lambda: any(b"traced=yes" in (each.body or b"") for each in collector.seen("/loud")), "the span came"
    )
    documents = [json.loads(each.body or b"") for each in collector.seen("/loud")]
    assert {_service(each) for each in documents} == {"shop"}
    span = documents[-1]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert span["name"].startswith("GET ")
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert ask(quiet.address(), get("/said?traced=no", f"traceparent: {parent}")).status == 200
    time.sleep(1.2)
    assert not collector.seen("/quiet")


def _service(document: dict[str, Any]) -> str:
    attributes = document["resourceSpans"][0]["resource"]["attributes"]
    (found,) = [each["value"]["stringValue"] for each in attributes if each["key"] == "service.name"]
    return str(found)


def _said(running: Gateway) -> bytes:
    return ask(running.address(), get("/said")).body


@shows("watch")
def test_watching(loud: Gateway, quiet: Gateway) -> None:
    """A change is taken over at once, or only when that is asked for."""
    for running in (loud, quiet):
        path = running.folder / "config/more/routes.kdl"
        path.write_text(path.read_text().replace('"before"', '"after"'))
    until(lambda: _said(loud) == b"after", "the change is served")
    time.sleep(1.5)
    assert _said(quiet) == b"before"
    quiet.process.send_signal(signal.SIGHUP)
    until(lambda: _said(quiet) == b"after", "the change is served when asked for")
    for running in (loud, quiet):
        path = running.folder / "config/more/routes.kdl"
        path.write_text(path.read_text().replace('"after"', '"before"'))
        running.process.send_signal(signal.SIGHUP)
        until(lambda running=running: _said(running) == b"before", "as it was")  # type: ignore[misc]  # the loop's own


def _serves(client: Client) -> bool:
    try:
        return client.ask(get("/started")).status == 200
    except (Silence, BadReply, BrokenPipeError, ConnectionResetError):
        return False


def _served_at_once(running: Gateway, number: int, name: str = "public") -> int:
    """How many of so many connections are served while all are open."""
    clients: list[Client] = []
    try:
        found = 0
        for _ in range(number):
            client = Client(running.address(name))
            clients.append(client)
            client.send(get("/started"))
        for client in clients:
            try:
                found += client.reply(within=0.5).status == 200
            except (Silence, BadReply):
                continue
        return found
    finally:
        for client in clients:
            client.close()


BOUNDED = """
workers {workers}
{connections}
state-dir "%folder%/state"
drain-timeout "{drain}"
admin "off"
listeners {{
    listener "public" {{ address "%public%" }}
    listener "few" {{ address "%few%"; limits {{ connections 2 }} }}
    listener "each" {{ address "%each%"; limits {{ connections-per-ip 2 }} }}
}}
upstreams {{
    upstream "origin" {{ target "{origin}" }}
    upstream "narrow" {{ target "{origin}"; connections {{ max 2 }} }}
}}
routes {{
    route "started" {{ matches {{ path "/started" }}; respond }}
    route "slow" {{ matches {{ path "/slow" }}; upstream "origin" }}
    route "narrow" {{ matches {{ path-prefix "/narrow" }}; upstream "narrow" }}
}}
"""


@shows("connections", "drain-timeout")
def test_connections_and_draining() -> None:
    """The most connections of the whole gateway; and how long what is under way may take at the end."""
    with upstream() as origin:

        @origin.on("/slow")
        def _slow(exchange: Exchange) -> None:
            time.sleep(1.2)
            exchange.reply(200, b"slow")

        found = []
        for connections, drain in (("connections 3", "300ms"), ("", "10s")):
            text = BOUNDED.format(workers=1, connections=connections, drain=drain, origin=origin.address)
            with bare_gateway(text) as running:
                served = _served_at_once(running, 6)
                until(lambda running=running: _served_at_once(running, 3) == 3, "room again")  # type: ignore[misc]  # the loop's own
                with Client(running.address()) as client:
                    before = len(origin.requests)
                    client.send(get("/slow"))
                    until(lambda before=before: len(origin.requests) > before, "the request is under way")  # type: ignore[misc]  # the loop's own
                    running.process.send_signal(signal.SIGTERM)
                    running.stops_itself = True
                    try:
                        body = client.reply().body
                    except (Silence, BadReply):
                        body = b""
                found.append((served, body))
    assert found == [(3, b""), (6, b"slow")]


@shows("state-dir")
def test_a_restart_on_a_broken_file(tmp_path: Path) -> None:
    """With a state directory the last good table is served; without one the gateway does not start."""
    port = harness.free_port()
    for state in (f'state-dir "{tmp_path}/state"', ""):
        place = tmp_path / "config"
        place.mkdir(exist_ok=True)
        listener = f'listeners {{ listener "public" {{ address "127.0.0.1:{port}" }} }}'
        (place / "gwc.kdl").write_text(f'{state}\nworkers 1\nadmin "off"\n{listener}\n{ROUTES}')
        harness._stop(start(tmp_path, {"public": port}))
        broken = place / "gwc.kdl"
        broken.write_text(broken.read_text() + "\nroutes {")
        if not state:
            with pytest.raises(GatewayFailed):
                start(tmp_path, {"public": port})
            continue
        broken_but = {"GWC_STATE_DIR": f"{tmp_path}/state"}  # a file that cannot be read says nothing
        running = start(tmp_path, {"public": port}, broken_but)
        assert _said(running) == b"before"
        until(lambda running=running: "config-stale" in running.errors, "it is told")  # type: ignore[misc]  # the loop's own
        harness._stop(running)


@shows("connections", "listener.limits.{connections,connections-per-ip}")
@pytest.mark.parametrize("name", ["public", "few", "each"])
def test_counts_are_the_gateways(bounded: Gateway, name: str) -> None:
    """However many workers there are, a limit is one limit; of one client, each worker has its own."""
    most = {"public": (4, 4), "few": (2, 2), "each": (2, 4)}[name]
    assert most[0] <= _served_at_once(bounded, 12, name) <= most[1]


@shows("connections")
def test_further_connections_wait(bounded: Gateway) -> None:
    """Beyond the most of the whole gateway they are neither served nor closed until there is room."""
    clients = [Client(bounded.address()) for _ in range(12)]
    for client in clients:
        client.send(get("/started"))
    served = 0
    while clients:
        standing = [client for client in clients if client.is_quiet(0.05)]
        answered = [client for client in clients if client not in standing]
        assert answered, "nobody is served though there is room"
        assert [client.reply().status for client in answered] == [200] * len(answered)
        served += len(answered)
        for client in answered:
            client.close()
        clients = standing
    assert served == 12


@shows("upstream.connections.max")
def test_connections_to_an_upstream_are_counted_once(bounded: Gateway, bounded_origin: Upstream) -> None:
    """Two workers together have no more than the most, and nobody waits for a connection that is free."""

    @bounded_origin.on("/narrow")
    def _narrow(exchange: Exchange) -> None:
        most.append(bounded_origin.open_connections() - before)
        time.sleep(0.05)
        exchange.reply(200)

    most: list[int] = []
    before = bounded_origin.open_connections()
    for _ in range(6):
        clients = [Client(bounded.address()) for _ in range(3)]
        for client in clients:
            client.send(get("/narrow"))
        assert [client.reply().status for client in clients] == [200] * 3
        for client in clients:
            client.close()
    assert max(most) <= 2


@pytest.fixture(scope="module")
def bounded_origin() -> Iterator[Upstream]:
    """The server behind it."""
    with upstream() as origin:
        yield origin


@pytest.fixture(scope="module")
def bounded(bounded_origin: Upstream) -> Iterator[Gateway]:
    """A gateway of two workers with limits."""
    origin = bounded_origin.address
    text = BOUNDED.format(workers=2, connections="connections 4", drain="1s", origin=origin)
    with bare_gateway(text) as running:
        yield running
