"""`authenticate` with keys and passwords: who is let in, as whom, and what is left of the credential."""

from __future__ import annotations

import base64
import hashlib
import hmac
from pathlib import Path
from typing import Any

import argon2
import bcrypt
import pytest
from gwc.compiler.pipeline import compile_text
from gwc.runtime.filter import FilterContext, FilterFaulty, Refuse
from gwc.runtime.filters import auth_api_key, auth_basic
from gwc.runtime.secrets import SecretsMissing

from .asking import Worker, request, run, settings_of

CANARY = "canary-7f3a"


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _basic(name: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def _ask(root: Path, words: str, *contexts: FilterContext, **environment: str) -> list[str]:
    """For each request the reason of the refusal, or who it is from."""

    async def talk() -> list[str]:
        worker = Worker(root, environment)
        asked = await worker.made(settings_of(f"authenticate {{ {words} }}"))
        found = []
        for context in contexts:
            said = await asked.ask(context)
            if said is None:
                assert context.identity is not None
                assert context.record.identity == context.identity.name
                found.append(f"{context.identity.kind} {context.identity.name}")
            else:
                assert isinstance(said, Refuse)
                assert CANARY not in repr(said)
                found.append(said.reason)
        worker.over()
        return found

    found: list[str] = run(talk)
    return found


def test_keys_of_the_configuration_and_of_a_file(tmp_path: Path) -> None:
    """A key lets in by its hash alone; comments, CR LF and capitals in files do not matter."""
    (tmp_path / "keys").write_text(
        f"# ours\r\n\r\nfile:{_hash('two').upper()}\r\nnaïve:sha256:{_hash('three')}"
    )
    words = f'api-key file="keys" {{ key "own" "sha256:{_hash("one")}"; key "env" "${{env:HASH}}" }}'
    contexts = [request({"x-api-key": each}) for each in ("one", "two", "three", "four", "five", "")]
    found = _ask(tmp_path, words, *contexts, request(), HASH=f"sha256:{_hash('four')}")
    assert found[:2] == ["api-key own", "api-key file"]
    assert found[2] == "api-key " + "naïve".encode().decode("latin-1")
    assert found[3:] == ["api-key env", "bad-credentials", "bad-credentials", "no-credentials"]


def test_where_keys_stand(tmp_path: Path) -> None:
    """In a field, a parameter or a cookie; `authorization` has a scheme before it."""
    key = f'{{ key "k" "sha256:{_hash("a b")}" }}'
    assert _ask(
        tmp_path,
        f'api-key query="q" cookie="c" header="authorization" {key}',
        request(query="x=1&q=a+b"),
        request(query="q=a%20b&q=c"),
        request(query="q=c&q=a+b"),
        request({"cookie": "x=1; c=a b"}),
        request({"authorization": "bearer a b"}),
        request({"authorization": "ApiKey  a b"}),
        request({"authorization": "Basic a b"}),
        request({"authorization": "a b"}),
        request({"x-api-key": "a b"}),
    ) == [
        *("api-key k", "api-key k", "bad-credentials", "api-key k", "api-key k", "api-key k"),
        *("no-credentials", "no-credentials", "no-credentials"),
    ]


def test_the_upstream_does_not_see_an_accepted_key(tmp_path: Path) -> None:
    """It is taken out of field, query or cookie, everything else stays; `forward` leaves it."""
    key = f'{{ key "k" "sha256:{_hash(CANARY)}" }}'

    def asked(place: str, context: FilterContext, more: str = "") -> FilterContext:
        assert _ask(tmp_path, f"api-key {place} {key[:-1]}; {more} }}", context) == ["api-key k"]
        assert CANARY not in (context.record.query or "")
        return context

    assert asked('header="x-k"', request({"x-k": CANARY})).removed == {"x-k"}
    query = asked('query="q"', request(query=f"a=1&q={CANARY}&%71=x&b"))
    assert (query.head.query, query.record.query) == ("a=1&b", "a=1&q=***&%71=***&b")
    assert asked('query="q"', request(query=f"q={CANARY}")).head.query is None
    cookie = asked('cookie="c"', request({"cookie": f"a=1; c={CANARY}; b=2"}))
    assert (cookie.removed, cookie.set_fields) == ({"cookie"}, [("cookie", "a=1; b=2")])
    kept = asked('query="q"', request(query=f"q={CANARY}"), "forward #true")
    assert (kept.head.query, kept.removed, kept.record.query) == (f"q={CANARY}", set(), "q=***")


def test_hashes_are_compared_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By what the standard library has for it."""
    compared: list[tuple[Any, Any]] = []

    def watched(one: Any, other: Any) -> bool:
        compared.append((one, other))
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(auth_api_key, "compare_digest", watched)
    words = f'api-key {{ key "k" "sha256:{_hash("one")}" }}'
    assert _ask(tmp_path, words, request({"x-api-key": "one"})) == ["api-key k"]
    assert [len(each) for pair in compared for each in pair] == [32, 32]


def test_passwords(tmp_path: Path) -> None:
    """Of bcrypt and argon2; names and passwords are compared as bytes, the first line of a name counts."""
    hashed = bcrypt.hashpw(b"open", bcrypt.gensalt(4)).decode()
    other = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("sésame")
    (tmp_path / "users").write_text(f"# people\nann:{hashed}\nbob:{other}\nann:{other}\n", "utf-8")
    long = "x" * 2000
    assert _ask(
        tmp_path,
        'basic file="users"',
        *(request(_basic(*each)) for each in (("ann", "open"), ("bob", "sésame"), ("ann", "sésame"))),
        *(
            request(_basic(*each))
            for each in (("ann", "open"), ("ann", "Open"), ("eve", "open"), ("ann", ""))
        ),
        *(request(_basic(*each)) for each in (("ann", "open\0x"), ("ann", long), ("", "open"))),
        request({"authorization": "Basic %%%"}),
        request({"authorization": "Basic YW5u"}),
        request({"authorization": "Bearer YW5u"}),
    ) == [
        *("basic ann", "basic bob", "bad-credentials", "basic ann"),
        *("bad-credentials",) * 8,
        "no-credentials",
    ]


def test_a_right_password_is_known_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash is worked out once, then again when the time is over, or each time where that is said."""
    (tmp_path / "users").write_bytes(b"ann:" + bcrypt.hashpw(b"open", bcrypt.gensalt(4)))
    worked: list[bytes] = []
    fits = auth_basic._fits

    def counted(password: bytes, hashed: bytes) -> bool:
        worked.append(password)
        return fits(password, hashed)

    monkeypatch.setattr(auth_basic, "_fits", counted)
    now = [100.0]
    monkeypatch.setattr(auth_basic, "monotonic", lambda: now[0])

    class Later(dict[str, str]):
        """Fields that are looked at when a minute more has passed."""

        def get(self, key: str, default: Any = None) -> Any:
            now[0] += 61
            return super().get(key, default)

    right = [request(_basic("ann", "open")) for _ in range(3)]
    late = request(_basic("ann", "open"))
    object.__setattr__(late.head, "headers", Later(_basic("ann", "open")))
    assert set(_ask(tmp_path, 'basic file="users"', *right, late)) == {"basic ann"}
    assert worked == [b"open", b"open"]
    worked.clear()
    again = [request(_basic("ann", "open")) for _ in range(3)]
    assert set(_ask(tmp_path, 'basic file="users" cache="off"', *again)) == {"basic ann"}
    assert len(worked) == 3


def test_a_flood_of_passwords_is_turned_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the thread is bounded."""
    monkeypatch.setattr(auth_basic, "MOST_WAITING", 0)
    (tmp_path / "users").write_bytes(b"ann:" + bcrypt.hashpw(b"open", bcrypt.gensalt(4)))
    assert _ask(tmp_path, 'basic file="users"', request(_basic("ann", "open"))) == ["auth-unavailable"]


def test_any_way_may_hold(tmp_path: Path) -> None:
    """A bad key beside a good password does no harm; where none holds, bad counts before none."""
    (tmp_path / "users").write_bytes(b"ann:" + bcrypt.hashpw(b"open", bcrypt.gensalt(4)))
    words = f'basic file="users"; api-key {{ key "k" "{_hash("one")}" }}'
    words += f'; api-key header="y" {{ key "l" "{_hash("two")}" }}'
    ann = _basic("ann", "open")
    assert _ask(
        tmp_path,
        words,
        request({"x-api-key": "no", **ann}),
        request({"x-api-key": "one", **ann}),
        request({"x-api-key": "no", "y": "two"}),
        request({"x-api-key": "no"}),
        request(),
    ) == ["basic ann", "api-key k", "api-key l", "bad-credentials", "no-credentials"]


def test_a_refusal_says_what_is_asked_for(tmp_path: Path) -> None:
    """A challenge for each way, with the realm."""
    (tmp_path / "users").write_text("")
    words = f'basic file="users"; realm "a \\"b\\""; api-key {{ key "k" "{_hash("one")}" }}'

    async def talk() -> Any:
        worker = Worker(tmp_path)
        said = await (await worker.made(settings_of(f"authenticate {{ {words} }}"))).ask(request())
        worker.over()
        return said

    assert run(talk).fields == (
        ("www-authenticate", 'ApiKey realm="a \\"b\\""'),
        ("www-authenticate", 'Basic realm="a \\"b\\"", charset="UTF-8"'),
    )


def test_the_name_in_a_field(tmp_path: Path) -> None:
    """The upstream gets it; a client's own field is taken out whether or not there is one."""
    words = f'identity-header "X-User"; api-key {{ key "zoë" "{_hash("one")}" }}'
    context = request({"x-api-key": "one", "x-user": "root"})
    assert _ask(tmp_path, words, context) == ["api-key zoë".encode().decode("latin-1")]
    assert context.removed == {"x-api-key", "x-user"}
    assert context.set_fields == [("x-user", "zoë".encode().decode("latin-1"))]
    assert "x-user" not in context.head.headers
    assert context.head.fields == (("x-api-key", "one"),)


@pytest.mark.parametrize(
    ("content", "words", "why"),
    [
        ("ann:$apr1$x$y\n", "basic", "line 1 of file `f` has no hash of bcrypt or argon2"),
        ("\nann\n", "basic", "line 2 of file `f` is not `name:hash`"),
        ("ann:12\n", "api-key", "line 1 of file `f` is not `sha256:` and 64 hexadecimal digits"),
        (f"{'0' * 64}\n", "api-key", "line 1 of file `f` is not `name:hash`"),
        (None, "api-key", "file `f` does not exist"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, content: str | None, words: str, why: str) -> None:
    """The table is refused, with the line and without what stands in it."""
    if content is not None:
        (tmp_path / "f").write_text(content)
    with pytest.raises(FilterFaulty, match=why) as failed:
        _ask(tmp_path, f'{words} file="f"')
    assert "apr1" not in failed.value.reason


def test_a_hash_that_is_missing(tmp_path: Path) -> None:
    """A reference that cannot be used is a fault like any other."""
    with pytest.raises(SecretsMissing):
        _ask(tmp_path, 'api-key { key "k" "${env:GONE}" }')
    with pytest.raises(FilterFaulty, match="the key of `k` is not"):
        _ask(tmp_path, 'api-key { key "k" "${env:KEY}" }', KEY=CANARY)


CLOSING = """
listeners {
    listener "a" { address "127.0.0.1:1" }
    listener "b" { address "127.0.0.1:2" }
    listener "c" { address "127.0.0.1:3"; host "c.test" }
}
routes {
    route "asks" { matches { path "/asks"; listener "a"; host "a.test" }
        authenticate { api-key file="k"; identity-header "x-user" }; respond }
    route "silent" { respond }
    route "public" { matches { path "/public" }; authenticate "public"; respond }
    route "only-b" { matches { path "/b"; listener "b" }; respond }
    route "for-c" { matches { path "/c"; host "c.test" }; authenticate { basic file="u" }; respond }
}
"""


def _policies(text: str) -> dict[str, Any]:
    table = compile_text(text, "kdl").table
    assert table is not None
    return {each.name: table.settings_of_routes[each.settings].authentication for each in table.routes}


def test_denied_by_default() -> None:
    """A listener of which one route asks is closed on the routes that say nothing; others are not."""
    found = _policies(CLOSING)
    assert {name: (each.closed, each.public) for name, each in found.items()} == {
        "asks": ((), False),
        "silent": (("a", "b", "c"), False),
        "public": ((), True),
        "only-b": (("b",), False),
        "for-c": ((), False),
    }
    assert {each.strips for each in found.values()} == {("x-user",)}
    narrower = CLOSING.replace('path "/c"; host "c.test"', 'path "/c"; host "c.test"; listener "c"')
    assert _policies(narrower)["silent"].closed == ("a", "c")
    assert _policies(narrower)["only-b"].closed == ()
    codes = [each.code for each in compile_text(CLOSING, "kdl").diagnostics]
    assert codes.count("GWC450") == 2


def test_nobody_asks_nobody_is_closed() -> None:
    """A configuration without `authenticate` has nothing of it."""
    assert set(_policies('routes { route "a" { respond } }').values()) == {None}
    public = 'route "b" { matches { path "/b" }; authenticate "public"; respond }'
    only_public = f'routes {{ route "a" {{ respond }}; {public} }}'
    assert _policies(only_public)["a"] is None


def test_closed_on_its_listeners(tmp_path: Path) -> None:
    """On others the route is served."""

    async def talk() -> list[Any]:
        table = compile_text(CLOSING, "kdl").table
        assert table is not None
        worker = Worker(tmp_path)
        asked = await worker.made(table.settings_of_routes[table.routes[3].settings])
        said = [await asked.ask(request(listener=name)) for name in ("a", "b")]
        worker.over()
        return said

    first, second = run(talk)
    assert first is None
    assert second.reason == "route-closed"


@pytest.mark.parametrize(
    ("words", "code", "at"),
    [
        ('authenticate "public" { basic file="u" }', "GWC365", "basic"),
        ('authenticate { realm "x" }', "GWC365", "realm"),
        ("authenticate { api-key forward=#true }", "GWC368", "api-key forward=#true"),
        ('authenticate { api-key { key "a" "secret" } }', "GWC369", "secret"),
        ('authenticate { basic file="u" cache="5" }', "GWC235", "5"),
        ("authenticate", "GWC2", "authenticate"),
        ('authenticate { basic file="" }', "GWC2", ""),
        ('authenticate { identity-header "x y"; basic file="u" }', "GWC230", " "),
        ('authenticate { apikey file="u" }', "GWC2", "apikey"),
        ('authenticate { forward-auth "/verify" }', "GWC237", "/verify"),
        ('authenticate { forward-auth "http://a/" on-failure="open" }', "GWC212", "open"),
        ('authenticate { client-certificate { name "cn" } }', "GWC212", "cn"),
        ('authenticate { identity-header "Host"; basic file="u" }', "GWC328", "Host"),
        ('authenticate { forward-auth "http://a/" { response-headers "x" "te" } }', "GWC328", "te"),
    ],
)
def test_bad_values_are_refused(words: str, code: str, at: str) -> None:
    """With the smallest span."""
    text = f'routes {{ route "r" {{ respond; {words} }} }}'
    found = [each for each in compile_text(text, "kdl").diagnostics if each.severity.name == "ERROR"]
    assert [each.code[: len(code)] for each in found] == [code]
    assert [text[each.span.start : each.span.end].strip('"') for each in found if each.span] == [at]
