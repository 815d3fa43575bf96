"""Security defaults of what the gateway knows and tells: who may come in, secrets, the admin API, what a
configuration may ask for, logs and errors, the process.

A test for each row of the table, named after its topic.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import resource
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gwc.compiler.pipeline import compile_files, compile_path, compile_text

from ..harness import Gateway, GatewayFailed, free_port, gateway, until
from ..http2 import Client2, head
from ..inside import admin
from ..raw import Client, get
from ..raw import ask as ask1
from ..upstream import Exchange, Upstream, nobody, upstream
from .both import VERSIONS, ask

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
API_KEY = "canary-key-3b0d6f0a"
SECRET = "canary-secret-77d2c1e9"
TOKEN = "canary-admin-token-19f8"

CONFIG = """
metrics "%metrics%"
admin "127.0.0.1:{admin}"
listeners {{
    listener "public" {{ address "%public%" }}
    listener "trusting" {{ address "%trusting%"; trusted-proxies "127.0.0.1" }}
}}
upstreams {{
    upstream "origin" {{ target "{origin}" }}
    upstream "nobody" {{ target "{nobody}" }}
}}
routes {{
    route "key" {{ matches {{ path-prefix "/key" }}; upstream "origin"
        authenticate {{ api-key header="x-api-key" query="key" {{ key "own" "sha256:{hash}" }} }} }}
    route "token" {{ matches {{ path-prefix "/token" }}; upstream "origin"
        authenticate {{ jwt {{ issuer "i"; audience "a"; key-file "k.pem" }} }} }}
    route "set" {{ matches {{ path-prefix "/set" }}; upstream "origin"
        authenticate {{ jwt {{ issuer "i"; audience "a"; jwks-url "http://{origin}/keys"
            refresh "100ms" }} }} }}
    route "secret" {{ matches {{ path-prefix "/secret" }}; upstream "origin"; authenticate "public"
        request-headers {{ set "authorization" "Bearer ${{env:SECRET}}" }} }}
    route "gone" {{ matches {{ path-prefix "/gone" }}; upstream "nobody"; authenticate "public"
        request-headers {{ set "authorization" "Bearer ${{env:SECRET}}" }} }}
    route "slow" {{ matches {{ path-regex "/(a+)+b"; header "x-slow" regex="(.*,)*x" }}
        authenticate "public"; respond }}
    route "slow-too" {{ matches {{ path-regex "/(?:(?:a|a)+)+c" }}; authenticate "public"; respond }}
    route "open" {{ matches {{ path-prefix "/open" }}; authenticate "public"; upstream "origin" }}
    route "forgotten" {{ upstream "origin" }}
}}
"""


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway, which has the issuer's keys too."""
    with upstream() as server:
        server.answers["/keys"] = _keys
        yield server


def _keys(exchange: Exchange) -> None:
    exchange.read_body()
    key = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "k"}
    exchange.reply(200, json.dumps({"keys": [key]}).encode())


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """The gateway."""
    with nobody() as gone:
        port = free_port()
        text = CONFIG.format(
            origin=origin.address, nobody=gone, admin=port, hash=hashlib.sha256(API_KEY.encode()).hexdigest()
        )
        environment = {"SECRET": SECRET, "GWC_ADMIN_TOKEN": TOKEN}
        files = {"k.pem": PEM.decode()}
        with gateway(text, files=files, environment=environment, options=("--no-watch",)) as running:
            running.ports = {**running.ports, "admin": port}
            yield running


# --- who may come in --------------------------------------------------------------------------------------


def _claims(**more: Any) -> dict[str, Any]:
    found = {"iss": "i", "aud": "a", "sub": "ann", "exp": int(time.time()) + 300, **more}
    return {name: value for name, value in found.items() if value is not None}


