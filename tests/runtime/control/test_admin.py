"""The admin API of a real gateway with two workers: what it answers, and what it takes from nobody."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from gwc.runtime.control.openapi import OPERATIONS, document, document_text, names_in

from .process import GWC, gwc_run
from .running import free_port
from .steering import CANARY, Said, Steered, call, steered, talk, until

TOKEN = "a-token-of-some-length"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Steered]:
    """One gateway for all tests that leave it as it was."""
    with steered(tmp_path_factory.mktemp("gw")) as it:
        yield it


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A configuration without anything special."""
    path = tmp_path / "gwc.kdl"
    path.write_text(
        f'listeners {{ listener "a" {{ address "127.0.0.1:{free_port()}" }} }}\n'
        'routes { route "a" { respond status=200 } }\n'
    )
    return path


# --- the document ------------------------------------------------------------------------------------------


def test_the_document_is_openapi() -> None:
    """OpenAPI 3.1, as a validator of others reads it."""
    from openapi_spec_validator import OpenAPIV31SpecValidator

    OpenAPIV31SpecValidator(document()).validate()


def test_the_document_in_docs_is_this_one() -> None:
    """GWC_REFRESH_GOLDEN=1 writes it anew."""
    path = Path(__file__).parents[3] / "docs" / "openapi.json"
    if os.environ.get("GWC_REFRESH_GOLDEN"):
        path.write_text(document_text())
    assert path.read_text() == document_text()


def test_every_path_answers_as_the_document_says(tmp_path: Path) -> None:
    """Each operation is called through the document it serves itself, and its answer has the shape told."""
    bodies: dict[str, Any] = {
        "explain": {"method": "GET", "url": "http://a/pair"},
        "log_level": {"level": "info"},
    }
    with steered(tmp_path) as it:
        it.public("/pair/x")
        told = it.get("/v1/openapi.json")
        address = it.get("/v1/upstreams")["upstreams"][0]["targets"][0]["target"]
        names = {"name": "pair", "address": quote(address, safe="")}
        called = set()
        operations = [
            (path, method, operation)
            for path, methods in told["paths"].items()
            for method, operation in methods.items()
        ]
        operations.sort(key=lambda each: each[2]["operationId"] == "drain")  # after that nothing answers
        for path, method, operation in operations:
            filled = path.format_map(names)
            said = it.call(method.upper(), filled, bodies.get(operation["operationId"]))
            assert said.status in (200, 202), (path, said)
            _fits(told, operation, said)
            called.add(operation["operationId"])
        assert called == {each.name for each in OPERATIONS}
        assert it.gwc.end() == 0


def _fits(told: dict[str, Any], operation: dict[str, Any], said: Said) -> None:
    """The answer has the shape that the document tells."""
    from jsonschema import Draft202012Validator

    content = operation["responses"][str(said.status)]["content"]
    media = said.headers["content-type"].partition(";")[0]
    schema = {**content[media]["schema"], "components": told["components"]}
    value = said.json if media == "application/json" else said.text
    Draft202012Validator(schema).validate(value)


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if each.name != "drain"])
def test_the_other_methods_are_405(shared: Steered, operation: Any) -> None:
    """Reading is GET and changing is POST; `Allow` says which."""
    path = operation.path.format_map(dict.fromkeys(names_in(operation.path), "x"))
    other = "POST" if operation.method == "GET" else "GET"
    for method in (other, "PUT", "HEAD"):
        said = shared.call(method, path)
        assert (said.status, said.headers["allow"]) == (405, operation.method)


# --- who may come in, and with what ------------------------------------------------------------------------


