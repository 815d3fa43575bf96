"""Tokens on a running gateway."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..harness import Gateway, gateway, until
from ..raw import ask, get
from ..upstream import Answer, Exchange, Seen, Upstream, upstream
from .keys import shows

KEY = rsa.generate_private_key(65537, 2048)
NEW = rsa.generate_private_key(65537, 2048)
SECRET = "canary-secret-canary-secret-canary-secret"
FILES = {
    "k.pem": KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
}
CONFIG = """
listeners {{ listener "public" {{ address "%public%" }} }}
upstreams {{ upstream "origin" {{ target "{origin}" }} }}
routes {{
    route "file" {{ matches {{ path-prefix "/file" }}; upstream "origin"
        authenticate {{ jwt {{ issuer "i"; audience "a"; key-file "k.pem"; algorithms "RS256" "RS512"
            leeway "off"; cookie "c"; query "q"; name "email"
            require "scope" "read"; header "x-tenant" "tenant" }} }}
        request-headers {{ set "x-who" "${{identity.name}} ${{identity.claim.tenant}}" }} }}
    route "usual" {{ matches {{ path-prefix "/usual" }}; upstream "origin"
        authenticate {{ jwt {{ issuer "i"; audience "a"; key-file "k.pem"; forward #true }} }} }}
    route "secret" {{ matches {{ path-prefix "/secret" }}; upstream "origin"
        authenticate {{ jwt {{ issuer "i"; audience "a"; secret "${{env:SECRET}}" }} }} }}
    route "set" {{ matches {{ path-prefix "/set" }}; upstream "origin"
        authenticate {{ jwt {{ issuer "i"; audience "a"
            jwks-url "http://{origin}/keys"; refresh "100ms" }} }} }}
}}
"""


def _token(key: Any = KEY, algorithm: str = "RS256", kid: str | None = None, **more: Any) -> str:
    claims = {"iss": "i", "aud": "a", "sub": "ann", "exp": int(time.time()) + 60, **more}
    return jwt.encode(claims, key, algorithm, {"kid": kid} if kid else None)


def _set(**keys: rsa.RSAPrivateKey) -> bytes:
    reader = jwt.algorithms.RSAAlgorithm
    found = [{**json.loads(reader.to_jwk(key.public_key())), "kid": kid} for kid, key in keys.items()]
    return json.dumps({"keys": found}).encode()


def _keys(**keys: rsa.RSAPrivateKey) -> Answer:
    content = _set(**keys)

    def answer(exchange: Exchange) -> None:
        exchange.read_body()
        exchange.reply(200, content)

    return answer


@pytest.fixture(scope="module")
def origin() -> Iterator[Upstream]:
    """The server behind the gateway, which has the issuer's keys too."""
    with upstream() as server:
        yield server


@pytest.fixture(scope="module")
def served(origin: Upstream) -> Iterator[Gateway]:
    """A gateway that takes tokens, with two workers."""
    origin.answers["/keys"] = _keys(k=KEY)
    text = CONFIG.format(origin=origin.address)
    with gateway(text, files=FILES, environment={"SECRET": SECRET}, workers=2) as running:
        yield running
        assert SECRET not in running.errors + str(running.access_lines())


def _last(origin: Upstream) -> Seen:
    """The last request that was forwarded; the keys are fetched again and again meanwhile."""
    return next(each for each in reversed(origin.requests) if each.target != "/keys")


def _status(served: Gateway, path: str, token: str) -> int:
    return ask(served.address(), get(path, f"Authorization: Bearer {token}")).status


@shows("route.authenticate.jwt.{,issuer,audience,key-file,algorithms,name,forward}")
@shows("route.authenticate.jwt.{leeway,cookie,query}")
@shows("route.authenticate.jwt.require.{,claim,values}")
@shows("route.authenticate.jwt.header.{,name,claim}")
def test_tokens_of_a_key_file(served: Gateway, origin: Upstream) -> None:
    """Who it is comes from the token that the issuer signed for this audience, and from no other."""
    who: dict[str, Any] = {"email": "a@b", "scope": "read write", "tenant": "t1"}
    good = _token(**who)
    assert (
        ask(served.address(), get("/file/1", f"Authorization: Bearer {good}", "X-Tenant: root")).status == 200
    )
    seen = _last(origin)
    assert (seen.values("x-tenant"), seen.values("x-who")) == (["t1"], ["a@b t1"])
    assert seen.values("authorization") == []
    assert ask(served.address(), get("/file/2", f"Cookie: c={good}")).status == 200
    assert ask(served.address(), get(f"/file/3?q={good}")).status == 200
    assert _last(origin).target == "/file/3"
    assert served.access_line("/file/3")["query"] == "q=***"
    assert served.access_line("/file/3")["identity"] == "a@b"
    refused = {
        _token(**who, iss="j"): 401,
        _token(**who, aud="b"): 401,
        _token(**who, exp=int(time.time()) - 2): 401,
        _token(NEW, **who): 401,
        _token(KEY, "RS384", **who): 401,
        _token(KEY, "RS512", **who): 200,
        _token(scope="read"): 401,
        _token(**{**who, "scope": "reading"}): 403,
        jwt.encode({"sub": "ann"}, "", "none"): 401,
    }
    assert [_status(served, "/file/4", each) for each in refused] == list(refused.values())
    late = _token(exp=int(time.time()) - 2)
    assert _status(served, "/usual", late) == 200
    assert _last(origin).values("authorization") == [f"Bearer {late}"]
    challenge = ask(served.address(), get("/usual")).value("www-authenticate")
    assert challenge == b'Bearer realm="restricted"'


@shows("route.authenticate.jwt.secret")
def test_tokens_of_a_secret(served: Gateway) -> None:
    """Signed with what both sides know."""
    assert _status(served, "/secret", _token(SECRET, "HS256")) == 200
    assert _status(served, "/secret", _token("x" * 40, "HS256")) == 401


@shows("route.authenticate.jwt.{jwks-url,refresh}")
def test_tokens_of_published_keys(served: Gateway, origin: Upstream) -> None:
    """The issuer's keys are fetched, and fetched again: a new one counts, a withdrawn one does not."""
    old, new = _token(kid="k"), _token(NEW, kid="n")
    assert (_status(served, "/set", old), _status(served, "/set", new)) == (200, 401)
    origin.answers["/keys"] = _keys(n=NEW)
    until(lambda: [_status(served, "/set", new) for _ in range(8)] == [200] * 8, "the new key counts")
    until(lambda: _status(served, "/set", old) == 401, "the old key does not")


RELOADED = """
listeners {{ listener "public" {{ address "%public%" }} }}
routes {{
    route "set" {{ respond
        authenticate {{ jwt {{ issuer "i"; audience "a"; jwks-url "http://{origin}/keys" }} }}
        response-headers {{ set "x-said" "first" }} }}
}}
"""


def test_a_reload_keeps_the_keys() -> None:
    """Four workers fetch them once each; a changed table has them though the issuer is gone."""
    with upstream() as issuer:
        issuer.answers["/keys"] = _keys(k=KEY)
        with gateway(RELOADED.format(origin=issuer.address), workers=4) as running:
            token = _token(kid="k")

            def replies() -> list[tuple[int, bytes | None]]:
                fields = f"Authorization: Bearer {token}"
                found = [ask(running.address(), get("/set", fields)) for _ in range(16)]
                return [(each.status, each.value("x-said")) for each in found]

            assert replies() == [(200, b"first")] * 16
            assert len(issuer.requests) == 4
            issuer.answers["/keys"] = _broken
            config = running.folder / "config" / "gwc.kdl"
            config.write_text(config.read_text().replace('"first"', '"second"'))
            until(lambda: replies() == [(200, b"second")] * 16, "the new table has the keys", within=20)
            assert len(issuer.requests) == 4


def _broken(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.reply(500, b"")
