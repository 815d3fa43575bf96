"""Who is let in: by address, by key, by password."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import bcrypt
import pytest

from ..harness import Gateway, Line, gateway, until
from ..raw import Client, Reply, ask, get
from ..upstream import Upstream, upstream
from .keys import shows

ADDRESSES = """
listeners {
    listener "public" { address "%public%"; trusted-proxies "127.0.0.1" }
}
routes {
    route "allow" { matches { path "/allow" }; allow "127.0.0.0/8" "10.0.0.0/8"; respond }
    route "deny" { matches { path "/deny" }; deny "10.1.0.0/16"; respond }
    route "rest" { respond }
}
"""


def audit(running: Gateway, number: int) -> list[Line]:
    """That many lines about refusals; waits for them."""

    def found() -> list[Line]:
        return [line for line in running.error_lines() if line.get("type") == "refusal"]

    until(lambda: len(found()) >= number, f"{number} refusals in the audit log")
    return found()


@shows("route.{allow,deny}")
def test_clients_by_address() -> None:
    """Those in `deny` and those not in `allow` get 403 with a reason; the audit log names the network."""
    with gateway(ADDRESSES) as running:

        def status(path: str, client: str) -> int:
            return ask(running.address(), get(path, f"X-Forwarded-For: {client}")).status

        assert [status("/allow", each) for each in ("10.9.9.9", "127.0.0.1", "11.1.1.1")] == [200, 200, 403]
        assert [status("/deny", each) for each in ("10.9.9.9", "10.1.0.1", "2001:db8::1")] == [200, 403, 200]
        line = running.access_line(lambda line: line["path"] == "/deny" and line["status"] == 403)
        assert (line["reason"], line["client_ip"]) == ("address-denied", "10.1.0.1")
        refusals = audit(running, 2)
        assert [(each["reason"], each["rule"], each["client"], each["route"]) for each in refusals] == [
            ("address-denied", "not in allow", "11.1.1.1", "allow"),
            ("address-denied", "deny 10.1.0.0/16", "10.1.0.1", "deny"),
        ]


KEY = "canary-key-51c8"
PASSWORD = "canary-password-9a02"
HASHES = {name: hashlib.sha256(f"{KEY}-{name}".encode()).hexdigest() for name in ("own", "file", "tea")}

AUTHENTICATION = """
listeners {{ listener "public" {{ address "%public%" }}; listener "open" {{ address "%open%" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
metrics {{ address "%metrics%" }}
routes {{
    group "asking" {{
        matches {{ listener "public" }}
        upstream "origin"
        route "key" {{ matches {{ path-prefix "/key" }}
            authenticate {{
                identity-header "x-user"
                api-key header="x-key" query="k" cookie="c" file="keys" {{ key "own" "sha256:{own}" }}
            }}
            request-headers {{ set "x-kind" "${{identity.kind}} ${{identity.name}}" }}
            response-headers {{ set "x-name" "${{identity.name}}" }} }}
        route "usual" {{ matches {{ path-prefix "/usual" }}
            authenticate {{ api-key {{ key "tea" "${{env:TEA}}" }} }} }}
        route "forward" {{ matches {{ path-prefix "/forward" }}
            authenticate {{ api-key header="x-key" forward=#true file="keys"
                basic file="users" forward=#true cache="5m" }} }}
        route "basic" {{ matches {{ path-prefix "/basic" }}
            authenticate {{ realm "cellar"; basic file="users" }} }}
        route "public" {{ matches {{ path-prefix "/public" }}; authenticate "public" }}
    }}
    route "forgotten" {{ upstream "origin" }}
}}
"""


def _basic(password: str = PASSWORD) -> str:
    return "Authorization: Basic " + base64.b64encode(f"ann:{password}".encode()).decode()


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """A gateway that asks who one is."""
    files = {
        "keys": f"file:{HASHES['file']}\n",
        "users": f"ann:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}\n",
    }
    text = AUTHENTICATION.format(origin=origin.address, own=HASHES["own"])
    with gateway(text, files=files, environment={"TEA": f"sha256:{HASHES['tea']}"}) as running:
        yield running
        for line in (*map(str, running.access_lines()), running.errors):
            assert KEY not in line
            assert PASSWORD not in line


@shows("route.authenticate.{,api-key,identity-header}")
@shows("route.authenticate.api-key.{header,query,cookie,file,key,forward}")
@shows("route.authenticate.api-key.key.{name,hash}")
def test_keys(served: Gateway, origin: Upstream) -> None:
    """A key lets in wherever it may stand, under its name; the upstream gets the name and not the key."""
    where = served.address()
    seen = len(origin.requests)
    replies = [
        ask(where, get("/key/1", f"X-Key: {KEY}-own", "X-User: root", "X-Kind: mine")),
        ask(where, get(f"/key/2?a=1&k={KEY}-file", "x-user: root")),
        ask(where, get("/key/3", f"Cookie: a=1; c={KEY}-own; b=2")),
        ask(where, get("/usual", f"x-api-key: {KEY}-tea")),
        ask(where, get("/forward", f"X-Key: {KEY}-file", "X-User: root")),
    ]
    assert [each.status for each in replies] == [200] * 5
    assert [each.value("x-name") for each in replies] == [b"own", b"file", b"own", None, None]
    first, second, third, usual, forward = origin.requests[seen:]
    assert [each.values("x-user") for each in (first, second, third)] == [["own"], ["file"], ["own"]]
    assert first.values("x-kind") == ["api-key own"]
    assert (second.target, third.values("cookie")) == ("/key/2?a=1", ["a=1; b=2"])
    assert all(KEY.encode() not in each.head for each in (first, second, third, usual))
    assert (forward.values("x-key"), forward.values("x-user")) == ([f"{KEY}-file"], [])
    line = served.access_line("/key/2")
    assert (line["identity"], line["query"]) == ("file", "a=1&k=***")


@shows("route.authenticate.access")
def test_denied_by_default(served: Gateway) -> None:
    """A route that says nothing is closed where others ask, and open on a listener where nobody does."""
    closed = ask(served.address(), get("/forgotten"))
    assert (closed.status, ask(served.address("open"), get("/forgotten")).status) == (401, 200)
    assert ask(served.address(), get("/public")).status == 200
    line = served.access_line(lambda line: line["path"] == "/forgotten" and line["listener"] == "public")
    assert line["reason"] == "route-closed"


@shows("route.authenticate.realm")
@shows("route.authenticate.basic.{,file,forward}")
def test_passwords(served: Gateway, origin: Upstream) -> None:
    """Right ones let in, wrong ones and none are asked for with the realm; the upstream sees none."""
    where = served.address()

    def said(*fields: str) -> tuple[int, bytes | None]:
        reply: Reply = ask(where, get("/basic", *fields))
        return reply.status, reply.value("www-authenticate")

    challenge = b'Basic realm="cellar", charset="UTF-8"'
    assert said(_basic()) == (200, None)
    assert origin.requests[-1].values("authorization") == []
    assert said(_basic("wrong")) == said() == said("Authorization: Basic !") == (401, challenge)
    assert ask(where, get("/forward", _basic())).status == 200
    assert origin.requests[-1].values("authorization") == [_basic().partition(": ")[2]]
    reasons = [line["reason"] for line in served.access_lines_for("/basic", 4)]
    assert sorted(reasons) == ["", "bad-credentials", "bad-credentials", "no-credentials"]


@shows("route.authenticate.basic.cache")
def test_a_password_is_worked_out_once(origin: Upstream) -> None:
    """The second request is much faster, and a file that changed counts by itself."""
    costly = {cost: bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(cost)).decode() for cost in (4, 11)}
    text = AUTHENTICATION.format(origin=origin.address, own=HASHES["own"])
    files = {"keys": "", "users": f"ann:{costly[11]}\n"}
    with gateway(text, files=files, environment={"TEA": HASHES["tea"]}) as running:
        with Client(running.address()) as client:
            for _ in range(3):
                assert client.ask(get("/forward", _basic())).status == 200
        durations = [line["duration_ms"] for line in running.access_lines_for("/forward", 3)]
        assert max(durations[1:]) * 3 < durations[0]
        users = running.folder / "config" / "users"
        users.with_suffix(".new").write_text(f"eve:{costly[4]}\n")
        users.with_suffix(".new").replace(users)
        until(
            lambda: ask(running.address(), get("/forward", _basic())).status == 401,
            "the new file counts",
        )