def test_the_socket_is_its_owners_alone(shared: Steered) -> None:
    """Mode 0600 in a directory of mode 0700."""
    assert shared.path == f"{shared.folder}/gwc/admin.sock"
    assert stat.S_IMODE(os.stat(shared.path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(os.path.dirname(shared.path)).st_mode) == 0o700


@pytest.mark.parametrize(
    ("method", "path", "raw", "status", "code"),
    [
        ("GET", "/", None, 404, "path"),
        ("GET", "/v1/status/", None, 404, "path"),
        ("GET", "//v1/status", None, 404, "path"),
        ("GET", "/v1/routes?limit=x", None, 400, "query"),
        ("GET", "/v1/routes?limit=-1", None, 400, "query"),
        ("GET", "/v1/routes?limit=1&limit=1", None, 400, "query"),
        ("GET", "/v1/routes?limit=10001", None, 400, "query"),
        ("GET", "/v1/routes?limit=%31", None, 400, "query"),
        ("GET", "/v1/status?x=1", None, 400, "query"),
        ("POST", "/v1/reload?to=0", None, 400, "query"),
        ("POST", "/v1/reload?to=99999999999999999999", None, 400, "query"),
        ("POST", "/v1/reload", b"{}", 400, "body"),
        ("POST", "/v1/log-level", None, 400, "body"),
        ("POST", "/v1/log-level", b"", 400, "body"),
        ("POST", "/v1/log-level", b"{", 400, "body"),
        ("POST", "/v1/log-level", b"[]", 400, "body"),
        ("POST", "/v1/log-level", b'{"level": "loud"}', 400, "body"),
        ("POST", "/v1/log-level", b'{"level": "info", "more": 1}', 400, "body"),
        ("POST", "/v1/log-level", b'{"level": "info", "level": "info"}', 400, "body"),
        ("POST", "/v1/log-level", b'{"level": "\xff"}', 400, "body"),
        ("POST", "/v1/log-level", b'{"level": "\\ud800"}', 400, "body"),
        ("POST", "/v1/explain", b'{"method": "GET", "url": "http://a/", "candidates": NaN}', 400, "body"),
        ("POST", "/v1/explain", b'{"method": "GET", "url": "http://a/", "candidates": 1e999}', 400, "body"),
        ("POST", "/v1/explain", b'{"method": "GET", "url": "http://a/", "body": "\\udfff"}', 400, "body"),
        ("POST", "/v1/explain", b"[" * 100_000, 400, "body"),
        ("POST", "/v1/explain", b'{"method": "GET", "url": "nowhere"}', 422, "no-request"),
        ("POST", "/v1/explain", b'{"method": "GET", "url": "http://a/", "listener": "x"}', 422, "no-request"),
        ("POST", "/v1/upstreams/nope/targets/x/disable", None, 404, "upstream"),
        ("POST", "/v1/upstreams/pair/targets/x/disable", None, 404, "target"),
        ("POST", "/v1/upstreams/pair/targets/%ff/disable", None, 400, "path"),
        ("POST", "/v1/upstreams/pair/targets/%2/disable", None, 400, "path"),
        ("POST", "/v1/upstreams/pair/targets//disable", None, 404, "path"),
        ("POST", "/v1/upstreams/pair/targets/x/drain", b'{"timeout_s": 301}', 400, "body"),
        ("POST", "/v1/upstreams/pair/targets/x/drain", b'{"timeout_s": "1"}', 400, "body"),
    ],
)
def test_what_is_not_taken(
    shared: Steered, method: str, path: str, raw: bytes | None, status: int, code: str
) -> None:
    """A code for programs and words for people, and nothing is done."""
    said = shared.call(method, path, raw=raw)
    assert (said.status, said.code) == (status, code), said
    assert said.json["error"]["message"]


def test_a_body_says_that_it_is_json(shared: Steered) -> None:
    """A form of a web page cannot say so."""
    body = b'{"level": "info"}'
    for media in ("text/plain", "application/x-www-form-urlencoded", ""):
        said = shared.call("POST", "/v1/log-level", raw=body, headers={"content-type": media})
        assert (said.status, said.code) == (400, "body")
    media = "application/json; charset=utf-8"
    assert shared.call("POST", "/v1/log-level", raw=body, headers={"content-type": media}).status == 200


def test_browsers_are_sent_away(shared: Steered) -> None:
    """Whatever Origin they name; no header lets a page of elsewhere read."""
    for header in ("origin", "sec-fetch-site"):
        said = shared.call("GET", "/v1/status", headers={header: "null"})
        assert (said.status, said.code) == (403, "browser")
        assert not [name for name in said.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /v1/status\r\n\r\n", 400),
        (b"GET /v1/status HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/status HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        (b"GET /v1/status HTTP/1.1\r\nhost : a\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50) + b"\r\n\r\n", 400),
        (b"GET /v1/status HTTP/1.1\r\nhost: a\r\nx: " + b"a" * 20_000 + b"\r\n\r\n", 431),
        (
            b"POST /v1/log-level HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n"
            b"\r\n2\r\n{}\r\n0\r\n\r\n",
            400,
        ),
        (b"POST /v1/log-level HTTP/1.1\r\nhost: a\r\ncontent-length: 1048577\r\n\r\n", 413),
        (b"POST /v1/log-level HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n", 400),
        (
            b"POST /v1/log-level HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n"
            + b"a" * 0x200000
            + b"\r\n0\r\n\r\n",
            413,
        ),
    ],
)
def test_what_is_no_request(shared: Steered, data: bytes, status: int) -> None:
    """It is refused in JSON, and the connection ends; the next one is served."""
    reply = talk(shared.path, data)
    assert reply.startswith(b"HTTP/1.1 %d " % status), reply[:200]
    assert b'{"error":' in reply
    assert b"connection: close" in reply.lower()
    assert shared.get("/v1/health")["status"] == "ok"


