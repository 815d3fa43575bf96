"""Tokens: which are good, and what has been tried with them elsewhere."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from gwc.compiler.pipeline import compile_text
from gwc.runtime.filter import FilterContext, FilterFaulty, Refuse
from gwc.runtime.filters import auth_keys

from .asking import Asked, Worker, request, run, settings_of

RSA = rsa.generate_private_key(65537, 2048)
OTHER = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
SECRET = "canary-secret-canary-secret-canary-secret"
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
WHO = 'issuer "https://id.test"; audience "orders" "shop"'


def _claims(**more: Any) -> dict[str, Any]:
    claims = {"iss": "https://id.test", "aud": "orders", "sub": "ann", "exp": int(time.time()) + 600}
    return {name: value for name, value in (claims | more).items() if value is not None}


def _token(key: Any = RSA, algorithm: str = "RS256", head: dict[str, Any] | None = None, **more: Any) -> str:
    return jwt.encode(_claims(**more), key, algorithm, headers=head)


def _raw(head: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    """A token that no library would make."""

    def coded(data: bytes) -> bytes:
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    body = coded(json.dumps(head).encode()) + b"." + coded(json.dumps(claims).encode())
    return (body + b"." + coded(sign(body))).decode()


def _hs(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda body: hmac.digest(secret, body, hashlib.sha256)


def _jwk(key: Any, kid: str | None = None, **more: Any) -> dict[str, Any]:
    kinds: list[tuple[Any, Any]] = [
        (rsa.RSAPrivateKey, jwt.algorithms.RSAAlgorithm),
        (ec.EllipticCurvePrivateKey, jwt.algorithms.ECAlgorithm),
        (ed25519.Ed25519PrivateKey, jwt.algorithms.OKPAlgorithm),
    ]
    reader = next(reader for kind, reader in kinds if isinstance(key, kind))
    found = json.loads(reader.to_jwk(key.public_key()))
    found.pop("key_ops", None)
    return {**found, **({"kid": kid} if kid else {}), **more}


def _set(*keys: dict[str, Any]) -> bytes:
    return json.dumps({"keys": keys}).encode()


def _bearer(token: str) -> FilterContext:
    return request({"authorization": f"Bearer {token}"})


def _said(said: Any, context: FilterContext) -> str:
    if said is None:
        assert context.identity is not None
        return context.identity.name
    assert isinstance(said, Refuse)
    return said.detail.removeprefix("jwt: ")


def _refused(said: Any) -> str:
    assert isinstance(said, Refuse)
    return said.reason


def _ask(root: Path, words: str, *tokens: str | FilterContext, **environment: str) -> list[str]:
    """For each token who it is of, or why it does not hold."""

    async def talk() -> list[str]:
        worker = Worker(root, environment)
        asked = await worker.made(settings_of(f"authenticate {{ jwt {{ {WHO}; {words} }} }}"))
        contexts = [_bearer(each) if isinstance(each, str) else each for each in tokens]
        found = [_said(await asked.ask(each), each) for each in contexts]
        worker.over()
        return found

    found: list[str] = run(talk)
    return found


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    """A folder with the key."""
    (tmp_path / "k.pem").write_bytes(PEM)
    return tmp_path


FILE = 'key-file "k.pem"'


def test_a_good_token(pem: Path) -> None:
    """Says who it is; any of the audiences and any order will do, once more from memory."""
    token = _token()
    listed = _token(aud=["x", "shop"], sub="bob")
    assert _ask(pem, FILE, token, token, listed, _token(exp=time.time() + 9.5)) == [
        "ann",
        "ann",
        "bob",
        "ann",
    ]


BAD = [
    ({"exp": -40}, "expired"),
    ({"exp": -20}, "ann"),
    ({"nbf": 40}, "not good yet"),
    ({"nbf": 20}, "ann"),
    ({"iat": 100}, "not good yet"),
    ({"iss": "https://id.test/"}, "of another issuer"),
    ({"aud": "order"}, "for another audience"),
    ({"aud": []}, "without `exp`, `iss` or `aud`"),
    ({"exp": None}, "without `exp`, `iss` or `aud`"),
    ({"iss": None}, "without `exp`, `iss` or `aud`"),
    ({"aud": None}, "without `exp`, `iss` or `aud`"),
    ({"sub": None}, "without the claim `sub`"),
    ({"sub": "a\r\nx-admin: 1"}, "without the claim `sub`"),
    ({"exp": "soon"}, "not a token"),
    ({"exp": 1e400}, "not a token"),
    ({"exp": [1]}, "not a token"),
]
"""Whole numbers count from now on."""


@pytest.mark.parametrize(("claims", "expected"), BAD)
def test_claims(pem: Path, claims: dict[str, Any], expected: str) -> None:
    """`exp`, `iss` and `aud` have to be there and hold, with the leeway of half a minute."""
    now = int(time.time())
    claims = _claims(**{name: now + each if isinstance(each, int) else each for name, each in claims.items()})

    def sign(text: bytes) -> bytes:
        return jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(text, RSA)

    assert _ask(pem, FILE, _raw({"alg": "RS256", "typ": "JWT"}, claims, sign)) == [expected]


def test_attacks(pem: Path) -> None:
    """Unsigned, the public key for a secret, a key of its own, somebody else's, cut, huge."""
    other = "signed in a way that is not among `algorithms`"
    good = _token()
    head, body, signature = good.split(".")
    own = _jwk(OTHER)
    tokens = {
        _raw({"alg": "none"}, _claims(), lambda _: b""): other,
        _raw({"alg": "None"}, _claims(), lambda _: b""): other,
        _raw({"alg": "nOnE"}, _claims(), _hs(b"")): other,
        _raw({"alg": "HS256"}, _claims(), _hs(PEM)): other,
        _raw({"alg": "HS256"}, _claims(), _hs(PEM.strip())): other,
        _raw({"alg": ["RS256"]}, _claims(), _hs(PEM)): other,
        _raw({"typ": "JWT"}, _claims(), _hs(PEM)): other,
        _token(OTHER): "signed by somebody else",
        _token(OTHER, head={"jwk": own}): "signed by somebody else",
        _token(OTHER, head={"jku": "http://127.0.0.1:1/"}): "signed by somebody else",
        _token(
            OTHER, head={"x5u": "http://127.0.0.1:1/", "kid": "../../dev/null"}
        ): "signed by somebody else",
        _token(OTHER, head={"kid": "' OR 1=1 --"}): "signed by somebody else",
        _raw({"alg": "RS256", "kid": 7}, _claims(), _hs(b"x")): "not a token",
        _raw({"alg": "RS256", "crit": ["exp"]}, _claims(), _hs(b"x")): "not a token",
        _raw({"alg": "RS256", "b64": False}, _claims(), _hs(b"x")): "not a token",
        f"{head}.{body}.": "signed by somebody else",
        f"{head}.{body}": "not a token",
        f"{head}.{body}.{signature}.x": "not a token",
        f"{head}.{body[:-4]}.{signature}": "signed by somebody else",
        "": "not a token",
        "a.b.c": "not a token",
        "\xff.\xff.\xff": "not a token",
        "x" * 9000: "too long",
        _raw({"alg": "RS256"}, {"a": "x" * 9000}, _hs(b"")): "too long",
        base64.urlsafe_b64encode(b"[" * 3000).decode() + ".e30.e30": "not a token",
    }
    assert _ask(pem, FILE, *tokens) == list(tokens.values())