def _mixed() -> str:
    """A token signed with the public key as if that were a secret."""

    def coded(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    body = coded(b'{"alg":"HS256","typ":"JWT"}') + b"." + coded(json.dumps(_claims()).encode())
    return (body + b"." + coded(hmac.digest(PEM, body, hashlib.sha256))).decode()


@VERSIONS
def test_auth(served: Gateway, origin: Upstream, version: str) -> None:
    """Closed where a route says nothing; keys by their hash; tokens of one kind, whole, for us, in time."""
    place = served.address()
    assert ask(place, version, "/anything").status == 401, "a route that says nothing"
    assert ask(place, version, "/open").status == 200
    assert ask(place, version, "/key", ("x-api-key", API_KEY)).status == 200
    for wrong in (API_KEY[:-1], API_KEY + "x", hashlib.sha256(API_KEY.encode()).hexdigest(), ""):
        assert ask(place, version, "/key", ("x-api-key", wrong)).status == 401
    for path in ("//key", "/%6bey", "/x/../key", "/./key/y", "/key//"):
        assert ask(place, version, path).status == 401, path
    good = jwt.encode(_claims(), KEY, "RS256")

    def status(token: str) -> int:
        return ask(place, version, "/token", ("authorization", f"Bearer {token}")).status

    assert status(good) == 200
    bad = {
        "none": jwt.encode(_claims(), "", "none"),
        "another algorithm": jwt.encode(_claims(), KEY, "RS384"),
        "the public key as a secret": _mixed(),
        "no issuer": jwt.encode(_claims(iss=None), KEY, "RS256"),
        "no audience": jwt.encode(_claims(aud=None), KEY, "RS256"),
        "no end": jwt.encode(_claims(exp=None), KEY, "RS256"),
        "another issuer": jwt.encode(_claims(iss="j"), KEY, "RS256"),
        "another audience": jwt.encode(_claims(aud="b"), KEY, "RS256"),
        "over": jwt.encode(_claims(exp=int(time.time()) - 60), KEY, "RS256"),
        "changed": good[:-6] + ("AAAAAA" if good[-6:] != "AAAAAA" else "BBBBBB"),
        "unsigned": good.rpartition(".")[0] + ".",
        "long": jwt.encode(_claims(x="y" * 9000), KEY, "RS256"),
    }
    assert {name: status(token) for name, token in bad.items()} == dict.fromkeys(bad, 401)


def test_auth_by_fetched_keys(served: Gateway, origin: Upstream) -> None:
    """The issuer's keys count on where it fails, sends too much or never ends."""
    token = jwt.encode(_claims(), KEY, "RS256", {"kid": "k"})
    field = f"Authorization: Bearer {token}"
    until(lambda: ask1(served.address(), get("/set", field)).status == 200, "the keys are there")

    def much(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.reply(200, b'{"keys": [' + b" " * 400_000 + b"]}")

    def fails(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.reply(500, b"{}")

    def away(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.reply(302, b"", f"Location: http://{origin.address}/other-keys")

    for answer in (much, fails, away):
        origin.answers["/keys"] = answer
        before = len(origin.seen("/keys"))
        until(lambda before=before: len(origin.seen("/keys")) >= before + 2, "it is asked again", 20)  # type: ignore[misc]  # the default binds the turn
        fresh = jwt.encode(_claims(sub=answer.__name__), KEY, "RS256", {"kid": "k"})
        assert ask1(served.address(), get("/set", f"Authorization: Bearer {fresh}")).status == 200
    assert origin.seen("/other-keys") == []
    origin.answers["/keys"] = _keys


def test_auth_of_keys_written_out() -> None:
    """A key cannot stand in a configuration: its hash does."""
    text = 'routes { route "a" { authenticate { api-key { key "own" "%s" } }; respond } }'
    assert compile_text(text % f"sha256:{'0' * 64}", "kdl").table is not None
    assert compile_text(text % API_KEY, "kdl").table is None


# --- secrets ----------------------------------------------------------------------------------------------


def _call(served: Gateway, method: str, path: str, **more: Any) -> tuple[int, bytes]:
    """The admin API over loopback."""
    connection = http.client.HTTPConnection("127.0.0.1", served.ports["admin"], timeout=10)
    try:
        headers = {"Authorization": f"Bearer {TOKEN}", **more.get("headers", {})}
        connection.request(method, path, body=more.get("body"), headers=headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    finally:
        connection.close()


def test_secrets(served: Gateway, origin: Upstream) -> None:
    """What the upstream gets is nowhere else: no log, status, configuration, metric or error has it."""
    place = served.address()
    query = "token=canary-query-5512&key=" + API_KEY + "&password=canary-query-9931&plain=seen"
    fields = (
        "Authorization: Bearer canary-client-0a1b",
        "Cookie: sid=canary-cookie-8c3e",
        f"x-api-key: {API_KEY}",
    )
    told = [
        ask1(place, get(f"/secret/ok?{query}", *fields)),
        ask1(place, get(f"/gone?{query}", *fields)),
        ask1(place, get(f"/key/ok?{query}", *fields)),
        ask1(place, get(f"/nothing%00?{query}", *fields)),
        ask1(place, get(f"/token?{query}", *fields)),
    ]
    with Client2(place) as client:
        for path in ("/secret/ok", "/gone", "/key/ok"):
            client.reply(client.ask(head(f"{path}?{query}", ("authorization", "Bearer canary-client-0a1b"))))
    assert origin.seen("/secret/ok")[0].value("authorization") == f"Bearer {SECRET}"
    until(lambda: len(served.access_lines()) >= 7, "all are told")
    seen = [b"\r\n".join(b"%b: %b" % field for field in each.fields) for each in told]
    seen += [each.body for each in told if b"/secret/ok" not in each.body and b"/key/ok" not in each.body]
    for path in (
        "/v1/config", "/v1/status", "/v1/routes", "/v1/upstreams", "/v1/requests/recent", "/v1/metrics",
        "/v1/requests/active",
    ):  # fmt: skip
        status, body = _call(served, "GET", path)
        assert status == 200, path
        seen.append(body)
    kept = [each for each in served.folder.rglob("*") if each.is_file() and "config" not in each.parts]
    seen += [each.read_bytes() for each in kept]
    assert any(b"plain=seen" in each for each in seen)
    canaries = [SECRET, TOKEN, API_KEY, "canary-query", "canary-client", "canary-cookie"]
    found = {canary for canary in canaries for each in seen if canary.encode() in each}
    assert found == set()


def test_secrets_and_core_dumps(served: Gateway) -> None:
    """No process leaves its memory on a disk."""
    for process in served.processes():
        assert resource.prlimit(process, resource.RLIMIT_CORE) == (0, 0)


# --- the admin API ----------------------------------------------------------------------------------------


def test_admin_api(served: Gateway) -> None:
    """On loopback a token and a Host of this machine are asked for; pages of browsers get nothing."""
    port = served.ports["admin"]
    assert _call(served, "GET", "/v1/status")[0] == 200
    for headers in ({"Authorization": "Bearer wrong-token-wrong"}, {"Authorization": ""}):
        assert _call(served, "GET", "/v1/status", headers=headers)[0] == 401
    for host in ("evil.test", f"evil.test:{port}", "127.0.0.1:1", f"localhost.evil.test:{port}"):
        assert _call(served, "GET", "/v1/status", headers={"Host": host})[0] == 403
    for name, value in (("Origin", "http://localhost"), ("Sec-Fetch-Site", "cross-site")):
        assert _call(served, "GET", "/v1/status", headers={name: value})[0] == 403
    generation = json.loads(_call(served, "GET", "/v1/status")[1])["generation"]
    for path in ("/v1/reload", "/v1/drain", "/v1/log-level", "/v1/logs/reopen"):
        assert _call(served, "GET", path)[0] == 405, "reading changes nothing"
    assert json.loads(_call(served, "GET", "/v1/status")[1])["generation"] == generation
    large = {"Content-Type": "application/json"}
    assert _call(served, "POST", "/v1/explain", body=b" " * (1 << 20) + b"{}", headers=large)[0] == 413
    body = b'{"level": "info"}'
    assert _call(served, "POST", "/v1/log-level", body=body, headers=large)[0] == 200

    def audited() -> list[dict[str, Any]]:
        return [line for line in served.error_lines() if line.get("type") == "admin"]

    until(lambda: any(line["action"] == "log_level" for line in audited()), "the change is told")
    assert {line["status"] for line in audited()} >= {200, 401, 403}


def test_admin_api_by_default(origin: Upstream) -> None:
    """Nothing said: a unix socket of its owner's alone, in a directory of theirs; never another address."""
    config = 'listeners { listener "public" { address "%public%" } }\nroutes { route "a" { respond } }\n'
    with gateway(config) as running:
        socket = running.folder / "gwc" / "admin.sock"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert admin(running, "/v1/status")[0] == 200
        for path in ("/v1/status", "/metrics", "/admin"):
            assert json.loads(ask1(running.address(), get(path)).body or b"{}").get("generation") is None
    for address in ("0.0.0.0", "[::]"):
        with (
            pytest.raises(GatewayFailed),
            gateway(f'admin "{address}:{free_port()}"\n{config}', environment={"GWC_ADMIN_TOKEN": TOKEN}),
        ):
            pass


def test_admin_api_and_metrics(served: Gateway) -> None:
    """Metrics have a listener of their own with nothing else; what clients make up makes no series."""
    place = served.address("metrics")
    host = f"127.0.0.1:{served.ports['metrics']}"
    assert ask1(place, get("/metrics", host=host)).status == 200
    assert [ask1(place, get(path, host=host)).status for path in ("/", "/v1/status", "/v1/config")] == [
        404
    ] * 3
    before = _series(served)
    with Client(served.address()) as client:
        for each in range(200):
            client.ask(
                get(f"/open/{each}", f"User-Agent: agent-{each}", host=f"h{each}.test", method=f"M{each}")
            )
    until(lambda: sum(b'"_other"' in each for each in _series(served)) >= 1, "they are counted")
    assert len(_series(served)) - len(before) < 100, "200 of each were made up"


def _series(served: Gateway) -> list[bytes]:
    status, body = _call(served, "GET", "/v1/metrics")
    assert status == 200
    return [line for line in body.splitlines() if not line.startswith(b"#")]


# --- what a configuration may ask for ---------------------------------------------------------------------


@VERSIONS
def test_redos_and_config_dos(served: Gateway, version: str) -> None:
    """Expressions that take others forever are over at once, whatever the path and the fields."""
    began = time.monotonic()
    for path in ("/" + "a" * 4000, "/" + "a" * 4000 + "b", "/" + "a" * 4000 + "c", "/" + "a" * 8000 + "d"):
        said = ask(served.address(), version, path, ("x-slow", "," * 8000))
        assert said.status in (200, 401)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "pattern", [r"/(a)\\1", "/(?=a)b", "/(?<!a)b", "/(?>a+)b", "/a{1,100000}", "/(((a{99}){99}){99})"]
)
def test_redos_and_config_dos_of_expressions(pattern: str) -> None:
    """What has no engine of linear time, or becomes huge, is no expression."""
    text = f'routes {{ route "a" {{ matches {{ path-regex "{pattern}" }}; respond }} }}'
    assert compile_text(text.replace(pattern, "/a+b"), "kdl").table is not None
    assert compile_text(text, "kdl").table is None


def test_redos_and_config_dos_of_files(tmp_path: Path) -> None:
    """Files nested without end, files of elsewhere, too many levels, aliases and tags: told, and at once."""
    end = 'routes { route "a" { respond } }\n'
    began = time.monotonic()
    deep = {f"{n}.kdl": f'include "{n + 1}.kdl"\n' for n in range(20)} | {"20.kdl": end}
    cases: dict[str, dict[str, str]] = {
        "GWC015": {"gwc.kdl": 'include "0.kdl"\n', **deep},
        "GWC013": {"gwc.kdl": 'include "gwc.kdl"\n' + end},
        "GWC128": {"gwc.kdl": "a {" * 70 + "}" * 70},
        "GWC163": {"gwc.yaml": "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"},
        "GWC162": {"gwc.yaml": "a: !!python/object/apply:os.system [ls]\n"},
        "GWC167": {"gwc.yaml": "a: " + "[" * 70 + "]" * 70 + "\n"},
    }
    for code, files in cases.items():
        found = compile_files(files)
        assert found.table is None, code
        assert code in {each.code for each in found.diagnostics}, code
    (tmp_path / "outside.kdl").write_text(end)
    inner = tmp_path / "inner"
    inner.mkdir()
    for name in ("../outside.kdl", str(tmp_path / "outside.kdl"), "x/../../outside.kdl"):
        (inner / "gwc.kdl").write_text(f'include "{name}"\n')
        found = compile_path(inner)
        assert found.table is None, name
        assert "GWC014" in {each.code for each in found.diagnostics}, name
    assert time.monotonic() - began < 10


# --- logs and errors --------------------------------------------------------------------------------------


@VERSIONS
def test_logs_and_errors(served: Gateway, origin: Upstream, version: str) -> None:
    """One line a request whatever it says, of bounded length; errors tell nothing; ids are the gateway's."""
    path = f"/open/odd-{version[-1]}"
    odd = '"}\x80\xff,{"x":"\t' + "z" * 9000
    said = ask(
        served.address(), version, f"{path}?a=%0d%0a%1b[31m{{\"", ("user-agent", odd), ("referer", odd),
        ("x-correlation-id", "chosen-by-the-client"), ("x-request-id", "chosen"),
    )  # fmt: skip
    assert said.status == 200
    line = served.access_line(path)
    raw = [each for each in (served.folder / "stdout").read_bytes().splitlines() if path.encode() in each]
    assert len(raw) == 1
    assert len(raw[0]) < 16_384
    assert not set(raw[0]) & set(range(0x20)), "no control character is written as it is"
    assert line["request_id"] == said.fields["x-correlation-id"] != "chosen-by-the-client"
    assert origin.seen(path)[0].value("x-correlation-id") == line["request_id"]
    trusted = ("x-correlation-id", "of-a-trusted-peer")
    assert ask(served.address("trusting"), version, path, trusted).fields["x-correlation-id"] == trusted[1]
    for where, status in (("/gone", 503), ("/x%00", 400), ("/token", 401)):
        error = ask(served.address(), version, where)
        assert error.status == status
        told = json.loads(error.body)
        assert set(told) == {"status", "error", "request_id"}
        assert told["request_id"] == error.fields["x-correlation-id"]
        assert not {"server", "x-powered-by", "x-gwc-reason"} & set(error.fields)
        for word in (b"127.0.0.1", b"gwc", b"refused", b"nobody", b"ECONN", b"Traceback"):
            assert word not in error.body


# --- the process ------------------------------------------------------------------------------------------


def test_process(origin: Upstream, tmp_path: Path) -> None:
    """It makes files for its owner alone, writes nothing beside its configuration, and gains no rights."""
    state = tmp_path / "state"
    config = f"""
        access-log {{ path "{tmp_path}/access" }}
        listeners {{ listener "public" {{ address "%public%" }} }}
        routes {{ route "a" {{ respond }} }}
    """
    before = os.umask(0)
    try:
        with gateway(config, options=("--state-dir", str(state)), workers=2) as running:
            place = running.folder / "config"
            held = {each: each.read_bytes() for each in place.rglob("*")}
            assert ask1(running.address(), get("/")).status == 200
            until(lambda: (tmp_path / "access").exists() and (state / "state.json").exists(), "it writes")
            for each in (tmp_path / "access", *state.rglob("*"), state):
                assert stat.S_IMODE(each.stat().st_mode) & 0o077 == 0, each
            assert {each: each.read_bytes() for each in place.rglob("*")} == held
            for process in running.processes():
                told = Path(f"/proc/{process}/status").read_text()
                assert "Umask:\t0077" in told
    finally:
        os.umask(before)