def test_requests_of_one_connection_come_in_order(shared: Steered) -> None:
    """Kept alive, and sent without waiting."""
    one = b"GET /v1/health HTTP/1.1\r\nhost: a\r\n\r\n"
    reply = talk(shared.path, one * 3 + one.replace(b"host", b"connection: close\r\nhost"))
    assert reply.count(b"HTTP/1.1 200") == 4
    assert reply.count(b'"status":"ok"') == 4


def test_an_end_in_the_middle_harms_nobody(shared: Steered) -> None:
    """Every beginning of a request."""
    whole = b'POST /v1/log-level HTTP/1.1\r\nhost: a\r\ncontent-length: 17\r\n\r\n{"level": "info"}'
    for length in range(0, len(whole), 7):
        talk(shared.path, whole[:length])
    assert shared.get("/v1/health")["status"] == "ok"


def test_a_crowd_that_says_nothing_keeps_nobody_out(shared: Steered) -> None:
    """More connections than there are places: the oldest ones are sent away."""
    import socket

    crowd = []
    for _ in range(90):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(5)
        sock.connect(shared.path)
        crowd.append(sock)
        sock.sendall(b"GET /v1/health HTTP/1.1\r\n")
    assert shared.call("GET", "/v1/health").status == 200
    assert crowd[0].recv(1) == b""
    crowd[-1].sendall(b"host: a\r\n\r\n")
    assert crowd[-1].recv(12) == b"HTTP/1.1 200"
    for sock in crowd:
        sock.close()


# --- looking -----------------------------------------------------------------------------------------------


def test_explain_is_the_commands_answer(shared: Steered) -> None:
    """The same JSON as `gwc explain --format json`, from the live table."""
    arguments = ["GET", "http://api/pair/a?b=c", "-H", "x-a: b", "--client-ip", "10.0.0.1"]
    done = subprocess.run(
        [GWC, "explain", "-c", shared.folder / "gwc.kdl", *arguments, "--format", "json"],
        check=True,
        capture_output=True,
        timeout=30,
    )
    body = {
        "method": "GET",
        "url": "http://api/pair/a?b=c",
        "headers": ["x-a: b"],
        "client_ip": "10.0.0.1",
    }
    asked, told = shared.call("POST", "/v1/explain", body).json, json.loads(done.stdout)
    for each in (asked, told):
        del each["request"]["sample"]  # drawn anew for each
    assert asked == told
    assert asked["decision"]["route"] == "pair"