def test_kinds_of_keys(tmp_path: Path) -> None:
    """Each algorithm goes with its own kind of key, and with no other."""
    (tmp_path / "set").write_bytes(
        _set(_jwk(RSA, "r"), _jwk(EC, "e"), _jwk(ED, "d"), {"kty": "oct", "k": "AAAA"})
    )
    words = 'key-file "set"; algorithms "RS256" "PS256" "ES256" "ES384" "EdDSA"'
    assert _ask(
        tmp_path,
        words,
        _token(head={"kid": "r"}),
        _token(algorithm="PS256", head={"kid": "r"}),
        _token(EC, "ES256", {"kid": "e"}),
        _token(ED, "EdDSA", {"kid": "d"}),
        _token(EC, "ES256"),
        _token(EC, "ES256", {"kid": "r"}),
        _token(RSA, "RS512", {"kid": "r"}),
        _raw({"alg": "ES384", "kid": "e"}, _claims(), _hs(b"")),
    ) == [
        *("ann", "ann", "ann", "ann", "ann"),
        "signed with a key that is not known",
        "signed in a way that is not among `algorithms`",
        "signed with a key that is not known",
    ]


def test_a_secret(tmp_path: Path) -> None:
    """Shared with the issuer; too short a one refuses the table."""
    words = 'secret "${env:SECRET}"'
    good = _token(SECRET, "HS256")
    found = _ask(tmp_path, words, good, _token(SECRET + "x", "HS256"), _token(RSA), SECRET=SECRET)
    assert found == ["ann", "signed by somebody else", "signed in a way that is not among `algorithms`"]
    with pytest.raises(FilterFaulty, match="too short for HS256") as failed:
        _ask(tmp_path, words, SECRET="canary")
    assert "canary" not in str(failed.value)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    """A file without a key, with a small one, or with one that no algorithm is for."""
    small = rsa.generate_private_key(65537, 1024).public_key()
    for content, why in [
        (b"x", "holds no public key or certificate"),
        (small.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "less than 2048 bits"),
        (b'{"keys":[]}', "has no key"),
        (b'{"keys":1}', "is no set"),
        (b"{", "is not JSON"),
        (_set(_jwk(ED)), "has no key for RS256, ES256"),
        (_set(_jwk(RSA, use="enc")), "has no key"),
    ]:
        (tmp_path / "k.pem").write_bytes(content)
        with pytest.raises(FilterFaulty, match=why):
            _ask(tmp_path, FILE)