def test_the_configuration_shows_no_secret(shared: Steered) -> None:
    """References as written; what somebody wrote out under a secret name is masked, and never looked up."""
    said = shared.call("GET", "/v1/config")
    assert CANARY not in said.text
    routes = {each["route"]: each for each in said.json["routes"]}
    assert routes["pair"]["request_headers"]["set"] == [
        ["authorization", "Bearer ${env:GWC_TEST_SECRET}"],
        ["x-api-key", "***"],
    ]
    assert routes["said"]["matches"][0]["conditions"] == [
        'path-prefix "/said"',
        'header "x-auth-token" "***"',
    ]
    assert [each["name"] for each in said.json["upstreams"]] == ["pair"]
    part = shared.get("/v1/config?offset=1&limit=1")
    assert [each["route"] for each in part["routes"]] == ["said"]
    assert part["routes_total"] == 3


def test_routes_are_counted_over_workers(tmp_path: Path) -> None:
    """Each request by a connection of its own, so that both workers serve."""
    with steered(tmp_path) as it:
        began = time.time()
        for _ in range(20):
            it.public("/pair/a")
        it.public("/x")
        found = {each["name"]: each for each in it.get("/v1/routes")["routes"]}
        assert (found["pair"]["hits"], found["rest"]["hits"], found["said"]["hits"]) == (20, 1, 0)
        assert found["pair"]["upstreams"] == ["pair"]
        assert began - 1 <= found["pair"]["last_hit"] <= time.time()
        assert found["said"]["last_hit"] is None
        recent = it.get("/v1/requests/recent?limit=5")["requests"]
        assert [each["path"] for each in recent] == ["/x"] + ["/pair/a"] * 4
        assert recent[0]["timestamp"] >= recent[-1]["timestamp"]
        pair = it.get("/v1/upstreams")["upstreams"][0]
        assert {each["target"] for each in pair["targets"]} == {each["target"] for each in pair["written"]}
        assert sum(each["attempts"] for each in pair["targets"]) == 20


def test_a_request_under_way_is_seen_and_masked(shared: Steered) -> None:
    """It is there while it lasts, without the secret of its query, and then among the recent ones."""
    first, second = shared.backends
    first.go.clear()
    second.go.clear()
    thread = threading.Thread(target=shared.public, args=(f"/pair/wait?token={CANARY}&a=b",))
    thread.start()
    try:
        until(lambda: first.waiting.is_set() or second.waiting.is_set(), "the request is there")
        said = shared.call("GET", "/v1/requests/active")
        (request,) = said.json["requests"]
        assert CANARY not in said.text
        assert (request["path"], request["query"], request["route"]) == (
            "/pair/wait",
            "token=***&a=b",
            "pair",
        )
        assert request["upstream"] == "pair"
        assert request["duration_ms"] >= 0
        assert shared.get("/v1/requests/active?limit=0") == {"total": 1, "requests": []}
        assert sum(each["status"]["in_flight"] for each in shared.get("/v1/status")["workers"]) == 1
    finally:
        first.go.set()
        second.go.set()
        thread.join(10)
    until(lambda: shared.get("/v1/requests/active")["total"] == 0, "the request is over")
    recent = shared.call("GET", "/v1/requests/recent")
    assert CANARY not in recent.text
    assert any(each["path"] == "/pair/wait" for each in recent.json["requests"])


# --- changing ----------------------------------------------------------------------------------------------


def test_a_disabled_target_gets_nothing_until_it_is_enabled(tmp_path: Path) -> None:
    """In all workers, over a reload, and in a worker that starts anew."""
    with steered(tmp_path) as it:
        address = f"127.0.0.1:{it.backends[0].port}"
        path = f"/v1/upstreams/pair/targets/{address}"

        def served() -> set[str]:
            return {it.public("/pair/a")[1] for _ in range(12)}

        assert served() == {"first", "second"}
        assert it.call("POST", f"{path}/disable").json["disabled"] is True
        assert served() == {"second"}
        it.write("again")
        it.gwc.wait("reload-committed", nth=2)
        assert it.public("/")[1] == "again"
        assert served() == {"second"}
        victim = it.get("/v1/status")["workers"][0]["pid"]
        os.kill(victim, signal.SIGKILL)
        it.gwc.wait("worker-started")
        assert it.get("/v1/status")["disabled"] == [{"upstream": "pair", "target": address}]
        assert served() == {"second"}
        assert it.call("POST", f"{path}/enable").json["disabled"] is False
        assert served() == {"first", "second"}
        lines = it.changes("disable_target")
        assert (lines[0]["status"], lines[0]["name"], lines[0]["address"]) == (200, "pair", address)
        assert re.fullmatch(r"unix uid \d+ pid \d+", lines[0]["client"])


def test_what_was_disabled_is_forgotten_with_its_target(tmp_path: Path) -> None:
    """A target that goes and comes back is a new one."""
    with steered(tmp_path) as it:
        address = f"127.0.0.1:{it.backends[0].port}"
        it.call("POST", f"/v1/upstreams/pair/targets/{address}/disable")
        main = tmp_path / "gwc.kdl"
        text = main.read_text()
        main.write_text(text.replace(f'target "{address}"; ', ""))
        it.gwc.wait("reload-committed", nth=2)
        until(lambda: it.get("/v1/status")["disabled"] == [], "it is forgotten")
        main.write_text(text)
        it.gwc.wait("reload-committed", nth=3)
        assert {it.public("/pair/a")[1] for _ in range(12)} == {"first", "second"}


def test_draining_a_target_waits_for_its_requests(tmp_path: Path) -> None:
    """The answer comes when they are over, or when its time is."""
    with steered(tmp_path, workers=1) as it:
        first, second = it.backends
        second_path = f"/v1/upstreams/pair/targets/127.0.0.1:{second.port}"
        path = f"/v1/upstreams/pair/targets/127.0.0.1:{first.port}"
        it.call("POST", f"{second_path}/disable")
        thread = threading.Thread(target=it.public, args=("/pair/wait",))
        thread.start()
        until(first.waiting.is_set, "the request is there")
        it.call("POST", f"{second_path}/enable")
        late = it.call("POST", f"{path}/drain", {"timeout_s": 0.2}).json
        assert (late["active"], late["disabled"]) == (1, True)
        threading.Timer(0.3, first.go.set).start()
        done = it.call("POST", f"{path}/drain", {"timeout_s": 10}).json
        assert (done["active"], done["idle"]) == (0, 0)
        thread.join(10)
        assert {it.public("/pair/a")[1] for _ in range(6)} == {"second"}


def test_reloads_and_going_back(tmp_path: Path) -> None:
    """Committed, unchanged, failed with the report, back to the first; each is a line of the audit log."""
    with steered(tmp_path, "--no-watch") as it:
        assert it.call("POST", "/v1/reload").json["result"] == "unchanged"
        it.write("second")
        done = it.call("POST", "/v1/reload")
        assert (done.status, done.json["result"], done.json["generation"]) == (200, "committed", 2)
        assert it.public("/")[1] == "second"
        main = tmp_path / "gwc.kdl"
        main.write_text(main.read_text().replace("routes {", "rooutes {"))
        failed = it.call("POST", "/v1/reload")
        assert (failed.status, failed.json["result"], failed.json["generation"]) == (409, "failed", 2)
        assert "error[GWC" in failed.json["findings"]
        status = it.get("/v1/status")
        assert status["config_stale"] is True
        assert status["reloads"] == {"committed": 2, "unchanged": 1, "failed": 1}
        back = it.call("POST", "/v1/reload?to=1")
        assert (back.status, back.json["generation"]) == (200, 3)
        assert it.public("/")[1] == "rest"
        assert it.call("POST", "/v1/reload?to=9").status == 409
        lines = it.changes("reload", 5)
        assert [each["status"] for each in lines] == [200, 200, 409, 200, 409]
        assert lines[3]["to"] == 1
        assert lines[2]["reason"]