def test_what_is_allowed(pem: Path) -> None:
    """Claims that are asked for: one of several values, in a list or between blanks; else 403."""
    words = (
        f'{FILE}; require "scope" "read" "write"; require "groups" "staff"; require "tenant"; name "email"'
    )
    common: dict[str, Any] = {"email": "a@b", "tenant": 7}
    missing = [f"the claim `{name}` is missing or another" for name in ("scope", "groups", "tenant")]
    assert _ask(
        pem,
        words,
        _token(scope="x write", groups=["staff"], **common),
        _token(scope=["read"], groups="staff", **common),
        _token(scope="reader", groups="staff", **common),
        _token(scope="read", groups=["staffer"], **common),
        _token(scope="read", groups="staff", email="a@b"),
        _token(scope="read", groups="staff", tenant=7),
    ) == ["a@b", "a@b", *missing, "without the claim `email`"]


def test_claims_as_fields(pem: Path) -> None:
    """For the upstream and for header rules; what would break a field is left out."""
    words = f'{FILE}; header "X-Tenant" "tenant"; header "x-roles" "roles"; '
    words += 'header "x-bad" "bad"; header "x-no" "no"'
    context = _bearer(_token(tenant="zoë", roles=["a", "b"], bad="x\ny", flag=True, more={"a": 1}))
    assert _ask(pem, words, context) == ["ann"]
    assert context.set_fields == [("x-tenant", "zoë".encode().decode("latin-1")), ("x-roles", "a,b")]
    assert context.removed == {"authorization", "x-tenant", "x-roles", "x-bad", "x-no"}
    assert context.identity is not None
    variables = context.identity.variables()
    assert (variables["identity.claim.flag"], variables["identity.claim.more"]) == ("true", '{"a":1}')
    assert "identity.claim.bad" not in variables


def test_where_tokens_stand(pem: Path) -> None:
    """In `authorization`, a cookie or a parameter; what was accepted goes no further unless that is said."""
    token = _token()
    contexts = [request({"cookie": f"s={token}"}), request(query=f"t={token}&a=1")]
    assert _ask(pem, f'{FILE}; cookie "s"; query "t"', *contexts) == ["ann", "ann"]
    assert (contexts[1].head.query, contexts[1].record.query) == ("a=1", "t=***&a=1")
    kept = _bearer(token)
    assert _ask(pem, f"{FILE}; forward #true", kept, request({"authorization": "Basic x"})) == [
        "ann",
        "no credentials",
    ]
    assert kept.removed == set()


class Issuer:
    """A server of keys. `answer` is what it says, `asked` how often; `gate` holds answers back."""

    def __init__(self) -> None:
        self.answer = _set(_jwk(RSA, "r"))
        self.status = 200
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request a connection."""
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            await self.gate.wait()
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n" % (self.status, len(self.answer)))
            writer.write(self.answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()


@asynccontextmanager
async def _issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    server = await asyncio.start_server(issuer.serve, "127.0.0.1", 0)
    issuer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
    try:
        yield issuer
    finally:
        issuer.gate.set()
        server.close()


async def _of(worker: Worker, issuer: Issuer, more: str = "") -> Asked:
    words = f'authenticate {{ jwt {{ {WHO}; jwks-url "{issuer.url}"; {more} }} }}'
    return await worker.made(settings_of(words))


def test_keys_of_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetched once for all; a new key is found by its name; made-up names do not make the gateway fetch."""
    now = [1000.0]
    monkeypatch.setattr(auth_keys, "monotonic", lambda: now[0])

    async def talk() -> None:
        worker = Worker(tmp_path)
        async with _issuer() as issuer:
            asked = await _of(worker, issuer)
            for context in (_bearer(_token(head={"kid": "r"})), _bearer(_token())):
                assert _said(await asked.ask(context), context) == "ann"
            fetched = issuer.asked
            assert fetched == 1
            made_up = [_bearer(_token(OTHER, head={"kid": f"x{number}"})) for number in range(20)]
            now[0] += 11
            found = await asyncio.gather(*(asked.ask(each) for each in made_up))
            assert set(map(_refused, found)) == {"bad-credentials"}
            assert issuer.asked == fetched + 1
            issuer.answer = _set(_jwk(RSA, "r"), _jwk(OTHER, "o"))
            new = _bearer(_token(OTHER, head={"kid": "o"}))
            assert _refused(await asked.ask(new)) == "bad-credentials"
            now[0] += 11
            assert _said(await asked.ask(new), new) == "ann"
            assert issuer.asked == fetched + 2
            # another table with the same issuer has its keys at once
            again = await _of(worker, issuer, 'header "x-a" "sub"')
            context = _bearer(_token(OTHER, head={"kid": "o"}))
            assert _said(await again.ask(context), context) == "ann"
            assert issuer.asked == fetched + 2
            worker.over()

    run(talk)