def test_the_level_of_the_error_log(tmp_path: Path) -> None:
    """At `error` the supervisor tells of no reload any more."""
    with steered(tmp_path, "--no-watch", workers=1) as it:
        assert it.call("POST", "/v1/log-level", {"level": "error"}).json == {"level": "error"}
        it.write("second")
        it.call("POST", "/v1/reload")
        assert it.gwc.count("reload-committed") == 1
        it.call("POST", "/v1/log-level", {"level": "info"})
        it.write("third")
        it.call("POST", "/v1/reload")
        it.gwc.wait("reload-committed", nth=2)
        assert it.changes("log_level")[0]["level"] == "error"


def test_draining_ends_the_gateway(tmp_path: Path) -> None:
    """With exit code 0, and the socket is gone; while it lasts the admin API answers."""
    with steered(tmp_path, "--drain-timeout", "20s", workers=1) as it:
        first, second = it.backends
        thread = threading.Thread(target=it.public, args=("/pair/wait",))
        thread.start()
        until(lambda: first.waiting.is_set() or second.waiting.is_set(), "the request is there")
        assert it.call("POST", "/v1/drain").status == 202
        it.gwc.wait("draining")
        health = it.call("GET", "/v1/health")
        assert (health.status, health.json["status"]) == (503, "draining")
        first.go.set()
        second.go.set()
        assert it.gwc.end() == 0
        thread.join(10)
        assert not os.path.exists(it.path)


def test_refusals_are_in_the_audit_log(shared: Steered) -> None:
    """Whoever tried to change something, and what."""
    shared.call("POST", "/v1/upstreams/nobody/targets/nowhere/disable")
    shared.call("POST", "/v1/such-thing")
    assert shared.changes("POST /v1/such-thing")[0]["status"] == 404
    line = next(each for each in shared.changes("disable_target") if each["address"] == "nowhere")
    assert (line["status"], line["reason"], line["name"]) == (404, "upstream", "nobody")
    shared.get("/v1/status")
    assert not [each for each in shared.gwc.events if each.get("action") == "status"]


def test_an_upgrade_hands_the_admin_socket_over(tmp_path: Path) -> None:
    """The new gwc answers on the same socket, and the path stays when the old one ends."""
    with steered(tmp_path, workers=1) as it:
        old = it.get("/v1/status")["pid"]
        it.gwc.signal(signal.SIGUSR2)
        it.gwc.wait("upgrade-ready")
        assert it.gwc.process.wait(20) == 0
        new = it.get("/v1/status")["pid"]
        assert new != old
        try:
            assert it.public("/")[0] == 200
        finally:
            os.kill(new, signal.SIGTERM)
        until(lambda: not os.path.exists(it.path), "the new one has ended")


# --- other places ------------------------------------------------------------------------------------------


def test_an_address_of_the_network_needs_a_token(plain: Path) -> None:
    """Without one the gateway does not start; one that could be reached from elsewhere is never taken."""
    port = free_port()
    token = {"GWC_ADMIN_TOKEN": TOKEN}
    for address, environment, words in (
        (f"127.0.0.1:{port}", {"GWC_ADMIN_TOKEN": ""}, "set GWC_ADMIN_TOKEN"),
        (f"127.0.0.1:{port}", {"GWC_ADMIN_TOKEN": "short"}, "fewer than 16"),
        (f"0.0.0.0:{port}", token, "could be reached from elsewhere"),
        ("nonsense", token, "is not `host:port`"),
    ):
        with gwc_run(plain, "--workers", 1, "--admin", address, environment=environment) as gwc:
            assert gwc.end() == 1
        assert words in "".join(gwc.lines)


def test_over_loopback(tmp_path: Path) -> None:
    """The token, and a Host that is this machine's: a name that leads here from elsewhere is refused."""
    port = free_port()
    with steered(tmp_path, "--admin", f"127.0.0.1:{port}", GWC_ADMIN_TOKEN=TOKEN) as it:
        good = {"authorization": f"Bearer {TOKEN}"}
        assert it.admin == f"127.0.0.1:{port}"
        for host in (f"127.0.0.1:{port}", f"localhost:{port}", f"LOCALHOST:{port}", f"[::1]:{port}"):
            assert call(it.admin, "GET", "/v1/status", headers={**good, "host": host}).status == 200
        for host in (
            "evil.example",
            f"evil.example:{port}",
            "127.0.0.1",
            f"127.0.0.1:{port + 1}",
            "localhost",
        ):
            said = call(it.admin, "GET", "/v1/status", headers={**good, "host": host})
            assert (said.status, said.code) == (403, "host")
        for given in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", f"Bearer {TOKEN[:-1]}", "Bearer ü"):
            said = call(it.admin, "GET", "/v1/status", headers={"authorization": given})
            assert (said.status, said.code) == (401, "token")
        assert it.changes("GET /v1/status", 2)[0]["client"].startswith("127.0.0.1:")
        assert TOKEN not in "".join(it.gwc.lines)


def test_no_admin_at_all(plain: Path) -> None:
    """`--admin off` before what the configuration says."""
    plain.write_text(f'admin "unix:{plain.parent}/a.sock"\n{plain.read_text()}')
    with gwc_run(plain, "--workers", 1, "--admin", "off") as gwc:
        gwc.wait("ready")
        assert gwc.count("admin-listening") == 0
        assert not (plain.parent / "a.sock").exists()


def test_two_gateways_with_one_default_socket(shared: Steered, plain: Path) -> None:
    """The second one says so, serves without an admin API, and leaves the first one's socket alone."""
    with gwc_run(plain, "--workers", 1, environment=shared.environment) as second:
        told = second.wait("admin-failed")
        assert "another process listens there" in told["reason"]
        assert "--admin" in told["help"]
        second.wait("ready")
    assert shared.get("/v1/health")["status"] == "ok"
    with gwc_run(plain, "--workers", 1, "--admin", shared.admin) as second:
        assert second.end() == 1
    assert "another process listens there" in "".join(second.lines)
    with gwc_run(plain, "--workers", 1, "--state-dir", plain.parent / "state") as third:
        assert third.wait("admin-listening")["address"] == f"unix:{plain.parent}/state/admin.sock"


def test_addresses_follow_a_reload(tmp_path: Path) -> None:
    """The answer to the reload that moves the admin API still comes over the old address."""
    with steered(tmp_path, "--no-watch", workers=1) as it:
        main = tmp_path / "gwc.kdl"
        place, metrics = f"unix:{tmp_path}/other.sock", free_port()
        text = main.read_text().replace(f"127.0.0.1:{it.metrics_port}", f"127.0.0.1:{metrics}")
        main.write_text(f'admin "{place}"\n{text}')
        assert it.call("POST", "/v1/reload").json["result"] == "committed"
        assert not os.path.exists(it.path)
        status = call(place, "GET", "/v1/status").json
        assert (status["admin"], status["metrics"]) == (place, f"127.0.0.1:{metrics}")
        assert call(f"127.0.0.1:{metrics}", "GET", "/metrics").status == 200
        with pytest.raises(ConnectionRefusedError):
            call(f"127.0.0.1:{it.metrics_port}", "GET", "/metrics")