@pytest.mark.parametrize(
    ("status", "answer", "why"),
    [
        (500, b"", "answers 500"),
        (302, b"", "answers 302"),
        (200, b"x", "is not JSON"),
        (200, b"[" * 100_000, "is not JSON"),
        (200, b'{"keys":[]}', "has no key that signatures can be verified with"),
        (200, b" " * 300_000, "is longer than 262144 bytes"),
    ],
)
def test_the_last_good_keys_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, answer: bytes, why: str
) -> None:
    """Whatever the issuer answers later; it is told."""

    async def talk() -> None:
        worker = Worker(tmp_path)
        async with _issuer() as issuer:
            asked = await _of(worker, issuer)
            issuer.status, issuer.answer = status, answer
            monkeypatch.setattr(auth_keys, "LEAST_BETWEEN_S", 0)
            unknown = _bearer(_token(head={"kid": "new"}))
            assert _refused(await asked.ask(unknown)) == "bad-credentials"
            context = _bearer(_token(head={"kid": "r"}))
            assert _said(await asked.ask(context), context) == "ann"
            assert worker.told.events[-1][0] == "keys-not-fetched"
            assert worker.told.events[-1][1]["what"] == why
            worker.over()

    run(talk)


def test_an_issuer_that_is_down_or_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway starts without keys and refuses tokens with 503 until it has them."""
    monkeypatch.setattr(auth_keys, "FIRST_S", 0.05)
    monkeypatch.setattr(auth_keys, "FETCH_S", 0.1)
    monkeypatch.setattr(auth_keys, "RETRY_S", 0.05)

    async def talk() -> None:
        worker = Worker(tmp_path)
        async with _issuer() as issuer:
            issuer.gate.clear()
            asked = await _of(worker, issuer)
            context = _bearer(_token())
            assert _refused(await asked.ask(context)) == "auth-unavailable"
            issuer.gate.set()
            for _ in range(200):
                if await asked.ask(context) is None:
                    break
                await asyncio.sleep(0.02)
            assert _said(await asked.ask(context), context) == "ann"
            assert "takes longer than 0.1 s" in str(worker.told.events)
            worker.over()

    run(talk)


def test_keys_are_fetched_again(tmp_path: Path) -> None:
    """By themselves, every `refresh`: a key that the issuer withdrew is not believed any longer."""

    async def talk() -> None:
        worker = Worker(tmp_path)
        async with _issuer() as issuer:
            asked = await _of(worker, issuer, 'refresh "50ms"')
            context = _bearer(_token())
            assert await asked.ask(context) is None
            issuer.answer = _set(_jwk(OTHER, "o"))
            for _ in range(200):
                if await asked.ask(context) is not None:
                    break
                await asyncio.sleep(0.02)
            assert _said(await asked.ask(context), context) == "signed by somebody else"
            worker.over()

    run(talk)


@pytest.mark.parametrize(
    ("words", "code", "at"),
    [
        ('jwks-url "https://a/"; algorithms "RS256" "HS256"', "GWC366", "HS256"),
        ('secret "${env:S}"; algorithms "HS256" "RS256"', "GWC366", "RS256"),
        ('jwks-url "https://a/"; algorithms "none"', "GWC212", "none"),
        ('jwks-url "https://a/"; secret "${env:S}"', "GWC367", "secret"),
        ('secret "short"', "GWC370", "short"),
        ('secret "${env:S"', "GWC231", "${"),
        ('jwks-url "ftp://a/"', "GWC237", "ftp"),
        ('jwks-url "https://a/"; leeway "-1s"', "GWC235", "-1s"),
    ],
)
def test_bad_values_are_refused(words: str, code: str, at: str) -> None:
    """With the smallest span."""
    text = f'routes {{ route "r" {{ respond; authenticate {{ jwt {{ {WHO}; {words} }} }} }} }}'
    found = [each for each in compile_text(text, "kdl").diagnostics if each.severity.name == "ERROR"]
    assert [each.code for each in found] == [code]
    assert [text[each.span.start : each.span.end].strip('"') for each in found if each.span] == [at]


def test_issuer_and_audience_have_to_be_said() -> None:
    """And where the keys are."""
    for words in ('issuer "a"; key-file "k"', 'audience "a"; key-file "k"', WHO):
        text = f'routes {{ route "r" {{ respond; authenticate {{ jwt {{ {words} }} }} }} }}'
        assert compile_text(text, "kdl").table is None
